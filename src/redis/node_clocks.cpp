// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_clocks.hpp"

#include <algorithm>
#include <cstdlib>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

constexpr duration shortest_window = 30ms;

constexpr duration smallest_correction = 10ms;

} // namespace

void node_clocks::learn(const call& c, const answer& a, moment now)
{
    if (a.time == 0)
        return;
    node_clock& k = clocks_[c.node];
    const duration took = now.steady - c.sent;
    const bool is_first = !k.offset;
    // The quickest answers tell the most.
    if (is_first || took <= 2 * k.round_trip)
        k.offset = a.time - (now.wall - micros(took) / 2);
    k.round_trip = is_first ? took : (k.round_trip * 7 + took) / 8;
}

std::int64_t node_clocks::corrected(moment now)
{
    std::vector<std::int64_t> offsets;
    for (const node_clock& k : clocks_)
        if (k.offset)
            offsets.push_back(*k.offset);
    if (!offsets.empty()) {
        const auto middle = offsets.begin() + static_cast<std::ptrdiff_t>(offsets.size() / 2);
        std::nth_element(offsets.begin(), middle, offsets.end());
        if (std::abs(*middle - correction_) > micros(smallest_correction))
            correction_ = *middle;
    }
    return now.wall + correction_;
}

duration node_clocks::reservation_window(std::size_t node) const noexcept
{
    return std::max(shortest_window, 4 * clocks_[node].round_trip);
}

} // namespace priority_redlock::detail::redis
