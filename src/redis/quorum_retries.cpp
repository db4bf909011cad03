// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Nodes are asked once more. A waiter asks again by itself, since messages can get lost. A call is sent again to a node
// that had forgotten the script. What was not given back over a connection that was lost is given back over the next.

#include "quorum_client.hpp"

#include <algorithm>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

/// What it takes to connect.
constexpr duration quick_timeout = 1s;

} // namespace

/// How long a waiter asks nothing by itself. Longer for one that yielded: such a node is asked and yielded each time.
duration quorum_client::retry_pause(const acquisition& a)
{
    return jittered_(a.has_yielded() ? options_.retry_interval * 5 / 3 : options_.retry_interval);
}

/// When one that waits for a quorum of nodes has waited long enough.
time_point quorum_client::gives_up_at(const acquisition& a) const noexcept
{
    if (a.without_quorum == never)
        return never;
    const bool waits = a.mode == obtain_request::mode::wait;
    return saturating_add(a.without_quorum,
                          waits ? options_.quorum_timeout : std::min(options_.quorum_timeout, quick_timeout));
}

/// Where it is time to ask again.
void quorum_client::ask_due(acquisition& a, moment now)
{
    // One that yielded somewhere asks there whenever it asks: else a lone waiter could be granted one node after the
    // other, and never a quorum. Lest it ask there as often as it has nodes, it brings forward what is due soon.
    if (!a.any([now](const node_vote& v) { return v.due() <= now.steady; }))
        return;
    const time_point until = a.has_yielded() ? saturating_add(now.steady, options_.retry_interval / 2) : now.steady;
    for (std::size_t i = 0; i < size(); ++i) {
        node_vote& v = a.votes[i];
        if (v.due() > until && !(v.yielded && votes(i)))
            continue;
        if (votes(i))
            ask_again(a, i, now);
        else
            v.retry(saturating_add(now.steady, retry_pause(a)));
    }
}

/// One without a rival was kept waiting by nodes that stood still, and need not rest for others: it asks again at once,
/// and ever later as long as that does not help. Those that cannot see each other come at different times.
void quorum_client::ask_soon(acquisition& a, moment now)
{
    const duration pause = options_.node_timeout / 4 * (1 << std::min(a.rounds_alone++, 6u));
    const time_point at = saturating_add(now.steady, std::min(jittered_.spread(pause), retry_pause(a)));
    for (node_vote& v : a.votes)
        if (v.yielded)
            v.retry(at);
}

/// The node had forgotten the script, and nothing was done.
void quorum_client::resend(const call& c, moment now)
{
    acquisition* const a = c.about.get();
    node_vote* const v = a ? &a->votes[c.node] : nullptr;
    const bool gives_back = c.command == node_command::yield || c.command == node_command::release;
    // Something that was sent later may have been done.
    const bool last = gives_back ? c.sequence == v->ignore_before : !v || c.sequence >= v->ignore_before;
    if (!last || (a && a->phase == phase::over) || (c.command == node_command::obtain && a->phase == phase::ending))
        return;
    call copy = c; // before it is sent: a part of it would be another call
    call& again = send(c.command, c.node, a, now);
    copy.sequence = again.sequence;
    copy.sent = again.sent;
    copy.waited = again.waited;
    copy.window = again.window;
    again = std::move(copy);
    if (c.command == node_command::obtain)
        ++v->outstanding;
    if (!gives_back)
        return;
    v->ignore_before = again.sequence;
    if (a->phase != phase::open || v->status != status::asked)
        return;
    // What was asked since is given back with it, and its answer is ignored.
    v->status = status::waiting;
    v->yielded = true;
    v->retry(saturating_add(now.steady, retry_pause(*a)));
    reschedule(*a);
}

/// What was not given back before the connection was lost.
void quorum_client::release_again(std::size_t node, moment now)
{
    for (const auto& each : std::vector(acquisitions_.begin(), acquisitions_.end())) {
        acquisition& a = *each.second;
        if (a.phase == phase::ending && a.votes[node].may_exist)
            release(a, node, now);
    }
}

} // namespace priority_redlock::detail::redis
