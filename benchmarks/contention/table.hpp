// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Results for people, and for spreadsheets.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_TABLE_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_TABLE_HPP

#include "result.hpp"

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace contention {

/// With the unit that suits it: "812 ns", "12.3 µs", "4.56 ms", "1.2 s".
[[nodiscard]] std::string format_time(double us);

/// "812", "12.3 k", "4.56 M".
[[nodiscard]] std::string format_count(double n);

/// Cells by line, headings first. What was not measured is "-".
using table = std::vector<std::vector<std::string>>;

/// A line for each group.
[[nodiscard]] table group_table(const run_result& r);

/// What each column of it says: heading and meaning.
[[nodiscard]] table column_meanings();

/// A run beside another, with the ratios of the first to the second.
[[nodiscard]] table comparison_table(const run_result& ours, const run_result& theirs);

/// Who is compared.
[[nodiscard]] std::string comparison_title(const run_result& ours, const run_result& theirs);

/// Who was asked, for how long.
[[nodiscard]] std::string headline(const run_result& r);

/// What concerns all groups, and what a reader should not miss.
[[nodiscard]] std::vector<std::string> remarks(const run_result& r);

/// @param width a table that is wider is printed in parts, each of which begins with the first column
void print_table(std::ostream& out, const run_result& r, std::size_t width);

/// The first run beside each of the others.
void print_comparisons(std::ostream& out, const std::vector<run_result>& runs, std::size_t width);

/// A line for each group of each run. What was not measured is empty.
void print_csv(std::ostream& out, const std::vector<run_result>& runs);

} // namespace contention

#endif
