// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "result.hpp"

#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <cmath>

namespace contention {

double spread::percentile(double share) const noexcept
{
    const double rank = std::ceil(share * static_cast<double>(count));
    double seen = 0;
    for (const auto& [bound, n] : buckets)
        if ((seen += n) >= rank)
            return std::min(bound, max_us);
    return max_us;
}

void spread::summarise() noexcept
{
    p50_us = percentile(0.5);
    p90_us = percentile(0.9);
    p99_us = percentile(0.99);
    p999_us = percentile(0.999);
}

std::uint64_t run_result::granted() const noexcept
{
    std::uint64_t sum = 0;
    for (const group_result& g : groups)
        sum += g.granted;
    return sum;
}

std::uint64_t run_result::completed() const noexcept
{
    std::uint64_t sum = 0;
    for (const group_result& g : groups)
        sum += g.completed();
    return sum;
}

boost::json::value to_json(const run_result& r)
{
    return boost::json::value_from(r);
}

run_result run_result_from_json(const boost::json::value& value)
{
    return boost::json::value_to<run_result>(value);
}

} // namespace contention
