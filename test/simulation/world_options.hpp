// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_WORLD_OPTIONS_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_WORLD_OPTIONS_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/redis_options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace simulation {

using namespace std::chrono_literals;
using priority_redlock::duration;

/// What users do. Chances are of each acquire, or of each lock.
struct habits
{
    std::size_t resources = 1;
    int priorities = 3;
    duration rest = 20ms; // up to, between two acquires
    duration hold = 30ms; // up to
    duration least_ttl = 100ms;
    duration longest_ttl = 1s;
    duration grace = 1s; // up to
    double lenient = 0;  // leaves the holder alone
    double at_once = 0;  // has a timeout of zero
    double once = 0;     // has one attempt
    double attempts = 0; // has some
    double timeout = 0;  // has one
    duration longest_timeout = 400ms;
    double cancelled = 0;     // after some time
    double leased = 0;        // has no ttl
    double renewed = 0;       // by itself
    double extended = 0;      // by its owner, to longer and to shorter ttls
    double long_hold = 0;     // for up to 20 times as long
    double deeper = 0;        // acquires again what it holds, perhaps with a higher priority
    double shared_locker = 0; // is of a locker that others of its manager are of, too
    double composite = 0;
    double stubborn = 0; // does not go when it is told to
};

/// A lock that a user takes at a certain time, in place of what `habits` say.
struct errand
{
    std::size_t client = 0; // whose: of its process, modulo how many there are
    duration at{};          // since the start
    std::size_t resource = 0;
    bool composite = false; // with the next resource
    priority_redlock::acquire_options options{};
    duration hold = 5ms;    // unless it is told to go,
    duration cleanup = 1ms; // for which it takes so long
};

/// A fault at a certain time.
struct incident
{
    enum class kind : std::uint8_t
    {
        crash,         // of the process
        isolation,     // of the process from all nodes, for so long
        disconnection, // of the process from the node; what is under way is lost
    };

    kind what = kind::crash;
    duration at{}; // since the start
    std::uint32_t process = 0;
    std::uint32_t node = 0;
    duration lasts{};
};

/// What goes on in a world, and what may go wrong. Intervals are those between two faults of a kind, on average; zero:
/// there is none. Chances are those of each case.
struct world_options
{
    std::string_view name;
    std::string_view says; // what it is about
    std::size_t nodes = 5;
    std::size_t processes = 4;
    std::size_t managers = 1; // of a process
    std::size_t users = 2;    // of a manager, each with one lock at a time
    habits behaviour{};
    std::span<const errand> errands{};     // some: users do these alone
    std::span<const incident> incidents{}; // some: a process that crashes is not replaced
    bool explored = false; // the chooser decides of each message what becomes of it, while there are faults

    duration faults_last = 4s; // from the start
    duration calm_lasts = 2s;  // after that; then nobody begins anything, and everything has to end

    // messages
    duration delay = 500us; // up to, and 50 us
    double slow_message = 0;
    double lost_push = 0;
    double failed_call = 0; // the node answers with an error, or has forgotten the scripts

    // connections
    duration break_every{};     // what was sent may arrive later, or never
    duration half_open_every{}; // the node's end is gone, which the client finds out later
    duration cut_every{};       // a connection carries nothing for a while
    duration isolate_every{};   // all of a process do, but to a minority of the nodes
    duration clog_every{};      // some nodes are cut off one by one, and come back in another order

    // nodes
    duration stop_node_every{};
    duration crash_node_every{}; // it comes back with everything, without its last writes, or empty
    duration flush_node_every{}; // FLUSHALL
    duration forget_scripts_every{};
    duration evict_every{};       // a single key, though the policy is not to
    duration move_node_every{};   // its address leads to another server, and later back
    duration node_skew{};         // of their clocks, at most half of redis_options::clock_skew
    duration set_clock_every{};   // of a node, within `node_skew`; never forward while locks may be held
    std::size_t silent_nodes = 0; // that are connected and never answer,
    std::size_t dead_nodes = 0;   // and that cannot be reached, as long as faults last
    bool new_nodes = false;       // an operator provisions them when clients are there already

    // processes
    duration pause_every{};
    double pause_at_step = 0; // before it looks at something, or between two handlers
    duration crash_process_every{};
    duration process_skew{}; // of their system clocks

    // what the documents exclude: a judge has to see it
    duration forward_clocks_every{}; // those of all nodes, by more than a ttl
    std::string_view must_find{};    // the judge

    [[nodiscard]] priority_redlock::redis_options store() const
    {
        priority_redlock::redis_options o;
        o.max_ttl = 3s;
        o.clock_skew = 400ms;
        o.lease = 1s;
        o.quorum_timeout = 5s;
        return o;
    }
};

/// All worlds there are.
[[nodiscard]] std::span<const world_options> worlds();

/// Null if there is none of that name.
[[nodiscard]] const world_options* find_world(std::string_view name);

} // namespace simulation

#endif
