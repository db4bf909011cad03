// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the demo prints: a line an event while it plays, and a chart of who had what when at the end.

#ifndef PRIORITY_REDLOCK_EXAMPLES_TIMELINE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_TIMELINE_HPP

#include "scenario.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace demo {

/// What a locker is doing, from one line of the timeline to the next.
enum class phase
{
    absent,
    waiting,
    holding,
    told_to_go, ///< no longer holds it, cleans up
    too_late,   ///< still cleans up after its grace: the next one may have the resource already
};

class timeline
{
public:
    timeline(const scenario& s, std::ostream& out, bool colour);

    /// Time zero. Prints the heading.
    void start();

    /// Prints what happened to the locker of a step; from now on it is in the phase `p`.
    void tell(std::size_t step, phase p, const std::string& event);

    /// Prints something that changes nothing.
    void remark(std::size_t step, const std::string& event);

    /// Prints who had what when.
    void chart() const;

private:
    using duration = priority_redlock::duration;

    struct span
    {
        phase what;
        duration begin, end;
    };

    struct track
    {
        phase now = phase::absent;
        duration since{};
        std::vector<span> spans;
    };

    void print(std::size_t step, duration when, phase p, const std::string& event);
    [[nodiscard]] std::string chart_row(const std::string& resource, const std::string& locker, duration end) const;
    [[nodiscard]] std::string coloured(phase p, const std::string& text) const;

    const scenario& scenario_;
    std::ostream& out_;
    bool colour_;
    std::size_t resource_width_ = 0;
    std::size_t locker_width_ = 0;
    priority_redlock::clock::time_point zero_;
    std::vector<track> tracks_; // by step
};

} // namespace demo

#endif
