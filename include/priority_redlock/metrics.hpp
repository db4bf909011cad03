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

/// How often durations of which length were observed. Of those that there were, `count`, some or all were measured,
/// `sampled`: an estimate for all of them is `count` / `sampled` times what was measured.
struct duration_histogram
{
    /// Bucket i counts what is longer than `bound(i - 1)` and not longer than `bound(i)`.
    static constexpr std::size_t buckets = 28;

    /// 1, 2, 4 ... microseconds, up to a good minute; the last bucket is without bound: `infinite`.
    [[nodiscard]] static constexpr duration bound(std::size_t bucket) noexcept
    {
        return bucket + 1 < buckets ? duration(std::chrono::microseconds(std::int64_t{1} << bucket)) : infinite;
    }

    /// Of the measured ones.
    std::array<std::uint64_t, buckets> counts{};

    /// How many there were, measured or not.
    std::uint64_t count = 0;

    /// How many of them were measured: the sum of `counts`.
    std::uint64_t sampled = 0;

    /// Of the measured ones, in seconds.
    std::chrono::duration<double> sum{};

    /// One that is measured.
    void add(duration observed) noexcept
    {
        const auto us = std::chrono::ceil<std::chrono::microseconds>(observed).count();
        const auto bucket = us <= 1 ? std::size_t{0} : std::size_t(std::bit_width(static_cast<std::uint64_t>(us - 1)));
        ++counts[bucket < buckets ? bucket : buckets - 1];
        ++count;
        ++sampled;
        sum += observed;
    }

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

/// What a manager has done since it was made, and how it stands: `lock_manager::metrics`. Always counted; made to be
/// scraped (`to_prometheus`).
///
/// A lock is counted once however many handles a re-entrant locker has of it.
struct metrics
{
    // Counters.

    /// Locks that were granted, at once or after a wait.
    std::uint64_t grants = 0;

    /// Further handles for lockers that held the resource already.
    std::uint64_t re_entrances = 0;

    /// How locks ended: with the last handle; by a higher priority, counted when the holder was told; by the ttl; and
    /// because the protocol could not keep them.
    std::uint64_t releases = 0;
    std::uint64_t preemptions = 0;
    std::uint64_t expiries = 0;
    std::uint64_t losses = 0;

    /// Of the preemptions, those for an `async_acquire_all` that told the holder before its turn (P12), where the next
    /// one to be granted the resource had no higher priority than the holder.
    std::uint64_t preemptions_in_vain = 0;

    /// Acquires that were not granted: `errc::acquire_timeout`; cancelled, by whatever means; and all other errors but
    /// those of an acquire that was not valid or came after `close()`.
    std::uint64_t timeouts = 0;
    std::uint64_t cancellations = 0;
    std::uint64_t refusals = 0;

    /// Holders that were told to go and kept somebody waiting for longer than their grace, or than
    /// `manager_options::overrun_after`, each once.
    std::uint64_t overruns = 0;

    // Gauges.

    /// Resources that are held at this moment, those included whose holder has been told to go.
    std::uint64_t held = 0;

    /// Acquires that wait at this moment.
    std::uint64_t waiting = 0;

    // Histograms. With a protocol, or with `manager_options::measure_all`, everything is measured. Otherwise, in
    // memory, to read the clock costs a good part of what a lock does, so that one in `sampling` is measured; which
    // ones is a matter of counting them. `count` is that of all.

    static constexpr unsigned sampling = 64;

    /// How long acquires waited that were granted, re-entrant ones included. Those that were granted at once waited 0.
    duration_histogram wait_time;

    /// How long locks were held that have ended, from the grant until the resource was free.
    duration_histogram hold_time;
};

} // namespace priority_redlock

#endif
