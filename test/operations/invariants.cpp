// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

// The invariants, end to end; each test is named after its invariant. I2 is also in immediate_executors.cpp, I3 in
// memory.cpp, I4 in associators.cpp and cancellation_slots.cpp, I5 in callbacks.cpp, I1 in threads/.

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

// --- I2: no handler within a function of the library -----------------------------------------------------------------

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
