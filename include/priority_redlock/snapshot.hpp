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

/// An acquire that waits.
struct waiter_snapshot
{
    std::string locker_id;

    /// With `manager_options::ageing` the rank that it has reached, rounded up.
    int priority = 0;

    /// What those who wait are ordered by: the priority, and with `manager_options::ageing` more than that.
    double rank = 0;

    /// When it began to wait, if that was measured (`manager_options::measure_all`). Otherwise
    /// `clock::time_point::max()`.
    clock::time_point since = clock::time_point::max();

    /// Those of the lock that it waits for.
    duration ttl = infinite;
    duration grace{};
};

/// For whom a holder has to go.
struct thief_snapshot
{
    /// Empty: not known, a locker of another manager.
    std::string locker_id;

    /// With `manager_options::ageing` the rank that it has reached.
    int priority = 0;
};

/// Who holds a resource at the moment of a snapshot.
struct holder_snapshot
{
    /// Its locker id; a generated one begins with '#'.
    std::string locker_id;

    /// The highest priority of its handles.
    int priority = 0;

    /// `held` or `revoking`.
    lock_state state = lock_state::held;

    /// Handles that have not been released: more than one if the locker is re-entrant, none while notice handlers of
    /// released ones still run.
    std::size_t handles = 0;

    /// See `lock::fencing_token()`.
    std::uint64_t fencing_token = 0;

    /// When it was granted the lock, if that was measured (`manager_options::measure_all`). Otherwise
    /// `clock::time_point::max()`.
    clock::time_point since = clock::time_point::max();

    /// When its ttl ends; `clock::time_point::max()` if never.
    clock::time_point expires_at = clock::time_point::max();

    /// How long it may go on once it is told to go: the longest of its handles.
    duration grace{};

    /// `revoking`: when it was told to go. Otherwise `clock::time_point::max()`.
    clock::time_point told_at = clock::time_point::max();

    /// `revoking`: whom it keeps waiting: who took the lock, or if that has given up the best waiter. None if nobody
    /// waits any more. With a protocol it may be of another manager, and is named until the resource is free.
    std::optional<thief_snapshot> thief;
};

/// A resource that is held or waited for.
struct resource_snapshot
{
    std::string resource;

    /// Empty locker id and no handles: nobody holds it at this moment.
    holder_snapshot holder;

    /// In the order in which they would be granted.
    std::vector<waiter_snapshot> waiters;
};

/// What `lock_manager::async_snapshot` delivers: the resources in no particular order. Each is consistent in itself;
/// two of them may be seen at different instants, between its start and `taken_at`.
struct snapshot
{
    std::vector<resource_snapshot> resources;

    /// When it was complete: not before any other time in it that has passed. By `clock`, or by that of the tests.
    clock::time_point taken_at{};
};

} // namespace priority_redlock

#endif
