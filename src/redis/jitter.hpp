// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_JITTER_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_JITTER_HPP

#include <priority_redlock/protocol.hpp>

#include <cstdint>
#include <random>

namespace priority_redlock::detail::redis {

/// Makes durations differ at random, so that clients that failed together do not come back together.
class jitter
{
public:
    explicit jitter(std::uint64_t seed) : random_(static_cast<std::minstd_rand::result_type>(seed)) {}

    /// Between 90 and 110 % of it.
    [[nodiscard]] duration operator()(duration d) { return d * static_cast<int>(90 + random_() % 21) / 100; }

    /// Between half of it and all of it: after a few of them clients that failed together are far apart.
    [[nodiscard]] duration spread(duration d) { return d / 100 * static_cast<int>(50 + random_() % 51); }

private:
    std::minstd_rand random_;
};

} // namespace priority_redlock::detail::redis

#endif
