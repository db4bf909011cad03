// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_OPERATIONS_EVERY_OPERATION_HPP
#define PRIORITY_REDLOCK_TEST_OPERATIONS_EVERY_OPERATION_HPP

#include "common/locks.hpp"

#include <priority_redlock/acquire_all.hpp>

#include <boost/asio/steady_timer.hpp>

#include <utility>

// Every operation of the library, in a state where it completes at once and, where there is one, in a state where it
// waits. Each has `start(token)`; its signature begins with an error_code, which must be `expected`.

namespace test {

/// What the operations need: a held lock, one that has ended, and a manager, over an executor of choice.
struct world
{
    explicit world(manager_kind kind) : f(kind), held(f.get("held", "me", {.grace = 0s})), ended(f.get("ended", "me"))
    {
        ended.release();
    }

    test::locks f;
    lock held;
    lock ended;
};

/// Base of the operations that complete at once.
struct immediate_operation : world
{
    using world::world;
    error_code expected;
    void finish() {}
};

struct acquire_granted : immediate_operation
{
    static constexpr const char* name = "async_acquire, granted";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_acquire("r", "a", {}, std::forward<Token>(token));
    }
};

struct acquire_fresh : immediate_operation
{
    static constexpr const char* name = "async_acquire without a locker, granted";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_acquire("r", {.ttl = 1h}, std::forward<Token>(token));
    }
};

struct acquire_reentrant : immediate_operation
{
    static constexpr const char* name = "async_acquire, re-entrant";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_acquire("held", "me", {}, std::forward<Token>(token));
    }
};

struct acquire_preempting_at_once : immediate_operation
{
    static constexpr const char* name = "async_acquire, preempting at once";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_acquire("held", "thief", {.priority = 1}, std::forward<Token>(token));
    }
};

struct acquire_all_granted : immediate_operation
{
    static constexpr const char* name = "async_acquire_all, granted";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_acquire_all(*f.manager, "me", {{"r"}, {"held"}}, redlock::infinite,
                                          std::forward<Token>(token));
    }
};

struct acquire_all_refused : immediate_operation
{
    static constexpr const char* name = "async_acquire_all, refused";
    explicit acquire_all_refused(manager_kind kind) : immediate_operation(kind) { expected = errc::acquire_timeout; }

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_acquire_all(*f.manager, {{"a"}, {"held"}}, 0s, std::forward<Token>(token));
    }
};

struct acquire_refused : immediate_operation
{
    static constexpr const char* name = "async_acquire, refused";
    explicit acquire_refused(manager_kind kind) : immediate_operation(kind) { expected = errc::acquire_timeout; }

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_acquire("held", "other", {.timeout = 0s}, std::forward<Token>(token));
    }
};

struct wait_for_ended : immediate_operation
{
    static constexpr const char* name = "async_wait, ended";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return ended.async_wait(std::forward<Token>(token));
    }
};

struct release_held : immediate_operation
{
    static constexpr const char* name = "async_release";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return held.async_release(std::forward<Token>(token));
    }
};

struct release_ended : immediate_operation
{
    static constexpr const char* name = "async_release, not held";
    explicit release_ended(manager_kind kind) : immediate_operation(kind) { expected = errc::not_held; }

    template <class Token>
    auto start(Token&& token)
    {
        return ended.async_release(std::forward<Token>(token));
    }
};

struct extend_held : immediate_operation
{
    static constexpr const char* name = "async_extend";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return held.async_extend(1h, std::forward<Token>(token));
    }
};

struct take_snapshot : immediate_operation
{
    static constexpr const char* name = "async_snapshot";
    using immediate_operation::immediate_operation;

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_snapshot(std::forward<Token>(token));
    }
};

struct guard_of_ended : immediate_operation
{
    static constexpr const char* name = "guard, ended";
    explicit guard_of_ended(manager_kind kind) : immediate_operation(kind) { expected = aborted; }

    template <class Token>
    auto start(Token&& token)
    {
        return timer.async_wait(ended.guard(std::forward<Token>(token)));
    }

    asio::steady_timer timer{f.context, 1h};
};

struct acquire_waiting : world
{
    static constexpr const char* name = "async_acquire, waiting";
    using world::world;
    error_code expected;
    void finish() { held.release(); }

    template <class Token>
    auto start(Token&& token)
    {
        return f.manager->async_acquire("held", "other", {}, std::forward<Token>(token));
    }
};

struct acquire_all_waiting : world
{
    static constexpr const char* name = "async_acquire_all, waiting";
    using world::world;
    error_code expected;
    void finish() { held.release(); }

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_acquire_all(*f.manager, "other", {{"held"}, {"a"}}, redlock::infinite,
                                          std::forward<Token>(token));
    }
};

struct wait_for_held : world
{
    static constexpr const char* name = "async_wait";
    using world::world;
    error_code expected;
    void finish() { held.release(); }

    template <class Token>
    auto start(Token&& token)
    {
        return held.async_wait(std::forward<Token>(token));
    }
};

struct guarded_wait : world
{
    static constexpr const char* name = "guard";
    using world::world;
    error_code expected = aborted;
    void finish() { held.release(); }

    template <class Token>
    auto start(Token&& token)
    {
        return timer.async_wait(held.guard(std::forward<Token>(token)));
    }

    asio::steady_timer timer{f.context, 1h};
};

/// Calls check(operation) for a fresh one of each, over both kinds of manager.
template <class... Operations, class Check>
void for_each(Check check)
{
    const auto one = [&check]<class Operation>(std::type_identity<Operation>) {
        for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded, manager_kind::over_strand}) {
            BOOST_TEST_CONTEXT(Operation::name << (kind == manager_kind::thread_safe       ? ""
                                                   : kind == manager_kind::single_threaded ? ", single-threaded"
                                                                                           : ", over a strand"))
            {
                Operation operation(kind);
                check(operation);
            }
        }
    };
    (one(std::type_identity<Operations>()), ...);
}

template <class Check>
void for_each_immediate_operation(Check check)
{
    for_each<acquire_granted, acquire_fresh, acquire_reentrant, acquire_preempting_at_once, acquire_refused,
             acquire_all_granted, acquire_all_refused, wait_for_ended, release_held, release_ended, extend_held,
             take_snapshot, guard_of_ended>(check);
}

template <class Check>
void for_each_waiting_operation(Check check)
{
    for_each<acquire_waiting, acquire_all_waiting, wait_for_held, guarded_wait>(check);
}

/// One of each signature and initiation, for what is slow to compile.
template <class Check>
void for_some_operations(Check check)
{
    for_each<acquire_granted, acquire_waiting, acquire_fresh, acquire_all_waiting, wait_for_held, release_held,
             extend_held, take_snapshot, guarded_wait>(check);
}

} // namespace test

#endif
