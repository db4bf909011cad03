// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_ACQUIRE_SETTINGS_HPP
#define PRIORITY_REDLOCK_DETAIL_ACQUIRE_SETTINGS_HPP

#include <priority_redlock/acquire_options.hpp>

#include <chrono>
#include <string>

namespace priority_redlock::detail {

/// The options of an acquire, with all that they inherit. The initial values are those of the library.
struct acquire_settings
{
    int priority = 0;
    bool preempt = true;
    duration ttl = infinite;
    duration timeout = infinite;
    unsigned max_attempts = unlimited;
    duration grace = std::chrono::seconds(1);
    bool auto_extend = false;
    duration max_hold = infinite;

    /// Whether every value is in its domain.
    [[nodiscard]] constexpr bool is_valid() const noexcept
    {
        return ttl > duration::zero() && timeout >= duration::zero() && grace >= duration::zero() && max_attempts != 0
               && max_hold >= duration::zero() && !(auto_extend && max_hold < ttl);
    }
};

/// The settings that come of options which inherit from these.
[[nodiscard]] constexpr acquire_settings resolve(const acquire_options& options,
                                                 acquire_settings inherited = {}) noexcept
{
    override_by(inherited, options);
    return inherited;
}

/// The options of locks for work that the library runs.
/// It acknowledges a preemption by unwinding, however long that takes.
[[nodiscard]] inline acquire_options without_grace_limit(acquire_options options) noexcept
{
    if (options.grace.value_or(duration::zero()) >= duration::zero()) // an invalid one is the manager's to refuse
        options.grace = infinite;
    return options;
}

/// A part of an acquire of several resources.
struct part_request
{
    std::string resource;
    acquire_settings options;
};

} // namespace priority_redlock::detail

#endif
