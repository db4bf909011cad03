// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <limits>

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

} // namespace

BOOST_AUTO_TEST_SUITE(lock_table_ageing_off)

BOOST_AUTO_TEST_CASE(a_steady_stream_of_high_priority_starves_low_priority)
{
    BOOST_TEST(turn_of_low({}) == 0);
}

BOOST_AUTO_TEST_CASE(with_ageing_low_priority_gets_its_turn)
{
    // It takes five intervals to draw level with the others, and then it is the one that came first.
    BOOST_TEST(turn_of_low({.ageing = 10ms}) == 10);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lock_table_ageing, ageing_fixture)

BOOST_AUTO_TEST_CASE(nobody_waits_no_deadline)
{
    acquire("a");
    BOOST_TEST(due() == -1);
    acquire("b", {.priority = -5});
    BOOST_TEST(due() == 10);
    withdraw("b");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(I7_a_rank_rises_each_interval_counted_from_the_start_of_the_wait)
{
    acquire("a", {.priority = 9});
    clock_at(3ms);
    acquire("b", {.priority = 0});
    clock_at(4ms);
    acquire("c", {.priority = 2});
    BOOST_TEST(who() == "a <- c b");
    BOOST_TEST(due() == 13);
    at_time(24ms); // b has 2, c 4
    acquire("d", {.priority = 3});
    BOOST_TEST(who() == "a <- c d b");
    at_time(33ms - 1ns);
    BOOST_TEST(who() == "a <- c d b");
    at_time(33ms); // b has 3 and came before d
    BOOST_TEST(who() == "a <- c b d");
    BOOST_TEST(at("b").waiter::priority == 3);
    at_time(34ms); // d has 4
    BOOST_TEST(who() == "a <- c d b");
    BOOST_TEST(release("a") == "c granted");
    BOOST_TEST(release("c") == "d granted");
    BOOST_TEST(release("d") == "b granted");
}

BOOST_AUTO_TEST_CASE(P1_a_rank_that_comes_to_exceed_the_holder_preempts_it)
{
    acquire("a", {.priority = 2});
    acquire("b", {.priority = 0});
    at_time(20ms);
    BOOST_TEST(state("a") == lock_state::held); // equal
    BOOST_TEST(at_time(30ms) == "a revoking");
    BOOST_TEST(release("a") == "b granted");
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

BOOST_AUTO_TEST_CASE(the_holder_has_the_rank_that_it_reached)
{
    acquire("a", {.priority = 5, .ttl = 25ms});
    acquire("b", {.priority = 1});
    acquire("c", {.priority = 3, .timeout = 1ms});
    at_time(20ms);
    BOOST_TEST(at_time(25ms) == "a expired, b granted");
    BOOST_TEST(priority("b") == 3);
    BOOST_TEST(acquire("d", {.priority = 3}) == ""); // no reason to go
    BOOST_TEST(acquire("e", {.priority = 4}) == "b revoking");
    BOOST_TEST(release("b") == "e granted");
    BOOST_TEST(priority("e") == 4); // the rank of a hold does not rise
    at_time(35ms);
    BOOST_TEST(priority("e") == 4);
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

BOOST_AUTO_TEST_CASE(a_rank_ends_at_the_highest_int)
{
    constexpr int highest = std::numeric_limits<int>::max();
    acquire("a", {.priority = highest});
    acquire("b", {.priority = highest - 1});
    at_time(10ms);
    BOOST_TEST(at("b").waiter::priority == highest);
    BOOST_TEST(due() == -1);
    BOOST_TEST(at_time(1h) == "");
    acquire("c", {.priority = highest});
    BOOST_TEST(due() == -1);
    BOOST_TEST(release("a") == "b granted");
    acquire("d", {.priority = std::numeric_limits<int>::min()});
    at_time(24h * 365);
    BOOST_TEST(who() == "b <- c d");
}

BOOST_AUTO_TEST_CASE(a_late_timer_gives_ranks_as_of_now)
{
    acquire("a", {.priority = 9, .ttl = 15ms});
    acquire("b", {.priority = 0});
    clock_at(1ms);
    acquire("c", {.priority = 1});
    BOOST_TEST(at_time(62ms) == "a expired, c granted");
    BOOST_TEST(priority("c") == 7);
    BOOST_TEST(due() == 70); // b's next step, counted from its start
    BOOST_TEST(who() == "c <- b");
    BOOST_TEST(at_time(80ms) == "c revoking");
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

BOOST_AUTO_TEST_CASE(a_last_attempt_at_the_instant_of_a_rise_is_a_hand_shake)
{
    acquire("a");
    acquire("b", {.max_attempts = 5}); // the last after 15 ms
    at_time(9ms);
    acquire("c", {.max_attempts = 5}); // 24 ms
    BOOST_TEST(at_time(10ms) == "a revoking");
    BOOST_TEST(at_time(24ms) == "c already_acquired");
    BOOST_TEST(release("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P5_a_rank_that_rises_in_a_hand_shake_goes_first)
{
    acquire("a", {.priority = 0});
    acquire("b", {.priority = 0});
    at_time(5ms);
    BOOST_TEST(acquire("c", {.priority = 1}) == "a revoking");
    BOOST_TEST(who() == "revoking a <- c b");
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(who() == "revoking a <- b c");
    BOOST_TEST(release("a") == "b granted");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
