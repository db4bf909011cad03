// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_ACQUIRE_OVERRIDES_HPP
#define PRIORITY_REDLOCK_ACQUIRE_OVERRIDES_HPP

#include <priority_redlock/acquire_options.hpp>

#include <optional>

namespace priority_redlock {

/// Those acquire options that differ from what was said before: a locker's from its manager's, a run's from its
/// locker's, a recovery's from its run's. Fields that are not named inherit.
/// `auto_extend` and `max_hold` cannot be overridden: they are those of `manager_options::defaults`.
///
/// @code
/// locker party(manager, "bath bulb", bulb, {.ttl = 1h});
/// @endcode
struct acquire_overrides
{
    /// See `acquire_options::priority`.
    std::optional<int> priority{};

    /// See `acquire_options::ttl`.
    std::optional<duration> ttl{};

    /// See `acquire_options::timeout`.
    std::optional<duration> timeout{};

    /// See `acquire_options::max_attempts`.
    std::optional<unsigned> max_attempts{};

    /// See `acquire_options::grace`. Transactions, which are cancelled and unwind, have an unlimited one whatever this
    /// says.
    std::optional<duration> grace{};

    /// The options with these changes.
    [[nodiscard]] constexpr acquire_options apply_to(acquire_options options) const noexcept
    {
        options.priority = priority.value_or(options.priority);
        options.ttl = ttl.value_or(options.ttl);
        options.timeout = timeout.value_or(options.timeout);
        options.max_attempts = max_attempts.value_or(options.max_attempts);
        options.grace = grace.value_or(options.grace);
        return options;
    }
};

} // namespace priority_redlock

#endif
