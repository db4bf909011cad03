// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_ENVIRONMENT_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_ENVIRONMENT_HPP

#include <string>

namespace contention {

/// What figures depend on: machine, system, compiler, Boost.
[[nodiscard]] std::string describe_environment();

} // namespace contention

#endif
