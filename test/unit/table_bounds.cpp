// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/heap.hpp"
#include "table/work_count.hpp"
#include "table_fixture.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#ifndef NDEBUG // or else nothing is counted

namespace priority_redlock::test {

namespace {

// Each scene is played with n and with ten times as many, and what the table looked at and what was allocated is
// compared: for each of them it may have grown as a logarithm does. What looks at each of the others looks at ten times
// as many.

enum class order
{
    ascending,
    descending,
    random
};

constexpr std::size_t few = 100, many = 1000;

/// 0 ... n - 1 in an order.
std::vector<int> numbers(std::size_t n, order o)
{
    std::vector<int> result(n);
    std::iota(result.begin(), result.end(), 0);
    if (o == order::descending)
        std::reverse(result.begin(), result.end());
    if (o == order::random)
        std::shuffle(result.begin(), result.end(), std::mt19937(1));
    return result;
}

struct scene : table_fixture
{
    explicit scene(std::size_t count, order o, const detail::table_rules& rules)
        : table_fixture(default_idle_capacity, rules), n(count), in_order(numbers(count, o))
    {
    }

    /// The n of a kind.
    static std::string each(int i, const std::string& before = "w") { return before + std::to_string(i); }

    const std::size_t n;
    const std::vector<int> in_order;
    const std::vector<int> as_they_came = numbers(n, order::ascending);
};

/// What play(n, order) costs for each of the n that it settles.
struct work
{
    template <class Play>
    work(std::size_t n, order o, Play play)
    {
        const std::uint64_t before = detail::work_done();
        const ::test::heap::meter meter;
        play(n, o);
        looked_at = static_cast<double>(detail::work_done() - before) / static_cast<double>(n);
        allocated = static_cast<double>(meter.count()) / static_cast<double>(n);
    }

    double looked_at = 0;
    double allocated = 0;
};

template <class Play>
void check_work(Play play)
{
    for (const order o : {order::ascending, order::descending, order::random})
        BOOST_TEST_CONTEXT("order " << static_cast<int>(o))
        {
            const work of_few(few, o, play), of_many(many, o, play);
            BOOST_TEST(of_many.looked_at <= 2 * of_few.looked_at + 8,
                       "looked at " << of_few.looked_at << " for each of " << few << ", at " << of_many.looked_at
                                    << " for each of " << many);
            BOOST_TEST(of_many.allocated <= 2 * of_few.allocated + 8,
                       "allocated " << of_few.allocated << " for each of " << few << ", " << of_many.allocated
                                    << " for each of " << many);
        }
}

template <class Play>
void check_bound(Play play, const detail::table_rules& rules = {})
{
    check_work([&](std::size_t n, order o) {
        scene s(n, o, rules);
        play(s);
        s.teardown();
    });
}

constexpr int highest = 1'000'000;

} // namespace

BOOST_AUTO_TEST_SUITE(table_bounds)

// --- waiters ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(waiters_of_one_priority)
{
    check_bound([](scene& s) {
        s.acquire("holder");
        for (const int i : s.as_they_came)
            s.acquire(s.each(i));
        for (const int i : s.in_order)
            s.withdraw(s.each(i));
    });
}

BOOST_AUTO_TEST_CASE(waiters_of_as_many_priorities)
{
    check_bound([](scene& s) {
        s.acquire("holder", {.priority = highest});
        for (const int i : s.in_order)
            s.acquire(s.each(i), {.priority = i});
        s.drop("holder");
        for (const int i : numbers(s.n, order::descending))
            s.drop(s.each(i));
    });
}

BOOST_AUTO_TEST_CASE(waiters_whose_ranks_rise)
{
    check_bound(
        [](scene& s) {
            s.acquire("holder", {.priority = highest});
            for (const int i : s.in_order) {
                s.clock_at(std::chrono::microseconds(s.elapsed().count() / 1000 + 100));
                s.acquire(s.each(i), {.priority = i});
            }
            for (const int i : s.in_order)
                s.withdraw(s.each(i));
        },
        {.ageing = 1ms});
}

BOOST_AUTO_TEST_CASE(waiters_that_fail_together)
{
    check_bound([](scene& s) {
        s.acquire("holder", {.priority = highest});
        for (const int i : s.in_order)
            s.acquire(s.each(i), {.priority = i});
        s.fail_all();
    });
}

BOOST_AUTO_TEST_CASE(waiters_of_one_locker_are_granted_together)
{
    check_bound([](scene& s) {
        s.acquire("holder", {.priority = highest});
        for (const int i : s.in_order)
            s.acquire("a/" + std::to_string(i), {.priority = i});
        s.drop("holder");
    });
}

BOOST_AUTO_TEST_CASE(waiters_that_tried_once_fail_in_the_hand_over)
{
    for (const bool graph : {false, true})
        check_bound(
            [](scene& s) {
                s.acquire("holder", {.grace = 1h});
                for (const int i : s.as_they_came) { // each outranks all before it
                    s.acquire("once" + std::to_string(i), {.priority = 2 * i + 1, .max_attempts = 1});
                    s.acquire(s.each(i), {.priority = 2 * i + 2});
                }
                s.drop("holder");
            },
            {.detect_deadlocks = graph});
}

BOOST_AUTO_TEST_CASE(those_behind_the_last_that_tried_once_are_not_looked_at)
{
    check_bound([](scene& s) {
        s.acquire("holder", {.grace = 1h});
        for (const int i : s.as_they_came)
            s.acquire(s.each(i));
        std::string holder = "holder";
        for (const int i : s.as_they_came) {
            const std::string once = s.each(i, "once"), next = s.each(i, "next");
            s.acquire(once, {.priority = 2 * i + 1, .max_attempts = 1});
            s.acquire(next, {.priority = 2 * i + 2, .grace = 1h});
            s.drop(holder);
            holder = next;
        }
    });
}

// --- deadlines -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(deadlines_at_one_instant)
{
    check_bound([](scene& s) {
        s.acquire("holder");
        for (const int i : s.as_they_came)
            s.acquire(s.each(i), {.timeout = 1ms});
        s.at_time(1ms);
    });
}

BOOST_AUTO_TEST_CASE(deadlines_one_after_the_other)
{
    check_bound([](scene& s) {
        s.acquire("holder");
        for (const int i : s.in_order)
            s.acquire(s.each(i), {.timeout = std::chrono::milliseconds(i + 1)});
        for (const int i : s.as_they_came)
            s.at_time(std::chrono::milliseconds(i + 1));
    });
}

// --- handles and resources -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(handles_of_one_locker)
{
    check_bound([](scene& s) {
        for (const int i : s.as_they_came)
            s.acquire("a/" + std::to_string(i));
        for (const int i : s.in_order)
            s.drop("a/" + std::to_string(i));
    });
}

BOOST_AUTO_TEST_CASE(handles_of_one_locker_are_told_together_and_go_one_by_one)
{
    for (const duration grace : {duration(1h), duration::zero()})
        check_bound([grace](scene& s) {
            for (const int i : s.as_they_came) {
                s.acquire("a/" + std::to_string(i), {.grace = grace});
                s.wait("a/" + std::to_string(i));
            }
            s.acquire("thief", {.priority = 1});
            for (const int i : s.in_order)
                s.handler_returns("a/" + std::to_string(i));
            for (const int i : s.in_order)
                s.drop("a/" + std::to_string(i));
        });
}

BOOST_AUTO_TEST_CASE(handles_of_one_locker_are_revoked_one_by_one)
{
    check_bound([](scene& s) {
        for (const int i : s.as_they_came)
            s.acquire("a/" + std::to_string(i));
        for (const int i : s.in_order)
            s.revoke("a/" + std::to_string(i));
    });
}

BOOST_AUTO_TEST_CASE(resources)
{
    check_bound([](scene& s) {
        for (const int i : s.in_order)
            s.acquire(s.each(i), {.ttl = std::chrono::hours(i + 1)}, s.each(i));
        for (const int i : s.as_they_came)
            s.drop(s.each(i));
    });
}

BOOST_AUTO_TEST_CASE(parts_of_a_composite)
{
    check_work([](std::size_t n, order o) {
        boost::asio::io_context context;
        lock_manager manager(context, {.shards = 1});
        std::vector<lock_request> requests;
        for (const int i : numbers(n, o))
            requests.push_back({scene::each(i)});
        lock first = manager.try_acquire(scene::each(0)), held;
        for (int times = 0; times < 2; ++times) {
            async_acquire_all(manager, requests, infinite, [&](error_code ec, lock lk) {
                BOOST_TEST(!ec);
                held = std::move(lk);
            });
            first.release(); // for which it waits
            context.run();
            context.restart();
            if (times == 0)
                manager.async_acquire(scene::each(static_cast<int>(n / 2)), {.priority = 1}, [](error_code, lock) {});
            held = {};
        }
        context.run();
    });
}

// --- deadlocks -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T46_waits_of_one_locker_for_one_resource_are_not_searched_each)
{
    check_bound(
        [](scene& s) {
            s.acquire("holder", {.priority = highest}, "r");
            s.acquire("a", {}, "own");
            s.acquire("b", {}, "own"); // so that a is waited for
            for (const int i : s.as_they_came)
                s.acquire("a/" + std::to_string(i), {}, "r");
            for (const int i : s.in_order)
                s.withdraw("a/" + std::to_string(i));
        },
        {.detect_deadlocks = true});
}

BOOST_AUTO_TEST_CASE(T46_waits_that_fall_back_into_a_cycle_fail_together)
{
    check_bound(
        [](scene& s) {
            s.acquire("holder", {.priority = highest}, "r");
            s.acquire("a", {}, "s");
            s.acquire("a/best", {.priority = highest - 1}, "r");
            s.acquire("b", {.priority = highest - 2}, "r");
            s.acquire("b/2", {}, "s");
            for (const int i : s.in_order)
                s.acquire("a/" + std::to_string(i), {.priority = i}, "r");
            const auto before = s.counted().refusals;
            s.withdraw("a/best");
            BOOST_TEST(s.counted().refusals - before == s.n);
        },
        {.detect_deadlocks = true});
}

BOOST_AUTO_TEST_CASE(T46_many_waits_that_fall_back_need_no_deep_stack)
{
    scene s(100'000, order::ascending, {.detect_deadlocks = true});
    s.acquire("holder", {.priority = highest}, "r");
    s.acquire("a", {}, "s");
    s.acquire("a/best", {.priority = highest - 1}, "r");
    s.acquire("b", {.priority = highest - 2}, "r");
    s.acquire("b/2", {}, "s");
    for (const int i : s.in_order)
        s.acquire("a/" + std::to_string(i), {}, "r");
    s.withdraw("a/best");
    BOOST_TEST(s.counted().refusals == s.n);
    s.teardown();
}

// --- names that are chosen to collide --------------------------------------------------------------------------------

namespace {

/// Names of one hash, if that is Boost's, which has no key: the second word is the first less what it adds in between.
std::vector<std::string> colliding_names(std::size_t n)
{
    std::vector<std::string> result;
    for (std::uint64_t word = 1; result.size() != n; word += 0x0123456789abcdf1) {
        const std::uint64_t words[] = {word, word - 0x9e3779b97f4a7c15};
        std::string name(sizeof words, '\0');
        std::memcpy(name.data(), words, sizeof words);
        if (name.find('/') == std::string::npos && name.front() != '?') // which mean something to the fixture
            result.push_back(std::move(name));
    }
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(T45_lockers_whose_ids_are_chosen_to_collide)
{
    for (const bool graph : {false, true})
        check_bound(
            [](scene& s) {
                const auto names = colliding_names(s.n);
                s.acquire("holder", {.priority = highest});
                for (const int i : s.in_order)
                    s.acquire(names[static_cast<std::size_t>(i)]);
                for (const int i : s.in_order)
                    s.acquire(names[static_cast<std::size_t>(i)] + "/again");
            },
            {.detect_deadlocks = graph});
}

BOOST_AUTO_TEST_CASE(T45_lockers_whose_ids_are_chosen_to_collide_in_a_search)
{
    check_bound(
        [](scene& s) {
            const auto names = colliding_names(s.n);
            s.acquire("a", {}, "wanted");
            s.acquire("b", {}, "wanted"); // so that what a waits for is searched
            for (const auto& each : names)
                s.acquire(each, {}, "long");
            s.acquire("a/2", {}, "long");
        },
        {.detect_deadlocks = true});
}

BOOST_AUTO_TEST_CASE(T45_resources_whose_names_are_chosen_to_collide)
{
    for (const unsigned shards : {1u, 16u}) {
        const auto work = [shards](std::size_t n) {
            boost::asio::io_context context;
            lock_manager manager(context, {.shards = shards});
            std::vector<lock> held;
            const std::uint64_t before = detail::work_done();
            for (const std::string& each : colliding_names(n))
                held.push_back(manager.try_acquire(each));
            return static_cast<double>(detail::work_done() - before) / static_cast<double>(n);
        };
        const double of_few = work(few), of_many = work(many);
        BOOST_TEST(of_many <= of_few + 1,
                   of_few << " for each of " << few << ", " << of_many << " for each of " << many);
    }
}

// --- snapshots -------------------------------------------------------------------------------------------------------

namespace {

/// The most that one turn of a snapshot looks at, and how many turns it takes.
struct turns
{
    std::uint64_t longest = 0;
    std::size_t count = 0;
};

turns turns_of_snapshot(std::size_t resources, std::size_t waiters_of_each)
{
    boost::asio::io_context context;
    lock_manager manager(context, {.shards = 1});
    std::vector<lock> held;
    for (std::size_t i = 0; i < resources; ++i) {
        held.push_back(manager.try_acquire(std::to_string(i)));
        for (std::size_t j = 0; j < waiters_of_each; ++j)
            manager.async_acquire(std::to_string(i), [](error_code, lock) {});
    }
    turns result;
    const auto measure = [&result](auto turn) {
        const std::uint64_t before = detail::work_done();
        turn();
        result.longest = std::max(result.longest, detail::work_done() - before);
        ++result.count;
    };
    std::size_t seen = 0;
    measure([&] { manager.async_snapshot([&](error_code, const snapshot& s) { seen = s.resources.size(); }); });
    while (seen == 0)
        measure([&] { BOOST_TEST_REQUIRE(context.run_one() == 1u); });
    BOOST_TEST(seen == resources);
    manager.cancel();
    context.run();
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_turn_of_a_snapshot_does_not_depend_on_how_many_resources_there_are)
{
    const turns of_few = turns_of_snapshot(many, 3), of_many = turns_of_snapshot(10 * many, 3);
    BOOST_TEST(of_many.longest <= of_few.longest);
    BOOST_TEST(of_few.longest < many);
    BOOST_TEST(of_many.count >= 9 * of_few.count);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test

#endif
