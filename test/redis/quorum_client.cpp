// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

// What the manager asks for, beyond the usual.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using mode = quorum_driver::mode;

BOOST_AUTO_TEST_SUITE(quorum_client)

BOOST_AUTO_TEST_CASE(a_manager_that_asks_again_changes_how_far_it_goes)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.obtain(1, {.how = mode::once}) == "obtain 0 1 2");
    BOOST_TEST((d.last_call(0).mode == mode::once));
    d.refused(0);
    BOOST_TEST(d.refused(1) == "release 0 1 2; 1 refused");
}

BOOST_AUTO_TEST_CASE(R9_a_ttl_above_the_deployments_is_refused)
{
    quorum_driver d(3);
    BOOST_TEST(d.obtain(1, {.ttl = 61s}) == "1 invalid argument");
    BOOST_TEST(d.log.size() == 1);
    let_hold(d, 3);
    BOOST_TEST(d.extend(61s) == "1 not extended: invalid argument");
}

BOOST_AUTO_TEST_CASE(an_infinite_ttl_is_the_lease)
{
    quorum_driver d(3);
    d.obtain(1, {.ttl = priority_redlock::infinite});
    BOOST_TEST(d.last_call(0).ttl == 10'000'000);
}

BOOST_AUTO_TEST_CASE(abandoned_waits_are_aborted_and_holds_lost)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.obtain(2);
    d.obtain(3);
    d.end(3);
    const auto told = d.abandon();
    BOOST_TEST(told.find("1 ended: lost") != std::string::npos);
    BOOST_TEST(told.find("2 aborted") != std::string::npos);
    BOOST_TEST(told.find("3 ended") != std::string::npos);
    BOOST_TEST(told.find("release") == std::string::npos); // nothing more is sent
    BOOST_TEST(d.client().idle());
    BOOST_TEST(d.granted(1) == ""); // what comes now has nobody to be told
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
