// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOCK_STATE_HPP
#define PRIORITY_REDLOCK_LOCK_STATE_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/errc.hpp>

#include <cstdint>
#include <string_view>

namespace priority_redlock {

/// The state of a `lock`. It moves from `held` to one of the final states, through `revoking` if the lock is preempted,
/// and never back.
enum class lock_state : std::uint8_t
{
    /// Default constructed, moved from, or delivered with an error: no lock at all.
    empty,

    /// The lock's locker holds the resource.
    held,

    /// Told to go for a higher priority: no longer held. The owner may clean up until its grace is over.
    revoking,

    /// Ended by its owner: `release()`, `async_release()`.
    released,

    /// Ended by a higher priority.
    preempted,

    /// Ended by its ttl.
    expired,

    /// Ended because the protocol could not keep it.
    lost,
};

/// The name of a state, as spelled in the enumeration.
[[nodiscard]] constexpr std::string_view to_string(lock_state s) noexcept
{
    switch (s) {
    case lock_state::empty: return "empty";
    case lock_state::held: return "held";
    case lock_state::revoking: return "revoking";
    case lock_state::released: return "released";
    case lock_state::preempted: return "preempted";
    case lock_state::expired: return "expired";
    case lock_state::lost: return "lost";
    }
    return "unknown";
}

namespace detail {

/// The error with which the operations of a lock in this state complete.
[[nodiscard]] PRIORITY_REDLOCK_DECL error_code reason_of(lock_state s) noexcept;

/// The reason why the end of a lock cancelled the work under it; none if it did not.
[[nodiscard]] PRIORITY_REDLOCK_DECL error_code loss_of(lock_state s) noexcept;

} // namespace detail

} // namespace priority_redlock

#endif
