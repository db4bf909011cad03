// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "run.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

using namespace contention;

BOOST_AUTO_TEST_SUITE(runs)

namespace {

[[nodiscard]] run_result play(std::string_view text, const contender_kind& kind = priority_redlock_locks(nullptr))
{
    interruption none;
    return run(parse_scenario(text), kind, nullptr, none, [](duration, const progress&) {});
}

[[nodiscard]] std::uint64_t sum_of(const std::vector<std::uint64_t>& counts)
{
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t(0));
}

const std::vector<contender_kind> in_process{priority_redlock_locks(nullptr), channel_map_locks()};

} // namespace

BOOST_AUTO_TEST_CASE(clients_are_served_and_never_two_at_a_time)
{
    for (const contender_kind& kind : in_process) {
        for (const char* threads : {"1", "2"}) {
            BOOST_TEST_CONTEXT(kind.name << ", threads " << threads)
            {
                const run_result r = play(std::string(R"({"duration": 100, "resources": 3, "threads": )") + threads
                                              + R"(, "clients": [{"name": "one", "count": 8},
                                                     {"name": "two", "count": 4, "parts": 2, "hold": 1}]})",
                                          kind);
                BOOST_TEST(r.overlaps == 0U);
                for (const group_result& g : r.groups) {
                    BOOST_TEST(g.granted > 0U);
                    BOOST_TEST(g.wait.count == g.granted);
                    BOOST_TEST(g.failed == 0U);
                    BOOST_TEST(g.completed() <= g.granted);
                    BOOST_TEST(g.completed() + g.clients >= g.granted);
                    BOOST_TEST(g.least_served <= g.most_served);
                    BOOST_TEST(sum_of(g.completed_over_time) == g.completed());
                }
                BOOST_TEST(r.utilisation > 0);
                BOOST_TEST(r.hot_utilisation <= 1.0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_higher_priority_preempts_and_a_long_cleanup_overruns_the_grace)
{
    const run_result r = play(R"({"duration": 300, "clients": [
        {"name": "low", "hold": 3600000, "cleanup": 20, "grace": 1},
        {"name": "high", "priority": 1, "think": 5}]})");
    BOOST_TEST(r.groups[1].granted > 0U);
    BOOST_TEST(r.groups[0].preempted > 0U);
    BOOST_TEST(r.groups[0].completed() == 0U);
    BOOST_TEST(sum_of(r.groups[0].completed_over_time) == 0U);
    BOOST_TEST(sum_of(r.groups[0].preempted_over_time) == r.groups[0].preempted);
    BOOST_TEST(r.groups[0].overrun == r.groups[0].preempted);
}

BOOST_AUTO_TEST_CASE(ends_are_told_apart)
{
    const run_result r = play(R"({"duration": 200, "resources": 1, "clients": [
        {"name": "expires", "hold": 3600000, "ttl": 10},
        {"name": "gives up", "count": 3, "priority": -1, "timeout": 1, "think": 1}]})");
    BOOST_TEST(r.groups[0].expired > 0U);
    BOOST_TEST(r.groups[0].preempted == 0U);
    BOOST_TEST(r.groups[1].timed_out > 0U);
    BOOST_TEST(r.overlaps == 0U);
}

/// A client that is kept waiting makes its next requests late. Their waits count from when they were due.
BOOST_AUTO_TEST_CASE(waits_in_an_open_loop_count_from_when_the_request_was_due)
{
    // One client, 1000 requests a second, each held for 10 ms: it is served at a tenth of the rate.
    const run_result r = play(R"({"duration": 500, "clients": [{"name": "late", "rate": 1000, "hold": 10}]})");
    const group_result& g = r.groups[0];
    BOOST_TEST(g.granted <= 50U);
    BOOST_TEST(g.wait.max_us > 200'000);
    BOOST_TEST(g.still_waiting > 300U);
    BOOST_TEST(g.longest_waiting_us > 200'000);
}

BOOST_AUTO_TEST_CASE(an_interrupted_run_gives_the_results_so_far)
{
    interruption interrupt;
    const scenario s = parse_scenario(R"({"duration": 3600000, "clients": [{"name": "all", "count": 2}]})");
    const run_result r = run(s, priority_redlock_locks(nullptr), nullptr, interrupt, [](duration, const progress& p) {
        if (p.granted > 0)
            std::raise(SIGINT);
    });
    BOOST_TEST(r.interrupted);
    BOOST_TEST(r.seconds < 60);
    BOOST_TEST(r.groups[0].granted > 0U);
    BOOST_TEST(sum_of(r.groups[0].completed_over_time) == r.groups[0].completed());
    BOOST_TEST(!r.hot_holds.empty()); // although it has not come to the middle
    BOOST_TEST(r.hot_to_us <= r.seconds * 1e6);
}

BOOST_AUTO_TEST_CASE(a_result_survives_its_json)
{
    const run_result r = play(R"({"duration": 20, "clients": [{"name": "all", "count": 2}]})");
    const auto json = to_json(r);
    BOOST_TEST(boost::json::serialize(to_json(run_result_from_json(json))) == boost::json::serialize(json));
}

BOOST_AUTO_TEST_SUITE_END()
