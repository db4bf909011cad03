// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the demo prints: a line an event while it plays, and a chart of who had what when at the end.

#ifndef PRIORITY_REDLOCK_EXAMPLES_TIMELINE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_TIMELINE_HPP

#include "chart.hpp"
#include "scenario.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace demo {

class timeline
{
public:
    timeline(const scenario& s, std::ostream& out, bool colour);

    /// Time zero. Prints the heading.
    void start();

    /// Tells what happened to the locker of a step, which is in the phase `p` from now on.
    void tell(std::size_t step, phase p, const std::string& event);

    /// The same for `phase::told_to_go`: it is waited for as long as `grace`.
    void tell_to_go(std::size_t step, priority_redlock::duration grace, const std::string& event);

    /// Tells something that changes nothing.
    void remark(std::size_t step, const std::string& event);

    /// Prints what was told: lines of one millisecond are put in order before.
    void flush();

    /// Prints who had what when, until now.
    void print_chart();

private:
    using duration = priority_redlock::duration;

    struct track
    {
        std::size_t row; // of the chart
        phase now = phase::absent;
        duration since{};
        duration grace{};
    };

    struct line
    {
        long long ms;
        std::size_t step;
        phase now;
        std::string text;
    };

    [[nodiscard]] duration elapsed() const;
    void draw(std::size_t step, duration now);
    void add(std::size_t step, bool ends, const std::string& event, duration when);

    const scenario& scenario_;
    std::ostream& out_;
    bool colour_;
    std::size_t resource_width_;
    std::size_t locker_width_;
    priority_redlock::clock::time_point zero_;
    std::vector<track> tracks_; // by step
    std::vector<line> lines_;   // of the last millisecond
    chart chart_;
};

} // namespace demo

#endif
