// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_DEPLOYMENT_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_DEPLOYMENT_HPP

// What a deployment is: its nodes, and the options that all its clients share.

#include <priority_redlock/redis_options.hpp>

#include <boost/redis/config.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace priority_redlock::detail::redis {

/// Throws `std::invalid_argument`, which names what is wrong.
void check_deployment(const std::vector<boost::redis::config>& nodes, const redis_options& options);

/// What all clients of a deployment agree on, as the marker of a node has it.
[[nodiscard]] std::string deployment_text(std::size_t nodes, const redis_options& options);

/// What the log and errors call the nodes.
/// When a server is tried again that cannot take part. A lock should not fail for want of a try.
[[nodiscard]] duration pause_after_refusal(const redis_options& options) noexcept;

[[nodiscard]] std::vector<std::string> names_of(const std::vector<boost::redis::config>& nodes);

} // namespace priority_redlock::detail::redis

#endif
