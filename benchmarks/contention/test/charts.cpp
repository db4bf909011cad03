// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "charts.hpp"

#include "process.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <string>

using namespace contention;

namespace {

/// A run of four seconds, in which a node fails and comes back.
[[nodiscard]] scenario with_faults()
{
    return parse_scenario(R"({"protocol": "redis", "duration": 4000,
        "clients": [{"name": "low", "count": 2}, {"name": "high", "priority": 1}],
        "faults": [{"at": 1000, "node": 2, "do": "kill"}, {"at": 2500, "node": 2, "do": "resume"}]})");
}

[[nodiscard]] run_result result_of(const scenario& s)
{
    run_result r;
    r.contender = "nobody";
    r.seconds = 4;
    r.step_seconds = 0.04;
    for (const group& g : s.groups) {
        group_result& sums = r.groups.emplace_back();
        sums.name = g.name;
        sums.priority = g.priority;
        sums.granted = 1000;
        sums.wait.count = 1000;
        sums.wait.max_us = 5000;
        sums.wait.buckets = {{0, 400}, {20, 500}, {5000, 100}};
        sums.completed_over_time.assign(100, 10);
    }
    for (std::size_t i = 0; i < 30; ++i) {
        const double from = 950'000 + 10'000.0 * static_cast<double>(i);
        r.hot_holds.push_back({i % 3, from, from + 8'000, i % 5 == 0 ? "preempted" : "released"});
    }
    return r;
}

[[nodiscard]] std::size_t count(const std::string& text, const std::string& word)
{
    std::size_t n = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
        ++n;
    return n;
}

} // namespace

BOOST_AUTO_TEST_CASE(
    charts_mark_the_faults_that_fall_into_them,
    *boost::unit_test::precondition([](boost::unit_test::test_unit_id) -> boost::test_tools::assertion_result {
        boost::test_tools::assertion_result found(has_program("gnuplot"));
        found.message() << "gnuplot is not installed";
        return found;
    }))
{
    const scenario s = with_faults();
    const auto charts = draw_charts(s, {result_of(s)});
    BOOST_REQUIRE(charts.size() == 3U);
    for (const chart& each : charts) {
        BOOST_TEST_CONTEXT(each.id)
        {
            BOOST_TEST(each.svg.starts_with("<svg"));
            BOOST_TEST(count(each.svg, "kill node 2") == (each.id == "wait" ? 0U : 1U));
            BOOST_TEST(count(each.svg, "resume node 2") == (each.id == "throughput" ? 1U : 0U));
        }
    }
}
