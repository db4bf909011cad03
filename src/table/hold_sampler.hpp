// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Measures for how long resources are held.
//
// To read the clock costs as much as the rest of a step. So one hold in `metrics::sampling` is measured, or all if that
// is asked for. When those were granted is kept here and not in the resources, most of which are not measured.

#ifndef PRIORITY_REDLOCK_SRC_HOLD_SAMPLER_HPP
#define PRIORITY_REDLOCK_SRC_HOLD_SAMPLER_HPP

#include "table/resource.hpp"

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/metrics.hpp>

#include <bit>
#include <cstdint>
#include <vector>

namespace priority_redlock::detail {

static_assert(std::has_single_bit(metrics::sampling));

/// Since when the resources are held whose hold is measured.
class hold_sampler
{
public:
    explicit hold_sampler(bool measures_all) noexcept : unsampled_(measures_all ? 0 : metrics::sampling - 1) {}

    [[nodiscard]] bool is_sampled(std::uint64_t count) const noexcept { return (count & unsampled_) == 0; }

    /// Of how many one is measured.
    [[nodiscard]] std::uint64_t one_in() const noexcept { return unsampled_ + 1; }

    /// A grant that is to be measured may not allocate. So there is always room for those that may come before the next
    /// call, or they are not measured.
    void make_room(std::uint64_t grants) noexcept
    try {
        while (free_.size() < grants) {
            if (free_.capacity() <= granted_at_.size())
                free_.reserve(2 * granted_at_.size() + 8);
            granted_at_.emplace_back();
            free_.push_back(static_cast<std::uint32_t>(granted_at_.size() - 1));
        }
    } catch (...) {
    }

    void begin(resource& r, const step_time& now) noexcept
    {
        if (free_.empty())
            return;
        r.place = free_.back();
        free_.pop_back();
        granted_at_[r.place] = now();
    }

    /// How long it was held. Only of a resource that is measured.
    [[nodiscard]] duration end(resource& r, const step_time& now) noexcept
    {
        const duration held = now() - granted_at_[r.place];
        free_.push_back(r.place);
        r.place = resource::nowhere;
        return held;
    }

    /// Since when a resource that is held or revoking is held; never if that is not measured.
    [[nodiscard]] time_point since(const resource& r) const noexcept
    {
        return r.place == resource::nowhere ? never : granted_at_[r.place];
    }

private:
    const std::uint64_t unsampled_; // the bits of a count that are 0 where it is measured: none if everything is
    std::vector<time_point> granted_at_;
    std::vector<std::uint32_t> free_; // has room for all
};

} // namespace priority_redlock::detail

#endif
