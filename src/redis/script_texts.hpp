// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_TEXTS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_TEXTS_HPP

// The scripts that run on the nodes, put together from the files of scripts/.

#include <priority_redlock/redis_options.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace priority_redlock::detail::redis {

enum class script : std::uint8_t
{
    greet,
    obtain,   // one
    release,  // one
    commands, // any others on locks, one or more
    scan,
    provision,
    inspect,
    force_release,
};

inline constexpr std::size_t script_count = 8;

/// Of these the first, which are run all the time, are called by their hash. The others are sent with each run.
inline constexpr std::size_t hashed_scripts = 4;

using script_texts = std::array<std::string, script_count>;

/// Each with the options that do not change, for the clients of a deployment.
[[nodiscard]] script_texts make_script_texts(const redis_options& options, const std::string& deployment);

/// How long the entry of a waiter lasts in a node's queue, unless it asks again.
[[nodiscard]] inline duration entry_lease(const redis_options& options) noexcept
{
    return 3 * options.retry_interval;
}

} // namespace priority_redlock::detail::redis

#endif
