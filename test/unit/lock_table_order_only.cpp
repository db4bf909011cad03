// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

// A priority that orders, and does not preempt: acquire_options::preempt is false.

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_order_only, table_fixture)

BOOST_AUTO_TEST_CASE(P10_it_waits_by_its_priority_and_leaves_the_holder_alone)
{
    acquire("a", {.grace = 0s});
    acquire("b");
    BOOST_TEST(acquire("c", {.priority = 5, .preempt = false}) == "");
    BOOST_TEST(acquire("d", {.priority = 7, .preempt = false}) == "");
    BOOST_TEST(at_time(1h) == "");
    BOOST_TEST(who() == "a <- d c b");
    BOOST_TEST(release("a") == "d granted");
    BOOST_TEST(priority("d") == 7);
    BOOST_TEST(acquire("e", {.priority = 7}) == "");
    BOOST_TEST(acquire("f", {.priority = 8}) == "d revoking"); // what it holds is a lock like any other
    BOOST_TEST(counted().preemptions == 1u);
}

BOOST_AUTO_TEST_CASE(P10_nobody_preempts_from_behind_it)
{
    acquire("a");
    acquire("b", {.priority = 5, .preempt = false});
    BOOST_TEST(acquire("c", {.priority = 4}) == "");
    BOOST_TEST(acquire("d", {.priority = 5}) == ""); // came later
    BOOST_TEST(who() == "a <- b d c");
    BOOST_TEST(acquire("e", {.priority = 6}) == "a revoking"); // it is the first
    BOOST_TEST(release("a") == "e granted");
    BOOST_TEST(release("e") == "b granted");
}

BOOST_AUTO_TEST_CASE(P10_when_it_gives_up_the_next_in_line_decides)
{
    acquire("a");
    acquire("b", {.priority = 5, .preempt = false});
    acquire("c", {.priority = 4, .preempt = false, .timeout = 10ms});
    acquire("d", {.priority = 3});
    BOOST_TEST(withdraw("b") == "b aborted");
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(at_time(10ms) == "a revoking, c acquire_timeout");
    BOOST_TEST(release("a") == "d granted");
}

BOOST_AUTO_TEST_CASE(P10_the_end_of_all_waits_preempts_nobody)
{
    acquire("a");
    acquire("b", {.priority = 5, .preempt = false});
    acquire("c", {.priority = 4});
    BOOST_TEST(fail_all() == "b aborted, c aborted");
    BOOST_TEST(state("a") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(P10_a_try_is_refused_if_the_lock_is_not_free)
{
    BOOST_TEST(acquire("a", {.preempt = false, .max_attempts = 1}) == "a granted");
    BOOST_TEST(acquire("a/2", {.priority = 1, .preempt = false, .max_attempts = 1}) == "a/2 granted"); // re-entrant
    BOOST_TEST(acquire("b", {.priority = 9, .preempt = false, .max_attempts = 1}) == "b already_acquired");
    BOOST_TEST(acquire("c", {.priority = 9, .preempt = false, .timeout = 0s}) == "c acquire_timeout");
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(acquire("d", {.priority = 2}) == "a revoking, a/2 revoking");
    BOOST_TEST(acquire("e", {.priority = 9, .preempt = false, .max_attempts = 1}) == "e already_acquired");
}

BOOST_AUTO_TEST_CASE(P10_a_try_that_preempts_is_refused_behind_it)
{
    acquire("a");
    acquire("b", {.priority = 5, .preempt = false});
    BOOST_TEST(acquire("c", {.priority = 4, .max_attempts = 1}) == "c already_acquired");
    BOOST_TEST(acquire("d", {.priority = 6, .max_attempts = 1}) == "a revoking");
    BOOST_TEST(release("a") == "d granted");
}

BOOST_AUTO_TEST_CASE(P10_its_last_attempt_is_refused_also_in_a_hand_shake)
{
    acquire("a");
    acquire("b", {.priority = 5, .preempt = false, .max_attempts = 2});
    BOOST_TEST(at_time(1ms) == "b already_acquired");
    acquire("c", {.priority = 1});
    acquire("d", {.priority = 5, .preempt = false, .max_attempts = 2});
    BOOST_TEST(who() == "revoking a <- d c");
    BOOST_TEST(at_time(2ms) == "d already_acquired");
    BOOST_TEST(release("a") == "c granted");
}

BOOST_AUTO_TEST_CASE(P5_in_a_hand_shake_it_goes_first)
{
    acquire("a");
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    acquire("c", {.priority = 5, .preempt = false});
    BOOST_TEST(who() == "revoking a <- c b");
    withdraw("b"); // P4: the loss is final
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(release("a") == "c granted");
}

BOOST_AUTO_TEST_CASE(a_re_entrant_one_raises_the_lock_as_any_other)
{
    acquire("a");
    acquire("a/2", {.priority = 5, .preempt = false});
    BOOST_TEST(priority("a") == 5);
    BOOST_TEST(acquire("b", {.priority = 4}) == "");
    BOOST_TEST(acquire("c", {.priority = 6}) == "a revoking, a/2 revoking");
}

BOOST_AUTO_TEST_CASE(P10_of_one_locker_too_the_first_in_line_decides)
{
    acquire("a");
    acquire("b", {.priority = 5, .preempt = false});
    BOOST_TEST(acquire("b/2", {.priority = 4}) == "");
    BOOST_TEST(release("a") == "b granted, b/2 granted");
    acquire("c", {.priority = 6, .preempt = false});
    BOOST_TEST(acquire("c/2", {.priority = 7}) == "b revoking, b/2 revoking");
}

BOOST_AUTO_TEST_CASE(a_holder_that_was_told_nothing_does_not_overrun)
{
    table_fixture table(table_fixture::default_idle_capacity, {.overrun_after = 1ms});
    table.acquire("a");
    table.acquire("b", {.priority = 5, .preempt = false});
    BOOST_TEST(table.due() == -1);
    BOOST_TEST(table.at_time(1h) == "");
    BOOST_TEST(table.counted().overruns == 0u);
    BOOST_TEST(table.counted().preemptions == 0u);
    table.teardown();
}

BOOST_AUTO_TEST_CASE(P10_a_rank_that_rises_does_not_preempt_for_it)
{
    table_fixture table(table_fixture::default_idle_capacity, {.ageing = 10ms});
    table.acquire("a");
    table.acquire("b", {.preempt = false});
    table.acquire("c");
    BOOST_TEST(table.due() == -1);
    BOOST_TEST(table.at_time(25ms) == "");
    BOOST_TEST(table.acquire("d", {.priority = 2}) == ""); // b has 2.5
    BOOST_TEST(table.who() == "a <- b c d");
    BOOST_TEST(table.withdraw("b") == "a revoking, b aborted"); // for c
    BOOST_TEST(table.release("a") == "c granted");
    table.teardown();

    table_fixture other(table_fixture::default_idle_capacity, {.ageing = 10ms});
    other.acquire("a");
    other.acquire("b", {.preempt = false, .timeout = 5ms});
    other.acquire("c");
    BOOST_TEST(other.at_time(5ms) == "b acquire_timeout");
    BOOST_TEST(other.due() == 10);
    BOOST_TEST(other.at_time(10ms) == "a revoking");
    other.teardown();
}

BOOST_AUTO_TEST_CASE(I9_in_a_full_queue_a_higher_one_takes_its_place)
{
    table_fixture table(table_fixture::default_idle_capacity, {.max_waiters_per_resource = 1});
    table.acquire("a");
    table.acquire("b", {.priority = 1, .preempt = false});
    BOOST_TEST(table.acquire("c", {.priority = 1}) == "c queue_full");
    BOOST_TEST(table.acquire("d", {.priority = 2, .preempt = false}) == "b queue_full");
    BOOST_TEST(table.acquire("e", {.priority = 3}) == "a revoking, d queue_full");
    table.teardown();
}

BOOST_AUTO_TEST_CASE(it_waits_for_the_holder_and_so_do_those_behind_it)
{
    table_fixture table(table_fixture::default_idle_capacity, {.detect_deadlocks = true});
    table.acquire("a", {}, "r");
    table.acquire("b", {}, "s");
    table.acquire("a/2", {}, "s");
    BOOST_TEST(table.acquire("b/2", {.priority = 5, .preempt = false}, "r") == "b/2 deadlock");
    table.acquire("c", {.priority = 5, .preempt = false}, "r");
    BOOST_TEST(table.acquire("b/3", {.priority = 4}, "r") == "b/3 deadlock");
    BOOST_TEST(table.take_cycle() == "locker=b -> resource=r -> locker=a -> resource=s -> locker=b");
    BOOST_TEST(table.acquire("b/4", {.priority = 6}, "r") == "a revoking");
    table.teardown();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
