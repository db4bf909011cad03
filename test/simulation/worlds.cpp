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

constexpr habits stubborn{.grace = 200ms, .long_hold = 0.2, .stubborn = 0.3};

constexpr std::array all{
    world_options{.name = "calm", .says = "nothing goes wrong"},
    world_options{.name = "calm-features", .says = "nothing goes wrong, and users do everything", .managers = 2, .behaviour = everything},
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
