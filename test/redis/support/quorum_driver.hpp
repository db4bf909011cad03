// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_QUORUM_DRIVER_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_QUORUM_DRIVER_HPP

#include "redis/quorum_client.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// A quorum_client whose nodes and manager are the test. Each step gives back what it made the client do, e.g.
/// "obtain 0 1 2; 7 waiting": the calls, one command after the other with the nodes, then what the manager is told of
/// acquisition 7. Times are counted from the start of the test.
class quorum_driver
{
public:
    using answer = priority_redlock::detail::redis::answer;
    using call = priority_redlock::detail::redis::call;
    using client_type = priority_redlock::detail::redis::quorum_client;
    using duration = priority_redlock::duration;
    using error_code = priority_redlock::error_code;
    using mode = priority_redlock::obtain_request::mode;
    using node_command = priority_redlock::detail::redis::node_command;
    using time_point = priority_redlock::detail::time_point;
    using verdict = answer::verdict;

    static constexpr duration check_interval = priority_redlock::detail::redis::node_health::check_interval;
    static constexpr std::uint64_t me = 0xc;    // the manager's number
    static constexpr std::uint64_t rival = 0xe; // that of another one

    struct wish
    {
        int priority = 0;
        duration ttl = std::chrono::seconds(1);
        mode how = mode::wait;
        duration waited{}; // in its manager
    };

    struct wait_reply
    {
        duration remaining{};
        bool best = false;
        bool outranks = false;
        bool kept_back = false;
        std::string holder = "000000000000000e-1";
    };

    static priority_redlock::redis_options plain_options()
    {
        priority_redlock::redis_options o;
        o.node_timeout = std::chrono::milliseconds(100);
        o.retry_interval = std::chrono::milliseconds(700);
        return o;
    }

    /// All nodes are connected and vote, unless they are to be left alone.
    explicit quorum_driver(std::size_t nodes, const priority_redlock::redis_options& options = plain_options(),
                           bool connect = true)
        : client_(names(nodes), options, 1), unanswered_(nodes), voting_(nodes)
    {
        if (connect)
            for (std::size_t i = 0; i < nodes; ++i) {
                up(i);
                reply(i, {.what = verdict::ready});
            }
        log.clear();
    }

private:
    auto reply_handler(std::uint64_t number)
    {
        return [this, number](error_code ec, const priority_redlock::obtain_reply& r) {
            if (ec) {
                tell(number, name_of(ec));
                return;
            }
            switch (r.what) {
            case priority_redlock::obtain_reply::verdict::granted:
                granted_until(number, r.valid_until, r.fencing_token);
                break;
            case priority_redlock::obtain_reply::verdict::waiting: tell(number, "waiting"); break;
            case priority_redlock::obtain_reply::verdict::refused: tell(number, "refused"); break;
            }
        };
    }

    [[nodiscard]] priority_redlock::obtain_request request(std::uint64_t number, const wish& w) const
    {
        priority_redlock::obtain_request q;
        q.id = {me, number};
        q.resource = "r";
        q.locker = "locker";
        q.priority = w.priority;
        q.ticket = static_cast<std::uint64_t>(now().wall);
        q.ttl = w.ttl;
        q.how = w.how;
        q.since = now_ - w.waited;
        return q;
    }

public:
    // --- what the manager asks for ---

    std::string obtain(std::uint64_t number, const wish& w)
    {
        client_.obtain(request(number, w), reply_handler(number), now());
        return happened();
    }

    std::string obtain(std::uint64_t number = 1) { return obtain(number, wish()); }

    std::string end(std::uint64_t number = 1)
    {
        client_.end({me, number}, [this, number](error_code) { tell(number, "ended"); }, now());
        return happened();
    }

    /// Of what is held.
    std::string extend(duration ttl, std::uint64_t number = 1, int priority = 0)
    {
        using reply_verdict = priority_redlock::obtain_reply::verdict;
        client_.obtain(
            request(number, {.priority = priority, .ttl = ttl, .how = mode::now}),
            [this, number](error_code ec, const priority_redlock::obtain_reply& r) {
                tell(number, ec                                 ? "not extended: " + name_of(ec)
                             : r.what == reply_verdict::granted ? "extended until " + text(r.valid_until)
                                                                : "not extended: refused");
            },
            now());
        return happened();
    }

    std::string abandon()
    {
        client_.abandon(now());
        return happened();
    }

    // --- what comes from the nodes ---

    std::string up(std::size_t node, const std::string& run_id = {})
    {
        client_.on_up(node, run_id.empty() ? "run" + std::to_string(node) : run_id, now());
        return happened();
    }

    /// The connection is lost with all calls that are not answered.
    std::string down(std::size_t node)
    {
        voting_[node] = false;
        for (const call& c : std::exchange(unanswered_[node], {}))
            client_.on_answer(c, {}, now());
        client_.on_down(node, now());
        return happened();
    }

    /// Answers the call that the node was sent first; its clock is right unless it says otherwise.
    std::string reply(std::size_t node, answer a) { return reply_to(take(node), std::move(a)); }

    /// Takes a call away from a node, to be answered some other time, or never, or twice.
    call take(std::size_t node)
    {
        answer_greetings(node);
        if (unanswered_[node].empty())
            throw std::logic_error("node " + std::to_string(node) + " was not asked");
        call c = std::move(unanswered_[node].front());
        unanswered_[node].pop_front();
        return c;
    }

    std::string reply_to(const call& c, answer a)
    {
        if (a.time == 0 && a.what != verdict::lost)
            a.time = now().wall;
        if (c.command == node_command::greet || a.what == verdict::quarantined || a.what == verdict::mismatch
            || a.what == verdict::failed)
            voting_[c.node] = a.what == verdict::ready;
        client_.on_answer(c, a, now());
        return happened();
    }

    std::string granted(std::size_t node)
    {
        const call c = take(node);
        return reply_to(c, {.what = verdict::granted, .number = c.token});
    }

    std::string granted(std::size_t node, std::int64_t token)
    {
        return reply(node, {.what = verdict::granted, .number = token});
    }

    std::string waiting(std::size_t node, const wait_reply& w)
    {
        return reply(node, {.what = verdict::waiting,
                            .number = std::chrono::duration_cast<std::chrono::microseconds>(w.remaining).count(),
                            .best = w.best,
                            .outranks = w.outranks,
                            .kept_back = w.kept_back,
                            .text = w.holder});
    }

    std::string waiting(std::size_t node) { return waiting(node, wait_reply()); }
    std::string refused(std::size_t node) { return reply(node, {.what = verdict::refused}); }
    std::string done(std::size_t node) { return reply(node, {.what = verdict::done}); }
    std::string lost(std::size_t node) { return reply(node, {}); }

    std::string wake(std::size_t node, std::uint64_t number = 1)
    {
        return push(node, "wake 000000000000000c-" + std::to_string(number));
    }

    std::string notice(std::size_t node, std::uint64_t thief, int priority, bool answered = false,
                       std::uint64_t number = 1)
    {
        return push(node, "notice 000000000000000c-" + std::to_string(number) + " 000000000000000e-"
                              + std::to_string(thief) + ' ' + std::to_string(priority) + (answered ? " 1" : " 0"));
    }

    std::string push(std::size_t node, const std::string& message)
    {
        client_.on_push(node, message, now());
        return happened();
    }

    // --- time ---

    /// Time passes, and the timer rings in it.
    std::string after(duration d)
    {
        const time_point end = now_ + d;
        for (int rings = 0; client_.next_deadline() <= end; ++rings) {
            if (rings > 1000)
                throw std::logic_error("the timer rings for ever");
            now_ = std::max(now_, client_.next_deadline());
            client_.advance(now());
            carry_out();
        }
        now_ = end;
        return happened();
    }

    /// Time passes, and the timer is late.
    void without_timer(duration d) { now_ += d; }

    /// How long until the timer rings.
    [[nodiscard]] duration timer() const { return client_.next_deadline() - now_; }

    /// The system's clock is wrong by so much.
    void set_wall(duration off) { wall_off_ = off; }

    [[nodiscard]] priority_redlock::detail::redis::moment now() const
    {
        using namespace std::chrono;
        return {now_, duration_cast<microseconds>(now_ - start + wall_off_).count() + wall_start};
    }

    /// The latest that the node was sent and has not answered.
    [[nodiscard]] const call& last_call(std::size_t node) const
    {
        return *std::find_if_not(unanswered_[node].rbegin(), unanswered_[node].rend(), &is_greeting);
    }
    [[nodiscard]] std::size_t unanswered(std::size_t node) const
    {
        return static_cast<std::size_t>(std::count_if(unanswered_[node].begin(), unanswered_[node].end(),
                                                      [](const call& c) { return !is_greeting(c); }));
    }
    [[nodiscard]] client_type& client() noexcept { return client_; }

    bool shows_greetings = false; // of nodes that vote; else those are answered, and nobody hears of them
    std::int64_t last_token = 0;  // of the last grant
    std::vector<std::string> log;

    static constexpr std::int64_t wall_start = 1'700'000'000'000'000;

private:
    static constexpr time_point start{std::chrono::hours(1)};

    static std::vector<std::string> names(std::size_t nodes)
    {
        std::vector<std::string> result;
        for (std::size_t i = 0; i < nodes; ++i)
            result.push_back('n' + std::to_string(i));
        return result;
    }

    static std::string text(time_point t)
    {
        using namespace std::chrono;
        return std::to_string(duration_cast<milliseconds>(t - start).count()) + " ms";
    }

    static std::string name_of(error_code ec)
    {
        using priority_redlock::errc;
        const std::pair<error_code, const char*> names[] = {{errc::already_acquired, "already acquired"},
                                                            {errc::expired, "expired"},
                                                            {errc::invalid_argument, "invalid argument"},
                                                            {errc::lost, "lost"},
                                                            {errc::no_quorum, "no quorum"},
                                                            {boost::asio::error::operation_aborted, "aborted"}};
        for (const auto& [code, name] : names)
            if (ec == code)
                return name;
        return ec.message();
    }

    void granted_until(std::uint64_t number, time_point until, std::uint64_t token)
    {
        last_token = static_cast<std::int64_t>(token);
        tell(number, "granted until " + text(until));
    }

    void tell(std::uint64_t number, const std::string& what) { add(std::to_string(number) + ' ' + what); }

    void add(const std::string& what) { happened_ += (happened_.empty() ? "" : "; ") + what; }

    /// A node that votes is greeted again; such a call is marked by its round, which a greeting has none of.
    static bool is_greeting(const call& c) { return c.command == node_command::greet && c.round != 0; }

    /// Those that come next.
    void answer_greetings(std::size_t node)
    {
        auto& q = unanswered_[node];
        for (; !q.empty() && is_greeting(q.front()); q.pop_front()) {
            answer a{.what = verdict::ready};
            a.time = now().wall;
            client_.on_answer(q.front(), a, now());
        }
    }

    std::string happened()
    {
        carry_out();
        last_ = {};
        return std::exchange(happened_, {});
    }

    /// What the client has decided.
    void carry_out()
    {
        carry_out_once();
        for (std::size_t i = 0; i < unanswered_.size(); ++i)
            answer_greetings(i);
        carry_out_once();
    }

    void carry_out_once()
    {
        auto actions = client_.take_actions();
        for (auto& each : actions.log)
            log.push_back(each.text);
        for (call& c : actions.calls) {
            if (c.command == node_command::greet && voting_[c.node] && !shows_greetings) {
                c.round = 1;
                unanswered_[c.node].push_back(std::move(c));
                continue;
            }
            const std::string node = ' ' + std::to_string(c.node);
            const std::string_view command = priority_redlock::detail::redis::name_of(c.command);
            if (std::exchange(last_, command) == command)
                happened_ += node;
            else
                add(std::string(command) + node);
            unanswered_[c.node].push_back(std::move(c));
        }
        for (auto& each : actions.told)
            std::visit([this](auto& item) { carry_out(item); }, each);
    }

    void carry_out(client_type::reply_to_obtain& r) { std::move(r.handler)(r.ec, std::move(r.reply)); }
    void carry_out(client_type::reply_to_end& r) { std::move(r.handler)(r.ec); }

    void carry_out(const priority_redlock::protocol_event& e)
    {
        using kind = priority_redlock::protocol_event::kind;
        switch (e.what) {
        case kind::granted: granted_until(e.id.number, e.valid_until, e.fencing_token); break;
        case kind::notice:
            tell(e.id.number,
                 "must go for " + std::to_string(e.thief.number) + " of " + std::to_string(e.thief_priority));
            break;
        case kind::ended: tell(e.id.number, "ended: " + name_of(e.reason)); break;
        case kind::failed: tell(e.id.number, "failed: " + name_of(e.reason)); break;
        }
    }

    client_type client_;
    time_point now_ = start;
    duration wall_off_{};
    std::vector<std::deque<call>> unanswered_; // by node
    std::vector<bool> voting_;
    std::string happened_;
    std::string_view last_; // of the calls in it
};

/// Acquisition 1 holds what it has been granted by all nodes, from 0 to 988 ms.
inline void let_hold(quorum_driver& d, std::size_t nodes, const quorum_driver::wish& w = {})
{
    d.obtain(1, w);
    for (std::size_t i = 0; i < nodes; ++i)
        d.granted(i);
}

/// Acquisition 1 waits at all nodes.
inline void let_wait(quorum_driver& d, std::size_t nodes, const quorum_driver::wait_reply& r = {})
{
    d.obtain();
    for (std::size_t i = 0; i < nodes; ++i)
        d.waiting(i, r);
    for (std::size_t i = 0; i < nodes; ++i)
        while (d.unanswered(i) != 0)
            d.done(i);
}

} // namespace test

#endif
