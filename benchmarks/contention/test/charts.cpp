// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "charts.hpp"

#include "process.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

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
        sums.hold.count = 1000;
        sums.completed_over_time.assign(100, 10);
        sums.preempted_over_time.assign(100, 0);
    }
    r.hot_from_us = 950'000;
    r.hot_to_us = 1'250'000;
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

[[nodiscard]] boost::test_tools::assertion_result has_gnuplot(boost::unit_test::test_unit_id)
{
    boost::test_tools::assertion_result found(has_program("gnuplot"));
    found.message() << "gnuplot is not installed";
    return found;
}

/// All that a chart shows.
[[nodiscard]] std::string drawings(const chart& c)
{
    std::string all;
    for (const panel& each : c.panels)
        all += each.drawing;
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(charts)

BOOST_AUTO_TEST_CASE(ticks_are_round_and_differ)
{
    for (const double scale : {1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7}) {
        for (const double most : {1.0, 1.3, 1.9, 2.4, 3.0, 4.2, 5.0, 6.1, 7.7, 9.99}) {
            BOOST_TEST_CONTEXT(most * scale)
            {
                const auto ticks = linear_ticks(most * scale);
                BOOST_TEST(ticks.size() >= 3U);
                BOOST_TEST(ticks.size() <= 8U);
                std::set<std::string> labels;
                for (const tick& each : ticks) {
                    labels.insert(each.label);
                    double said = std::stod(each.label);
                    if (each.label.ends_with(" k"))
                        said *= 1e3;
                    if (each.label.ends_with(" M"))
                        said *= 1e6;
                    BOOST_TEST(said == each.at, boost::test_tools::tolerance(1e-9));
                }
                BOOST_TEST(labels.size() == ticks.size());
                BOOST_TEST(ticks.back().at <= most * scale * 1.001);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(ticks_of_time_have_the_unit_that_suits_them)
{
    std::string labels;
    for (const tick& each : time_ticks(0.1, 2e6))
        labels += each.label + ", ";
    BOOST_TEST(labels == "100 ns, 1 µs, 10 µs, 100 µs, 1 ms, 10 ms, 100 ms, 1 s, 10 s, ");
    BOOST_TEST(time_ticks(1000, 1000).size() == 2U); // an axis has two ends
}

BOOST_AUTO_TEST_CASE(charts_mark_the_faults_that_fall_into_them, *boost::unit_test::precondition(has_gnuplot))
{
    const scenario s = with_faults();
    const auto all = draw_charts(s, {result_of(s)});
    BOOST_REQUIRE(all.size() == 3U);
    for (const chart& each : all) {
        for (const panel& p : each.panels) {
            BOOST_TEST_CONTEXT(each.id)
            {
                BOOST_TEST(count(p.drawing, "kill node 2") == (each.id == "wait" ? 0U : 1U));
                BOOST_TEST(count(p.drawing, "resume node 2") == (each.id == "throughput" ? 1U : 0U));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(groups_have_panels_and_runs_have_colours, *boost::unit_test::precondition(has_gnuplot))
{
    const scenario s = with_faults();
    const run_result one = result_of(s);
    const auto all = draw_charts(s, {one, one});
    for (const chart& each : all) {
        BOOST_TEST_CONTEXT(each.id)
        {
            BOOST_TEST(each.panels.size() == 2U);
            BOOST_TEST(each.key.size() == 2U);
            BOOST_TEST(count(drawings(each), "#") == 0U);   // colours are the page's
            BOOST_TEST(count(drawings(each), "id=") == 0U); // and names would be there twice
            BOOST_TEST(count(drawings(each), "rgb(") == 0U);
        }
    }
    BOOST_TEST(all[0].panels[1].title == "high (priority 1)");
    for (const char* end : {">100 ns<", ">10 ms<"}) // of the axis
        BOOST_TEST(count(all[0].panels[1].drawing, end) == 1U);
    BOOST_TEST(all[0].key[0].colour != all[0].key[1].colour);
}

BOOST_AUTO_TEST_CASE(what_was_preempted_is_shown_apart_from_what_was_completed,
                     *boost::unit_test::precondition(has_gnuplot))
{
    const scenario s = with_faults();
    run_result r = result_of(s);
    const auto completed = draw_charts(s, {r})[1];
    BOOST_TEST(completed.key.size() == 1U);
    r.groups[0].preempted = 500;
    r.groups[0].preempted_over_time.assign(100, 5);
    const auto both = draw_charts(s, {r})[1];
    BOOST_REQUIRE(both.key.size() == 2U);
    BOOST_TEST(both.key[1].meaning == "nobody, preempted");
    BOOST_TEST(count(both.panels[0].drawing, "var(--purple)") == 1U);
    BOOST_TEST(count(both.panels[1].drawing, "var(--purple)") == 0U);
}

BOOST_AUTO_TEST_CASE(who_held_the_hot_resource_is_shown_for_the_same_time_of_each_run,
                     *boost::unit_test::precondition(has_gnuplot))
{
    const scenario s = with_faults();
    run_result one = result_of(s);
    run_result other = one;
    other.hot_from_us = 1'000'000;
    other.hot_to_us = 4'000'000;
    const auto panels = draw_charts(s, {one, other})[2].panels;
    BOOST_REQUIRE(panels.size() == 2U);
    for (const panel& each : panels) {
        BOOST_TEST(count(each.drawing, "ms after 1.000 s of the run") == 1U);
        BOOST_TEST(count(each.drawing, ">250<") == 1U); // the last tick
    }

    // One that was interrupted before takes nothing away from the others.
    other.interrupted = true;
    other.hot_to_us = 900'000;
    BOOST_TEST(draw_charts(s, {one, other})[2].panels.size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_last_step_ends_with_the_run, *boost::unit_test::precondition(has_gnuplot))
{
    const scenario s = with_faults();
    const auto axis_of = [&](double seconds, const std::vector<std::uint64_t>& completed) {
        run_result r = result_of(s);
        r.seconds = seconds;
        for (group_result& g : r.groups) {
            g.completed_over_time = completed;
            g.preempted_over_time.assign(completed.size(), 0);
        }
        return draw_charts(s, {r})[1].panels[0].drawing;
    };
    const std::string shorter = axis_of(0.02, {10}); // half a step, of an interrupted run
    BOOST_TEST(count(shorter, ">500<") == 1U);

    std::vector<std::uint64_t> late(100, 100); // one that was late with its end
    late.back() = 200;
    BOOST_TEST(count(axis_of(4.04, late), ">2500<") == 1U);
    BOOST_TEST(count(axis_of(4.04, late), ">5000<") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
