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
void lease_client::renew(lease& l, time_point now) noexcept
{
    resource& r = *l.where;
    // What is not answered is asked for again when as much time has passed as between two renewals.
    const renewal* const n = table_.take_renewal(r, retry_interval_, now);
    const bool moves_end = n && l.extending == 0;
    if (!moves_end && (r.priority <= l.held_priority || r.expires <= now))
        return;
    acquisition& a = *l.held;
    const time_point until = moves_end ? std::min(n->limit, saturating_add(now, n->ttl)) : r.expires;
    const bool is_more = a.queued && a.to_send == lease_request::operation::renew; // than what was not sent yet
    a.moves_end = moves_end || (is_more && a.moves_end);
    a.until = is_more ? std::max(a.until, until) : until;
    a.asked = l.extensions;
    l.held_priority = r.priority;
    outbox_.push(a, lease_request::operation::renew);
}

/// The obtain that renews a hold. It asks in mode `now`: what it has lost, it does not wait for.
void lease_client::fill_again(obtain_request& q, const lease& l, duration ttl) const
{
    q.id = l.held->id;
    q.resource = l.where->name();
    q.locker = l.where->holds.front().locker.view();
    q.priority = l.where->priority;
    q.ticket = l.held_ticket;
    q.ttl = ttl;
    q.how = obtain_request::mode::now;
}

void lease_client::on_renew_reply(const renewed_hold& of, error_code ec, const obtain_reply& reply, time_point now,
                                  table_actions& out) noexcept
{
    lease* const l = find_holder(of.id);
    if (!l || l->extensions != of.extensions)
        return;
    if (ec)
        table_.renew_soon(*l->where, now);
    else if (is_renewed(*l, reply, now, out) && of.moves_end)
        table_.renewed(*l->where, reply.valid_until, now, out);
}

/// Whether the store has renewed the hold. With another token it is one of a store that had forgotten.
bool lease_client::is_renewed(lease& l, const obtain_reply& reply, time_point now, table_actions& out) noexcept
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
    lease* const l = find(*h.where);
    if (!l || !l->held || h.state.load(std::memory_order_relaxed) != lock_state::held)
        return std::nullopt;
    obtain_request result;
    fill_again(result, *l, ttl);
    ++l->extending;
    ++l->extensions;
    return result;
}

void lease_client::cancel_extend(acquisition_id id) noexcept
{
    if (lease* const l = find_holder(id); l && l->extending != 0)
        --l->extending;
}

error_code lease_client::end_extend(hold& h, acquisition_id id, duration ttl, time_point asked_at, error_code ec,
                                    const obtain_reply& reply, time_point now, table_actions& out)
{
    lease* const l = find_holder(id);
    if (l)
        --l->extending;
    if (ec)
        return ec;
    const time_point until = std::min(reply.valid_until, saturating_add(asked_at, ttl));
    if (!l || !is_renewed(*l, reply, now, out) || !table_.extend(h, until, ttl == infinite, now, out))
        return errc::not_held;
    return {};
}

} // namespace priority_redlock::detail
