// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "charts.hpp"

#include "process.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string_view>

namespace contention {
namespace {

constexpr int width = 980;
constexpr double least_wait_ms = 0.0001; // a logarithmic axis has no zero
constexpr std::size_t most_labelled_lanes = 40;

// A palette for the colour-blind (Okabe and Ito).
constexpr std::array colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};

[[nodiscard]] const char* colour(std::size_t group)
{
    return colours[group % colours.size()];
}

/// A string of gnuplot's.
[[nodiscard]] std::string quote(std::string_view text)
{
    std::string result = "'";
    for (const char c : text)
        result.append(c == '\'' ? 2 : 1, c);
    return result + "'";
}

/// A script that gathers data and what to plot.
class plot
{
public:
    plot(int height, const std::string& x, const std::string& y)
    {
        setup_ << "set terminal svg size " << width << ',' << height
               << " dynamic noenhanced font 'Helvetica,14' background 'white'\n"
               << "set xlabel " << quote(x) << "\nset ylabel " << quote(y) << '\n'
               << "set grid lc rgb '#d8d8d8' lt 1 lw 0.6\nset border 3 lc rgb '#606060'\nset tics nomirror\n"
               << "set key outside below horizontal Left reverse left maxcols 2 height 0.5 samplen 3\n";
    }

    std::ostream& setup() { return setup_; }

    /// @param style what follows `plot $data` in gnuplot
    /// @return where to write the data
    std::ostream& add(const std::string& style, const std::string& title)
    {
        const std::string name = "$data" + std::to_string(parts_.size());
        parts_.push_back({name, name + " " + style + (title.empty() ? " notitle" : " title " + quote(title)), {}});
        return parts_.back().data;
    }

    /// Labels stand above the chart, in two rows in turn, so that those of one time and the next don't meet.
    void mark_faults(const scenario& s, double from_seconds, double to_seconds, double unit)
    {
        std::size_t row = 0;
        for (const fault& f : s.faults) {
            const double at = std::chrono::duration<double>(f.at).count();
            if (at < from_seconds || at > to_seconds)
                continue;
            const double share = (at - from_seconds) / (to_seconds - from_seconds);
            setup_ << "set arrow from first " << at * unit << ", graph 0 to first " << at * unit
                   << ", graph 1 nohead dt 2 lw 1.5 lc rgb '#c00000' front\n"
                   << "set label " << quote(std::string(name_of(f.what)) + " node " + std::to_string(f.node))
                   << " at first " << at * unit << ", graph 1 "
                   << (share < 0.1   ? "left"
                       : share > 0.9 ? "right"
                                     : "center")
                   << " offset 0," << (row++ % 2 == 0 ? 0.7 : 1.9) << " tc rgb '#c00000'\n";
        }
        if (row > 0)
            setup_ << "set tmargin 3.5\n";
    }

    [[nodiscard]] std::string draw() const
    {
        if (parts_.empty())
            return {};
        const temporary_directory files;
        std::ostringstream script;
        script << setup_.str() << "set output " << quote((files.path() / "chart.svg").string()) << '\n';
        for (const part& each : parts_)
            script << each.name << " << EOD\n" << each.data.str() << "EOD\n";
        script << "plot ";
        for (std::size_t i = 0; i < parts_.size(); ++i)
            script << (i ? ", \\\n     " : "") << parts_[i].what;
        script << '\n';
        run_program({"gnuplot", files.add("chart.gnuplot", script.str())});

        std::ifstream file(files.path() / "chart.svg");
        const std::string svg{std::istreambuf_iterator<char>(file), {}};
        const auto begin = svg.find("<svg"); // what is before makes it a document of its own
        return begin == std::string::npos ? std::string() : svg.substr(begin);
    }

private:
    struct part
    {
        std::string name;
        std::string what;
        std::ostringstream data;
    };

    std::ostringstream setup_;
    std::vector<part> parts_;
};

/// Who a line is about: colours tell groups apart, dashes runs.
[[nodiscard]] std::string line_style(std::size_t group, std::size_t run)
{
    return "with lines lw 2 dt " + std::to_string(run + 1) + " lc rgb '" + colour(group) + "'";
}

[[nodiscard]] std::string title_of(const group_result& g)
{
    return g.name + " (priority " + std::to_string(g.priority) + ")";
}

[[nodiscard]] std::string line_title(const run_result& r, const group_result& g, std::size_t runs)
{
    return runs == 1 ? title_of(g) : g.name + " · " + r.contender;
}

[[nodiscard]] int height_with_key(std::size_t lines)
{
    return 430 + 22 * static_cast<int>((lines + 1) / 2);
}

/// Percentiles on an axis that stretches the tail: each 9 takes as much room.
[[nodiscard]] std::string draw_waits(const std::vector<run_result>& runs)
{
    double most = 100;
    for (const run_result& r : runs)
        for (const group_result& g : r.groups)
            most = std::max(most, static_cast<double>(g.wait.count));
    plot p(height_with_key(runs.size() * runs.front().groups.size()), "percentile of the acquisitions", "wait (ms)");
    p.setup() << "set logscale xy\nset format y '%g'\nset xrange [1:" << most
              << "]\nset xtics ('0 %%' 1, '50 %%' 2, '90 %%' 10, '99 %%' 100";
    std::string nines = "99.9";
    for (double x = 1000; x <= most; x *= 10, nines += '9')
        p.setup() << ", '" << nines << " %%' " << x;
    p.setup() << ")\n";
    for (std::size_t run = 0; run < runs.size(); ++run) {
        for (std::size_t group = 0; group < runs[run].groups.size(); ++group) {
            const group_result& g = runs[run].groups[group];
            if (g.wait.count == 0)
                continue;
            std::ostream& data = p.add("using 1:2 " + line_style(group, run), line_title(runs[run], g, runs.size()));
            const auto count = static_cast<double>(g.wait.count);
            double before = 0;
            for (const auto& [bound, n] : g.wait.buckets) {
                const double ms = std::max(std::min(bound, g.wait.max_us) / 1e3, least_wait_ms);
                data << 1 / (1 - before / count) << ' ' << ms << '\n';
                before += n;
                data << (before < count ? 1 / (1 - before / count) : count) << ' ' << ms << '\n';
            }
        }
    }
    return p.draw();
}

[[nodiscard]] std::string draw_throughput(const scenario& s, const std::vector<run_result>& runs)
{
    double seconds = 0;
    for (const run_result& r : runs)
        seconds = std::max(seconds, r.seconds);
    plot p(height_with_key(runs.size() * runs.front().groups.size()), "time (s)", "acquisitions per second");
    p.setup() << "set xrange [0:" << seconds << "]\nset yrange [0:*]\nset format y '%.0s %c'\n";
    p.mark_faults(s, 0, seconds, 1);
    for (std::size_t run = 0; run < runs.size(); ++run) {
        const run_result& r = runs[run];
        for (std::size_t group = 0; group < r.groups.size(); ++group) {
            const group_result& g = r.groups[group];
            const auto& counts = g.acquired_over_time;
            std::size_t joined = 1; // so many steps that they have some acquisitions, or the line is noise
            while (joined < 10 && g.acquired * joined < 20 * counts.size())
                ++joined;
            std::ostream& data = p.add("using 1:2 " + line_style(group, run), line_title(r, g, runs.size()));
            for (std::size_t i = 0; i + joined <= counts.size(); i += joined) {
                double n = 0;
                for (std::size_t k = i; k < i + joined; ++k)
                    n += static_cast<double>(counts[k]);
                const double step = r.step_seconds * static_cast<double>(joined);
                data << r.step_seconds * static_cast<double>(i) + step / 2 << ' ' << n / step << '\n';
            }
        }
    }
    return p.draw();
}

/// Which group a client belongs to, and its number there.
struct place
{
    std::size_t group = 0;
    std::size_t number = 0;
};

[[nodiscard]] place place_of(const scenario& s, std::size_t client)
{
    place p{0, client};
    while (p.group + 1 < s.groups.size() && p.number >= s.groups[p.group].clients)
        p.number -= s.groups[p.group++].clients;
    return p;
}

[[nodiscard]] std::string draw_timeline(const scenario& s, const run_result& r)
{
    std::map<std::size_t, std::size_t> lanes; // by client; those of the first group at the top
    double from = 0;
    double to = 0;
    for (const hot_hold& h : r.hot_holds) {
        lanes[h.client] = 0;
        from = &h == &r.hot_holds.front() ? h.from_us : std::min(from, h.from_us);
        to = std::max(to, h.to_us);
    }
    if (lanes.empty())
        return {};
    std::size_t below = lanes.size();
    for (auto& [client, lane] : lanes)
        lane = below--;

    const bool labelled = lanes.size() <= most_labelled_lanes;
    const int lane_height = labelled ? 20 : 6;
    plot p(150 + (s.faults.empty() ? 0 : 50) + lane_height * static_cast<int>(std::max<std::size_t>(lanes.size(), 4)),
           "time (ms)", labelled ? "" : "clients");
    p.setup() << "set xrange [" << from / 1e3 << ':' << to / 1e3
              << "]\nset yrange [0.4:" << static_cast<double>(lanes.size()) + 0.6
              << "]\nset format x '%.4g'\nset style fill solid 0.85 border\n"
              << "set grid noytics\n";
    p.mark_faults(s, from / 1e6, to / 1e6, 1e3);
    p.setup() << "set ytics (";
    bool first = true;
    for (const auto& [client, lane] : lanes) {
        if (!labelled)
            break;
        const place where = place_of(s, client);
        const group& g = s.groups[where.group];
        p.setup() << (first ? "" : ", ")
                  << quote(g.clients == 1 ? g.name : g.name + " " + std::to_string(where.number + 1)) << ' ' << lane;
        first = false;
    }
    p.setup() << ")\n";

    for (std::size_t group = 0; group < s.groups.size(); ++group) {
        std::ostringstream lines;
        for (const hot_hold& h : r.hot_holds)
            if (place_of(s, h.client).group == group)
                lines << h.from_us / 1e3 << ' ' << h.to_us / 1e3 << ' ' << lanes[h.client] << '\n';
        if (!lines.str().empty())
            p.add(std::string("using 1:3:1:2:($3-0.36):($3+0.36) with boxxyerror lw 0.7 lc rgb '") + colour(group)
                      + "'",
                  title_of(r.groups[group]))
                << lines.str();
    }
    for (const char* ended : {"preempted", "expired", "lost"}) {
        std::ostringstream points;
        for (const hot_hold& h : r.hot_holds)
            if (h.ended == ended)
                points << h.to_us / 1e3 << ' ' << lanes[h.client] << '\n';
        if (!points.str().empty())
            p.add("using 1:2 with points pt 2 ps 0.7 lw 1.6 lc rgb '#c00000'", ended) << points.str();
    }
    return p.draw();
}

} // namespace

std::vector<chart> draw_charts(const scenario& s, const std::vector<run_result>& runs)
{
    std::vector<chart> charts;
    charts.push_back(
        {"wait", "How long acquisitions waited",
         "A line goes through a point if that share of the group's acquisitions waited no longer. The axis "
         "stretches the tail: each further nine takes as much room. The right end is the longest wait.",
         draw_waits(runs)});
    charts.push_back({"throughput", "Acquisitions over time", "", draw_throughput(s, runs)});
    for (std::size_t i = 0; i < runs.size(); ++i)
        charts.push_back({"timeline-" + std::to_string(i + 1), "Who held the hot resource: " + runs[i].contender,
                          "A part of the run, with a line for each client that held it, and a cross where it was taken "
                          "away.",
                          draw_timeline(s, runs[i])});
    return charts;
}

} // namespace contention
