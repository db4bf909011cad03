// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Rounds. In a round all nodes are asked at once, and the votes counted: the acquisition is granted as soon as a quorum
// has granted it. A round that gets no quorum gives back what it was granted, and the acquisition waits in the queues
// of the nodes. A node that wakes it, or that is due, is asked in a round of its own.

#include "quorum_client.hpp"

#include <algorithm>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

} // namespace

// --- asking ----------------------------------------------------------------------------------------------------------

void quorum_client::ask(acquisition& a, std::size_t node, bool to_keep, moment now)
{
    node_vote& v = a.votes[node];
    call& c = send(node_command::obtain, node, &a, now);
    c.ttl = micros(a.ttl);
    c.token = a.proposal;
    c.mode = to_keep ? obtain_request::mode::now : a.mode;
    c.quorum_answered = a.quorum_answered && !a.is_kept_back();
    if (v.status != status::granted)
        v.status = status::asked;
    v.may_exist = true;
    v.yielded = v.woken = false;
    v.retry(never);
    ++v.outstanding;
}

/// In the round that goes on, or in a new one. What the one before has asked may yet be granted. Then a new one asks
/// all, as it could not be decided by what other nodes have said before.
void quorum_client::ask_again(acquisition& a, std::size_t node, moment now)
{
    if (a.round_ends == never) {
        const bool is_late = a.count(status::asked) != 0;
        start_round(a, now);
        for (std::size_t i = 0; is_late && i < size(); ++i)
            if (i != node && a.votes[i].status == status::waiting && votes(i))
                ask(a, i, false, now);
    }
    ask(a, node, false, now);
}

void quorum_client::ask_all(acquisition& a, moment now)
{
    start_round(a, now);
    for (std::size_t i = 0; i < size(); ++i) {
        node_vote& v = a.votes[i];
        if (votes(i)) {
            ask(a, i, false, now);
        } else if (v.status != status::granted) {
            v.status = status::unreachable;
            v.answered_round = a.round;
            v.retry(saturating_add(now.steady, retry_pause(a)));
        }
    }
    decide_round(a, now);
}

/// A yielder that asks somewhere asks again where it yielded.
void quorum_client::ask_yielded(acquisition& a, moment now)
{
    for (std::size_t i = 0; i < size(); ++i)
        if (a.votes[i].yielded && votes(i))
            ask(a, i, false, now);
}

void quorum_client::start_round(acquisition& a, moment now)
{
    ++a.round;
    a.round_ends = end_of_round(a, now);
    if (!std::exchange(a.has_ticket, true))
        a.ticket += clocks_.corrected(now) - now.wall;
    propose_token(a, now);
}

time_point quorum_client::end_of_round(const acquisition& a, moment now) const noexcept
{
    return saturating_add(now.steady, std::min(options_.node_timeout, a.ttl / 3));
}

// --- counting --------------------------------------------------------------------------------------------------------

void quorum_client::on_obtained(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    node_vote& v = a.votes[c.node];
    if (c.sequence < v.ignore_before || a.phase == phase::ending || a.phase == phase::over)
        return;
    const bool woken = std::exchange(v.woken, false);
    note_vote(a, c, r, now);
    switch (a.phase) {
    case phase::open:
        update_reach(a, now);
        if (v.status == status::granted && a.round_ends == never)
            yield(a, c.node, now); // the round had been given up
        if (woken && votes(c.node)) {
            if (v.status == status::waiting)
                ask_again(a, c.node, now);
            ask_yielded(a, now);
        }
        decide_round(a, now);
        break;
    case phase::writing_back: decide_write_back(a, now); break;
    case phase::held: on_renewed(a, c, r, now); break;
    case phase::ending:
    case phase::over: break;
    }
}

void quorum_client::note_vote(acquisition& a, const call& c, const answer& r, moment now)
{
    using verdict = answer::verdict;

    node_vote& v = a.votes[c.node];
    v.answered_round = c.round;
    v.outranked = v.kept_back = false;
    v.has_answered = r.what == verdict::granted || r.what == verdict::waiting || r.what == verdict::refused
                     || r.what == verdict::gone;
    switch (r.what) {
    case verdict::granted:
        v.status = status::granted;
        v.sent = c.sent;
        v.token = r.number;
        break;
    case verdict::waiting: {
        v.status = status::waiting;
        v.outranked = r.outranks;
        v.kept_back = r.kept_back;
        v.holder = r.text;
        const time_point retry_at = saturating_add(now.steady, retry_pause(a));
        const bool is_next = r.best && r.number > 0;
        v.retry(retry_at, is_next ? now.steady + bounded(r.number, options_.max_ttl) + jittered_(2ms) : never);
        break;
    }
    case verdict::refused:
    case verdict::gone:
        v.status = status::refused;
        v.retry(saturating_add(now.steady, retry_pause(a)));
        break;
    default:
        // What a node has granted it may still have, though it does not answer.
        if (v.status != status::granted)
            v.status = status::unreachable;
        v.retry(saturating_add(now.steady, retry_pause(a)));
    }
}

/// Whether a quorum answers this acquisition, in whichever rounds. Nodes that vote may answer it with errors: then it
/// has no quorum.
void quorum_client::update_reach(acquisition& a, moment now)
{
    const std::size_t answer = a.count([](const node_vote& v) { return v.has_answered && v.has_voted(); });
    if (rules_out_quorum(a.count(status::unreachable)))
        a.without_quorum = std::min(a.without_quorum, now.steady);
    else if (answer >= quorum_ && has_quorum())
        a.without_quorum = never;
    a.quorum_answered = a.quorum_answered || answer >= quorum_;
}

/// How the round stands, in which an obtain asks.
void quorum_client::decide_round(acquisition& a, moment now)
{
    if (a.round_ends == never) { // what comes late may make it a quorum that has answered, or that refuses
        if (rules_out_quorum(a.count(status::refused))) {
            give_up_round(a, now);
            return;
        }
        if (has_quorum())
            prompt_holder(a, now);
        reschedule(a);
        return;
    }
    const std::size_t granted = a.count(status::granted);
    const std::size_t pending = a.count(status::asked);
    const std::size_t refused = a.count([&a](const node_vote& v) {
        return v.status != status::granted && v.status != status::asked && v.answered_round == a.round;
    });
    if (granted >= quorum_) {
        if (const auto token = a.agreed_token(quorum_)) {
            a.token = *token;
            grant(a, now);
        } else {
            write_back(a, now);
        }
    } else if (a.round_ends <= now.steady || (granted == 0 && pending == 0)
               || (rules_out_quorum(refused) && !is_reason_to_come(a))) {
        give_up_round(a, now);
    } else {
        reschedule(a);
    }
}

/// One that is not to wait is told why: that a quorum refuses, or that none answers. Nodes that cannot be reached are
/// no refusals, so the others' answers are waited for.
bool quorum_client::is_reason_to_come(const acquisition& a) const noexcept
{
    const std::size_t voted =
        a.count([&a](const node_vote& v) { return v.has_voted() && v.answered_round == a.round; });
    return a.mode != obtain_request::mode::wait && voted < quorum_ && voted + a.count(status::asked) >= quorum_;
}

// --- no quorum -------------------------------------------------------------------------------------------------------

/// A round that did not succeed gives back what it was granted; the acquisition stays in the queues.
void quorum_client::give_up_round(acquisition& a, moment now)
{
    const std::size_t voted =
        a.count([&a](const node_vote& v) { return v.has_voted() && v.answered_round == a.round; });
    const std::size_t refusals = a.count(status::refused); // in whichever rounds
    // One attempt is over, too, when nodes refuse it that it cannot do without, as others are down.
    const bool is_refused =
        rules_out_quorum(refusals)
        || (a.mode == obtain_request::mode::once && refusals > 0 && voted >= quorum_ && a.count(status::waiting) == 0
            && rules_out_quorum(refusals + a.count(status::unreachable)));
    const bool is_over = a.round_ends <= now.steady;
    const bool has_rival = a.has_rival();
    a.round_ends = never;
    if (a.mode == obtain_request::mode::now || is_refused) {
        if (!has_quorum() || (voted < quorum_ && !is_refused))
            fail(a, errc::no_quorum, now);
        else
            fail(a, {}, now);
        return;
    }
    // What is still to be answered is given back if it turns out to be a grant, or now, if that would take too long.
    for (std::size_t i = 0; i < size(); ++i)
        if (a.votes[i].status == status::granted || (a.votes[i].status == status::asked && is_over))
            yield(a, i, now);
    if (has_rival)
        a.rounds_alone = 0;
    else
        ask_soon(a, now);
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
    if (!a.quorum_answered || a.quorum_announced || a.is_kept_back())
        return;
    const std::size_t told = a.notices_to_one_holder();
    if (told == 0 || told >= quorum_)
        return;
    a.quorum_announced = true;
    start_round(a, now);
    for (std::size_t i = 0; i < size(); ++i)
        if (a.votes[i].outranked && votes(i))
            ask(a, i, false, now);
}

void quorum_client::yield(acquisition& a, std::size_t node, moment now)
{
    node_vote& v = a.votes[node];
    v.ignore_before = send(node_command::yield, node, &a, now).sequence;
    v.status = status::waiting;
    v.outranked = v.kept_back = v.woken = false;
    v.yielded = true;
    v.retry(saturating_add(now.steady, retry_pause(a)));
    for (node_vote& other : a.votes) // that it yields was not known yet when they answered
        if (other.status == status::waiting && other.answered_round == a.round)
            other.retry(saturating_add(now.steady, retry_pause(a)), other.ends_at);
}

/// One that no quorum answers leaves the queues, lest it block everybody with a minority. It keeps its ticket.
void quorum_client::withdraw(acquisition& a, moment now)
{
    a.cut_off = true;
    a.without_quorum = std::min(a.without_quorum, now.steady);
    for (std::size_t i = 0; i < size(); ++i) {
        node_vote& v = a.votes[i];
        v.retry(never);
        v.has_answered = v.yielded = v.kept_back = false;
        if (std::exchange(v.status, status::none) != status::none && v.may_exist && health_.is_connected(i))
            v.ignore_before = send(node_command::release, i, &a, now).sequence;
    }
}

} // namespace priority_redlock::detail::redis
