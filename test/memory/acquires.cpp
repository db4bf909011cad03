// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/memory_sweep.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// I3: the lives of locks in memory, with callbacks for handlers, at every allocation of which memory runs out.

namespace {

using namespace test;
using handler = attempt::handler;

BOOST_AUTO_TEST_SUITE(memory_of_locks, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(I3_hand_over)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a", {.ttl = 1h});
        a.poll();
        for (const char* each : {"b", "c", "b"})
            a.start(
                [&](handler h) { a.world.manager().async_acquire("r", each, {.ttl = 1s}, cancellable(std::move(h))); });
        a.poll();
        a.release_all();
        a.poll();
        a.release_all();
        a.poll();
        a.advance(2s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T44_cancellation_of_acquires)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a");
        a.poll();
        auto& first = a.start([&](handler h) {
            a.world.manager().async_acquire("r", std::string(100, 'b'), {.timeout = 1h}, cancellable(std::move(h)));
        });
        auto& second = a.start(
            [&](handler h) { a.world.manager().async_acquire("r", {.timeout = 2h}, cancellable(std::move(h))); });
        a.poll();
        second.signal.emit(asio::cancellation_type::terminal);
        first.signal.emit(asio::cancellation_type::total);
        a.poll();
        a.acquire("r", "c");
        a.world.manager().cancel();
        a.poll();
        std::optional<lock_manager> other;
        {
            const heap::pause own;
            other.emplace(make_manager(a.world.context().get_executor(), manager_kind::thread_safe));
        }
        a.start([&](handler h) { other->async_acquire("r", std::move(h)); });
        a.start([&](handler h) { other->async_acquire("r", cancellable(std::move(h))); });
        other->close();
        a.start([&](handler h) { other->async_acquire("s", std::move(h)); });
        a.poll();
    });
}

BOOST_AUTO_TEST_CASE(I3_waits_end_in_time)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a");
        a.poll();
        a.acquire("r", "b", {.timeout = 1s});
        a.acquire("r", "c", {.max_attempts = 3});
        auto& last =
            a.start([&](handler h) { a.world.manager().async_acquire("r", "d", {.timeout = 2s}, std::move(h)); });
        a.advance(3s);
        a.advance(3s);
        BOOST_TEST((last.calls == 1 || !last.started), "a timeout does not fire");
    });
}

BOOST_AUTO_TEST_CASE(I3_ttls_end_in_time)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a", {.ttl = 1s});
        a.poll();
        if (a.locks.empty())
            return;
        auto& told = a.start([&](handler h) { a.locks[0].async_wait(std::move(h)); });
        auto& next = a.start([&](handler h) { a.world.manager().async_acquire("r", "b", {}, std::move(h)); });
        a.advance(3s);
        a.advance(3s);
        BOOST_TEST((told.calls == 1 || !told.started), "a ttl does not end");
        BOOST_TEST((next.calls == 1 || !next.started), "a ttl does not end");
    });
}

BOOST_AUTO_TEST_CASE(I3_renewals_and_extensions)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a", {.ttl = 3s, .auto_extend = true, .max_hold = 1h});
        a.acquire("s", "a", {.ttl = 1s});
        a.poll();
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_extend(10s, cancellable(std::move(h))); });
        a.acquire("r", "b", {.ttl = 2s, .auto_extend = true});
        for (int i = 0; i < 5; ++i)
            a.advance(1s);
        a.release_all();
        a.advance(1s);
    });
}

BOOST_AUTO_TEST_CASE(I3_hand_shakes)
{
    for (const auto grace : {0s, 1s})
        sweep_in_memory([grace](attempt& a) {
            a.acquire("r", "low", {.grace = grace});
            a.acquire("r", "low", {.grace = grace});
            a.poll();
            for (lock& each : a.locks)
                a.start([&](handler h) { each.async_wait(cancellable(std::move(h))); });
            auto& thief = a.start([&](handler h) {
                a.world.manager().async_acquire("r", "high", {.priority = 1}, cancellable(std::move(h)));
            });
            auto& higher = a.start([&](handler h) {
                a.world.manager().async_acquire("r", "higher", {.priority = 2}, cancellable(std::move(h)));
            });
            a.poll();
            a.advance(2s);
            a.advance(2s);
            BOOST_TEST((higher.calls == 1 || !higher.started), "a grace does not end");
            a.release_all();
            a.poll();
            BOOST_TEST((thief.calls == 1 || !thief.started));
        });
}

BOOST_AUTO_TEST_CASE(I3_cancelled_waits_for_the_end)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a");
        a.poll();
        if (a.locks.empty())
            return;
        auto& first = a.start([&](handler h) { a.locks[0].async_wait(cancellable(std::move(h))); });
        a.start([&](handler h) { a.locks[0].async_wait(std::move(h)); });
        first.signal.emit(asio::cancellation_type::partial);
        a.poll();
        a.locks[0].release();
        a.start([&](handler h) { a.locks[0].async_wait(cancellable(std::move(h))); });
        a.poll();
    });
}

BOOST_AUTO_TEST_CASE(I3_guards)
{
    sweep_in_memory([](attempt& a) {
        std::vector<asio::basic_waitable_timer<manual_clock>> timers;
        {
            const heap::pause own;
            for (int i = 0; i < 3; ++i)
                timers.emplace_back(a.world.context(), 20h);
        }
        a.acquire("r", "low");
        a.poll();
        if (a.locks.empty())
            return;
        a.start([&](handler h) { timers[0].async_wait(a.locks[0].guard(std::move(h))); });
        a.start([&](handler h) { timers[1].async_wait(a.locks[0].guard(cancellable(std::move(h)))); });
        auto& cancelled =
            a.start([&](handler h) { timers[2].async_wait(a.locks[0].guard(cancellable(std::move(h)))); });
        cancelled.signal.emit(asio::cancellation_type::terminal);
        a.poll();
        auto& thief =
            a.start([&](handler h) { a.world.manager().async_acquire("r", "high", {.priority = 1}, std::move(h)); });
        a.poll();
        a.advance(2s);
        a.start([&](handler h) { timers[0].async_wait(a.locks[0].guard(std::move(h))); });
        a.poll();
        BOOST_TEST((thief.calls == 1 || !thief.started), "operations under guard are not cancelled");
    });
}

BOOST_AUTO_TEST_CASE(I3_long_queues_and_siblings)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a", {.priority = 5});
        a.poll();
        for (const char* each : {"b", "c", "d", "e", "f", "g", "h", "i", "j", "c", "j", "k"})
            a.acquire("r", each, {.priority = each[0] % 3});
        a.release_all();
        a.poll();
        for (int i = 0; i < 12; ++i) {
            a.release_all();
            a.poll();
        }
    });
}

BOOST_AUTO_TEST_CASE(I3_ageing)
{
    sweep_in_memory(
        [](attempt& a) {
            a.acquire("r", "a", {.priority = 1, .grace = 0s});
            a.poll();
            a.acquire("r", "b");
            a.acquire("r", "c", {.priority = 1});
            for (int i = 0; i < 5; ++i)
                a.advance(1s);
        },
        {.ageing = 1s});
}

BOOST_AUTO_TEST_CASE(I3_deadlocks)
{
    sweep_in_memory(
        [](attempt& a) {
            a.acquire("r", "a");
            a.acquire("s", "b");
            a.acquire("t", "c");
            a.poll();
            a.acquire("s", "a");
            a.acquire("t", "b");
            a.acquire("r", "c");
            a.poll();
            a.release_all();
            a.poll();
        },
        {.detect_deadlocks = true});
}

BOOST_AUTO_TEST_CASE(I3_I9_limits)
{
    sweep_in_memory(
        [](attempt& a) {
            a.acquire("r", "a", {.priority = 5});
            a.poll();
            a.acquire("r", "b");
            auto& last = a.start([&](handler h) { a.world.manager().async_acquire("r", "c", std::move(h)); });
            auto& better =
                a.start([&](handler h) { a.world.manager().async_acquire("r", "d", {.priority = 1}, std::move(h)); });
            a.poll();
            BOOST_TEST((better.started || last.calls == 0), "a place was taken for nothing");
            a.acquire("s", "e");
            a.acquire("s", "f");
            a.poll();
        },
        {.max_waiters_per_resource = 2, .max_waiters = 3});
}

BOOST_AUTO_TEST_CASE(I3_idle_resources)
{
    sweep_in_memory(
        [](attempt& a) {
            std::string name, long_name;
            for (int i = 0; i < 4; ++i) {
                {
                    const heap::pause own;
                    name = "name " + std::to_string(i);
                    long_name = std::string(2000, 'n');
                }
                a.start([&](handler h) { a.world.manager().async_acquire(name, std::move(h)); });
                a.start([&](handler h) { a.world.manager().async_acquire(long_name, long_name, {}, std::move(h)); });
            }
            for (const char* each : {"u", "v", "w"})
                a.acquire(each, "a");
            a.poll();
            a.release_all();
            for (const char* each : {"r", "s", "u", "v"})
                a.acquire(each, "b");
            a.poll();
        },
        {.shards = 1, .idle_resources = 2});
}

BOOST_AUTO_TEST_CASE(I3_immediate_operations)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("r", "a");
        a.poll();
        a.start([&](handler h) { a.world.manager().async_snapshot(std::move(h)); });
        for (lock& each : a.locks) {
            a.start([&](handler h) { each.async_extend(1s, std::move(h)); });
            a.start([&](handler h) { each.async_extend(-1s, std::move(h)); });
            a.start([&](handler h) { each.async_release(std::move(h)); });
            a.start([&](handler h) { each.async_release(std::move(h)); });
            a.start([&](handler h) { each.async_wait(std::move(h)); });
        }
        a.start([&](handler h) { a.world.manager().async_acquire("", std::move(h)); });
        a.start([&](handler h) { a.world.manager().async_acquire("r", {.timeout = 0s}, std::move(h)); });
        a.poll();
        try {
            error_code ec;
            lock got = a.world.manager().try_acquire("s", "b");
            lock refused = a.world.manager().try_acquire("s", "c", {}, ec);
            lock again = a.world.manager().try_acquire("s", "b", {.ttl = 1s}, ec);
        } catch (const std::bad_alloc&) {
        }
        a.advance(2s);
    });
}

BOOST_AUTO_TEST_CASE(I3_a_manager_is_made)
{
    sweep_in_memory([](attempt& a) {
        for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded})
            try {
                auto other = make_manager(a.world.context().get_executor(), kind, {.max_waiters = 5});
                a.start([&](handler h) { other.async_acquire("r", {.ttl = 1s}, std::move(h)); });
                a.start([&](handler h) { other.async_acquire("r", {.timeout = 1s}, std::move(h)); });
            } catch (const std::bad_alloc&) {
            }
        a.poll();
        a.advance(2s);
    });
}

// --- several locks as one
// ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(I3_composites_that_wait)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("s", "a");
        a.poll();
        a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), {{"r"}, {"s", {.ttl = 5s}}, {"t"}}, 1h,
                                       cancellable(std::move(h)));
        });
        a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), "b", {{"t"}, {"s"}}, 1s, cancellable(std::move(h)));
        });
        a.poll();
        a.advance(2s);
        a.release_all();
        a.poll();
        if (!a.locks.empty()) {
            a.start([&](handler h) { a.locks[0].async_wait(cancellable(std::move(h))); });
            a.start([&](handler h) { a.locks[0].async_extend(3s, std::move(h)); });
        }
        a.poll();
        a.advance(5s);
    });
}

BOOST_AUTO_TEST_CASE(I3_composites_that_are_preempted)
{
    sweep_in_memory([](attempt& a) {
        a.start([&](handler h) { redlock::async_acquire_all(a.world.manager(), {{"r"}, {"s"}}, 1h, std::move(h)); });
        a.poll();
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_wait(cancellable(std::move(h))); });
        auto& thief =
            a.start([&](handler h) { a.world.manager().async_acquire("s", "b", {.priority = 1}, std::move(h)); });
        a.poll();
        a.advance(2s);
        a.advance(2s);
        BOOST_TEST((thief.calls == 1 || !thief.started), "a composite does not go");
    });
}

BOOST_AUTO_TEST_CASE(I3_composites_that_are_cancelled)
{
    sweep_in_memory([](attempt& a) {
        a.acquire("s", "a");
        a.poll();
        auto& waits = a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), {{"r"}, {"s"}, {"t"}}, 1h, cancellable(std::move(h)));
        });
        a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), {{"s"}, {"t"}}, 0s, cancellable(std::move(h)));
        });
        a.poll();
        waits.signal.emit(asio::cancellation_type::terminal);
        a.poll();
        a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), "a", {{"r"}, {"s"}, {"t"}}, 1h, cancellable(std::move(h)));
        });
        a.poll();
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_release(std::move(h)); });
        a.poll();
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
