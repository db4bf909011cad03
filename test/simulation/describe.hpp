// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_DESCRIBE_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_DESCRIBE_HPP

#include "redis/call.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace simulation {

// Messages in words, for the diagrams. An acquisition is called by its process, manager and number, as p2.1:7.

[[nodiscard]] std::string describe(const std::vector<priority_redlock::detail::redis::call>& calls);
[[nodiscard]] std::string describe(const priority_redlock::detail::redis::answer& a);
[[nodiscard]] std::string describe(const priority_redlock::detail::redis::call& c,
                                   const priority_redlock::detail::redis::answer& a);

/// With readable names of acquisitions.
[[nodiscard]] std::string readable(std::string_view text);

} // namespace simulation

#endif
