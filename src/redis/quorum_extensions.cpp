// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Extensions of a hold. All nodes are asked to keep it, those too that do not have it: so it outlasts nodes that are
// restarted one by one. A quorum decides. Extensions are made one after the other.

#include "quorum_client.hpp"

#include <algorithm>

namespace priority_redlock::detail::redis {

void quorum_client::start_extension(acquisition& a, moment now)
{
    if (a.valid_until <= now.steady) {
        end_extension(a, {}, false, now);
        return;
    }
    ++a.round;
    a.ttl = a.extensions.front().ttl;
    a.longest_ttl = std::max(a.longest_ttl, a.ttl);
    a.round_ends = end_of_round(a, now);
    for (std::size_t i = 0; i < size(); ++i) {
        a.votes[i].renewal = renewal_status::unreachable;
        if (votes(i)) {
            ask(a, i, true, now);
            a.votes[i].renewal = renewal_status::asked;
        }
    }
    decide_extension(a, now);
}

/// A node has answered while the lock is held.
void quorum_client::on_renewed(acquisition& a, const call& c, const answer& r, moment now)
{
    node_vote& v = a.votes[c.node];
    v.retry(never);
    if (c.round != a.round || v.renewal != renewal_status::asked)
        return;
    if (r.what == answer::verdict::granted)
        v.renewal = renewal_status::granted;
    else if (v.status == status::waiting || v.status == status::refused)
        v.renewal = renewal_status::refused;
    else
        v.renewal = renewal_status::unreachable;
    decide_extension(a, now);
}

void quorum_client::decide_extension(acquisition& a, moment now)
{
    const auto count = [&a](renewal_status s) { return a.count([s](const node_vote& v) { return v.renewal == s; }); };
    const std::size_t refused = count(renewal_status::refused);
    const auto until = a.validity(quorum_, [](const node_vote& v) { return v.renewal == renewal_status::granted; });
    if (until) {
        const bool is_held = a.valid_until > now.steady;
        if (is_held)
            a.valid_until = std::max(a.valid_until, *until); // no node brings the end forward
        end_extension(a, {}, is_held, now);
    } else if (rules_out_quorum(refused)) {
        end_extension(a, {}, false, now);
    } else if (rules_out_quorum(refused + count(renewal_status::unreachable)) || a.round_ends <= now.steady) {
        end_extension(a, errc::no_quorum, false, now);
    } else {
        reschedule(a);
    }
}

void quorum_client::end_extension(acquisition& a, error_code ec, bool is_held, moment now)
{
    make_room(out_.told);
    a.round_ends = never;
    for (node_vote& v : a.votes)
        v.renewal = renewal_status::none;
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

} // namespace priority_redlock::detail::redis
