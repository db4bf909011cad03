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

/// Promises that a manager and everything it hands out stay on one implicit strand: a context that one thread runs, or
/// an `asio::strand`. Breaking the promise is undefined behaviour; a library built without NDEBUG ends the program when
/// two threads are in the manager at once.
inline constexpr single_threaded_t single_threaded{};

/// How a manager is built.
struct manager_options
{
    /// Into how many independent parts the resources are divided by their hash, so that threads meet less often. Each
    /// has a timer of its own. 1 to 1024; 0: 16, or 1 for a single-threaded manager, or to detect deadlocks. With
    /// a protocol there is one part, whatever this says.
    std::size_t shards = 0;

    /// How many resources that nobody holds or waits for are remembered per manager, so that the next acquire of them
    /// allocates nothing. Rounded up to a multiple of the shards. At most 2^24, 16 million.
    /// One whose name is longer than 1024 bytes is not remembered, so that each takes at most 1.2 kB: 5 MB in all by
    /// default.
    std::size_t idle_resources = 4096;

    /// What every acquire of the manager inherits, of whatever kind. One outside its domain is refused here: the
    /// constructor throws `std::invalid_argument`.
    acquire_options defaults{};

    /// Ageing, so that steady work of high priority does not keep the others from their turn for ever: the rank of an
    /// acquire that waits is its priority + the time since the start of its wait / this, a real number. All ranks rise
    /// alike, so the order of those who wait is fixed when they come: one of a priority that is higher by n goes ahead
    /// of all that have not waited for n intervals by then.
    ///
    /// Ranks take the place of priorities among those who wait, and against the holder: one that waits preempts it once
    /// its rank is above the holder's priority by a whole step, as a higher priority is, be their priorities equal or
    /// not. So among equals this is also the time after which a holder has to give way to one who waits. A lock is
    /// granted with the rank that has been reached, rounded up to an int, as its `lock::priority()`, which rises no
    /// further: whoever waited with its holder leaves it alone for at least one interval.
    ///
    /// At least a millisecond; infinite: off, and costs nothing. One interval for all resources of the manager. Only
    /// without a protocol: with one the constructor throws `std::invalid_argument`.
    duration ageing = infinite;

    /// An acquire whose wait would close a cycle of lockers that wait for each other fails at once with
    /// `errc::deadlock`, before anybody waits for ever; a warning in the log names the cycle. Lockers are told apart by
    /// their ids, so an acquire without one is never part of a cycle, but a composite's parts are. If a locker waits
    /// for a resource more than once and gives up the best placed of these acquires, the others are looked at anew.
    ///
    /// A locker waits for the holder of a resource and for all who will be granted it first. It does not wait for a
    /// holder that is preempted by the first in line. Timeouts, attempts and ttls are not considered: also a cycle that
    /// one of them would break is refused, or that ended in a preemption by a rank that rises.
    ///
    /// All resources are in one part then, whatever `shards` says. Only without a protocol: with one the constructor
    /// throws `std::invalid_argument`.
    bool detect_deadlocks = false;

    /// A holder that was told to go for a higher priority, and goes neither, overruns: a warning in the log names the
    /// resource, the holder, who waits for it and for how long, and comes again at intervals that double (1, 2, 4 ...
    /// of the first). `metrics::overruns` counts such holders, and `holder_snapshot` shows them.
    ///
    /// The first warning comes when the holder's `acquire_options::grace` has passed since it was told; if that is
    /// infinite, as it is for what `async_with_lock` and `async_run` do, or 0, when this has passed. None comes while
    /// nobody waits.
    ///
    /// At least a millisecond; infinite: no holder overruns, whatever its grace.
    duration overrun_after = std::chrono::seconds(1);

    /// Measures every lock and every wait: the histograms of `metrics` have all of them, and a snapshot says of each
    /// since when (`holder_snapshot::since`, `waiter_snapshot::since`). Otherwise that is so for one in
    /// `metrics::sampling`, since it costs a lock two readings of the clock, which is some part of all that it costs.
    ///
    /// With a protocol everything is measured, whatever this says.
    bool measure_all = false;

    /// How many acquires may wait at once: for one resource, and for all resources of the manager. For servers whose
    /// clients choose the names, or how often they ask. One more fails at once with `errc::queue_full`, unless its
    /// priority is above that of the last in line for its resource: then that one fails with it instead. So a flood of
    /// low priority does not lock out a higher one. An acquire that need not wait is not counted.
    ///
    /// With a protocol every acquire waits for the store's answer, and is counted until then.
    ///
    /// At least 1. For one resource it is never more than 2^26 - 1, 67 million.
    unsigned max_waiters_per_resource = unlimited;
    unsigned max_waiters = unlimited;
};

} // namespace priority_redlock

#endif
