// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/trace.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <sstream>
#include <string_view>
#include <utility>

namespace simulation {

namespace {

double milliseconds(duration d)
{
    return std::chrono::duration<double, std::milli>(d).count();
}

std::string time_text(duration d)
{
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%10.3f", milliseconds(d));
    return buffer;
}

std::string escaped(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        switch (c) {
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '&': result += "&amp;"; break;
        case '"': result += "&quot;"; break;
        default: result += c;
        }
    }
    return result;
}

} // namespace

std::size_t trace::add_process(std::string name)
{
    participants_.push_back({std::move(name), false});
    return participants_.size() - 1;
}

std::size_t trace::add_node(std::string name)
{
    participants_.push_back({std::move(name), true});
    return participants_.size() - 1;
}

void trace::happens(std::size_t where, std::string what)
{
    add({virtual_clock::now(), virtual_clock::now(), where, where, false, std::move(what)});
}

void trace::announces(std::string what)
{
    add({virtual_clock::now(), virtual_clock::now(), nobody, nobody, false, std::move(what)});
}

void trace::arrives(std::size_t from, std::size_t to, time_point sent, std::string what)
{
    add({virtual_clock::now(), sent, from, to, false, std::move(what)});
}

void trace::is_lost(std::size_t from, std::size_t to, std::string what)
{
    add({virtual_clock::now(), virtual_clock::now(), from, to, true, std::move(what)});
}

void trace::add(entry e)
{
    if (e.at < from_ || e.at >= until_)
        return;
    if (entries_.empty() && dropped_ == 0)
        start_ = e.at;
    entries_.push_back(std::move(e));
    if (entries_.size() > most_) {
        entries_.pop_front();
        ++dropped_;
    }
}

/// Those that appear: the processes first, then the nodes.
std::vector<std::size_t> trace::columns() const
{
    std::vector<bool> seen(participants_.size());
    for (const entry& e : entries_)
        for (const std::size_t each : {e.from, e.to})
            if (each != nobody)
                seen[each] = true;
    std::vector<std::size_t> result;
    for (const bool nodes : {false, true})
        for (std::size_t i = 0; i < participants_.size(); ++i)
            if (seen[i] && participants_[i].is_node == nodes)
                result.push_back(i);
    return result;
}

void trace::write_text(std::ostream& out) const
{
    constexpr std::size_t width = 6;
    const auto shown = columns();
    const auto column_of = [&](std::size_t who) {
        return static_cast<std::size_t>(std::ranges::find(shown, who) - shown.begin());
    };
    if (dropped_ != 0)
        out << dropped_ << " earlier events are left out\n";
    out << "        ms  ";
    for (const std::size_t each : shown) {
        std::string name = participants_[each].name;
        name.resize(width, ' ');
        out << name;
    }
    out << '\n';
    const std::string_view line = "│";
    for (const entry& e : entries_) {
        out << time_text(e.at - start_) << "  ";
        if (e.from == nobody) {
            out << "══ " << e.what << '\n';
            continue;
        }
        const std::size_t from = column_of(e.from);
        const std::size_t to = column_of(e.to);
        const auto [first, last] = std::minmax(from, to);
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const bool inside = i >= first && i < last; // what is right of the line of this one is part of the arrow
            std::string_view mark = line;
            if (from == to && i == from)
                mark = "●";
            else if (i == from)
                mark = from < to ? "├" : "┤";
            else if (i == to)
                mark = e.lost ? "×" : from < to ? "▶" : "◀";
            else if (inside)
                mark = "┼";
            out << mark;
            for (std::size_t k = 1; k < width; ++k)
                out << (inside ? "─" : " ");
        }
        out << e.what;
        if (from != to && !e.lost)
            out << "  (" << milliseconds(e.at - e.sent) << " ms)";
        out << '\n';
    }
}

void trace::write_svg(std::ostream& out, std::string_view title) const
{
    constexpr int left = 90;
    constexpr int top = 60;
    constexpr int distance = 150; // of two lines
    constexpr int row = 22;
    const auto shown = columns();
    const auto x_of = [&](std::size_t who) {
        return left + distance / 2 + distance * static_cast<int>(std::ranges::find(shown, who) - shown.begin());
    };
    // Each entry has a row. An arrow begins in the row of what its sender was told when it sent, or of that time.
    std::vector<time_point> times;
    for (const entry& e : entries_)
        times.push_back(e.at);
    const auto row_of = [&](time_point sent, std::size_t sender) {
        const auto same = std::ranges::equal_range(times, sent);
        for (auto it = same.end(); it != same.begin();)
            if (--it; entries_[static_cast<std::size_t>(it - times.begin())].to == sender)
                return it - times.begin();
        return same.begin() - times.begin();
    };
    const int width = left + distance * static_cast<int>(shown.size()) + 200;
    const int height = top + row * static_cast<int>(entries_.size() + 1);
    out << "<svg role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height
        << "\" width=\"" << width << "\" height=\"" << height
        << "\" font-family=\"DejaVu Sans, sans-serif\" font-size=\"11\">\n";
    if (!title.empty())
        out << "<title>" << escaped(title) << "</title>\n";
    out << "<style>\nsvg { --back: #ffffff; --arrow: #333355; --life: #bbbbbb; --quiet: #707070; --bad: #b02020; }\n"
           "@media (prefers-color-scheme: dark) { svg { --back: #0d1117; --arrow: #c0c8e8; --life: #505860; --quiet: "
           "#8c949c; --bad: #ff8080; } }\n"
           "text { paint-order: stroke; stroke: var(--back); stroke-width: 3px; }\n</style>\n"
           "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
           "orient=\"auto\"><polygon points=\"0,0 8,4 0,8\" fill=\"var(--arrow)\"/></marker>"
           "<marker id=\"lost\" viewBox=\"0 0 8 8\" refX=\"4\" refY=\"4\" "
           "markerWidth=\"9\" markerHeight=\"9\"><path d=\"M 1,1 7,7 M 1,7 7,1\" "
           "stroke=\"var(--bad)\"/></marker></defs>\n"
           "<rect width=\"100%\" height=\"100%\" fill=\"var(--back)\"/>\n";
    for (const std::size_t each : shown) {
        const int x = x_of(each);
        out << "<line x1=\"" << x << "\" y1=\"" << top - 20 << "\" x2=\"" << x << "\" y2=\"" << height
            << "\" stroke=\"var(--life)\"/><text x=\"" << x << "\" y=\"" << top - 28
            << "\" text-anchor=\"middle\" font-weight=\"bold\" fill=\"var(--arrow)\">"
            << escaped(participants_[each].name) << "</text>\n";
    }
    std::ostringstream words; // over all lines
    const auto say = [&](int x, int y, std::string_view colour, std::string_view what,
                         std::string_view anchor = "start") {
        words << "<text x=\"" << x << "\" y=\"" << y << "\" text-anchor=\"" << anchor << "\" fill=\"var(--" << colour
              << ")\">" << escaped(what) << "</text>\n";
    };
    int y = top;
    time_point shown_time = time_point::min();
    for (const entry& e : entries_) {
        if (std::exchange(shown_time, e.at) != e.at)
            say(left - 20, y + 4, "quiet", time_text(e.at - start_), "end");
        if (e.from == nobody) {
            out << "<line x1=\"" << left << "\" y1=\"" << y << "\" x2=\"" << width - 10 << "\" y2=\"" << y
                << "\" stroke=\"var(--bad)\" stroke-dasharray=\"4 3\"/>\n";
            say(left, y - 3, "bad", e.what);
        } else if (e.from == e.to) {
            out << "<circle cx=\"" << x_of(e.from) << "\" cy=\"" << y << "\" r=\"3\" fill=\"var(--arrow)\"/>\n";
            say(x_of(e.from) + 7, y + 4, "arrow", e.what);
        } else {
            const int from = x_of(e.from);
            const int to = x_of(e.to);
            const int sent = e.sent < start_ ? top - 15 : top + row * static_cast<int>(row_of(e.sent, e.from));
            const std::string_view colour = e.lost ? "bad" : "arrow";
            out << "<line x1=\"" << from << "\" y1=\"" << (e.lost ? y : sent) << "\" x2=\"" << to << "\" y2=\"" << y
                << "\" stroke=\"var(--" << colour << ")\" marker-end=\"url(#" << (e.lost ? "lost" : "head")
                << ")\"/>\n";
            say(from < to ? to - 8 : to + 8, y - 3, colour, e.what, from < to ? "end" : "start");
        }
        y += row;
    }
    out << words.str();
    out << "</svg>\n";
}

} // namespace simulation
