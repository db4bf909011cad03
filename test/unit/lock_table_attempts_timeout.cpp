// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <string>
#include <utility>

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_attempts_timeout, table_fixture)

BOOST_AUTO_TEST_CASE(timeout_counts_from_the_acquire)
{
    acquire("a");
    clock_at(5ms);
    acquire("b", {.timeout = 10ms});
    BOOST_TEST(due() == 15);
    BOOST_TEST(at_time(15ms - 1ns) == "");
    BOOST_TEST(at_time(15ms) == "b acquire_timeout");
    BOOST_TEST(who() == "a");
    BOOST_TEST(due() == -1);
    BOOST_TEST(at_time(1h) == "");
}

BOOST_AUTO_TEST_CASE(timeout_of_a_thief_leaves_the_victim_lost)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1, .timeout = 10ms});
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(10ms) == "b acquire_timeout");
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(due() == 20);
    at_time(20ms);
    BOOST_TEST(state("a") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(timeout_does_not_outlive_the_grant)
{
    acquire("a");
    acquire("b", {.timeout = 10ms});
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(due() == -1);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(state("b") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(timeouts_end_in_the_order_of_their_time_across_resources)
{
    acquire("a", {}, "one");
    acquire("b", {}, "two");
    acquire("c", {.timeout = 3ms}, "one");
    acquire("d", {.timeout = 1ms}, "two");
    acquire("e", {.timeout = 2ms}, "one");
    BOOST_TEST(due() == 1);
    BOOST_TEST(at_time(1s) == "d acquire_timeout, e acquire_timeout, c acquire_timeout");
}

// A late timer finds the end of a grace, a timeout and the end of a ttl, all past.
BOOST_AUTO_TEST_CASE(a_timeout_before_the_end_of_a_revoked_ttl_is_served_before_it)
{
    acquire("a", {.ttl = 20ms, .grace = 5ms});
    wait("a");
    acquire("b", {.priority = 1, .timeout = 10ms});
    BOOST_TEST(at_time(30ms) == "b acquire_timeout");
    BOOST_TEST(state("a") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(timeout_0_is_granted_now_or_never)
{
    BOOST_TEST(acquire("a", {.timeout = 0s}) == "a granted");
    BOOST_TEST(acquire("b", {.timeout = 0s}) == "b acquire_timeout");
    BOOST_TEST(who() == "a");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(timeout_0_tells_nobody)
{
    acquire("a", {.grace = 0s});
    BOOST_TEST(acquire("b", {.priority = 9, .timeout = 0s}) == "b acquire_timeout");
    BOOST_TEST(acquire("c", {.priority = 9, .timeout = 0s, .max_attempts = 1}) == "c acquire_timeout");
    BOOST_TEST(state("a") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(timeout_0_in_a_hand_shake_changes_nothing)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(acquire("c", {.priority = 2, .timeout = 0s}) == "c acquire_timeout");
    BOOST_TEST(who() == "revoking a <- b");
}

BOOST_AUTO_TEST_CASE(one_attempt_that_does_not_outrank_is_refused)
{
    acquire("a", {.priority = 1});
    BOOST_TEST(acquire("b", {.priority = 1, .max_attempts = 1}) == "b already_acquired");
    BOOST_TEST(acquire("c", {.priority = 0, .max_attempts = 1}) == "c already_acquired");
    BOOST_TEST(who() == "a");
    BOOST_TEST(live_holds() == 1u);
}

BOOST_AUTO_TEST_CASE(one_attempt_that_finds_the_resource_free_is_granted)
{
    BOOST_TEST(acquire("a", {.max_attempts = 1}) == "a granted");
}

BOOST_AUTO_TEST_CASE(one_attempt_that_outranks_preempts_and_waits_for_the_hand_shake)
{
    acquire("a", {.grace = 20ms});
    BOOST_TEST(acquire("b", {.priority = 1, .max_attempts = 1}) == "a revoking");
    BOOST_TEST(at_time(10ms) == ""); // however long it takes
    BOOST_TEST(at_time(20ms) == "b granted");
}

BOOST_AUTO_TEST_CASE(one_attempt_that_outranks_a_holder_without_grace_is_granted_at_once)
{
    acquire("a", {.grace = 0s});
    BOOST_TEST(acquire("b", {.priority = 1, .max_attempts = 1}) == "a preempted, b granted");
    acquire("c"); // the count of such waiters is back at none
    acquire("d");
    BOOST_TEST(release("b") == "c granted");
    BOOST_TEST(who() == "c <- d");
}

BOOST_AUTO_TEST_CASE(one_attempt_has_its_timeout_in_the_hand_shake)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1, .timeout = 10ms, .max_attempts = 1});
    BOOST_TEST(at_time(10ms) == "b acquire_timeout");
}

BOOST_AUTO_TEST_CASE(one_attempt_that_loses_its_hand_shake_is_over)
{
    acquire("a");
    acquire("patient");
    acquire("b", {.priority = 1, .max_attempts = 1});
    acquire("c", {.priority = 2});
    BOOST_TEST(release("a") == "c granted, b already_acquired");
    BOOST_TEST(who() == "c <- patient");
}

BOOST_AUTO_TEST_CASE(one_attempt_wins_if_the_better_thief_gives_up)
{
    acquire("a");
    acquire("b", {.priority = 1, .max_attempts = 1});
    acquire("c", {.priority = 2});
    BOOST_TEST(withdraw("c") == "c aborted");
    BOOST_TEST(release("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(one_attempt_during_a_hand_shake_goes_on_only_if_it_would_win_it)
{
    acquire("a");
    acquire("b", {.priority = 2});
    BOOST_TEST(acquire("c", {.priority = 1, .max_attempts = 1}) == "c already_acquired");
    BOOST_TEST(acquire("d", {.priority = 2, .max_attempts = 1}) == "d already_acquired");
    BOOST_TEST(acquire("e", {.priority = 3, .max_attempts = 1}) == "");
    BOOST_TEST(release("a") == "e granted");
    BOOST_TEST(who() == "e <- b");
}

BOOST_AUTO_TEST_CASE(one_attempt_that_was_withdrawn_is_forgotten)
{
    acquire("a");
    acquire("b", {.priority = 1, .max_attempts = 1});
    BOOST_TEST(withdraw("b") == "b aborted");
    acquire("c", {.priority = 1, .max_attempts = 1});
    acquire("d", {.priority = 2, .max_attempts = 1});
    acquire("e");
    BOOST_TEST(release("a") == "d granted, c already_acquired");
    acquire("f", {.priority = 3});
    BOOST_TEST(release("d") == "f granted"); // e goes on waiting
    BOOST_TEST(who() == "f <- e");
}

BOOST_AUTO_TEST_CASE(n_attempts_follow_the_schedule_of_the_original)
{
    acquire("a");
    const std::pair<unsigned, std::int64_t> last[] = {
        {2, 1},
        {3, 3},
        {4, 7},
        {5, 15},
        {6, 31},
        {7, 63},
        {8, 127},
        {9, 255},
        {10, 383},
        {11, 511},
        {100, 255 + 91 * 128},
    };
    for (const auto& [n, ms] : last) {
        const std::string name = std::to_string(n);
        acquire(name, {.max_attempts = n});
        BOOST_TEST_CONTEXT(n << " attempts")
        {
            BOOST_TEST(due() == ms);
            withdraw(name);
        }
    }
    clock_at(10ms);
    acquire("b", {.max_attempts = 3});
    BOOST_TEST(at_time(13ms - 1ns) == "");
    BOOST_TEST(at_time(13ms) == "b already_acquired");
}

BOOST_AUTO_TEST_CASE(n_attempts_may_be_as_many_as_there_are)
{
    acquire("a");
    acquire("b", {.max_attempts = unlimited});
    BOOST_TEST(due() == -1);
    acquire("c", {.max_attempts = unlimited - 1});
    BOOST_TEST(due() == 255 + 128LL * (unlimited - 1LL - 9));
}

BOOST_AUTO_TEST_CASE(n_attempts_a_hand_over_that_comes_earlier_wins)
{
    acquire("a");
    acquire("b", {.max_attempts = 3});
    at_time(2ms); // between two attempts
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(due() == -1);
    BOOST_TEST(at_time(3ms) == "");
}

BOOST_AUTO_TEST_CASE(n_attempts_do_not_lose_with_a_hand_shake_before_the_last)
{
    acquire("a");
    acquire("b", {.priority = 1, .max_attempts = 3});
    acquire("c", {.priority = 2});
    BOOST_TEST(release("a") == "c granted");
    BOOST_TEST(who() == "c <- b");
    BOOST_TEST(at_time(3ms) == "b already_acquired");
}

BOOST_AUTO_TEST_CASE(n_attempts_the_last_one_waits_for_the_hand_shake_that_it_finds)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1, .max_attempts = 2});
    BOOST_TEST(at_time(1ms) == "");
    BOOST_TEST(due() == 20);
    BOOST_TEST(at_time(20ms) == "b granted");
}

BOOST_AUTO_TEST_CASE(n_attempts_the_last_one_may_lose_that_hand_shake)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1, .max_attempts = 2});
    at_time(1ms);
    acquire("c", {.priority = 2});
    BOOST_TEST(at_time(20ms) == "c granted, b already_acquired");
}

BOOST_AUTO_TEST_CASE(n_attempts_the_last_one_keeps_its_timeout)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1, .timeout = 10ms, .max_attempts = 2});
    at_time(1ms);
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(10ms) == "b acquire_timeout");
}

BOOST_AUTO_TEST_CASE(n_attempts_the_last_one_is_over_in_somebody_elses_hand_shake)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 2});
    acquire("c", {.priority = 1, .max_attempts = 2});
    BOOST_TEST(at_time(1ms) == "c already_acquired");
}

BOOST_AUTO_TEST_CASE(n_attempts_and_a_timeout_the_earlier_one_wins)
{
    acquire("a");
    acquire("b", {.timeout = 2ms, .max_attempts = 3});
    acquire("c", {.timeout = 4ms, .max_attempts = 3});
    BOOST_TEST(at_time(2ms) == "b acquire_timeout");
    BOOST_TEST(at_time(3ms) == "c already_acquired");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
