// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_ERRC_HPP
#define PRIORITY_REDLOCK_ERRC_HPP

#include <priority_redlock/detail/config.hpp>

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>

#include <type_traits>

namespace priority_redlock {

using boost::system::error_code;

/// Errors of this library. Each says why an operation ended; its message says what to do about it.
///
/// Two outcomes are reported with Asio's own code instead: a wait for a lock that is preempted and a wait that is
/// cancelled both end with `boost::asio::error::operation_aborted` (`lock::state()` tells them apart). Only where the
/// library holds the lock for its user, as `async_with_lock` and `async_run` do, their caller is told of a preemption
/// as `preempted`. Both equal the condition `boost::system::errc::operation_canceled`: one comparison with it catches
/// every form of a preemption, and of a cancellation.
enum class errc : int
{
    /// `acquire_options::timeout` passed before the lock was granted. Counted from the start of the acquire.
    acquire_timeout = 1,

    /// All of `acquire_options::max_attempts` were used up while another locker held the resource.
    already_acquired = 2,

    /// The lock's ttl ran out before its owner released it.
    expired = 3,

    /// The lock could not be kept: the protocol no longer has a quorum for it, or its store lost it.
    lost = 4,

    /// The operation needs a lock that is held, and this one is empty, released or ended.
    not_held = 5,

    /// An argument is outside its domain; nothing was changed.
    invalid_argument = 6,

    /// Waiting would close a cycle of lockers that wait for each other.
    deadlock = 7,

    /// Too few nodes answered and might vote, for `quorum_timeout`. One that is new or was restarted does not vote at
    /// first. Says nothing about who holds the lock.
    no_quorum = 8,

    /// The manager was closed by `close()`; it grants nothing any more.
    manager_closed = 9,

    /// A higher priority took the lock under which the library ran work for its user, and the work was cancelled.
    /// Equals `boost::system::errc::operation_canceled`, as `boost::asio::error::operation_aborted` does.
    preempted = 10,

    /// As many as `manager_options::max_waiters_per_resource` or `max_waiters` allows wait already, none of them for
    /// this resource with a lower priority; or an acquire with a higher one took the place.
    queue_full = 11,
};

/// Classes of errors, for callers who react to a kind of failure rather than to one code.
enum class condition : int
{
    /// A lock that was held ended without its owner's doing: `preempted`, `expired`, `lost`.
    ended = 1,

    /// Another locker has the resource: `acquire_timeout`, `already_acquired`, `queue_full`.
    busy = 2,

    /// The same call may succeed later: `busy` and `ended` codes, `deadlock`, `no_quorum`.
    retryable = 3,
};

/// The category of `errc`. Name: "priority_redlock".
[[nodiscard]] PRIORITY_REDLOCK_DECL const boost::system::error_category& category() noexcept;

/// The category of `condition`. Name: "priority_redlock.condition".
[[nodiscard]] PRIORITY_REDLOCK_DECL const boost::system::error_category& condition_category() noexcept;

[[nodiscard]] inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
}

[[nodiscard]] inline boost::system::error_condition make_error_condition(condition c) noexcept
{
    return {static_cast<int>(c), condition_category()};
}

} // namespace priority_redlock

template <>
struct boost::system::is_error_code_enum<priority_redlock::errc> : std::true_type
{
};

template <>
struct boost::system::is_error_condition_enum<priority_redlock::condition> : std::true_type
{
};

#endif
