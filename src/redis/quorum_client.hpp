// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_QUORUM_CLIENT_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_QUORUM_CLIENT_HPP

// The client's side of the locks: which commands go to which node, and what their answers mean.
//
// The algorithm is Redlock (redis.io, "Distributed Locks with Redis"), extended by a ranked queue on every node,
// preemption, and fencing tokens. doc/redis.md explains it. An acquisition is open until a quorum of the nodes has
// granted it. Then it is held, and extended. In the end what nodes still have of it is given back.
//
// It decides only: time is passed in, and what is to be done is put into `actions`, which the owner carries out.

#include "../log_record.hpp"
#include "acquisition.hpp"
#include "call.hpp"
#include "jitter.hpp"
#include "node_clocks.hpp"
#include "node_health.hpp"

#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/redis_options.hpp>

#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace priority_redlock::detail::redis {

class quorum_client
{
public:
    struct reply_to_obtain
    {
        protocol::handler<obtain_reply> handler;
        error_code ec;
        obtain_reply reply;
    };

    struct reply_to_end
    {
        protocol::done_handler handler;
        error_code ec;
    };

    struct actions
    {
        std::vector<call> calls;
        std::vector<std::variant<reply_to_obtain, reply_to_end, protocol_event>> told; // in this order
        std::vector<log_record> log;
    };

    /// `names` are the nodes' for the log.
    quorum_client(std::vector<std::string> names, const redis_options& options, std::uint64_t seed);

    quorum_client(const quorum_client&) = delete;
    quorum_client& operator=(const quorum_client&) = delete;

    ~quorum_client();

    // --- what the manager asks for ---

    void obtain(obtain_request request, protocol::handler<obtain_reply> handler, moment now);
    void end(acquisition_id id, protocol::done_handler handler, moment now);

    // --- what comes from the nodes ---

    /// A connection is made, to a server that can take part.
    void on_up(std::size_t node, std::string run_id, moment now);

    /// It has ended, or could not be made. All its calls have been answered, with `lost`.
    void on_down(std::size_t node, moment now);

    void on_answer(const call& c, const answer& a, moment now);
    void on_push(std::size_t node, std::string_view message, moment now);

    /// Something else that is to be said of a node, if it has not been said last.
    void complain(std::size_t node, std::string what) { health_.complain(node, std::move(what)); }

    // --- time ---

    /// All ends: waits with `operation_aborted`, holds as lost. Nothing more is sent.
    void abandon(moment now);

    [[nodiscard]] time_point next_deadline() const noexcept;
    void advance(moment now);

    /// All that was decided since the last time.
    [[nodiscard]] actions take_actions() noexcept { return std::exchange(out_, {}); }

    /// Nothing is held, waited for or given back.
    [[nodiscard]] bool idle() const noexcept { return acquisitions_.empty(); }

    [[nodiscard]] bool has_quorum() const noexcept { return voting_ >= quorum_; }

    [[nodiscard]] std::string_view run_id(std::size_t node) const noexcept { return health_.run_id(node); }
    [[nodiscard]] const std::string& deployment() const noexcept { return health_.deployment(); }
    [[nodiscard]] const redis_options& options() const noexcept { return options_; }

private:
    using phase = acquisition_phase;
    using status = vote_status;
    using pointer = std::shared_ptr<acquisition>;

    struct by_due
    {
        bool operator()(const acquisition& a, const acquisition& b) const noexcept { return a.due < b.due; }
    };

    [[nodiscard]] std::size_t size() const noexcept { return health_.size(); }
    [[nodiscard]] bool votes(std::size_t node) const noexcept { return health_.votes(node); }

    /// So many nodes cannot do it: a quorum of the others cannot either.
    [[nodiscard]] bool rules_out_quorum(std::size_t nodes) const noexcept { return nodes > size() - quorum_; }

    [[nodiscard]] pointer find(acquisition_id id) const noexcept;

    template <class Function>
    void for_each_open(Function f);

    // quorum_client.cpp: what is told, and when something is due
    void obtain_again(acquisition& a, const obtain_request& request, protocol::handler<obtain_reply> handler,
                      duration ttl, moment now);
    call& send(node_command command, std::size_t node, acquisition* about, moment now);
    void on_greeted(const call& c, const answer& a, moment now);
    void update_quorum(moment now);
    void answer_obtain(acquisition& a, error_code ec, const obtain_reply& reply);
    void fail(acquisition& a, error_code why, moment now);
    void lose(acquisition& a, moment now);
    void on_due(acquisition& a, moment now);
    void reschedule(acquisition& a);

    // quorum_rounds.cpp: nodes are asked, and their votes counted
    void ask(acquisition& a, std::size_t node, bool to_keep, moment now);
    void ask_again(acquisition& a, std::size_t node, moment now);
    void ask_all(acquisition& a, moment now);
    void ask_yielded(acquisition& a, moment now);
    void start_round(acquisition& a, moment now);
    [[nodiscard]] time_point end_of_round(const acquisition& a, moment now) const noexcept;
    void on_obtained(const call& c, const answer& r, moment now);
    void note_vote(acquisition& a, const call& c, const answer& r, moment now);
    void update_reach(acquisition& a, moment now);
    void decide_round(acquisition& a, moment now);
    [[nodiscard]] bool is_reason_to_come(const acquisition& a) const noexcept;
    void give_up_round(acquisition& a, moment now);
    void prompt_holder(acquisition& a, moment now);
    void yield(acquisition& a, std::size_t node, moment now);
    void withdraw(acquisition& a, moment now);

    // quorum_retries.cpp: nodes are asked once more
    [[nodiscard]] duration retry_pause(const acquisition& a);
    [[nodiscard]] time_point gives_up_at(const acquisition& a) const noexcept;
    void ask_due(acquisition& a, moment now);
    void resend(const call& c, moment now);
    void release_again(std::size_t node, moment now);

    // quorum_tokens.cpp: the fencing token is proposed and written back, and the lock granted
    void propose_token(acquisition& a, moment now);
    void write_back(acquisition& a, moment now);
    void on_written_back(const call& c, const answer& r, moment now);
    void decide_write_back(acquisition& a, moment now);
    void grant(acquisition& a, moment now);

    // quorum_extensions.cpp: a hold is extended
    void start_extension(acquisition& a, moment now);
    void on_renewed(acquisition& a, const call& c, const answer& r, moment now);
    void decide_extension(acquisition& a, moment now);
    void end_extension(acquisition& a, error_code ec, bool is_held, moment now);

    // quorum_notices.cpp: nodes tell a waiter or a holder
    void on_wake(acquisition& a, std::size_t node, moment now);
    void on_notice(acquisition& a, std::size_t node, acquisition_id thief, int priority, bool answered, moment now);
    void heed_notices(acquisition& a, moment now);
    void on_force_released(acquisition& a, std::size_t node, moment now);
    [[nodiscard]] std::string resource_of(const acquisition& a) const;

    // quorum_releases.cpp: an acquisition ends
    void start_ending(acquisition& a, moment now);
    void release(acquisition& a, std::size_t node, moment now);
    void on_released(const call& c, const answer& r, moment now);
    void decide_end(acquisition& a);
    void finish(acquisition& a);
    void remember_end(acquisition_id id);

    const redis_options options_;
    const std::size_t quorum_;
    actions out_;
    jitter jittered_;
    node_clocks clocks_;
    node_health health_;
    std::size_t voting_ = 0;
    std::int64_t last_token_ = 0;
    boost::unordered_flat_set<acquisition_id, std::hash<acquisition_id>> ended_; // the latest, which do not come back
    std::deque<acquisition_id> ended_order_;
    boost::unordered_flat_map<acquisition_id, pointer, std::hash<acquisition_id>> acquisitions_;
    boost::intrusive::multiset<acquisition, boost::intrusive::compare<by_due>> deadlines_;
};

template <class Function>
void quorum_client::for_each_open(Function f)
{
    std::vector<pointer> open;
    for (const auto& each : acquisitions_)
        if (each.second->phase == phase::open)
            open.push_back(each.second);
    for (const pointer& each : open)
        if (each->phase == phase::open)
            f(*each);
}

} // namespace priority_redlock::detail::redis

#endif
