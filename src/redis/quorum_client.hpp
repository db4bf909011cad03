// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_QUORUM_CLIENT_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_QUORUM_CLIENT_HPP

#include "../log_record.hpp"

#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/redis_options.hpp>

#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace priority_redlock::detail::redis {

using microseconds = std::chrono::microseconds;

/// As the nodes count: -1 for ever.
[[nodiscard]] inline std::int64_t micros(duration d) noexcept
{
    return d == infinite ? -1 : std::chrono::duration_cast<microseconds>(d).count();
}

/// Now, by the clock that decides and by the system's clock, in microseconds, from which tickets and tokens are made.
struct moment
{
    time_point steady;
    std::int64_t wall = 0;
};

enum class step : std::uint8_t
{
    hello,
    look,
    provision,
    inspect,
    force_release,
    obtain,
    yield,
    release,
    settle,
};

struct acquisition;

/// A step to be taken on a node. It comes back with its answer.
struct call
{
    step what = step::hello;
    std::size_t node = 0;
    std::uint64_t sequence = 0; // of the calls to this node
    time_point sent;
    std::shared_ptr<acquisition> about; // none: hello, look, provision
    std::uint64_t round = 0;
    std::int64_t waited = 0; // obtain, yield: us since the start of the acquire
    std::int64_t ttl = 0;    // obtain: us; release: how long a late obtain is to be ignored, us
    std::int64_t number = 0; // obtain: proposed token; settle: token
    obtain_request::mode how = obtain_request::mode::wait;
    bool answered = false;    // obtain: a quorum has answered this waiter
    std::string cursor;       // look: where it goes on
    std::string met;          // hello: who was met last
    std::int64_t met_ago = 0; // hello: us
};

/// What a step replied, or why it did not.
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
        looked,
        occupied,
        inspected,
        done, // yielded, released, settled, provisioned
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
    std::vector<std::string> rest{}; // looked, inspected: what the script tells
};

/// What the client has of a resource on one node.
struct at_node
{
    enum class status : std::uint8_t
    {
        nothing,
        asked,
        granted,
        waiting,
        refused,
        unreachable,
    };

    /// In the latest extension.
    enum class renewal : std::uint8_t
    {
        none,
        asked,
        yes,
        no,
        unreachable,
    };

    status is = status::nothing;
    bool may_exist = false; // something may be there
    bool may_come = false;  // an obtain may still arrive that was lost with its connection
    bool heard = false;     // it has answered: one that is yielded counts as waiting, and may not have
    bool yielded = false;   // and not asked since
    bool outranked = false; // its holder has a lower priority, and was told
    bool kept_back = false; // not told, since one before this one leaves it alone
    bool woken = false;     // while it was asked
    bool settling = false;  // the token is on its way
    bool taken = false;     // by an operator
    renewal renewed = renewal::none;
    std::uint32_t outstanding = 0;
    std::uint64_t ignore_before = 0; // the sequence of the latest yield or release
    std::uint64_t answered = 0;      // the round of the latest answer
    time_point sent;                 // granted: when it was asked for
    std::int64_t token = 0;
    time_point retry_at = never; // when it is asked again
    time_point ends_at = never;  // or earlier: when what it waits for there ends by itself
    std::string holder;

    [[nodiscard]] time_point due() const noexcept { return std::min(retry_at, ends_at); }

    void ask_again(time_point at, time_point end = never) noexcept
    {
        retry_at = at;
        ends_at = end;
    }
};

/// One attempt of a manager to hold a resource, until nothing is left of it on any node.
struct acquisition : boost::intrusive::set_base_hook<>,
                     std::enable_shared_from_this<acquisition>
{
    enum class phase : std::uint8_t
    {
        open,     // asks, or waits
        settling, // has a quorum and writes its token
        held,
        ending, // gives back what it has
        over
    };

    struct notice
    {
        acquisition_id thief;
        int priority = 0;
        std::vector<std::pair<std::size_t, time_point>> seen; // by node
        bool answered = false;                                // by a quorum
    };

    struct extension
    {
        protocol::handler<obtain_reply> handler;
        duration ttl{};
    };

    acquisition_id id;
    std::string id_text;
    std::string lock_key; // of the resource
    std::string locker;
    int priority = 0;
    bool preempt = true;
    std::int64_t ticket = 0;
    duration ttl{};
    duration longest_ttl{}; // that was asked for
    obtain_request::mode how = obtain_request::mode::wait;

    phase now = phase::open;
    time_point due = never;
    time_point started;
    std::uint64_t round = 0;
    time_point round_ends = never; // never: it rests
    std::int64_t proposal = 0;
    bool has_ticket = false;           // corrected by the nodes' clocks
    bool answered = false;             // by a quorum
    bool told_of_answer = false;       // the nodes know
    bool cut_off = false;              // without a quorum: it has withdrawn
    time_point without_quorum = never; // since when too few nodes can be asked, or answer but with errors
    std::vector<at_node> nodes;
    std::int64_t token = 0;
    time_point valid_until;
    std::vector<notice> notices;
    std::deque<extension> extensions; // the first is on its way
    protocol::handler<obtain_reply> on_reply;
    std::vector<protocol::done_handler> on_end;

    /// Somewhere another one, which is before it, leaves the holder alone.
    [[nodiscard]] bool is_kept_back() const noexcept
    {
        return std::any_of(nodes.begin(), nodes.end(), [](const at_node& n) { return n.kept_back; });
    }
};

/// The client's side of the protocol: which scripts to run on which node, and what their answers mean. Decides only:
/// time is passed in, and what is to be done is put into `actions`, which the owner carries out.
///
/// The algorithm is Redlock (redis.io, "Distributed Locks with Redis"), extended by a ranked queue on every node,
/// preemption, and fencing tokens. doc/redis.md explains it.
class quorum_client
{
public:
    struct reply_to_obtain
    {
        protocol::handler<obtain_reply> handler;
        error_code ec;
        obtain_reply reply;
    };

    struct reply_done
    {
        protocol::done_handler handler;
        error_code ec;
    };

    struct actions
    {
        std::vector<call> calls;
        std::vector<std::variant<reply_to_obtain, reply_done, protocol_event>> told; // in this order
        std::vector<log_record> log;
    };

    /// How long a node that votes is taken at its word: then it is looked at again, before it is asked for anything
    /// else. A node that begins to evict may be wrong for so long.
    static constexpr duration check_interval = std::chrono::seconds(2);

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
    void complain(std::size_t node, std::string what, log_level level = log_level::warning);

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

    [[nodiscard]] std::string_view run_id(std::size_t node) const noexcept { return nodes_[node].run_id; }
    [[nodiscard]] const std::string& deployment() const noexcept { return deployment_; }
    [[nodiscard]] const redis_options& options() const noexcept { return options_; }

    /// How long the entry of a waiter lasts in a node's queue, unless it asks again.
    [[nodiscard]] duration entry_lease() const noexcept { return 3 * options_.retry_interval; }

    /// How long a lock is kept for a waiter that was woken by this node.
    [[nodiscard]] duration window(std::size_t node) const noexcept;

private:
    using phase = acquisition::phase;
    using status = at_node::status;
    using pointer = std::shared_ptr<acquisition>;

    struct node_state
    {
        enum class status : std::uint8_t
        {
            down,
            greeting, // connected, has not said that it votes
            excluded, // twice the same server, or of another deployment
            quarantined,
            ailing, // answers with errors
            ready,
        };

        std::string name;
        status is = status::down;
        bool silent = false; // does not answer in time
        std::string run_id;
        std::string identity;       // of the server that was met last
        time_point left_at = never; // when the connection to it was lost, since which nobody has been met
        time_point hello_at = never;
        std::uint64_t last_sequence = 0;
        std::deque<std::pair<std::uint64_t, time_point>> unanswered;
        std::int64_t offset = 0; // its clock against ours
        bool has_offset = false;
        duration round_trip{};
        std::string last_complaint;
    };

    struct by_due
    {
        bool operator()(const acquisition& a, const acquisition& b) const noexcept { return a.due < b.due; }
    };

    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] bool votes(std::size_t node) const noexcept;
    [[nodiscard]] duration rest(const acquisition& a);
    [[nodiscard]] duration jittered(duration d);
    [[nodiscard]] duration bounded(std::int64_t us) const noexcept;
    [[nodiscard]] std::int64_t corrected(moment now);
    [[nodiscard]] pointer find(acquisition_id id) const noexcept;

    call& send(step what, std::size_t node, acquisition* about, moment now);
    void send_hello(std::size_t node, moment now);
    void ask(acquisition& a, std::size_t node, bool to_keep, moment now);
    void start_round(acquisition& a, moment now);
    void ask_all(acquisition& a, moment now);
    void ask_yielded(acquisition& a, moment now);
    void note_reach(acquisition& a, moment now);
    void judge(acquisition& a, moment now);
    void give_up_round(acquisition& a, moment now);
    void prompt_holder(acquisition& a, moment now);
    void settle(acquisition& a, std::int64_t token, moment now);
    void judge_settled(acquisition& a, moment now);
    void grant(acquisition& a, moment now);
    void yield(acquisition& a, std::size_t node, moment now);
    void withdraw(acquisition& a, moment now);
    void answer_obtain(acquisition& a, error_code ec, const obtain_reply& reply);
    void fail(acquisition& a, error_code why, moment now);
    void start_ending(acquisition& a, moment now);
    void release(acquisition& a, std::size_t node, moment now);
    void judge_end(acquisition& a);
    void finish(acquisition& a);
    void start_extension(acquisition& a, moment now);
    void judge_extension(acquisition& a, moment now);
    void end_extension(acquisition& a, error_code ec, bool is_held, moment now);
    void note(acquisition& a, std::size_t node, acquisition_id thief, int priority, bool answered, moment now);
    void heed_notices(acquisition& a, moment now);
    [[nodiscard]] std::string resource_of(const acquisition& a) const;
    void note_taken(acquisition& a, std::size_t node, moment now);
    void repeat(const call& c, moment now);
    void remember_end(acquisition_id id);
    [[nodiscard]] time_point gives_up_at(const acquisition& a) const noexcept;
    void reschedule(acquisition& a);
    void ask_due(acquisition& a, moment now);
    void look_again(acquisition& a, moment now);

    void on_failed(std::size_t node, const std::string& error, moment now);
    void on_hello(const call& c, const answer& a, moment now);
    void on_obtain(const call& c, const answer& a, moment now);
    void on_settled(const call& c, const answer& a, moment now);
    void on_released(const call& c, const answer& a, moment now);
    void on_ready(std::size_t node, moment now);
    void exclude(std::size_t node, std::string why, moment now);
    void note_silence(moment now);
    void count_voting(moment now);
    void learn_clock(std::size_t node, const call& c, const answer& a, moment now);

    template <class Function>
    void for_each_open(Function f);

    redis_options options_;
    std::size_t quorum_;
    std::string deployment_;
    std::vector<node_state> nodes_;
    std::size_t voting_ = 0;
    std::int64_t last_token_ = 0;
    std::int64_t correction_ = 0; // of the system's clock
    std::minstd_rand random_;
    boost::unordered_flat_set<acquisition_id, std::hash<acquisition_id>> ended_; // the latest, which do not come back
    std::deque<acquisition_id> ended_order_;
    boost::unordered_flat_map<acquisition_id, pointer, std::hash<acquisition_id>> acquisitions_;
    boost::intrusive::multiset<acquisition, boost::intrusive::compare<by_due>> deadlines_;
    actions out_;
};

} // namespace priority_redlock::detail::redis

#endif
