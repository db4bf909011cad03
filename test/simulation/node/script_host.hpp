// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_NODE_SCRIPT_HOST_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_NODE_SCRIPT_HOST_HPP

#include "simulation/node/redis_store.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// Why a server takes no writes.
enum class write_refusal : std::uint8_t
{
    none,
    readonly,   // it is a replica
    noreplicas, // it has too few
    misconf,    // its disk
    oom,        // its memory is full: what needs more is refused to a script that has not written yet
};

/// A message of PUBLISH.
struct published_message
{
    std::string channel;
    std::string text;

    friend bool operator==(const published_message&, const published_message&) = default;
};

/// What a server is to its scripts.
struct server_state
{
    redis_store data;
    std::string run_id;
    std::string policy = "noeviction";
    std::uint64_t maxmemory = 0;
    std::uint64_t evicted_keys = 0; // since its start
    write_refusal refuses = write_refusal::none;

    [[nodiscard]] std::string info(std::string_view section) const;
};

/// Runs scripts as Redis 7.0 does: in Lua 5.1, with the rules of its EVAL for numbers, replies and errors.
///
/// It has the commands that the scripts of this library call, and the globals that they use. A script that calls
/// another one makes `run` throw `std::logic_error`. One state of Lua serves all nodes of a thread.
///
/// Newer servers write numbers that are no integers, or from 1e17 on, with fewer digits.
class script_host
{
public:
    struct script;

    struct compiled
    {
        const script* ready = nullptr;
        std::string error{}; // there is none
    };

    [[nodiscard]] static script_host& of_this_thread();

    script_host();
    ~script_host();
    script_host(const script_host&) = delete;
    script_host& operator=(const script_host&) = delete;

    /// Compiles a text once; it stays.
    [[nodiscard]] compiled load(std::string_view text);

    /// Null: no such text has been loaded, for whichever node.
    [[nodiscard]] const script* find(std::string_view sha) const;

    /// What EVALSHA calls it.
    [[nodiscard]] static std::string_view sha_of(const script& s) noexcept;

    /// By the server's clock, in us. The reply is appended as it is sent, in RESP3.
    void run(const script& what, std::span<const std::string_view> keys, std::span<const std::string_view> arguments,
             server_state& server, std::int64_t now, std::vector<published_message>& published, std::string& reply);

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

/// Replies, appended as they are sent.
void add_error(std::string& reply, std::string_view text);
void add_status(std::string& reply, std::string_view text);
void add_bulk(std::string& reply, std::string_view text);

} // namespace test

#endif
