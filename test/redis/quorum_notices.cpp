// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

// What nodes tell by themselves: wakes, notices, forced releases.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using mode = quorum_driver::mode;
using verdict = quorum_driver::verdict;

BOOST_AUTO_TEST_SUITE(quorum_client)

BOOST_AUTO_TEST_CASE(R6_a_wake_makes_it_ask_that_node_only)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.wake(1) == "obtain 1");
    BOOST_TEST(d.wake(0) == "obtain 0");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R6_a_wake_makes_it_ask_where_it_yielded_as_well)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(0);
    BOOST_TEST(d.waiting(1) == "1 waiting");
    BOOST_TEST(d.granted(2) == "yield 2"); // too late
    d.done(2);
    BOOST_TEST(d.wake(1) == "obtain 1 2");
    d.granted(2);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R6_a_wake_for_what_is_being_asked_for_is_not_forgotten)
{
    quorum_driver d(1);
    d.obtain();
    BOOST_TEST(d.wake(0) == "");            // the reply may have been sent before it
    BOOST_TEST(d.waiting(0) == "obtain 0"); // and was
    BOOST_TEST(d.granted(0) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R12_a_wake_of_somebody_else_or_of_what_is_over_is_dropped)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.wake(0, 2) == "");
    BOOST_TEST(d.push(0, "wake") == "");
    BOOST_TEST(d.push(0, "wake 000000000000000c") == "");
    BOOST_TEST(d.push(0, "") == "");
    BOOST_TEST(d.push(0, "notice 000000000000000c-1 0 9 1") == "");
    d.end();
    BOOST_TEST(d.wake(0) == "");
}

BOOST_AUTO_TEST_CASE(a_holder_takes_the_node_that_wakes_it_late)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.waiting(2);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
    BOOST_TEST(d.wake(2) == "obtain 2");
    BOOST_TEST((d.last_call(2).mode == mode::now)); // it does not queue for what it holds
    BOOST_TEST(d.granted(2) == "");
    BOOST_TEST(d.wake(0) == "");
}

BOOST_AUTO_TEST_CASE(R6_a_standby_asks_when_the_reservation_has_lapsed)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.push(0, "standby 000000000000000c-1 30000") == "");
    BOOST_TEST(d.after(30ms) == "");
    BOOST_TEST(d.after(3ms) == "obtain 0");
}

BOOST_AUTO_TEST_CASE(R4_nodes_that_were_yielded_unheard_have_not_answered)
{
    quorum_driver d(5, quorum_driver::plain_options(), false);
    for (const std::size_t i : {0u, 1u, 2u, 3u}) {
        d.up(i);
        d.reply(i, {.what = verdict::ready});
    }
    BOOST_TEST(d.obtain() == "obtain 0 1 2 3");
    d.waiting(0, {.outranks = true});
    BOOST_TEST(d.after(250ms).starts_with("yield 1 2 3")); // they hang
    d.up(4);
    BOOST_TEST(d.reply(4, {.what = verdict::ready}) == "obtain 4");
    BOOST_TEST(d.waiting(4, {.outranks = true}) == ""); // two of five: the holder is not told that a quorum has
}

// --- notices ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R4_a_quorum_of_notices_of_one_thief_makes_the_victim_go)
{
    quorum_driver d(5);
    let_hold(d, 5);
    BOOST_TEST(d.notice(0, 1, 9) == "");
    BOOST_TEST(d.notice(0, 1, 9) == ""); // the same node
    BOOST_TEST(d.notice(1, 1, 9) == "");
    BOOST_TEST(d.notice(2, 2, 9) == ""); // another thief
    BOOST_TEST(d.notice(3, 1, 9) == "1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R4_one_notice_will_do_if_a_quorum_has_answered_the_thief)
{
    quorum_driver d(5);
    let_hold(d, 5);
    BOOST_TEST(d.notice(4, 1, 9, true) == "1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R13_a_hold_that_is_ended_by_force_is_lost_when_no_quorum_can_have_it)
{
    const auto ended = [](quorum_driver& d, std::size_t node, std::uint64_t number = 1) {
        return d.push(node, "ended 000000000000000c-" + std::to_string(number));
    };
    quorum_driver five(5);
    let_hold(five, 5);
    BOOST_TEST(ended(five, 0, 2) == ""); // another's
    BOOST_TEST(ended(five, 0) == "");
    BOOST_TEST(ended(five, 0) == ""); // the same node
    BOOST_TEST(ended(five, 1) == "");
    BOOST_TEST(ended(five, 4).find("1 ended: lost") != std::string::npos);
    BOOST_REQUIRE(five.log.size() == 1);
    BOOST_TEST(five.log[0].find("was ended by async_force_release") != std::string::npos);
    BOOST_TEST(ended(five, 3) == ""); // once

    quorum_driver four(4); // two of them are no quorum
    let_hold(four, 4);
    BOOST_TEST(ended(four, 0) == "");
    BOOST_TEST(ended(four, 1).find("1 ended: lost") != std::string::npos);

    quorum_driver one(1);
    let_hold(one, 1);
    BOOST_TEST(ended(one, 0).find("1 ended: lost") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R4_notices_of_different_times_do_not_add_up)
{
    quorum_driver d(3);
    let_hold(d, 3, {.ttl = 10s});
    d.notice(0, 1, 9);
    d.after(900ms);
    BOOST_TEST(d.notice(1, 1, 9) == "");
    d.after(500ms);
    BOOST_TEST(d.notice(0, 1, 9) == "1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R12_T59_notices_that_are_not_about_this_hold_are_dropped)
{
    quorum_driver d(1);
    let_hold(d, 1, {.priority = 5});
    BOOST_TEST(d.notice(0, 1, 5) == ""); // equal does not outrank (P1)
    BOOST_TEST(d.notice(0, 1, 4, true) == "");
    BOOST_TEST(d.notice(0, 1, 9, true, 2) == "");
    d.extend(1s, 1, 9);
    BOOST_TEST(d.notice(0, 1, 9) == "");
    BOOST_TEST(d.notice(0, 1, 10) == "1 must go for 1 of 10");
    d.end();
    BOOST_TEST(d.notice(0, 1, 11, true) == "");
}

BOOST_AUTO_TEST_CASE(R12_T57_a_notice_to_one_that_collects_votes_makes_it_yield_that_node)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    BOOST_TEST(d.notice(0, 1, 9) == "yield 0");
    BOOST_TEST(d.granted(1) == ""); // one is left
    d.done(0);
    BOOST_TEST(d.granted(2) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(a_notice_while_the_token_is_written_is_heeded_after_the_grant)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    d.granted(1, 70);
    BOOST_TEST(d.notice(0, 1, 9) == "");
    BOOST_TEST(d.notice(1, 1, 9) == "");
    BOOST_TEST(d.done(0) == "1 granted until 988 ms; 1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R4_a_thief_that_reaches_too_few_of_the_victims_nodes_says_that_a_quorum_has_answered)
{
    // The victim's nodes are 0, 1 and 2, of which 0 does not answer.
    quorum_driver d(5);
    d.obtain(1, {.priority = 9});
    d.waiting(1, {.outranks = true});
    d.waiting(2, {.outranks = true});
    d.granted(3);
    d.granted(4);
    BOOST_TEST(d.after(100ms) == "yield 0 3 4; obtain 1 2; 1 waiting");
    BOOST_TEST(d.last_call(1).quorum_answered);
    d.done(3);
    d.done(4);
    d.waiting(1, {.outranks = true});
    d.waiting(2, {.outranks = true});
    d.after(100ms);
    d.wake(2);
    BOOST_TEST(d.last_call(2).quorum_answered); // it goes on saying so
}

BOOST_AUTO_TEST_CASE(R4_a_thief_whose_notices_make_a_quorum_need_not_say_more)
{
    quorum_driver d(3);
    d.obtain(1, {.priority = 9});
    d.waiting(0, {.outranks = true});
    BOOST_TEST(d.waiting(1, {.outranks = true}) == "1 waiting");
}

BOOST_AUTO_TEST_CASE(R4_a_quorum_may_answer_in_more_than_one_round)
{
    quorum_driver d(3);
    d.down(2); // whose vote is missing at once, so that the first answer ends the round
    d.obtain(1, {.priority = 9});
    BOOST_TEST(d.waiting(0, {.outranks = true}) == "1 waiting");
    d.waiting(1, {.outranks = true});
    BOOST_TEST(d.wake(0) == "obtain 0");
    BOOST_TEST(d.last_call(0).quorum_answered);
}

BOOST_AUTO_TEST_CASE(R4_a_thief_that_only_a_minority_answers_does_not_say_that_a_quorum_has)
{
    quorum_driver d(5);
    d.obtain(1, {.priority = 9});
    d.waiting(0, {.outranks = true});
    d.waiting(1, {.outranks = true});
    d.after(100ms);
    for (std::size_t i = 0; i < 5; ++i)
        while (d.unanswered(i) != 0)
            BOOST_TEST(!d.take(i).quorum_answered);
}

BOOST_AUTO_TEST_CASE(P10_a_thief_that_is_kept_back_somewhere_does_not_say_that_a_quorum_has_answered)
{
    quorum_driver d(5);
    d.obtain(1, {.priority = 9});
    d.waiting(0, {.outranks = true}); // where the one before it is not queued yet
    for (const std::size_t i : {1u, 2u, 3u, 4u})
        BOOST_TEST(d.waiting(i, {.kept_back = true}) == (i == 2 ? "1 waiting" : ""));
    BOOST_TEST(d.wake(0) == "obtain 0");
    BOOST_TEST(!d.last_call(0).quorum_answered);
    d.waiting(0, {.outranks = true});

    for (const std::size_t i : {1u, 2u, 3u}) { // the one before it has gone, and so has the holder from some nodes
        d.wake(i);
        BOOST_TEST(!d.last_call(i).quorum_answered);
        BOOST_TEST(d.waiting(i) == "");
    }
    d.wake(4);
    BOOST_TEST(d.waiting(4) == "obtain 0");
    BOOST_TEST(d.last_call(0).quorum_answered);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
