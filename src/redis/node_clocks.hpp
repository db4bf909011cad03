// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_NODE_CLOCKS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_NODE_CLOCKS_HPP

// The clocks of the nodes, and how long a round trip to each takes.
//
// Every answer carries the node's time. The median of the nodes corrects the system's clock, from which tickets and
// tokens are made. So a client with a wrong clock neither starves others nor is starved.

#include "call.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace priority_redlock::detail::redis {

class node_clocks
{
public:
    explicit node_clocks(std::size_t nodes) : clocks_(nodes) {}

    /// From the answer to a call.
    void learn(const call& c, const answer& a, moment now);

    /// The system's clock, corrected by the median of the nodes'. What the measurement itself may be wrong by is no
    /// reason to correct it anew: tickets of one manager rise.
    [[nodiscard]] std::int64_t corrected(moment now);

    /// How long a free lock is kept for a waiter that was woken by this node.
    [[nodiscard]] duration reservation_window(std::size_t node) const noexcept;

private:
    struct node_clock
    {
        std::optional<std::int64_t> offset; // against ours, us
        duration round_trip{};
    };

    std::vector<node_clock> clocks_; // by node
    std::int64_t correction_ = 0;
};

} // namespace priority_redlock::detail::redis

#endif
