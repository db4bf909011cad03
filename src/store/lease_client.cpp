// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What is told to the store, and what comes of its replies and events.

#include "store/lease_client.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <utility>

namespace priority_redlock::detail {

namespace {

/// How long something that failed rests before it is tried again, if the protocol does not say.
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

lease_client::remains::~remains()
{
    acquisitions.clear_and_dispose(std::default_delete<acquisition>());
    leases.clear_and_dispose(std::default_delete<lease>());
}

lease_client::remains lease_client::abandon() noexcept
{
    for (lease& each : leases_)
        table_.set_deadline(each, never);
    for (acquisition& each : acquisitions_) {
        table_.set_deadline(each, never);
        outbox_.remove(each);
    }
    table_.set_deadline(send_again_, never);
    table_.set_deadline(answer_again_, never);
    remains result;
    result.store = std::exchange(store_, nullptr);
    result.acquisitions.swap(acquisitions_);
    result.leases.swap(leases_);
    result.answers = std::move(answers_);
    result.unposted = std::move(unposted_);
    return result;
}

std::uint64_t lease_client::next_ticket(duration system_time) noexcept
{
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(system_time).count();
    return last_ticket_ = std::max(last_ticket_ + 1, static_cast<std::uint64_t>(now));
}

acquisition* lease_client::find(acquisition_id id) const noexcept
{
    const auto it = acquisitions_.find(id, by_acquisition_id());
    return it == acquisitions_.end() ? nullptr : const_cast<acquisition*>(&*it);
}

lease* lease_client::find(const resource& r) const noexcept
{
    const auto it = leases_.find(r, by_leased_resource());
    return it == leases_.end() ? nullptr : const_cast<lease*>(&*it);
}

/// The lease that is held by this acquisition; null if none is.
lease* lease_client::find_holder(acquisition_id id) const noexcept
{
    const acquisition* const a = find(id);
    return a && a->of && a->of->held == a ? a->of : nullptr;
}

acquisition_id lease_client::held_id(const resource& r) const noexcept
{
    const lease* const l = find(r);
    return l && l->held ? l->held->id : acquisition_id();
}

const hold* lease_client::holder(acquisition_id id) const noexcept
{
    const lease* const l = find_holder(id);
    return l && !l->where->holds.empty() ? &l->where->holds.front() : nullptr;
}

bool lease_client::begins_to_fail(const renewed_hold& of) noexcept
{
    lease* const l = find_holder(of.id);
    return l && l->extensions == of.extensions && !std::exchange(l->failing, true);
}

std::optional<int> lease_client::thief_of(const resource& r) const noexcept
{
    const lease* const l = find(r);
    return l ? l->thief : std::nullopt;
}

time_point lease_client::next_try(time_point now) const noexcept
{
    return saturating_add(now, retry_interval_ == infinite ? default_retry : retry_interval_);
}

// --- to the store ----------------------------------------------------------------------------------------------------

void lease_client::reserve()
{
    if (!spare_lease_)
        spare_lease_ = std::make_unique<lease>();
    if (!spare_acquisition_)
        spare_acquisition_ = std::make_unique<acquisition>();
}

void lease_client::after_step(time_point now) noexcept
{
    using purpose = lease_deadline::purpose;
    for (lease_deadline* each = table_.take_due(); each; each = each->next_due) {
        switch (each->why) {
        case purpose::ask: {
            auto& l = static_cast<lease&>(*each);
            if (l.wanted && !l.where->waiting.empty())
                send_obtain(l, *l.where->waiting.begin(), now);
            table_.touch(*l.where);
            break;
        }
        case purpose::repeat_end: send_end(static_cast<acquisition&>(*each)); break;
        case purpose::send_again: outbox_.try_again(); break;
        case purpose::answer_again: answers_.append(std::move(unposted_)); break;
        }
    }
    table_.take_touched([this, now](resource& r) { reconcile(r, now); });
}

void lease_client::reconcile(resource& r, time_point now) noexcept
{
    if (!store_)
        return;
    const waiter* first = r.waiting.empty() ? nullptr : &*r.waiting.begin();
    lease* l = find(r);
    if (!l) {
        if (!first)
            return;
        l = spare_lease_.release(); // it was reserved for the acquire that this step has queued
        l->where = &r;
        leases_.insert(*l);
        table_.pin(r);
    }

    if (l->held && r.status == resource_status::vacant)
        end_held(*l);
    if (l->held)
        renew(*l, now);
    if (l->wanted && (!first || first->ticket != l->wanted_ticket))
        end_wanted(*l);
    if (first && !l->wanted) {
        l->wanted = want(*l);
        if (l->wanted) {
            l->wanted_ticket = first->ticket;
            l->wanted_since = last_ticket_;
            send_obtain(*l, *first, now);
        } else {
            table_.set_deadline(*l, next_try(now));
        }
    } else if (first && first->last_try != l->wanted_once) {
        send_obtain(*l, *first, now);
    }
    if (!l->held && !l->wanted && !first) {
        table_.set_deadline(*l, never);
        leases_.erase(leases_.iterator_to(*l));
        delete l;
        table_.unpin(r);
    }
}

/// A new acquisition. That of an acquire is reserved; where another one is needed there may be no memory: null.
acquisition* lease_client::want(lease& l) noexcept
{
    std::unique_ptr<acquisition> made = std::move(spare_acquisition_);
    if (!made)
        made.reset(new (std::nothrow) acquisition);
    if (!made)
        return nullptr;
    made->id = {client_, ++last_number_};
    made->of = &l;
    acquisitions_.insert(*made);
    return made.release();
}

void lease_client::send_obtain(lease& l, const waiter& w, time_point now) noexcept
{
    l.wanted_once = w.last_try;
    outbox_.push(*l.wanted, lease_request::operation::obtain);
    table_.set_deadline(l, saturating_add(now, retry_interval_));
}

/// From now on it is being given back.
void lease_client::send_end(acquisition& a) noexcept
{
    a.of = nullptr;
    outbox_.push(a, lease_request::operation::end);
}

void lease_client::end_wanted(lease& l) noexcept
{
    table_.set_deadline(l, never);
    send_end(*std::exchange(l.wanted, nullptr));
}

void lease_client::end_held(lease& l) noexcept
{
    l.thief.reset();
    send_end(*std::exchange(l.held, nullptr));
}

bool lease_client::next_request(lease_request& q, time_point now)
{
    const acquisition* const a = outbox_.next();
    if (!a)
        return false;
    q.op = a->to_send;
    q.obtain.id = a->id;
    fill(q, *a, now);
    return true;
}

void lease_client::fill(lease_request& q, const acquisition& a, time_point now) const
{
    switch (a.to_send) {
    case lease_request::operation::obtain: fill_obtain(q.obtain, *a.of); break;
    case lease_request::operation::renew:
        fill_again(q.obtain, *a.of, a.until == never ? infinite : std::max(a.until - now, duration(1)));
        q.renewed = {a.id, a.moves_end, a.asked};
        break;
    case lease_request::operation::end: break;
    }
}

void lease_client::fill_obtain(obtain_request& q, const lease& l) const
{
    const waiter& w = *l.where->waiting.begin();
    q.resource = l.where->name();
    q.locker = w.target->locker.view();
    q.priority = w.priority;
    q.preempt = w.preempt;
    q.ticket = w.ticket;
    q.since = w.since;
    q.ttl = w.ttl;
    q.how = w.now_or_never ? obtain_request::mode::now
            : w.last_try   ? obtain_request::mode::once
                           : obtain_request::mode::wait;
}

void lease_client::not_sent(const lease_request& q, time_point now) noexcept
{
    acquisition* const a = find(q.obtain.id);
    if (!a || (a->of && q.op == lease_request::operation::obtain && a->of->wanted != a))
        return; // granted meanwhile
    outbox_.put_aside(*a, a->of ? q.op : lease_request::operation::end);
    if (send_again_.when == never)
        table_.set_deadline(send_again_, next_try(now));
}

void lease_client::not_answered(std::shared_ptr<owner_answer> a, time_point now) noexcept
{
    unposted_.push(std::move(a));
    if (answer_again_.when == never)
        table_.set_deadline(answer_again_, next_try(now));
}

// --- from the store --------------------------------------------------------------------------------------------------

void lease_client::on_obtain_reply(acquisition_id id, error_code ec, const obtain_reply& reply, time_point now,
                                   table_actions& out) noexcept
{
    acquisition* const a = find(id);
    if (!a || !a->of) {
        if (!a && !ec && reply.what == obtain_reply::verdict::granted)
            give_back(id);
        return;
    }
    lease& l = *a->of;
    if (l.wanted != a)
        return; // granted by an event that overtook this reply
    if (ec) {
        refused(l, ec, now, out);
        return;
    }
    switch (reply.what) {
    case obtain_reply::verdict::granted: granted(l, reply.valid_until, reply.fencing_token, now, out); break;
    case obtain_reply::verdict::waiting: break;
    case obtain_reply::verdict::refused: {
        const bool now_or_never = l.where->waiting.begin()->now_or_never;
        refused(l, now_or_never ? errc::acquire_timeout : errc::already_acquired, now, out);
        break;
    }
    }
}

void lease_client::on_event(const protocol_event& event, time_point now, table_actions& out) noexcept
{
    acquisition* const a = find(event.id);
    if (!a || !a->of) {
        if (!a && event.what == protocol_event::kind::granted)
            give_back(event.id);
        return;
    }
    lease& l = *a->of;
    resource& r = *l.where;
    switch (event.what) {
    case protocol_event::kind::granted:
        if (a == l.wanted)
            granted(l, event.valid_until, event.fencing_token, now, out);
        break;
    case protocol_event::kind::notice:
        if (a == l.held && r.status != resource_status::vacant && event.thief_priority > r.priority)
            noticed(l, event, now, out);
        break;
    case protocol_event::kind::ended:
        if (a == l.held)
            lose(l, event.reason == errc::expired ? lock_state::expired : lock_state::lost, now, out);
        break;
    case protocol_event::kind::failed:
        if (a == l.wanted)
            refused(l, event.reason, now, out);
        break;
    }
}

void lease_client::noticed(lease& l, const protocol_event& event, time_point now, table_actions& out) noexcept
{
    resource& r = *l.where;
    if (event.thief.client != client_) { // its own ones wait in the table
        l.thief = event.thief_priority;
        table_.outrank(r, now, out);
    } else if (r.status == resource_status::held) {
        table_.revoke(r, now, out);
    }
}

void lease_client::granted(lease& l, time_point until, std::uint64_t token, time_point now, table_actions& out) noexcept
{
    resource& r = *l.where;
    const auto ticket = l.wanted_ticket;
    if (until <= now) {
        // Its validity passed on the way here: give it back and ask again.
        end_wanted(l);
        table_.touch(r);
        return;
    }
    if (r.status != resource_status::vacant) {
        // The store has ended our hold, and the news of that is late or lost.
        if (l.held)
            end_held(l);
        table_.end(r, r.expires <= now ? table_.end_of_time(r) : lock_state::lost, now, out);
    }
    const auto w = std::find_if(r.waiting.begin(), r.waiting.end(),
                                [ticket](const waiter& each) { return each.ticket == ticket; });
    if (w == r.waiting.end()) {
        end_wanted(l);
        table_.touch(r);
        return;
    }
    if (l.held)
        end_held(l);
    outbox_.remove(*l.wanted);
    table_.set_deadline(l, never);
    l.held = std::exchange(l.wanted, nullptr);
    l.held_ticket = ticket;
    l.held_priority = w->priority;
    l.extending = l.extensions = 0;
    l.failing = false;
    table_.grant(*w, token, until, now, out);
}

/// The store does not have the hold any more, or too little of it: it forgets the rest.
void lease_client::lose(lease& l, lock_state reason, time_point now, table_actions& out) noexcept
{
    end_held(l);
    if (l.where->status != resource_status::vacant)
        table_.end(*l.where, reason, now, out);
}

/// Something was granted that is not known any more: its end is confirmed, and nothing is lost if there is no memory.
void lease_client::give_back(acquisition_id id) noexcept
{
    auto* const a = new (std::nothrow) acquisition;
    if (!a)
        return;
    a->id = id;
    acquisitions_.insert(*a);
    send_end(*a);
}

void lease_client::refused(lease& l, error_code reason, time_point now, table_actions& out) noexcept
{
    resource& r = *l.where;
    const auto ticket = l.wanted_ticket;
    end_wanted(l); // a repetition of the obtain may still be on its way
    const auto can_wait = [](const waiter& w) { return !w.last_try && !w.now_or_never; };
    const auto first = std::find_if(r.waiting.begin(), r.waiting.end(),
                                    [ticket](const waiter& each) { return each.ticket == ticket; });
    table_.touch(r);
    if (first == r.waiting.end())
        return;
    // A store that cannot decide cannot for the others either, and they have waited for it as long: one after the other
    // they would wait for many times of what the store gives itself.
    const bool for_all = reason == errc::no_quorum && can_wait(*first);
    if (!for_all) {
        table_.refuse(*first, reason, now, out);
        return;
    }
    const waiter* stays = nullptr; // the last that was passed; it may be settled by what follows the refusal of another
    for (auto it = r.waiting.begin(); it != r.waiting.end();) {
        waiter& w = *it;
        const bool concerned = w.ticket == ticket || (w.ticket <= l.wanted_since && can_wait(w));
        if (concerned)
            table_.refuse(w, reason, now, out);
        else
            stays = &w;
        const bool is_queued = stays && stays->target->pending == stays;
        it = is_queued ? std::next(r.waiting.iterator_to(const_cast<waiter&>(*stays))) : r.waiting.begin();
    }
}

void lease_client::on_end_reply(acquisition_id id, error_code ec, time_point now) noexcept
{
    acquisition* const a = find(id);
    if (!a || a->of)
        return;
    if (ec) {
        table_.set_deadline(*a, next_try(now));
        return;
    }
    answers_.append(std::move(a->waiting));
    forget(*a);
}

/// It is confirmed that the store has nothing of it.
void lease_client::forget(acquisition& a) noexcept
{
    outbox_.remove(a);
    table_.set_deadline(a, never);
    acquisitions_.erase(acquisitions_.iterator_to(a));
    delete &a;
}

void lease_client::answer_at_end(acquisition_id id, std::shared_ptr<owner_answer> answer) noexcept
{
    acquisition* const a = find(id);
    if (a && !a->of)
        a->waiting.push(std::move(answer));
    else
        answers_.push(std::move(answer));
}

} // namespace priority_redlock::detail
