// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_OPERATIONS_EVERY_HANDLER_HPP
#define PRIORITY_REDLOCK_TEST_OPERATIONS_EVERY_HANDLER_HPP

#include "common/transactions.hpp"
#include "operations/every_operation.hpp"

#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <memory>
#include <utility>

// Every operation, those that run work included, and a handler for any of them.

namespace test {

/// The control.
struct timer_wait : world
{
    static constexpr const char* name = "steady_timer::async_wait";
    using world::world;
    error_code expected = aborted;
    void finish() { timer.cancel(); }

    template <class Token>
    auto start(Token&& token)
    {
        return timer.async_wait(std::forward<Token>(token));
    }

    asio::steady_timer timer{f.context, 1h};
};

/// Base of the operations that work under a lock, which is taken away from them.
struct preempted_work : world
{
    using world::world;
    error_code expected = errc::preempted;
    void finish()
    {
        f.manager->async_acquire("w", {.priority = 1}, [](error_code, lock) {});
    }

    asio::steady_timer timer{f.context, 1h};
};

struct operation_with_lock : preempted_work
{
    static constexpr const char* name = "async_with_lock, an operation";
    using preempted_work::preempted_work;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_with_lock(
            *f.manager, "w", {}, [this](lock&) { return timer.async_wait(asio::deferred); },
            std::forward<Token>(token));
    }
};

struct coroutine_with_lock : preempted_work
{
    static constexpr const char* name = "async_with_lock, a coroutine";
    using preempted_work::preempted_work;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_with_lock(
            *f.manager, "w", {},
            [this](lock&) -> asio::awaitable<void> { co_await timer.async_wait(asio::use_awaitable); },
            std::forward<Token>(token));
    }
};

struct run : preempted_work
{
    static constexpr const char* name = "async_run";
    using preempted_work::preempted_work;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::synchronized(*f.manager, "w", timer)
            .async_run(
                [](asio::steady_timer& t, transaction_context& context) -> asio::awaitable<void> {
                    co_await context.step(t.async_wait(asio::deferred));
                },
                redlock::reject(), std::forward<Token>(token));
    }
};

inline error_code code_of(error_code ec)
{
    return ec;
}

/// A handler for any of the signatures, which cannot be copied.
inline auto note(completion& c, std::unique_ptr<int> moved = std::make_unique<int>(1))
{
    return once([&c, moved = std::move(moved)](const auto& result, auto&&...) {
        BOOST_TEST(*moved == 1);
        c.note(code_of(result));
    });
}

/// Those that run work, and one of Asio's as the control.
template <class Check>
void for_each_that_works(Check check)
{
    for_each<timer_wait, operation_with_lock, coroutine_with_lock, run>(check);
}

template <class Check>
void for_each_of_all(Check check)
{
    for_each_that_works(check);
    for_some_operations(check);
    for_each<acquire_refused, acquire_all_refused, wait_for_ended, release_ended, guard_of_ended>(check);
}

/// Runs what is ready, on both contexts.
template <class Operation>
void settle(Operation& operation, asio::io_context& home)
{
    for (int i = 0; i < 4; ++i) {
        operation.f.poll();
        poll(home);
    }
}

} // namespace test

#endif
