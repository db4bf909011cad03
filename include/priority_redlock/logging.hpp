// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOGGING_HPP
#define PRIORITY_REDLOCK_LOGGING_HPP

/// @file
/// What a record is about are attributes, for filters and sinks of Boost.Log (examples/log_of_a_resource.cpp). Every
/// record has the first three; of the others those that it is about.
///
/// | attribute       | type                                  |                                                      |
/// |-----------------|---------------------------------------|------------------------------------------------------|
/// | `Severity`      | `boost::log::trivial::severity_level` | see `log_level`                                      |
/// | `Channel`       | `std::string`                         | "priority_redlock"                                   |
/// | `Event`         | `std::string`                         | what happened, see below                             |
/// | `Resource`      | `std::string`                         |                                                      |
/// | `Locker`        | `std::string`                         | a generated locker id begins with '#'                |
/// | `Priority`      | `int`                                 | the lock's, or what an acquire asks for              |
/// | `Token`         | `std::uint64_t`                       | `lock::fencing_token()`, once it is granted          |
/// | `Thief`         | `std::string`                         | for whom a holder goes; empty: of another manager    |
/// | `ThiefPriority` | `int`                                 | wherever there is a `Thief`                          |
/// | `Milliseconds`  | `std::int64_t`                        | `overrun`: since it was told; `ttl_refused`: the ttl |
/// | `Node`          | `std::string`                         | HOST:PORT, of the Redis library                      |
///
/// The events, by severity:
///
/// - debug: `granted`, `waiting`, `refused` (an acquire that waited), and the states in which a lock ends or begins to:
///   `revoking`, `preempted`, `released`, `expired`
/// - info: `node_votes`, `quorum` (Redis)
/// - warning: `overrun`, `deadlock`, `renewal_failed` (once until one succeeds), `lost` (a lock that its store could
/// not
///   keep); `ttl_refused`, `node_complaint`, `no_quorum`, `force_released` (Redis)
/// - error: `failure`, for want of resources

#include <priority_redlock/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace priority_redlock {

/// Severities of the library's log records, with the meaning and the order of `boost::log::trivial::severity_level`,
/// which is the type of their "Severity" attribute.
enum class log_level : std::uint8_t
{
    /// One line a grant, wait, preemption, expiry and release.
    debug = 1,
    info = 2,
    /// What a person should look at. The default.
    warning = 3,
    error = 4,
    /// Nothing.
    off = 6,
};

namespace detail {
extern PRIORITY_REDLOCK_DECL std::atomic<log_level> current_log_level;
}

/// Sets the lowest severity that is passed on to Boost.Log, on channel "priority_redlock"; sinks and filters of the
/// program decide what becomes of it. Takes effect at once, from any thread. Below it a record costs one relaxed load.
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
