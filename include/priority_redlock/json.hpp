// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_JSON_HPP
#define PRIORITY_REDLOCK_JSON_HPP

/// @file
/// Snapshots and metrics as JSON, with Boost.JSON. An HTTP server answers with `boost::json::serialize(to_json(...))`.
/// These functions are in a separate library, priority_redlock::monitor.
///
/// JSON members have the names of the C++ members. Points in time of the clock mean nothing in another process. They
/// are written as durations in seconds, from or to `snapshot::taken_at`. null means infinite, never, or unknown. Names
/// may come from anywhere, so bytes that are not valid UTF-8 are replaced by U+FFFD.
///
/// Throws `std::bad_alloc` only. Thread safety: distinct objects: safe; shared objects: safe.

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/metrics.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/json/object.hpp>

namespace priority_redlock {

/// For example, with a holder that was told to go 0.5 seconds ago:
/// @code
/// {"resources": [
///   {"resource": "printer",
///    "holder": {"locker_id": "alice", "priority": 1, "state": "revoking", "handles": 1,
///               "fencing_token": 1764547200000001, "held_seconds": 8.5, "expires_in_seconds": null,
///               "grace_seconds": 1.0, "told_seconds_ago": 0.5, "thief": {"locker_id": "bob", "priority": 2}},
///    "waiters": [{"locker_id": "bob", "priority": 2, "rank": 2.0, "waiting_seconds": 0.5,
///                 "ttl_seconds": 10.0, "grace_seconds": null}]}]}
/// @endcode
/// `holder` is null if nobody holds the resource. `told_seconds_ago` is null if the holder was not told to go. `thief`
/// is null if nobody waits for the holder to go, and its `locker_id` is null if it belongs to another manager. A
/// `fencing_token` is an integer. JavaScript reads integers exactly up to 2^53; tokens of locks in memory stay below
/// that until the year 2255.
[[nodiscard]] PRIORITY_REDLOCK_DECL boost::json::object to_json(const snapshot& seen);

/// The counters and gauges of `metrics` as integers, `"grants": 7` and so on, and its histograms as
/// @code
/// "wait_time": {"count": 640, "sampled": 10, "sum_seconds": 0.25,
///               "buckets": [{"up_to_seconds": 1e-06, "count": 3}, ..., {"up_to_seconds": null, "count": 0}]}
/// @endcode
/// Buckets are not cumulative: each counts the durations above the bound of the previous bucket. Their counts add up to
/// `sampled`.
[[nodiscard]] PRIORITY_REDLOCK_DECL boost::json::object to_json(const metrics& values);

} // namespace priority_redlock

#endif
