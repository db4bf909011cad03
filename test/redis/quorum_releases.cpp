// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

// The end of an acquisition: what nodes may have of it is released.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using verdict = quorum_driver::verdict;

BOOST_AUTO_TEST_SUITE(quorum_client)

BOOST_AUTO_TEST_CASE(a_release_is_done_at_a_quorum)
{
    quorum_driver d(5);
    let_hold(d, 5);
    BOOST_TEST(d.end() == "release 0 1 2 3 4");
    BOOST_TEST(d.last_call(0).ttl == 0); // no tombstone: nothing can come late
    d.done(0);
    d.reply(1, {.what = verdict::absent});
    BOOST_TEST(d.done(2) == "1 ended");
    BOOST_TEST(!d.client().idle());
    d.done(3);
    d.done(4);
    BOOST_TEST(d.client().idle());
    BOOST_TEST(d.end() == "1 ended"); // again: harmless
}

BOOST_AUTO_TEST_CASE(T2_what_was_asked_and_not_answered_is_released_as_well)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(1);
    BOOST_TEST(d.end() == "release 0 1 2; 1 refused");
    BOOST_TEST(d.granted(0) == ""); // in order on its connection, before the release
    d.done(0);
    BOOST_TEST(d.done(1) == "1 ended");
}

BOOST_AUTO_TEST_CASE(R2_a_release_is_not_repeated_for_ever)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.down(2);
    d.end();
    d.done(0);
    d.done(1);
    d.after(1099ms);
    BOOST_TEST(!d.client().idle());
    d.after(1ms); // ttl and node_timeout: the node has forgotten it by itself
    BOOST_TEST(d.client().idle());
}

BOOST_AUTO_TEST_CASE(a_release_that_no_node_answers_is_done_when_the_ttl_has_passed)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.end();
    BOOST_TEST(d.after(1100ms) == "1 ended");
}

BOOST_AUTO_TEST_CASE(a_release_that_failed_is_repeated)
{
    quorum_driver d(1);
    let_hold(d, 1);
    d.end();
    BOOST_TEST(d.reply(0, {.what = verdict::failed, .text = "OOM"}) == "");
    BOOST_TEST(d.after(700ms) == "release 0");
    BOOST_TEST(d.done(0) == "1 ended");
}

BOOST_AUTO_TEST_CASE(R11_there_is_a_tombstone_where_an_obtain_was_lost_with_its_connection)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.down(2);
    d.up(2);
    d.reply(2, {.what = verdict::ready});
    BOOST_TEST(d.end() == "release 0 1 2");
    BOOST_TEST(d.last_call(0).ttl == 0);
    BOOST_TEST(d.last_call(2).ttl == 1'000'000); // it may still arrive there
}

BOOST_AUTO_TEST_CASE(R11_one_that_withdrew_in_between_leaves_it_in_the_end)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(0);
    d.waiting(1);
    d.down(2);
    d.down(1);
    d.up(2);
    BOOST_TEST(d.after(800ms) == "release 0 2");
    d.reply(2, {.what = verdict::quarantined, .number = 60'000'000});
    BOOST_TEST(d.reply(2, {.what = verdict::absent}) == "");
    d.done(0);
    BOOST_TEST(d.end() == "release 2");
    BOOST_TEST(d.last_call(2).ttl == 1'000'000);
    BOOST_TEST(d.done(2) == "1 ended");
}

BOOST_AUTO_TEST_CASE(R11_a_tombstone_lasts_as_long_as_the_longest_ttl_that_was_asked_for)
{
    quorum_driver d(1);
    let_hold(d, 1);
    d.extend(5s);
    d.lost(0);
    d.extend(500ms);
    d.granted(0);
    d.end();
    BOOST_TEST(d.last_call(0).ttl == 5'000'000);
}

BOOST_AUTO_TEST_CASE(what_never_was_sent_ends_at_once)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    BOOST_TEST(d.obtain() == "");
    BOOST_TEST(d.end() == "1 refused; 1 ended");
    BOOST_TEST(d.client().idle());
}

BOOST_AUTO_TEST_CASE(T18_a_release_is_not_overtaken_by_an_extension)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.end();
    d.granted(0);
    d.granted(1);
    BOOST_TEST(d.granted(2) == "");
    d.done(0);
    BOOST_TEST(d.done(1) == "1 ended");
    BOOST_TEST(d.after(5s) == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
