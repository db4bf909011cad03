// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_MANAGER_OPTIONS_HPP
#define PRIORITY_REDLOCK_MANAGER_OPTIONS_HPP

#include <priority_redlock/acquire_options.hpp>

#include <chrono>
#include <cstddef>

namespace priority_redlock {

/// Tag: the manager and its locks are used on one implicit strand only.
struct single_threaded_t
{
    explicit single_threaded_t() = default;
};

/// Promises that a manager and everything it hands out stay on one implicit strand: a context run by one thread, or an
/// `asio::strand`. Breaking the promise is undefined behaviour. A library built without NDEBUG ends the program when
/// two threads are in the manager at once.
inline constexpr single_threaded_t single_threaded{};

/// Options of a manager.
struct manager_options
{
    /// The number of independent shards into which resources are divided by their hash, so that threads contend less.
    /// Each shard has its own timer and takes 2 kB. 1 to 1024. 0 means 64, or 1 for a single-threaded manager or with
    /// `detect_deadlocks`. With a protocol there is one shard, whatever this says.
    std::size_t shards = 0;

    /// How many idle resources the manager remembers, so that the next acquire of one allocates nothing. A resource is
    /// idle if nobody holds it or waits for it. Rounded up to a multiple of the shards. At most 2^24, 16 million.
    /// Resources with names longer than 1024 bytes are not remembered. So each takes at most 1.2 kB: 5 MB in all by
    /// default.
    std::size_t idle_resources = 4096;

    /// The options that every acquire of the manager inherits, whatever its kind. The constructor throws
    /// `std::invalid_argument` if one is outside its domain.
    acquire_options defaults{};

    /// Ageing prevents starvation: a steady stream of high-priority work cannot keep low priorities waiting for ever.
    /// The rank of a waiter is its priority + the time since the start of its wait / this interval, a real number. All
    /// ranks rise at the same rate, so the order of waiters is fixed when they arrive. A newcomer whose priority is
    /// higher by n goes ahead of the waiters that have waited for less than n intervals by then.
    ///
    /// Ranks replace priorities in the queue and against the holder. A waiter preempts the holder once its rank exceeds
    /// the holder's priority by a whole step, as a higher priority does. This applies also if their priorities are
    /// equal. So among equal priorities this is also the time after which a holder has to give way to a waiter. A
    /// granted lock gets the rank that its acquire has reached, rounded up to an int, as its `lock::priority()`, which
    /// rises no further. So a locker that waited together with the new holder leaves it alone for at least one
    /// interval.
    ///
    /// At least one millisecond. Infinite turns ageing off, and then it costs nothing. The interval applies to all
    /// resources of the manager. Only without a protocol: with a protocol the constructor throws
    /// `std::invalid_argument`.
    duration ageing = infinite;

    /// Detects deadlocks. An acquire fails at once with `errc::deadlock` if its wait would close a cycle of lockers
    /// that wait for each other; a warning in the log names the cycle. Lockers are identified by their ids, so an
    /// acquire without an id is never part of a cycle, but the parts of a composite are. A locker may wait for a
    /// resource with several acquires. If it gives up the best placed one, the others are checked again.
    ///
    /// A locker waits for the holder of a resource and for all waiters that will be granted it earlier. It does not
    /// wait for a holder that the first in line preempts. Timeouts, attempts and ttls are not considered: a cycle is
    /// refused even if one of them would break it, or if a rising rank would end it by a preemption.
    ///
    /// All resources are then in one shard, whatever `shards` says. Only without a protocol: with a protocol the
    /// constructor throws `std::invalid_argument`.
    bool detect_deadlocks = false;

    /// A preempted holder that does not let go in time overruns. A warning in the log names the resource, the holder,
    /// the waiter and how long it has been waiting. The warning repeats at doubling intervals (1, 2, 4 ... times the
    /// first). `metrics::overruns` counts such holders, and `holder_snapshot` shows them.
    ///
    /// The first warning comes when the holder's `acquire_options::grace` has passed since the holder was told. If the
    /// grace is 0 or infinite, it comes after this time instead; the grace of `async_with_lock` and `async_run` is
    /// infinite. There is no warning while nobody waits.
    ///
    /// At least one millisecond. Infinite: no holder overruns, whatever its grace.
    duration overrun_after = std::chrono::seconds(1);

    /// Measures every lock and every wait. The histograms of `metrics` then include all of them, and a snapshot has the
    /// start of each (`holder_snapshot::since`, `waiter_snapshot::since`). Otherwise one in `metrics::sampling` is
    /// measured: a measurement takes two readings of the clock, a noticeable part of the cost of a lock.
    ///
    /// With a protocol every lock and wait is measured, whatever this says.
    bool measure_all = false;

    /// How many acquires may wait at once: for one resource, and for all resources of the manager. Set these limits in
    /// servers whose clients choose the names, or how often they ask. A further acquire fails at once with
    /// `errc::queue_full`. If its priority is above that of the last in line for its resource, it takes that place, and
    /// the last in line fails instead. So a flood of low-priority acquires does not lock out a higher priority. An
    /// acquire that need not wait is not counted.
    ///
    /// With a protocol every acquire waits for the answer of the store, and is counted until then.
    ///
    /// At least 1. For one resource the limit is never more than 2^25 - 1, 33 million.
    unsigned max_waiters_per_resource = unlimited;
    unsigned max_waiters = unlimited;
};

} // namespace priority_redlock

#endif
