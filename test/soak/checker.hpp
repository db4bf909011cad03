// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SOAK_CHECKER_HPP
#define PRIORITY_REDLOCK_TEST_SOAK_CHECKER_HPP

#include "soak/event.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace soak {

using std::chrono::nanoseconds;

/// What the workers may do at most. A machine that runs other things as well is slow, and these leave room for it.
struct bounds
{
    /// How long the highest priority waits once the last fault has been undone, and anybody once nobody asks for more:
    /// until then a lower priority may be passed by higher ones without end, and a composite even undone by them.
    nanoseconds wait = std::chrono::seconds(30);

    /// An acquire that begins so long after the last fault, or after the start, does not end with `errc::no_quorum`.
    nanoseconds recovery = std::chrono::seconds(8);

    /// By how much a worker may grow from the first phase to the end of the last.
    std::uint64_t descriptors = 16;
    std::uint64_t kibibytes = 16 * 1024;
};

struct finding
{
    std::string judge; // exclusion, tokens, waits, quorum, growth, crashes
    std::string says;
    std::vector<event> around; // the lines of the logs about it
};

struct phase_figures
{
    nanoseconds length{};
    std::uint64_t acquisitions = 0; // that were seen to be held, of one or several resources
    std::uint64_t composites = 0;   // of these
    std::uint64_t told = 0;         // that a higher priority ended, each resource of a composite counted
    std::uint64_t lost = 0;         // that ended by themselves, likewise
    std::uint64_t failed = 0;       // acquires, other than by their timeout
    std::uint64_t timed_out = 0;
    nanoseconds median_wait{}; // from the asking to the grant
    nanoseconds longest_wait{};
};

struct growth
{
    std::uint64_t descriptors_before = 0;
    std::uint64_t descriptors_after = 0;
    std::uint64_t kibibytes_before = 0;
    std::uint64_t kibibytes_after = 0;
};

inline constexpr std::array phase_names{"before", "during", "after"};

struct verdict
{
    std::array<phase_figures, phase_names.size()> phases{};
    std::map<std::string, std::uint64_t> faults; // how often each nemesis struck
    std::map<std::string, std::uint64_t> errors; // of acquires
    std::map<std::string, growth> workers;       // those that lived all the time
    std::vector<finding> findings;

    [[nodiscard]] std::uint64_t acquisitions() const noexcept;
};

/// Judges what happened from the logs alone; the events are in the order of time.
///
/// A holder believes that it holds a resource from its grant until it lets go, is told of the end, or its time is over.
/// Times are written so that the belief as it is recorded lies within the real one: every overlap is one. The belief of
/// a worker that was killed ends then at the latest.
[[nodiscard]] verdict check(const std::vector<event>& events, const bounds& limits = {});

/// The tables of a verdict and what was found.
std::ostream& operator<<(std::ostream& stream, const verdict& v);

} // namespace soak

#endif
