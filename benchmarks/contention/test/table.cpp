// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table.hpp"

#include "report.hpp"
#include "terminal.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>
#include <string>
#include <vector>

using namespace contention;

BOOST_AUTO_TEST_SUITE(tables)

namespace {

/// Of two seconds, with a group that was given as many locks, each after the same wait.
[[nodiscard]] run_result result_with(const std::string& contender, std::uint64_t granted, std::uint64_t preempted,
                                     double wait_us)
{
    run_result r;
    r.contender = contender;
    r.seconds = 2;
    group_result& g = r.groups.emplace_back();
    g.name = "all";
    g.granted = granted;
    g.preempted = preempted;
    g.hold.count = granted;
    if (granted > 0)
        g.wait.buckets = {{wait_us, static_cast<double>(granted)}};
    g.wait.count = granted;
    g.wait.max_us = wait_us;
    g.wait.summarise();
    return r;
}

[[nodiscard]] std::string cell(const table& lines, const std::string& heading)
{
    for (std::size_t i = 0; i < lines[0].size(); ++i)
        if (lines[0][i] == heading)
            return lines[1][i];
    return "no such column";
}

[[nodiscard]] std::vector<std::string> lines_of(const std::string& text)
{
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string each; std::getline(stream, each);)
        lines.push_back(each);
    return lines;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_table_and_the_remarks_count_what_was_completed)
{
    const run_result r = result_with("ours", 300, 100, 5);
    BOOST_TEST(cell(group_table(r), "granted") == "300");
    BOOST_TEST(cell(group_table(r), "completed/s") == "100");
    BOOST_TEST(remarks(r).front() == "in all 100 completed/s (150 granted/s)");
}

BOOST_AUTO_TEST_CASE(what_was_not_measured_is_not_a_number)
{
    const run_result nothing = result_with("ours", 0, 0, 0);
    for (const char* heading : {"wait p50", "wait p99", "wait max", "hold p50"})
        BOOST_TEST(cell(group_table(nothing), heading) == "-");
    for (const auto& line : comparison_table(nothing, result_with("theirs", 10, 0, 5)))
        if (line[1].starts_with("wait")) {
            BOOST_TEST(line[2] == "-");
            BOOST_TEST(line[4] == "-");
        }
    std::ostringstream csv;
    print_csv(csv, {nothing});
    BOOST_TEST(csv.str().find(",0,0,0,,,,,,,,,,0,") != std::string::npos, csv.str());
}

BOOST_AUTO_TEST_CASE(large_ratios_are_said_in_words)
{
    const auto ratio_of_p50 = [](double ours, double theirs) {
        return comparison_table(result_with("ours", 10, 0, ours), result_with("theirs", 10, 0, theirs))[2][4];
    };
    BOOST_TEST(ratio_of_p50(26, 49'300) == "1900 times shorter");
    BOOST_TEST(ratio_of_p50(23, 100'000) == "4300 times shorter");
    BOOST_TEST(ratio_of_p50(9, 100) == "11 times shorter");
    BOOST_TEST(ratio_of_p50(74, 100) == "0.74x");
    BOOST_TEST(ratio_of_p50(300, 100) == "3.00x");
    BOOST_TEST(ratio_of_p50(58.7, 0.582) == "100 times longer");
    const auto rates = comparison_table(result_with("ours", 219, 0, 1), result_with("theirs", 10, 0, 1));
    BOOST_TEST(rates[1][4] == "22 times more");
}

BOOST_AUTO_TEST_CASE(a_table_fits_the_terminal_whatever_the_names)
{
    run_result ours = result_with("priority-redlock", 123'456'789, 23'456'789, 1234);
    for (const char* name : {"監視カメラ", "🔒🔑", "a name of as many bytes as are allowed.."}) {
        ours.groups.push_back(ours.groups.front());
        ours.groups.back().name = name;
    }
    for (const std::size_t width : {60U, 80U, 200U}) {
        std::ostringstream out;
        print_table(out, ours, width);
        std::size_t column = 0; // where the second one ends
        for (const std::string& line : lines_of(out.str())) {
            BOOST_TEST(terminal::width(line) <= width, line);
            if (width == 80 && line.starts_with("group") && line.find("priority") != line.npos)
                column = terminal::width(line.substr(0, line.find("priority") + 8));
            const auto priority = line.find(" 0 ");
            if (column && priority != line.npos && line.find("123456789") != line.npos)
                BOOST_TEST(terminal::width(line.substr(0, priority + 2)) == column, line);
        }
        if (width != 60) { // which is too narrow for the longest name, the measure and two figures
            out.str("");
            print_comparisons(out, {ours, ours}, width);
            for (const std::string& line : lines_of(out.str()))
                BOOST_TEST(terminal::width(line) <= width, line);
        }
        BOOST_TEST(out.str().find("a name of as many bytes…") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(every_column_is_explained)
{
    const table meanings = column_meanings();
    const table lines = group_table(result_with("ours", 1, 0, 1));
    BOOST_REQUIRE(meanings.size() == lines[0].size());
    for (std::size_t i = 0; i < meanings.size(); ++i) {
        BOOST_TEST(meanings[i][0] == lines[0][i]);
        BOOST_TEST(meanings[i][1].size() > 10U);
    }
}

BOOST_AUTO_TEST_CASE(a_report_says_where_it_comes_from)
{
    const scenario s = parse_scenario(R"({"title": "T", "clients": [{"name": "all"}]})");
    const origin from{.source = R"({"title":"T","duration":0.5,"clients":[{"name":"all","hold":1,"think":1},)"
                                R"({"name":"others","hold":{"exponential":2.25},"count":12,"priority":5}]})",
                      .command = "contention --report 'a page.html'",
                      .date = "2026-11-30 18:00 UTC"};
    run_result r = result_with("ours", 5, 0, 3);
    const std::string page = write_report(s, from, {r}, {});
    for (const char* part : {"priority-redlock 0.", "2026-11-30 18:00 UTC", "contention --report 'a page.html'",
                             "prefers-color-scheme: dark", "What the columns say", "<dt>overran</dt>",
                             "    &quot;duration&quot;: 0.5,\n", "{&quot;exponential&quot;: 2.25}"})
        BOOST_TEST(page.find(part) != std::string::npos, part);
    BOOST_TEST(page.find("Interrupted") == std::string::npos);
    r.interrupted = true;
    BOOST_TEST(write_report(s, from, {r}, {}).find("Interrupted") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
