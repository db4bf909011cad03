// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_NODE_HEALTH_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_NODE_HEALTH_HPP

// The health of the nodes: which of them vote, and why the others do not.
//
// A node that is connected is greeted, and votes when its answer says that it may. While it votes it is greeted again
// every few seconds, since it may begin to evict. While it does not, it is greeted when that may have changed. A node
// that answers with errors or not in time does not vote until it does better.
//
// What is wrong with a node is logged once of its kind, and its end when the node has voted for a while without any
// more of it. The calls to a node are numbered here, because the first that is not answered in time shows that the node
// is silent.

#include "../log_record.hpp"
#include "call.hpp"
#include "complaints.hpp"
#include "jitter.hpp"

#include <priority_redlock/redis_options.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock::detail::redis {

class node_health
{
public:
    /// How long a node that votes is taken at its word: then it is greeted again, before it is asked for anything else.
    /// A node that begins to evict may be wrong for so long.
    static constexpr duration check_interval = std::chrono::seconds(2);

    /// What is to be sent and logged is added to `calls` and `log`. `names` are the nodes' for the log.
    node_health(std::vector<std::string> names, const redis_options& options, std::string deployment, jitter& jittered,
                std::vector<call>& calls, std::vector<log_record>& log);

    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] bool is_connected(std::size_t node) const noexcept { return nodes_[node].status != status::down; }
    [[nodiscard]] bool is_excluded(std::size_t node) const noexcept { return nodes_[node].status == status::excluded; }
    [[nodiscard]] bool votes(std::size_t node) const noexcept;
    [[nodiscard]] std::size_t count_votes() const noexcept;
    [[nodiscard]] std::string_view run_id(std::size_t node) const noexcept { return nodes_[node].run_id; }
    [[nodiscard]] const std::string& deployment() const noexcept { return deployment_; }

    // --- connections ---

    /// A connection is made. False: the server is another node as well, and does not vote.
    [[nodiscard]] bool on_up(std::size_t node, std::string run_id, moment now);

    void on_down(std::size_t node, moment now);

    // --- greetings ---

    void greet(std::size_t node, moment now);

    [[nodiscard]] time_point next_greeting() const noexcept;
    [[nodiscard]] bool is_greeting_due(std::size_t node, moment now) const noexcept;

    enum class change : std::uint8_t
    {
        none,
        excluded,
        votes_again,
    };

    /// A node has said whether it votes: when it was greeted, or instead of what it was asked.
    [[nodiscard]] change on_greeted(const call& c, const answer& a, moment now);

    // --- calls ---

    /// Adds a numbered call. A node that is due to be greeted is greeted before it is asked for a lock, as it answers
    /// in this order.
    call& send(node_command command, std::size_t node, moment now);

    void on_answer(const call& c, const answer& a, moment now);

    /// Those that have not answered in time are silent.
    void check_silence(moment now);

    /// Something is to be said of a node, unless its kind has been said.
    void complain(std::size_t node, const complaint& what, moment now);

private:
    enum class status : std::uint8_t
    {
        down,
        greeted,  // connected, has not said that it votes
        excluded, // twice the same server, of another deployment, or it evicts
        quarantined,
        failing, // answers with errors
        ready,
    };

    struct node_state
    {
        std::string name;
        node_health::status status = node_health::status::down;
        bool silent = false; // does not answer in time
        std::string run_id;
        std::string last_identity;  // of the server that was met last
        time_point left_at = never; // when the connection to it was lost, since which nobody has been met
        time_point greet_at = never;
        std::uint64_t last_sequence = 0;
        std::deque<std::pair<std::uint64_t, time_point>> unanswered;
        complaints wrong;
    };

    void on_error(std::size_t node, const std::string& error, moment now);
    void exclude(std::size_t node, const complaint& why, moment now);

    const redis_options& options_;
    const std::string deployment_;
    jitter& jittered_;
    std::vector<call>& calls_;
    std::vector<log_record>& log_;
    std::vector<node_state> nodes_;
};

} // namespace priority_redlock::detail::redis

#endif
