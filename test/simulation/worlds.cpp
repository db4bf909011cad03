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

constexpr habits stubborn{.grace = 200ms, .long_hold = 0.2, .stubborn = 0.3};

constexpr habits everything_twice{.resources = 2,
                                  .lenient = 0.2,
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
                                  .shared_locker = 0.1,
                                  .composite = 0.1,
                                  .stubborn = 0.1};

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
    world_options{.name = "composites", .says = "several locks as one", .managers = 2, .behaviour = composites},
    world_options{.name = "stubborn", .says = "some do not go when they are told to", .behaviour = stubborn},
    world_options{.name = "crowd",
                  .says = "a hundred processes",
                  .processes = 100,
                  .users = 1,
                  .behaviour = {.priorities = 1}},
    world_options{.name = "one-node", .says = "a single node", .nodes = 1, .behaviour = everything},
    world_options{.name = "two-nodes", .says = "two nodes", .nodes = 2, .behaviour = everything},
    world_options{.name = "seven-nodes", .says = "seven nodes", .nodes = 7, .behaviour = everything},

    world_options{.name = "impatient-dead-3",
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
    world_options{.name = "one-attempt-dead",
                  .says = "one of three nodes is down, and most have one attempt",
                  .nodes = 3,
                  .users = 1,
                  .behaviour = {.priorities = 1, .hold = 300ms, .least_ttl = 1s, .longest_ttl = 2s, .once = 0.8},
                  .dead_nodes = 1},
    world_options{.name = "silent-3",
                  .says = "one of three nodes never answers",
                  .nodes = 3,
                  .behaviour = {.lenient = 0.3},
                  .silent_nodes = 1},
    world_options{.name = "silent-5",
                  .says = "two of five nodes never answer",
                  .behaviour = {.lenient = 0.3},
                  .silent_nodes = 2},

    world_options{.name = "slow-messages",
                  .says = "messages are slow, and pushes are lost",
                  .behaviour = everything,
                  .slow_message = 0.03,
                  .lost_push = 0.1},
    world_options{.name = "failing-scripts",
                  .says = "nodes answer with errors, and forget the scripts",
                  .behaviour = everything,
                  .failed_call = 0.05,
                  .forget_scripts_every = 300ms},
    world_options{.name = "lost-connections",
                  .says = "connections are lost, and what was sent arrives late",
                  .behaviour = everything,
                  .slow_message = 0.05,
                  .break_every = 20ms},
    world_options{.name = "half-open",
                  .says = "nodes lose their end of a connection",
                  .behaviour = everything,
                  .half_open_every = 300ms},
    world_options{.name = "partitions",
                  .says = "processes are cut off from nodes, and from all but a minority",
                  .behaviour = everything,
                  .cut_every = 100ms,
                  .isolate_every = 400ms},
    world_options{.name = "clogging",
                  .says = "nodes are cut off one by one and come back in another order",
                  .behaviour = everything,
                  .faults_last = 8s,
                  .clog_every = 1500ms},
    world_options{.name = "nodes-stop",
                  .says = "nodes stop for a while",
                  .behaviour = everything,
                  .stop_node_every = 200ms},
    world_options{.name = "nodes-crash",
                  .says = "nodes come back with everything, without their last writes, or empty",
                  .behaviour = everything,
                  .faults_last = 10s,
                  .crash_node_every = 1500ms},
    world_options{.name = "nodes-crash-3",
                  .says = "the same with three nodes",
                  .nodes = 3,
                  .behaviour = everything,
                  .faults_last = 10s,
                  .crash_node_every = 3s},
    world_options{.name = "flushed",
                  .says = "somebody flushes nodes",
                  .behaviour = everything,
                  .faults_last = 10s,
                  .flush_node_every = 2s},
    world_options{.name = "moved-nodes",
                  .says = "addresses lead to other servers",
                  .behaviour = everything,
                  .faults_last = 15s,
                  .move_node_every = 3s},
    world_options{.name = "new-nodes",
                  .says = "an operator provisions nodes when clients are there",
                  .behaviour = everything,
                  .faults_last = 8s,
                  .break_every = 100ms,
                  .new_nodes = true},
    world_options{.name = "clocks",
                  .says = "clocks of processes are hours off, those of nodes as far as they may, and set back",
                  .behaviour = everything,
                  .node_skew = 180ms,
                  .set_clock_every = 1s,
                  .process_skew = 10h},
    world_options{.name = "pauses",
                  .says = "processes stop before and after handlers",
                  .behaviour = everything,
                  .pause_every = 200ms,
                  .pause_at_step = 0.002},
    world_options{.name = "processes-crash",
                  .says = "processes end without a word",
                  .behaviour = everything,
                  .slow_message = 0.02,
                  .crash_process_every = 300ms},
    world_options{.name = "everything",
                  .says = "all of this",
                  .managers = 2,
                  .behaviour = everything_twice,
                  .faults_last = 8s,
                  .slow_message = 0.03,
                  .lost_push = 0.05,
                  .failed_call = 0.01,
                  .break_every = 100ms,
                  .half_open_every = 1s,
                  .cut_every = 500ms,
                  .isolate_every = 1s,
                  .clog_every = 4s,
                  .stop_node_every = 1s,
                  .crash_node_every = 3s,
                  .forget_scripts_every = 2s,
                  .node_skew = 180ms,
                  .pause_every = 1s,
                  .pause_at_step = 0.0005,
                  .crash_process_every = 1500ms,
                  .process_skew = 10h},

    world_options{.name = "clocks-forward",
                  .says = "the clocks of all nodes are set forward by more than a ttl",
                  .behaviour = {.priorities = 1, .hold = 300ms, .least_ttl = 1s, .longest_ttl = 2s},
                  .forward_clocks_every = 500ms,
                  .must_find = "exclusion"},
    world_options{.name = "evicted",
                  .says = "nodes evict keys of locks that are held",
                  .behaviour = {.priorities = 1, .hold = 300ms, .least_ttl = 1s, .longest_ttl = 2s},
                  .faults_last = 8s,
                  .evict_every = 20ms,
                  .must_find = "exclusion"},
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
