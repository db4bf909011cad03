// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "chart.hpp"

#include "terminal.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <utility>

namespace demo {
namespace {

using priority_redlock::duration;

constexpr std::size_t chart_width = 60;

struct style
{
    char mark;
    std::string_view colour;
    std::string_view meaning;
};

[[nodiscard]] style style_of(phase p)
{
    switch (p) {
    case phase::absent: return {' ', "0", ""};
    case phase::waiting: return {'.', "2", "waits"};
    case phase::holding: return {'#', "32", "holds"};
    case phase::told_to_go: return {'~', "33", "told to go, cleans up"};
    case phase::too_late: return {'!', "31", "still not gone when its grace is over"};
    case phase::dead: return {'x', "31", "is dead"};
    }
    return {'?', "0", ""};
}

/// Of each column the most telling thing that happened in it.
using cells = std::array<phase, chart_width>;

void draw(cells& to, phase what, double begin, double end)
{
    auto from = static_cast<std::size_t>(std::lround(begin * chart_width));
    auto until = static_cast<std::size_t>(std::lround(end * chart_width));
    if (from == until && (what == phase::holding || (what > phase::holding && begin < end))) { // however short
        from = std::min(from, chart_width - 1);
        until = from + 1;
    }
    for (std::size_t c = from; c < std::min(until, chart_width); ++c)
        to[c] = std::max(to[c], what);
}

[[nodiscard]] std::string text(const cells& drawn, bool colour)
{
    std::string result;
    for (auto from = drawn.begin(); from != drawn.end();) {
        const phase p = *from;
        const auto to = std::find_if(from, drawn.end(), [p](phase each) { return each != p; });
        const std::string marks(static_cast<std::size_t>(to - from), style_of(p).mark);
        result += colour ? in_colour_of(p, marks) : marks;
        from = to;
    }
    return result;
}

} // namespace

std::string in_colour_of(phase p, std::string_view text)
{
    if (p == phase::absent)
        return std::string(text);
    return std::string("\x1b[").append(style_of(p).colour).append("m").append(text).append("\x1b[0m");
}

std::size_t chart::add_heading(std::string name)
{
    headings_.push_back({std::move(name), {}});
    return headings_.size() - 1;
}

std::size_t chart::add_row(std::size_t below, std::string name)
{
    rows_.push_back({std::move(name), {}});
    headings_[below].rows.push_back(rows_.size() - 1);
    return rows_.size() - 1;
}

void chart::add(std::size_t to, phase p, duration begin, duration end)
{
    rows_[to].spans.push_back({p, begin, end});
}

void chart::print(std::ostream& out, duration end, bool colour) const
{
    end = std::max<duration>(end, std::chrono::milliseconds(1));
    const auto part = [end](duration d) {
        return std::chrono::duration<double>(d) / std::chrono::duration<double>(end);
    };
    std::size_t longest = 0;
    for (const row& each : rows_)
        longest = std::max(longest, terminal::width(each.name));
    longest = std::min(longest, terminal::longest_name);

    std::array<bool, static_cast<std::size_t>(phase::dead) + 1> used{};
    for (const heading& each : headings_) {
        out << '\n' << each.name << '\n';
        for (const std::size_t i : each.rows) {
            cells drawn{};
            for (const span& s : rows_[i].spans)
                draw(drawn, s.what, part(s.begin), part(s.end));
            for (const phase each : drawn)
                used[static_cast<std::size_t>(each)] = true;
            out << "  " << terminal::padded(rows_[i].name, longest) << "  |" << text(drawn, colour) << "|\n";
        }
    }
    out << std::string(longest + 5, ' ') << '0' << std::setw(chart_width - 1)
        << std::chrono::duration_cast<std::chrono::milliseconds>(end).count() << " ms\n\n";
    for (const phase p : {phase::holding, phase::waiting, phase::told_to_go, phase::too_late, phase::dead}) {
        const std::string mark(1, style_of(p).mark);
        if (used[static_cast<std::size_t>(p)])
            out << "  " << (colour ? in_colour_of(p, mark) : mark) << ' ' << style_of(p).meaning;
    }
    out << '\n';
}

} // namespace demo
