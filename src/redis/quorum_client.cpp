// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The entries: what the manager asks for, what the nodes answer, and the time. Each is passed on to what it concerns.

#include "quorum_client.hpp"

#include "deployment.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace priority_redlock::detail::redis {

namespace asio = boost::asio;

quorum_client::quorum_client(std::vector<std::string> names, const redis_options& options, std::uint64_t seed)
    : options_(options), quorum_(names.size() / 2 + 1), jittered_(seed), clocks_(names.size()),
      health_(names, options_, deployment_text(names.size(), options), jittered_, out_.calls, out_.log)
{
}

quorum_client::~quorum_client()
{
    deadlines_.clear();
}

// --- what the manager asks for ---------------------------------------------------------------------------------------

void quorum_client::obtain(obtain_request request, protocol::handler<obtain_reply> handler, moment now)
{
    const duration ttl = request.ttl == infinite ? options_.lease : request.ttl;
    if (ttl > options_.max_ttl) {
        const std::int64_t asked = micros(ttl) / 1000;
        out_.log.push_back({.level = log_level::warning,
                            .event = "ttl_refused",
                            .text = "redis: a ttl of " + std::to_string(asked)
                                    + " ms is refused: redis_options::max_ttl is "
                                    + std::to_string(micros(options_.max_ttl) / 1000) + " ms",
                            .resource = std::move(request.resource),
                            .locker = std::move(request.locker),
                            .priority = request.priority,
                            .milliseconds = asked});
        out_.told.emplace_back(reply_to_obtain{std::move(handler), errc::invalid_argument, {}});
        return;
    }
    if (const pointer known = find(request.id)) {
        obtain_again(*known, request, std::move(handler), ttl, now);
        return;
    }
    if (ended_.contains(request.id)) {
        out_.told.emplace_back(reply_to_obtain{std::move(handler), {}, {}});
        return;
    }
    const auto made = std::make_shared<acquisition>();
    acquisition& a = *made;
    a.id = request.id;
    a.id_text = to_text(request.id);
    a.lock_key = options_.prefix + '{' + request.resource + '}';
    a.locker = std::move(request.locker);
    a.priority = request.priority;
    a.preempt = request.preempt;
    a.ticket = static_cast<std::int64_t>(request.ticket);
    a.ttl = a.longest_ttl = ttl;
    a.mode = request.how;
    a.started = std::min(request.since, now.steady);
    a.votes.resize(size());
    a.on_reply = std::move(handler);
    acquisitions_.emplace(a.id, made);
    if (has_quorum()) {
        ask_all(a, now);
    } else {
        a.without_quorum = now.steady;
        reschedule(a);
    }
}

/// One that is held is extended. Of one that waits it may change how far it goes.
void quorum_client::obtain_again(acquisition& a, const obtain_request& request, protocol::handler<obtain_reply> handler,
                                 duration ttl, moment now)
{
    if (a.phase == phase::held) {
        a.priority = std::max(a.priority, request.priority);
        a.extensions.push_back({std::move(handler), ttl});
        if (a.extensions.size() == 1)
            start_extension(a, now);
        return;
    }
    answer_obtain(a, {}, {.what = obtain_reply::verdict::waiting});
    a.on_reply = std::move(handler);
    if (a.phase == phase::ending) {
        answer_obtain(a, {}, {});
        return;
    }
    a.mode = request.how;
    a.preempt = request.preempt;
    if (a.phase == phase::open && has_quorum())
        ask_all(a, now);
    else
        reschedule(a); // how long it waits for a quorum depends on how it asks
}

void quorum_client::end(acquisition_id id, protocol::done_handler handler, moment now)
{
    remember_end(id);
    const pointer a = find(id);
    if (!a) {
        out_.told.emplace_back(reply_to_end{std::move(handler), {}});
        return;
    }
    a->on_end.push_back(std::move(handler));
    if (a->phase == phase::ending)
        decide_end(*a);
    else
        start_ending(*a, now);
}

void quorum_client::abandon(moment now)
{
    for (const auto& [id, each] : std::vector(acquisitions_.begin(), acquisitions_.end())) {
        acquisition& a = *each;
        if (a.phase == phase::held)
            lose(a, now);
        else if (a.phase != phase::ending)
            fail(a, asio::error::operation_aborted, now);
        finish(a);
    }
    out_.calls.clear();
}

void quorum_client::answer_obtain(acquisition& a, error_code ec, const obtain_reply& reply)
{
    if (a.on_reply)
        out_.told.emplace_back(reply_to_obtain{std::exchange(a.on_reply, nullptr), ec, reply});
}

/// It is given up. No error: refused.
void quorum_client::fail(acquisition& a, error_code why, moment now)
{
    if (a.on_reply) {
        answer_obtain(a, why, {});
    } else {
        protocol_event e;
        e.what = protocol_event::kind::failed;
        e.id = a.id;
        e.reason = why ? why : make_error_code(errc::already_acquired);
        out_.told.emplace_back(std::move(e));
    }
    start_ending(a, now);
}

/// It was held.
void quorum_client::lose(acquisition& a, moment now)
{
    protocol_event e;
    e.what = protocol_event::kind::ended;
    e.id = a.id;
    e.reason = errc::lost;
    out_.told.emplace_back(std::move(e));
    start_ending(a, now);
}

// --- what comes from the nodes ---------------------------------------------------------------------------------------

void quorum_client::on_up(std::size_t node, std::string run_id, moment now)
{
    if (health_.on_up(node, std::move(run_id), now)) {
        release_again(node, now);
        health_.greet(node, now);
    }
    update_quorum(now);
}

void quorum_client::on_down(std::size_t node, moment now)
{
    health_.on_down(node, now);
    update_quorum(now);
}

void quorum_client::on_answer(const call& c, const answer& a, moment now)
{
    using verdict = answer::verdict;

    const pointer kept = c.about;
    if (a.what != verdict::lost)
        clocks_.learn(c, a, now);
    health_.on_answer(c, a, now);
    if (c.command == node_command::greet || a.what == verdict::quarantined || a.what == verdict::mismatch)
        on_greeted(c, a, now);
    if (a.what == verdict::unknown) {
        resend(c, now);
        return;
    }
    switch (c.command) {
    case node_command::obtain: on_obtained(c, a, now); break;
    case node_command::write_back: on_written_back(c, a, now); break;
    case node_command::release: on_released(c, a, now); break;
    case node_command::yield:
    case node_command::greet:
    case node_command::scan:
    case node_command::provision:
    case node_command::inspect:
    case node_command::force_release: break;
    }
    update_quorum(now);
}

/// Those that wait are queued where a node votes again, too. What was asked for without a quorum has just begun.
void quorum_client::on_greeted(const call& c, const answer& a, moment now)
{
    const auto change = health_.on_greeted(c, a, now);
    if (change == node_health::change::none)
        return;
    update_quorum(now);
    if (change == node_health::change::votes_again)
        for_each_open([&](acquisition& each) {
            const status at_node = each.votes[c.node].status;
            if (each.cut_off || !has_quorum() || at_node == status::asked || at_node == status::granted
                || each.round == 0)
                return;
            ask_again(each, c.node, now);
            reschedule(each);
        });
}

/// Some nodes may have come to vote, or have ceased to.
void quorum_client::update_quorum(moment now)
{
    const bool had = has_quorum();
    voting_ = health_.count_votes();
    if (had == has_quorum())
        return;
    const std::string how_many_vote =
        "redis: " + std::to_string(voting_) + " of " + std::to_string(size()) + " nodes can be asked: ";
    if (had) {
        if (!idle()) // else nobody needs one, and the connections are closed for that
            out_.log.push_back(
                {.level = log_level::warning, .event = "no_quorum", .text = how_many_vote + "no quorum"});
        for_each_open([&](acquisition& a) {
            a.without_quorum = now.steady;
            reschedule(a);
        });
        return;
    }
    out_.log.push_back({.level = log_level::info, .event = "quorum", .text = how_many_vote + "a quorum"});
    for_each_open([&](acquisition& a) {
        a.without_quorum = never;
        a.cut_off = false;
        if (a.round_ends == never)
            ask_all(a, now);
    });
}

call& quorum_client::send(node_command command, std::size_t node, acquisition* about, moment now)
{
    call& c = health_.send(command, node, now);
    c.window = micros(clocks_.reservation_window(node));
    if (about) {
        c.about = about->shared_from_this();
        c.round = about->round;
        c.waited = micros(now.steady - about->started);
    }
    return c;
}

// --- time ------------------------------------------------------------------------------------------------------------

time_point quorum_client::next_deadline() const noexcept
{
    return std::min(deadlines_.empty() ? never : deadlines_.begin()->due, health_.next_greeting());
}

void quorum_client::advance(moment now)
{
    health_.check_silence(now);
    update_quorum(now);
    for (std::size_t i = 0; i < size(); ++i) {
        if (!health_.is_greeting_due(i, now))
            continue;
        if (health_.is_excluded(i))
            on_up(i, std::string(run_id(i)), now); // perhaps what excluded it has gone
        else
            health_.greet(i, now);
    }
    while (!deadlines_.empty() && deadlines_.begin()->due <= now.steady) {
        const pointer a = deadlines_.begin()->shared_from_this();
        deadlines_.erase(deadlines_.begin());
        a->due = never;
        on_due(*a, now);
    }
}

void quorum_client::on_due(acquisition& a, moment now)
{
    switch (a.phase) {
    case phase::open:
        if (gives_up_at(a) <= now.steady) {
            fail(a, errc::no_quorum, now);
            return;
        }
        if (a.round_ends <= now.steady) {
            decide_round(a, now);
            return;
        }
        if (!has_quorum()) {
            if (a.round_ends == never)
                withdraw(a, now);
            for (node_vote& v : a.votes) // the round comes to its end first
                if (v.due() <= now.steady)
                    v.retry(a.round_ends);
            break;
        }
        ask_due(a, now);
        break;
    case phase::writing_back: decide_write_back(a, now); return;
    case phase::held: decide_extension(a, now); return;
    case phase::ending:
        if (a.round_ends <= now.steady) {
            finish(a);
            return;
        }
        for (std::size_t i = 0; i < size(); ++i)
            if (a.votes[i].due() <= now.steady) {
                a.votes[i].retry(never);
                release(a, i, now);
            }
        break;
    case phase::over: return;
    }
    reschedule(a);
}

void quorum_client::reschedule(acquisition& a)
{
    time_point due = a.round_ends;
    // Nodes are asked again only by one that may ask: a time that nobody heeds would be due for ever.
    const bool asks = a.phase == phase::open && !a.cut_off && (has_quorum() || a.round_ends == never);
    if (asks || a.phase == phase::ending)
        for (const node_vote& v : a.votes)
            due = std::min(due, v.due());
    if (a.phase == phase::open)
        due = std::min(due, gives_up_at(a));
    if (due == a.due)
        return;
    if (a.is_linked())
        deadlines_.erase(deadlines_.iterator_to(a));
    a.due = due;
    if (due != never)
        deadlines_.insert(a);
}

quorum_client::pointer quorum_client::find(acquisition_id id) const noexcept
{
    const auto it = acquisitions_.find(id);
    return it == acquisitions_.end() ? nullptr : it->second;
}

} // namespace priority_redlock::detail::redis
