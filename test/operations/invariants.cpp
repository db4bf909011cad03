// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/counting_allocator.hpp"
#include "common/heap.hpp"
#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The invariants, end to end; each test is named after its invariant. I2 and I4 are also in associators.cpp, I1 in
// threads/.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(invariants, *boost::unit_test::timeout(60))

// --- I1, I6, I7: exclusion, fencing, order ---------------------------------------------------------------------------

/// One component that acquires, holds and lets go at random.
struct component
{
    acquired grant;
    asio::cancellation_signal signal;
    std::string name;
    bool waiting = false;
};

void random_schedule(test::locks& f, unsigned seed)
{
    std::mt19937 random(seed);
    const auto pick = [&random](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::deque<component> all;
    std::uint64_t highest_token = 0;
    for (int step = 0; step < 150; ++step) {
        switch (pick(7)) {
        case 0:
        case 1:
        case 2: {
            component& c = all.emplace_back();
            c.name = "locker " + std::to_string(pick(5));
            acquire_options options{.priority = pick(3), .grace = pick(2) * 5ms};
            if (pick(3) == 0)
                options.ttl = 20ms;
            if (pick(3) == 0)
                options.timeout = 15ms;
            f.manager->async_acquire("r", c.name, options,
                                     asio::bind_cancellation_slot(c.signal.slot(), record(c.grant)));
            break;
        }
        case 3:
            if (!all.empty())
                all[random() % all.size()].signal.emit(asio::cancellation_type::all);
            break;
        case 4:
            if (!all.empty())
                all[random() % all.size()].grant.lk.release();
            break;
        case 5:
            f.context.restart();
            f.context.poll_one();
            break;
        default: f.advance(pick(10) * 1ms); break;
        }

        // I1: the handles that are held, or were and still clean up, belong to one locker and share one token.
        std::set<std::string> holders;
        std::set<std::uint64_t> tokens;
        for (component& c : all) {
            const auto state = c.grant.lk.state();
            if (state != lock_state::held && state != lock_state::revoking)
                continue;
            holders.insert(c.name);
            tokens.insert(c.grant.lk.fencing_token());
        }
        BOOST_TEST(holders.size() <= 1u, "seed " << seed << ": " << holders.size() << " holders");
        BOOST_TEST(tokens.size() <= 1u, "seed " << seed << ": " << tokens.size() << " tokens");
        if (!tokens.empty()) { // I6
            BOOST_TEST(*tokens.begin() >= highest_token, "seed " << seed << ": the token fell");
            highest_token = *tokens.begin();
        }
    }
    while (!all.empty()) { // every acquire is completed once; the handlers check it
        all.front().grant.lk.release();
        f.advance(50ms);
        if (all.front().grant.done())
            all.pop_front();
        else
            all.front().signal.emit(asio::cancellation_type::all);
    }
    BOOST_TEST(f.vacant(), "seed " << seed << ": something was left");
}

MANAGER_TEST_CASE(I1_in_random_schedules)
{
    for (unsigned seed = 1; seed <= 150; ++seed)
        random_schedule(f, seed);
}

MANAGER_TEST_CASE(I6_every_new_grant_has_a_higher_token)
{
    const auto now = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    lock first = f.get("r", "a");
    lock again = f.get("r", "a");
    BOOST_TEST(again.fencing_token() == first.fencing_token());
    BOOST_TEST(first.fencing_token() + 10'000'000 > now); // begins at the system clock, in microseconds
    BOOST_TEST(first.fencing_token() < now + 10'000'000);
    std::uint64_t last = first.fencing_token();
    first.release();
    again.release();
    for (int i = 0; i < 100; ++i) {
        lock next = f.get("r", i % 2 ? "a" : "b");
        BOOST_TEST(next.fencing_token() > last);
        last = next.fencing_token();
        BOOST_TEST(again.fencing_token() < last); // an ended lock keeps its own
    }
}

BOOST_AUTO_TEST_CASE(I6_tokens_rise_over_forgotten_resources)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        test::locks f(kind);
        f.manager = make_manager(f.context.get_executor(), kind, {.shards = 1, .idle_resources = 0});
        std::uint64_t last = 0;
        for (int i = 0; i < 50; ++i) {
            lock lk = f.get("r", "a");
            BOOST_TEST(lk.fencing_token() > last);
            last = lk.fencing_token();
            lk.release();
            lock other = f.get("s" + std::to_string(i), "a");
        }
    }
}

MANAGER_TEST_CASE(I7_first_come_first_served_and_no_lower_priority_before_a_higher_one)
{
    lock holder = f.get("r", "holder", {.priority = 100});
    std::deque<acquired> all(30);
    for (std::size_t i = 0; i < all.size(); ++i)
        f.acquire(all[i], "r", "locker " + std::to_string(i), {.priority = static_cast<int>(i % 3)});
    holder.release();
    std::vector<std::size_t> order;
    for (std::size_t n = 0; n < all.size(); ++n) {
        f.poll();
        for (std::size_t i = 0; i < all.size(); ++i)
            if (all[i].lk.is_held()) {
                order.push_back(i);
                all[i].lk.release();
                break;
            }
    }
    std::vector<std::size_t> expected;
    for (const std::size_t priority : {2u, 1u, 0u})
        for (std::size_t i = priority; i < all.size(); i += 3)
            expected.push_back(i);
    BOOST_TEST(order == expected, boost::test_tools::per_element());
}

MANAGER_TEST_CASE(I7_nobody_barges_in)
{
    lock holder = f.get("r", "holder");
    acquired first, late;
    f.acquire(first, "r", "first");
    holder.release();
    f.acquire(late, "r", "late"); // the hand-over has not been delivered yet
    f.poll();
    CHECK_COMPLETED(first, success);
    CHECK_PENDING(late);
}

MANAGER_TEST_CASE(fresh_lockers_are_unique_and_exclude_each_other)
{
    std::set<std::string> ids;
    std::deque<acquired> all(20);
    for (std::size_t i = 0; i < all.size(); ++i)
        f.manager->async_acquire("r" + std::to_string(i), {}, record(all[i]));
    acquired second;
    f.manager->async_acquire("r0", {}, record(second));
    f.poll();
    for (const acquired& a : all)
        ids.emplace(a.lk.locker_id());
    BOOST_TEST(ids.size() == all.size(), "a generated locker id was given out twice");
    CHECK_PENDING(second);
}

// --- I2: no handler within a function of the library
// ------------------------------------------------------------------

MANAGER_TEST_CASE(I2_release_expiry_and_destruction_call_no_handler)
{
    lock lk = f.get("r", "a");
    completion told;
    acquired next, third;
    f.wait(told, lk);
    f.acquire(next, "r", "b");
    f.acquire(third, "r", "c");
    {
        const initiation_guard inside;
        lk.release();
        f.manager->cancel();
    }
    CHECK_PENDING(told);
    CHECK_PENDING(next);
    CHECK_PENDING(third);
    f.poll();
    CHECK_COMPLETED(told, success);
    CHECK_COMPLETED(next, success);
    CHECK_COMPLETED(third, aborted);
}

// --- I3: shutdown, memory --------------------------------------------------------------------------------------------

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

PLAIN_MANAGER_TEST_CASE(I3_out_of_memory_in_an_acquire_that_waits)
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

// --- I4: work --------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(I4_pending_waits_are_work_and_a_held_lock_is_not)
{
    lock lk = f.get("r", "a");
    f.poll();
    BOOST_TEST(f.context.stopped()); // out of work
    acquired next;
    f.acquire(next, "r", "b");
    f.poll();
    BOOST_TEST(!f.context.stopped());
    f.manager->cancel();
    f.poll();
    BOOST_TEST(f.context.stopped());
    completion told;
    f.wait(told, lk);
    f.poll();
    BOOST_TEST(!f.context.stopped());
    lk.release();
    f.poll();
    BOOST_TEST(f.context.stopped());
}

MANAGER_TEST_CASE(I4_pending_waits_are_work_for_their_handlers_executor)
{
    asio::io_context home;
    lock lk = f.get("r", "a");
    acquired next;
    completion told;
    f.manager->async_acquire("r", "b", {}, asio::bind_executor(home, record(next)));
    poll(home);
    BOOST_TEST(!home.stopped());
    f.poll();
    BOOST_TEST(!f.context.stopped());
    f.manager->cancel();
    poll(home);
    BOOST_TEST(home.stopped());
    lk.async_wait(asio::bind_executor(home, record(told)));
    poll(home);
    BOOST_TEST(!home.stopped());
    f.poll();
    BOOST_TEST(!f.context.stopped());
    lk.release();
    poll(home);
    f.poll();
    BOOST_TEST(home.stopped());
    BOOST_TEST(f.context.stopped());
}

BOOST_AUTO_TEST_CASE(I4_run_returns_when_no_deadline_is_left)
{
    for (const bool single : {false, true}) {
        asio::io_context context;
        lock_manager manager =
            single ? lock_manager(context, redlock::single_threaded) : lock_manager(context); // with the real clock
        std::vector<lock> kept;
        for (int i = 0; i < 100; ++i)
            manager.async_acquire("r" + std::to_string(i), "a", {.ttl = 1h},
                                  [&](error_code, lock lk) { kept.push_back(std::move(lk)); });
        lock untimed;
        manager.async_acquire("u", "a", {}, [&](error_code, lock lk) { untimed = std::move(lk); });
        bool refused = false;
        manager.async_acquire("u", "b", {.timeout = 1ms}, [&](error_code ec, lock) {
            refused = ec == errc::acquire_timeout;
            kept.clear();
        });
        context.run_for(30s);
        BOOST_TEST(context.stopped(), "the timer of released locks kept the context at work");
        BOOST_TEST(refused);
        BOOST_TEST(untimed.is_held());
    }
}

BOOST_AUTO_TEST_CASE(I4_a_ttl_is_work_until_it_has_ended)
{
    asio::io_context context;
    lock_manager manager(context);
    lock lk;
    error_code why = errc::lost;
    manager.async_acquire("r", "a", {.ttl = 2ms}, [&](error_code, lock l) {
        lk = std::move(l);
        lk.async_wait([&](error_code ec) { why = ec; });
    });
    context.run_for(30s);
    BOOST_TEST(context.stopped());
    BOOST_TEST(why == error_code(errc::expired));
    BOOST_TEST(lk.state() == lock_state::expired);
}

// --- I5: user code may call back from everywhere ---------------------------------------------------------------------

/// What user code might do at any moment.
class meddler
{
public:
    explicit meddler(test::locks& fixture) : f(fixture), other(f.get("other", "meddler", {.ttl = 1h})) {}

    void operator()()
    {
        if (calls == 500 || std::exchange(busy, true)) // its own operations may lead here again
            return;
        ++calls;
        f.manager->async_snapshot([](error_code, redlock::snapshot) {});
        f.manager->async_acquire("third", "meddler", {.ttl = 1h}, [](error_code, lock) {});
        other.async_extend(1h, [](error_code) {});
        other.async_wait([](error_code) {});
        other.release();
        f.manager->async_acquire("other", "meddler", {.ttl = 1h},
                                 [this](error_code, lock lk) { other = std::move(lk); });
        busy = false;
    }

    test::locks& f;
    lock other;
    int calls = 0;
    bool busy = false;
};

/// A handler whose destructor, when it was not moved from, is user code as well.
template <class F>
class with_destructor
{
public:
    with_destructor(F f, meddler& m) : f_(std::move(f)), m_(&m) {}
    with_destructor(with_destructor&& other) noexcept : f_(std::move(other.f_)), m_(std::exchange(other.m_, nullptr)) {}
    with_destructor& operator=(with_destructor&&) = delete;
    ~with_destructor()
    {
        if (m_)
            (*m_)();
    }

    template <class... Args>
    void operator()(Args&&... args)
    {
        if (m_)
            (*m_)();
        f_(std::forward<Args>(args)...);
    }

private:
    F f_;
    meddler* m_;
};

/// Takes a lock through its life with handlers that are made by wrap().
template <class Wrap>
void meddle_everywhere(test::locks& f, meddler& m, Wrap wrap)
{
    for (int how = 0; how < 4; ++how) {
        acquired low, high, queued, refused;
        completion told, again, extended, released;
        asio::cancellation_signal signal;
        f.manager->async_acquire("r", "low", {.ttl = 10s}, wrap(record(low)));
        f.poll();
        asio::steady_timer timer(f.context, 1h);
        completion guarded;
        low.lk.async_wait(wrap(record(told)));
        timer.async_wait(low.lk.guard(wrap(record(guarded))));
        low.lk.async_extend(10s, wrap(record(extended)));
        f.manager->async_acquire("r", "queued", {}, asio::bind_cancellation_slot(signal.slot(), wrap(record(queued))));
        f.manager->async_acquire("r", "refused", {.timeout = 1s}, wrap(record(refused)));
        f.advance(1s);
        CHECK_COMPLETED(refused, errc::acquire_timeout);
        if (how == 0) {
            f.manager->async_acquire("r", "high", {.priority = 1, .ttl = 1s}, wrap(record(high)));
            f.poll();
            low.lk.async_release(wrap(record(released)));
        } else if (how == 1) {
            low.lk.release();
        } else if (how == 2) {
            signal.emit(asio::cancellation_type::all);
            f.advance(10s);
        } else {
            f.manager->cancel();
            low.lk = lock();
        }
        f.advance(10s);
        BOOST_TEST(told.calls == 1);
        BOOST_TEST(guarded.calls == 1);
        BOOST_TEST(queued.calls == 1);
        BOOST_TEST(extended.calls == 1);
    }
    f.poll();
    BOOST_TEST(m.calls > 10);
}

MANAGER_TEST_CASE(I5_handlers_and_their_destructors_may_call_back)
{
    meddler m(f);
    meddle_everywhere(f, m, [&](auto handler) { return with_destructor(std::move(handler), m); });
}

MANAGER_TEST_CASE(I5_handlers_on_an_immediate_executor_may_call_back)
{
    meddler m(f);
    int calls = 0;
    meddle_everywhere(f, m, [&](auto handler) {
        return asio::bind_immediate_executor(inline_executor(calls), with_destructor(std::move(handler), m));
    });
    BOOST_TEST(calls > 0);
}

MANAGER_TEST_CASE(I5_allocators_may_call_back)
{
    meddler m(f);
    allocation_counts counts;
    counts.on_call = [&] { m(); };
    meddle_everywhere(
        f, m, [&](auto handler) { return asio::bind_allocator(counting_allocator<>(counts), std::move(handler)); });
    BOOST_TEST(counts.live == 0);
}

MANAGER_TEST_CASE(I5_executors_may_call_back)
{
    meddler m(f);
    tracker mine;
    mine.on_execute = [&] { m(); };
    meddle_everywhere(f, m,
                      [&](auto handler) { return asio::bind_executor(track(f.context, mine), std::move(handler)); });
}

BOOST_AUTO_TEST_CASE(I5_the_managers_executor_may_call_back)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        tracker of_manager;
        test::locks f(kind);
        f.manager = make_manager(track(f.context, of_manager), kind);
        meddler m(f);
        of_manager.on_execute = [&] { m(); };
        meddle_everywhere(f, m, [](auto handler) { return handler; });
        of_manager.on_execute = nullptr;
        f.manager.reset();
    }
}

MANAGER_TEST_CASE(I5_handlers_that_die_undelivered_may_call_back)
{
    meddler m(f);
    lock lk = f.get("r", "a");
    {
        asio::io_context home;
        const auto doomed = [&] {
            return asio::bind_executor(home, with_destructor([](auto&&...) { BOOST_ERROR("called"); }, m));
        };
        lk.async_wait(doomed());
        f.manager->async_acquire("r", "b", {}, doomed());
        f.manager->async_acquire("s", "b", {}, doomed());
        f.poll();
        lk.release();
    }
    BOOST_TEST(m.calls > 0);
    f.poll();
    lock r = f.get("r", "c"), s = f.get("s", "c");
}

BOOST_AUTO_TEST_CASE(I5_handlers_that_die_with_the_context_may_release)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        lock kept;
        auto context = std::make_unique<asio::io_context>();
        auto manager = std::make_unique<lock_manager>(make_manager(context->get_executor(), kind));
        manager->async_acquire("r", "a", {.ttl = 1h}, [&](error_code, lock lk) { kept = std::move(lk); });
        poll(*context);
        const auto releases = [&kept] {
            return std::shared_ptr<void>(nullptr, [&kept](void*) {
                kept.release();
                static_cast<void>(kept.is_held());
            });
        };
        kept.async_wait([r = releases()](error_code) {});
        auto timer = std::make_shared<asio::steady_timer>(*context, 1h);
        timer->async_wait(kept.guard([r = releases(), timer](error_code) {}));
        timer.reset();
        manager->async_acquire("r", "b", {}, [r = releases()](error_code, lock) {});
        manager.reset();
        context.reset();
    }
}

/// Calls user code and then drops what it was given.
struct dropping_executor
{
    std::function<void()>* before;

    template <class F>
    void execute(F&& function) const
    {
        auto dropped = std::forward<F>(function);
        (*before)();
    }
    [[nodiscard]] asio::execution_context& query(asio::execution::context_t) const noexcept
    {
        return asio::query(asio::system_executor(), asio::execution::context);
    }
    [[nodiscard]] static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept
    {
        return asio::execution::blocking.never;
    }
    [[nodiscard]] dropping_executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
    bool operator==(const dropping_executor&) const noexcept = default;
};

// An executor that drops what it is given, after it let the context run: by then nothing may be left of the locks, and
// the library is still in the middle of telling.
MANAGER_TEST_CASE(I5_an_executor_may_run_the_context_and_drop_the_last_handler)
{
    int drops = 0;
    std::function<void()> run_context = [&] {
        ++drops;
        f.advance(24h); // the timer's handler goes, and with it what it keeps alive
        f.advance(24h);
        f.advance(24h);
    };
    auto lk = std::make_unique<lock>(f.get("r", "a", {.ttl = 1h}));
    lk->async_wait(
        asio::bind_executor(dropping_executor{&run_context}, at_most_once([](error_code) { BOOST_ERROR("called"); })));
    f.manager.reset();
    lk.reset();
    BOOST_TEST(drops == 1);
}

// --- I8: bad input ---------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(I8_bad_input_is_refused_and_changes_nothing)
{
    const std::string longest(64 * 1024, 'n'), too_long(64 * 1024 + 1, 'n');
    const char* null = nullptr;
    const auto check = [&](const auto& resource, const auto& locker, const acquire_options& options,
                           error_code expected) {
        acquired result;
        initiate([&] { f.manager->async_acquire(resource, locker, options, record(result)); });
        f.poll();
        CHECK_COMPLETED(result, expected);
        BOOST_TEST(result.lk.is_held() == !expected);
        BOOST_TEST(f.vacant() == expected.failed());
    };
    const error_code bad = errc::invalid_argument;
    check("", "a", {}, bad);
    check("r", "", {}, bad);
    check(null, "a", {}, bad);
    check("r", null, {}, bad);
    check(too_long, "a", {}, bad);
    check("r", too_long, {}, bad);
    check("r", "a", {.ttl = 0s}, bad);
    check("r", "a", {.ttl = -1ns}, bad);
    check("r", "a", {.timeout = -1ns}, bad);
    check("r", "a", {.max_attempts = 0}, bad);
    check("r", "a", {.grace = -1ns}, bad);
    check("r", "a", {.ttl = redlock::duration::min()}, bad);
    check(longest, longest, {}, success);
    check("r", "a", {.ttl = 1ns, .timeout = 0s, .max_attempts = 1, .grace = 0s}, success);
    check("r", "a", {.ttl = redlock::infinite - 1ns, .timeout = redlock::infinite - 1ns, .grace = redlock::infinite},
          success);
    check(std::string("with\0zero", 9), "a", {}, success);

    acquired fresh;
    f.manager->async_acquire("", {}, record(fresh));
    f.poll();
    CHECK_COMPLETED(fresh, bad);
}

MANAGER_TEST_CASE(I8_bad_input_does_not_touch_a_holder)
{
    lock lk = f.get("r", "a", {.ttl = 1h});
    for (const acquire_options& options :
         {acquire_options{.priority = 9, .ttl = 0s}, acquire_options{.priority = 9, .grace = -1s},
          acquire_options{.priority = 9, .max_attempts = 0}}) {
        acquired thief, again;
        f.acquire(thief, "r", "b", options);
        f.acquire(again, "r", "a", options);
        f.poll();
        CHECK_COMPLETED(thief, errc::invalid_argument);
        CHECK_COMPLETED(again, errc::invalid_argument);
    }
    for (const redlock::duration ttl : {redlock::duration(0s), redlock::duration(-1s), redlock::duration::min()}) {
        completion extended;
        initiate([&] { lk.async_extend(ttl, record(extended)); });
        f.poll();
        CHECK_COMPLETED(extended, errc::invalid_argument);
    }
    BOOST_TEST(lk.is_held());
    BOOST_TEST(lk.priority() == 0);
    BOOST_TEST((lk.expires_at() == manual_clock::now() + 1h));
    BOOST_TEST(f.snapshot().resources.at(0).holder.handles == 1u);
}

MANAGER_TEST_CASE(fifty_thousand_waiters)
{
    lock holder = f.get("r", "holder");
    constexpr int count = 50'000;
    int next = 0, out_of_order = 0, cancelled = 0;
    for (int i = 0; i < count; ++i)
        f.manager->async_acquire("r", {}, [&, i](error_code ec, lock) {
            cancelled += ec ? 1 : 0;
            out_of_order += !ec && i != next++ ? 1 : 0;
            if (i == count / 2)
                f.manager->cancel();
        });
    holder.release();
    f.poll();
    BOOST_TEST(out_of_order == 0);
    // Each grant is released when its handler returns, which hands on to one more before the rest is cancelled.
    BOOST_TEST(next == count / 2 + 1);
    BOOST_TEST(cancelled == count - next);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
