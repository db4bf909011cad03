// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "contender.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/version.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace contention {
namespace {

using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_request;
using priority_redlock::lock_state;

constexpr auto as_result = asio::as_tuple(asio::deferred);

[[nodiscard]] lock_manager make_manager(asio::io_context& context, const scenario& s, store* where)
{
    priority_redlock::manager_options options;
    options.ageing = s.ageing;
    if (where)
        return lock_manager(context, where->connect(context.get_executor()), options);
    if (s.threads == 1)
        return lock_manager(context, priority_redlock::single_threaded, options);
    return lock_manager(context, options);
}

class library : public contender
{
public:
    library(asio::io_context& context, const scenario& s, store* where) : manager_(make_manager(context, s, where))
    {
        for (std::size_t i = 0; i < s.resources; ++i)
            resources_.push_back("resource " + std::to_string(i));
    }

private:
    auto acquire_all(client& c, const request& r)
    {
        std::vector<lock_request> parts;
        for (const std::size_t resource : r.resources)
            parts.push_back({resources_[resource], c.behaviour().options()});
        return async_acquire_all(manager_, c.locker(), std::move(parts), c.behaviour().timeout, as_result);
    }

public:
    asio::awaitable<void> visit(client& c, const request& r, asio::steady_timer& timer) override
    {
        // (A co_await in a conditional expression is one that g++ 12 miscompiles.)
        std::tuple<error_code, lock> outcome;
        if (r.resources.size() == 1)
            outcome = co_await manager_.async_acquire(resources_[r.resources.front()], c.locker(),
                                                      c.behaviour().options(), as_result);
        else
            outcome = co_await acquire_all(c, r);
        auto& [error, held] = outcome;
        if (error) {
            c.refused(error);
            co_return;
        }
        c.granted(held.expires_at());
        if (r.hold == duration::zero()) {
            co_await asio::post(asio::deferred);
        } else {
            timer.expires_after(r.hold);
            co_await timer.async_wait(held.guard(as_result));
        }
        if (held.state() != lock_state::held) {
            c.told();
            if (r.cleanup > duration::zero()) {
                timer.expires_after(r.cleanup);
                co_await timer.async_wait(asio::deferred);
            }
        }
        c.let_go(ending_of(held));
        held.release();
    }

private:
    [[nodiscard]] static ending ending_of(const lock& held) noexcept
    {
        switch (held.state()) {
        case lock_state::revoking: return ending::preempted;
        case lock_state::preempted: return ending::overrun;
        case lock_state::expired: return ending::expired;
        case lock_state::lost: return ending::lost;
        default: return ending::released;
        }
    }

    lock_manager manager_;
    std::vector<std::string> resources_;
};

} // namespace

contender_kind priority_redlock_locks(store* where)
{
    return {.name = "priority-redlock",
            .version = PRIORITY_REDLOCK_VERSION_STRING,
            .note = "",
            .make = [where](asio::io_context& context, const scenario& s) {
                return std::make_unique<library>(context, s, where);
            }};
}

} // namespace contention
