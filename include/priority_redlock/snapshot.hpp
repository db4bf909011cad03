// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SNAPSHOT_HPP
#define PRIORITY_REDLOCK_SNAPSHOT_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/lock_state.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace priority_redlock {

/// A waiting acquire.
struct waiter_snapshot
{
    /// The id of the locker.
    std::string locker_id;

    /// The priority; with `manager_options::ageing` the rank that it has reached, rounded up.
    int priority = 0;

    /// The rank that orders waiters: the priority, increased by `manager_options::ageing`.
    double rank = 0;

    /// When it began to wait, if that was measured (`manager_options::measure_all`). Otherwise
    /// `clock::time_point::max()`.
    clock::time_point since = clock::time_point::max();

    /// The ttl and grace of the lock that it waits for.
    duration ttl = infinite;

    /// The grace of the acquire.
    duration grace{};
};

/// The locker for which a holder has to go.
struct thief_snapshot
{
    /// Empty if not known: a locker of another manager.
    std::string locker_id;

    /// The priority; with `manager_options::ageing` the rank that it has reached.
    int priority = 0;
};

/// The holder of a resource at the moment of a snapshot.
struct holder_snapshot
{
    /// The locker id; a generated id begins with '#'.
    std::string locker_id;

    /// The highest priority of its handles.
    int priority = 0;

    /// `held` or `revoking`.
    lock_state state = lock_state::held;

    /// Handles that have not been released: more than one after a re-entrant acquire, none while notice handlers of
    /// released handles still run.
    std::size_t handles = 0;

    /// See `lock::fencing_token()`.
    std::uint64_t fencing_token = 0;

    /// When the lock was granted, if that was measured (`manager_options::measure_all`). Otherwise
    /// `clock::time_point::max()`.
    clock::time_point since = clock::time_point::max();

    /// When its ttl ends; `clock::time_point::max()` if never.
    clock::time_point expires_at = clock::time_point::max();

    /// How long the holder may clean up once it is told to go: the longest grace of its handles.
    duration grace{};

    /// `revoking`: when it was told to go. Otherwise `clock::time_point::max()`.
    clock::time_point told_at = clock::time_point::max();

    /// `revoking`: the locker that the holder keeps waiting. This is the thief or, if the thief has given up, the best
    /// waiter. None if nobody waits any more. With a protocol it may belong to another manager, and is then named until
    /// the resource is free.
    std::optional<thief_snapshot> thief;
};

/// A resource that is held or waited for.
struct resource_snapshot
{
    /// The name of the resource.
    std::string resource;

    /// An empty locker id and no handles mean that nobody holds it at this moment.
    holder_snapshot holder;

    /// In the order in which they would be granted.
    std::vector<waiter_snapshot> waiters;
};

/// The result of `lock_manager::async_snapshot`. Resources are in no particular order. Each is consistent in itself,
/// but two of them may show different instants between the start of the operation and `taken_at`.
struct snapshot
{
    /// The resources that are held or waited for.
    std::vector<resource_snapshot> resources;

    /// When the snapshot was complete: not before any past time in it. A time of `clock`, or of the manual clock in
    /// tests.
    clock::time_point taken_at{};
};

} // namespace priority_redlock

#endif
