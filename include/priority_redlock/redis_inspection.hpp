// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_REDIS_INSPECTION_HPP
#define PRIORITY_REDLOCK_REDIS_INSPECTION_HPP

#include <priority_redlock/detail/config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace priority_redlock {

/// What the nodes of a deployment have of a resource, as they say: `redis_protocol::async_inspect`. They are asked at
/// about the same time, not at the same moment, so that a lock that changes hands meanwhile may show twice.
///
/// Times are by the nodes' clocks.
struct redis_inspection
{
    using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

    /// A node of the deployment.
    struct node
    {
        /// host:port.
        std::string name{};

        /// Whether it has answered. If not, nothing is known of what it has.
        bool answered = false;

        /// Why it does not vote, or has not answered; empty: it votes.
        std::string trouble{};

        /// How many wait there.
        std::size_t waiting = 0;
    };

    /// Who has the resource on some nodes.
    struct holder
    {
        /// As it was given to `async_acquire`, or made up by its manager.
        std::string locker_id{};

        int priority = 0;

        /// That of the lock, for `redis_protocol::async_force_release`. Nodes may name different ones, of which this is
        /// the one that most of them name: the lock's own, unless nodes were restarted while it was held.
        std::uint64_t fencing_token = 0;

        /// When it ends on the last of these nodes, unless it is renewed. An end in the past is that of nobody.
        time_point until{};

        /// Whether it has a quorum: then it holds the lock. Others are what is left of a lost one, or on their way.
        bool has_quorum = false;

        /// The names of the nodes that have it.
        std::vector<std::string> nodes{};

        /// What the nodes call it: manager and number.
        std::string acquisition{};
    };

    /// Who waits on some nodes.
    struct waiter
    {
        std::string locker_id{};
        int priority = 0;

        /// Since when.
        time_point since{};

        /// When its place in the queue ends on the last of these nodes. It asks again before that as long as it lives.
        time_point until{};

        std::vector<std::string> nodes{};
        std::string acquisition{};
    };

    std::string resource{};

    /// How many nodes decide.
    std::size_t quorum = 0;

    /// All nodes.
    std::vector<node> nodes{};

    /// Who has most nodes first. Empty: the resource is free on all nodes that have answered.
    std::vector<holder> holders{};

    /// The next in line first; of each node its first 100.
    std::vector<waiter> waiters{};

    /// The fencing token of the hold that was ended by `redis_protocol::async_force_release` last, if that was not long
    /// ago; else 0.
    std::uint64_t ended_by_force = 0;
};

/// Several lines for a person to read, the last one without an end.
PRIORITY_REDLOCK_DECL std::ostream& operator<<(std::ostream& out, const redis_inspection& i);

} // namespace priority_redlock

#endif
