// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/checker.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

// Logs made by hand: each judge finds what it is there for, and nothing where all is well.

using namespace soak;
using namespace std::chrono_literals;

namespace {

// A log in milliseconds, as a person writes it: AT WHO WHAT ACQUIRE RESOURCE N UNTIL WHY, the last three if need be.
std::vector<event> log_of(std::string_view text)
{
    std::vector<event> result;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::int64_t at = 0;
        std::string who;
        std::string what;
        if (!(words >> at >> who >> what))
            continue;
        std::uint64_t acquire = 0;
        std::string resource = "-";
        std::uint64_t n = 0;
        std::int64_t until = 0;
        std::string why = "-";
        words >> acquire >> resource >> n >> until >> why;
        result.push_back(parse_line(std::to_string(at * 1'000'000) + ' ' + who + ' ' + what + ' '
                                    + std::to_string(acquire) + ' ' + resource + ' ' + std::to_string(n) + ' '
                                    + std::to_string(until * 1'000'000) + ' ' + why));
    }
    return result;
}

/// The judges that find something, in the order in which they do.
std::string judges(std::string_view text)
{
    std::string result;
    for (const finding& f : check(log_of(text)).findings)
        result.append(result.empty() ? "" : " ").append(f.judge);
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(checker)

BOOST_AUTO_TEST_CASE(nothing_is_found_in_nothing)
{
    BOOST_TEST(judges("") == "");
}

BOOST_AUTO_TEST_CASE(locks_one_after_the_other)
{
    BOOST_TEST(judges(R"(
        1 a asked 1 r
        2 a granted 1 r 10 100
        3 b asked 1 r
        9 a released 1 r 0 100
        9 b granted 1 r 11 200
        20 b lost 1 r 0 15
        21 a asked 2 r
        22 a granted 2 r 12 300)")
               == "");
}

BOOST_AUTO_TEST_CASE(two_hold_at_a_time)
{
    BOOST_TEST(judges(R"(
        2 a granted 1 r 10 100
        8 b granted 1 r 11 200
        9 a released 1 r 0 100)")
               == "exclusion");
}

BOOST_AUTO_TEST_CASE(whoever_was_told_or_whose_time_is_over_believes_nothing)
{
    BOOST_TEST(judges(R"(
        2 a granted 1 r 10 100
        5 a told 1 r 0 100
        6 b granted 1 r 11 20
        30 c granted 1 r 12 200
        40 b released 1 r 0 20)")
               == "");
}

BOOST_AUTO_TEST_CASE(a_renewal_that_is_seen_at_the_end_counts)
{
    BOOST_TEST(judges(R"(
        2 a granted 1 r 10 100
        120 b granted 1 r 11 300
        150 a released 1 r 0 200)")
               == "exclusion");
}

BOOST_AUTO_TEST_CASE(a_stopped_worker_believes_until_its_time_is_over)
{
    BOOST_TEST(judges(R"(
        2 a granted 1 r 10 100
        50 b granted 1 r 11 300)")
               == "exclusion");
}

BOOST_AUTO_TEST_CASE(a_killed_worker_believes_nothing)
{
    BOOST_TEST(judges(R"(
        2 a granted 1 r 10 100
        40 a killed
        50 b granted 1 r 11 300)")
               == "");
}

BOOST_AUTO_TEST_CASE(each_resource_of_a_composite_is_held)
{
    BOOST_TEST(judges(R"(
        1 a asked 1 r
        1 a asked 1 s
        2 a granted 1 r 10 100
        2 a granted 1 s 10 100
        8 b granted 1 s 11 200
        9 a released 1 r 0 100
        9 a released 1 s 0 100)")
               == "exclusion");
}

BOOST_AUTO_TEST_CASE(tokens_that_do_not_rise)
{
    for (const char* second : {"9", "10"})
        BOOST_TEST(
            judges(std::string("2 a granted 1 r 10 100\n9 a released 1 r 0 100\n10 b granted 1 r ") + second + " 200")
            == "tokens");
}

BOOST_AUTO_TEST_CASE(one_who_waits_for_ever)
{
    const std::string before = "3 a asked 1 r 0\n4 b asked 1 r 3\n5 b missed 1 r\n1000 director phase 0 - 0 0 after\n"
                               "30000 director phase 0 - 0 0 end\n";
    BOOST_TEST(judges(before + "60000 b asked 2 r 1") == "");
    BOOST_TEST(judges(before + "60001 b asked 2 r 1") == "waits");
}

BOOST_AUTO_TEST_CASE(one_of_the_highest_priority_who_is_served_too_late)
{
    const std::string calm = "3 a asked 1 r 3\n3 b asked 1 r 1\n1000 director phase 0 - 0 0 after\n";
    BOOST_TEST(judges(calm + "31000 a granted 1 r 10 32000") == "");
    BOOST_TEST(judges(calm + "31001 a granted 1 r 10 32000") == "waits");
    BOOST_TEST(judges(calm + "31001 a failed 1 r 0 0 acquire_timeout") == "waits");
    BOOST_TEST(judges(calm + "3000 a missed 1 r\n31001 b granted 1 r 10 32000") == "");
}

BOOST_AUTO_TEST_CASE(one_who_was_killed_or_waited_during_the_faults_is_no_violation)
{
    BOOST_TEST(judges(R"(
        1 director phase 0 - 0 0 during
        3 a asked 1 r
        4 b asked 1 r
        40000 b granted 1 r 10 50000
        41000 director phase 0 - 0 0 after
        42000 a killed
        80000 director phase 0 - 0 0 end)")
               == "");
}

BOOST_AUTO_TEST_CASE(no_quorum_where_nothing_is_wrong)
{
    const auto asked_at = [](const char* time) {
        return std::string("0 director phase 0 - 0 0 before\n20000 director phase 0 - 0 0 during\n") + "40000 director "
               + "phase 0 - 0 0 after\n" + time + " a asked 1 r\n60000 a failed 1 r 0 0 no_quorum";
    };
    BOOST_TEST(judges(asked_at("47000")) == "");
    BOOST_TEST(judges(asked_at("49000")) == "quorum");
    BOOST_TEST(judges("0 director phase 0 - 0 0 before\n9000 a asked 1 r\n9100 a failed 1 r 0 0 no_quorum")
               == "quorum");
    BOOST_TEST(judges("0 director phase 0 - 0 0 during\n9000 a asked 1 r\n9100 a failed 1 r 0 0 no_quorum") == "");
}

BOOST_AUTO_TEST_CASE(a_worker_that_grows)
{
    const std::string before = "1 a sample 14 - 10000\n";
    BOOST_TEST(judges(before + "2 a sample 30 - 26384") == "");
    BOOST_TEST(judges(before + "2 a sample 31 - 10000") == "growth");
    BOOST_TEST(judges(before + "2 a sample 14 - 26385") == "growth");
    BOOST_TEST(judges(before + "2 a killed\n3 a sample 31 - 10000") == "");
}

BOOST_AUTO_TEST_CASE(a_worker_that_ends_by_itself)
{
    BOOST_TEST(judges("1 a asked 1 r\n2 a crashed 0 - 0 0 signal_6") == "crashes");
}

BOOST_AUTO_TEST_CASE(what_is_counted)
{
    const verdict v = check(log_of(R"(
        0 director phase 0 - 0 0 before
        10 a asked 1 r
        20 a granted 1 r 10 900
        30 a released 1 r 0 900
        1000 director phase 0 - 0 0 during
        1001 director fault 0 - 0 0 stop
        1010 a asked 2 r
        1010 a asked 2 s
        1040 a granted 2 r 11 1900
        1040 a granted 2 s 12 1900
        1050 a told 2 r 0 1900
        1050 a told 2 s 0 1900
        1060 b asked 1 t
        1070 b failed 1 t 0 0 acquire_timeout
        1080 b asked 2 t
        1090 b failed 2 t 0 0 no_quorum
        1095 b asked 3 t
        1096 b missed 3 t
        1099 director undone 0 - 0 0 stop
        3000 director phase 0 - 0 0 after
        3500 director phase 0 - 0 0 end
        3600 a asked 3 r
        3700 a granted 3 r 13 3800
        3900 a lost 3 r 0 3800)"));
    BOOST_TEST(v.findings.empty());
    BOOST_TEST(v.acquisitions() == 3u);
    BOOST_TEST((v.phases[0].length == 1s));
    BOOST_TEST((v.phases[1].length == 2s));
    BOOST_TEST((v.phases[2].length == 500ms));
    BOOST_TEST(v.phases[1].composites == 1u);
    BOOST_TEST(v.phases[1].told == 2u);
    BOOST_TEST(v.phases[1].timed_out == 1u);
    BOOST_TEST(v.phases[1].failed == 1u);
    BOOST_TEST(v.phases[2].lost == 1u);
    BOOST_TEST((v.phases[1].longest_wait == 30ms));
    BOOST_TEST(v.faults.at("stop") == 1u);
    BOOST_TEST(v.errors.at("no_quorum") == 1u);
}

BOOST_AUTO_TEST_CASE(the_lines_around_a_violation_are_shown)
{
    std::ostringstream text;
    text << check(log_of(R"(
        1 director fault 0 - 0 0 stop
        2 a granted 1 r 10 100
        3 c granted 1 other 10 100
        8 b granted 1 r 11 200
        9 a released 1 r 0 100)"));
    for (const char* line : {"VIOLATION of exclusion: overlap of r: a/1 token 10", "for 1 ms", "1000000 director fault",
                             "2000000 a granted 1 r", "8000000 b granted 1 r", "9000000 a released 1 r"})
        BOOST_TEST(text.str().find(line) != std::string::npos, text.str() << " lacks " << line);
    BOOST_TEST(text.str().find("other") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
