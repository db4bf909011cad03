// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What managers, locks and the timer ask of a shard. Each is a step of the table, or reads it under the mutex.
//
// Said to be inline is what every acquire and release passes through: else it is not.

#ifndef PRIORITY_REDLOCK_SRC_IMPL_SHARD_HPP
#define PRIORITY_REDLOCK_SRC_IMPL_SHARD_HPP

#include "log_record.hpp"
#include "manager/impl/table_step.hpp"
#include "manager/shard.hpp"
#include "manager/surroundings.hpp"
#include "notice_delivery.hpp"

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/posting_memory.hpp>
#include <priority_redlock/metrics.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <mutex>
#include <string>

namespace priority_redlock::detail {

template <class Mutex, class Clock>
shard<Mutex, Clock>::shard(std::size_t idle_capacity, std::string_view id_prefix, std::shared_ptr<protocol> store,
                           const table_rules& rules, std::shared_ptr<event_feed> events)
    : table_(*this, surroundings<Clock>::system_time() - Clock::now().time_since_epoch(), idle_capacity,
             store != nullptr, id_prefix, rules),
      events_(std::move(events))
{
    if (store)
        leases_.emplace(std::move(store), table_, surroundings<Clock>::random_number());
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::start(const asio::any_io_executor& ex)
{
    io_.emplace(asio::query(ex, asio::execution::context), ex, this->weak_from_this());
    if (leases_)
        leases_->store()->subscribe(leases_->client(), this->weak_from_this());
}

// --- for the manager -------------------------------------------------------------------------------------------------

template <class Mutex, class Clock>
inline acquire_outcome shard<Mutex, Clock>::acquire(acquire_request& request, acquire_operation* op)
{
    // An operation that waits may be completed on another thread, and all of this be destroyed by what it has told,
    // before the step has let go of the mutex.
    const auto kept = op ? this->shared_from_this() : nullptr;
    table_step step(*this);
    if (closed_)
        return {acquire_verdict::refused, nullptr, errc::manager_closed};
    if (leases_ && op) {
        leases_->reserve();
        request.ticket = leases_->next_ticket(surroundings<Clock>::system_time());
    }
    const auto decided = table_.acquire(request, op, current_time(), step.actions);
    switch (decided.what) {
    case acquire_verdict::granted: step.lines.grant(*decided.granted); return decided;
    case acquire_verdict::refused: return decided;
    case acquire_verdict::waiting: break;
    }
    if (op) {
        if (!op->target->pending) {
            step.take_back(*op);
            if (op->result == errc::deadlock)
                step.lines.deadlock(*op->target, table_.take_cycle());
            if (op->result)
                return {acquire_verdict::refused, op->target, op->result};
            step.lines.grant(*op->target);
            return {acquire_verdict::granted, op->target, {}};
        }
        if (op->canceller) {
            increment(op->target->references);
            op->canceller->aim(*op->target);
        }
        step.lines.wait(*op->target);
    }
    return decided;
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::announce(const acquire_request& request) noexcept
{
    table_step step(*this);
    step.announced = thief{request.locker, request.options.priority};
    if (!closed_)
        table_.announce(request, current_time(), step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::cancel() noexcept
{
    table_step step(*this);
    table_.fail_all(asio::error::operation_aborted, step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::close() noexcept
{
    table_step step(*this);
    closed_ = true;
    table_.fail_all(asio::error::operation_aborted, step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::detach() noexcept
{
    table_step step(*this);
    closed_ = true;
    table_.fail_all(asio::error::operation_aborted, step.actions);
    detached_ = true;
    kept_ = this->shared_from_this(); // until the last hold is gone, which may be at the end of this step
}

template <class Mutex, class Clock>
bool shard<Mutex, Clock>::copy(resource_walk& walk, std::size_t& work, snapshot& result)
{
    const std::lock_guard guard(mutex_);
    const step_time now = current_time();
    return table_.visit(walk, work, [&result, &now, this](const struct resource& r) {
        std::size_t copied = 0;
        resource_snapshot& each = result.resources.emplace_back();
        each.resource = r.name();
        if (r.status != resource_status::vacant) {
            each.holder.priority = r.priority;
            each.holder.state = r.status == resource_status::held ? lock_state::held : lock_state::revoking;
            each.holder.fencing_token = r.token;
            each.holder.since = table_.since(r);
            each.holder.expires_at = r.expires;
            each.holder.grace = r.grace;
            if (r.status == resource_status::revoking) {
                each.holder.told_at = r.holds.front().told_at;
                if (const auto next = thief_of(r.holds.front()))
                    each.holder.thief = thief_snapshot{std::string(next->locker), next->priority};
            }
            each.holder.locker_id = r.holds.front().locker.view();
            for (const hold& h : r.holds) {
                count_work();
                ++copied;
                each.holder.handles += h.handle_gone ? 0 : 1;
            }
        }
        each.waiters.reserve(r.waiters);
        for (const waiter& w : r.waiting) {
            ++copied;
            each.waiters.push_back({.locker_id = std::string(w.target->locker.view()),
                                    .priority = table_.priority_of(*w.target, now),
                                    .rank = table_.rank_of(w, now),
                                    .since = w.since,
                                    .ttl = w.ttl,
                                    .grace = w.grace});
        }
        return copied;
    });
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::stop(resource_walk& walk) noexcept
{
    const std::lock_guard guard(mutex_);
    table_.stop(walk);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::add_to(metrics& result) const
{
    const std::lock_guard guard(mutex_);
    table_.add_to(result);
}

/// Whom a hold keeps waiting that was told to go: one of this manager, or one that the store has told it of.
template <class Mutex, class Clock>
std::optional<thief> shard<Mutex, Clock>::thief_of(const hold& told) const noexcept
{
    const hold* const here = lock_table::successor(told);
    std::optional<thief> next;
    if (here)
        next = thief{here->locker.view(), table_.priority_of(*here, current_time())};
    if (leases_) {
        const auto elsewhere = leases_->thief_of(*told.where);
        if (elsewhere && !(next && next->priority >= *elsewhere))
            next = thief{{}, *elsewhere};
    }
    return next;
}

// --- for the locks ---------------------------------------------------------------------------------------------------

template <class Mutex, class Clock>
asio::any_io_executor shard<Mutex, Clock>::executor() const
{
    const auto io = io_->borrow();
    return io ? io->executor : asio::any_io_executor();
}

template <class Mutex, class Clock>
inline bool shard<Mutex, Clock>::release_in(table_step& step, hold& h) noexcept
{
    const bool is_told = !h.notices.empty(); // and logged with the others that are
    const bool ended = table_.release(h, current_time(), step.actions);
    if (ended && !is_told && h.state.load(std::memory_order_relaxed) == lock_state::released)
        step.lines.release(h);
    return ended;
}

template <class Mutex, class Clock>
bool shard<Mutex, Clock>::release(hold& h) noexcept
{
    table_step step(*this);
    return release_in(step, h);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::drop(hold& h) noexcept
{
    const auto state = h.state.load(std::memory_order_relaxed);
    if (state == lock_state::held || state == lock_state::revoking) {
        table_step step(*this);
        release_in(step, h);
        step.unreference(h);
    } else {
        unreference(h);
    }
}

template <class Mutex, class Clock>
inline void shard<Mutex, Clock>::unreference(hold& h) noexcept
{
    if (is_last_reference(h) || decrement(h.references) == 0)
        recycle(h);
}

/// Nothing refers to the hold any more. That brings no deadline nearer and tells nobody, so that it needs no step;
/// unless the manager is gone, and this is what it was kept for.
template <class Mutex, class Clock>
inline void shard<Mutex, Clock>::recycle(hold& h) noexcept
{
    std::shared_ptr<shard> last;
    const std::lock_guard guard(mutex_);
    table_.recycle(h);
    if (detached_ && is_finished())
        last = std::exchange(kept_, nullptr);
}

template <class Mutex, class Clock>
bool shard<Mutex, Clock>::add_notice(hold& h, notice& n) noexcept
{
    const std::lock_guard guard(mutex_);
    if (h.state.load(std::memory_order_relaxed) != lock_state::held || shut_down_)
        return false;
    h.notices.push_back(n);
    count(h);
    return true;
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::count_notice(hold& h) noexcept
{
    const std::lock_guard guard(mutex_);
    count(h);
}

template <class Mutex, class Clock>
bool shard<Mutex, Clock>::remove_notice(hold& h, notice& n) noexcept
{
    const std::lock_guard guard(mutex_);
    return h.notices.remove(n);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::cancel_notice(hold& h, notice& n) noexcept
{
    std::shared_ptr<const void> context; // while n is told
    {
        const std::lock_guard guard(mutex_);
        if (!h.notices.remove(n))
            return;
        context = borrow_context();
    }
    n.reason = asio::error::operation_aborted;
    tell(n);
}

template <class Mutex, class Clock>
inline void shard<Mutex, Clock>::notice_done(hold& h) noexcept
{
    // Released, and so out of the table: nobody asks whether its handlers have run.
    if (is_last_reference(h) && h.state.load(std::memory_order_relaxed) == lock_state::released) {
        recycle(h);
        return;
    }
    decrement(h.handlers);
    if (lock_table::may_be_awaited(h)) {
        table_step step(*this);
        table_.after_handler(h, current_time(), step.actions);
        step.unreference(h);
    } else {
        unreference(h);
    }
}

template <class Mutex, class Clock>
bool shard<Mutex, Clock>::raise(hold& h, int priority) noexcept
{
    table_step step(*this);
    return table_.raise(h, priority);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::revoke(hold& h) noexcept
{
    table_step step(*this);
    table_.revoke(h, current_time(), step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::cancel_acquire(hold& h) noexcept
{
    table_step step(*this);
    table_.withdraw(h, current_time(), step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::cannot_cancel(hold& h) noexcept
{
    table_step step(*this);
    step.unreference(h);
}

template <class Mutex, class Clock>
error_code shard<Mutex, Clock>::extend(hold& h, duration ttl)
{
    table_step step(*this);
    const auto now = Clock::now();
    const bool held = table_.extend(h, saturating_add(now, ttl), ttl == infinite, now, step.actions);
    return held ? error_code() : error_code(errc::not_held);
}

// --- the timer -------------------------------------------------------------------------------------------------------

/// What the timer calls. Where an executor has no memory to call it, it is destroyed.
template <class Mutex, class Clock>
class shard<Mutex, Clock>::timer_handler
{
public:
    using allocator_type =
        posting_allocator<void, timer_memory, asio::recycling_allocator<void>, std::shared_ptr<timer_memory>>;

    explicit timer_handler(std::shared_ptr<shard> s) noexcept : memory_(s, &s->timer_memory_), shard_(std::move(s)) {}
    timer_handler(timer_handler&& other) noexcept : memory_(other.memory_), shard_(std::move(other.shard_)) {}
    timer_handler& operator=(timer_handler&&) = delete;
    ~timer_handler()
    {
        if (shard_)
            shard_->on_timer_lost();
    }

    [[nodiscard]] allocator_type get_allocator() const noexcept { return {memory_, {}}; }

    void operator()(error_code = {})
    {
        const auto s = std::exchange(shard_, nullptr);
        s->on_timer();
    }

private:
    std::shared_ptr<timer_memory> memory_; // of the shard, also when this was moved from
    std::shared_ptr<shard> shard_;
};

/// Does what `timer_` says, without the mutex.
template <class Mutex, class Clock>
void shard<Mutex, Clock>::drive_timer(io_objects& io) noexcept
{
    using action = shard_timer::action;
    for (;;) {
        action next;
        {
            const std::lock_guard guard(mutex_);
            next = timer_.next(table_.next_deadline(), current_time());
        }
        if (next == action::none)
            return;
        if (next == action::arm) {
            try {
                arm_timer(io);
            } catch (...) {
                log_failure("the timer of the deadlines could not be set");
                const std::lock_guard guard(mutex_);
                timer_.leave();
                return;
            }
        } else if (io.timer) {
            io.timer->cancel(); // allocates nothing, and so does not throw
        }
    }
}

/// Begins the wait. Throws only where the executor needs memory to be posted to.
template <class Mutex, class Clock>
void shard<Mutex, Clock>::arm_timer(io_objects& io)
{
    try {
        if (!io.timer) {
            io.timer.emplace(io.executor);
            shut_down_listeners_before_timers(asio::query(io.executor, asio::execution::context));
        }
        io.timer->expires_at(timer_.armed_at());
        io.timer->async_wait(timer_handler(this->shared_from_this()));
        return;
    } catch (...) {
    }
    {
        const std::lock_guard guard(mutex_);
        timer_.posted();
    }
    timer_handler handler(this->shared_from_this());
    const auto allocator = handler.get_allocator();
    post_on(io.executor, allocator, std::move(handler));
}

/// The wait will not end. Whoever drives the timer finds that out; else a step does that follows.
template <class Mutex, class Clock>
void shard<Mutex, Clock>::on_timer_lost() noexcept
{
    table_step step(*this);
    timer_.lost();
}

/// Carries out what is due: ttls and graces that are over, acquires whose timeout has come, renewals.
template <class Mutex, class Clock>
void shard<Mutex, Clock>::on_timer()
{
    const std::shared_ptr<protocol> store = current_store();
    const bool reachable = !store || store->reachable();
    table_step step(*this);
    timer_.fired();
    table_.set_reachable(reachable);
    table_.advance(Clock::now(), step.actions);
}

} // namespace priority_redlock::detail

#endif
