// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOGGING_HPP
#define PRIORITY_REDLOCK_LOGGING_HPP

/// @file
/// Log records have attributes, for filters and sinks of Boost.Log (examples/log_of_a_resource.cpp). Every record has
/// the first three, and those of the others that apply to it.
///
/// | attribute       | type                                  |                                                      |
/// |-----------------|---------------------------------------|------------------------------------------------------|
/// | `Severity`      | `boost::log::trivial::severity_level` | see `log_level`                                      |
/// | `Channel`       | `std::string`                         | "priority_redlock"                                   |
/// | `Event`         | `std::string`                         | what happened, see below                             |
/// | `Resource`      | `std::string`                         |                                                      |
/// | `Locker`        | `std::string`                         | a generated locker id begins with '#'                |
/// | `Priority`      | `int`                                 | of the lock, or of an acquire                        |
/// | `Token`         | `std::uint64_t`                       | `lock::fencing_token()`, once it is granted          |
/// | `Thief`         | `std::string`                         | who preempts the holder; empty: of another manager   |
/// | `ThiefPriority` | `int`                                 | present with every `Thief`                           |
/// | `Milliseconds`  | `std::int64_t`                        | `overrun`: since it was told; `ttl_refused`: the ttl |
/// | `Node`          | `std::string`                         | HOST:PORT, of the Redis library                      |
///
/// The events, by severity:
///
/// - debug: `granted`, `waiting`, `refused` (an acquire that waited), and the states in which a lock ends or begins to
///   end: `revoking`, `preempted`, `released`, `expired`
/// - info: `node_votes`, `quorum` (Redis)
/// - warning: `overrun`, `deadlock`, `renewal_failed` (once until a renewal succeeds), `lost` (the store could not keep
///   the lock); `ttl_refused`, `node_complaint`, `no_quorum`, `force_released` (Redis)
/// - error: `failure`, for lack of resources

#include <priority_redlock/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace priority_redlock {

/// Severities of the library's log records. They have the meaning and the order of
/// `boost::log::trivial::severity_level`, which is the type of the "Severity" attribute.
enum class log_level : std::uint8_t
{
    /// One line per grant, wait, preemption, expiry and release.
    debug = 1,
    info = 2,
    /// Events that a person should look at. The default.
    warning = 3,
    error = 4,
    /// No records.
    off = 6,
};

namespace detail {
extern PRIORITY_REDLOCK_DECL std::atomic<log_level> current_log_level;
}

/// Sets the lowest severity that the library passes on to Boost.Log, on channel "priority_redlock". Sinks and filters
/// of the program decide what happens to the records. Takes effect at once, from any thread. A record below this
/// severity costs one relaxed load.
inline void set_log_level(log_level lowest) noexcept
{
    detail::current_log_level.store(lowest, std::memory_order_relaxed);
}

/// The lowest severity that is passed on.
[[nodiscard]] inline log_level get_log_level() noexcept
{
    return detail::current_log_level.load(std::memory_order_relaxed);
}

} // namespace priority_redlock

#endif
