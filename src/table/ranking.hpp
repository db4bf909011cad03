// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How ranks are compared, with ageing and without.
//
// A rank rises while its waiter waits, but all ranks rise at the same pace. So which of two is higher is the same at
// any time, and what they were at the clock's epoch decides it: priority - start / interval. This is a waiter's
// `rank_key`, which never changes. Where no rank rises it is the priority, and no clock is read.

#ifndef PRIORITY_REDLOCK_SRC_RANKING_HPP
#define PRIORITY_REDLOCK_SRC_RANKING_HPP

#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/detail/waiter.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace priority_redlock::detail {

/// The ranks of waiters: priority + (now - start) / interval.
class ranking
{
public:
    explicit ranking(duration interval) noexcept : interval_(interval) {}

    [[nodiscard]] bool rises() const noexcept { return interval_ != infinite; }

    /// Of one that starts to wait.
    [[nodiscard]] rank_key key_of(int priority, const step_time& start) const noexcept
    {
        if (!rises())
            return {priority, {}};
        const rank_key passed = split(start());
        return {priority - passed.whole, passed.rest};
    }

    /// When a rank is at least `level`. `time_point::min()`: it always was.
    [[nodiscard]] time_point reaches(const rank_key& key, std::int64_t level) const noexcept
    {
        const std::int64_t steps = level - key.whole;
        if (!rises())
            return steps > 0 ? never : time_point::min();
        const std::int64_t limit = duration::max() / interval_;
        if (steps >= limit)
            return never;
        return steps <= -limit ? time_point::min() : time_point(steps * interval_ + key.rest);
    }

    /// A rank as a priority: rounded up, to at most the highest int.
    [[nodiscard]] int priority_at(const rank_key& key, const step_time& now) const noexcept
    {
        if (!rises())
            return static_cast<int>(key.whole);
        const rank_key passed = split(now());
        const std::int64_t rank = key.whole + passed.whole + (key.rest < passed.rest ? 1 : 0);
        return static_cast<int>(std::min<std::int64_t>(rank, std::numeric_limits<int>::max()));
    }

    /// A rank, for people.
    [[nodiscard]] double rank_at(const rank_key& key, const step_time& now) const noexcept
    {
        if (!rises())
            return static_cast<double>(key.whole);
        const rank_key passed = split(now());
        return static_cast<double>(key.whole + passed.whole)
               + static_cast<double>((passed.rest - key.rest).count()) / static_cast<double>(interval_.count());
    }

private:
    /// How many intervals a time is after the epoch, and what is left.
    [[nodiscard]] rank_key split(time_point t) const noexcept
    {
        const duration passed = t.time_since_epoch();
        rank_key result{passed / interval_, passed % interval_};
        if (result.rest < duration::zero()) { // a clock may begin below its epoch
            --result.whole;
            result.rest += interval_;
        }
        return result;
    }

    const duration interval_;
};

} // namespace priority_redlock::detail

#endif
