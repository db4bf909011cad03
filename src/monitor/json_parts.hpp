// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_MONITOR_JSON_PARTS_HPP
#define PRIORITY_REDLOCK_SRC_MONITOR_JSON_PARTS_HPP

#include <priority_redlock/redis_inspection.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <cstddef>
#include <string_view>

// Parts of what `to_json` writes.

namespace priority_redlock::detail {

/// Valid UTF-8.
[[nodiscard]] boost::json::string json_name(std::string_view text);

/// A resource of a snapshot, with its first waiters.
[[nodiscard]] boost::json::object json_resource(const resource_snapshot& r, clock::time_point taken_at,
                                                std::size_t most_waiters = std::size_t(-1));

/// What the nodes say of a resource. Times are seconds from or to `now`.
[[nodiscard]] boost::json::object json_inspection(const redis_inspection& seen, redis_inspection::time_point now);

} // namespace priority_redlock::detail

#endif
