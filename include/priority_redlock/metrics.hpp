// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_METRICS_HPP
#define PRIORITY_REDLOCK_METRICS_HPP

#include <priority_redlock/acquire_options.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace priority_redlock {

/// A histogram of durations. There were `count` durations, of which `sampled` were measured: some or all. To estimate a
/// value for all of them, multiply the measured value by `count` / `sampled`.
struct duration_histogram
{
    /// Bucket i counts the durations longer than `bound(i - 1)` and not longer than `bound(i)`.
    static constexpr std::size_t buckets = 28;

    /// 1, 2, 4 ... microseconds, up to a little more than a minute. The last bucket has no bound: `infinite`.
    [[nodiscard]] static constexpr duration bound(std::size_t bucket) noexcept
    {
        return bucket + 1 < buckets ? duration(std::chrono::microseconds(std::int64_t{1} << bucket)) : infinite;
    }

    /// The number of measured durations in each bucket.
    std::array<std::uint64_t, buckets> counts{};

    /// How many durations there were, measured or not.
    std::uint64_t count = 0;

    /// How many of them were measured: the sum of `counts`.
    std::uint64_t sampled = 0;

    /// The sum of the measured durations, in seconds.
    std::chrono::duration<double> sum{};

    /// Adds a measured duration.
    void add(duration observed) noexcept
    {
        const auto us = std::chrono::ceil<std::chrono::microseconds>(observed).count();
        const auto bucket = us <= 1 ? std::size_t{0} : std::size_t(std::bit_width(static_cast<std::uint64_t>(us - 1)));
        ++counts[bucket < buckets ? bucket : buckets - 1];
        ++count;
        ++sampled;
        sum += observed;
    }

    /// Adds the counts of `other`, such as those of another manager.
    duration_histogram& operator+=(const duration_histogram& other) noexcept
    {
        for (std::size_t i = 0; i < buckets; ++i)
            counts[i] += other.counts[i];
        count += other.count;
        sampled += other.sampled;
        sum += other.sum;
        return *this;
    }
};

/// Counters of a manager since its construction, and its current state: `lock_manager::metrics`. Always on, and meant
/// to be scraped (`to_prometheus`).
///
/// A lock counts once, however many handles a re-entrant locker has.
struct metrics
{
    // Counters.

    /// Locks granted, at once or after a wait.
    std::uint64_t grants = 0;

    /// Further handles for lockers that already held the resource.
    std::uint64_t re_entrances = 0;

    /// Locks that ended by the release of their last handle.
    std::uint64_t releases = 0;

    /// Locks that ended because of a higher priority. Counted when the holder was told.
    std::uint64_t preemptions = 0;

    /// Locks that ended by their ttl.
    std::uint64_t expiries = 0;

    /// Locks that ended because the protocol could not keep them.
    std::uint64_t losses = 0;

    /// Preemptions in vain: an `async_acquire_all` told the holder before its turn (P12), and the next locker granted
    /// the resource had no higher priority than the holder. Also counted in `preemptions`.
    std::uint64_t preemptions_in_vain = 0;

    /// Acquires that ended with `errc::acquire_timeout`.
    std::uint64_t timeouts = 0;

    /// Acquires that were cancelled, by any means.
    std::uint64_t cancellations = 0;

    /// Acquires that ended with any other error, except invalid acquires and acquires after `close()`.
    std::uint64_t refusals = 0;

    /// Preempted holders that kept a waiter waiting for longer than their grace, or than
    /// `manager_options::overrun_after`. Each counts once.
    std::uint64_t overruns = 0;

    // Gauges.

    /// Resources held at this moment, including those whose holder has been told to go.
    std::uint64_t held = 0;

    /// Acquires waiting at this moment.
    std::uint64_t waiting = 0;

    // Histograms. With a protocol, or with `manager_options::measure_all`, every lock is measured. Otherwise every
    // `sampling`th one is measured, since in memory reading the clock is a large part of the cost of a lock. `count`
    // includes all.

    /// Without `manager_options::measure_all`, one acquire in this many is measured.
    static constexpr unsigned sampling = 64;

    /// The wait of each granted acquire, including re-entrant ones. An acquire granted at once has waited 0.
    duration_histogram wait_time;

    /// How long each ended lock was held, from the grant until the resource was free.
    duration_histogram hold_time;
};

} // namespace priority_redlock

#endif
