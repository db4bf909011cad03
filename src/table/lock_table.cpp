// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// In the order of a lock's life: resources, holds and their renewal, acquires and waits, hand-shakes and other ends;
// then what is counted, and what time brings.
//
// A resource is vacant, held or revoking. Every grant of a vacant one passes through `start`, and every end of what is
// held through `vacate`, which hands over to the next in line. All deadlines are in one set, in the order of their
// time, and `advance` does what is due.

#include "table/lock_table.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

namespace priority_redlock::detail {

namespace {

// Spare holds kept for reuse; more than this go back to the heap, as does an unusually long locker id.
constexpr std::size_t max_spare_holds = 1024;
constexpr std::size_t max_spare_name = 256;

// Longer names of resources are not kept when nobody holds or waits for them: they would be what the memory goes for.
constexpr std::size_t max_idle_name = 1024;

/// When the last of n attempts is due: they are 1, 2, 4 ... 128, 128 ... ms apart and the first is now.
time_point last_attempt(const step_time& now, unsigned attempts)
{
    using std::chrono::milliseconds;
    if (attempts == unlimited)
        return never;
    constexpr unsigned doublings = 8;
    const unsigned gaps = attempts - 1;
    const unsigned growing = std::min(gaps, doublings);
    const auto total = milliseconds((1u << growing) - 1) + milliseconds(128) * std::int64_t{gaps - growing};
    return saturating_add(now(), total);
}

time_point after(const step_time& now, duration d)
{
    return d == infinite ? never : saturating_add(now(), d);
}

std::unique_ptr<renewal> make_lease_renewal(duration lease)
{
    auto result = std::make_unique<renewal>(lease, infinite);
    result->stands_for_infinite = true;
    return result;
}

std::unique_ptr<renewal> make_renewal(const acquire_settings& o, duration lease)
{
    if (o.ttl == infinite)
        return lease == infinite ? nullptr : make_lease_renewal(lease);
    return o.auto_extend ? std::make_unique<renewal>(o.ttl, o.max_hold) : nullptr;
}

/// Whether this is so of one of these. Those of which it is not go to the end, so that the next call need not look at
/// them first: as the handles of a locker change one by one, each is looked at a few times in all.
template <class Predicate>
bool any_of(hold_list& holds, Predicate is_so)
{
    const hold* const first = holds.empty() ? nullptr : &holds.front();
    if (!first)
        return false;
    do {
        count_work();
        hold& h = holds.front();
        if (is_so(h))
            return true;
        holds.pop_front();
        holds.push_back(h);
    } while (&holds.front() != first);
    return false;
}

/// Whether the locker holds what it asks for.
bool is_held_by(const resource& r, const acquire_request& request) noexcept
{
    const hold& holder = r.holds.front();
    return !request.anonymous && !holder.anonymous && holder.locker.view() == request.locker;
}

/// P1
bool may_preempt(const resource& r, const acquire_settings& o) noexcept
{
    return o.preempt && o.priority > r.priority;
}

time_point next_deadline_of(const waiter& w) noexcept
{
    return std::min(w.timeout_at, w.last_attempt_at);
}

} // namespace

lock_table::lock_table(lock_domain& domain, duration clock_offset, std::size_t idle_capacity, bool leased,
                       std::string_view id_prefix, const table_rules& rules)
    : domain_(domain), clock_offset_(clock_offset), idle_capacity_(idle_capacity), leased_(leased), rules_(rules),
      ranks_(rules.ageing), siblings_(rules.key),
      graph_(rules.detect_deadlocks ? std::make_unique<wait_graph>(ranks_, rules.key) : nullptr),
      locker_ids_(id_prefix), sampler_(leased || rules.measure_all)
{
}

lock_table::~lock_table()
{
    for (hold* h : spare_holds_)
        delete h;
    deadlines_.clear();
    renewals_.clear_and_dispose(std::default_delete<renewal>());
    for (resource* r : resources_) {
        r->holds.clear();
        r->waiting.clear();
        r->~resource();
        ::operator delete(r);
    }
}

#ifndef NDEBUG

namespace {

thread_local std::uint64_t looked_at = 0;

} // namespace

void count_work() noexcept
{
    ++looked_at;
}

std::uint64_t work_done() noexcept
{
    return looked_at;
}

#endif

// --- resources -------------------------------------------------------------------------------------------------------

resource& lock_table::find_or_create(std::string_view name, std::uint64_t hash, const step_time& now)
{
    const name_key key(name, hash);
    if (const auto it = resources_.find(key); it != resources_.end())
        return **it;

    void* memory = ::operator new(sizeof(resource) + name.size());
    auto* r = new (memory) resource;
    char* text = static_cast<char*>(memory) + sizeof(resource);
    std::memcpy(text, name.data(), name.size()); // which is not empty, as is_valid says
    static_assert(max_name_size <= 1u << 16);
    r->name_size_less_1 = static_cast<std::uint16_t>(name.size() - 1);
    r->hash = key.hash;
    // Fencing (I6): never below what an earlier entry of the same name gave out, nor below what a process that ended
    // before this one can have given out.
    const auto wall = std::chrono::duration_cast<std::chrono::microseconds>(now().time_since_epoch() + clock_offset_);
    r->token = std::max(highest_evicted_token_, static_cast<std::uint64_t>(wall.count()));
    try {
        remembered_.reserve(idle_capacity_ + 1);                 // so that retiring cannot fail
        if (leased_ && touched_.capacity() <= resources_.size()) // nor touching
            touched_.reserve(2 * resources_.size() + 8);
        all_.add(*r);
    } catch (...) {
        destroy(*r);
        throw;
    }
    try {
        resources_.insert(r);
    } catch (...) {
        all_.remove(*r);
        destroy(*r);
        throw;
    }
    return *r;
}

void lock_table::destroy(resource& r) noexcept
{
    drop_deadline(r);
    r.~resource();
    ::operator delete(&r);
}

void lock_table::retire_if_unused(resource& r) noexcept
{
    if (r.remembered || is_used(r))
        return;
    if (r.name().size() > max_idle_name) {
        forget(r);
        return;
    }
    r.remembered = true;
    remembered_.push_back(&r);
    if (remembered_.size() <= idle_capacity_)
        return;
    // There are too many: another one goes, in turn. If it has been taken into use again, it comes back after that.
    if (next_to_go_ >= remembered_.size())
        next_to_go_ = 0;
    resource& going = *remembered_[next_to_go_];
    remembered_[next_to_go_] = remembered_.back();
    remembered_.pop_back();
    ++next_to_go_;
    going.remembered = false;
    if (!is_used(going))
        forget(going);
}

bool lock_table::is_used(const resource& r) noexcept
{
    return r.status != resource_status::vacant || !r.waiting.empty() || r.pins != 0;
}

void lock_table::forget(resource& r) noexcept
{
    highest_evicted_token_ = std::max(highest_evicted_token_, r.token);
    resources_.erase(&r);
    all_.remove(r);
    destroy(r);
}

// --- holds -----------------------------------------------------------------------------------------------------------

hold& lock_table::make_hold(resource& r, const acquire_request& request)
{
    hold* h = nullptr;
    try {
        if (spare_holds_.empty()) {
            // Room for the spare list grows with the number of holds, so that recycling cannot fail.
            if (spare_holds_.capacity() < max_spare_holds && spare_holds_.capacity() <= live_holds_)
                spare_holds_.reserve(std::min(max_spare_holds, live_holds_ * 2 + 8));
            h = new hold;
            h->domain = &domain_;
        } else {
            h = spare_holds_.back();
            spare_holds_.pop_back();
        }
        h->anonymous = request.anonymous;
        h->locker.assign(h->anonymous && request.locker.empty() ? locker_ids_.next() : request.locker);
        if (graph_)
            graph_->add(*h);
    } catch (...) {
        delete h;
        retire_if_unused(r);
        throw;
    }
    pin(r);
    h->where = &r;
    h->references.store(1, std::memory_order_relaxed);
    ++live_holds_;
    return *h;
}

void lock_table::unpin(resource& r) noexcept
{
    --r.pins;
    retire_if_unused(r);
}

void lock_table::recycle(hold& h) noexcept
{
    --live_holds_;
    if (graph_)
        graph_->remove(h);
    unpin(*h.where);
    if (spare_holds_.size() == spare_holds_.capacity() || spare_holds_.size() >= max_spare_holds
        || h.locker.capacity() > max_spare_name) {
        delete &h;
        return;
    }
    h.where = nullptr;
    h.token = 0;
    h.expires.store(never.time_since_epoch().count(), std::memory_order_relaxed);
    h.state.store(lock_state::empty, std::memory_order_relaxed);
    h.handle_gone = h.leaving = false;
    spare_holds_.push_back(&h);
}

/// A vacant resource gets its holder.
inline void lock_table::start(resource& r, hold& h, time_point until, int priority, duration grace)
{
    r.status = resource_status::held;
    r.expires = until;
    if (r.announced) {
        r.announced = false;
        if (priority <= r.priority)
            ++counts_.preemptions_in_vain;
    }
    r.priority = priority;
    r.grace = grace;
    ++grants_;
    if (r.when != never)
        --left_deadlines_;
    const time_point when = std::min(until, ageing_preempts_at(r));
    if (when == never || when < r.when) // what is there from before is early enough, see vacate
        set_deadline(r, when);
    join(r, h, priority, grace);
}

/// A resource that was just granted is renewed from now on.
void lock_table::keep_alive(resource& r, std::unique_ptr<renewal> n, const step_time& now) noexcept
{
    n->where = &r;
    n->limit = after(now, n->max_hold);
    renewals_.insert(*n);
    r.has_renewal = true;
    if (r.expires > n->limit)
        set_end(r, n->limit);
    renewal& kept = *n.release();
    renew_later(kept, now, kept.ttl / 3);
}

/// Has the renewal looked at when `rest` has passed, unless nothing is to be gained any more.
void lock_table::renew_later(renewal& n, const step_time& now, duration rest) noexcept
{
    n.due = false;
    set_deadline(n, n.where->expires >= n.limit ? never : saturating_add(now(), std::max(rest, duration(1))));
}

void lock_table::renew(renewal& n, const step_time& now, table_actions& out)
{
    resource& r = *n.where;
    const bool wanted = r.status == resource_status::held
                        || (!r.grace_over && any_of(r.holds, [](const hold& h) { return !h.handle_gone; }));
    if (is_due(r.expires, now)) { // a lock that has ended does not come back, however late the timer
        end(r, end_of_time(r), now, out);
    } else if (!wanted) {
        set_deadline(n, never);
    } else if (leased_) {
        set_deadline(n, never);
        n.due = true;
        touch(r);
    } else {
        renewed(r, saturating_add(now(), n.ttl), now, out);
    }
}

void lock_table::renewed(resource& r, time_point until, const step_time& now, table_actions& out)
{
    if (!r.has_renewal)
        return;
    if (is_due(r.expires, now)) {
        end(r, end_of_time(r), now, out);
        return;
    }
    renewal& n = renewal_of(r);
    if (n.last && until < n.limit)
        n.limit = std::max(r.expires, until); // the store allows for what its answer took
    set_end(r, std::max(r.expires, std::min(until, n.limit)));
    renew_later(n, now, n.ttl / 3);
}

const renewal* lock_table::take_renewal(resource& r, duration again, const step_time& now) noexcept
{
    if (!r.has_renewal)
        return nullptr;
    renewal& n = renewal_of(r);
    if (!n.due)
        return nullptr;
    renew_later(n, now, std::min(again, n.ttl / 3));
    n.last = n.limit != never && n.ttl > n.limit - now();
    return &n;
}

void lock_table::renew_soon(resource& r, const step_time& now) noexcept
{
    if (!r.has_renewal)
        return;
    renewal& n = renewal_of(r);
    constexpr int tries = 12; // in a ttl
    if (!n.due)
        renew_later(n, now, n.ttl / tries);
}

void lock_table::stop_renewal(resource& r) noexcept
{
    renewal& n = renewal_of(r);
    set_deadline(n, never);
    renewals_.erase_and_dispose(renewals_.iterator_to(n), std::default_delete<renewal>());
    r.has_renewal = false;
}

lock_state lock_table::end_of_time(const resource& r) const noexcept
{
    // What is renewed by a store ends by its own time only at its limit.
    return leased_ && r.has_renewal && r.expires < renewals_.find(r, by_resource())->limit ? lock_state::lost
                                                                                           : lock_state::expired;
}

/// Moves the end of what is held or revoking.
void lock_table::set_end(resource& r, time_point until) noexcept
{
    r.expires = until;
    await_end(r);
    for (hold& each : r.holds) {
        count_work();
        each.expires.store(until.time_since_epoch().count(), std::memory_order_relaxed);
    }
}

/// A further handle of the locker that holds the resource.
void lock_table::join(resource& r, hold& h, int priority, duration grace)
{
    h.joined = !r.holds.empty();
    r.holds.push_back(h);
    h.linked = true;
    h.token = r.token;
    h.handlers.store(1, std::memory_order_relaxed); // the completion of the grant
    // Nobody else changes it: whatever refers to the hold of a waiter gives that up under the mutex.
    h.references.store(h.references.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    h.expires.store(r.expires.time_since_epoch().count(), std::memory_order_relaxed);
    r.grace = std::max(r.grace, grace);
    h.priority.store(r.priority, std::memory_order_relaxed);
    h.state.store(lock_state::held, std::memory_order_release);
    if (priority > r.priority)
        raise(r, priority);
}

void lock_table::raise(resource& r, int priority)
{
    r.priority = priority;
    for (hold& h : r.holds) {
        count_work();
        h.priority.store(priority, std::memory_order_relaxed);
    }
    touch(r);
}

bool lock_table::raise(hold& h, int priority)
{
    if (h.state.load(std::memory_order_relaxed) != lock_state::held)
        return false;
    if (priority > h.where->priority)
        raise(*h.where, priority);
    return true;
}

void lock_table::touch_leased(resource& r) noexcept
{
    if (r.touched)
        return;
    touched_.push_back(&r); // there is room, see find_or_create
    r.touched = true;
}

// --- acquire ---------------------------------------------------------------------------------------------------------

acquire_outcome lock_table::acquire(const acquire_request& request, waiter* w, const step_time& now, table_actions& out)
{
    const acquire_settings& o = request.options;
    std::unique_ptr<renewal> renews = make_renewal(o, rules_.lease);
    resource& r = find_or_create(request.resource, request.hash, now);
    if (r.status != resource_status::vacant && is_due(r.expires, now))
        end(r, end_of_time(r), now, out);

    const bool vacant = r.status == resource_status::vacant;
    if (vacant && !leased_) {
        hold& h = make_hold(r, request);
        ++r.token;
        start(r, h, after(now, o.ttl), o.priority, o.grace);
        if (renews)
            keep_alive(r, std::move(renews), now);
        if (sampler_.is_sampled(grants_)) {
            sampler_.make_room(1);
            sampler_.begin(r, now);
        }
        return {acquire_verdict::granted, &h, {}};
    }

    if (r.status == resource_status::held && is_held_by(r, request)) {
        hold& h = make_hold(r, request);
        join(r, h, o.priority, o.grace);
        ++counts_.re_entrances;
        return {acquire_verdict::granted, &h, {}};
    }

    const bool is_first = outranks_waiters(r, o.priority, now);
    const bool now_or_never = o.timeout == duration::zero();
    if (now_or_never && !(vacant && is_first))
        return refused(errc::acquire_timeout);

    // One try goes on only if it is the thief of this hand-shake.
    const bool once = o.max_attempts == 1;
    if (once && !(is_first && (vacant || may_preempt(r, o))))
        return refused(errc::already_acquired);

    if (!w) {
        retire_if_unused(r);
        return {acquire_verdict::waiting, nullptr, {}};
    }

    const bool has_place = take_place(r);
    if (!has_place && !outranks_last(r, o.priority, now)) {
        retire_if_unused(r);
        return refused(errc::queue_full);
    }
    try {
        prepare(r, *w, request);
    } catch (...) {
        if (has_place && rules_.max_waiters)
            rules_.max_waiters->leave();
        throw;
    }
    if (!has_place && !replace_last(r, now, out)) {
        discard(*w);
        return refused(errc::queue_full);
    }
    w->now_or_never = now_or_never;
    w->last_try = once;
    enqueue(r, *w, request, std::move(renews), now);
    if (leased_)
        refuse_overtaken(r, *w, now, out);
    if (graph_ && closes_cycle(r, *w, now)) {
        refuse(*w, errc::deadlock, now, out);
        return {acquire_verdict::waiting, nullptr, {}};
    }
    revoke_if_outranked(r, now, out);
    return {acquire_verdict::waiting, nullptr, {}};
}

void lock_table::announce(const acquire_request& request, const step_time& now, table_actions& out)
{
    if (leased_)
        return; // the store knows who else waits, and may leave the holder alone (P10)
    const acquire_settings& o = request.options;
    const auto it = resources_.find(name_key(request.resource, request.hash));
    if (it == resources_.end())
        return;
    resource& r = **it;
    if (r.status != resource_status::held || is_due(r.expires, now) || !may_preempt(r, o) || is_held_by(r, request)
        || !outranks_waiters(r, o.priority, now))
        return;
    r.announced = true;
    revoke(r, now, out);
}

/// Whether one of this priority that came now would be the first in line.
inline bool lock_table::outranks_waiters(const resource& r, int priority, const step_time& now) const noexcept
{
    return r.waiting.empty() || is_before(ranks_.key_of(priority, now), *r.waiting.begin());
}

/// Whether one of this priority that came now would be before the last in line.
inline bool lock_table::outranks_last(const resource& r, int priority, const step_time& now) const noexcept
{
    return !r.waiting.empty() && is_before(ranks_.key_of(priority, now), r.waiting.back());
}

/// Whether one more may wait, who counts from now on.
inline bool lock_table::take_place(const resource& r) noexcept
{
    return r.waiters < std::min(rules_.max_waiters_per_resource, resource::max_waiters)
           && (!rules_.max_waiters || rules_.max_waiters->enter());
}

/// The same where the queue is full: one with a higher rank takes the place of the last.
bool lock_table::replace_last(resource& r, const step_time& now, table_actions& out)
{
    fail(r, r.waiting.back(), errc::queue_full, now, out);
    return !rules_.max_waiters || rules_.max_waiters->enter(); // another table may have been quicker
}

/// All that a wait needs memory for, before anybody makes room for it.
void lock_table::prepare(resource& r, waiter& w, const acquire_request& request)
{
    hold& h = make_hold(r, request);
    w.target = &h;
    try {
        siblings_.add(w);
    } catch (...) {
        recycle(*std::exchange(w.target, nullptr));
        throw;
    }
}

/// One that was prepared does not wait.
void lock_table::discard(waiter& w) noexcept
{
    siblings_.remove(w);
    recycle(*std::exchange(w.target, nullptr));
}

void lock_table::enqueue(resource& r, waiter& w, const acquire_request& request, std::unique_ptr<renewal> renews,
                         const step_time& now) noexcept
{
    const acquire_settings& o = request.options;
    hold& h = *w.target;
    h.pending = &w;
    h.priority.store(o.priority, std::memory_order_relaxed);
    w.ticket = request.ticket != 0 ? request.ticket : ++last_ticket_;
    w.priority = o.priority;
    w.rank = ranks_.key_of(o.priority, now);
    w.preempt = o.preempt;
    w.ttl = o.ttl;
    w.grace = o.grace;
    w.renews = std::move(renews);
    w.since = sampler_.is_sampled(++waits_) ? now() : never;
    ++counts_.waiting;
    sampler_.make_room(leased_ ? counts_.waiting : 1);
    w.timeout_at = w.now_or_never ? never : after(now, o.timeout);
    w.last_attempt_at = w.last_try ? never : last_attempt(now, o.max_attempts);
    r.waiting.insert(w);
    if (const auto when = next_deadline_of(w); when != never)
        set_deadline(w, when);
    ++r.waiters;
    everyone_.push_back(w);
    if (graph_)
        graph_->add(w);
    if (w.last_try)
        ++r.last_tries;
    line_changed(r);
    touch(r);
}

/// The store is asked for the first in line alone. One that is not to wait, and now has another one before it, would
/// only hear from the store after that.
void lock_table::refuse_overtaken(resource& r, waiter& first, const step_time& now, table_actions& out)
{
    const auto it = std::next(r.waiting.iterator_to(first));
    if (&*r.waiting.begin() != &first || it == r.waiting.end())
        return;
    waiter& next = *it;
    if (next.now_or_never || next.last_try)
        fail(r, next, next.now_or_never ? errc::acquire_timeout : errc::already_acquired, now, out);
}

/// Those who wait are others: another may be the first in line, or nobody left to be warned for.
void lock_table::line_changed(resource& r) noexcept
{
    if (r.status == resource_status::revoking || (r.status == resource_status::held && ranks_.rises()))
        await_end(r);
}

/// P1, P10. In a leased table the store decides, and tells the holder: the first in line may be another manager's.
inline void lock_table::revoke_if_outranked(resource& r, const step_time& now, table_actions& out)
{
    if (!leased_ && r.status == resource_status::held && is_due(preempts_at(r, ranks_), now) && !is_due(r.expires, now))
        revoke(r, now, out);
}

/// Whether a wait that was just queued makes its locker wait for itself.
bool lock_table::closes_cycle(resource& r, waiter& w, const step_time& now)
{
    try {
        cycle_ = graph_->find_cycle(w, now);
    } catch (...) {
        remove(r, w);
        recycle(*std::exchange(w.target, nullptr));
        throw;
    }
    return !cycle_.empty();
}

/// The same when a better placed wait of its locker is gone.
bool lock_table::is_in_cycle(const waiter& w, const step_time& now) noexcept
try {
    std::string found = graph_->find_cycle(w, now);
    if (found.empty())
        return false;
    cycle_ = std::move(found);
    return true;
} catch (...) { // without memory it is left to wait
    return false;
}

/// Out of every structure of the table.
void lock_table::remove(resource& r, waiter& w)
{
    touch(r);
    --counts_.waiting;
    if (rules_.max_waiters)
        rules_.max_waiters->leave();
    r.waiting.erase(w);
    --r.waiters;
    everyone_.erase(everyone_.iterator_to(w));
    if (graph_)
        graph_->remove(w);
    if (w.last_try)
        --r.last_tries;
    set_deadline(w, never);
    siblings_.remove(w);
    line_changed(r);
}

void lock_table::settle(waiter& w, error_code result, table_actions& out) noexcept
{
    w.target->pending = nullptr;
    w.result = result;
    w.next_settled = nullptr;
    *out.settled_tail = &w;
    out.settled_tail = &w.next_settled;
}

/// A waiter gets no grant. Nor do those that its locker would fall back to, if it waited for itself with them.
void lock_table::fail(resource& r, waiter& w, error_code reason, const step_time& now, table_actions& out)
{
    bool in_cycle = false;
    for (waiter* failing = &w; failing; reason = errc::deadlock) {
        waiter* const next = graph_ ? graph_->fallback(*failing) : nullptr;
        const bool stayed = next && holder_stays(r, ranks_, now);
        remove(r, *failing);
        count_failure(reason);
        settle(*failing, reason, out);
        // Further back its locker waits for more: for all but a holder that the new first in line has go.
        if (!in_cycle || (stayed && !holder_stays(r, ranks_, now)))
            in_cycle = next && is_in_cycle(*next, now);
        failing = in_cycle ? next : nullptr;
    }
}

void lock_table::refuse(waiter& w, error_code reason, const step_time& now, table_actions& out)
{
    resource& r = *w.target->where;
    fail(r, w, reason, now, out);
    revoke_if_outranked(r, now, out); // by the next in line
}

bool lock_table::withdraw(hold& target, const step_time& now, table_actions& out)
{
    if (!target.pending)
        return false;
    refuse(*target.pending, boost::asio::error::operation_aborted, now, out);
    return true;
}

void lock_table::fail_all(error_code reason, table_actions& out)
{
    while (!everyone_.empty()) {
        count_work();
        waiter& w = everyone_.front();
        remove(*w.target->where, w);
        count_failure(reason);
        settle(w, reason, out);
    }
}

// --- ends ------------------------------------------------------------------------------------------------------------

void lock_table::append(hold& h, hold**& tail) noexcept
{
    h.next_told = nullptr;
    *tail = &h;
    tail = &h.next_told;
}

bool lock_table::release(hold& h, const step_time& now, table_actions& out)
{
    resource& r = *h.where;
    switch (h.state.load(std::memory_order_relaxed)) {
    case lock_state::held:
        h.state.store(lock_state::released, std::memory_order_release);
        r.holds.erase(r.holds.iterator_to(h));
        h.linked = false;
        if (!h.notices.empty())
            append(h, out.told_tail);
        if (r.holds.empty())
            vacate(r, now, out);
        else
            revoke_if_leaving(r, now, out);
        return true;
    case lock_state::revoking:
        // Told already, so it stays preempted (P8); letting go is the acknowledgement.
        h.state.store(lock_state::preempted);
        h.handle_gone = true;
        after_handler(h, now, out);
        return true;
    default: return false;
    }
}

bool lock_table::extend(hold& h, time_point until, bool for_ever, const step_time& now, table_actions& out)
{
    if (h.state.load(std::memory_order_relaxed) != lock_state::held)
        return false;
    resource& r = *h.where;
    if (is_due(r.expires, now)) {
        end(r, end_of_time(r), now, out);
        return false;
    }
    const bool by_lease = for_ever && until != never;
    if (r.has_renewal && !by_lease && renewal_of(r).stands_for_infinite)
        stop_renewal(r); // it has a ttl now
    if (!r.has_renewal) {
        std::unique_ptr<renewal> renews = by_lease ? make_lease_renewal(rules_.lease) : nullptr;
        set_end(r, until);
        if (renews)
            keep_alive(r, std::move(renews), now);
        return true;
    }
    renewal& n = renewal_of(r);
    set_end(r, std::min(until, n.limit));
    const duration rest = (r.expires - now()) / 3;
    if (r.expires >= n.limit || n.when > saturating_add(now(), rest)) // which is so if it is never
        renew_later(n, now, rest);
    return true;
}

void lock_table::after_handler(hold& h, const step_time& now, table_actions& out)
{
    resource& r = *h.where;
    if (!h.linked || r.status != resource_status::revoking)
        return;
    if (h.handle_gone && h.handlers.load() == 0) {
        r.holds.erase(r.holds.iterator_to(h));
        h.linked = false;
    }
    check_handshake(r, now, out);
}

void lock_table::revoke(hold& h, const step_time& now, table_actions& out)
{
    if (h.state.load(std::memory_order_relaxed) != lock_state::held)
        return;
    h.leaving = true;
    revoke_if_leaving(*h.where, now, out);
}

void lock_table::revoke_if_leaving(resource& r, const step_time& now, table_actions& out)
{
    if (!any_of(r.holds, [](const hold& each) { return !each.leaving; }))
        revoke(r, now, out);
}

void lock_table::revoke(resource& r, const step_time& now, table_actions& out)
{
    r.status = resource_status::revoking;
    ++counts_.preemptions;
    for (hold& h : r.holds) {
        count_work();
        h.told_at = now();
        h.state.store(lock_state::revoking); // before its handlers are looked at; see may_be_awaited
        append(h, out.told_tail);
    }
    r.grace_over = r.grace == duration::zero();
    await_handshake(r);
    check_handshake(r, now, out);
}

void lock_table::outrank(resource& r, const step_time& now, table_actions& out)
{
    r.outranked = true;
    if (r.status == resource_status::held)
        revoke(r, now, out);
    else if (r.status == resource_status::revoking)
        await_handshake(r);
}

time_point lock_table::end_of_grace(const resource& r) const noexcept
{
    return saturating_add(r.holds.front().told_at, r.grace);
}

/// When the holder overruns; and then at intervals that double, as long as it does.
time_point lock_table::next_warning(const resource& r) const noexcept
{
    const bool bounded = r.grace != duration::zero() && r.grace != infinite;
    const duration first = rules_.overrun_after == infinite || !bounded ? rules_.overrun_after : r.grace;
    return first == infinite ? never
                             : saturating_add(r.holds.front().told_at, first * ((std::int64_t{2} << r.warnings) - 1));
}

/// When the holder has to go because a rank rises. What else has it go does so in the step in which it happens.
inline time_point lock_table::ageing_preempts_at(const resource& r) const noexcept
{
    return ranks_.rises() ? preempts_at(r, ranks_) : never;
}

/// Sets when a resource that is held or revoking is to be looked at.
void lock_table::await_end(resource& r) noexcept
{
    if (r.status == resource_status::revoking)
        await_handshake(r);
    else
        set_deadline(r, std::min(r.expires, ageing_preempts_at(r)));
}

/// Sets when a hand-shake is to be looked at. Nobody is warned for whom nobody waits, or else the timer would keep the
/// context from running out of work.
void lock_table::await_handshake(resource& r) noexcept
{
    time_point when = r.expires;
    if (!r.grace_over)
        when = std::min(when, end_of_grace(r));
    if (r.outranked || !r.waiting.empty())
        when = std::min(when, next_warning(r));
    set_deadline(r, when);
}

void lock_table::warn_if_overrun(resource& r, const step_time& now, table_actions& out) noexcept
{
    if (!is_due(next_warning(r), now) || (r.waiting.empty() && !r.outranked))
        return;
    const bool first = r.warnings == 0;
    do // once, however late the timer
        ++r.warnings;
    while (is_due(next_warning(r), now));
    if (is_due(r.expires, now))
        return; // it goes in this step
    if (first)
        ++counts_.overruns;
    append(r.holds.front(), out.overrunning_tail);
}

const hold* lock_table::successor(const hold& told) noexcept
{
    const resource& r = *told.where;
    if (r.token == told.token)
        return r.waiting.empty() ? nullptr : r.waiting.begin()->target;
    return r.token == told.token + 1 && !r.holds.empty() ? &r.holds.front() : nullptr;
}

/// P3: hands the resource over once the victim has unwound, or its grace is over and its notice handlers have run.
void lock_table::check_handshake(resource& r, const step_time& now, table_actions& out)
{
    if (r.holds.empty() || (r.grace_over && !any_of(r.holds, [](const hold& h) { return h.handlers.load() != 0; })))
        end(r, lock_state::preempted, now, out);
}

/// The holder's time is over, whatever it still does.
void lock_table::end(resource& r, lock_state reason, const step_time& now, table_actions& out)
{
    ++taken_;
    if (r.status != resource_status::revoking)
        ++(reason == lock_state::expired ? counts_.expiries : counts_.losses);
    while (!r.holds.empty()) {
        count_work();
        hold& h = r.holds.front();
        r.holds.pop_front();
        h.linked = false;
        if (r.status == resource_status::revoking) {
            h.state.store(lock_state::preempted, std::memory_order_release); // the first reason stays (P8)
        } else {
            h.state.store(reason, std::memory_order_release);
            append(h, out.told_tail);
        }
    }
    vacate(r, now, out);
}

void lock_table::vacate(resource& r, const step_time& now, table_actions& out)
{
    r.status = resource_status::vacant;
    r.grace_over = r.outranked = false;
    r.warnings = 0;
    if (r.has_renewal)
        stop_renewal(r);
    ++vacated_;
    if (r.place != resource::nowhere)
        count_hold(r, now);
    r.expires = never;
    // The deadline stays. A resource that is held again and again need not have it taken out and put back each time:
    // once in a ttl it is found to be too early.
    if (r.when != never)
        ++left_deadlines_;
    touch(r);
    if (!r.waiting.empty())
        hand_over(r, now, out);
}

/// A vacant resource goes to the best waiter: there is one.
void lock_table::hand_over(resource& r, const step_time& now, table_actions& out)
{
    waiter& best = *r.waiting.begin();
    if (!leased_) {
        ++r.token;
        grant_ring(best, after(now, best.ttl), now, out);
    }
    // Those who waited for this hand-shake only, and lost it. Others of their lockers, behind them, may fail with them.
    const unsigned winners = leased_ && best.last_try ? 1 : 0;
    waiter* passed = nullptr;
    for (auto it = r.waiting.begin(); r.last_tries != winners;) {
        waiter& each = *it;
        if (each.last_try && &each != &best)
            fail(r, each, errc::already_acquired, now, out);
        else
            passed = &each;
        it = passed ? std::next(r.waiting.iterator_to(*passed)) : r.waiting.begin();
    }
}

void lock_table::grant(waiter& w, std::uint64_t token, time_point until, const step_time& now, table_actions& out)
{
    w.target->where->token = token;
    grant_ring(w, until, now, out);
}

/// A vacant resource goes to a waiter, and to the others of its locker by their rank.
void lock_table::grant_ring(waiter& w, time_point until, const step_time& now, table_actions& out)
{
    resource& r = *w.target->where;
    if (w.next_sibling == &w) {
        remove(r, w);
        start(r, *w.target, until, ranks_.priority_at(w.rank, now), w.grace);
        if (w.renews)
            keep_alive(r, std::move(w.renews), now);
        if (sampler_.is_sampled(grants_))
            sampler_.begin(r, now);
        count_wait(w, now);
        settle(w, {}, out);
        return;
    }
    waiter_queue together;
    waiter* each = &w;
    while (each->previous_sibling->ticket < each->ticket) { // to the one that came first
        count_work();
        each = each->previous_sibling;
    }
    for (bool last = false; !last;) {
        count_work();
        waiter& next = *each->next_sibling;
        last = &next == each;
        remove(r, *each);
        together.insert(*each);
        each = &next;
    }
    while (!together.empty()) {
        waiter& first = *together.begin();
        together.erase(first);
        if (r.status == resource_status::vacant) {
            start(r, *first.target, until, ranks_.priority_at(first.rank, now), first.grace);
            if (first.renews)
                keep_alive(r, std::move(first.renews), now);
            if (sampler_.is_sampled(grants_))
                sampler_.begin(r, now);
        } else {
            join(r, *first.target, ranks_.priority_at(first.rank, now), first.grace);
            ++counts_.re_entrances;
        }
        count_wait(first, now);
        settle(first, {}, out);
    }
}

// --- metrics ---------------------------------------------------------------------------------------------------------

void lock_table::add_to(metrics& result) const noexcept
{
    result.grants += grants_;
    result.re_entrances += counts_.re_entrances;
    result.releases += vacated_ - taken_;
    result.preemptions += counts_.preemptions;
    result.preemptions_in_vain += counts_.preemptions_in_vain;
    result.expiries += counts_.expiries;
    result.losses += counts_.losses;
    result.timeouts += counts_.timeouts;
    result.cancellations += counts_.cancellations;
    result.refusals += counts_.refusals;
    result.overruns += counts_.overruns;
    result.held += grants_ - vacated_;
    result.waiting += counts_.waiting;
    result.hold_time += counts_.hold_time;
    result.hold_time.count += vacated_ - counts_.hold_time.count;
    result.wait_time += counts_.wait_time;
    result.wait_time.count += grants_ + counts_.re_entrances - counts_.wait_time.count;
    // As many of those that were granted at once as would have been measured.
    const auto at_once = (grants_ + counts_.re_entrances - waited_) / sampler_.one_in();
    result.wait_time.counts[0] += at_once;
    result.wait_time.sampled += at_once;
}

acquire_outcome lock_table::refused(errc why) noexcept
{
    count_failure(why);
    return {acquire_verdict::refused, nullptr, why};
}

void lock_table::count_failure(error_code why) noexcept
{
    ++(why == errc::acquire_timeout                   ? counts_.timeouts
       : why == boost::asio::error::operation_aborted ? counts_.cancellations
                                                      : counts_.refusals);
}

void lock_table::count_hold(resource& r, const step_time& now) noexcept
{
    counts_.hold_time.add(sampler_.end(r, now));
}

void lock_table::count_wait(const waiter& w, const step_time& now) noexcept
{
    ++waited_;
    if (w.since != never)
        counts_.wait_time.add(now() - w.since);
}

// --- time ------------------------------------------------------------------------------------------------------------

void lock_table::set_deadline(deadline& d, time_point when) noexcept
{
    if (d.when == when)
        return;
    if (d.when != never)
        deadlines_.erase(deadlines_.iterator_to(d));
    d.when = when;
    if (when != never)
        deadlines_.insert(deadlines_.end(), d); // most deadlines are the latest so far
}

/// Takes out the deadline of a vacant resource.
void lock_table::drop_deadline(resource& r) noexcept
{
    if (r.when == never)
        return;
    --left_deadlines_;
    set_deadline(r, never);
}

void lock_table::advance(const step_time& now, table_actions& out)
{
    while (!deadlines_.empty() && deadlines_.begin()->when <= now()) {
        deadline& d = *deadlines_.begin();
        if (d.owner == deadline::owner_kind::lease) {
            set_deadline(d, never);
            auto& due = static_cast<lease_deadline&>(d);
            due.next_due = nullptr;
            *due_tail_ = &due;
            due_tail_ = &due.next_due;
            continue;
        }
        if (d.owner == deadline::owner_kind::renewal) {
            renew(static_cast<renewal&>(d), now, out);
            continue;
        }
        if (d.owner == deadline::owner_kind::resource) {
            auto& r = static_cast<resource&>(d);
            // A late timer serves what is due in the order of its time: a resource only up to the time of its deadline.
            if (r.status == resource_status::vacant) {
                drop_deadline(r);
            } else if (r.when == r.expires) {
                end(r, end_of_time(r), now, out);
            } else if (r.status == resource_status::held) {
                if (is_due(r.expires, now)) // it ends in its turn, and nobody is told to go before that (P6)
                    set_deadline(r, r.expires);
                else if (ageing_preempts_at(r) <= r.when)
                    revoke(r, now, out);
                else
                    await_end(r);
            } else {
                r.grace_over = r.grace_over || end_of_grace(r) <= r.when;
                check_handshake(r, now, out);
                if (r.status == resource_status::revoking) {
                    warn_if_overrun(r, now, out);
                    await_handshake(r);
                }
            }
            continue;
        }
        auto& w = static_cast<waiter&>(d);
        resource& r = *w.target->where;
        if (is_due(w.timeout_at, now)) {
            refuse(w, reachable_ ? errc::acquire_timeout : errc::no_quorum, now, out);
        } else if (!is_due(w.last_attempt_at, now)) {
            set_deadline(w, next_deadline_of(w));
        } else if (r.status == resource_status::held && ageing_preempts_at(r) <= w.last_attempt_at
                   && !is_due(r.expires, now)) {
            revoke(r, now, out); // at this very instant
        } else if ((leased_ || (r.status == resource_status::revoking && w.preempt)) && &*r.waiting.begin() == &w) {
            // The last attempt finds its own hand-shake under way; or lets the store say whether it does.
            w.last_try = true;
            ++r.last_tries;
            w.last_attempt_at = never;
            set_deadline(w, next_deadline_of(w));
            touch(r);
        } else {
            refuse(w, reachable_ ? errc::already_acquired : errc::no_quorum, now, out);
        }
    }
    if (nothing_to_come())
        while (!deadlines_.empty())
            drop_deadline(static_cast<resource&>(*deadlines_.begin()));
}

} // namespace priority_redlock::detail
