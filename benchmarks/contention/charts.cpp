// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "charts.hpp"

#include "process.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string_view>
#include <utility>

namespace contention {
namespace {

constexpr int panel_width = 520;
constexpr int panel_height = 300;
constexpr int timeline_width = 1040;
constexpr double least_wait_us = 0.1; // a logarithmic axis has no zero
constexpr std::size_t most_labelled_lanes = 40;

[[nodiscard]] const ink& ink_of_run(std::size_t run)
{
    return inks[run % 4];
}

/// As gnuplot is told of a colour.
[[nodiscard]] std::string colour(std::string_view name)
{
    const auto found = std::ranges::find(inks, name, &ink::name);
    return "rgb '" + std::string(found->on_light) + "'";
}

/// gnuplot's picture as a part of the page: in the page's colours, and without names that several pictures would have.
[[nodiscard]] std::string as_drawing(std::string svg)
{
    const auto begin = svg.find("<g id=\"gnuplot_canvas\"");
    const auto end = svg.rfind("</svg>");
    if (begin == std::string::npos || end == std::string::npos)
        return {};
    svg = svg.substr(begin, end - begin);
    if (const auto symbols = svg.find("<defs>"); symbols != std::string::npos) // for points, which no chart has
        svg.erase(symbols, svg.find("</defs>") + 7 - symbols);
    static const std::regex names(" id=\"[^\"]*\"|<title>[^<]*</title>");
    svg = std::regex_replace(svg, names, "");
    for (const ink& each : inks) {
        unsigned red = 0, green = 0, blue = 0;
        std::sscanf(each.on_light.data(), "#%2x%2x%2x", &red, &green, &blue);
        const std::string pattern =
            "rgb\\( *" + std::to_string(red) + ", *" + std::to_string(green) + ", *" + std::to_string(blue) + "\\)";
        svg = std::regex_replace(svg, std::regex(pattern), "var(--" + std::string(each.name) + ")");
    }
    return svg;
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
    plot(int width, int height, const std::string& x, const std::string& y) : width_(width), height_(height)
    {
        const std::string text = " textcolor " + colour("text");
        setup_ << "set terminal svg size " << width << ',' << height << " dynamic noenhanced font 'Helvetica,13'\n"
               << "set xlabel " << quote(x) << text << "\nset ylabel " << quote(y) << text << "\nset grid lc "
               << colour("grid") << " lt 1 lw 0.6\nset border 3 lc " << colour("axis") << "\nset tics nomirror" << text
               << "\nunset key\n";
    }

    std::ostream& setup() { return setup_; }

    void set_ticks(char axis, const std::vector<tick>& ticks)
    {
        setup_ << "set " << axis << "tics (";
        for (const tick& each : ticks)
            setup_ << (&each == &ticks.front() ? "" : ", ") << quote(each.label) << ' ' << each.at;
        setup_ << ")\n";
    }

    /// @param style what follows `plot $data` in gnuplot
    /// @return where to write the data
    std::ostream& add(const std::string& style)
    {
        const std::string name = "$data" + std::to_string(parts_.size());
        parts_.push_back({name, name + " " + style, {}});
        return parts_.back().data;
    }

    /// Labels stand above the chart, in two rows in turn, so that those of one time and the next don't meet.
    /// @param unit how many units of the axis, which begins at `from_seconds`, are a second
    void mark_faults(const scenario& s, double from_seconds, double to_seconds, double unit)
    {
        std::size_t row = 0;
        for (const fault& f : s.faults) {
            const double at = std::chrono::duration<double>(f.at).count();
            if (at < from_seconds || at > to_seconds)
                continue;
            const double share = (at - from_seconds) / (to_seconds - from_seconds);
            const double x = (at - from_seconds) * unit;
            setup_ << "set arrow from first " << x << ", graph 0 to first " << x << ", graph 1 nohead dt 2 lw 1.5 lc "
                   << colour("red") << " front\n"
                   << "set label " << quote(std::string(name_of(f.what)) + " node " + std::to_string(f.node))
                   << " at first " << x << ", graph 1 "
                   << (share < 0.1   ? "left"
                       : share > 0.9 ? "right"
                                     : "center")
                   << " offset 0," << (row++ % 2 == 0 ? 0.7 : 1.9) << " tc " << colour("red") << '\n';
        }
        if (row > 0)
            setup_ << "set tmargin 3.5\n";
    }

    [[nodiscard]] panel draw(std::string title) const
    {
        const temporary_directory files;
        std::ostringstream script;
        script << setup_.str() << "set output " << quote((files.path() / "chart.svg").string()) << '\n';
        for (const part& each : parts_)
            script << each.name << " << EOD\n" << each.data.str() << "EOD\n";
        script << "plot ";
        for (std::size_t i = 0; i < parts_.size(); ++i)
            script << (i ? ", \\\n     " : "") << parts_[i].what;
        script << (parts_.empty() ? "NaN" : "") << '\n'; // axes without lines say that there was nothing
        run_program({"gnuplot", files.add("chart.gnuplot", script.str())});

        std::ifstream file(files.path() / "chart.svg");
        return {std::move(title), width_, height_, as_drawing({std::istreambuf_iterator<char>(file), {}})};
    }

private:
    struct part
    {
        std::string name;
        std::string what;
        std::ostringstream data;
    };

    int width_;
    int height_;
    std::ostringstream setup_;
    std::vector<part> parts_;
};

[[nodiscard]] std::string line_style(const ink& of, int dash)
{
    return "using 1:2 with lines lw 2 dt " + std::to_string(dash) + " lc " + colour(of.name);
}

/// Dashes too, as lines may lie on one another.
[[nodiscard]] std::string style_of_run(std::size_t run)
{
    return line_style(ink_of_run(run), run == 0 ? 1 : 2);
}

[[nodiscard]] std::vector<key_entry> key_of_runs(const std::vector<run_result>& runs)
{
    std::vector<key_entry> key;
    for (std::size_t run = 0; run < runs.size(); ++run)
        key.push_back({runs[run].contender, ink_of_run(run).name, run != 0});
    return key;
}

[[nodiscard]] std::string title_of(const group_result& g)
{
    return g.name + " (priority " + std::to_string(g.priority) + ")";
}

/// The percentiles of a spread on an axis that stretches the tail: each further nine takes as much room.
void write_percentiles(std::ostream& out, const spread& waits)
{
    const auto count = static_cast<double>(waits.count);
    double before = 0;
    for (const auto& [bound, n] : waits.buckets) {
        const double us = std::max(std::min(bound, waits.max_us), least_wait_us);
        out << 1 / (1 - before / count) << ' ' << us << '\n';
        before += n;
        out << (before < count ? 1 / (1 - before / count) : count) << ' ' << us << '\n';
    }
}

[[nodiscard]] chart draw_waits(const std::vector<run_result>& runs)
{
    chart result{"wait",
                 "How long acquisitions waited",
                 "A line goes through a point if that share of the group's acquisitions waited no longer. The axis "
                 "stretches the tail: each further nine takes as much room. The right end is the longest wait.",
                 key_of_runs(runs),
                 {}};
    double most = 100;
    double shortest_us = 1e12;
    double longest_us = 0;
    for (const run_result& r : runs) {
        for (const group_result& g : r.groups) {
            if (g.wait.count == 0)
                continue;
            most = std::max(most, static_cast<double>(g.wait.count));
            shortest_us = std::min(shortest_us, std::max(g.wait.buckets.front().front(), least_wait_us));
            longest_us = std::max(longest_us, g.wait.max_us);
        }
    }
    if (longest_us == 0)
        return result;
    std::vector<tick> percentiles{{1, "0"}, {2, "50"}, {10, "90"}, {100, "99"}};
    std::string nines = "99.9";
    for (double x = 1000; x <= most; x *= 10, nines += '9')
        percentiles.push_back({x, nines});
    const std::vector<tick> times = time_ticks(shortest_us, longest_us);

    for (std::size_t group = 0; group < runs.front().groups.size(); ++group) {
        plot p(panel_width, panel_height, "percentile of the acquisitions", "wait");
        // A little more than from tick to tick: gnuplot leaves out one at the very end of a logarithmic axis.
        p.setup() << "set logscale xy\nset xrange [1:" << most << "]\nset yrange [" << times.front().at * 0.999 << ':'
                  << times.back().at * 1.001 << "]\n";
        p.set_ticks('x', percentiles);
        p.set_ticks('y', times);
        for (std::size_t run = 0; run < runs.size(); ++run)
            if (const spread& waits = runs[run].groups[group].wait; waits.count)
                write_percentiles(p.add(style_of_run(run)), waits);
        result.panels.push_back(p.draw(title_of(runs.front().groups[group])));
    }
    return result;
}

/// How often something happened in a second, as stairs.
struct rates
{
    std::string stairs;
    double most = 0;
};

/// @param counts in each step of the run
[[nodiscard]] rates rates_of(const run_result& r, const std::vector<std::uint64_t>& counts)
{
    double all = 0;
    for (const std::uint64_t n : counts)
        all += static_cast<double>(n);
    std::size_t joined = 1; // so many steps that there is something in each, or the line is noise
    while (joined < 10 && all * static_cast<double>(joined) < 20 * static_cast<double>(counts.size()))
        ++joined;
    rates result;
    std::ostringstream stairs;
    for (std::size_t i = 0; i < counts.size(); i += joined) {
        double n = 0;
        for (std::size_t k = i; k < std::min(i + joined, counts.size()); ++k)
            n += static_cast<double>(counts[k]);
        const double from = r.step_seconds * static_cast<double>(i);
        const bool last = i + joined >= counts.size(); // it ends with the run, sooner or later
        const double to = last ? r.seconds : r.step_seconds * static_cast<double>(i + joined);
        const double rate = n / (to - from);
        stairs << from << ' ' << rate << '\n' << to << ' ' << rate << '\n';
        result.most = std::max(result.most, rate);
    }
    result.stairs = stairs.str();
    return result;
}

[[nodiscard]] chart draw_throughput(const scenario& s, const std::vector<run_result>& runs)
{
    chart result{
        "throughput",
        "Completed over time",
        "Locks a second that were kept for as long as their holders wanted, and apart from them those that were "
        "preempted. Each group has a scale of its own.",
        key_of_runs(runs),
        {}};
    const auto preempted = [](const run_result& r) {
        return std::ranges::any_of(r.groups, [](const group_result& g) { return g.preempted > 0; });
    };
    if (preempted(runs.front()))
        result.key.push_back({runs.front().contender + ", preempted", "purple", true});
    double seconds = 0;
    for (const run_result& r : runs)
        seconds = std::max(seconds, r.seconds);
    for (std::size_t group = 0; group < runs.front().groups.size(); ++group) {
        plot p(panel_width, panel_height, "time (s)", "per second");
        p.mark_faults(s, 0, seconds, 1);
        double most = 0;
        const auto add = [&](const rates& of, const std::string& style) {
            most = std::max(most, of.most);
            p.add(style) << of.stairs;
        };
        for (std::size_t run = 0; run < runs.size(); ++run)
            add(rates_of(runs[run], runs[run].groups[group].completed_over_time), style_of_run(run));
        if (runs.front().groups[group].preempted)
            add(rates_of(runs.front(), runs.front().groups[group].preempted_over_time),
                line_style(*std::ranges::find(inks, "purple", &ink::name), 3));
        most = most > 0 ? most * 1.05 : 1;
        p.setup() << "set xrange [0:" << seconds << "]\nset yrange [0:" << most << "]\n";
        p.set_ticks('x', linear_ticks(seconds));
        p.set_ticks('y', linear_ticks(most));
        result.panels.push_back(p.draw(title_of(runs.front().groups[group])));
    }
    return result;
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

/// A part of a run, in microseconds.
struct window
{
    double from;
    double to;

    [[nodiscard]] bool shows(const hot_hold& h) const noexcept { return h.from_us < to && h.to_us > from; }
};

/// What every run has its holds of. An interrupted one need not have come as far as the others.
[[nodiscard]] window common_window(const std::vector<run_result>& runs)
{
    window w{runs.front().hot_from_us, runs.front().hot_to_us};
    for (const run_result& r : runs) {
        if (r.interrupted && &r != &runs.front())
            continue;
        w.from = std::max(w.from, r.hot_from_us);
        w.to = std::min(w.to, r.hot_to_us);
    }
    return w;
}

struct how_it_ended
{
    const char* name;
    std::string_view colour;
};

constexpr how_it_ended endings[] = {{"released", "blue"},
                                    {"preempted", "orange"},
                                    {"expired", "green"},
                                    {"lost", "purple"}};

/// A label for each lane if there is room for it, else for each group.
[[nodiscard]] std::vector<tick> lane_ticks(const scenario& s, const std::map<std::size_t, std::size_t>& lanes)
{
    std::vector<tick> ticks;
    const bool each_lane = lanes.size() <= most_labelled_lanes;
    std::size_t in_group = 0;
    for (auto i = lanes.begin(); i != lanes.end(); ++i) {
        const auto& [client, lane] = *i;
        const place where = place_of(s, client);
        const group& g = s.groups[where.group];
        const std::string name = terminal::capped(g.name);
        const auto at = static_cast<double>(lane);
        ++in_group;
        if (each_lane) {
            ticks.push_back({at, g.clients == 1 ? name : name + " " + std::to_string(where.number + 1)});
        } else if (std::next(i) == lanes.end() || place_of(s, std::next(i)->first).group != where.group) {
            ticks.push_back({at + static_cast<double>(in_group - 1) / 2, name});
            in_group = 0;
        }
    }
    return ticks;
}

[[nodiscard]] panel draw_timeline(const scenario& s, const run_result& r, const window& w)
{
    std::map<std::size_t, std::size_t> lanes; // by client; those of the first group at the top
    for (const hot_hold& h : r.hot_holds)
        if (w.shows(h))
            lanes[h.client] = 0;
    std::size_t below = lanes.size();
    for (auto& [client, lane] : lanes)
        lane = below--;

    const bool milliseconds = w.to - w.from > 10e3;
    const double unit_us = milliseconds ? 1e3 : 1;
    char begin[32];
    std::snprintf(begin, sizeof begin, "%.3f", w.from / 1e6);
    const int lane_height = lanes.size() <= most_labelled_lanes ? 20 : 6;
    plot p(timeline_width,
           110 + (s.faults.empty() ? 0 : 50) + lane_height * static_cast<int>(std::max<std::size_t>(lanes.size(), 2)),
           std::string(milliseconds ? "ms" : "µs") + " after " + begin + " s of the run", "");
    const double length = (w.to - w.from) / unit_us;
    p.setup() << "set xrange [0:" << length << "]\nset yrange [0.4:" << static_cast<double>(lanes.size()) + 0.6
              << "]\nset style fill solid 0.85 border\nset grid noytics\n";
    p.set_ticks('x', linear_ticks(length));
    p.set_ticks('y', lane_ticks(s, lanes));
    p.mark_faults(s, w.from / 1e6, w.to / 1e6, 1e6 / unit_us);
    for (const how_it_ended& ending : endings) {
        std::ostringstream boxes;
        for (const hot_hold& h : r.hot_holds)
            if (w.shows(h) && h.ended == ending.name)
                boxes << (std::max(h.from_us, w.from) - w.from) / unit_us << ' '
                      << (std::min(h.to_us, w.to) - w.from) / unit_us << ' ' << lanes[h.client] << '\n';
        if (!boxes.str().empty())
            p.add("using 1:3:1:2:($3-0.36):($3+0.36) with boxxyerror lw 0.7 lc " + colour(ending.colour))
                << boxes.str();
    }
    return p.draw(r.contender);
}

[[nodiscard]] chart draw_timelines(const scenario& s, const std::vector<run_result>& runs)
{
    chart result{"timeline",
                 "Who held the hot resource",
                 "The same part of each run, with a line for each client that held it. The colour says how it ended.",
                 {},
                 {}};
    const window w = common_window(runs);
    for (const how_it_ended& ending : endings) {
        const auto shown = [&](const hot_hold& h) { return w.shows(h) && h.ended == ending.name; };
        if (std::ranges::any_of(runs, [&](const run_result& r) { return std::ranges::any_of(r.hot_holds, shown); }))
            result.key.push_back({ending.name, ending.colour});
    }
    for (const run_result& r : runs)
        if (std::ranges::any_of(r.hot_holds, [&w](const hot_hold& h) { return w.shows(h); }))
            result.panels.push_back(draw_timeline(s, r, w));
    return result;
}

} // namespace

std::vector<tick> linear_ticks(double most)
{
    const double power = std::pow(10, std::floor(std::log10(most / 5)));
    double step = power;
    for (const double factor : {2, 5, 10})
        if (most / step > 6)
            step = power * factor;
    const auto [unit, suffix] = most >= 1e7   ? std::pair(1e6, " M")
                                : most >= 1e4 ? std::pair(1e3, " k")
                                              : std::pair(1.0, "");
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step / unit * 1.000'001))));
    std::vector<tick> ticks{{0, "0"}};
    for (int i = 1; i * step <= most * 1.000'001; ++i) {
        char number[32];
        std::snprintf(number, sizeof number, "%.*f", decimals, i * step / unit);
        ticks.push_back({i * step, std::string(number) + suffix});
    }
    return ticks;
}

std::vector<tick> time_ticks(double least_us, double most_us)
{
    const auto first = static_cast<int>(std::floor(std::log10(least_us) + 1e-9)) + 3; // as powers of nanoseconds
    const auto last = std::max(static_cast<int>(std::ceil(std::log10(most_us) - 1e-9)) + 3, first + 1);
    static constexpr const char* units[] = {" ns", " µs", " ms", " s"};
    std::vector<tick> ticks;
    for (int power = first; power <= last; ++power) {
        const int unit = std::clamp(power / 3, 0, 3);
        ticks.push_back({std::pow(10, power - 3),
                         "1" + std::string(static_cast<std::size_t>(power - 3 * unit), '0') + units[unit]});
    }
    return ticks;
}

std::vector<chart> draw_charts(const scenario& s, const std::vector<run_result>& runs)
{
    return {draw_waits(runs), draw_throughput(s, runs), draw_timelines(s, runs)};
}

} // namespace contention
