// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SOAK_EVENT_HPP
#define PRIORITY_REDLOCK_TEST_SOAK_EVENT_HPP

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace soak {

using time_point = std::chrono::steady_clock::time_point; // one clock for all processes of a machine

/// A line of a log.
struct event
{
    enum class kind : std::uint8_t
    {
        // Of a worker. An acquire of several resources has these once for each of them.
        asked,    // n: the priority
        granted,  // n: the token, until: when the lock ends
        released, // it is about to let go; until: as far as renewals have moved the end
        told,     // a higher priority wants it; until: likewise
        lost,     // it has ended by itself; until: likewise
        missed,   // granted, and over before the worker saw it
        failed,   // why: the error

        // Of the director.
        phase,   // why: before, during, after, end
        fault,   // why: the nemesis
        undone,  // why: the nemesis; what it did has been undone
        killed,  // who: the worker
        crashed, // who: the worker, which has ended by itself
        sample,  // who: the worker, n: its memory in KiB, acquire: how many descriptors it has
    };

    time_point at{};
    kind what{};
    std::string who;           // a worker, or "director"
    std::uint64_t acquire = 0; // its number, of this worker
    std::string resource = "-";
    std::uint64_t n = 0;
    time_point until{};
    std::string why = "-";
};

/// One line without its end: AT WHO WHAT ACQUIRE RESOURCE N UNTIL WHY, in nanoseconds.
[[nodiscard]] std::string to_line(const event& e);

/// @throws std::runtime_error it is none.
[[nodiscard]] event parse_line(std::string_view line);

/// The lines of all files of a directory that end in .log, in the order of time. What a process was killed at writing
/// has no end of line, and is left out.
[[nodiscard]] std::vector<event> read_logs(const std::filesystem::path& directory);

/// Writes a log that several processes may be killed at: a line is handed to the system as a whole, and at once.
class event_log
{
public:
    /// @throws std::system_error the file cannot be written.
    explicit event_log(const std::filesystem::path& file);
    event_log(const event_log&) = delete;
    event_log& operator=(const event_log&) = delete;
    ~event_log();

    void write(const event& e);

private:
    int file_;
};

} // namespace soak

#endif
