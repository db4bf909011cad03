// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_queue, table_fixture)

BOOST_AUTO_TEST_CASE(I1_a_free_resource_is_granted_at_once_and_a_held_one_is_not)
{
    BOOST_TEST(acquire("a") == "a granted");
    BOOST_TEST(acquire("b") == "");
    BOOST_TEST(who() == "a <- b");
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(state("b") == lock_state::empty);
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(who() == "b");
    BOOST_TEST(state("a") == lock_state::released);
    BOOST_TEST(state("b") == lock_state::held);
    BOOST_TEST(release("b") == "");
    BOOST_TEST(who() == "");
}

BOOST_AUTO_TEST_CASE(resources_do_not_know_of_each_other)
{
    acquire("a", {}, "one");
    BOOST_TEST(acquire("b", {.priority = 9}, "two") == "b granted");
    BOOST_TEST(acquire("a/2", {}, "two") == "");
    BOOST_TEST(who("one") == "a");
    BOOST_TEST(who("two") == "b <- a/2");
}

BOOST_AUTO_TEST_CASE(I7_same_priority_is_first_come_first_served)
{
    acquire("a", {.priority = 3});
    for (const char* name : {"b", "c", "d", "e"})
        acquire(name, {.priority = 2});
    BOOST_TEST(who() == "a <- b c d e");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(release("b") == "c granted");
    BOOST_TEST(release("c") == "d granted");
    BOOST_TEST(release("d") == "e granted");
}

BOOST_AUTO_TEST_CASE(I7_no_lower_priority_goes_while_a_higher_one_waits)
{
    acquire("a", {.priority = 9});
    acquire("low", {.priority = -1});
    acquire("middle", {.priority = 0});
    acquire("high", {.priority = 1});
    acquire("middle2", {.priority = 0});
    BOOST_TEST(who() == "a <- high middle middle2 low");
    BOOST_TEST(release("a") == "high granted");
    BOOST_TEST(release("high") == "middle granted");
    BOOST_TEST(release("middle") == "middle2 granted");
    BOOST_TEST(release("middle2") == "low granted");
}

BOOST_AUTO_TEST_CASE(I7_nobody_barges_in_between)
{
    acquire("a");
    acquire("b");
    // The release itself hands over: there is no moment at which a newcomer finds the resource free.
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(acquire("c") == "");
    BOOST_TEST(acquire("a/again") == "");
    BOOST_TEST(who() == "b <- c a/again");
}

BOOST_AUTO_TEST_CASE(I7_who_comes_back_queues_at_the_end)
{
    acquire("a");
    acquire("b");
    acquire("c");
    BOOST_TEST(withdraw("b") == "b aborted");
    acquire("b/2");
    BOOST_TEST(who() == "a <- c b/2");
}

BOOST_AUTO_TEST_CASE(P7_a_withdrawn_waiter_is_settled_once_and_never_granted)
{
    acquire("a");
    acquire("b");
    acquire("c");
    BOOST_TEST(withdraw("b") == "b aborted");
    BOOST_TEST(withdraw("b") == "b settled already");
    BOOST_TEST(release("a") == "c granted");
    BOOST_TEST(state("b") == lock_state::empty);
}

BOOST_AUTO_TEST_CASE(P7_a_grant_that_came_first_is_not_withdrawn)
{
    acquire("a");
    acquire("b");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(withdraw("b") == "b settled already");
    BOOST_TEST(state("b") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(P7_an_undelivered_grant_that_is_undone_goes_to_the_next)
{
    delivers_at_once = false;
    acquire("a");
    acquire("b");
    acquire("c");
    deliver("a");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(drop("b") == "c granted"); // its completion was destroyed unrun
    BOOST_TEST(deliver("b") == "");
    BOOST_TEST(who() == "c");
}

BOOST_AUTO_TEST_CASE(P8_a_second_release_is_harmless)
{
    acquire("a");
    acquire("b");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(release("a") == "a not held");
    BOOST_TEST(drop("a") == "");
    BOOST_TEST(who() == "b");
    BOOST_TEST(state("a") == lock_state::released);
}

BOOST_AUTO_TEST_CASE(P8_a_release_is_told_once_and_only_to_those_who_wait_for_it)
{
    acquire("a");
    acquire("b");
    wait("a");
    wait("a");
    BOOST_TEST(release("a") == "a released, b granted");
    BOOST_TEST(handler_returns("a") == "");
    BOOST_TEST(handler_returns("a") == "");
    BOOST_TEST(release("b") == "");
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_is_not_told_and_leaves_the_lock_alone)
{
    acquire("a");
    wait("a");
    BOOST_TEST(cancel_wait("a") == "");
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(release("a") == "");
}

BOOST_AUTO_TEST_CASE(P9_failing_all_waiters_leaves_the_holders_alone)
{
    acquire("a", {}, "one");
    acquire("b", {}, "one");
    acquire("c", {}, "two");
    acquire("d", {.timeout = 5ms}, "two");
    acquire("e", {.priority = -1}, "one");
    BOOST_TEST(fail_all() == "b aborted, d aborted, e aborted");
    BOOST_TEST(who("one") == "a");
    BOOST_TEST(who("two") == "c");
    BOOST_TEST(due() == -1);
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(release("a") == "");
    BOOST_TEST(acquire("f", {}, "one") == "f granted");
}

BOOST_AUTO_TEST_CASE(P9_failing_all_with_another_reason)
{
    acquire("a");
    acquire("b");
    fail_all(errc::manager_closed);
    BOOST_TEST((at("b").outcome == errc::manager_closed));
}

BOOST_AUTO_TEST_CASE(the_smallest_and_the_largest_priority_are_priorities_like_others)
{
    constexpr int lowest = std::numeric_limits<int>::min();
    constexpr int highest = std::numeric_limits<int>::max();
    acquire("a", {.priority = lowest, .grace = 0s});
    BOOST_TEST(acquire("b", {.priority = lowest}) == "");
    BOOST_TEST(acquire("c", {.priority = highest, .grace = 0s}) == "a preempted, c granted");
    BOOST_TEST(priority("c") == highest);
    BOOST_TEST(acquire("d", {.priority = highest}) == "");
    BOOST_TEST(acquire("e", {.priority = highest - 1}) == "");
    BOOST_TEST(who() == "c <- d e b");
    BOOST_TEST(release("c") == "d granted");
    BOOST_TEST(release("d") == "e granted");
    BOOST_TEST(release("e") == "b granted");
    BOOST_TEST(priority("b") == lowest);
    BOOST_TEST(acquire("f", {.priority = lowest + 1}) == "b revoking");
}

BOOST_AUTO_TEST_CASE(a_waiter_keeps_nothing_of_a_resource_that_it_gave_up)
{
    acquire("a");
    acquire("b", {.priority = 5, .timeout = 10ms});
    BOOST_TEST(withdraw("b") == "b aborted");
    BOOST_TEST(drop("a") == "");
    BOOST_TEST(who() == "");
    BOOST_TEST(due() == -1);
    BOOST_TEST(live_holds() == 0u);
}

BOOST_AUTO_TEST_CASE(I7_tickets_that_come_with_the_acquires_decide_among_equals)
{
    acquire("a", {.priority = 2});
    const std::pair<const char*, std::uint64_t> arrivals[] = {{"b", 30}, {"c", 10}, {"d", 40}, {"e", 20}, {"f", 5}};
    for (const auto& [name, ticket] : arrivals) {
        next_ticket = ticket;
        acquire(name);
    }
    next_ticket = 50;
    acquire("g", {.priority = 1});
    BOOST_TEST(who() == "a <- g f c e b d");
    withdraw("f"); // the first of its priority
    withdraw("b"); // one between
    next_ticket = 7;
    acquire("h");
    BOOST_TEST(who() == "a <- g h c e d");
    withdraw("d"); // the last
    BOOST_TEST(release("a") == "g granted");
    BOOST_TEST(release("g") == "h granted");
    BOOST_TEST(release("h") == "c granted");
    BOOST_TEST(release("c") == "e granted");
    BOOST_TEST(release("e") == "");
}

BOOST_AUTO_TEST_CASE(I7_waiters_of_one_priority_leave_from_anywhere)
{
    acquire("a", {.priority = 9});
    acquire("high", {.priority = 2});
    for (const char* name : {"b", "c", "d", "e", "f"})
        acquire(name, {.priority = 1});
    acquire("low");
    BOOST_TEST(withdraw("b") == "b aborted");
    BOOST_TEST(who() == "a <- high c d e f low");
    BOOST_TEST(withdraw("d") == "d aborted");
    BOOST_TEST(who() == "a <- high c e f low");
    BOOST_TEST(withdraw("f") == "f aborted");
    BOOST_TEST(who() == "a <- high c e low");
    acquire("g", {.priority = 1});
    BOOST_TEST(who() == "a <- high c e g low");
    withdraw("c");
    withdraw("e");
    BOOST_TEST(who() == "a <- high g low");
    withdraw("g");
    BOOST_TEST(who() == "a <- high low");
    acquire("h", {.priority = 1});
    withdraw("high");
    BOOST_TEST(who() == "a <- h low");
}

BOOST_AUTO_TEST_CASE(I7_many_priorities_each_first_come_first_served)
{
    acquire("a", {.priority = 1000});
    std::vector<std::pair<int, int>> expected; // minus the priority, arrival
    for (int i = 0; i < 1000; ++i) {
        const int priority = i * 7919 % 37;
        acquire(std::to_string(i), {.priority = priority});
        expected.emplace_back(-priority, i);
    }
    std::sort(expected.begin(), expected.end());
    std::string previous = "a";
    int wrong = 0;
    for (const auto& [unused, i] : expected) {
        const std::string next = std::to_string(i);
        wrong += drop(previous) != next + " granted";
        previous = next;
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(I7_50000_waiters_are_served_in_order)
{
    constexpr int count = 50'000;
    acquire("holder", {.priority = 1});
    for (int i = 0; i < count; ++i)
        acquire(std::to_string(i),
                {.priority = i % 2 == 0 ? 0 : 1, .ttl = 1h, .timeout = 10s + std::chrono::milliseconds(i)});
    std::string previous = "holder";
    int wrong = 0;
    for (const int parity : {1, 0})
        for (int i = parity; i < count; i += 2) {
            const std::string next = std::to_string(i);
            wrong += drop(previous) != next + " granted";
            previous = next;
        }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(I7_50000_waiters_can_be_withdrawn_from_anywhere)
{
    constexpr int count = 50'000;
    acquire("holder");
    for (int i = 0; i < count; ++i)
        acquire("same/" + std::to_string(i), {.timeout = 10s});
    int wrong = 0;
    for (int i = 0; i < count; ++i)
        if (i % 100 != 7) {
            const std::string name = "same/" + std::to_string((i * 7919LL) % count);
            wrong += at(name).options.timeout != 10s || withdraw(name) != name + " aborted";
        }
    BOOST_TEST(wrong == 0);
    drop("holder");
    BOOST_TEST(last_events().settled.size() == 500u);
}

BOOST_AUTO_TEST_CASE(P5_10000_rising_priorities_tell_every_victim_once)
{
    constexpr int count = 10'000;
    acquire("0", {.priority = 0});
    int wrong = 0;
    for (int i = 1; i < count; ++i) {
        const std::string victim = std::to_string(i - 1);
        const std::string thief = std::to_string(i);
        wrong += acquire(thief, {.priority = i}) != victim + " revoking";
        wrong += drop(victim) != thief + " granted";
    }
    BOOST_TEST(wrong == 0);
    BOOST_TEST(live_holds() == 1u);
}

BOOST_AUTO_TEST_CASE(P5_10000_rising_priorities_in_one_hand_shake)
{
    constexpr int count = 10'000;
    acquire("0", {.priority = 0});
    BOOST_TEST(acquire("1", {.priority = 1}) == "0 revoking");
    int wrong = 0;
    for (int i = 2; i < count; ++i)
        wrong += !acquire(std::to_string(i), {.priority = i}).empty();
    BOOST_TEST(wrong == 0);
    std::string previous = "0";
    for (int i = count - 1; i > 0; --i) {
        const std::string next = std::to_string(i);
        wrong += drop(previous) != next + " granted";
        previous = next;
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(one_more_waiter_than_may_wait_is_refused_or_takes_the_place_of_the_last)
{
    table_fixture table(table_fixture::default_idle_capacity, {.max_waiters_per_resource = 2});
    table.acquire("a", {.priority = 9});
    table.acquire("low", {.priority = 1});
    table.acquire("lower");
    BOOST_TEST(table.acquire("lower2") == "lower2 queue_full");
    BOOST_TEST(table.acquire("other", {}, "elsewhere") == "other granted");
    BOOST_TEST(table.acquire("a/2") == "a/2 granted"); // does not wait
    BOOST_TEST(table.acquire("high", {.priority = 5}) == "lower queue_full");
    BOOST_TEST(table.acquire("low2", {.priority = 1}) == "low2 queue_full");
    BOOST_TEST(table.who() == "a a/2 <- high low");
    BOOST_TEST(table.acquire("thief", {.priority = 10}) == "a revoking, a/2 revoking, low queue_full");
    table.release("a/2");
    BOOST_TEST(table.release("a") == "thief granted");
    BOOST_TEST(table.acquire("next") == ""); // there is a place again
    table.teardown();
}

BOOST_AUTO_TEST_CASE(the_limit_of_all_waiters_is_one_for_several_tables)
{
    const auto limit = std::make_shared<detail::waiter_limit>(2u);
    table_fixture one(table_fixture::default_idle_capacity, {.max_waiters = limit});
    table_fixture two(table_fixture::default_idle_capacity, {.max_waiters = limit});
    one.acquire("a");
    two.acquire("a");
    one.acquire("b");
    two.acquire("b");
    BOOST_TEST(one.acquire("c") == "c queue_full");
    BOOST_TEST(two.acquire("c", {.priority = -1}) == "c queue_full");
    BOOST_TEST(one.release("a") == "b granted");
    BOOST_TEST(two.acquire("d") == "");
    BOOST_TEST(two.withdraw("b") == "b aborted");
    BOOST_TEST(one.acquire("e") == "");
    BOOST_TEST(two.acquire("f") == "f queue_full");
    one.teardown();
    two.teardown();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
