// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/heap.hpp"
#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/errc.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// I3: what goes with the context, and memory that runs out.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(invariants, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(I3_a_lock_outlives_its_context)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        std::vector<lock> kept;
        lock expiring;
        {
            asio::io_context context;
            auto manager = std::make_unique<lock_manager>(make_manager(context.get_executor(), kind));
            for (const char* name : {"r", "s", "r"})
                manager->async_acquire(name, "a", {.ttl = 1h},
                                       [&](error_code, lock lk) { kept.push_back(std::move(lk)); });
            manager->async_acquire("x", "a", {.ttl = 1s}, [&](error_code, lock lk) { expiring = std::move(lk); });
            manager->async_acquire("r", "b", {}, at_most_once([](error_code, lock) { BOOST_ERROR("called"); }));
            poll(context);
            BOOST_REQUIRE(kept.size() == 3u);
            kept[0].async_wait(at_most_once([](error_code) { BOOST_ERROR("called"); }));
            manager.reset();
        }
        BOOST_TEST(kept[0].resource() == "r");
        BOOST_TEST(kept[0].locker_id() == "a");
        BOOST_TEST(kept[0].fencing_token() != 0u);
        kept[0].release();
        kept[0].release();
        lock moved = std::move(kept[1]);
        manual_clock::advance(2s);
        BOOST_TEST(!expiring.is_held());
        expiring = std::move(moved);
    }
}

BOOST_AUTO_TEST_CASE(I3_locks_that_handlers_own_go_with_the_context)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded})
        for (const bool manager_first : {true, false}) {
            asio::io_context other;
            auto context = std::make_unique<asio::io_context>();
            auto manager = std::make_unique<lock_manager>(make_manager(context->get_executor(), kind));
            lock a, b, c, d;
            const auto keep_in = [&](const char* name, lock& where) {
                manager->async_acquire(name, "a", {.ttl = 1h}, [&](error_code, lock lk) { where = std::move(lk); });
            };
            keep_in("r", a);
            keep_in("s", b);
            keep_in("t", c);
            keep_in("u", d);
            poll(*context);
            const auto queue = [&](const char* name) { // somebody who is next in line
                manager->async_acquire(name, "b", {}, at_most_once([](error_code, lock) {}));
            };
            queue("r");
            queue("s");
            queue("t");
            queue("u");
            // Dropped while the context is destroyed: from its queue, from a timer, from the library's own lists, and
            // from another context later.
            asio::post(*context, [lk = std::move(a)] {});
            auto timer = std::make_shared<asio::steady_timer>(*context, 1h);
            timer->async_wait([lk = std::move(b), timer](error_code) {});
            lock& waits = c;
            manager->async_acquire("t", "a", {}, [](error_code, lock) {});
            waits.async_wait([lk = std::move(d)](error_code) {});
            asio::post(other, [lk = std::move(c)] {});
            timer.reset();
            if (manager_first)
                manager.reset();
            else
                manager->close();
            manager.reset();
            context.reset();
        }
}

MANAGER_TEST_CASE(I3_release_allocates_nothing_if_nobody_waits)
{
    lock plain = f.get("r", "a"), reentrant = f.get("r", "a"), timed = f.get("s", "a", {.ttl = 1h});
    const auto count = [](auto&& function) {
        const heap::meter meter;
        function();
        return meter.count();
    };
    static_assert(noexcept(plain.release()));
    BOOST_TEST(count([&] { reentrant.release(); }) == 0);
    BOOST_TEST(count([&] { plain.release(); }) == 0);
    BOOST_TEST(count([&] { plain.release(); }) == 0);
    BOOST_TEST(count([&] { timed.release(); }) == 0);
    BOOST_TEST(count([&] { timed = lock(); }) == 0);
    lock revoking = f.get("t", "a");
    acquired high;
    f.acquire(high, "t", "high", {.priority = 1});
    f.poll();
    f.manager->cancel(); // the thief gives up
    f.poll();
    BOOST_TEST(count([&] { revoking.release(); }) == 0);
}

BOOST_AUTO_TEST_CASE(I3_release_of_a_known_key_allocates_nothing)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        test::locks f(kind);
        long during_release = 0;
        for (int i = 0; i < 1000; ++i) {
            lock lk = f.get(i % 2 ? "r" : "s", "a", {.ttl = 1h});
            const heap::meter meter;
            lk.release();
            if (i > 10)
                during_release += meter.count();
        }
        BOOST_TEST(during_release == 0);
    }
}

PLAIN_MANAGER_TEST_CASE(I3_release_to_a_waiter_on_a_thread_that_runs_the_context)
{
    // What is posted for the next in line comes from the waiter's allocator or Asio's recycled memory.
    lock holder = f.get("r", "a", {.ttl = 1h});
    long allocations = -1;
    const auto once_round = [&] {
        acquired next;
        f.acquire(next, "r", "b", {.ttl = 1h});
        f.poll();
        asio::post(f.context, [&] {
            const heap::meter meter;
            holder.release();
            allocations = meter.count();
        });
        f.poll();
        CHECK_COMPLETED(next, success);
        holder = std::move(next.lk);
    };
    for (int i = 0; i < 5; ++i)
        once_round();
    BOOST_TEST_MESSAGE("release() to a waiter: " << allocations << " allocations");
    BOOST_TEST(allocations == 0);
}

PLAIN_MANAGER_TEST_CASE(I3_a_release_survives_a_failing_allocation)
{
    // The completion of the next in line cannot be posted: its grant is undone and the one behind it is next.
    for (long n = 0; n < 3; ++n) {
        lock holder = f.get("r", "a");
        completion told;
        asio::io_context other;
        bool called = false;
        f.wait(told, holder);
        f.manager->async_acquire("r", "b", {}, at_most_once([&](error_code, lock) { called = true; }));
        f.poll();
        std::thread foreign([&] { // without memory that Asio keeps for reuse
            const heap::failure failure(n);
            holder.release();
        });
        foreign.join();
        f.poll();
        BOOST_TEST(holder.state() == lock_state::released);
        BOOST_TEST(f.vacant());
        if (!told.done()) // destroyed: the failing allocation was its own
            BOOST_TEST(n <= 1);
    }
}

/// Calls start() with the n-th allocation failing, for every n until none fails: each must either throw and change
/// nothing, or work.
template <class Start, class Undo>
void fail_every_allocation(Start start, Undo undo)
{
    for (long n = 0; n < 50; ++n) {
        bool thrown = false;
        bool failed;
        {
            const heap::failure failure(n);
            try {
                start();
            } catch (const std::bad_alloc&) {
                thrown = true;
            }
            failed = heap::failure::happened();
        }
        BOOST_TEST_CONTEXT("allocation " << n)
        {
            undo(thrown);
        }
        if (!failed)
            return;
    }
    BOOST_ERROR("more than 50 allocations");
}

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_an_acquire_that_is_granted)
{
    int n = 0;
    bool granted = false;
    fail_every_allocation(
        [&] {
            granted = false;
            f.manager->async_acquire("resource with a long name " + std::to_string(n++), std::string(200, 'x'),
                                     {.ttl = 1s}, [&](error_code ec, lock lk) { granted = !ec && lk.is_held(); });
        },
        [&](bool thrown) {
            f.poll();
            BOOST_TEST(granted == !thrown);
            BOOST_TEST(f.vacant());
        });
}

PLAIN_MANAGER_TEST_CASE(I3_T44_out_of_memory_in_an_acquire_that_waits)
{
    lock holder = f.get("r", "a", {.priority = 5});
    acquired result;
    asio::cancellation_signal signal;
    int n = 0;
    bool called = false;
    fail_every_allocation(
        [&] {
            called = false;
            f.manager->async_acquire(
                "r", std::string(200, 'x') + std::to_string(n++), {.timeout = 1s},
                asio::bind_cancellation_slot(signal.slot(), [&](error_code, lock) { called = true; }));
        },
        [&](bool thrown) {
            f.poll();
            BOOST_TEST(f.snapshot().resources.at(0).waiters.size() == (thrown ? 0u : 1u));
            BOOST_TEST(holder.is_held());
            signal.emit(asio::cancellation_type::all);
            f.poll();
            BOOST_TEST(called == !thrown);
        });
}

PLAIN_MANAGER_TEST_CASE(I9_out_of_memory_in_an_acquire_that_waits_takes_no_place)
{
    // The search for cycles needs memory, too, and comes when the acquire is queued.
    for (const bool detect_deadlocks : {false, true}) {
        f.manager.emplace(
            make_manager(f.context.get_executor(), f.kind, {.detect_deadlocks = detect_deadlocks, .max_waiters = 1}));
        const lock wanted = f.get("r", "a", {.priority = 5});
        const lock other = f.get("s", std::string(200, 'x'));
        fail_every_allocation(
            [&] { f.manager->async_acquire("r", std::string(200, 'x'), {.timeout = 1s}, [](error_code, lock) {}); },
            [&](bool) {
                f.manager->cancel(); // the one that waits, if it does
                f.poll();
                acquired first, second;
                f.acquire(first, "r", "b");
                f.acquire(second, "r", "c");
                f.poll();
                CHECK_PENDING(first);
                CHECK_COMPLETED(second, errc::queue_full);
                f.manager->cancel();
                f.poll();
            });
    }
}

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_an_acquire_that_preempts)
{
    // A throw leaves nothing behind but, at most, a holder that was told.
    for (long n = 0; n < 20; ++n) {
        lock holder = f.get("r", "a", {.grace = 0s});
        bool granted = false, thrown = false;
        {
            const heap::failure failure(n);
            try {
                f.manager->async_acquire("r", "b", {.priority = 1},
                                         [&](error_code ec, lock lk) { granted = !ec && lk.is_held(); });
            } catch (const std::bad_alloc&) {
                thrown = true;
            }
        }
        f.poll();
        BOOST_TEST(granted == !thrown);
        if (!thrown)
            BOOST_TEST(holder.state() == lock_state::preempted);
        holder.release();
        BOOST_TEST(f.vacant());
    }
}

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_a_wait)
{
    lock holder = f.get("r", "a", {.grace = 0s});
    asio::cancellation_signal signal;
    bool called = false;
    fail_every_allocation(
        [&] {
            called = false;
            holder.async_wait(asio::bind_cancellation_slot(signal.slot(), [&](error_code) { called = true; }));
        },
        [&](bool thrown) {
            signal.emit(asio::cancellation_type::all);
            f.poll();
            BOOST_TEST(called == !thrown);
        });
    acquired high; // no trace is left of those that failed
    f.acquire(high, "r", "b", {.priority = 1});
    BOOST_TEST(holder.state() == lock_state::preempted);
    f.poll();
}

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_a_guard)
{
    lock holder = f.get("r", "a", {.grace = 0s});
    asio::steady_timer timer(f.context, 1h);
    asio::cancellation_signal signal;
    bool called = false;
    fail_every_allocation(
        [&] {
            called = false;
            timer.async_wait(
                holder.guard(asio::bind_cancellation_slot(signal.slot(), [&](error_code) { called = true; })));
        },
        [&](bool thrown) {
            signal.emit(asio::cancellation_type::all);
            f.poll();
            BOOST_TEST(called == !thrown);
        });
    acquired high;
    f.acquire(high, "r", "b", {.priority = 1});
    BOOST_TEST(holder.state() == lock_state::preempted);
    f.poll();
}

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_a_later_turn_of_a_snapshot)
{
    std::vector<lock> held;
    for (int i = 0; i < 300; ++i)
        held.push_back(f.manager->try_acquire(std::to_string(i) + " has a name too long to be without an allocation"));
    int failed = 0;
    for (long n = 0;; ++n) {
        error_code ec = errc::not_held;
        std::size_t seen = 0;
        f.manager->async_snapshot([&](error_code e, const redlock::snapshot& s) {
            ec = e;
            seen = s.resources.size();
        });
        bool happened = false;
        {
            const heap::failure fails(n);
            f.context.restart();
            BOOST_TEST(f.context.poll_one() == 1u);
            happened = heap::failure::happened();
        }
        f.poll();
        if (!happened) {
            BOOST_TEST(!ec);
            BOOST_TEST(seen == held.size());
            break;
        }
        BOOST_TEST(ec == make_error_code(boost::system::errc::not_enough_memory));
        BOOST_TEST(seen == 0u);
        ++failed;
    }
    BOOST_TEST(failed > 50);
}

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_the_immediate_operations)
{
    lock holder = f.get("r", "a");
    bool called = false;
    const auto note = [&](error_code, auto&&...) { called = true; };
    const auto check = [&](auto start) {
        fail_every_allocation(
            [&] {
                called = false;
                start();
            },
            [&](bool thrown) {
                f.poll();
                BOOST_TEST(called == !thrown);
            });
    };
    check([&] { f.manager->async_snapshot(note); });
    check([&] { holder.async_extend(1h, note); });
    check([&] { holder.async_release(note); });
    BOOST_TEST(f.vacant());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
