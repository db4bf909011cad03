// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/explorer.hpp"

#include <algorithm>
#include <array>

namespace simulation {

namespace {

/// Two thieves, of which the second outranks the first.
constexpr std::array holder_and_thieves{
    errand{.client = 0, .at = 2ms, .options = {.priority = 0}, .hold = 20ms},
    errand{.client = 1, .at = 4ms, .options = {.priority = 1}, .hold = 2ms},
    errand{.client = 2, .at = 4ms, .options = {.priority = 2}, .hold = 2ms},
};

/// A lock that is held while a node can restart and be reached again.
constexpr std::array long_hold{
    errand{.client = 0, .at = 2ms, .hold = 300ms},
    errand{.client = 1, .at = 90ms, .hold = 5ms},
};

/// Each third of the ttl it is renewed, five times at most.
constexpr std::array renewal{
    errand{.client = 0, .at = 2ms, .options = {.ttl = 60ms, .auto_extend = true, .max_hold = 300ms}, .hold = 70ms},
    errand{.client = 1, .at = 10ms, .options = {.ttl = 60ms}, .hold = 5ms},
};

/// All ask at once, so that none may have a quorum.
constexpr std::array split_votes{
    errand{.client = 0, .at = 2ms, .hold = 2ms},
    errand{.client = 1, .at = 2ms, .hold = 2ms},
    errand{.client = 2, .at = 2ms, .options = {.priority = 1}, .hold = 2ms},
};

/// Two wait for the holder to go.
constexpr std::array hand_over{
    errand{.client = 0, .at = 2ms, .hold = 10ms},
    errand{.client = 1, .at = 4ms, .hold = 2ms},
    errand{.client = 2, .at = 6ms, .hold = 2ms},
};

/// The first in line leaves the holder alone. One behind it would not.
constexpr std::array lenient{
    errand{.client = 0, .at = 2ms, .options = {.priority = 0}, .hold = 20ms},
    errand{.client = 1, .at = 4ms, .options = {.priority = 2, .preempt = false}, .hold = 2ms},
    errand{.client = 2, .at = 5ms, .options = {.priority = 1}, .hold = 2ms},
};

/// Two locks at once, and a thief of one of them.
constexpr std::array composite{
    errand{.client = 0, .at = 2ms, .composite = true, .hold = 10ms},
    errand{.client = 1, .at = 4ms, .resource = 1, .options = {.priority = 1}, .hold = 2ms},
    errand{.client = 2, .at = 5ms, .composite = true, .hold = 2ms},
};

/// Some give up: what they had asked for must not stay.
constexpr std::array impatient{
    errand{.client = 0, .at = 2ms, .hold = 20ms},
    errand{.client = 1, .at = 4ms, .options = {.timeout = 8ms}, .hold = 2ms},
    errand{.client = 1, .at = 30ms, .options = {.priority = 1}, .hold = 300ms},
    errand{.client = 0, .at = 600ms, .options = {.priority = 1, .timeout = 0ms}, .hold = 2ms},
};

constexpr world_options scenario(std::string_view name, std::string_view says, std::span<const errand> errands,
                                 duration until, std::size_t nodes = 3)
{
    return {.name = name,
            .says = says,
            .nodes = nodes,
            .processes = 2,
            .users = 1,
            .behaviour = {.resources = 2},
            .errands = errands,
            .explored = true,
            .faults_last = until,
            .calm_lasts = 1s,
            .lost_push = 0.25};
}

constexpr std::array all{
    scenario("holder-and-thieves", "a holder, and two thieves", holder_and_thieves, 40ms),
    scenario("split-votes", "three ask at once, so that rounds yield", split_votes, 30ms),
    scenario("hand-over", "two wait, and the lock is reserved for one of them", hand_over, 40ms),
    scenario("lenient", "the first in line does not preempt, the next would", lenient, 40ms),
    scenario("renewal", "a lock renews itself, and another client waits", renewal, 90ms),
    scenario("restart", "a lock is held for longer than a node takes to restart", long_hold, 110ms),
    scenario("restart-alone", "the same with a single node", long_hold, 110ms, 1),
    scenario("composite", "two locks as one, and a thief of one of them", composite, 40ms),
    scenario("impatient", "one gives up, and what it has sent may arrive late", impatient, 60ms),
};

} // namespace

std::span<const world_options> scenarios()
{
    return all;
}

const world_options* find_scenario(std::string_view name)
{
    const auto it = std::ranges::find(all, name, &world_options::name);
    return it == all.end() ? nullptr : &*it;
}

} // namespace simulation
