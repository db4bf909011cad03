// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_renewal, table_fixture)

BOOST_AUTO_TEST_CASE(off_by_default)
{
    acquire("a", {.ttl = 30ms});
    BOOST_TEST(due() == 30);
    acquire("b", {.ttl = 30ms, .max_hold = 60ms}, "other"); // without auto_extend it has no effect
    BOOST_TEST(at_time(30ms) == "a expired, b expired");
}

BOOST_AUTO_TEST_CASE(the_ttl_begins_anew_at_each_third_of_it)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true});
    BOOST_TEST(due() == 10);
    BOOST_TEST(expires("a") == 30);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(expires("a") == 40);
    BOOST_TEST(due() == 20);
    BOOST_TEST(at_time(25ms) == ""); // late
    BOOST_TEST(expires("a") == 55);
    BOOST_TEST(due() == 35);
    for (int i = 4; i < 1000; ++i)
        BOOST_TEST_REQUIRE(at_time(i * 10ms) == "");
    BOOST_TEST(state("a") == lock_state::held);
    BOOST_TEST(release("a") == "");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(it_counts_from_a_grant_after_a_wait)
{
    acquire("a");
    acquire("b", {.ttl = 30ms, .auto_extend = true, .max_hold = 45ms});
    BOOST_TEST(due() == -1);
    clock_at(100ms);
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(due() == 110);
    at_time(110ms);
    BOOST_TEST(expires("b") == 140);
    at_time(120ms);
    BOOST_TEST(expires("b") == 145);
    BOOST_TEST(due() == 145);
    BOOST_TEST(at_time(145ms) == "b expired");
}

BOOST_AUTO_TEST_CASE(max_hold_ends_a_holder_that_is_stuck)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true, .max_hold = 30ms}); // nothing to renew
    BOOST_TEST(due() == 30);
    acquire("b", {.ttl = 30ms, .auto_extend = true, .max_hold = 35ms});
    BOOST_TEST(at_time(30ms) == "a expired, b granted");
    BOOST_TEST(at_time(40ms) == "");
    BOOST_TEST(expires("b") == 65);
    BOOST_TEST(at_time(65ms - 1ns) == "");
    BOOST_TEST(at_time(65ms) == "b expired");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(P4_a_lock_that_has_ended_is_not_brought_back)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true});
    acquire("b");
    BOOST_TEST(at_time(30ms) == "a expired, b granted"); // the timer is late by two thirds
    acquire("c", {.ttl = 30ms, .auto_extend = true}, "other");
    clock_at(60ms);
    BOOST_TEST(acquire("d", {}, "other") == "c expired, d granted"); // found before the timer
    BOOST_TEST(at_time(1s) == "");
}

BOOST_AUTO_TEST_CASE(an_infinite_ttl_has_nothing_to_renew)
{
    acquire("a", {.auto_extend = true});
    BOOST_TEST(due() == -1);
    BOOST_TEST(expires("a") == -1);
}

BOOST_AUTO_TEST_CASE(a_ttl_that_has_no_third)
{
    acquire("a", {.ttl = 1ns, .auto_extend = true});
    BOOST_TEST(at_time(1ns) == "a expired");
}

BOOST_AUTO_TEST_CASE(re_entrance_keeps_the_renewal_of_the_first)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true});
    acquire("a/2", {.ttl = 10ms});
    release("a");
    at_time(10ms);
    BOOST_TEST(expires("a/2") == 40); // while a handle lives
    release("a/2");
    acquire("b", {.ttl = 30ms}, "other");
    acquire("b/2", {.ttl = 30ms, .auto_extend = true}, "other");
    BOOST_TEST(at_time(40ms) == "b expired, b/2 expired");
}

BOOST_AUTO_TEST_CASE(waiters_of_one_locker_have_the_renewal_of_the_best)
{
    acquire("a");
    acquire("b", {.priority = -1});
    acquire("b/2", {.priority = 0, .ttl = 30ms, .auto_extend = true});
    release("a");
    BOOST_TEST(due() == 10);
    at_time(10ms);
    BOOST_TEST(expires("b") == 40);
    BOOST_TEST(expires("b/2") == 40);
}

BOOST_AUTO_TEST_CASE(P3_renewal_goes_on_in_the_grace_and_ends_with_it)
{
    acquire("a", {.ttl = 30ms, .grace = 100ms, .auto_extend = true});
    wait("a");
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(due() == 10);
    for (int i = 1; i < 10; ++i) {
        BOOST_TEST(at_time(i * 10ms) == "");
        BOOST_TEST(expires("a") == i * 10 + 30);
    }
    BOOST_TEST(at_time(100ms) == ""); // its notice handler still runs
    BOOST_TEST(state("a") == lock_state::revoking);
    BOOST_TEST(at_time(120ms - 1ns) == "");
    BOOST_TEST(at_time(120ms) == "b granted");
    handler_returns("a");
}

BOOST_AUTO_TEST_CASE(P3_the_grace_of_a_renewed_lock_is_not_longer)
{
    acquire("a", {.ttl = 30ms, .grace = 15ms, .auto_extend = true});
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(due() == 15);
    BOOST_TEST(at_time(15ms) == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_without_a_handle_nothing_is_renewed)
{
    acquire("a", {.ttl = 30ms, .grace = 1h, .auto_extend = true});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(release("a") == ""); // the handler still runs
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(expires("a") == 30);
    BOOST_TEST(at_time(30ms) == "b granted");
    handler_returns("a");
}

BOOST_AUTO_TEST_CASE(a_preempted_lock_is_renewed_no_more)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true});
    acquire("b", {.priority = 1});
    release("a");
    BOOST_TEST(due() == -1);
    acquire("c", {.priority = 2, .ttl = 30ms});
    release("b");
    BOOST_TEST(due() == 30);
    BOOST_TEST(at_time(30ms) == "c expired");
}

BOOST_AUTO_TEST_CASE(renewal_does_not_shorten_what_was_extended)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true});
    extend("a", 90ms);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(expires("a") == 90);
    at_time(70ms);
    BOOST_TEST(expires("a") == 100);
}

BOOST_AUTO_TEST_CASE(what_was_shortened_is_renewed_in_time)
{
    acquire("a", {.ttl = 300ms, .auto_extend = true});
    extend("a", 30ms);
    BOOST_TEST(due() == 10);
    at_time(10ms);
    BOOST_TEST(expires("a") == 310);
}

BOOST_AUTO_TEST_CASE(max_hold_bounds_what_is_extended)
{
    acquire("a", {.ttl = 30ms, .auto_extend = true, .max_hold = 100ms});
    extend("a", 1h);
    BOOST_TEST(expires("a") == 100);
    extend("a", infinite);
    BOOST_TEST(expires("a") == 100);
    BOOST_TEST(due() == 100);
    extend("a", 30ms);
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(10ms) == "");
    BOOST_TEST(expires("a") == 40);
    for (int i = 2; i < 10; ++i)
        at_time(i * 10ms);
    BOOST_TEST(at_time(100ms) == "a expired");
}

BOOST_AUTO_TEST_CASE(I3_a_table_may_go_while_something_is_renewed)
{
    table_driver other;
    other.acquire("a", {.ttl = 30ms, .auto_extend = true});
    other.acquire("b", {.ttl = 30ms, .auto_extend = true});
    other.drop("a");
    other.acquire("c", {.ttl = 30ms, .auto_extend = true}, "other");
    other.wind_up();
    BOOST_TEST(other.violations.empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
