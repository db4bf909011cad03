// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock::test {

namespace {

struct ageing_fixture : table_fixture
{
    ageing_fixture() : table_fixture(default_idle_capacity, {.ageing = 10ms}) {}
};

/// Work of high priority, so much of it that one always waits, and one of low priority. When the low one was granted,
/// in units of the work; 0: never.
int turn_of_low(const detail::table_rules& rules)
{
    table_fixture table(table_fixture::default_idle_capacity, rules);
    table.acquire("high0", {.priority = 5});
    table.acquire("low", {.priority = 0});
    int turn = 0;
    for (int i = 1; i <= 100 && turn == 0; ++i) {
        const std::string next = "high" + std::to_string(i);
        table.acquire(next, {.priority = 5});
        table.at_time(i * 5ms);
        const std::string holder = "high" + std::to_string(i - 1);
        table.release(holder);
        if (table.state("low") == lock_state::held)
            turn = i;
    }
    table.teardown();
    return turn;
}

/// 20 000 waiters of several priorities, who come one after the other, and how often the timer runs until all of them
/// have been served. `held_for`: then each lets go, if it has not been told to before.
int timer_runs(duration held_for, int& out_of_order)
{
    constexpr int count = 20'000;
    constexpr duration interval = 5ms;
    table_fixture table(table_fixture::default_idle_capacity, {.ageing = interval});
    table.acquire("holder", {.priority = 100});
    std::vector<std::pair<duration, std::string>> expected; // start - priority * interval
    duration now{};
    for (int i = 0; i < count; ++i, now += 10us) {
        table.clock_at(now);
        const std::string name = std::to_string(i);
        table.acquire(name, {.priority = i % 7});
        expected.emplace_back(now - i % 7 * interval, name);
    }
    std::sort(expected.begin(), expected.end());
    int runs = 0;
    std::string holder = "holder";
    for (const auto& [unused, next] : expected) {
        const time_point until = held_for == infinite ? never : table.start + now + held_for;
        while (table.state(holder) == lock_state::held && table.next_deadline() <= until) {
            BOOST_REQUIRE((table.next_deadline() != never));
            now = std::max(now, table.next_deadline() - table.start);
            table.at_time(now);
            ++runs;
        }
        if (table.state(holder) == lock_state::held)
            table.clock_at(now = until - table.start);
        out_of_order += table.drop(holder) != next + " granted";
        holder = next;
    }
    table.teardown();
    return runs;
}

} // namespace

BOOST_AUTO_TEST_SUITE(lock_table_ageing_off)

BOOST_AUTO_TEST_CASE(a_steady_stream_of_high_priority_starves_low_priority)
{
    BOOST_TEST(turn_of_low({}) == 0);
}

BOOST_AUTO_TEST_CASE(with_ageing_low_priority_gets_its_turn)
{
    // It is ahead of those who come five intervals after it.
    BOOST_TEST(turn_of_low({.ageing = 10ms}) == 11);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lock_table_ageing, ageing_fixture)

BOOST_AUTO_TEST_CASE(nobody_waits_no_deadline)
{
    acquire("a");
    BOOST_TEST(due() == -1);
    acquire("b", {.priority = -5});
    BOOST_TEST(due() == 60);
    withdraw("b");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(I7_the_order_is_that_of_ranks_and_never_changes)
{
    acquire("a", {.priority = 9});
    clock_at(3ms);
    acquire("b", {.priority = 0});
    clock_at(4ms);
    acquire("c", {.priority = 2});
    BOOST_TEST(who() == "a <- c b");
    at_time(24ms); // b has 2.1, c 4
    acquire("d", {.priority = 3});
    acquire("e", {.priority = 2});
    BOOST_TEST(who() == "a <- c d b e");
    BOOST_TEST(priority("b") == 3);
    at_time(53ms); // b has 5, c 6.9, d 5.9
    BOOST_TEST(who() == "a <- c d b e");
    BOOST_TEST(priority("b") == 5);
    BOOST_TEST(release("a") == "c granted");
    BOOST_TEST(release("c") == "d granted");
    BOOST_TEST(release("d") == "b granted");
    BOOST_TEST(release("b") == "e granted");
}

BOOST_AUTO_TEST_CASE(I7_of_equal_ranks_the_first_to_come_is_ahead)
{
    acquire("a", {.priority = 9});
    acquire("b", {.priority = 1});
    clock_at(20ms); // b has 3
    acquire("c", {.priority = 3});
    clock_at(30ms);
    acquire("d", {.priority = 4});
    BOOST_TEST(who() == "a <- b c d");
}

BOOST_AUTO_TEST_CASE(P11_a_rank_that_comes_to_be_a_step_above_the_holder_preempts_it)
{
    acquire("a", {.priority = 2});
    acquire("b", {.priority = 0});
    BOOST_TEST(due() == 30);
    at_time(20ms);
    BOOST_TEST(state("a") == lock_state::held); // equal
    at_time(30ms - 1ns);
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(at_time(30ms) == "a revoking");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(priority("b") == 3);
}

BOOST_AUTO_TEST_CASE(P1_equals_take_turns)
{
    acquire("a");
    acquire("b");
    BOOST_TEST(at_time(10ms) == "a revoking");
    BOOST_TEST(release("a") == "b granted");
    acquire("a/2");
    at_time(20ms);
    BOOST_TEST(who() == "b <- a/2"); // b holds with 1
    BOOST_TEST(at_time(30ms) == "b revoking");
}

BOOST_AUTO_TEST_CASE(P1_who_waited_with_the_holder_leaves_it_an_interval)
{
    acquire("a", {.priority = 9, .ttl = 25ms});
    acquire("b");
    clock_at(1ms);
    acquire("c");
    BOOST_TEST(at_time(25ms) == "a expired, b granted"); // b has 2.5 and holds with 3, c 2.4
    BOOST_TEST(due() == 41);
    BOOST_TEST(at_time(41ms) == "b revoking");
}

BOOST_AUTO_TEST_CASE(P11_the_holder_has_the_rank_that_it_reached_rounded_up)
{
    acquire("a", {.priority = 5, .ttl = 25ms});
    acquire("b", {.priority = 1});
    acquire("c", {.priority = 3, .timeout = 1ms});
    at_time(20ms);
    BOOST_TEST(at_time(25ms) == "a expired, b granted"); // with 3.5
    BOOST_TEST(priority("b") == 4);
    BOOST_TEST(acquire("d", {.priority = 4}) == ""); // no reason to go
    BOOST_TEST(acquire("e", {.priority = 5}) == "b revoking");
    BOOST_TEST(release("b") == "e granted");
    BOOST_TEST(priority("e") == 5); // the rank of a hold does not rise
    at_time(35ms);
    BOOST_TEST(priority("e") == 5);
}

BOOST_AUTO_TEST_CASE(a_priority_that_is_raised_defers_the_preemption)
{
    acquire("a");
    acquire("b");
    acquire("a/2", {.priority = 1});
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(due() == 20);
    BOOST_TEST(raise("a", 3) == "");
    BOOST_TEST(at_time(20ms) == "");
    BOOST_TEST(at_time(40ms) == "a revoking, a/2 revoking");
}

BOOST_AUTO_TEST_CASE(whoever_comes_to_be_the_first_in_line_decides)
{
    acquire("a");
    acquire("b");
    clock_at(2ms);
    acquire("c");
    BOOST_TEST(due() == 10);
    withdraw("b");
    BOOST_TEST(due() == 12);
    acquire("d", {.priority = 0, .ttl = 1ms});
    BOOST_TEST(due() == 12);
    BOOST_TEST(at_time(12ms) == "a revoking");
    BOOST_TEST(release("a") == "c granted");
}

BOOST_AUTO_TEST_CASE(a_newcomer_is_compared_with_ranks)
{
    acquire("a", {.priority = 9});
    acquire("b", {.priority = 1});
    at_time(20ms); // b has 3
    BOOST_TEST(acquire("c", {.priority = 3}) == "");
    BOOST_TEST(who() == "a <- b c");
    BOOST_TEST(acquire("thief", {.priority = 10, .max_attempts = 1}) == "a revoking");
    BOOST_TEST(release("a") == "thief granted");
}

BOOST_AUTO_TEST_CASE(I7_ranks_of_one_locker_rise_each_by_its_own)
{
    acquire("a", {.priority = 9});
    acquire("b", {.priority = 0});
    at_time(10ms);
    acquire("b/2", {.priority = 0});
    at_time(20ms); // 2 and 1
    BOOST_TEST(release("a") == "b granted, b/2 granted");
    BOOST_TEST(priority("b") == 2);
}

BOOST_AUTO_TEST_CASE(I9_the_last_in_line_gives_way_to_a_higher_rank)
{
    table_fixture table(table_fixture::default_idle_capacity, {.ageing = 10ms, .max_waiters_per_resource = 1});
    table.acquire("a", {.priority = 9});
    table.acquire("b");
    table.clock_at(15ms); // b has 1.5
    BOOST_TEST(table.acquire("c", {.priority = 1}) == "c queue_full");
    BOOST_TEST(table.acquire("d", {.priority = 2}) == "b queue_full");
    table.teardown();
}

BOOST_AUTO_TEST_CASE(ranks_rise_above_the_highest_int_and_hold_with_it)
{
    constexpr int highest = std::numeric_limits<int>::max();
    acquire("a", {.priority = highest});
    acquire("b", {.priority = highest - 1});
    BOOST_TEST(at_time(20ms) == "a revoking");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(priority("b") == highest);
    acquire("c", {.priority = highest});
    acquire("d", {.priority = std::numeric_limits<int>::min()});
    BOOST_TEST(who() == "b <- c d");
    BOOST_TEST(at_time(30ms) == "b revoking");
    BOOST_TEST(release("b") == "c granted");
    BOOST_TEST(at_time(24h * 365) == ""); // 2^32 intervals are more
    BOOST_TEST(at_time(24h * 600) == "c revoking");
}

BOOST_AUTO_TEST_CASE(an_interval_may_be_as_long_as_time_itself)
{
    table_fixture table(table_fixture::default_idle_capacity, {.ageing = infinite - 1ns});
    table.acquire("a");
    table.acquire("low", {.priority = std::numeric_limits<int>::min()});
    table.acquire("b");
    table.clock_at(1ms);
    table.acquire("c");
    BOOST_TEST(table.who() == "a <- b c low");
    BOOST_TEST(table.due() == -1);
    BOOST_TEST(table.acquire("high", {.priority = 1}) == "a revoking");
    table.teardown();
}

BOOST_AUTO_TEST_CASE(a_late_timer_gives_ranks_as_of_now)
{
    acquire("a", {.priority = 9, .ttl = 15ms});
    acquire("b", {.priority = 0});
    clock_at(1ms);
    acquire("c", {.priority = 1});
    BOOST_TEST(at_time(62ms) == "a expired, c granted");
    BOOST_TEST(priority("c") == 8); // 7.1
    BOOST_TEST(due() == 90);
    BOOST_TEST(who() == "c <- b");
    BOOST_TEST(at_time(90ms) == "c revoking");
}

BOOST_AUTO_TEST_CASE(P6_an_expiry_comes_before_a_late_preemption)
{
    acquire("a", {.ttl = 15ms});
    acquire("b");
    BOOST_TEST(at_time(20ms) == "a expired, b granted");
}

BOOST_AUTO_TEST_CASE(a_timeout_comes_before_the_rank)
{
    acquire("a");
    acquire("b", {.timeout = 10ms});
    BOOST_TEST(at_time(10ms) == "b acquire_timeout");
    BOOST_TEST(state("a") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(a_last_attempt_in_a_hand_shake_by_rank_waits_for_it)
{
    acquire("a");
    acquire("b", {.max_attempts = 5}); // the last after 15 ms
    at_time(9ms);
    acquire("c", {.max_attempts = 5}); // 24 ms
    BOOST_TEST(at_time(10ms) == "a revoking");
    BOOST_TEST(at_time(24ms) == "c already_acquired");
    BOOST_TEST(release("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(a_last_attempt_at_the_instant_of_the_rise_begins_the_hand_shake)
{
    table_fixture table(table_fixture::default_idle_capacity, {.ageing = 15ms});
    table.acquire("a");
    table.acquire("b", {.max_attempts = 5});
    BOOST_TEST(table.at_time(15ms) == "a revoking");
    BOOST_TEST(table.release("a") == "b granted");
    table.teardown();
}

BOOST_AUTO_TEST_CASE(P5_in_a_hand_shake_only_a_higher_rank_goes_first)
{
    acquire("a", {.priority = 0});
    acquire("b", {.priority = 0});
    at_time(5ms);
    BOOST_TEST(acquire("c", {.priority = 1}) == "a revoking");
    BOOST_TEST(who() == "revoking a <- c b");
    at_time(12ms);
    acquire("d", {.priority = 1}); // b has 1.2
    acquire("e", {.priority = 2}); // c has 1.7
    BOOST_TEST(who() == "revoking a <- e c b d");
    BOOST_TEST(release("a") == "e granted");
}

BOOST_AUTO_TEST_CASE(twenty_thousand_waiters_need_the_timer_only_for_holders_that_have_to_go)
{
    int out_of_order = 0;
    BOOST_TEST(timer_runs(1ms, out_of_order) <= 5'000); // as long as it takes is 4 000 intervals
    BOOST_TEST(timer_runs(infinite, out_of_order) <= 20'001);
    BOOST_TEST(out_of_order == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
