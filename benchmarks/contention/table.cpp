// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table.hpp"

#include "terminal.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
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
void print_lines(std::ostream& out, table lines, std::size_t width)
{
    const std::size_t columns = lines.front().size();
    std::vector<std::size_t> widths(columns);
    for (line& each : lines) {
        each.front() = terminal::capped(each.front());
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], terminal::width(each[i]));
    }
    for (std::size_t begin = 1, end = 1; begin < columns; begin = end) {
        for (std::size_t used = widths[0]; end < columns && (end == begin || used + 2 + widths[end] <= width); ++end)
            used += 2 + widths[end];
        if (begin > 1)
            out << '\n';
        for (const line& each : lines) {
            std::string text = each[0] + std::string(widths[0] - terminal::width(each[0]), ' ');
            for (std::size_t i = begin; i < end; ++i)
                text += std::string(2 + widths[i] - terminal::width(each[i]), ' ') + each[i];
            out << text << '\n';
        }
    }
}

/// "0.85x"; and in words where that would have many digits.
[[nodiscard]] std::string ratio(double ours, double theirs, const char* less, const char* more)
{
    if (!(ours > 0 && theirs > 0))
        return "-";
    const double x = ours / theirs;
    if (x > 0.0995 && x < 9.95)
        return significant(x) + "x";
    const double times = std::max(x, 1 / x);
    const double unit = std::pow(10, std::floor(std::log10(times)) - 1);
    const auto two_digits = std::llround(std::round(times / unit) * unit);
    return std::to_string(two_digits) + " times " + (x < 1 ? less : more);
}

/// A time of a spread.
[[nodiscard]] std::string time_of(const spread& s, double spread::* us)
{
    return s.count ? format_time(s.*us) : "-";
}

[[nodiscard]] double completed_per_second(const run_result& r, const group_result& g)
{
    return static_cast<double>(g.completed()) / r.seconds;
}

struct column
{
    const char* heading;
    const char* meaning;
    std::string (*cell)(const run_result&, const group_result&);
};

template <auto Member>
[[nodiscard]] std::string number(const run_result&, const group_result& g)
{
    return std::to_string(g.*Member);
}

template <auto Spread, auto Time>
[[nodiscard]] std::string time(const run_result&, const group_result& g)
{
    return time_of(g.*Spread, Time);
}

constexpr column columns[] = {
    {"group", "clients that behave alike", [](const run_result&, const group_result& g) { return g.name; }},
    {"priority", "a strictly higher one takes the lock away", number<&group_result::priority>},
    {"clients", "how many the group has", number<&group_result::clients>},
    {"granted", "how many locks the group was given", number<&group_result::granted>},
    {"completed/s", "locks a second that were kept for as long as their holders wanted; the others ended before",
     [](const run_result& r, const group_result& g) { return format_count(completed_per_second(r, g)); }},
    {"wait p50", "half of those granted waited no longer; in an open loop from when the request was due",
     time<&group_result::wait, &spread::p50_us>},
    {"wait p99", "99 of 100 waited no longer", time<&group_result::wait, &spread::p99_us>},
    {"wait max", "the longest wait", time<&group_result::wait, &spread::max_us>},
    {"hold p50", "half of the locks were held no longer", time<&group_result::hold, &spread::p50_us>},
    {"preempted", "had to go because a higher priority asked", number<&group_result::preempted>},
    {"overran", "of these: had not let go when their grace was over, so that the next holder was let in first",
     number<&group_result::overrun>},
    {"expired", "were still held when their ttl ended", number<&group_result::expired>},
    {"timed out", "gave up waiting, as their timeout says", number<&group_result::timed_out>},
    {"waiting", "asked, or due, and not served when the run ended: who starves shows here",
     number<&group_result::still_waiting>},
    {"per client", "locks of the client that was given the fewest, and of the one that was given most",
     [](const run_result&, const group_result& g) {
         return std::to_string(g.least_served) + " - " + std::to_string(g.most_served);
     }},
};

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
        return significant(us) + " µs";
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
    table lines(1);
    for (const column& each : columns)
        lines.front().emplace_back(each.heading);
    for (const group_result& g : r.groups) {
        line& cells = lines.emplace_back();
        for (const column& each : columns)
            cells.push_back(each.cell(r, g));
    }
    return lines;
}

table column_meanings()
{
    table lines;
    for (const column& each : columns)
        lines.push_back({each.heading, each.meaning});
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
    const auto per_second = [&r](std::uint64_t n) { return format_count(static_cast<double>(n) / r.seconds); };
    all.push_back("in all " + per_second(r.completed()) + " completed/s (" + per_second(r.granted()) + " granted/s)"
                  + (r.commands ? "; " + significant(*r.commands) + " commands per acquisition" : ""));
    std::string held = "the hot resource was held for " + percent(r.hot_utilisation) + " of the time";
    if (r.utilisation != r.hot_utilisation) // there are others
        held += ", each one on average for " + percent(r.utilisation);
    all.push_back(std::move(held));
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

table comparison_table(const run_result& ours, const run_result& theirs)
{
    table lines{{"group", "measure", "ours", "theirs", "ours/theirs"}};
    for (std::size_t i = 0; i < ours.groups.size(); ++i) {
        const group_result& own = ours.groups[i];
        const group_result& other = theirs.groups[i];
        const double rate = completed_per_second(ours, own);
        const double their_rate = completed_per_second(theirs, other);
        lines.push_back({own.name, "completed/s", format_count(rate), format_count(their_rate),
                         ratio(rate, their_rate, "fewer", "more")});
        static constexpr std::pair<const char*, double spread::*> waits[] = {
            {"wait p50", &spread::p50_us}, {"wait p99", &spread::p99_us}, {"wait max", &spread::max_us}};
        for (const auto& [name, us] : waits)
            lines.push_back({own.name, name, time_of(own.wait, us), time_of(other.wait, us),
                             ratio(own.wait.*us, other.wait.*us, "shorter", "longer")});
    }
    return lines;
}

std::string comparison_title(const run_result& ours, const run_result& theirs)
{
    return "ours: " + ours.contender + ", theirs: " + theirs.contender;
}

void print_table(std::ostream& out, const run_result& r, std::size_t width)
{
    out << headline(r) << '\n';
    print_lines(out, group_table(r), width);
    for (const std::string& each : remarks(r))
        out << each << '\n';
}

void print_comparisons(std::ostream& out, const std::vector<run_result>& runs, std::size_t width)
{
    for (const run_result& theirs : std::span(runs).subspan(1)) {
        out << comparison_title(runs.front(), theirs) << '\n';
        print_lines(out, comparison_table(runs.front(), theirs), width);
        out << '\n';
    }
}

void print_csv(std::ostream& out, const std::vector<run_result>& runs)
{
    out << "contender,version,seconds,group,priority,clients,granted,completed,completed_per_s,wait_mean_us,wait_p50_us,"
           "wait_p90_us,wait_p99_us,wait_p999_us,wait_max_us,hold_mean_us,hold_p50_us,hold_p99_us,preempted,overrun,"
           "expired,lost,timed_out,failed,still_waiting,longest_waiting_us,most_served,least_served\n";
    for (const run_result& r : runs) {
        for (const group_result& g : r.groups) {
            out << quoted(r.contender) << ',' << quoted(r.version) << ',' << r.seconds << ',' << quoted(g.name) << ','
                << g.priority << ',' << g.clients << ',' << g.granted << ',' << g.completed() << ','
                << static_cast<double>(g.completed()) / r.seconds;
            const auto times = [&out](const spread& of, std::initializer_list<double> all_us) {
                for (const double us : all_us)
                    of.count ? out << ',' << us : out << ',';
            };
            times(g.wait, {g.wait.mean_us, g.wait.p50_us, g.wait.p90_us, g.wait.p99_us, g.wait.p999_us, g.wait.max_us});
            times(g.hold, {g.hold.mean_us, g.hold.p50_us, g.hold.p99_us});
            out << ',' << g.preempted << ',' << g.overrun << ',' << g.expired << ',' << g.lost << ',' << g.timed_out
                << ',' << g.failed << ',' << g.still_waiting << ',' << g.longest_waiting_us << ',' << g.most_served
                << ',' << g.least_served << '\n';
        }
    }
}

} // namespace contention
