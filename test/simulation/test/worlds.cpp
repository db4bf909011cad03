// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Every world, with a few seeds. `simulate` plays more of them, and shows how one went wrong.
//
// PRIORITY_REDLOCK_SCHEDULES=n plays n seeds of each world.

#include "simulation/play.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace simulation {

std::ostream& operator<<(std::ostream& out, const world_options& w)
{
    return out << w.name;
}

} // namespace simulation

namespace {

using namespace simulation;

std::uint64_t seeds()
{
    const char* const value = std::getenv("PRIORITY_REDLOCK_SCHEDULES");
    return value ? std::strtoull(value, nullptr, 10) : 1;
}

BOOST_AUTO_TEST_SUITE(simulated_worlds)

BOOST_DATA_TEST_CASE(the_judges_have_nothing_to_say, std::vector(worlds().begin(), worlds().end()), w)
{
    tally all;
    const std::uint64_t most = w.must_find.empty() ? seeds() : 3; // one that does what is excluded may be lucky once
    for (std::uint64_t seed = 0; seed < most; ++seed)
        all.add(seed, play(w, seed));
    BOOST_TEST(all.sum.grants > 0);
    BOOST_TEST(is_as_it_should_be(w, all), w.name << ": " << all.first);
}

BOOST_AUTO_TEST_CASE(a_seed_plays_the_same_each_time)
{
    const world_options& w = *find_world("everything");
    std::string played[2];
    for (std::string& each : played) {
        trace t(1'000'000);
        (void)play(w, 7, &t);
        std::ostringstream text;
        t.write_text(text);
        each = text.str();
    }
    BOOST_TEST(played[0].size() > 10'000);
    BOOST_TEST((played[0] == played[1]));
}

BOOST_AUTO_TEST_CASE(R6_an_acquisition_takes_few_commands)
{
    for (const char* const name : {"calm", "silent-5", "crowd"}) {
        const world_options& w = *find_world(name);
        const outcome o = play(w, 1);
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST(o.judge.empty());
            BOOST_TEST(o.calls <= 5 * w.nodes * o.grants);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_diagram_names_who_takes_part)
{
    trace t(200);
    (void)play(*find_world("calm"), 1, &t);
    std::ostringstream text;
    std::ostringstream picture;
    t.write_text(text);
    t.write_svg(picture);
    for (const char* const word : {"p1", "n5", "obtain", "granted", "HOLDS", "▶", "◀"})
        BOOST_TEST(text.str().find(word) != std::string::npos, word);
    BOOST_TEST(picture.str().starts_with("<svg"));
    BOOST_TEST(picture.str().ends_with("</svg>\n"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
