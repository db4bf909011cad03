// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What came of a run, whoever was asked: one of the contenders here, or a peer in another program, which writes the
// same JSON. Times are in microseconds.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_RESULT_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_RESULT_HPP

#include <boost/describe/class.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace contention {

/// How a time was distributed.
struct spread
{
    std::uint64_t count = 0;
    double mean_us = 0;
    double p50_us = 0;
    double p90_us = 0;
    double p99_us = 0;
    double p999_us = 0;
    double max_us = 0;
    std::vector<std::array<double, 2>> buckets; ///< those that are not empty: their upper bound, and how many are in it

    /// The least bound that this share of all observations does not exceed.
    [[nodiscard]] double percentile(double share) const noexcept;

    /// Fills in what follows from the buckets.
    void summarise() noexcept;
};
BOOST_DESCRIBE_STRUCT(spread, (), (count, mean_us, p50_us, p90_us, p99_us, p999_us, max_us, buckets))

struct group_result
{
    std::string name;
    int priority = 0;
    std::size_t clients = 0;
    std::uint64_t granted = 0;
    std::uint64_t preempted = 0; ///< told to go while holding
    std::uint64_t overrun = 0;   ///< of these: had not let go when the grace was over
    std::uint64_t expired = 0;
    std::uint64_t lost = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t failed = 0;        ///< acquires that ended with another error
    std::uint64_t still_waiting = 0; ///< asked, and not served when the run ended; of an open loop those due included
    double longest_waiting_us = 0;   ///< and how long the first of these had waited
    std::uint64_t most_served = 0;   ///< acquisitions of the client that had most
    std::uint64_t least_served = 0;
    spread wait; ///< of those granted; open loop: from when the request was due
    spread hold; ///< from the grant until the client had let go
    std::vector<std::uint64_t> completed_over_time;
    std::vector<std::uint64_t> preempted_over_time;

    /// Acquisitions whose holder kept the lock for as long as it wanted. What compares with locks that nobody takes
    /// away.
    [[nodiscard]] std::uint64_t completed() const noexcept { return hold.count - preempted - expired - lost; }
};
BOOST_DESCRIBE_STRUCT(group_result, (),
                      (name, priority, clients, granted, preempted, overrun, expired, lost, timed_out, failed,
                       still_waiting, longest_waiting_us, most_served, least_served, wait, hold, completed_over_time,
                       preempted_over_time))

/// One client's hold of the hot resource.
struct hot_hold
{
    std::size_t client = 0;
    double from_us = 0; ///< from the start of the run
    double to_us = 0;
    std::string ended; ///< "released", "preempted", "expired" or "lost"
};
BOOST_DESCRIBE_STRUCT(hot_hold, (), (client, from_us, to_us, ended))

struct run_result
{
    std::string contender;
    std::string version;
    std::string note; ///< what it leaves out of the scenario; empty: nothing
    double seconds = 0;
    bool interrupted = false;
    std::vector<group_result> groups;
    double step_seconds = 0;        ///< of what is counted over time; the last step ends with the run
    double hot_utilisation = 0;     ///< the share of the time that resource 0 was held
    double utilisation = 0;         ///< the same of all resources
    std::uint64_t overlaps = 0;     ///< grants while another held the same resource: must be none
    std::optional<double> commands; ///< to the nodes, for each acquisition
    double hot_from_us = 0;         ///< the part of the run of which all holds of the hot resource are kept
    double hot_to_us = 0;
    std::vector<hot_hold> hot_holds;

    [[nodiscard]] std::uint64_t granted() const noexcept;
    [[nodiscard]] std::uint64_t completed() const noexcept;
};
BOOST_DESCRIBE_STRUCT(run_result, (),
                      (contender, version, note, seconds, interrupted, groups, step_seconds, hot_utilisation,
                       utilisation, overlaps, commands, hot_from_us, hot_to_us, hot_holds))

[[nodiscard]] boost::json::value to_json(const run_result& r);

/// @throws boost::system::system_error a member is missing or of the wrong kind
[[nodiscard]] run_result run_result_from_json(const boost::json::value& value);

} // namespace contention

#endif
