// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How a hold is kept in the store: by an obtain of what is held already. A renewal asks for the ttl, a rise of priority
// for the rest of the present hold, and an extension for what the owner of the lock wants. When to renew is the table's
// decision: it marks a renewal as due.
//
// The answer to a renewal moves the end of the lock. It does not count if the owner has asked for an extension since;
// and while that is unanswered no renewal is asked for.

#include "store/lease_client.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace priority_redlock::detail {

/// Moves the end of a hold if its renewal is due, and tells the store of a higher priority.
void lease_client::renew(lease& l, time_point now)
{
    resource& r = *l.where;
    // What is not answered is asked for again when as much time has passed as between two renewals.
    const renewal* const n = table_.take_renewal(r, retry_interval_, now);
    const bool moves_end = n && l.extending == 0;
    if (!moves_end && (r.priority <= l.held_priority || r.expires <= now))
        return;
    const time_point until = moves_end ? std::min(n->limit, saturating_add(now, n->ttl)) : r.expires;
    lease_request q;
    q.op = lease_request::operation::renew;
    q.obtain = obtain_again(l, until == never ? infinite : until - now);
    q.renewed = {l.held, moves_end, l.extensions};
    l.held_priority = r.priority;
    outbox_.push(std::move(q));
}

/// The obtain that renews a hold. It asks in mode `now`: what it has lost, it does not wait for.
obtain_request lease_client::obtain_again(const lease& l, duration ttl) const
{
    obtain_request q;
    q.id = l.held;
    q.resource = l.where->name();
    q.locker = l.where->holds.front().locker.view();
    q.priority = l.where->priority;
    q.ticket = l.held_ticket;
    q.ttl = ttl;
    q.how = obtain_request::mode::now;
    return q;
}

void lease_client::on_renew_reply(const renewed_hold& of, error_code ec, const obtain_reply& reply, time_point now,
                                  table_actions& out)
{
    lease* const l = find(of.id);
    if (!l || l->held != of.id || l->extensions != of.extensions)
        return;
    if (ec)
        table_.renew_soon(*l->where, now);
    else if (is_renewed(*l, reply, now, out) && of.moves_end)
        table_.renewed(*l->where, reply.valid_until, now, out);
}

/// Whether the store has renewed the hold. With another token it is one of a store that had forgotten.
bool lease_client::is_renewed(lease& l, const obtain_reply& reply, time_point now, table_actions& out)
{
    if (reply.what == obtain_reply::verdict::granted && reply.fencing_token == l.where->token) {
        l.failing = false;
        return true;
    }
    lose(l, lock_state::lost, now, out);
    return false;
}

std::optional<obtain_request> lease_client::begin_extend(const hold& h, duration ttl)
{
    const auto it = leases_.find(h.where);
    if (it == leases_.end() || !it->second->held || h.state.load(std::memory_order_relaxed) != lock_state::held)
        return std::nullopt;
    lease& l = *it->second;
    auto result = obtain_again(l, ttl);
    ++l.extending;
    ++l.extensions;
    return result;
}

error_code lease_client::end_extend(hold& h, acquisition_id id, duration ttl, time_point asked_at, error_code ec,
                                    const obtain_reply& reply, time_point now, table_actions& out)
{
    lease* const l = find(id);
    const bool held = l && l->held == id;
    if (held)
        --l->extending;
    if (ec)
        return ec;
    const time_point until = std::min(reply.valid_until, saturating_add(asked_at, ttl));
    if (!held || !is_renewed(*l, reply, now, out) || !table_.extend(h, until, ttl == infinite, now, out))
        return errc::not_held;
    return {};
}

} // namespace priority_redlock::detail
