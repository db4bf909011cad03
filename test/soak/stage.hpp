// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SOAK_STAGE_HPP
#define PRIORITY_REDLOCK_TEST_SOAK_STAGE_HPP

#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"
#include "soak/clock.hpp"
#include "soak/event.hpp"
#include "soak/worker.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>

namespace soak {

/// How the workers reach the nodes.
struct node_access
{
    bool tls = false;
    bool acl = false; // as the user of doc/redis.md, with its rights alone
};

/// Servers and the processes that use them, every second one over a network that can fail. For one thread: when it
/// ends, so do the processes.
class stage
{
public:
    static constexpr std::size_t nodes = 5;
    static constexpr std::size_t minority = (nodes - 1) / 2;
    static constexpr std::size_t workers = 6;
    static constexpr std::size_t immortal = 2; // of the workers: they show what grows

    /// Starts and provisions the servers. All files are in the directory.
    stage(const std::filesystem::path& directory, const node_access& how, std::uint64_t seed);

    [[nodiscard]] test::redis_server& server(std::size_t index) { return servers_.at(index); }
    [[nodiscard]] shifted_clock& clock(std::size_t index) { return clocks_.at(index); }
    [[nodiscard]] test::tcp_proxy& network(std::size_t index) { return network_.at(index); }
    [[nodiscard]] worker_process& worker(std::size_t index) { return *workers_.at(index); }

    /// In the place of what was there.
    void start_worker(std::size_t index);
    void kill_worker(std::size_t index);

    /// Writes down what the workers take of the machine.
    void sample_workers();

    /// Writes down who has ended by itself; false: somebody has.
    bool all_live();

    /// Has the workers finish what they have begun. False: they have not, within the limit.
    bool finish(std::chrono::nanoseconds limit);

    void note(event::kind what, std::string why, std::string who = "director");

private:
    std::filesystem::path directory_;
    event_log log_;
    std::uint64_t seed_;
    std::uint64_t started_ = 0;
    std::deque<shifted_clock> clocks_; // deques, which do not move them
    std::deque<test::redis_server> servers_;
    std::deque<test::tcp_proxy> network_;
    std::filesystem::path authorities_;
    std::array<std::string, 2> addresses_; // straight, and over the network that can fail
    std::array<std::unique_ptr<worker_process>, workers> workers_;
};

} // namespace soak

#endif
