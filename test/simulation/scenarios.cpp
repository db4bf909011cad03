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

// The edge cases. p1 is the victim, p2 the thief; p3 waits, too, with a lower or a higher priority. Each has had the
// lock before, so that all are connected and the nodes know the scripts.

constexpr errand first_visit(std::size_t client)
{
    return {.client = client, .at = 2ms + 2ms * static_cast<int>(client), .hold = 100us};
}

/// What the victim takes at 8 ms. It needs 3 ms to clean up.
constexpr errand victim(duration ttl = priority_redlock::infinite)
{
    return {.client = 0, .at = 8ms, .options = {.priority = 1, .ttl = ttl}, .hold = 1s, .cleanup = 3ms};
}

constexpr errand waiter(std::size_t client, duration at, int priority, duration hold = 5ms)
{
    return {.client = client, .at = at, .options = {.priority = priority}, .hold = hold};
}

constexpr std::array thief_crashes{first_visit(0), first_visit(1),     first_visit(2),
                                   victim(),       waiter(1, 10ms, 2), waiter(2, 12ms, 0, 1s)};
constexpr std::array crash_of_the_thief{
    incident{.what = incident::kind::crash, .at = 11ms, .process = 1},
};

constexpr std::array victim_unreachable{first_visit(0), first_visit(1), victim(100ms), waiter(1, 10ms, 2, 1s)};
constexpr std::array isolation_of_the_victim{
    incident{.what = incident::kind::isolation, .at = 9ms, .process = 0, .lasts = 150ms},
};

constexpr std::array acknowledgement_lost{first_visit(0), first_visit(1), victim(), waiter(1, 10ms, 2, 1s)};
/// The release is sent at 13.1 ms. One node is not reached, of another the answer is lost.
constexpr std::array loss_of_the_acknowledgement{
    incident{.what = incident::kind::disconnection, .at = 13'120us, .process = 0, .node = 2},
    incident{.what = incident::kind::disconnection, .at = 13'170us, .process = 0, .node = 1},
};

constexpr std::array chain_of_thieves{first_visit(0), first_visit(1),          first_visit(2),
                                      victim(),       waiter(1, 10ms, 2, 2ms), waiter(2, 11ms, 3, 2ms)};

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

constexpr edge_case shown(std::string_view name, std::string_view says, std::span<const errand> errands,
                          std::span<const incident> incidents, std::size_t nodes, duration from, duration until)
{
    world_options w = scenario(name, says, errands, 1s, nodes);
    w.processes = 3;
    w.incidents = incidents;
    return {w, from, until};
}

constexpr std::array all_edge_cases{
    shown("thief-crashes", "the thief crashes before it is granted", thief_crashes, crash_of_the_thief, 3, 9ms, 50ms),
    shown("victim-unreachable", "the victim cannot be reached", victim_unreachable, isolation_of_the_victim, 3, 8500us,
          165ms),
    shown("acknowledgement-lost", "the release of the victim is lost on its way", acknowledgement_lost,
          loss_of_the_acknowledgement, 3, 9ms, 75ms),
    shown("chain-of-thieves", "a thief comes while the victim of another goes", chain_of_thieves, {}, 1, 9ms, 23ms),
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

std::span<const edge_case> edge_cases()
{
    return all_edge_cases;
}

const edge_case* find_edge_case(std::string_view name)
{
    const auto it = std::ranges::find(all_edge_cases, name, [](const edge_case& c) { return c.world.name; });
    return it == all_edge_cases.end() ? nullptr : &*it;
}

} // namespace simulation
