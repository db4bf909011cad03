// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_REPORT_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_REPORT_HPP

#include "charts.hpp"
#include "result.hpp"
#include "scenario.hpp"

#include <string>
#include <vector>

namespace contention {

/// How the results came about.
struct origin
{
    std::string source;  ///< the scenario as it was written
    std::string command; ///< what was typed
    std::string date;
};

/// One self-contained page of HTML.
[[nodiscard]] std::string write_report(const scenario& s, const origin& from, const std::vector<run_result>& runs,
                                       const std::vector<chart>& charts);

} // namespace contention

#endif
