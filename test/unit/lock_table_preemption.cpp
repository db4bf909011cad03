// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <priority_redlock/lock_state.hpp>

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_preemption, table_fixture)

BOOST_AUTO_TEST_CASE(P1_strictly_higher_priority_preempts)
{
    acquire("a", {.priority = 1});
    BOOST_TEST(acquire("b", {.priority = 2}) == "a revoking");
    BOOST_TEST(who() == "revoking a <- b");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(state("b") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(P1_equal_priority_never_preempts)
{
    acquire("a", {.priority = 1, .grace = 0s});
    BOOST_TEST(acquire("b", {.priority = 1}) == "");
    BOOST_TEST(at_time(1h) == "");
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(who() == "a <- b");
}

BOOST_AUTO_TEST_CASE(P1_lower_priority_never_preempts)
{
    acquire("a", {.priority = -1, .grace = 0s});
    BOOST_TEST(acquire("b", {.priority = -2}) == "");
    BOOST_TEST(at_time(1h) == "");
    BOOST_TEST(state("a") == lock_state::held);
}

BOOST_AUTO_TEST_CASE(P2_the_victim_is_told_before_the_thief_is_granted)
{
    acquire("a", {.grace = 0s});
    acquire("b", {.priority = 1});
    BOOST_REQUIRE(last_events().told.size() == 1u);
    BOOST_TEST(last_events().told[0].who == "a");
    BOOST_TEST(last_events().settled[0].who == "b");
}

BOOST_AUTO_TEST_CASE(P2_every_handle_of_the_victim_is_told)
{
    acquire("a");
    acquire("a/2");
    acquire("a/3");
    release("a/2");
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking, a/3 revoking");
    BOOST_TEST(state("a/2") == lock_state::released);
}

BOOST_AUTO_TEST_CASE(P3_the_thief_follows_when_the_victim_lets_go)
{
    acquire("a", {.grace = 10s});
    acquire("b", {.priority = 1});
    clock_at(3ms);
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(P3_destroying_the_handle_is_letting_go)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(drop("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_the_thief_follows_the_last_handle_not_the_first)
{
    acquire("a");
    acquire("a/2");
    acquire("a/3");
    acquire("b", {.priority = 1});
    BOOST_TEST(release("a") == "");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(state("a/2") == lock_state::revoking);
    BOOST_TEST(drop("a/3") == "");
    BOOST_TEST(release("a/2") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_letting_go_waits_for_the_notice_handlers)
{
    acquire("a");
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(release("a") == "");
    BOOST_TEST(who() == "revoking a <- b");
    BOOST_TEST(handler_returns("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_the_handlers_of_one_handle_do_not_stand_for_those_of_another)
{
    acquire("a");
    acquire("a/2");
    wait("a");
    wait("a/2");
    acquire("b", {.priority = 1});
    BOOST_TEST(drop("a") == "");
    BOOST_TEST(drop("a/2") == "");
    BOOST_TEST(handler_returns("a/2") == "");
    BOOST_TEST(handler_returns("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_the_thief_follows_at_the_end_of_the_grace)
{
    acquire("a", {.grace = 20ms});
    clock_at(5ms);
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(due() == 25); // counted from the notice
    BOOST_TEST(at_time(25ms - 1ns) == "");
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(at_time(25ms) == "b granted");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(release("a") == "a not held");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(P3_the_default_grace_is_a_second)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(due() == 1000);
}

BOOST_AUTO_TEST_CASE(P3_grace_and_handlers)
{
    acquire("a", {.grace = 20ms});
    wait("a");
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(handler_returns("a") == ""); // neither
    BOOST_TEST(at_time(20ms) == "");        // the grace alone does not do
    BOOST_TEST(due() == -1);
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(handler_returns("a") == "b granted");
    BOOST_TEST(state("a") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(P3_handlers_alone_do_not_do)
{
    acquire("a", {.grace = 20ms});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(handler_returns("a") == "");
    BOOST_TEST(at_time(19ms) == "");
    BOOST_TEST(at_time(20ms) == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_no_grace_still_waits_for_the_handlers)
{
    acquire("a", {.grace = 0s});
    wait("a");
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(due() == -1);
    BOOST_TEST(handler_returns("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_no_grace_and_no_handler_is_no_hand_shake)
{
    acquire("a", {.grace = 0s});
    BOOST_TEST(acquire("b", {.priority = 1}) == "a preempted, b granted");
    BOOST_TEST(state("a") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(P3_the_completion_of_the_grant_is_a_notice_handler)
{
    delivers_at_once = false;
    acquire("a", {.grace = 0s});
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(state("a") == lock_state::revoking); // that is how it is delivered
    BOOST_TEST(deliver("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_a_handler_that_was_started_after_the_notice_counts_too)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1});
    wait("a");
    BOOST_TEST(at_time(20ms) == "");
    BOOST_TEST(handler_returns("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_a_handler_that_was_cancelled_before_the_notice_does_not_count)
{
    acquire("a", {.grace = 0s});
    wait("a");
    cancel_wait("a");
    BOOST_TEST(acquire("b", {.priority = 1}) == "a preempted, b granted");
}

BOOST_AUTO_TEST_CASE(P3_letting_go_of_one_handle_does_not_end_the_grace_of_the_other)
{
    acquire("a", {.grace = 20ms});
    acquire("a/2", {.grace = 20ms});
    acquire("b", {.priority = 1});
    BOOST_TEST(release("a") == "");
    BOOST_TEST(at_time(19ms) == "");
    BOOST_TEST(at_time(20ms) == "b granted");
    BOOST_TEST(state("a/2") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(P3_the_end_of_the_ttl_ends_the_hand_shake_whatever_still_runs)
{
    delivers_at_once = false;
    acquire("a", {.ttl = 10ms, .grace = 20ms});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(10ms - 1ns) == "");
    BOOST_TEST(at_time(10ms) == "b granted");
    BOOST_TEST(state("a") == lock_state::preempted); // the first reason
    BOOST_TEST(handler_returns("a") == "");
    BOOST_TEST(deliver("a") == "");
    BOOST_TEST(who() == "b");
}

BOOST_AUTO_TEST_CASE(P3_the_ttl_counts_after_the_grace_too)
{
    acquire("a", {.ttl = 30ms, .grace = 20ms});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(due() == 20);
    BOOST_TEST(at_time(20ms) == "");
    BOOST_TEST(due() == 30);
    BOOST_TEST(at_time(30ms) == "b granted");
    handler_returns("a");
}

BOOST_AUTO_TEST_CASE(P3_the_ttl_counts_without_a_grace_too)
{
    acquire("a", {.ttl = 30ms, .grace = 0s});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(due() == 30);
    BOOST_TEST(at_time(30ms) == "b granted");
    handler_returns("a");
}

BOOST_AUTO_TEST_CASE(P3_the_end_of_the_ttl_is_found_by_an_acquire_before_the_timer)
{
    acquire("a", {.ttl = 10ms});
    wait("a");
    acquire("b", {.priority = 1});
    clock_at(10ms);
    // b is granted, and as c outranks it, its completion will find it revoking.
    BOOST_TEST(acquire("c", {.priority = 2}) == "b revoking, b granted");
    BOOST_TEST(who() == "revoking b <- c");
    handler_returns("a");
}

BOOST_AUTO_TEST_CASE(P4_a_loss_is_final_although_the_thief_gives_up)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1});
    BOOST_TEST(withdraw("b") == "b aborted");
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(extend("a", 1s) == "a not held");
    BOOST_TEST(at_time(20ms) == "");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(who() == "");
    BOOST_TEST(acquire("c", {.priority = -1}) == "c granted");
}

BOOST_AUTO_TEST_CASE(P4_the_resource_goes_to_the_best_waiter_if_the_thief_gives_up)
{
    acquire("a");
    acquire("b");
    acquire("c", {.priority = -1});
    acquire("thief", {.priority = 1, .timeout = 5ms});
    BOOST_TEST(at_time(5ms) == "thief acquire_timeout");
    BOOST_TEST(who() == "revoking a <- b c");
    BOOST_TEST(release("a") == "b granted");
}

BOOST_AUTO_TEST_CASE(P4_the_resource_is_free_if_nobody_is_left)
{
    acquire("a");
    acquire("b", {.priority = 1});
    fail_all();
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(release("a") == "");
    BOOST_TEST(who() == "");
    BOOST_TEST(acquire("c") == "c granted");
}

BOOST_AUTO_TEST_CASE(P4_newcomers_do_not_jump_a_hand_shake_without_a_thief)
{
    acquire("a");
    acquire("b", {.priority = 1});
    withdraw("b");
    BOOST_TEST(acquire("c") == "");
    BOOST_TEST(acquire("d", {.priority = 5}) == ""); // a has been told already
    BOOST_TEST(release("a") == "d granted");
}

BOOST_AUTO_TEST_CASE(P4_the_victim_may_acquire_again_and_queues)
{
    acquire("a");
    acquire("b", {.priority = 1});
    acquire("c");
    BOOST_TEST(acquire("a/2") == "");
    BOOST_TEST(who() == "revoking a <- b c a/2");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(release("b") == "c granted");
    BOOST_TEST(release("c") == "a/2 granted");
}

BOOST_AUTO_TEST_CASE(P4_the_victim_may_come_back_with_a_higher_priority)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(acquire("a/2", {.priority = 2}) == "");
    BOOST_TEST(who() == "revoking a <- a/2 b");
    BOOST_TEST(release("a") == "a/2 granted");
    BOOST_TEST(state("a") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(P5_still_higher_goes_first_no_chain)
{
    acquire("victim");
    BOOST_TEST(acquire("thief", {.priority = 1}) == "victim revoking");
    BOOST_TEST(acquire("later", {.priority = 1}) == "");
    BOOST_TEST(acquire("higher", {.priority = 2}) == ""); // the victim is not told again, the thief not at all
    BOOST_TEST(due() == 1000);
    BOOST_TEST(who() == "revoking victim <- higher thief later");
    BOOST_TEST(release("victim") == "higher granted");
    BOOST_TEST(at("thief").ends_told == 0);
    BOOST_TEST(release("higher") == "thief granted"); // it has kept its place
    BOOST_TEST(release("thief") == "later granted");
}

BOOST_AUTO_TEST_CASE(P5_a_second_thief_does_not_lengthen_the_grace)
{
    acquire("a", {.grace = 20ms});
    acquire("b", {.priority = 1});
    at_time(15ms);
    acquire("c", {.priority = 2});
    BOOST_TEST(due() == 20);
    BOOST_TEST(at_time(20ms) == "c granted");
}

BOOST_AUTO_TEST_CASE(P5_the_new_holder_has_a_hand_shake_of_its_own)
{
    acquire("a");
    acquire("b", {.priority = 1, .grace = 20ms});
    BOOST_TEST(release("a") == "b granted");
    at_time(100ms);
    BOOST_TEST(acquire("c", {.priority = 2}) == "b revoking");
    BOOST_TEST(due() == 120);
    BOOST_TEST(at_time(120ms) == "c granted");
}

BOOST_AUTO_TEST_CASE(P8_first_reason_only)
{
    acquire("a", {.ttl = 10ms, .grace = 20ms});
    wait("a");
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(release("a") == "");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(at_time(10ms) == "b granted"); // the ttl
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(handler_returns("a") == "");
    BOOST_TEST(drop("a") == "");
    BOOST_TEST(at("a").ends_told == 1);
}

BOOST_AUTO_TEST_CASE(P8_letting_go_of_a_revoked_lock_is_not_a_release)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST((detail::reason_of(state("a")) == boost::asio::error::operation_aborted));
    BOOST_TEST(release("a") == "a not held");
}

BOOST_AUTO_TEST_CASE(P8_reasons_of_the_states)
{
    using detail::reason_of;
    BOOST_TEST(!reason_of(lock_state::released));
    BOOST_TEST((reason_of(lock_state::revoking) == boost::asio::error::operation_aborted));
    BOOST_TEST((reason_of(lock_state::preempted) == boost::asio::error::operation_aborted));
    BOOST_TEST((reason_of(lock_state::expired) == errc::expired));
    BOOST_TEST((reason_of(lock_state::lost) == errc::lost));
    BOOST_TEST((reason_of(lock_state::empty) == errc::not_held));
    BOOST_TEST((reason_of(lock_state::held) == errc::not_held));
}

BOOST_AUTO_TEST_CASE(I1_handlers_of_a_lock_that_has_ended_hold_nothing_up)
{
    acquire("a");
    wait("a");
    acquire("b");
    BOOST_TEST(release("a") == "a released, b granted");
    acquire("c", {.priority = 1});
    BOOST_TEST(release("b") == "c granted");
    BOOST_TEST(handler_returns("a") == "");
    BOOST_TEST(who() == "c");
}

BOOST_AUTO_TEST_CASE(a_holder_can_be_revoked_although_nobody_outranks_it)
{
    acquire("a", {.grace = 1s});
    acquire("b");
    BOOST_TEST(revoke("a") == "a revoking");
    BOOST_TEST(revoke("a") == "");
    BOOST_TEST(who() == "revoking a <- b");
    BOOST_TEST(at_time(999ms) == "");
    BOOST_TEST(at_time(1s) == "b granted");
    BOOST_TEST(state("a") == lock_state::preempted);
    BOOST_TEST(revoke("a") == "");
    BOOST_TEST(revoke("b") == "b revoking");
    BOOST_TEST(release("b") == "");
    BOOST_TEST(who() == "");
}

BOOST_AUTO_TEST_CASE(a_handle_that_is_revoked_goes_with_the_last_of_its_locker_that_is_not)
{
    acquire("a");
    acquire("a/2");
    acquire("a/3");
    acquire("b");
    BOOST_TEST(revoke("a/2") == "");
    BOOST_TEST(state("a/2") == lock_state::held);
    BOOST_TEST(release("a") == "");
    BOOST_TEST(release("a/3") == "a/2 revoking");
    BOOST_TEST(release("a/2") == "b granted");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
