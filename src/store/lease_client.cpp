// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What is told to the store, and what comes of its replies and events.

#include "store/lease_client.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

namespace {

/// How long a request that failed rests before it is repeated, if the protocol does not say.
constexpr duration default_retry = std::chrono::seconds(1);

} // namespace

lease_client::lease_client(std::shared_ptr<protocol> store, lock_table& table, std::uint64_t client)
    : store_(std::move(store)), retry_interval_(store_->retry_interval()), table_(table), client_(client)
{
}

lease_client::~lease_client()
{
    abandon();
}

lease_client::remains lease_client::abandon() noexcept
{
    for (const auto& each : leases_)
        table_.set_deadline(*each.second, never);
    for (const auto& each : ends_)
        table_.set_deadline(*each.second, never);
    outbox_.clear();
    by_id_.clear();
    return {std::exchange(store_, nullptr), std::exchange(leases_, {}), std::exchange(ends_, {})};
}

std::uint64_t lease_client::next_ticket(duration system_time) noexcept
{
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(system_time).count();
    return last_ticket_ = std::max(last_ticket_ + 1, static_cast<std::uint64_t>(now));
}

lease* lease_client::find(acquisition_id id) const noexcept
{
    const auto it = by_id_.find(id);
    return it == by_id_.end() ? nullptr : it->second;
}

acquisition_id lease_client::held_id(const resource& r) const noexcept
{
    const auto it = leases_.find(&r);
    return it == leases_.end() ? acquisition_id() : it->second->held;
}

const hold* lease_client::holder(acquisition_id id) const noexcept
{
    const lease* const l = find(id);
    return l && l->held == id && !l->where->holds.empty() ? &l->where->holds.front() : nullptr;
}

bool lease_client::begins_to_fail(const renewed_hold& of) noexcept
{
    lease* const l = find(of.id);
    return l && l->extensions == of.extensions && !std::exchange(l->failing, true);
}

std::optional<int> lease_client::thief_of(const resource& r) const noexcept
{
    const auto it = leases_.find(&r);
    return it == leases_.end() ? std::nullopt : it->second->thief;
}

// --- to the store ----------------------------------------------------------------------------------------------------

void lease_client::after_step(time_point now)
{
    for (deadline* d : table_.take_due()) {
        auto& item = static_cast<lease_deadline&>(*d);
        if (item.is_end) {
            send_end(static_cast<pending_end&>(item).id);
        } else if (auto& l = static_cast<lease&>(item); l.wanted && !l.where->waiting.empty()) {
            send_obtain(l, *l.where->waiting.begin(), now);
        }
    }
    for (resource* r : table_.take_touched()) {
        r->touched = false;
        reconcile(*r, now);
    }
}

void lease_client::reconcile(resource& r, time_point now)
{
    const waiter* first = r.waiting.empty() ? nullptr : &*r.waiting.begin();
    auto it = leases_.find(&r);
    if (it == leases_.end()) {
        if (!first)
            return;
        it = leases_.emplace(&r, std::make_unique<lease>(r)).first;
        table_.pin(r);
    }
    lease& l = *it->second;

    if (l.held && r.status == resource_status::vacant)
        send_end(forget_held(l));
    if (l.held)
        renew(l, now);
    if (l.wanted && (!first || first->ticket != l.wanted_ticket)) {
        const auto id = l.wanted;
        forget_wanted(l);
        send_end(id);
    }
    if (first && (!l.wanted || first->last_try != l.wanted_once)) {
        if (!l.wanted) {
            l.wanted = {client_, ++last_number_};
            l.wanted_ticket = first->ticket;
            l.wanted_since = last_ticket_;
            by_id_[l.wanted] = &l;
        }
        send_obtain(l, *first, now);
    }
    if (!l.held && !l.wanted) {
        table_.set_deadline(l, never);
        leases_.erase(&r);
        table_.unpin(r);
    }
}

void lease_client::send_obtain(lease& l, const waiter& w, time_point now)
{
    l.wanted_once = w.last_try;
    lease_request q;
    q.obtain.id = l.wanted;
    q.obtain.resource = l.where->name();
    q.obtain.locker = w.target->locker.view();
    q.obtain.priority = w.priority;
    q.obtain.preempt = w.preempt;
    q.obtain.ticket = w.ticket;
    q.obtain.since = w.since;
    q.obtain.ttl = w.ttl;
    q.obtain.how = w.now_or_never ? obtain_request::mode::now
                   : w.last_try   ? obtain_request::mode::once
                                  : obtain_request::mode::wait;
    outbox_.push(std::move(q));
    table_.set_deadline(l, saturating_add(now, retry_interval_));
}

void lease_client::send_end(acquisition_id id)
{
    auto& end = ends_[id];
    if (!end)
        end = std::make_unique<pending_end>(id);
    lease_request q;
    q.op = lease_request::operation::end;
    q.obtain.id = id;
    outbox_.push(std::move(q));
}

void lease_client::forget_wanted(lease& l)
{
    by_id_.erase(l.wanted);
    l.wanted = {};
    table_.set_deadline(l, never);
}

/// Gives what it was.
acquisition_id lease_client::forget_held(lease& l)
{
    by_id_.erase(l.held);
    l.thief.reset();
    return std::exchange(l.held, {});
}

// --- from the store --------------------------------------------------------------------------------------------------

void lease_client::on_obtain_reply(acquisition_id id, error_code ec, const obtain_reply& reply, time_point now,
                                   table_actions& out)
{
    lease* l = find(id);
    if (!l) {
        if (!ec && reply.what == obtain_reply::verdict::granted)
            give_back(id);
        return;
    }
    if (l->wanted != id)
        return; // granted by an event that overtook this reply
    if (ec) {
        refused(*l, ec, now, out);
        return;
    }
    switch (reply.what) {
    case obtain_reply::verdict::granted: granted(*l, reply.valid_until, reply.fencing_token, now, out); break;
    case obtain_reply::verdict::waiting: break;
    case obtain_reply::verdict::refused: {
        const bool now_or_never = l->where->waiting.begin()->now_or_never;
        refused(*l, now_or_never ? errc::acquire_timeout : errc::already_acquired, now, out);
        break;
    }
    }
}

void lease_client::on_event(const protocol_event& event, time_point now, table_actions& out)
{
    lease* l = find(event.id);
    if (!l) {
        if (event.what == protocol_event::kind::granted)
            give_back(event.id);
        return;
    }
    resource& r = *l->where;
    switch (event.what) {
    case protocol_event::kind::granted:
        if (event.id == l->wanted)
            granted(*l, event.valid_until, event.fencing_token, now, out);
        break;
    case protocol_event::kind::notice:
        if (event.id == l->held && r.status != resource_status::vacant && event.thief_priority > r.priority)
            noticed(*l, event, now, out);
        break;
    case protocol_event::kind::ended:
        if (event.id == l->held)
            lose(*l, event.reason == errc::expired ? lock_state::expired : lock_state::lost, now, out);
        break;
    case protocol_event::kind::failed:
        if (event.id == l->wanted)
            refused(*l, event.reason, now, out);
        break;
    }
}

void lease_client::noticed(lease& l, const protocol_event& event, time_point now, table_actions& out)
{
    resource& r = *l.where;
    if (event.thief.client != client_) { // its own ones wait in the table
        l.thief = event.thief_priority;
        table_.outrank(r, now, out);
    } else if (r.status == resource_status::held) {
        table_.revoke(r, now, out);
    }
}

void lease_client::granted(lease& l, time_point until, std::uint64_t token, time_point now, table_actions& out)
{
    resource& r = *l.where;
    const auto id = l.wanted;
    const auto ticket = l.wanted_ticket;
    forget_wanted(l);
    if (until <= now) {
        // Its validity passed on the way here: give it back and ask again.
        send_end(id);
        table_.touch(r);
        return;
    }
    if (r.status != resource_status::vacant) {
        // The store has ended our hold, and the news of that is late or lost.
        if (l.held)
            send_end(forget_held(l));
        table_.end(r, r.expires <= now ? table_.end_of_time(r) : lock_state::lost, now, out);
    }
    const auto w = std::find_if(r.waiting.begin(), r.waiting.end(),
                                [ticket](const waiter& each) { return each.ticket == ticket; });
    if (w == r.waiting.end()) {
        send_end(id);
        return;
    }
    l.held = id;
    l.held_ticket = ticket;
    l.held_priority = w->priority;
    l.extending = l.extensions = 0;
    l.failing = false;
    by_id_[id] = &l;
    table_.grant(*w, token, until, now, out);
}

/// The store does not have the hold any more, or too little of it: it forgets the rest.
void lease_client::lose(lease& l, lock_state reason, time_point now, table_actions& out)
{
    send_end(forget_held(l));
    if (l.where->status != resource_status::vacant)
        table_.end(*l.where, reason, now, out);
}

/// Something was granted that is not wanted any more.
void lease_client::give_back(acquisition_id id)
{
    if (!ends_.contains(id))
        send_end(id);
}

void lease_client::refused(lease& l, error_code reason, time_point now, table_actions& out)
{
    resource& r = *l.where;
    const auto id = l.wanted;
    const auto ticket = l.wanted_ticket;
    forget_wanted(l);
    send_end(id); // a repetition of the obtain may still be on its way
    const auto can_wait = [](const waiter& w) { return !w.last_try && !w.now_or_never; };
    const auto it = std::find_if(r.waiting.begin(), r.waiting.end(),
                                 [ticket](const waiter& each) { return each.ticket == ticket; });
    if (it == r.waiting.end())
        return;
    // A store that cannot decide cannot for the others either, and they have waited for it as long: one after the other
    // they would wait for many times of what the store gives itself.
    const bool for_all = reason == errc::no_quorum && can_wait(*it);
    std::vector<waiter*> refused;
    for (waiter& w : r.waiting)
        if (w.ticket == ticket || (for_all && w.ticket <= l.wanted_since && can_wait(w)))
            refused.push_back(&w);
    for (waiter* w : refused)
        table_.refuse(*w, reason, now, out);
}

std::vector<protocol::done_handler> lease_client::on_end_reply(acquisition_id id, error_code ec, time_point now)
{
    const auto it = ends_.find(id);
    if (it == ends_.end())
        return {};
    if (ec) {
        table_.set_deadline(*it->second,
                            saturating_add(now, retry_interval_ == infinite ? default_retry : retry_interval_));
        return {};
    }
    auto handlers = std::move(it->second->waiting);
    table_.set_deadline(*it->second, never);
    ends_.erase(it);
    return handlers;
}

bool lease_client::await_end(acquisition_id id, protocol::done_handler& handler)
{
    const auto it = ends_.find(id);
    if (it == ends_.end())
        return false;
    it->second->waiting.push_back(std::move(handler));
    return true;
}

} // namespace priority_redlock::detail
