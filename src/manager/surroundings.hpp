// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_SURROUNDINGS_HPP
#define PRIORITY_REDLOCK_SRC_SURROUNDINGS_HPP

#include <priority_redlock/detail/time.hpp>

#include <chrono>
#include <cstdint>
#include <random>

namespace priority_redlock::detail {

/// What a shard takes from its process and machine, beside the time of its clock. A simulation has many of both in one
/// process, and specialises this for its clock.
template <class Clock>
struct surroundings
{
    /// Since 1970.
    [[nodiscard]] static duration system_time() noexcept
    {
        return std::chrono::duration_cast<duration>(std::chrono::system_clock::now().time_since_epoch());
    }

    /// That nobody else has.
    [[nodiscard]] static std::uint64_t random_number()
    {
        std::random_device source;
        return std::uint64_t{source()} << 32 | source();
    }
};

} // namespace priority_redlock::detail

#endif
