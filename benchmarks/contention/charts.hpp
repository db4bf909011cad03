// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The pictures of a report, drawn by gnuplot.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_CHARTS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_CHARTS_HPP

#include "result.hpp"
#include "scenario.hpp"

#include <string>
#include <vector>

namespace contention {

struct chart
{
    std::string id;
    std::string title;
    std::string caption; ///< how to read it
    std::string svg;     ///< an svg element; empty: there was nothing to draw
};

/// How long who waited, what was served over time, and for each run who held the hot resource.
/// @throws std::runtime_error gnuplot failed
[[nodiscard]] std::vector<chart> draw_charts(const scenario& s, const std::vector<run_result>& runs);

} // namespace contention

#endif
