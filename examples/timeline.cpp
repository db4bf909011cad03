// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "timeline.hpp"

#include "terminal.hpp"

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <map>
#include <ostream>
#include <string_view>
#include <utility>

namespace demo {

using priority_redlock::clock;

timeline::timeline(const scenario& s, std::ostream& out, bool colour)
    : scenario_(s), out_(out), colour_(colour), resource_width_(terminal::width("resource")),
      locker_width_(terminal::width("locker"))
{
    std::map<std::string_view, std::size_t> headings;
    for (const std::string& resource : s.resources)
        headings[resource] = chart_.add_heading(resource);
    std::map<std::pair<std::string_view, std::string_view>, std::size_t> rows;
    for (const step& each : s.steps) {
        const auto [row, is_new] = rows.try_emplace({each.resource, each.locker});
        if (is_new)
            row->second = chart_.add_row(headings.at(each.resource), each.locker);
        tracks_.push_back({.row = row->second});
        resource_width_ = std::max(resource_width_, terminal::width(each.resource));
        locker_width_ = std::max(locker_width_, terminal::width(each.locker));
    }
    resource_width_ = std::min(resource_width_, terminal::longest_name);
    locker_width_ = std::min(locker_width_, terminal::longest_name);
}

void timeline::start()
{
    zero_ = clock::now();
    if (!scenario_.title.empty())
        out_ << scenario_.title << "\n\n";
    out_ << "    ms  " << terminal::padded("resource", resource_width_) << "  "
         << terminal::padded("locker", locker_width_) << "  event" << std::endl;
}

auto timeline::elapsed() const -> duration
{
    return clock::now() - zero_;
}

/// What the locker of a step did until now.
void timeline::draw(std::size_t step, duration now)
{
    const track& t = tracks_[step];
    if (t.now == phase::told_to_go) {
        const duration over = std::clamp(t.since + t.grace, t.since, now);
        chart_.add(t.row, phase::told_to_go, t.since, over);
        chart_.add(t.row, phase::too_late, over, now);
    } else if (t.now != phase::absent) {
        chart_.add(t.row, t.now, t.since, now);
    }
}

void timeline::tell(std::size_t step, phase p, const std::string& event)
{
    const duration now = elapsed();
    draw(step, now);
    track& t = tracks_[step];
    const bool ends = p == phase::absent && t.now != phase::waiting;
    t.now = p;
    t.since = now;
    add(step, ends, event, now);
}

void timeline::tell_to_go(std::size_t step, duration grace, const std::string& event)
{
    tracks_[step].grace = grace;
    tell(step, phase::told_to_go, event);
}

void timeline::remark(std::size_t step, const std::string& event)
{
    add(step, false, event, elapsed());
}

void timeline::add(std::size_t step, bool ends, const std::string& event, duration when)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(when).count();
    if (!lines_.empty() && lines_.front().ms != ms)
        flush();
    auto place = lines_.end();
    if (ends) { // before the next one is granted what was let go
        auto from = lines_.end();
        while (from != lines_.begin() && std::prev(from)->step != step)
            --from;
        place = std::find_if(from, lines_.end(), [&](const line& l) {
            return l.now == phase::holding && scenario_.steps[l.step].resource == scenario_.steps[step].resource;
        });
    }
    lines_.insert(place, {ms, step, tracks_[step].now, event});
}

void timeline::flush()
{
    for (const line& l : lines_) {
        const demo::step& s = scenario_.steps[l.step];
        out_ << std::setw(6) << l.ms << "  " << terminal::padded(s.resource, resource_width_) << "  "
             << terminal::padded(s.locker, locker_width_) << "  " << (colour_ ? in_colour_of(l.now, l.text) : l.text)
             << '\n';
    }
    lines_.clear();
    out_ << std::flush; // seen while it happens
}

void timeline::print_chart()
{
    flush();
    const duration now = elapsed();
    duration end{};
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        draw(i, now);
        end = std::max(end, tracks_[i].now == phase::absent ? tracks_[i].since : now);
    }
    chart_.print(out_, end, colour_);
}

} // namespace demo
