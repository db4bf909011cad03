// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the demo plays: who wants which resource, when, and for how long. Read from JSON.

#ifndef PRIORITY_REDLOCK_EXAMPLES_SCENARIO_HPP
#define PRIORITY_REDLOCK_EXAMPLES_SCENARIO_HPP

#include "json_input.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// One locker that wants one resource once.
struct step
{
    std::string locker;
    std::string resource;
    priority_redlock::duration start{};   ///< when it asks, counted from the start of the demo
    priority_redlock::duration hold{};    ///< how long it keeps the lock if nobody takes it away
    priority_redlock::duration cleanup{}; ///< how long it takes to let go after it was told to
    int priority = 0;
    priority_redlock::duration grace = std::chrono::seconds(1);
    priority_redlock::duration ttl = priority_redlock::infinite;
    priority_redlock::duration timeout = priority_redlock::infinite;

    [[nodiscard]] priority_redlock::acquire_options options() const
    {
        return {.priority = priority, .ttl = ttl, .timeout = timeout, .grace = grace};
    }
};

struct scenario
{
    std::string title;
    std::vector<std::string> resources; ///< in the order of the chart
    std::vector<step> steps;
};

using scenario_error = json_input::input_error;

/// The keys of a scenario and their values, for people.
[[nodiscard]] std::string describe_format();

/// Reads a scenario from JSON text.
/// @throws scenario_error
[[nodiscard]] scenario parse_scenario(std::string_view text);

/// Reads a scenario from a file.
/// @throws scenario_error its message begins with the path.
[[nodiscard]] scenario read_scenario(const std::string& path);

} // namespace demo

#endif
