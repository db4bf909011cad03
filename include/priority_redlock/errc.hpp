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

/// Errors of this library. Each tells why an operation ended; its message tells what to do about it.
///
/// Two outcomes use Asio's own code instead. `lock::async_wait` completes with `boost::asio::error::operation_aborted`
/// if the lock is preempted and if the wait is cancelled (`lock::state()` tells these apart). `async_with_lock` and
/// `async_run` hold the lock for you, and report a preemption to their caller as `preempted`. Both codes equal the
/// condition `boost::system::errc::operation_canceled`: one comparison with it catches every preemption and every
/// cancellation.
enum class errc : int
{
    /// `acquire_options::timeout` passed before the lock was granted. Counted from the start of the acquire.
    acquire_timeout = 1,

    /// All `acquire_options::max_attempts` were used up while another locker held the resource.
    already_acquired = 2,

    /// The lock's ttl ran out before its owner released it.
    expired = 3,

    /// The lock could not be kept: the protocol no longer has a quorum for it, or its store lost it.
    lost = 4,

    /// The operation needs a held lock, and this one is empty, was released or has ended.
    not_held = 5,

    /// An argument is outside its domain; nothing was changed.
    invalid_argument = 6,

    /// The wait would close a cycle of lockers that wait for each other.
    deadlock = 7,

    /// For `quorum_timeout`, too few nodes answered and were allowed to vote. A node that is new or was restarted does
    /// not vote at first. This error says nothing about who holds the lock.
    no_quorum = 8,

    /// The manager was closed by `close()` and grants no more locks.
    manager_closed = 9,

    /// A higher priority took the lock while the library ran your work under it, and the work was cancelled. Equals
    /// `boost::system::errc::operation_canceled`, as `boost::asio::error::operation_aborted` does.
    preempted = 10,

    /// The queue is full: `manager_options::max_waiters_per_resource` or `max_waiters` is reached, and no waiter for
    /// this resource has a lower priority. Or this acquire was waiting, and one with a higher priority took its place.
    queue_full = 11,
};

/// Classes of errors, for callers that react to a kind of failure rather than to a single code.
enum class condition : int
{
    /// A held lock ended, and not by its owner: `preempted`, `expired`, `lost`.
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

/// Makes an `error_code` of a code.
[[nodiscard]] inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
}

/// Makes an `error_condition` of a condition.
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
