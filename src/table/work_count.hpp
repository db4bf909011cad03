// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What a step of the table costs: how many objects it looks at. Steps run under a mutex, so that each has a bound,
// which doc/design.md says. A debug build counts, and a suite compares the counts.

#ifndef PRIORITY_REDLOCK_SRC_WORK_COUNT_HPP
#define PRIORITY_REDLOCK_SRC_WORK_COUNT_HPP

#include <priority_redlock/detail/config.hpp>

#include <cstdint>

namespace priority_redlock::detail {

#ifdef NDEBUG

inline void count_work() noexcept {}

#else

/// Comparisons, and visits of objects in a list, by the steps of this thread.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::uint64_t work_done() noexcept;

PRIORITY_REDLOCK_DECL void count_work() noexcept;

#endif

} // namespace priority_redlock::detail

#endif
