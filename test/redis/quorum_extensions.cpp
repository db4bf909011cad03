// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

// Extensions of a hold.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using mode = quorum_driver::mode;

BOOST_AUTO_TEST_SUITE(quorum_client)

BOOST_AUTO_TEST_CASE(R8_an_extension_asks_all_and_is_decided_by_a_quorum)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.waiting(2);
    d.after(300ms);
    BOOST_TEST(d.extend(2s) == "obtain 0 1 2"); // that too which lacks it
    BOOST_TEST((d.last_call(2).mode == mode::now));
    BOOST_TEST(d.last_call(2).ttl == 2'000'000);
    BOOST_TEST(d.refused(2) == "");
    BOOST_TEST(d.granted(0) == "");
    d.after(50ms);
    BOOST_TEST(d.granted(1) == "1 extended until 2278 ms"); // 300 + 2000 - 22
}

BOOST_AUTO_TEST_CASE(T1_an_extension_counts_only_what_says_that_it_is_held)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.waiting(0); // somebody else has it there
    BOOST_TEST(d.refused(1) == "1 not extended: refused");
}

BOOST_AUTO_TEST_CASE(an_extension_that_no_quorum_answers_says_so_and_may_be_repeated)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.granted(0);
    BOOST_TEST(d.after(100ms) == "1 not extended: no quorum");
    d.granted(1); // late: of an extension that is over
    BOOST_TEST(d.extend(1s) == "obtain 0 1 2");
}

BOOST_AUTO_TEST_CASE(a_mixture_of_refusals_and_silence_is_no_quorum_and_not_the_end)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.refused(0);
    BOOST_TEST(d.lost(1) == "1 not extended: no quorum");
}

BOOST_AUTO_TEST_CASE(T11_T20_after_the_local_validity_nothing_is_extended)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.without_timer(988ms);
    BOOST_TEST(d.extend(1s) == "1 not extended: refused");

    quorum_driver late(3);
    let_hold(late, 3);
    late.after(950ms);
    late.extend(1s);
    late.granted(0);
    late.without_timer(40ms);
    BOOST_TEST(late.granted(1) == "1 not extended: refused");
}

BOOST_AUTO_TEST_CASE(extensions_are_made_one_after_the_other)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.extend(2s) == "obtain 0 1 2");
    BOOST_TEST(d.extend(3s) == "");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "obtain 0 1 2; 1 extended until 1978 ms");
    d.granted(0);
    d.granted(2); // of the first
    BOOST_TEST(d.granted(1) == "1 extended until 2968 ms");
    d.extend(1s);
    BOOST_TEST(d.end() == "release 0 1 2; 1 not extended: refused");
}

BOOST_AUTO_TEST_CASE(an_extension_does_not_shorten)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.extend(100ms) == "obtain 0 1 2");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 extended until 988 ms");
}

BOOST_AUTO_TEST_CASE(what_has_ended_is_not_extended)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.end();
    BOOST_TEST(d.extend(1s) == "1 not extended: refused");
    for (std::size_t i = 0; i < 3; ++i)
        d.done(i);
    BOOST_TEST(d.extend(1s) == "1 not extended: refused");
    BOOST_TEST(d.obtain() == "1 refused"); // nor does it come back
}

BOOST_AUTO_TEST_CASE(R12_a_raised_priority_is_written_to_the_nodes)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.extend(1s, 1, 7) == "obtain 0 1 2");
    BOOST_TEST(d.last_call(1).about->priority == 7);
    d.extend(1s, 1, 3); // it only rises
    BOOST_TEST(d.last_call(1).about->priority == 7);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
