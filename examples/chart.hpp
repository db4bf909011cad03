// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Who had what when, as rows of characters.

#ifndef PRIORITY_REDLOCK_EXAMPLES_CHART_HPP
#define PRIORITY_REDLOCK_EXAMPLES_CHART_HPP

#include <priority_redlock/acquire_options.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// What somebody is doing; the later is the more telling.
enum class phase
{
    absent,
    waiting,
    holding,
    told_to_go, ///< no longer holds it, cleans up
    too_late,   ///< still cleans up after its grace: the next one may have the resource already
    dead,       ///< its process was killed
};

/// The text in the colour of a phase.
[[nodiscard]] std::string in_colour_of(phase p, std::string_view text);

class chart
{
public:
    using duration = priority_redlock::duration;

    /// Headings come in the order in which they are added, each with its rows `below`.
    std::size_t add_heading(std::string name);
    std::size_t add_row(std::size_t below, std::string name);

    void add(std::size_t to, phase p, duration begin, duration end);

    /// As wide as a terminal, the last column being `end`, with an explanation of the characters.
    void print(std::ostream& out, duration end, bool colour) const;

private:
    struct span
    {
        phase what;
        duration begin, end;
    };

    struct row
    {
        std::string name;
        std::vector<span> spans;
    };

    struct heading
    {
        std::string name;
        std::vector<std::size_t> rows;
    };

    std::vector<heading> headings_;
    std::vector<row> rows_;
};

} // namespace demo

#endif
