// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_CLIENTS_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_CLIENTS_HPP

#include "common/print.hpp"
#include "redis/support/history.hpp"
#include "redis/support/redis_server.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/logging.hpp>
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

namespace asio = boost::asio;
namespace redlock = priority_redlock;

using redlock::acquire_options;
using redlock::errc;
using redlock::error_code;
using redlock::lock;
using redlock::lock_manager;
using redlock::lock_state;
using redlock::redis_options;
using redlock::redis_protocol;
using namespace std::chrono_literals;

using time_point = redlock::clock::time_point;
using node_configs = std::vector<boost::redis::config>;

/// Options with which a node that was restarted is soon back.
[[nodiscard]] inline redis_options quick_options()
{
    redis_options result;
    result.lease = 1s;
    result.max_ttl = 1500ms;
    result.clock_skew = 500ms;
    result.quorum_timeout = 1s;
    return result;
}

/// Sets up new nodes, as an operator does.
inline void provision(const node_configs& nodes, const redis_options& options = quick_options())
{
    asio::io_context io(1);
    auto done = redlock::async_provision(io.get_executor(), nodes, options, asio::use_future);
    io.run();
    done.get();
}

/// Nodes of a deployment that has been set up.
class voting_nodes : public redis_nodes
{
public:
    explicit voting_nodes(std::size_t count, const redis_server_options& servers = {},
                          const redis_options& options = quick_options())
        : redis_nodes(count, servers)
    {
        provision(configs(), options);
    }
};

/// Runs the context until something is so; false if it is not in time.
template <std::predicate Condition>
[[nodiscard]] bool run_until(asio::io_context& io, Condition holds, redlock::duration limit = 10s)
{
    for (const auto deadline = redlock::clock::now() + limit; !holds();) {
        if (redlock::clock::now() >= deadline)
            return false;
        if (io.stopped())
            io.restart();
        if (io.run_one_for(5ms) == 0) // nothing to do, or nothing yet
            std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// The same for what other threads and processes do.
template <std::predicate Condition>
[[nodiscard]] bool eventually(Condition holds, redlock::duration limit = 10s)
{
    for (const auto deadline = redlock::clock::now() + limit; !holds();) {
        if (redlock::clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

/// An acquire and what becomes of it. Its handlers may outlive it; a lock does not.
class attempt
{
public:
    [[nodiscard]] bool done() const noexcept { return state_->ec.has_value(); }
    [[nodiscard]] bool granted() const noexcept { return done() && !*state_->ec; }
    [[nodiscard]] error_code error() const { return state_->ec.value(); }
    [[nodiscard]] time_point done_at() const noexcept { return state_->done_at; }
    [[nodiscard]] redlock::lock& lock() noexcept { return state_->held; }

    /// For a handler that may outlive the attempt.
    [[nodiscard]] std::weak_ptr<redlock::lock> watch() const
    {
        return std::shared_ptr<redlock::lock>(state_, &state_->held);
    }

    /// Why the lock ended, once it has: what its `async_wait` brought.
    [[nodiscard]] const std::optional<error_code>& end() const noexcept { return *end_; }

private:
    friend class client;

    struct state
    {
        std::optional<error_code> ec;
        time_point done_at;
        redlock::lock held;
    };

    std::shared_ptr<state> state_ = std::make_shared<state>();
    std::shared_ptr<std::optional<error_code>> end_ = std::make_shared<std::optional<error_code>>();
};

/// A manager with connections of its own, as another process would have it.
class client
{
public:
    client(asio::io_context& io, node_configs nodes, const redis_options& options = quick_options())
        : context(io), protocol(std::make_shared<redis_protocol>(io.get_executor(), std::move(nodes), options)),
          manager(io, protocol)
    {
    }

    /// Returns once a quorum has answered it. A waiter in a hurry needs that first, however slow the machine: before
    /// it, its timeout rightly ends with no_quorum.
    client& connected()
    {
        attempt first = acquire("connected");
        BOOST_REQUIRE(run_until(context, [&] { return first.done(); }));
        BOOST_REQUIRE(!first.error());
        return *this;
    }

    attempt acquire(std::string_view resource, const acquire_options& options = {})
    {
        attempt result;
        manager.async_acquire(
            resource, options,
            [weak = std::weak_ptr(result.state_), end = result.end_](error_code ec, redlock::lock held) {
                const auto s = weak.lock();
                if (!s)
                    return;
                s->done_at = redlock::clock::now();
                s->ec = ec;
                s->held = std::move(held);
                if (!ec)
                    s->held.async_wait([end](error_code why) { *end = why; });
            });
        return result;
    }

    asio::io_context& context;
    std::shared_ptr<redis_protocol> protocol;
    lock_manager manager;
};

/// What a holder knows of its grant.
[[nodiscard]] inline history::grant grant_of(const lock& held, std::string client)
{
    return {std::string(held.resource()), std::move(client), held.fencing_token(), redlock::clock::now(),
            held.expires_at()};
}

/// The end of a hold, which its holder is told of or is about to bring about: renewals have moved what was granted.
inline void note_end(history& of, history::id which, const lock& held)
{
    of.extended(which, held.expires_at());
    of.ended(which);
}

/// Nothing is logged while it lives: for tests that break nodes on purpose.
class quiet_log
{
public:
    quiet_log() { redlock::set_log_level(redlock::log_level::off); }
    quiet_log(const quiet_log&) = delete;
    quiet_log& operator=(const quiet_log&) = delete;
    ~quiet_log() { redlock::set_log_level(before_); }

private:
    redlock::log_level before_ = redlock::get_log_level();
};

} // namespace test

#endif
