// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The end of an acquisition. All is released that nodes may have of it: what it holds, its place in the queue, what is
// reserved for it. That is repeated until they have said so, or until nothing can be left. The manager is told when a
// quorum of the nodes can have nothing any more.

#include "quorum_client.hpp"

#include <algorithm>

namespace priority_redlock::detail::redis {

namespace {

constexpr std::size_t remembered_ends = 4096;

} // namespace

void quorum_client::start_ending(acquisition& a, moment now)
{
    if (std::exchange(a.phase, phase::ending) != phase::ending)                           // else a step is made up for
        a.round_ends = saturating_add(now.steady, a.longest_ttl + options_.node_timeout); // then nothing is left of it
    answer_obtain(a, {}, {});
    make_room(out_.told, a.extensions.size());
    for (auto& each : a.extensions)
        out_.told.emplace_back(reply_to_obtain{std::move(each.handler), {}, {}});
    a.extensions.clear();
    for (std::size_t i = 0; i < size(); ++i) {
        a.votes[i].retry(never);
        if (a.votes[i].may_exist)
            release(a, i, now);
    }
    decide_end(a);
}

/// A node that is down is told when it is back.
void quorum_client::release(acquisition& a, std::size_t node, moment now)
{
    if (!health_.is_connected(node))
        return;
    node_vote& v = a.votes[node];
    call& c = send(node_command::release, node, &a, now);
    c.ttl = v.may_arrive ? micros(a.longest_ttl) : 0;
    v.ignore_before = c.sequence;
}

void quorum_client::on_released(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    node_vote& v = a.votes[c.node];
    if (c.sequence != v.ignore_before)
        return; // something was sent since
    if (r.what == answer::verdict::done || r.what == answer::verdict::absent) {
        // One that withdraws leaves no tombstone: what may still arrive is released in the end.
        if (v.outstanding == 0 && (a.phase == phase::ending || !v.may_arrive))
            v.may_exist = false;
    } else if (r.what == answer::verdict::failed && a.phase == phase::ending) {
        v.retry(saturating_add(now.steady, options_.retry_interval));
    }
    if (a.phase == phase::ending)
        decide_end(a);
}

void quorum_client::decide_end(acquisition& a)
{
    const std::size_t left = a.count([](const node_vote& v) { return v.may_exist; });
    if (!rules_out_quorum(left))
        tell_end(a);
    if (left == 0)
        finish(a);
    else
        reschedule(a);
}

void quorum_client::tell_end(acquisition& a)
{
    make_room(out_.told, a.on_end.size());
    for (auto& each : a.on_end)
        out_.told.emplace_back(reply_to_end{std::move(each), {}});
    a.on_end.clear();
}

void quorum_client::finish(acquisition& a)
{
    tell_end(a);
    a.phase = phase::over;
    a.round_ends = never;
    for (node_vote& v : a.votes)
        v.retry(never);
    reschedule(a);
    acquisitions_.erase(acquisition_id(a.id)); // the caller has another reference
}

void quorum_client::remember_end(acquisition_id id)
{
    if (ended_.contains(id))
        return;
    ended_order_.push_back(id);
    try {
        ended_.insert(id);
    } catch (...) {
        ended_order_.pop_back();
        throw;
    }
    if (ended_order_.size() > remembered_ends) {
        ended_.erase(ended_order_.front());
        ended_order_.pop_front();
    }
}

} // namespace priority_redlock::detail::redis
