// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

// Fencing tokens, which are proposed, and written back if they differ.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using verdict = quorum_driver::verdict;

BOOST_AUTO_TEST_SUITE(quorum_client)

BOOST_AUTO_TEST_CASE(R7_one_token_of_a_quorum_costs_no_round_trip)
{
    quorum_driver d(5);
    d.obtain();
    d.granted(0, 50);
    d.granted(1, 70);
    d.granted(2, 70);
    BOOST_TEST(d.granted(3, 70) != "");
    BOOST_TEST(d.last_token == 70);
}

BOOST_AUTO_TEST_CASE(T28_tokens_that_differ_are_written_back_before_the_grant)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    BOOST_TEST(d.granted(1, 70) == "write_back 0"); // where a smaller one was given
    BOOST_TEST(d.last_call(0).token == 70);
    d.after(20ms);
    BOOST_TEST(d.done(0) == "1 granted until 988 ms");
    BOOST_TEST(d.last_token == 70);
}

BOOST_AUTO_TEST_CASE(R7_a_late_node_may_make_the_quorum_as_well)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    d.granted(1, 70);
    BOOST_TEST(d.granted(2, 70) == "1 granted until 988 ms");
    BOOST_TEST(d.done(0) == "");
}

BOOST_AUTO_TEST_CASE(R7_a_token_that_no_quorum_writes_is_not_used)
{
    for (const verdict what : {verdict::refused, verdict::lost, verdict::failed, verdict::quarantined}) {
        quorum_driver d(3);
        d.obtain();
        d.granted(0, 50);
        d.granted(1, 70);
        d.waiting(2);
        BOOST_TEST(d.reply(0, {.what = what, .number = 1'000'000}).starts_with("yield 1; 1 waiting"));
        // The node is asked again in time, as all others.
        BOOST_TEST(d.after(800ms).find(" 0") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(R10_a_quorum_that_is_lost_while_the_token_is_written)
{
    quorum_driver d(3);
    d.obtain();
    d.down(2);
    d.granted(0, 50);
    d.granted(1, 70);
    d.reply(0, {.what = verdict::mismatch, .text = "version=0"});
    BOOST_TEST(d.after(quorum_driver::plain_options().quorum_timeout).find("no quorum") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R7_T24_a_token_has_to_be_written_in_time)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(2);
    d.granted(0, 50);
    d.granted(1, 70);
    BOOST_TEST(d.after(100ms) == "yield 0 1; 1 waiting");

    // Validity counts from the grants, not from when the token was written.
    quorum_driver slow(3);
    slow.obtain(1, {.ttl = 100ms});
    slow.granted(0, 50);
    slow.without_timer(90ms);
    BOOST_TEST(slow.granted(1, 70) == "write_back 0");
    slow.without_timer(8ms);
    BOOST_TEST(slow.done(0) == "yield 0 1; 1 waiting");
}

/// The client stands still in a round, for longer than its ttl, and goes on with its last attempt. Meanwhile its hold
/// on node 0 has ended, and another client was granted 80 by nodes 0 and 2, and has released it.
BOOST_AUTO_TEST_CASE(R7_what_a_node_has_granted_since_is_not_covered_by_a_smaller_token)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    d.waiting(1);
    d.without_timer(1500ms);
    d.obtain(1, {.how = quorum_driver::mode::once});
    BOOST_TEST(d.granted(1, 70) == "write_back 0");
    BOOST_TEST(d.granted(0, 81) == ""); // it was sent before
    BOOST_TEST(d.done(0) == "yield 0 1; 1 waiting");
}

BOOST_AUTO_TEST_CASE(a_retry_that_falls_due_while_the_token_is_written_waits)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(2, {.remaining = 5ms, .best = true}); // a holder whose ttl has ended on the other two
    d.granted(0, 50);
    BOOST_TEST(d.granted(1, 70) == "write_back 0");
    BOOST_TEST(d.after(50ms) == "");
    BOOST_TEST(d.done(0) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R7_proposals_rise_and_one_is_made_anew_when_nothing_of_the_last_is_left)
{
    quorum_driver d(1);
    d.obtain();
    const auto first = d.last_call(0).token;
    d.waiting(0);
    d.after(d.timer());
    BOOST_TEST(d.last_call(0).token > first);
    d.waiting(0);

    // The clock goes back by an hour; tokens do not.
    const auto second = d.last_token;
    d.set_wall(-1h);
    d.wake(0);
    BOOST_TEST(d.last_call(0).token > second);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
