// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_NODE_SIMULATED_NODE_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_NODE_SIMULATED_NODE_HPP

#include "redis/call.hpp"
#include "redis/script_calls.hpp"
#include "redis/script_texts.hpp"
#include "simulation/node/script_host.hpp"

#include <boost/redis/resp3/node.hpp>
#include <boost/redis/resp3/parser.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace test {

/// A Redis server without a network: it takes commands and gives replies as bytes, in RESP3. It runs the scripts that
/// it is sent, on the data that it has.
///
/// It can be copied: a copy of `state.data` is a snapshot of what it keeps.
class simulated_node
{
public:
    explicit simulated_node(std::string run_id) { state.run_id = std::move(run_id); }

    /// Runs commands that have arrived, by the node's clock, in us: the replies. These are EVAL, EVALSHA, SCRIPT LOAD,
    /// SCRIPT FLUSH, INFO and PING. What scripts publish is appended.
    /// Throws `std::logic_error`: another command, or a script that calls one that is not simulated.
    std::string run(std::string_view commands, std::int64_t now, std::vector<published_message>& published);

    /// The process ends and another one begins. It finds the data that there are, or what `state.data` is made.
    void restart(std::string run_id);

    server_state state;

private:
    void run_one(const std::vector<std::string_view>& command, std::int64_t now,
                 std::vector<published_message>& published, std::string& reply);
    void eval(const script_host::script& what, const std::vector<std::string_view>& command, std::int64_t now,
              std::vector<published_message>& published, std::string& reply);

    std::unordered_set<const script_host::script*> scripts_; // that it knows
};

/// Takes the words of the first command away from what was sent.
[[nodiscard]] std::vector<std::string_view> take_command(std::string_view& bytes);

/// Has each part of some replies read, and tells when one is complete. Whether the last one is.
template <class OnNode, class OnDone>
bool read_replies(std::string_view bytes, OnNode on_node, OnDone on_done)
{
    boost::redis::resp3::parser parser;
    while (!bytes.empty()) {
        boost::system::error_code ec;
        const auto node = parser.consume(bytes, ec);
        if (ec || !node)
            return false;
        on_node(*node);
        if (parser.done()) {
            bytes.remove_prefix(parser.get_consumed());
            parser.reset();
            on_done();
        }
    }
    return true;
}

/// Calls that are sent together, and how many of them each run of a script answers.
struct sent_calls
{
    std::vector<priority_redlock::detail::redis::call> calls;
    std::vector<std::size_t> runs;
    std::string bytes;
};

/// What a client sends over one connection, and what it makes of the replies: as `node_link`, with the same code, but
/// whoever uses it carries the bytes.
class simulated_link
{
public:
    using answer = priority_redlock::detail::redis::answer;
    using call = priority_redlock::detail::redis::call;
    using script_texts = priority_redlock::detail::redis::script_texts;

    simulated_link(const script_texts& texts, std::string prefix) : scripts_(texts, std::move(prefix)) {}

    /// A new connection is set up.
    void connect(const simulated_node& node);

    [[nodiscard]] sent_calls send(std::vector<call> calls);

    /// Of each call, from all replies or some. Those that are missing are `lost`.
    [[nodiscard]] std::vector<answer> answers(const sent_calls& sent, std::string_view replies);

private:
    priority_redlock::detail::redis::script_session scripts_;
};

} // namespace test

#endif
