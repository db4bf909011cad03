// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_visit.hpp"

#include "deployment.hpp"
#include "node_errors.hpp"

#include <priority_redlock/detail/strand_for.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace priority_redlock::detail::redis {

namespace asio = boost::asio;

node_visit::node_visit(const redis_deployment& where)
    : strand_(detail::make_strand(where.executor)), names_(names_of(where.nodes)), client_(names_, where.options, 0),
      texts_(make_script_texts(client_)), failed_(where.nodes.size()), run_ids_(where.nodes.size())
{
    check_deployment(where.nodes, where.options);
    for (std::size_t i = 0; i < where.nodes.size(); ++i)
        links_.push_back(std::make_unique<node_link>(i, strand_, where.nodes[i], client_, texts_, *this));
}

void node_visit::start()
{
    asio::post(strand_, [self = shared_from_this()] {
        self->on_start();
        for (const auto& each : self->links_)
            if (!self->ended_)
                each->start();
    });
}

void node_visit::cancel(asio::cancellation_type_t type)
{
    asio::post(strand_, [self = shared_from_this(), type] {
        if (!self->ended_)
            self->on_cancel(type);
    });
}

void node_visit::ask(call c)
{
    links_[c.node]->add(std::move(c));
    if (std::exchange(flushing_, true))
        return;
    asio::post(strand_, [self = shared_from_this()] {
        self->flushing_ = false;
        for (const auto& each : self->links_)
            each->flush();
    });
}

/// Not at once: it may be a link that tells why.
void node_visit::end()
{
    ended_ = true;
    asio::post(strand_, [self = shared_from_this()] {
        for (const auto& each : self->links_)
            each->stop();
    });
}

void node_visit::on_up(std::size_t node, std::string run_id)
{
    if (ended_ || failed_[node])
        return;
    if (const auto same = std::find(run_ids_.begin(), run_ids_.end(), run_id); same != run_ids_.end()) {
        fail(node, "is the same server as " + names_[static_cast<std::size_t>(same - run_ids_.begin())]
                       + ": name every server once");
        return;
    }
    run_ids_[node] = run_id;
    client_.on_up(node, std::move(run_id), {});
    static_cast<void>(client_.take_actions()); // those of a client
    on_node(node);
}

void node_visit::on_answer(call c, answer a) noexcept
{
    if (a.what != answer::verdict::lost) // of which more is said
        arrivals_.emplace_back(std::move(c), std::move(a));
}

void node_visit::on_arrival()
{
    for (const auto& [c, a] : std::exchange(arrivals_, {})) {
        if (ended_ || failed_[c.node])
            continue;
        if (a.what == answer::verdict::failed) {
            const known_error* const known = find_known_error(a.text);
            fail(c.node, std::string(known ? known->cure : "answers with an error") + " (" + a.text + ')');
        } else {
            on_reply(c, a);
        }
    }
}

/// No other try is made.
void node_visit::fail(std::size_t node, const std::string& why)
{
    if (ended_ || failed_[node])
        return;
    failed_[node] = true;
    asio::post(strand_, [self = shared_from_this(), node] { self->links_[node]->stop(); });
    on_failure(node, why);
}

} // namespace priority_redlock::detail::redis
