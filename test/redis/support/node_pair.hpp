// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_NODE_PAIR_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_NODE_PAIR_HPP

#include "redis/support/redis_server.hpp"
#include "simulation/node/simulated_node.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// A server and a simulated node that are asked the same, and have to agree to the letter: in their replies, in what
/// they publish, and in all keys afterwards and their ends.
///
/// The scripts of the simulated node are those that ship. Those of the server have the clock of the test for its own:
/// how long a call takes then decides nothing. No key of the server ends by itself, but when it would by that clock.
class node_pair
{
public:
    using words = std::vector<std::string>;

    /// Both start empty. The server, 7.0 or newer, is used by nobody else.
    explicit node_pair(redis_server& server);

    /// Of both, in us.
    std::int64_t clock = 4'000'000'000'000'000;

    /// Runs `EVAL TEXT ...` on both: the reply as it is sent. Where they do not agree, the test has failed.
    std::string eval(const words& command);

    /// On one of them alone.
    std::string eval_on_server(const words& command);
    std::string eval_on_node(const words& command);

    /// A command for the server alone. The node is then made as the server is.
    redis_reply command(const words& command);
    void make_as_server();

    /// They do not let scripts write, or do so again.
    void refuse_writes(bool yes);

    /// What was published since the last time.
    std::vector<published_message> published();

    /// In ms, by the clock of both; -1: it does not end.
    [[nodiscard]] std::int64_t time_to_live(const std::string& key) const
    {
        const std::int64_t end = node_.state.data.all().at(key).expires_at;
        return end == redis_store::never ? -1 : end - clock / 1000;
    }

    [[nodiscard]] bool agrees() const noexcept { return agrees_; }

private:
    [[nodiscard]] redis_store store_of(const redis_reply& keys);
    void set_clock_of_server();
    [[nodiscard]] std::int64_t time_of_server();
    [[nodiscard]] std::string config_of_server(const std::string& name);
    void end_what_is_over();
    void compare_keys(const redis_store& real, std::int64_t before, std::int64_t after);
    void set_end(const std::string& key, std::int64_t end);
    void differs(const std::string& what);

    simulated_node node_{"simulated"};
    std::vector<published_message> published_by_node_;
    redis_connection connection_;
    redis_connection subscriber_;
    std::string log_; // of the commands since the start
    bool refuses_ = false;
    bool agrees_ = true;
};

/// As the server sent it.
[[nodiscard]] std::string resp_of(const redis_reply& reply);

} // namespace test

#endif
