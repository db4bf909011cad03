// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

// The clock that is corrected by the nodes'.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using verdict = quorum_driver::verdict;

BOOST_AUTO_TEST_SUITE(node_clocks)

BOOST_AUTO_TEST_CASE(R3_proposals_and_tickets_use_the_clock_corrected_by_the_median_of_the_nodes)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.set_wall(-5s);
    const auto right = [&d] { return d.now().wall + 5'000'000; };
    for (std::size_t i = 0; i < 3; ++i) {
        d.up(i);
        // One of the nodes is quite wrong.
        d.reply(i, {.what = verdict::ready, .time = i == 1 ? right() + 3'600'000'000 : right()});
    }
    d.obtain();
    BOOST_TEST(d.last_call(0).token == right());
    BOOST_TEST(d.last_call(0).about->ticket == right());
}

BOOST_AUTO_TEST_CASE(R3_a_clock_that_is_right_within_what_can_be_measured_is_not_corrected)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    for (std::size_t i = 0; i < 3; ++i) {
        d.up(i);
        d.reply(i, {.what = verdict::ready, .time = d.now().wall + 3000});
    }
    d.obtain();
    BOOST_TEST(d.last_call(0).about->ticket == d.now().wall);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
