// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_REDIS_STORE_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_REDIS_STORE_HPP

#include "scenario.hpp"
#include "stores.hpp"

#include <memory>

namespace contention {

/// Servers of its own on the loopback interface, or those that the scenario names.
/// @throws std::runtime_error a server does not start
[[nodiscard]] std::unique_ptr<store> make_redis_store(const scenario& s);

} // namespace contention

#endif
