// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "quorum_client.hpp"

#include <algorithm>
#include <functional>

// How acquisitions get on: the votes that they gather, the token, what prolongs a hold and how it is given back.

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

/// What the clocks of two machines may differ by in the measurement of a ttl: 1 % and 2 ms, as in the Redlock text.
duration drift(duration ttl) noexcept
{
    return ttl / 100 + 2ms;
}

} // namespace

// --- a round ---------------------------------------------------------------------------------------------------------

void quorum_client::on_obtain(const call& c, const answer& r, moment now)
{
    using verdict = answer::verdict;

    acquisition& a = *c.about;
    at_node& n = a.nodes[c.node];
    --n.outstanding;
    if (r.what == verdict::lost)
        n.may_come = true;
    if (c.sequence < n.ignore_before || a.now == phase::ending || a.now == phase::over)
        return;
    const bool woken = std::exchange(n.woken, false);
    n.answered = c.round;
    n.outranked = n.kept_back = false;
    n.heard = r.what == verdict::granted || r.what == verdict::waiting || r.what == verdict::refused
              || r.what == verdict::gone;
    switch (r.what) {
    case verdict::granted:
        n.is = status::granted;
        n.sent = c.sent;
        n.token = r.number;
        break;
    case verdict::waiting: {
        n.is = status::waiting;
        n.outranked = r.outranks;
        n.kept_back = r.kept_back;
        n.holder = r.text;
        const bool is_next = r.best && r.number > 0;
        n.ask_again(saturating_add(now.steady, rest(a)),
                    is_next ? now.steady + bounded(r.number) + jittered(2ms) : never);
        break;
    }
    case verdict::refused:
    case verdict::gone:
        n.is = status::refused;
        n.ask_again(saturating_add(now.steady, rest(a)));
        break;
    default:
        // What a node has granted it may still have, though it does not answer.
        if (n.is != status::granted)
            n.is = status::unreachable;
        n.ask_again(saturating_add(now.steady, rest(a)));
    }
    switch (a.now) {
    case phase::open:
        note_reach(a, now);
        if (n.is == status::granted && a.round_ends == never)
            yield(a, c.node, now); // the round had been given up
        if (woken && n.is == status::waiting && votes(c.node)) {
            if (a.round_ends == never)
                start_round(a, now);
            ask(a, c.node, false, now);
        }
        judge(a, now);
        break;
    case phase::settling: judge_settled(a, now); break;
    case phase::held:
        n.ask_again(never);
        if (c.round == a.round && n.renewed == at_node::renewal::asked) {
            n.renewed = r.what == verdict::granted ? at_node::renewal::yes
                        : n.is == status::waiting  ? at_node::renewal::no
                        : n.is == status::refused  ? at_node::renewal::no
                                                   : at_node::renewal::unreachable;
            judge_extension(a, now);
        }
        break;
    case phase::ending:
    case phase::over: break;
    }
}

/// Whether a quorum answers this acquisition, in whichever rounds. Nodes that vote may do so with an error: then it has
/// no quorum.
void quorum_client::note_reach(acquisition& a, moment now)
{
    std::size_t answer = 0;
    std::size_t fail = 0;
    for (const at_node& n : a.nodes) {
        answer += n.heard && (n.is == status::granted || n.is == status::waiting || n.is == status::refused);
        fail += n.is == status::unreachable;
    }
    if (fail > size() - quorum_)
        a.without_quorum = std::min(a.without_quorum, now.steady);
    else if (answer >= quorum_ && has_quorum())
        a.without_quorum = never;
    a.answered = a.answered || answer >= quorum_;
}

/// How the round stands, in which an obtain asks.
void quorum_client::judge(acquisition& a, moment now)
{
    if (a.round_ends == never) { // what comes late may make it a quorum that has answered
        if (has_quorum())
            prompt_holder(a, now);
        reschedule(a);
        return;
    }
    std::size_t granted = 0;
    std::size_t pending = 0;
    std::size_t refused = 0;
    for (const at_node& n : a.nodes) {
        if (n.is == status::granted)
            ++granted;
        else if (n.is == status::asked)
            ++pending;
        else if (n.answered == a.round)
            ++refused;
    }
    if (granted >= quorum_) {
        // The token is the one of a quorum, if there is such a one.
        std::int64_t best = 0;
        bool agreed = false;
        for (const at_node& n : a.nodes) {
            if (n.is != status::granted)
                continue;
            best = std::max(best, n.token);
            const auto same = [&n](const at_node& m) { return m.is == status::granted && m.token == n.token; };
            if (static_cast<std::size_t>(std::count_if(a.nodes.begin(), a.nodes.end(), same)) >= quorum_) {
                a.token = n.token;
                agreed = true;
                break;
            }
        }
        if (agreed)
            grant(a, now);
        else
            settle(a, best, now);
    } else if (refused > size() - quorum_ || (granted == 0 && pending == 0) || a.round_ends <= now.steady) {
        give_up_round(a, now);
    } else {
        reschedule(a);
    }
}

/// A round that did not succeed gives back what it was granted; the acquisition stays in the queues.
void quorum_client::give_up_round(acquisition& a, moment now)
{
    using mode = obtain_request::mode;

    std::size_t voted = 0;
    std::size_t refused = 0;
    for (const at_node& n : a.nodes) {
        const bool votes = n.is == status::granted || n.is == status::waiting || n.is == status::refused;
        voted += votes && n.answered == a.round;
        refused += n.is == status::refused; // in whichever round
    }
    const bool is_over = a.round_ends <= now.steady;
    a.round_ends = never;
    if (a.how == mode::now || refused > size() - quorum_) {
        if (!has_quorum() || (voted < quorum_ && refused <= size() - quorum_))
            fail(a, errc::no_quorum, now);
        else
            fail(a, {}, now);
        return;
    }
    // What is still to be answered is given back if it turns out to be a grant, or now, if that would take too long.
    for (std::size_t i = 0; i < size(); ++i)
        if (a.nodes[i].is == status::granted || (a.nodes[i].is == status::asked && is_over))
            yield(a, i, now);
    answer_obtain(a, {}, {.what = obtain_reply::verdict::waiting});
    if (!has_quorum())
        withdraw(a, now);
    else
        prompt_holder(a, now);
    reschedule(a);
}

/// The holder goes when a quorum of its nodes has told it. Where not so many can, it is told that a quorum has answered
/// its thief: of one that is kept back anywhere that is not said, as it may be kept back wherever it is not the first.
void quorum_client::prompt_holder(acquisition& a, moment now)
{
    if (!a.answered || a.told_of_answer || a.is_kept_back())
        return;
    std::size_t reached = 0;
    bool outranks = false;
    for (const at_node& n : a.nodes) {
        if (n.is != status::waiting || !n.outranked)
            continue;
        outranks = true;
        const auto same = [&n](const at_node& m) {
            return m.is == status::waiting && m.outranked && m.holder == n.holder;
        };
        reached = std::max(reached, static_cast<std::size_t>(std::count_if(a.nodes.begin(), a.nodes.end(), same)));
    }
    if (!outranks || reached >= quorum_)
        return;
    a.told_of_answer = true;
    start_round(a, now);
    for (std::size_t i = 0; i < size(); ++i)
        if (a.nodes[i].outranked && votes(i))
            ask(a, i, false, now);
}

void quorum_client::yield(acquisition& a, std::size_t node, moment now)
{
    at_node& n = a.nodes[node];
    n.ignore_before = send(step::yield, node, &a, now).sequence;
    n.is = status::waiting;
    n.outranked = n.kept_back = n.woken = false;
    n.yielded = true;
    n.ask_again(saturating_add(now.steady, rest(a)));
    for (at_node& other : a.nodes) // that it yields was not known yet when they answered
        if (other.is == status::waiting && other.answered == a.round)
            other.ask_again(saturating_add(now.steady, rest(a)), other.ends_at);
}

/// One that no quorum answers leaves the queues, lest it block everybody with a minority. It keeps its ticket.
void quorum_client::withdraw(acquisition& a, moment now)
{
    a.cut_off = true;
    a.without_quorum = std::min(a.without_quorum, now.steady);
    for (std::size_t i = 0; i < size(); ++i) {
        at_node& n = a.nodes[i];
        n.ask_again(never);
        n.heard = n.yielded = n.kept_back = false;
        if (std::exchange(n.is, status::nothing) != status::nothing && n.may_exist
            && nodes_[i].is != node_state::status::down)
            n.ignore_before = send(step::release, i, &a, now).sequence;
    }
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

// --- the token, the grant --------------------------------------------------------------------------------------------

/// No token is that of a quorum: the largest becomes it.
void quorum_client::settle(acquisition& a, std::int64_t token, moment now)
{
    a.now = phase::settling;
    a.token = token;
    a.round_ends = saturating_add(now.steady, std::min(options_.node_timeout, a.ttl / 3));
    for (std::size_t i = 0; i < size(); ++i) {
        at_node& n = a.nodes[i];
        if (n.is != status::granted || n.token == token || !votes(i))
            continue;
        send(step::settle, i, &a, now).number = token;
        n.settling = true;
    }
    judge_settled(a, now);
}

void quorum_client::on_settled(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    at_node& n = a.nodes[c.node];
    if (a.now != phase::settling || c.sequence < n.ignore_before || !std::exchange(n.settling, false))
        return;
    if (r.what == answer::verdict::done) {
        n.token = a.token;
    } else {
        // It is no longer held there, or nobody knows: if this comes to nothing, the node is asked again.
        n.is = status::unreachable;
        n.ask_again(saturating_add(now.steady, rest(a)));
    }
    judge_settled(a, now);
}

void quorum_client::judge_settled(acquisition& a, moment now)
{
    std::size_t settled = 0;
    std::size_t pending = 0;
    for (const at_node& n : a.nodes) {
        settled += n.is == status::granted && n.token == a.token;
        pending += n.settling;
    }
    if (settled >= quorum_) {
        grant(a, now);
    } else if (settled + pending < quorum_ || a.round_ends <= now.steady) {
        for (at_node& n : a.nodes)
            n.settling = false;
        a.now = phase::open;
        give_up_round(a, now);
    } else {
        reschedule(a);
    }
}

/// A quorum has granted one token. That still has to be valid by the earliest of the grants that it relies on.
void quorum_client::grant(acquisition& a, moment now)
{
    std::vector<time_point> sent;
    for (const at_node& n : a.nodes)
        if (n.is == status::granted && n.token == a.token)
            sent.push_back(n.sent);
    std::sort(sent.begin(), sent.end(), std::greater<>());
    const auto until = sent[quorum_ - 1] + a.ttl - drift(a.ttl);
    if (until <= now.steady) {
        a.now = phase::open;
        give_up_round(a, now);
        return;
    }
    a.now = phase::held;
    a.valid_until = until;
    a.round_ends = never;
    a.without_quorum = never;
    last_token_ = std::max(last_token_, a.token);
    for (at_node& n : a.nodes) {
        n.ask_again(never);
        n.settling = n.woken = n.yielded = false;
    }
    if (a.on_reply) {
        answer_obtain(a, {}, {obtain_reply::verdict::granted, until, static_cast<std::uint64_t>(a.token)});
    } else {
        protocol_event e;
        e.what = protocol_event::kind::granted;
        e.id = a.id;
        e.valid_until = until;
        e.fencing_token = static_cast<std::uint64_t>(a.token);
        out_.told.emplace_back(std::move(e));
    }
    heed_notices(a, now);
    reschedule(a);
}

// --- extensions ------------------------------------------------------------------------------------------------------

/// Asks all nodes to keep it, those too that do not have it: so it outlasts nodes that are restarted one by one.
void quorum_client::start_extension(acquisition& a, moment now)
{
    if (a.valid_until <= now.steady) {
        end_extension(a, {}, false, now);
        return;
    }
    ++a.round;
    a.ttl = a.extensions.front().ttl;
    a.longest_ttl = std::max(a.longest_ttl, a.ttl);
    a.round_ends = saturating_add(now.steady, std::min(options_.node_timeout, a.ttl / 3));
    for (std::size_t i = 0; i < size(); ++i) {
        a.nodes[i].renewed = at_node::renewal::unreachable;
        if (votes(i)) {
            ask(a, i, true, now);
            a.nodes[i].renewed = at_node::renewal::asked;
        }
    }
    judge_extension(a, now);
}

void quorum_client::judge_extension(acquisition& a, moment now)
{
    std::vector<time_point> sent;
    std::size_t refused = 0;
    std::size_t unreachable = 0;
    for (const at_node& n : a.nodes) {
        if (n.renewed == at_node::renewal::yes)
            sent.push_back(n.sent);
        refused += n.renewed == at_node::renewal::no;
        unreachable += n.renewed == at_node::renewal::unreachable;
    }
    if (sent.size() >= quorum_) {
        std::sort(sent.begin(), sent.end(), std::greater<>());
        const auto until = sent[quorum_ - 1] + a.ttl - drift(a.ttl);
        const bool is_held = a.valid_until > now.steady;
        if (is_held)
            a.valid_until = std::max(a.valid_until, until); // no node brings the end forward
        end_extension(a, {}, is_held, now);
    } else if (refused > size() - quorum_) {
        end_extension(a, {}, false, now);
    } else if (refused + unreachable > size() - quorum_ || a.round_ends <= now.steady) {
        end_extension(a, errc::no_quorum, false, now);
    } else {
        reschedule(a);
    }
}

void quorum_client::end_extension(acquisition& a, error_code ec, bool is_held, moment now)
{
    a.round_ends = never;
    for (at_node& n : a.nodes)
        n.renewed = at_node::renewal::none;
    obtain_reply reply;
    if (is_held)
        reply = {obtain_reply::verdict::granted, a.valid_until, static_cast<std::uint64_t>(a.token)};
    out_.told.emplace_back(reply_to_obtain{std::move(a.extensions.front().handler), ec, reply});
    a.extensions.pop_front();
    if (!a.extensions.empty())
        start_extension(a, now);
    else
        reschedule(a);
}

// --- the end ---------------------------------------------------------------------------------------------------------

void quorum_client::start_ending(acquisition& a, moment now)
{
    a.now = phase::ending;
    answer_obtain(a, {}, {});
    for (auto& each : a.extensions)
        out_.told.emplace_back(reply_to_obtain{std::move(each.handler), {}, {}});
    a.extensions.clear();
    a.round_ends = saturating_add(now.steady, a.longest_ttl + options_.node_timeout); // then nothing can be left of it
    for (std::size_t i = 0; i < size(); ++i) {
        a.nodes[i].ask_again(never);
        if (a.nodes[i].may_exist)
            release(a, i, now);
    }
    judge_end(a);
}

/// A node that is down is told when it is back.
void quorum_client::release(acquisition& a, std::size_t node, moment now)
{
    if (nodes_[node].is == node_state::status::down)
        return;
    at_node& n = a.nodes[node];
    call& c = send(step::release, node, &a, now);
    c.ttl = n.may_come ? micros(a.longest_ttl) : 0;
    n.ignore_before = c.sequence;
}

void quorum_client::on_released(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    at_node& n = a.nodes[c.node];
    if (c.sequence != n.ignore_before)
        return; // something was sent since
    if (r.what == answer::verdict::done || r.what == answer::verdict::absent) {
        // One that withdraws leaves no tomb: what may still come is released in the end.
        if (n.outstanding == 0 && (a.now == phase::ending || !n.may_come))
            n.may_exist = false;
    } else if (r.what == answer::verdict::failed && a.now == phase::ending) {
        n.ask_again(saturating_add(now.steady, options_.retry_interval));
    }
    if (a.now == phase::ending)
        judge_end(a);
}

void quorum_client::judge_end(acquisition& a)
{
    const auto left = static_cast<std::size_t>(
        std::count_if(a.nodes.begin(), a.nodes.end(), [](const at_node& n) { return n.may_exist; }));
    if (left <= size() - quorum_) {
        for (auto& each : a.on_end)
            out_.told.emplace_back(reply_done{std::move(each), {}});
        a.on_end.clear();
    }
    if (left == 0)
        finish(a);
    else
        reschedule(a);
}

void quorum_client::finish(acquisition& a)
{
    for (auto& each : a.on_end)
        out_.told.emplace_back(reply_done{std::move(each), {}});
    a.on_end.clear();
    a.now = phase::over;
    a.round_ends = never;
    for (at_node& n : a.nodes)
        n.ask_again(never);
    reschedule(a);
    acquisitions_.erase(acquisition_id(a.id)); // the caller has another reference
}

} // namespace priority_redlock::detail::redis
