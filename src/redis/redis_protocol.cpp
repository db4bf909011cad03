// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The protocol of the library over Redis: it carries out what quorum_client decides, over a node_link to each node.
//
// The session of a protocol runs on a strand. What arrives is noted by the parser and looked at in order. What is
// decided is carried out afterwards. What is to be sent leaves with the next turn of the strand: so calls of one turn
// go together.
//
// What memory cannot be had for counts as lost: an answer or a push, a call with its answer, a batch of calls with its
// connection. A request that the client could not take is answered with `no_memory`, and its manager tries again.

#include "../log_record.hpp"
#include "deployment.hpp"
#include "node_link.hpp"
#include "quorum_client.hpp"

#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/redis_protocol.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <new>
#include <random>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>

namespace priority_redlock {

using detail::redis::answer;
using detail::redis::call;
using detail::redis::complaint;
using detail::redis::link_events;
using detail::redis::make_script_texts;
using detail::redis::microseconds;
using detail::redis::moment;
using detail::redis::node_link;
using detail::redis::quorum_client;
using detail::redis::script_texts;

namespace asio = boost::asio;

// Everything of it runs on its strand.
class redis_protocol::session final : public link_events,
                                      public std::enable_shared_from_this<session>
{
    struct subscriber
    {
        std::weak_ptr<listener> sink;
        std::string channel;
    };

public:
    session(const asio::any_io_executor& ex, const std::vector<boost::redis::config>& nodes,
            const redis_options& options)
        : strand_(detail::make_strand(ex)), timer_(strand_),
          client_(detail::redis::names_of(nodes), options, std::random_device()()),
          texts_(make_script_texts(client_.options(), client_.deployment()))
    {
        for (std::size_t i = 0; i < nodes.size(); ++i)
            links_.push_back(std::make_unique<node_link>(i, strand_, nodes[i], client_.options(), texts_, *this));
    }

    template <class Function>
    void run(Function f)
    {
        asio::dispatch(strand_, [self = shared_from_this(), f = std::move(f)]() mutable {
            f(*self);
            self->carry_out();
        });
    }

    /// All that a subscription needs memory for. Made on the thread of whoever subscribes, who is told if there is
    /// none.
    struct subscription
    {
        subscription(const session& s, std::uint64_t client, std::weak_ptr<listener> sink) : channels(s.links_.size())
        {
            const std::string name = s.channel_of(client);
            for (auto& each : channels)
                each.insert(name);
            listeners.emplace(client, subscriber{std::move(sink), name});
        }

        std::map<std::uint64_t, subscriber> listeners; // the one
        std::vector<std::set<std::string>> channels;   // of each link
    };

    void subscribe(subscription s)
    {
        std::erase_if(listeners_, [this](const auto& each) {
            if (!each.second.sink.expired())
                return false;
            for (const auto& link : links_)
                link->unsubscribe(each.second.channel);
            return true;
        });
        listeners_.merge(s.listeners);
        for (std::size_t i = 0; i < links_.size(); ++i)
            links_[i]->subscribe(s.channels[i]);
    }

    /// Connects, if it is not connected.
    void wake_up()
    {
        idle_since_ = never;
        if (std::exchange(running_, true))
            return;
        for (const auto& each : links_)
            each->start();
    }

    void close()
    {
        closed_ = true;
        client_.abandon(now());
        if (client_.idle())
            stop();
    }

    void obtain(obtain_request request, handler<obtain_reply> on_reply)
    {
        error_code why = asio::error::operation_aborted;
        if (!closed_) {
            wake_up();
            try {
                client_.obtain(std::move(request), std::move(on_reply), now());
                return;
            } catch (const std::bad_alloc&) {
                why = asio::error::no_memory;
            }
        }
        std::move(on_reply)(why, obtain_reply());
    }

    void end(acquisition_id id, done_handler on_done)
    {
        try {
            client_.end(id, std::move(on_done), now());
        } catch (const std::bad_alloc&) {
            std::move(on_done)(asio::error::no_memory);
        }
    }

    [[nodiscard]] bool reachable() const noexcept { return reachable_.load(std::memory_order_relaxed); }
    [[nodiscard]] duration lease() const noexcept { return client_.options().lease; }
    [[nodiscard]] static moment now()
    {
        using namespace std::chrono;
        return {clock::now(), duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
    }

private:
    using time_point = detail::time_point;
    static constexpr time_point never = detail::never;

    struct arrival
    {
        std::size_t node = 0;
        call about;
        answer result;
        std::string push; // not empty: a push
    };

    // --- link_events ---

    void on_up(std::size_t node, std::string run_id) override
    {
        client_.on_up(node, std::move(run_id), now());
        carry_out();
    }

    void on_down(std::size_t node) override
    {
        client_.on_down(node, now());
        carry_out();
    }

    void on_complaint(std::size_t node, const complaint& what) override
    {
        client_.complain(node, what, now());
        carry_out();
    }

    void on_answer(call c, answer a) noexcept override
    {
        const auto node = c.node;
        note({node, std::move(c), std::move(a), {}});
    }

    void on_push(std::size_t node, std::string message) noexcept override { note({node, {}, {}, std::move(message)}); }

    void note(arrival a) noexcept
    {
        try {
            arrivals_.push_back(std::move(a));
        } catch (const std::bad_alloc&) {
            client_.on_shortage(now());
        }
    }

    void on_arrival() override { carry_out(); }

    std::shared_ptr<link_events> self() override { return {shared_from_this(), static_cast<link_events*>(this)}; }

    [[nodiscard]] std::string channel_of(std::uint64_t client) const
    {
        char name[17];
        std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(client));
        return client_.options().prefix + "client:" + name;
    }

    // --- actions ---

    /// Looks at what has arrived, and carries out what the client decides. Handlers that ask for more from within are
    /// served by the turn that runs.
    void carry_out()
    {
        if (std::exchange(busy_, true))
            return;
        for (;;) {
            if (!arrivals_.empty()) {
                auto arrived = std::exchange(arrivals_, {});
                const moment at = now();
                for (arrival& each : arrived) {
                    if (!each.push.empty())
                        client_.on_push(each.node, each.push, at);
                    else
                        client_.on_answer(each.about, each.result, at);
                }
            }
            auto actions = client_.take_actions();
            reachable_.store(client_.has_quorum() || !running_, std::memory_order_relaxed);
            if (actions.calls.empty() && actions.told.empty() && actions.log.empty())
                break;
            for (const detail::log_record& each : actions.log)
                detail::log(each);
            for (call& each : actions.calls) {
                const auto node = each.node;
                links_[node]->add(std::move(each));
                flush_later();
            }
            for (auto& each : actions.told)
                std::visit([this](auto& item) { tell(item); }, each);
        }
        busy_ = false;
        if (closed_ && running_ && client_.idle())
            stop();
        set_timer();
    }

    void tell(quorum_client::reply_to_obtain& r) { std::move(r.handler)(r.ec, std::move(r.reply)); }
    void tell(quorum_client::reply_to_end& r) { std::move(r.handler)(r.ec); }

    void tell(const protocol_event& e)
    {
        if (const auto it = listeners_.find(e.id.client); it != listeners_.end())
            if (const auto sink = it->second.sink.lock())
                sink->on_event(e);
    }

    void flush_later()
    {
        if (std::exchange(flushing_, true))
            return;
        try {
            asio::post(strand_, [self = shared_from_this()] { self->flush(); });
        } catch (const std::bad_alloc&) { // the timer does it
            flushing_ = false;
            client_.on_shortage(now());
        }
    }

    void flush()
    {
        flushing_ = false;
        for (const auto& each : links_)
            each->flush();
    }

    // --- time ---

    void set_timer()
    {
        time_point next = client_.next_deadline();
        if (running_ && client_.idle()) {
            if (idle_since_ == never)
                idle_since_ = clock::now();
            next = std::min(next, detail::saturating_add(idle_since_, client_.options().idle_timeout));
        } else {
            idle_since_ = never;
        }
        if (!running_ || next >= armed_at_)
            return; // it will look again when it rings
        armed_at_ = next;
        try {
            timer_.expires_at(next);
            timer_.async_wait([self = shared_from_this()](error_code cancelled) {
                if (!cancelled)
                    self->on_timer();
                else
                    self->set_timer(); // unless that was done, or could not be
            });
        } catch (const std::bad_alloc&) { // the next that is carried out tries again
            armed_at_ = never;
        }
    }

    void on_timer()
    {
        armed_at_ = never;
        const moment at = now();
        if (client_.idle() && idle_since_ != never
            && detail::saturating_add(idle_since_, client_.options().idle_timeout) <= at.steady) {
            stop();
            return;
        }
        flush();
        client_.advance(at);
        carry_out();
    }

    void stop()
    {
        running_ = false;
        idle_since_ = armed_at_ = never;
        timer_.cancel();
        for (const auto& each : links_)
            each->stop();
    }

    asio::any_io_executor strand_;
    asio::steady_timer timer_;
    quorum_client client_;
    const script_texts texts_;
    std::vector<std::unique_ptr<node_link>> links_;
    std::map<std::uint64_t, subscriber> listeners_;
    std::vector<arrival> arrivals_;
    time_point armed_at_ = never;
    time_point idle_since_ = never;
    std::atomic<bool> reachable_ = true;
    bool running_ = false;
    bool closed_ = false;
    bool busy_ = false;
    bool flushing_ = false;
};

redis_protocol::redis_protocol(const asio::any_io_executor& ex, std::vector<boost::redis::config> nodes,
                               redis_options options)
{
    detail::redis::check_deployment(nodes, options);
    session_ = std::make_shared<session>(ex, nodes, options);
    deployment_ = std::make_shared<detail::redis_deployment>(ex, std::move(nodes), std::move(options));
}

redis_protocol::~redis_protocol() = default;

void redis_protocol::close()
{
    session_->run([](session& s) { s.close(); });
}

void redis_protocol::subscribe(std::uint64_t client, std::weak_ptr<listener> sink)
{
    session_->run([added = session::subscription(*session_, client, std::move(sink))](session& s) mutable {
        s.subscribe(std::move(added));
    });
}

void redis_protocol::obtain(obtain_request request, handler<obtain_reply> on_reply)
{
    session_->run([request = std::move(request), on_reply = std::move(on_reply)](session& s) mutable {
        s.obtain(std::move(request), std::move(on_reply));
    });
}

void redis_protocol::end(acquisition_id id, done_handler on_done)
{
    session_->run([id, on_done = std::move(on_done)](session& s) mutable { s.end(id, std::move(on_done)); });
}

duration redis_protocol::lease() const noexcept
{
    return session_->lease();
}

bool redis_protocol::reachable() const noexcept
{
    return session_->reachable();
}

} // namespace priority_redlock
