// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How the benchmarks sum up their repetitions and hold them against goals.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_VERDICTS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_VERDICTS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace bench {

/// The row's own name, without what Google Benchmark adds.
inline std::string row_of(const std::string& benchmark_name)
{
    return benchmark_name.substr(0, benchmark_name.find("/iterations:"));
}

/// @param values not empty
inline double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

enum class bound
{
    at_most,
    at_least
};

inline void print_verdict_header()
{
    std::printf("\n%-84s %8s %17s\n", "goals", "measured", "goal");
}

inline void print_verdict(const std::string& what, double measured, bound side, double goal)
{
    const bool met = side == bound::at_most ? measured <= goal : measured >= goal;
    std::printf("%-84s %8.2f %8s %8.2f  %s\n", what.c_str(), measured, side == bound::at_most ? "at most" : "at least",
                goal, met ? "met" : "missed");
}

} // namespace bench

#endif
