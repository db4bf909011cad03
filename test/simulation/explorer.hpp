// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_EXPLORER_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_EXPLORER_HPP

// A systematic search of small worlds. In a scenario it is fixed what users ask for and when. The usual run is that of
// a network and of machines that do nothing unusual. Each message, timer and step of a process can go another way; a
// schedule says which do. All schedules with at most so many delays and so many faults are played, each from the start.
//
// Delay-bounded search: M. Emmi, S. Qadeer, Z. Rakamarić, "Delay-bounded scheduling", 2011. Stateless search by replay:
// P. Godefroid, "Model checking for programming languages using VeriSoft", 1997. What makes two runs the same, the
// order in which each participant is told things, is the order of L. Lamport, "Time, clocks, and the ordering of events
// in a distributed system", 1978.

#include "simulation/world.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace simulation {

/// All scenarios there are: worlds with errands.
[[nodiscard]] std::span<const world_options> scenarios();

/// Null if there is none of that name.
[[nodiscard]] const world_options* find_scenario(std::string_view name);

/// A scenario in which certain things go wrong: the four edge cases of doc/proof.md.
struct edge_case
{
    world_options world;
    duration from{}; // since the start: what is shown begins and ends
    duration until{};
};

[[nodiscard]] std::span<const edge_case> edge_cases();

/// Null if there is none of that name.
[[nodiscard]] const edge_case* find_edge_case(std::string_view name);

/// Plays it, and draws what is shown of it.
[[nodiscard]] outcome play(const edge_case& c, trace& t);

/// How much may be unusual in a run.
struct search_bound
{
    unsigned delays = 0; // messages that are late, timers that are, pushes that come before an answer
    unsigned faults = 0; // connections, nodes and processes that end, processes that stop, pushes that are lost
};

/// A decision that does not go the usual way: the how manieth it is of its run, and which way.
struct deviation
{
    std::uint32_t decision = 0;
    std::uint32_t way = 0;

    friend bool operator==(const deviation&, const deviation&) = default;
};

/// What is unusual in a run, in order.
using schedule = std::vector<deviation>;

/// "3:1,17:2"; "usual" if there is none.
[[nodiscard]] std::string to_text(const schedule& s);

/// Throws `std::invalid_argument`, which says how one is written.
[[nodiscard]] schedule to_schedule(std::string_view text);

struct finding
{
    schedule how;
    std::string judge;
    std::string verdict;
};

struct search_options
{
    search_bound bound{};

    /// States are the same whose histories are, with times told apart by this. Zero: exactly.
    duration grain = std::chrono::milliseconds(4);

    /// False: runs are not cut where a state is met again.
    bool cuts = true;

    /// It ends after so many findings.
    std::size_t most_findings = 1;

    /// Asked after each run: whether to go on.
    std::function<bool()> goes_on{};
};

struct search_result
{
    std::size_t states = 0;      // different ones, between two events; while something can go wrong
    std::size_t transitions = 0; // events, without those that repeat what was played before
    std::size_t runs = 0;
    std::size_t cut = 0;       // of these: at a state that was met before
    std::size_t decisions = 0; // of the longest run
    std::size_t depth = 0;     // events of the longest run
    bool complete = false;     // every run within the bound
    std::vector<finding> findings{};
};

[[nodiscard]] search_result search(const world_options& scenario, const search_options& options);

/// One run. Throws `std::invalid_argument` if there is no such decision or way.
[[nodiscard]] outcome play(const world_options& scenario, const schedule& s, trace* t = nullptr);

} // namespace simulation

#endif
