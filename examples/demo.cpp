// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Plays a scenario, and shows who asks for what, who is granted it, who is told to go, and when.
//
// Each step is a coroutine that acquires the lock of its resource, holds it for a while and releases it. Its waiting is
// guarded: it ends when the lock is lost, and the locker cleans up and lets go.

#include "scenario.hpp"
#include "store.hpp"
#include "timeline.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using demo::phase;
using demo::scenario;
using demo::step;
using demo::timeline;
using priority_redlock::errc;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_state;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

[[nodiscard]] std::string text(priority_redlock::duration d)
{
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

class player
{
public:
    player(asio::io_context& context, lock_manager manager, const scenario& s, timeline& t)
        : context_(context), manager_(std::move(manager)), scenario_(s), timeline_(t), locks_(s.steps.size())
    {
    }

    void start()
    {
        timeline_.start();
        zero_ = priority_redlock::clock::now();
        for (std::size_t i = 0; i < locks_.size(); ++i) {
            co_spawn(context_, play(i), [](std::exception_ptr failure) {
                if (failure)
                    std::rethrow_exception(failure);
            });
        }
    }

    /// Whether no resource was ever granted to two lockers at a time.
    [[nodiscard]] bool exclusive() const { return exclusive_; }

private:
    asio::awaitable<void> play(std::size_t i)
    {
        const step& s = scenario_.steps[i];
        asio::steady_timer timer(context_, zero_ + s.start);
        co_await timer.async_wait();

        timeline_.tell(i, phase::waiting, "asks, priority " + std::to_string(s.priority));
        asio::post(context_, [this, i] { tell_if_waiting(i); }); // runs when the acquire has started
        auto [error, granted] = co_await manager_.async_acquire(s.resource, s.locker, s.options(), as_result);
        if (error) {
            timeline_.tell(i, phase::absent,
                           error == errc::acquire_timeout ? "gives up, timed out after " + text(s.timeout)
                                                          : "is refused: " + error.message());
            co_return;
        }
        exclusive_ = exclusive_ && !holder(i);
        lock& held = locks_[i] = std::move(granted);
        timeline_.tell(i, phase::holding, "granted, token " + std::to_string(held.fencing_token()));

        timer.expires_after(s.hold);
        co_await timer.async_wait(held.guard(as_result));

        switch (held.state()) {
        case lock_state::held: timeline_.tell(i, phase::absent, "releases"); break;
        case lock_state::expired:
            timeline_.tell(i, phase::absent, "has expired, its ttl of " + text(s.ttl) + " is over");
            break;
        default: co_await clean_up(i);
        }
        held.release();
    }

    asio::awaitable<void> clean_up(std::size_t i)
    {
        const step& s = scenario_.steps[i];
        if (s.cleanup == s.cleanup.zero()) {
            timeline_.tell(i, phase::absent, "told to go, lets go");
            co_return;
        }
        timeline_.tell(i, phase::told_to_go, "told to go, cleans up for " + text(s.cleanup));
        asio::steady_timer timer(context_, s.cleanup);
        co_await timer.async_wait();
        timeline_.tell(i, phase::absent,
                       locks_[i].state() == lock_state::revoking ? "lets go"
                                                                 : "lets go too late, it was not waited for");
    }

    void tell_if_waiting(std::size_t i)
    {
        manager_.async_snapshot([this, i](error_code, const priority_redlock::snapshot& now) {
            const step& s = scenario_.steps[i];
            for (const auto& r : now.resources) {
                const auto me = std::ranges::find(r.waiters, s.locker, &priority_redlock::waiter_snapshot::locker_id);
                const lock* const other = holder(i); // none: let go since
                if (r.resource != s.resource || me == r.waiters.end() || !other)
                    continue;
                std::string event = "waits for " + std::string(other->locker_id());
                if (const auto before = me - r.waiters.begin(); before > 0)
                    event += " and " + std::to_string(before) + " more";
                timeline_.remark(i, event);
            }
        });
    }

    /// The lock that another locker has on the resource of a step.
    [[nodiscard]] const lock* holder(std::size_t i) const
    {
        const step& s = scenario_.steps[i];
        const auto found = std::ranges::find_if(locks_, [&s](const lock& l) {
            return l.resource() == s.resource && l.locker_id() != s.locker
                   && (l.is_held() || l.state() == lock_state::revoking);
        });
        return found == locks_.end() ? nullptr : &*found;
    }

    asio::io_context& context_;
    lock_manager manager_;
    const scenario& scenario_;
    timeline& timeline_;
    priority_redlock::clock::time_point zero_;
    std::vector<lock> locks_; // by step
    bool exclusive_ = true;
};

[[nodiscard]] bool wants_colour()
{
    const char* const no_colour = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour);
}

int play(const std::string& file, const std::string& nodes)
{
    const scenario s = demo::read_scenario(file);
    timeline t(s, std::cout, wants_colour());
    asio::io_context context(1);
    player p(context, example::make_manager(context, nodes), s, t);
    p.start();
    context.run();
    t.chart();
    if (!p.exclusive())
        std::cerr << "demo: a resource was granted to two lockers at a time\n";
    return p.exclusive() ? 0 : 1;
}

} // namespace

int main(int argc, char* argv[])
{
    constexpr std::string_view usage =
        "usage: demo [--redis HOST:PORT,HOST:PORT,...] FILE\n\nPlays the scenario in FILE and shows who had what when. "
        "The locks are in memory, or on the nodes named.\n\n";
    const std::string nodes = example::take_redis_option(argc, argv);
    if (argc == 2 && (argv[1] == std::string_view("--help") || argv[1] == std::string_view("-h"))) {
        std::cout << usage << demo::describe_format();
        return 0;
    }
    if (argc != 2) {
        std::cerr << usage << demo::describe_format();
        return 2;
    }
    try {
        return play(argv[1], nodes);
    } catch (const demo::scenario_error& error) {
        std::cerr << "demo: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "demo: " << error.what() << '\n';
        return 1;
    }
}
