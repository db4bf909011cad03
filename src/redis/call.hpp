// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_CALL_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_CALL_HPP

// A call to a node, and its answer.
//
// A call says which command is meant for which node, and with which arguments. Each command is a script of scripts/.
// The call comes back together with its answer, so whoever made it need not remember it.

#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/protocol.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace priority_redlock::detail::redis {

using microseconds = std::chrono::microseconds;

/// As the nodes count: -1 for ever.
[[nodiscard]] inline std::int64_t micros(duration d) noexcept
{
    return d == infinite ? -1 : std::chrono::duration_cast<microseconds>(d).count();
}

/// A time that a message gives, which may be anything.
[[nodiscard]] inline duration bounded(std::int64_t us, duration longest) noexcept
{
    return microseconds(std::clamp(us, std::int64_t{0}, micros(longest)));
}

/// Now, by the clock that decides and by the system's clock, in microseconds, from which tickets and tokens are made.
struct moment
{
    time_point steady;
    std::int64_t wall = 0;
};

enum class node_command : std::uint8_t
{
    greet,
    scan,
    provision,
    inspect,
    force_release,
    obtain,
    yield,
    release,
    write_back,
};

/// That of its script.
[[nodiscard]] constexpr std::string_view name_of(node_command command) noexcept
{
    switch (command) {
    case node_command::greet: return "greet";
    case node_command::scan: return "scan";
    case node_command::provision: return "provision";
    case node_command::inspect: return "inspect";
    case node_command::force_release: return "force_release";
    case node_command::obtain: return "obtain";
    case node_command::yield: return "yield";
    case node_command::release: return "release";
    case node_command::write_back: return "write_back";
    }
    return {};
}

/// Makes sure that so many more elements need no memory.
template <class T>
void make_room(std::vector<T>& v, std::size_t more = 1)
{
    if (v.capacity() - v.size() < more)
        v.reserve(2 * v.size() + more);
}

struct acquisition;

/// A command for a node. It comes back with its answer.
struct call
{
    node_command command = node_command::greet;
    std::size_t node = 0;
    std::uint64_t sequence = 0; // of the calls to this node
    time_point sent;
    std::shared_ptr<acquisition> about; // none: greet, scan, provision
    std::uint64_t round = 0;
    std::int64_t waited = 0; // obtain, yield: us since the start of the acquire
    std::int64_t window = 0; // obtain, yield: of a reservation, us
    std::int64_t ttl = 0;    // obtain: us; release: how long a late obtain is to be ignored, us
    std::int64_t token = 0;  // obtain: proposed; write_back, force_release: the one that is meant
    obtain_request::mode mode = obtain_request::mode::wait;
    bool quorum_answered = false; // obtain: a quorum has answered this waiter
    std::string cursor;           // scan: where it goes on
    std::string last_identity;    // greet: of the server that was met last
    std::int64_t left_ago = 0;    // greet: when that was, us
};

/// What a command replied, or why it did not.
struct answer
{
    enum class verdict : std::uint8_t
    {
        granted,
        waiting,
        refused,
        gone,
        quarantined,
        mismatch,
        ready,
        evicting,
        scanned,
        occupied,
        inspected,
        done, // yielded, released, written back, provisioned
        absent,
        unknown, // the node does not have the script
        failed,  // the node has answered with an error: `text`
        lost,    // the connection has ended before the answer
    };

    verdict what = verdict::lost;
    std::int64_t time = 0;   // of the node, us
    std::int64_t number = 0; // granted: token; waiting: the holder's remaining time, us; quarantined: time left, us
    bool best = false;       // waiting
    bool outranks = false;   // waiting: the holder, which was told
    bool kept_back = false;  // waiting: it outranks the holder, but one before it leaves that alone
    std::string text{};      // waiting: the holder; mismatch: the node's deployment; failed: message; quarantined: why;
                             // evicting: its policy
    std::string identity{};  // ready, quarantined: of the server
    std::vector<std::string> rest{}; // scanned, inspected: what the script tells
};

} // namespace priority_redlock::detail::redis

#endif
