// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "admin_client.hpp"

#include "deployment.hpp"
#include "error_replies.hpp"

#include <priority_redlock/detail/strand_for.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace priority_redlock::detail::redis {

namespace asio = boost::asio;

admin_client::admin_client(const redis_deployment& where)
    : strand_(detail::make_strand(where.executor)), options_(where.options), names_(names_of(where.nodes)),
      deployment_(deployment_text(where.nodes.size(), options_)), texts_(make_script_texts(options_, deployment_)),
      failed_(where.nodes.size()), run_ids_(where.nodes.size())
{
    check_deployment(where.nodes, where.options);
    for (std::size_t i = 0; i < where.nodes.size(); ++i)
        links_.push_back(std::make_unique<node_link>(i, strand_, where.nodes[i], options_, texts_, *this));
}

void admin_client::start()
{
    asio::post(strand_, [self = shared_from_this()] {
        self->on_start();
        for (const auto& each : self->links_)
            if (!self->ended_)
                each->start();
    });
}

void admin_client::cancel(asio::cancellation_type_t type)
{
    asio::post(strand_, [self = shared_from_this(), type] {
        if (!self->ended_)
            self->on_cancel(type);
    });
}

void admin_client::ask(call c)
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
void admin_client::end()
{
    ended_ = true;
    asio::post(strand_, [self = shared_from_this()] {
        for (const auto& each : self->links_)
            each->stop();
    });
}

void admin_client::on_up(std::size_t node, std::string run_id)
{
    if (ended_ || failed_[node])
        return;
    if (const auto same = std::find(run_ids_.begin(), run_ids_.end(), run_id); same != run_ids_.end()) {
        fail(node, "is the same server as " + names_[static_cast<std::size_t>(same - run_ids_.begin())]
                       + ": name every server once");
        return;
    }
    run_ids_[node] = std::move(run_id);
    on_node(node);
}

void admin_client::on_answer(call c, answer a) noexcept
{
    if (a.what != answer::verdict::lost) // of which more is said
        arrivals_.emplace_back(std::move(c), std::move(a));
}

void admin_client::on_arrival()
{
    for (const auto& [c, a] : std::exchange(arrivals_, {})) {
        if (ended_ || failed_[c.node])
            continue;
        if (a.what == answer::verdict::failed) {
            fail(c.node, complaint_about(a.text).text);
        } else {
            on_reply(c, a);
        }
    }
}

/// No other try is made.
void admin_client::fail(std::size_t node, const std::string& why)
{
    if (ended_ || failed_[node])
        return;
    failed_[node] = true;
    asio::post(strand_, [self = shared_from_this(), node] { self->links_[node]->stop(); });
    on_failure(node, why);
}

} // namespace priority_redlock::detail::redis
