// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_PRESETS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_PRESETS_HPP

#include <span>
#include <string_view>

namespace contention {

/// A scenario that comes with the program: a file of presets/.
struct preset
{
    std::string_view name;
    std::string_view text;
};

[[nodiscard]] std::span<const preset> presets() noexcept;

} // namespace contention

#endif
