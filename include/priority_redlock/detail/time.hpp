// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_TIME_HPP
#define PRIORITY_REDLOCK_DETAIL_TIME_HPP

#include <priority_redlock/acquire_options.hpp>

#include <utility>

namespace priority_redlock::detail {

using time_point = clock::time_point;

inline constexpr time_point never = time_point::max();

/// t + d, where an infinite d gives never.
[[nodiscard]] constexpr time_point saturating_add(time_point t, duration d) noexcept
{
    return d >= never - t ? never : t + d;
}

/// The time of one step. Either known, or read from a clock when it is first asked for: most steps need none, and
/// reading a clock costs as much as the rest of them.
class step_time
{
public:
    step_time(time_point known) noexcept : time_(known) {}
    explicit step_time(time_point (*read)()) noexcept : read_(read) {}

    [[nodiscard]] time_point operator()() const
    {
        if (read_)
            time_ = std::exchange(read_, nullptr)();
        return time_;
    }

private:
    mutable time_point time_;
    mutable time_point (*read_)() = nullptr;
};

/// Whether a time has come. What never comes does not ask for the time.
[[nodiscard]] inline bool is_due(time_point t, const step_time& now)
{
    return t != never && t <= now();
}

} // namespace priority_redlock::detail

#endif
