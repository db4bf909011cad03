// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The fencing token, and the grant. A token is proposed to all nodes, each of which may have to answer with a greater
// one. If a quorum answers with the same, that is the token. If not, the greatest is written back to a quorum before
// the lock is granted, so that every later quorum has a node that knows it.

#include "quorum_client.hpp"

#include <algorithm>

namespace priority_redlock::detail::redis {

/// It is proposed anew where no grant of the last one is left, so that it is above what was granted meanwhile.
void quorum_client::propose_token(acquisition& a, moment now)
{
    if (!a.any([](const node_vote& v) { return v.status == status::granted || v.status == status::asked; }))
        a.proposal = last_token_ = std::max(clocks_.corrected(now), last_token_ + 1);
}

/// No token is that of a quorum: the greatest becomes it.
void quorum_client::write_back(acquisition& a, moment now)
{
    a.phase = phase::writing_back;
    a.token = a.largest_token();
    a.round_ends = end_of_round(a, now);
    for (std::size_t i = 0; i < size(); ++i) {
        node_vote& v = a.votes[i];
        if (v.status != status::granted || v.token == a.token || !votes(i))
            continue;
        send(node_command::write_back, i, &a, now).token = a.token;
        v.writing_back = true;
    }
    decide_write_back(a, now);
}

void quorum_client::on_written_back(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    node_vote& v = a.votes[c.node];
    if (a.phase != phase::writing_back || c.sequence < v.ignore_before || !std::exchange(v.writing_back, false))
        return;
    if (r.what == answer::verdict::done) {
        v.token = std::max(v.token, a.token); // the node may have granted anew, above what others had meanwhile
    } else {
        // It is no longer held there, or nobody knows: if this comes to nothing, the node is asked again.
        v.status = status::unreachable;
        v.retry(saturating_add(now.steady, retry_pause(a)));
    }
    decide_write_back(a, now);
}

void quorum_client::decide_write_back(acquisition& a, moment now)
{
    const std::size_t written =
        a.count([&a](const node_vote& v) { return v.status == status::granted && v.token == a.token; });
    const std::size_t pending = a.count([](const node_vote& v) { return v.writing_back; });
    if (written >= quorum_) {
        grant(a, now);
    } else if (written + pending < quorum_ || a.round_ends <= now.steady) {
        for (node_vote& v : a.votes)
            v.writing_back = false;
        a.phase = phase::open;
        give_up_round(a, now);
    } else {
        reschedule(a);
    }
}

/// A quorum has granted one token. That still has to be valid by the earliest of the grants that it relies on.
void quorum_client::grant(acquisition& a, moment now)
{
    const auto has_token = [&a](const node_vote& v) { return v.status == status::granted && v.token == a.token; };
    const auto until = a.validity(quorum_, has_token).value_or(now.steady);
    if (until <= now.steady) {
        a.phase = phase::open;
        give_up_round(a, now);
        return;
    }
    make_room(out_.told);
    a.phase = phase::held;
    a.valid_until = until;
    a.round_ends = never;
    a.without_quorum = never;
    last_token_ = std::max(last_token_, a.token);
    for (node_vote& v : a.votes) {
        v.retry(never);
        v.writing_back = v.woken = v.yielded = false;
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
    reschedule(a);
    heed_notices(a, now);
}

} // namespace priority_redlock::detail::redis
