// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/prometheus.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <locale>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace priority_redlock::test {

namespace {

using namespace std::chrono_literals;

/// No two counters are the same.
metrics some()
{
    metrics m;
    m.grants = 1001;
    m.re_entrances = 2;
    m.releases = 3;
    m.preemptions = 4;
    m.expiries = 5;
    m.losses = 6;
    m.timeouts = 7;
    m.cancellations = 8;
    m.refusals = 9;
    m.preemptions_in_vain = 13;
    m.overruns = 10;
    m.held = 11;
    m.waiting = 12;
    m.wait_time.add(1us);
    m.wait_time.add(3us);
    m.wait_time.add(24h);
    m.wait_time.count = 1300;
    m.hold_time.add(1500ms);
    m.hold_time.count = 14;
    return m;
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> result;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        result.push_back(line);
    return result;
}

/// Where the text is not what the format asks for, or the names are not what its users do.
std::vector<std::string> problems_of(const std::string& text)
{
    static const std::regex help("# HELP ([a-z_]+) [A-Z].*\\.");
    static const std::regex type("# TYPE ([a-z_]+) (counter|gauge|histogram)");
    static const std::regex sample("([a-z_]+?)(_bucket|_sum|_count)?"
                                   "(\\{[a-z]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\"(,le=\"[^\"]+\")?\\})?"
                                   " ([0-9]+(\\.[0-9]+)?(e[-+][0-9]+)?)");
    std::vector<std::string> result;
    std::set<std::string> described;
    std::set<std::string> series;
    std::string name, kind;
    if (!text.ends_with('\n'))
        result.push_back("no line feed at the end");
    for (const std::string& line : lines_of(text)) {
        std::smatch m;
        if (std::regex_match(line, m, help)) {
            name = m[1];
            kind.clear();
            if (!described.insert(name).second)
                result.push_back(name + " is described twice");
        } else if (std::regex_match(line, m, type)) {
            kind = m[2];
            if (m[1] != name)
                result.push_back("TYPE without HELP: " + line);
            if (name.ends_with("_total") != (kind == "counter"))
                result.push_back("_total is for counters, and they have it: " + line);
            if (name.ends_with("_seconds") != (kind == "histogram"))
                result.push_back("a histogram is of seconds: " + line);
            if (!name.starts_with("priority_redlock_"))
                result.push_back("not of this library: " + line);
        } else if (std::regex_match(line, m, sample)) {
            if (m[1] != name || kind.empty() || m[2].matched != (kind == "histogram"))
                result.push_back("not of the description before it: " + line);
            if ((line.find("le=\"") != std::string::npos) != (m[2] == "_bucket"))
                result.push_back("le is of buckets: " + line);
            if (!series.insert(line.substr(0, line.rfind(' '))).second)
                result.push_back("twice: " + line);
        } else {
            result.push_back("not of the format: " + line);
        }
    }
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(prometheus)

BOOST_AUTO_TEST_CASE(the_text_of_a_manager)
{
    const std::string bounds[] = {"1e-06",    "2e-06",    "4e-06",    "8e-06",     "1.6e-05",   "3.2e-05",   "6.4e-05",
                                  "0.000128", "0.000256", "0.000512", "0.001024",  "0.002048",  "0.004096",  "0.008192",
                                  "0.016384", "0.032768", "0.065536", "0.131072",  "0.262144",  "0.524288",  "1.048576",
                                  "2.097152", "4.194304", "8.388608", "16.777216", "33.554432", "67.108864", "+Inf"};
    std::string waits, holds;
    for (int i = 0; i < 28; ++i) {
        const std::string le = "_seconds_bucket{le=\"" + bounds[i] + "\"} ";
        waits += "priority_redlock_wait" + le + (i < 2 ? "1" : i < 27 ? "2" : "3") + '\n';
        holds += "priority_redlock_hold" + le + (i < 21 ? "0" : "1") + '\n';
    }
    BOOST_TEST(
        to_prometheus(some())
        == "# HELP priority_redlock_grants_total Locks granted.\n"
           "# TYPE priority_redlock_grants_total counter\n"
           "priority_redlock_grants_total 1001\n"
           "# HELP priority_redlock_reentrances_total Further handles of lockers that held the resource.\n"
           "# TYPE priority_redlock_reentrances_total counter\n"
           "priority_redlock_reentrances_total 2\n"
           "# HELP priority_redlock_releases_total Locks ended by their owner.\n"
           "# TYPE priority_redlock_releases_total counter\n"
           "priority_redlock_releases_total 3\n"
           "# HELP priority_redlock_preemptions_total Locks taken by a higher priority.\n"
           "# TYPE priority_redlock_preemptions_total counter\n"
           "priority_redlock_preemptions_total 4\n"
           "# HELP priority_redlock_expiries_total Locks ended by their ttl.\n"
           "# TYPE priority_redlock_expiries_total counter\n"
           "priority_redlock_expiries_total 5\n"
           "# HELP priority_redlock_losses_total Locks that could not be kept.\n"
           "# TYPE priority_redlock_losses_total counter\n"
           "priority_redlock_losses_total 6\n"
           "# HELP priority_redlock_timeouts_total Acquires that timed out.\n"
           "# TYPE priority_redlock_timeouts_total counter\n"
           "priority_redlock_timeouts_total 7\n"
           "# HELP priority_redlock_cancellations_total Acquires that were cancelled.\n"
           "# TYPE priority_redlock_cancellations_total counter\n"
           "priority_redlock_cancellations_total 8\n"
           "# HELP priority_redlock_refusals_total Acquires that failed otherwise.\n"
           "# TYPE priority_redlock_refusals_total counter\n"
           "priority_redlock_refusals_total 9\n"
           "# HELP priority_redlock_preemptions_in_vain_total Preemptions for a composite, of no use to it.\n"
           "# TYPE priority_redlock_preemptions_in_vain_total counter\n"
           "priority_redlock_preemptions_in_vain_total 13\n"
           "# HELP priority_redlock_overruns_total Holders that were told to go, and did not in time.\n"
           "# TYPE priority_redlock_overruns_total counter\n"
           "priority_redlock_overruns_total 10\n"
           "# HELP priority_redlock_waits_total Acquires granted, measured or not.\n"
           "# TYPE priority_redlock_waits_total counter\n"
           "priority_redlock_waits_total 1300\n"
           "# HELP priority_redlock_holds_total Locks ended, measured or not.\n"
           "# TYPE priority_redlock_holds_total counter\n"
           "priority_redlock_holds_total 14\n"
           "# HELP priority_redlock_held Resources held.\n"
           "# TYPE priority_redlock_held gauge\n"
           "priority_redlock_held 11\n"
           "# HELP priority_redlock_waiting Acquires waiting.\n"
           "# TYPE priority_redlock_waiting gauge\n"
           "priority_redlock_waiting 12\n"
           "# HELP priority_redlock_wait_seconds How long granted acquires waited, of those that were measured.\n"
           "# TYPE priority_redlock_wait_seconds histogram\n"
               + waits
               + "priority_redlock_wait_seconds_sum 86400.000004\n"
                 "priority_redlock_wait_seconds_count 3\n"
                 "# HELP priority_redlock_hold_seconds How long locks were held, of those that were measured.\n"
                 "# TYPE priority_redlock_hold_seconds histogram\n"
               + holds
               + "priority_redlock_hold_seconds_sum 1.5\n"
                 "priority_redlock_hold_seconds_count 1\n");
}

BOOST_AUTO_TEST_CASE(the_format)
{
    const named_metrics two[] = {{"a\\b \"c\"\nd, {e}", some()}, {"größer", some()}};
    for (const std::string& text : {to_prometheus(some()), to_prometheus(metrics()), to_prometheus(two),
                                    to_prometheus(std::vector<named_metrics>())}) {
        for (const std::string& each : problems_of(text))
            BOOST_ERROR(each);
    }
    BOOST_TEST(!problems_of(to_prometheus(some()) + to_prometheus(metrics())).empty()); // two texts are none
}

BOOST_AUTO_TEST_CASE(several_managers_are_told_apart_by_a_label_whatever_their_names)
{
    metrics other;
    other.grants = 5;
    other.hold_time.add(1ms);
    const named_metrics two[] = {{"a\\b \"c\"\nd", some()}, {"größer", other}};
    const std::string text = to_prometheus(two);
    const std::vector<std::string> lines = lines_of(text);
    BOOST_REQUIRE(lines.size() > 4u);
    BOOST_TEST(lines[1] == "# TYPE priority_redlock_grants_total counter");
    BOOST_TEST(lines[2] == R"(priority_redlock_grants_total{manager="a\\b \"c\"\nd"} 1001)");
    BOOST_TEST(lines[3] == R"(priority_redlock_grants_total{manager="größer"} 5)");
    for (const char* each : {R"(priority_redlock_hold_seconds_bucket{manager="a\\b \"c\"\nd",le="+Inf"} 1)",
                             R"(priority_redlock_hold_seconds_bucket{manager="größer",le="0.000512"} 0)",
                             R"(priority_redlock_hold_seconds_bucket{manager="größer",le="0.001024"} 1)",
                             R"(priority_redlock_hold_seconds_sum{manager="größer"} 0.001)",
                             R"(priority_redlock_hold_seconds_count{manager="größer"} 1)"})
        BOOST_TEST((std::find(lines.begin(), lines.end(), each) != lines.end()), each << " is not there");
}

/// Writes numbers as much of Europe does.
struct with_commas : std::numpunct<char>
{
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
};

BOOST_AUTO_TEST_CASE(the_locale_of_the_program_does_not_matter)
{
    const std::string text = to_prometheus(some());
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new with_commas));
    const std::string same = to_prometheus(some());
    std::locale::global(before);
    BOOST_TEST(text == same);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
