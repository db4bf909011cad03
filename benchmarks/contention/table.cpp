// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <span>
#include <string_view>
#include <utility>

namespace contention {
namespace {

/// Three digits.
[[nodiscard]] std::string significant(double x)
{
    char text[32];
    const int decimals = x >= 99.95 || x == 0 ? 0 : x >= 9.995 ? 1 : 2;
    std::snprintf(text, sizeof text, "%.*f", decimals, x);
    return text;
}

[[nodiscard]] std::string percent(double share)
{
    return significant(share * 100) + " %";
}

using line = std::vector<std::string>;

/// The first column to the left, the others to the right.
void print_lines(std::ostream& out, std::span<const line> lines)
{
    std::vector<std::size_t> widths(lines.front().size());
    for (const line& each : lines)
        for (std::size_t i = 0; i < each.size(); ++i)
            widths[i] = std::max(widths[i], each[i].size());
    for (const line& each : lines) {
        std::string text;
        for (std::size_t i = 0; i < each.size(); ++i) {
            const std::string padding(widths[i] - each[i].size(), ' ');
            text += i == 0 ? each[i] + padding : "  " + padding + each[i];
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out << text << '\n';
    }
}

[[nodiscard]] std::string ratio(double ours, double theirs)
{
    if (theirs <= 0)
        return "-";
    const double x = ours / theirs;
    if (x == 0 || x >= 0.0995)
        return significant(x) + "x";
    char text[32];
    std::snprintf(text, sizeof text, "%.2gx", x);
    return text;
}

/// As RFC 4180 asks of a field that may contain commas or quotes.
[[nodiscard]] std::string quoted(std::string_view text)
{
    std::string result = "\"";
    for (const char c : text)
        result.append(c == '"' ? 2 : 1, c);
    return result + '"';
}

} // namespace

std::string format_time(double us)
{
    if (us < 0.9995)
        return significant(std::round(us * 1e3)) + " ns";
    if (us < 999.5)
        return significant(us) + " us";
    if (us < 999.5e3)
        return significant(us / 1e3) + " ms";
    return significant(us / 1e6) + " s";
}

std::string format_count(double n)
{
    if (n < 9'999.5)
        return significant(std::round(n * 10) / 10);
    if (n < 999.5e3)
        return significant(n / 1e3) + " k";
    return significant(n / 1e6) + " M";
}

table group_table(const run_result& r)
{
    table lines{{"group", "priority", "clients", "acquired", "per s", "wait p50", "p99", "max", "hold p50", "preempted",
                 "overran", "expired", "timed out", "waiting", "per client"}};
    for (const group_result& g : r.groups)
        lines.push_back({g.name, std::to_string(g.priority), std::to_string(g.clients), std::to_string(g.acquired),
                         format_count(static_cast<double>(g.acquired) / r.seconds), format_time(g.wait.p50_us),
                         format_time(g.wait.p99_us), format_time(g.wait.max_us), format_time(g.hold.p50_us),
                         std::to_string(g.preempted), std::to_string(g.overrun), std::to_string(g.expired),
                         std::to_string(g.timed_out), std::to_string(g.still_waiting),
                         std::to_string(g.least_served) + " - " + std::to_string(g.most_served)});
    return lines;
}

std::string headline(const run_result& r)
{
    std::string text = r.contender;
    if (!r.version.empty())
        text += " " + r.version;
    text += ", " + significant(r.seconds) + " s";
    if (r.interrupted)
        text += ", interrupted";
    if (!r.note.empty())
        text += " (" + r.note + ")";
    return text;
}

std::vector<std::string> remarks(const run_result& r)
{
    std::vector<std::string> all;
    all.push_back("in all " + format_count(static_cast<double>(r.acquired()) / r.seconds)
                  + " acquisitions/s; held: the hot resource " + percent(r.hot_utilisation) + " of the time, all "
                  + percent(r.utilisation)
                  + (r.commands ? "; " + significant(*r.commands) + " commands per acquisition" : ""));
    for (const group_result& g : r.groups) {
        if (g.still_waiting)
            all.push_back(g.name + ": " + std::to_string(g.still_waiting)
                          + " still waiting at the end, the first of them for " + format_time(g.longest_waiting_us));
        if (g.lost || g.failed)
            all.push_back(g.name + ": " + std::to_string(g.lost) + " locks lost, " + std::to_string(g.failed)
                          + " acquires failed");
    }
    if (r.overlaps)
        all.push_back("EXCLUSION BROKEN: " + std::to_string(r.overlaps)
                      + " grants while another client held the resource");
    return all;
}

table comparison_table(const std::vector<run_result>& runs)
{
    const run_result& ours = runs.front();
    line heads{"group", ""};
    for (const run_result& each : runs) {
        heads.push_back(each.contender);
        if (&each != &ours)
            heads.push_back("ours/theirs");
    }
    table lines{heads};
    struct row
    {
        const char* what;
        double (*value)(const run_result&, const group_result&);
        std::string (*format)(double);
    };
    static constexpr row rows[] = {
        {"completed/s",
         [](const run_result& r, const group_result& g) { return static_cast<double>(g.completed()) / r.seconds; },
         format_count},
        {"wait p50", [](const run_result&, const group_result& g) { return g.wait.p50_us; }, format_time},
        {"wait p99", [](const run_result&, const group_result& g) { return g.wait.p99_us; }, format_time},
        {"wait max", [](const run_result&, const group_result& g) { return g.wait.max_us; }, format_time},
    };
    for (std::size_t g = 0; g < ours.groups.size(); ++g) {
        for (const row& each : rows) {
            line l{ours.groups[g].name, each.what};
            const double own = each.value(ours, ours.groups[g]);
            for (const run_result& run : runs) {
                const double value = each.value(run, run.groups[g]);
                l.push_back(each.format(value));
                if (&run != &ours)
                    l.push_back(ratio(own, value));
            }
            lines.push_back(std::move(l));
        }
    }
    return lines;
}

void print_table(std::ostream& out, const run_result& r)
{
    out << headline(r) << '\n';
    print_lines(out, group_table(r));
    for (const std::string& each : remarks(r))
        out << each << '\n';
}

void print_comparison(std::ostream& out, const std::vector<run_result>& runs)
{
    print_lines(out, comparison_table(runs));
}

void print_csv(std::ostream& out, const std::vector<run_result>& runs)
{
    out << "contender,version,seconds,group,priority,clients,acquired,completed,completed_per_s,wait_mean_us,wait_p50_us,"
           "wait_p90_us,wait_p99_us,wait_p999_us,wait_max_us,hold_mean_us,hold_p50_us,hold_p99_us,preempted,overrun,"
           "expired,lost,timed_out,failed,still_waiting,longest_waiting_us,most_served,least_served\n";
    for (const run_result& r : runs) {
        for (const group_result& g : r.groups) {
            out << quoted(r.contender) << ',' << quoted(r.version) << ',' << r.seconds << ',' << quoted(g.name) << ','
                << g.priority << ',' << g.clients << ',' << g.acquired << ',' << g.completed() << ','
                << static_cast<double>(g.completed()) / r.seconds;
            for (const double us : {g.wait.mean_us, g.wait.p50_us, g.wait.p90_us, g.wait.p99_us, g.wait.p999_us,
                                    g.wait.max_us, g.hold.mean_us, g.hold.p50_us, g.hold.p99_us})
                out << ',' << us;
            out << ',' << g.preempted << ',' << g.overrun << ',' << g.expired << ',' << g.lost << ',' << g.timed_out
                << ',' << g.failed << ',' << g.still_waiting << ',' << g.longest_waiting_us << ',' << g.most_served
                << ',' << g.least_served << '\n';
        }
    }
}

} // namespace contention
