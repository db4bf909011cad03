// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_expiry, table_fixture)

BOOST_AUTO_TEST_CASE(P6_ttl_counts_from_the_grant)
{
    clock_at(3ms);
    acquire("a", {.ttl = 10ms});
    BOOST_TEST(due() == 13);
    BOOST_TEST(expires("a") == 13);
    acquire("b", {.ttl = 10ms});
    BOOST_TEST(due() == 13); // b's has not begun
    BOOST_TEST(at_time(13ms - 1ns) == "");
    BOOST_TEST(at_time(13ms) == "a expired, b granted");
    BOOST_TEST(expires("b") == 23);
    BOOST_TEST(due() == 23);
}

BOOST_AUTO_TEST_CASE(P6_ttl_of_a_late_grant_counts_from_when_it_was_made)
{
    acquire("a", {.ttl = 10ms});
    acquire("b", {.ttl = 10ms});
    BOOST_TEST(at_time(100ms) == "a expired, b granted"); // and not b's as well
    BOOST_TEST(due() == 110);
}

BOOST_AUTO_TEST_CASE(P6_an_infinite_ttl_has_no_deadline)
{
    acquire("a");
    BOOST_TEST(due() == -1);
    BOOST_TEST(expires("a") == -1);
    acquire("b", {.ttl = infinite - 1ns}, "other");
    BOOST_TEST(due() == -1); // too far away to be told from it
}

BOOST_AUTO_TEST_CASE(P6_expiry_needs_no_acknowledgement)
{
    delivers_at_once = false;
    acquire("a", {.ttl = 10ms, .grace = 1h});
    wait("a");
    acquire("b");
    BOOST_TEST(at_time(10ms) == "a expired, b granted");
    BOOST_TEST(deliver("a") == "");
    BOOST_TEST(handler_returns("a") == "");
}

BOOST_AUTO_TEST_CASE(P8_expiry_is_told_to_every_handle_once)
{
    acquire("a", {.ttl = 10ms});
    acquire("a/2");
    BOOST_TEST(at_time(10ms) == "a expired, a/2 expired");
    BOOST_TEST(release("a") == "a not held");
    BOOST_TEST(drop("a/2") == "");
    BOOST_TEST(state("a") == lock_state::expired);
    BOOST_TEST(who() == "");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(P8_a_released_lock_does_not_expire)
{
    acquire("a", {.ttl = 10ms});
    release("a");
    BOOST_TEST(due() == -1);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(state("a") == lock_state::released);
}

BOOST_AUTO_TEST_CASE(P6_what_an_earlier_holder_left_ends_no_later_one)
{
    acquire("a", {.ttl = 10ms});
    release("a");
    clock_at(5ms);
    acquire("b", {.ttl = 10ms});
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(due() == 15);
    BOOST_TEST(at_time(15ms) == "b expired");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(P6_a_shorter_ttl_than_the_last_one_is_served_in_time)
{
    acquire("a", {.ttl = 100ms});
    release("a");
    acquire("b", {.ttl = 10ms});
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(10ms) == "b expired");
}

BOOST_AUTO_TEST_CASE(P6_a_holder_without_a_ttl_inherits_no_deadline)
{
    acquire("other", {.ttl = 1h}, "other"); // so that something is to come
    acquire("a", {.ttl = 10ms});
    release("a");
    acquire("b");
    BOOST_TEST(due() == 3'600'000);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(who() == "b");
}

BOOST_AUTO_TEST_CASE(P6_a_late_timer_serves_in_the_order_of_the_true_ends)
{
    acquire("a", {.ttl = 10ms});
    release("a");
    clock_at(5ms);
    acquire("b", {.ttl = 10ms});                 // ends at 15, and is looked at at 10
    acquire("c", {.ttl = 10ms, .timeout = 7ms}); // gives up at 12
    BOOST_TEST(at_time(20ms) == "b expired, c acquire_timeout");
}

BOOST_FIXTURE_TEST_CASE(a_resource_that_is_forgotten_takes_its_deadline_along, table_fixture_with_idle<1>)
{
    acquire("stays", {.ttl = 1h}, "stays");
    for (const char* name : {"a", "b", "c"}) { // under AddressSanitizer, a forgotten one is seen when the time comes
        acquire(name, {.ttl = 10ms}, name);
        drop(name);
    }
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(due() == 3'600'000);
}

BOOST_AUTO_TEST_CASE(P6_expiry_is_found_by_an_acquire_before_the_timer)
{
    acquire("a", {.ttl = 10ms});
    clock_at(10ms);
    BOOST_TEST(acquire("b", {.max_attempts = 1}) == "a expired, b granted");
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(who() == "b");
}

BOOST_AUTO_TEST_CASE(I7_an_acquire_that_finds_an_expiry_does_not_pass_the_waiters)
{
    acquire("a", {.ttl = 10ms});
    acquire("b");
    clock_at(20ms);
    BOOST_TEST(acquire("c") == "a expired, b granted");
    BOOST_TEST(who() == "b <- c");
}

BOOST_AUTO_TEST_CASE(the_locker_that_expired_is_not_re_entrant)
{
    acquire("a", {.ttl = 10ms});
    clock_at(10ms);
    BOOST_TEST(acquire("a/2", {.ttl = 10ms}) == "a expired, a/2 granted");
    BOOST_TEST(token("a") < token("a/2"));
    BOOST_TEST(expires("a/2") == 20);
}

BOOST_AUTO_TEST_CASE(P6_a_thief_finds_an_expiry_instead_of_a_victim)
{
    acquire("a", {.ttl = 10ms});
    clock_at(10ms);
    BOOST_TEST(acquire("b", {.priority = 1}) == "a expired, b granted");
    BOOST_TEST(state("a") == lock_state::expired);
}

BOOST_AUTO_TEST_CASE(P6_deadlines_are_served_in_the_order_of_their_time)
{
    acquire("a", {.ttl = 30ms}, "one");
    acquire("b", {.ttl = 10ms}, "two");
    acquire("c", {.ttl = 20ms}, "three");
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(1s) == "b expired, c expired, a expired");
}

BOOST_AUTO_TEST_CASE(P6_a_hand_over_and_a_timeout_in_one_late_step_keep_their_order)
{
    acquire("a", {.ttl = 10ms});
    acquire("b", {.timeout = 5ms});
    acquire("c", {.timeout = 15ms});
    BOOST_TEST(at_time(20ms) == "a expired, b acquire_timeout, c granted");
}

BOOST_AUTO_TEST_CASE(extend_moves_the_end)
{
    acquire("a", {.ttl = 10ms});
    acquire("a/2");
    clock_at(5ms);
    BOOST_TEST(extend("a/2", 20ms) == ""); // counted from now
    BOOST_TEST(due() == 25);
    BOOST_TEST(expires("a") == 25);
    BOOST_TEST(expires("a/2") == 25);
    acquire("a/3");
    BOOST_TEST(expires("a/3") == 25);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(at_time(25ms) == "a expired, a/2 expired, a/3 expired");
}

BOOST_AUTO_TEST_CASE(extend_can_shorten)
{
    acquire("a", {.ttl = 1h});
    BOOST_TEST(extend("a", 5ms) == "");
    BOOST_TEST(due() == 5);
    BOOST_TEST(at_time(5ms) == "a expired");
}

BOOST_AUTO_TEST_CASE(extend_to_and_from_infinity)
{
    acquire("a", {.ttl = 10ms});
    BOOST_TEST(extend("a", infinite) == "");
    BOOST_TEST(due() == -1);
    BOOST_TEST(expires("a") == -1);
    BOOST_TEST(extend("a", 5ms) == "");
    BOOST_TEST(due() == 5);
}

BOOST_AUTO_TEST_CASE(extend_needs_a_lock_that_is_held)
{
    acquire("a", {.ttl = 10ms});
    acquire("b", {.priority = 1});
    BOOST_TEST(extend("a", 1s) == "a not held"); // revoking
    BOOST_TEST(due() == 10);
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(extend("a", 1s) == "a not held"); // preempted
    BOOST_TEST(release("b") == "");
    BOOST_TEST(extend("b", 1s) == "b not held"); // released
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(P4_extend_does_not_wake_a_lock_whose_time_is_over)
{
    acquire("a", {.ttl = 10ms});
    acquire("b");
    clock_at(10ms); // and the timer has not run
    BOOST_TEST(extend("a", 1s) == "a expired, b granted, a not held");
    BOOST_TEST(state("a") == lock_state::expired);
}

BOOST_AUTO_TEST_CASE(a_lock_without_a_handle_left_has_no_deadline)
{
    acquire("a", {.ttl = 10ms});
    acquire("a/2");
    BOOST_TEST(drop("a") == "");
    BOOST_TEST(due() == 10);
    BOOST_TEST(drop("a/2") == "");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
