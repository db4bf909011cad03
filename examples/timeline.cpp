// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "timeline.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <string_view>

namespace demo {
namespace {

using priority_redlock::clock;
using priority_redlock::duration;

constexpr std::size_t chart_width = 60;

/// The columns that UTF-8 text takes, as far as its characters are one column wide.
[[nodiscard]] std::size_t width(std::string_view text)
{
    const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

[[nodiscard]] std::string padded(std::string text, std::size_t to)
{
    text.append(to - std::min(to, width(text)), ' ');
    return text;
}

[[nodiscard]] auto milliseconds(duration d)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

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
    }
    return {'?', "0", ""};
}

} // namespace

timeline::timeline(const scenario& s, std::ostream& out, bool colour)
    : scenario_(s), out_(out), colour_(colour), tracks_(s.steps.size())
{
    resource_width_ = width("resource");
    locker_width_ = width("locker");
    for (const step& each : s.steps) {
        resource_width_ = std::max(resource_width_, width(each.resource));
        locker_width_ = std::max(locker_width_, width(each.locker));
    }
}

void timeline::start()
{
    zero_ = clock::now();
    if (!scenario_.title.empty())
        out_ << scenario_.title << "\n\n";
    out_ << "    ms  " << padded("resource", resource_width_) << "  " << padded("locker", locker_width_) << "  event\n";
    out_ << std::flush;
}

void timeline::tell(std::size_t step, phase p, const std::string& event)
{
    const duration now = clock::now() - zero_;
    track& t = tracks_[step];
    if (t.now == phase::told_to_go) {
        const duration over = std::clamp(t.since + scenario_.steps[step].grace, t.since, now);
        t.spans.push_back({phase::told_to_go, t.since, over});
        t.spans.push_back({phase::too_late, over, now});
    } else if (t.now != phase::absent) {
        t.spans.push_back({t.now, t.since, now});
    }
    t.now = p;
    t.since = now;
    print(step, now, p, event);
}

void timeline::remark(std::size_t step, const std::string& event)
{
    print(step, clock::now() - zero_, tracks_[step].now, event);
}

void timeline::print(std::size_t step, duration when, phase p, const std::string& event)
{
    const demo::step& s = scenario_.steps[step];
    out_ << std::setw(6) << milliseconds(when) << "  " << padded(s.resource, resource_width_) << "  "
         << padded(s.locker, locker_width_) << "  " << coloured(p, event) << std::endl; // seen while it happens
}

void timeline::chart() const
{
    duration end = std::chrono::milliseconds(1);
    for (const track& t : tracks_)
        end = std::max(end, t.since);

    for (const std::string& resource : scenario_.resources) {
        out_ << '\n' << resource << '\n';
        std::vector<std::string> lockers;
        for (const step& s : scenario_.steps) {
            if (s.resource != resource || std::ranges::find(lockers, s.locker) != lockers.end())
                continue;
            lockers.push_back(s.locker);
            out_ << "  " << padded(s.locker, locker_width_) << "  |" << chart_row(resource, s.locker, end) << "|\n";
        }
    }

    out_ << padded("", locker_width_ + 5) << '0' << std::setw(chart_width - 1) << milliseconds(end) << " ms\n\n";
    for (const phase p : {phase::holding, phase::waiting, phase::told_to_go, phase::too_late}) {
        const style s = style_of(p);
        out_ << "  " << coloured(p, std::string(1, s.mark)) << ' ' << s.meaning;
    }
    out_ << '\n';
}

/// A character is the last and most telling thing that happened in its part of the time.
std::string timeline::chart_row(const std::string& resource, const std::string& locker, duration end) const
{
    const auto column = [end](duration d) {
        const double part = std::chrono::duration<double>(d) / std::chrono::duration<double>(end);
        return static_cast<std::size_t>(std::lround(part * static_cast<double>(chart_width)));
    };

    std::vector<phase> cells(chart_width, phase::absent);
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        if (scenario_.steps[i].resource != resource || scenario_.steps[i].locker != locker)
            continue;
        for (const span& s : tracks_[i].spans) {
            std::size_t from = column(s.begin);
            std::size_t to = column(s.end);
            if (from == to && s.what == phase::holding) { // however short, it had it
                from = std::min(from, chart_width - 1);
                to = from + 1;
            }
            for (std::size_t c = from; c < to; ++c)
                cells[c] = std::max(cells[c], s.what);
        }
    }

    std::string row;
    for (std::size_t from = 0; from < chart_width;) {
        std::size_t to = from;
        while (to < chart_width && cells[to] == cells[from])
            ++to;
        row += coloured(cells[from], std::string(to - from, style_of(cells[from]).mark));
        from = to;
    }
    return row;
}

std::string timeline::coloured(phase p, const std::string& text) const
{
    if (!colour_ || p == phase::absent)
        return text;
    return std::string("\x1b[").append(style_of(p).colour).append("m").append(text).append("\x1b[0m");
}

} // namespace demo
