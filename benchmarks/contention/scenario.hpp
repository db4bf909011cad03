// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the benchmark plays: groups of clients that want locks, how often, for how long and of which resources. Read
// from JSON.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_SCENARIO_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_SCENARIO_HPP

#include "json_input.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace contention {

using priority_redlock::duration;
using scenario_error = json_input::input_error;

/// A length of time that is drawn anew each time.
struct random_time
{
    duration mean{};
    bool exponential = false; ///< else always the mean
};

/// Clients that behave alike.
struct group
{
    std::string name;
    std::size_t clients = 1;
    random_time think;     ///< closed loop: from the end of a visit until the client asks again
    double rate = 0;       ///< open loop: how often the group asks in a second, whether or not it is served; 0: closed
    random_time hold;      ///< zero: over one turn of the event loop
    random_time cleanup;   ///< how long a holder takes to let go after it was told to
    double zipf = 0;       ///< resource i is chosen with a weight of 1 / (i + 1)^zipf
    std::size_t parts = 1; ///< how many different resources one visit needs, all or none
    int priority = 0;
    duration grace = std::chrono::seconds(1);
    duration ttl = priority_redlock::infinite;
    duration timeout = priority_redlock::infinite;

    [[nodiscard]] priority_redlock::acquire_options options() const
    {
        return {.priority = priority, .ttl = ttl, .timeout = timeout, .grace = grace};
    }
    [[nodiscard]] bool open_loop() const noexcept { return rate > 0; }
};

/// What happens to a node of the store while the benchmark runs.
struct fault
{
    enum class action
    {
        kill,
        stop,
        resume, ///< goes on after a stop, starts again after a kill
    };

    duration at{}; ///< from the start of the run
    std::size_t node = 0;
    action what = action::kill;
};

struct scenario
{
    std::string title;
    std::string protocol = "memory";
    std::size_t own_nodes = 5;      ///< redis: how many servers to start, or
    std::vector<std::string> nodes; ///< redis: the servers to use, as host:port
    unsigned threads = 1;
    std::size_t resources = 1;
    duration length = std::chrono::seconds(5);
    std::uint32_t seed = 1;
    duration ageing = priority_redlock::infinite;
    std::vector<group> groups;
    std::vector<fault> faults;

    [[nodiscard]] std::size_t clients() const noexcept;
};

[[nodiscard]] std::string_view name_of(fault::action what) noexcept;

/// The keys of a scenario and their values, for people.
[[nodiscard]] std::string describe_format();

/// Reads a scenario from JSON text.
/// @throws scenario_error
[[nodiscard]] scenario parse_scenario(std::string_view text);

/// Throws scenario_error unless its parts fit together. For changes made after it was read.
void check(const scenario& s);

/// The scenario with every default filled in, as the peers that are other programs read it.
[[nodiscard]] boost::json::object to_json(const scenario& s);

} // namespace contention

#endif
