// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/world_options.hpp"

#include <algorithm>
#include <array>

namespace simulation {

namespace {

/// What users do that use all there is.
constexpr habits everything{.lenient = 0.2,
                            .at_once = 0.1,
                            .once = 0.1,
                            .attempts = 0.1,
                            .timeout = 0.1,
                            .cancelled = 0.1,
                            .leased = 0.2,
                            .renewed = 0.3,
                            .extended = 0.3,
                            .long_hold = 0.1,
                            .deeper = 0.2,
                            .shared_locker = 0.1};

constexpr habits composites{.resources = 3,
                            .timeout = 0.1,
                            .cancelled = 0.1,
                            .leased = 0.2,
                            .extended = 0.2,
                            .deeper = 0.1,
                            .composite = 0.4};

/// Nobody lets go early, so that waiters of one manager wait for longer than clocks may be apart.
constexpr habits long_waits{.priorities = 1, .hold = 500ms, .least_ttl = 1s, .longest_ttl = 2s};

constexpr habits impatient{.hold = 300ms, .least_ttl = 1s, .longest_ttl = 2s, .at_once = 0.4, .once = 0.4};

constexpr std::array all{
    world_options{.name = "calm", .says = "nothing goes wrong"},
    world_options{.name = "calm-features",
                  .says = "nothing goes wrong, and users do everything",
                  .managers = 2,
                  .behaviour = everything},
    world_options{.name = "long-waits",
                  .says = "several wait in each manager, for longer than clocks may be apart",
                  .users = 3,
                  .behaviour = long_waits,
                  .faults_last = 8s},
    world_options{.name = "impatient-dead",
                  .says = "one of three nodes is down, and most do not wait",
                  .nodes = 3,
                  .behaviour = impatient,
                  .dead_nodes = 1},
    world_options{.name = "impatient-dead-4",
                  .says = "one of four nodes is down, and most do not wait",
                  .nodes = 4,
                  .behaviour = impatient,
                  .dead_nodes = 1},
    world_options{.name = "impatient-dead-5",
                  .says = "two of five nodes are down, and most do not wait",
                  .nodes = 5,
                  .behaviour = impatient,
                  .dead_nodes = 2},
    world_options{.name = "composites", .says = "several locks as one", .managers = 2, .behaviour = composites},
};

} // namespace

std::span<const world_options> worlds()
{
    return all;
}

const world_options* find_world(std::string_view name)
{
    const auto it = std::ranges::find(all, name, &world_options::name);
    return it == all.end() ? nullptr : &*it;
}

} // namespace simulation
