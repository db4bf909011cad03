// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_SHARD_HPP
#define PRIORITY_REDLOCK_SRC_SHARD_HPP

#include "log_lines.hpp"
#include "manager/context_owned.hpp"
#include "mutex.hpp"
#include "store/lease_client.hpp"
#include "table/lock_table.hpp"

#include <priority_redlock/detail/acquire_op.hpp>
#include <priority_redlock/detail/lock_domain.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// A completion that cannot be posted for want of memory is destroyed, which hands a lock on (I3).
inline void tell(notice& n) noexcept
try {
    n.tell();
} catch (...) {
    log_failure("the end of a lock could not be told");
}

/// A lock table with a mutex and a timer: carries out the table's actions, decides nothing.
///
/// The mutex is held for a step of the table only. Handlers, executors, allocators and the log are called without it,
/// and so is the timer: whoever finds `driven_` false sets it and has the timer to himself until he clears it.
///
/// With a protocol its table is leased: the shard then also sends the requests of a `lease_client`, and passes on what
/// comes back.
///
/// Kept alive by its manager, by every hold, by leases that are still to be given back, and by the pending wait of its
/// timer. Its executor and its timer belong to the execution context, which it may outlive.
template <class Mutex, class Clock>
class shard final : public lock_domain,
                    public protocol::listener,
                    public std::enable_shared_from_this<shard<Mutex, Clock>>
{
    using timer_type = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::any_io_executor>;
    using verdict = manager_backend::outcome::verdict;

    /// What the execution context owns of it.
    struct context_part final : context_owned
    {
        context_part(std::shared_ptr<context_estate> estate, const asio::any_io_executor& ex, std::weak_ptr<shard> s)
            : context_owned(std::move(estate)), executor(ex), owner(std::move(s))
        {
        }

        void shut_down() noexcept override
        {
            if (const auto s = owner.lock())
                s->shut_down();
        }

        const asio::any_io_executor executor;
        std::optional<timer_type> timer; // made when it is needed: with it the context begins to ask its reactor
        const std::weak_ptr<shard> owner;
    };

    // Once the last deadline has gone the timer is set to fire this soon, and only then lets the context run out of
    // work: deadlines come and go with every lock, and to set it costs as much as several of them.
    static constexpr duration linger = std::chrono::milliseconds(10);

public:
    shard(std::size_t idle_capacity, std::string_view id_prefix, std::shared_ptr<protocol> store,
          const table_rules& rules)
        : table_(*this, std::chrono::system_clock::now().time_since_epoch() - Clock::now().time_since_epoch(),
                 idle_capacity, store != nullptr, id_prefix, rules)
    {
        if (store)
            leases_.emplace(std::move(store), table_);
    }

    /// Before the first acquire.
    void start(const asio::any_io_executor& ex)
    {
        context_.emplace(asio::query(ex, asio::execution::context), ex, this->weak_from_this());
        if (leases_)
            leases_->store()->subscribe(leases_->client(), this->weak_from_this());
    }

    // --- the manager's side ---

    manager_backend::outcome acquire(acquire_request& request, acquire_operation* op)
    {
        // An operation that waits may be completed on another thread, and all of this be destroyed by what it has told,
        // before the step has let go of the mutex.
        const auto kept = op ? this->shared_from_this() : nullptr;
        step s(*this);
        if (closed_)
            return {verdict::refused, nullptr, errc::manager_closed};
        if (leases_ && op)
            request.ticket = leases_->next_ticket();
        const auto decided = table_.acquire(request, request.hash, op, current_time(), s.actions);
        switch (decided.what) {
        case lock_table::verdict::granted:
            s.log_grant(*decided.granted);
            return {verdict::granted, decided.granted, {}};
        case lock_table::verdict::refused: return {verdict::refused, nullptr, decided.why};
        case lock_table::verdict::waiting: break;
        }
        if (op) {
            if (!op->target->pending) {
                s.take_back(*op); // settled at once: it is the caller's to complete
                if (op->result == errc::deadlock)
                    s.log_deadlock(*op->target, table_.take_cycle());
                if (op->result)
                    return {verdict::refused, op->target, op->result};
                s.log_grant(*op->target);
                return {verdict::granted, op->target, {}};
            }
            if (op->canceller) {
                increment(op->target->references);
                op->canceller->aim(*op->target);
            }
            s.log_wait(*op->target);
        }
        return {verdict::waiting, nullptr, {}};
    }

    void cancel() noexcept
    {
        step s(*this);
        table_.fail_all(asio::error::operation_aborted, s.actions);
    }

    void close() noexcept
    {
        step s(*this);
        closed_ = true;
        table_.fail_all(asio::error::operation_aborted, s.actions);
    }

    /// The manager is gone: holds that still live keep the shard.
    void detach() noexcept
    {
        step s(*this);
        closed_ = true;
        table_.fail_all(asio::error::operation_aborted, s.actions);
        detached_ = true;
        kept_ = this->shared_from_this(); // until the last hold is gone, which may be at the end of this step
    }

    void add_to(snapshot& result) const
    {
        const std::lock_guard guard(mutex_);
        const step_time now = current_time();
        table_.for_each([&result, &now, this](const struct resource& r) {
            resource_snapshot& each = result.resources.emplace_back();
            each.resource = r.name();
            if (r.now != resource::status::vacant) {
                each.holder.priority = r.priority;
                each.holder.state = r.now == resource::status::held ? lock_state::held : lock_state::revoking;
                each.holder.fencing_token = r.token;
                each.holder.since = table_.since(r);
                each.holder.expires_at = r.expires;
                each.holder.grace = r.grace;
                if (r.now == resource::status::revoking) {
                    each.holder.told_at = r.holds.front().told_at;
                    if (const auto next = thief_of(r.holds.front()))
                        each.holder.thief = thief_snapshot{std::string(next->locker), next->priority};
                }
                for (const hold& h : r.holds) {
                    each.holder.locker_id = h.locker.view();
                    each.holder.handles += h.handle_gone ? 0 : 1;
                }
            }
            for (const waiter& w : r.waiting)
                each.waiters.push_back({.locker_id = std::string(w.target->locker.view()),
                                        .priority = table_.priority_of(*w.target, now),
                                        .rank = table_.rank_of(w, now),
                                        .since = w.since,
                                        .ttl = w.ttl,
                                        .grace = w.grace});
        });
    }

    void add_to(metrics& result) const
    {
        const std::lock_guard guard(mutex_);
        table_.add_to(result);
    }

    // --- the locks' side ---

    time_point now() const noexcept override { return Clock::now(); }

    asio::any_io_executor executor() const override
    {
        const auto context = context_->borrow();
        return context ? context->executor : asio::any_io_executor();
    }

    std::shared_ptr<const void> borrow_context() const noexcept override { return context_->borrow(); }

    std::string_view resource_name(const hold& h) const noexcept override { return h.where->name(); }

    bool release(hold& h) noexcept override
    {
        step s(*this);
        return release_in(s, h);
    }

    void drop(hold& h) noexcept override
    {
        const auto state = h.state.load(std::memory_order_relaxed);
        if (state == lock_state::held || state == lock_state::revoking) {
            step s(*this);
            release_in(s, h);
            s.unreference(h);
        } else {
            unreference(h);
        }
    }

    void delivered(hold& h) noexcept override { notice_done(h); }

    void reference(hold& h) noexcept override { increment(h.references); }

    void unreference(hold& h) noexcept override
    {
        if (decrement(h.references) != 0)
            return;
        step s(*this);
        s.recycle(h);
    }

    bool add_notice(hold& h, notice& n) noexcept override
    {
        const std::lock_guard guard(mutex_);
        if (h.state.load(std::memory_order_relaxed) != lock_state::held || shut_down_)
            return false;
        h.notices.push_back(n);
        count(h);
        return true;
    }

    void count_notice(hold& h) noexcept override
    {
        const std::lock_guard guard(mutex_);
        count(h);
    }

    bool remove_notice(hold& h, notice& n) noexcept override
    {
        const std::lock_guard guard(mutex_);
        return h.notices.remove(n);
    }

    void cancel_notice(hold& h, notice& n) noexcept override
    {
        std::shared_ptr<const void> context; // while n is told
        {
            const std::lock_guard guard(mutex_);
            if (!h.notices.remove(n))
                return;
            context = context_->borrow();
        }
        n.reason = asio::error::operation_aborted;
        tell(n);
    }

    void notice_done(hold& h) noexcept override
    {
        decrement(h.handlers);
        if (lock_table::may_be_awaited(h)) {
            step s(*this);
            table_.after_handler(h, current_time(), s.actions);
            s.unreference(h);
        } else {
            unreference(h);
        }
    }

    void cancel_acquire(hold& h) noexcept override
    {
        step s(*this);
        table_.withdraw(h, current_time(), s.actions);
    }

    void cannot_cancel(hold& h) noexcept override
    {
        step s(*this);
        s.unreference(h);
    }

    bool answers_at_once() const noexcept override { return !leases_; }

    error_code extend(hold& h, duration ttl) override
    {
        step s(*this);
        const auto now = Clock::now();
        return table_.extend(h, saturating_add(now, ttl), ttl == infinite, now, s.actions) ? error_code()
                                                                                           : error_code(errc::not_held);
    }

    void async_release(hold& h, protocol::done_handler handler) override
    {
        error_code result;
        {
            step s(*this);
            const auto id = leases_->held_id(*h.where);
            if (!table_.release(h, Clock::now(), s.actions))
                result = errc::not_held;
            leases_->after_step(Clock::now());
            if (!result && id && leases_->await_end(id, handler))
                return;
        }
        post_result(std::move(handler), result);
    }

    void async_extend(hold& h, duration ttl, protocol::done_handler handler) override
    {
        std::optional<obtain_request> asked;
        std::shared_ptr<protocol> store;
        const auto context = context_->borrow();
        if (context) {
            step s(*this);
            asked = leases_->begin_extend(h, ttl);
            if (asked) {
                increment(h.references);
                store = leases_->store();
            }
        }
        if (!asked) {
            post_result(std::move(handler), errc::not_held);
            return;
        }
        auto on_reply = [self = this->shared_from_this(), &h, id = asked->id, ttl, asked_at = Clock::now(),
                         work = asio::make_work_guard(context->executor),
                         handler = std::move(handler)](error_code ec, const obtain_reply& reply) mutable {
            {
                step s(*self);
                ec = self->leases_->end_extend(h, id, ttl, asked_at, ec, reply, Clock::now(), s.actions);
                s.unreference(h);
            }
            self->post_result(std::move(handler), ec);
        };
        store->obtain(std::move(*asked), std::move(on_reply));
    }

    bool raise(hold& h, int priority) noexcept override
    {
        step s(*this);
        return table_.raise(h, priority);
    }

    void revoke(hold& h) noexcept override
    {
        step s(*this);
        table_.revoke(h, current_time(), s.actions);
    }

    // --- the store's side ---

    void on_event(const protocol_event& event) override
    {
        step s(*this);
        if (!shut_down_)
            leases_->on_event(event, Clock::now(), s.actions);
    }

private:
    /// One step of the table under the mutex; its actions are carried out when it goes, without the mutex.
    class step
    {
    public:
        explicit step(shard& s) : shard_(s), lock_(s.mutex_) {}
        step(const step&) = delete;
        step& operator=(const step&) = delete;
        ~step()
        {
            if (!actions.settled && !actions.told && !actions.overrunning && !shard_.detached_ && !shard_.leases_
                && shard_.wanted_of_timer() == timer_action::none) {
                lock_.unlock();
                lines_.write();
                return;
            }
            finish();
        }

        table_actions actions;

        void unreference(hold& h) noexcept
        {
            if (decrement(h.references) == 0)
                recycle(h);
        }

        void recycle(hold& h) noexcept { shard_.table_.recycle(h); }

        void take_back(waiter& w) noexcept
        {
            waiter** link = &actions.settled;
            while (*link != &w)
                link = &(*link)->next_settled;
            *link = w.next_settled;
            if (actions.settled_tail == &w.next_settled)
                actions.settled_tail = link;
        }

        void log_grant(const hold& h) { lines_.grant(h); }
        void log_end(const hold& h) { lines_.end(h); }
        void log_wait(const hold& h) { lines_.wait(h); }
        void log_deadlock(const hold& refused, const std::string& cycle) { lines_.deadlock(refused, cycle); }
        void log_renewal_failed(const hold& h, error_code why) { lines_.renewal_failed(h, why); }

    private:
        void finish() noexcept
        {
            // Under the mutex: take out of the shared structures what is to be told. The leases come after the log, as
            // they forget for whom a hold goes.
            notice_list to_tell;
            for (const hold* h = actions.overrunning; h; h = h->next_told)
                if (const auto next = shard_.thief_of(*h)) // who may have given up in the same step
                    lines_.overrun(*h, *next, Clock::now() - h->told_at);
            for (hold* h = actions.told; h; h = h->next_told) {
                lines_.end(*h, shard_.thief_of(*h));
                const error_code reason = reason_of(h->state.load(std::memory_order_relaxed));
                h->notices.for_each([reason](notice& n) {
                    n.reason = reason;
                    n.keep();
                });
                to_tell.append(h->notices);
            }
            for (waiter* w = actions.settled; w; w = w->next_settled) {
                lines_.settle(*w);
                if (w->result == errc::deadlock)
                    lines_.deadlock(*w->target, shard_.table_.take_cycle());
            }
            if (shard_.leases_)
                shard_.leases_->after_step(Clock::now());
            const bool drive = shard_.take_timer();
            const bool send = shard_.take_outbox();
            // What follows the unlock and uses the shard keeps it: others may end its last hold meanwhile. So does what
            // uses the context, which others may destroy; it is there still, or there would be nothing to do.
            const std::shared_ptr<shard> self = drive || send ? shard_.shared_from_this() : nullptr;
            const std::shared_ptr<context_part> context =
                self || !to_tell.empty() || actions.settled ? shard_.context_->borrow() : nullptr;
            const std::shared_ptr<shard> last =
                shard_.is_finished() ? std::exchange(shard_.kept_, nullptr) : std::shared_ptr<shard>();
            lock_.unlock();

            lines_.write();
            to_tell.take_all([](notice& n) { tell(n); });
            for (waiter* w = actions.settled; w;) {
                auto* op = static_cast<acquire_operation*>(w);
                w = w->next_settled;
                try {
                    op->complete();
                } catch (...) {
                    log_failure("the result of an acquire could not be delivered");
                }
            }
            if (send)
                shard_.send_outbox();
            if (drive)
                shard_.drive_timer(*context);
        }

        shard& shard_;
        std::unique_lock<Mutex> lock_;
        log_lines lines_;
    };

    /// Nothing is left of a shard whose manager is gone.
    [[nodiscard]] bool is_finished() const noexcept
    {
        return detached_ && table_.live_holds() == 0 && (!leases_ || leases_->idle());
    }

    /// Whom a hold keeps waiting that was told to go: one of this manager, or one that the store has told it of.
    [[nodiscard]] std::optional<thief> thief_of(const hold& told) const noexcept
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

    bool release_in(step& s, hold& h) noexcept
    {
        const bool is_told = !h.notices.empty(); // and logged with the others that are
        const bool ended = table_.release(h, current_time(), s.actions);
        if (ended && !is_told && h.state.load(std::memory_order_relaxed) == lock_state::released)
            s.log_end(h);
        return ended;
    }

    [[nodiscard]] static step_time current_time() noexcept { return step_time(&Clock::now); }

    // The counters of a hold are changed without the mutex, but with one thread there is nothing to pay for.

    static constexpr bool is_shared = !std::is_same_v<Mutex, null_mutex>;

    static void increment(std::atomic<std::uint32_t>& counter) noexcept
    {
        if constexpr (is_shared)
            counter.fetch_add(1);
        else
            counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    static std::uint32_t decrement(std::atomic<std::uint32_t>& counter) noexcept
    {
        if constexpr (is_shared)
            return counter.fetch_sub(1) - 1;
        const auto left = counter.load(std::memory_order_relaxed) - 1;
        counter.store(left, std::memory_order_relaxed);
        return left;
    }

    static void count(hold& h) noexcept
    {
        increment(h.handlers);
        increment(h.references);
    }

    void post_result(protocol::done_handler handler, error_code result)
    {
        if (const auto context = context_->borrow())
            asio::post(context->executor, asio::append(std::move(handler), result));
    }

    // --- the outbox of the leases ---

    /// Under the mutex. True: the caller must call `send_outbox` without it. One thread at a time, so that requests
    /// leave in the order in which they were decided.
    [[nodiscard]] bool take_outbox() noexcept
    {
        if (!leases_ || shut_down_ || leases_->sending || leases_->outbox.empty())
            return false;
        return leases_->sending = true;
    }

    void send_outbox() noexcept
    {
        for (;;) {
            lease_client::request q;
            std::shared_ptr<protocol> store;
            {
                const std::lock_guard guard(mutex_);
                if (leases_->outbox.empty()) {
                    leases_->sending = false;
                    return;
                }
                q = std::move(leases_->outbox.front());
                leases_->outbox.pop_front();
                store = leases_->store();
            }
            try {
                send(std::move(q), *store);
            } catch (...) {
                log_failure("a request could not be sent to the protocol");
            }
        }
    }

    void send(lease_client::request q, protocol& store)
    {
        using verb = lease_client::request::verb;
        const auto id = q.obtain.id;
        const auto weak = this->weak_from_this();
        if (q.what == verb::end) {
            store.end(id, [weak, id](error_code ec) {
                if (const auto self = weak.lock())
                    self->on_end(id, ec);
            });
        } else if (q.what == verb::obtain) {
            store.obtain(std::move(q.obtain), [weak, id](error_code ec, const obtain_reply& reply) {
                if (const auto self = weak.lock()) {
                    step s(*self);
                    if (!self->shut_down_)
                        self->leases_->on_reply(id, ec, reply, Clock::now(), s.actions);
                }
            });
        } else {
            store.obtain(std::move(q.obtain), [weak, about = q.of](error_code ec, const obtain_reply& reply) {
                if (const auto self = weak.lock())
                    self->on_kept(about, ec, reply);
            });
        }
    }

    void on_kept(const lease_client::kept& about, error_code ec, const obtain_reply& reply)
    {
        step s(*this);
        if (shut_down_)
            return;
        if (const hold* const h = ec && about.renews ? leases_->holder(about.id) : nullptr;
            h && leases_->begins_to_fail(about.id)) // one complaint is enough
            s.log_renewal_failed(*h, ec);
        leases_->on_kept(about, ec, reply, Clock::now(), s.actions);
    }

    void on_end(acquisition_id id, error_code ec)
    {
        std::vector<protocol::done_handler> released;
        {
            step s(*this);
            if (!shut_down_)
                released = leases_->on_end(id, ec, Clock::now());
        }
        for (auto& each : released)
            post_result(std::move(each), {});
    }

    // --- the timer ---

    enum class timer_action : std::uint8_t
    {
        none,
        ring,
        arm
    };

    /// What the timer needs. A pending wait is not replaced but rung: cancelled, so that its handler arms it anew. That
    /// allocates nothing, which a release relies on.
    [[nodiscard]] timer_action wanted_of_timer() const noexcept
    {
        const time_point wanted = table_.next_deadline();
        if (shut_down_)
            return timer_action::none;
        if (pending_) {
            const bool late = wanted < armed_at_;
            const bool idle = wanted == never && !lingering_;
            return (late || idle) && !ringing_ ? timer_action::ring : timer_action::none;
        }
        return wanted != never || linger_next_ ? timer_action::arm : timer_action::none;
    }

    /// Under the mutex. True: the caller has the timer to himself and must call `drive_timer` without the mutex.
    [[nodiscard]] bool take_timer() noexcept
    {
        if (driven_ || wanted_of_timer() == timer_action::none)
            return false;
        driven_ = true;
        return true;
    }

    void drive_timer(context_part& context) noexcept
    {
        auto& timer = context.timer;
        for (;;) {
            timer_action action;
            {
                const std::lock_guard guard(mutex_);
                action = wanted_of_timer();
                if (action == timer_action::none) {
                    driven_ = false;
                    return;
                }
                if (action == timer_action::ring) {
                    ringing_ = true;
                } else {
                    armed_at_ = table_.next_deadline();
                    lingering_ = std::exchange(linger_next_, false);
                    if (lingering_)
                        armed_at_ = std::min(armed_at_, Clock::now() + linger);
                    pending_ = true;
                }
            }
            try {
                if (action == timer_action::ring) {
                    timer->cancel();
                } else {
                    if (!timer) {
                        timer.emplace(context.executor);
                        shut_down_before_timers(asio::query(context.executor, asio::execution::context));
                    }
                    timer->expires_at(armed_at_);
                    timer->async_wait([self = this->shared_from_this()](error_code) { self->on_timer(); });
                }
            } catch (...) {
                log_failure("the timer of the deadlines could not be set");
                const std::lock_guard guard(mutex_);
                pending_ = driven_ = false; // the next step tries again
                return;
            }
        }
    }

    void on_timer()
    {
        const std::shared_ptr<protocol> store = current_store();
        const bool reachable = !store || store->reachable();
        step s(*this);
        pending_ = false;
        linger_next_ = std::exchange(ringing_, false);
        table_.set_reachable(reachable);
        table_.advance(Clock::now(), s.actions);
    }

    /// Null without a protocol, and once the context has been shut down.
    [[nodiscard]] std::shared_ptr<protocol> current_store() const
    {
        if (!leases_)
            return nullptr;
        const std::lock_guard guard(mutex_);
        return leases_->store();
    }

    // --- the end of the execution context ---

    /// Destroys the handlers. The context waits for those who do something there at this moment.
    void shut_down() noexcept
    {
        table_actions actions;
        notice_list abandoned;
        lease_client::remains of_leases; // go without the mutex, as everything of the user's
        std::shared_ptr<shard> last;
        {
            const std::lock_guard guard(mutex_);
            shut_down_ = closed_ = true;
            table_.fail_all(asio::error::operation_aborted, actions);
            table_.for_each([&abandoned](const struct resource& r) {
                for (const hold& h : r.holds) {
                    auto& notices = const_cast<hold&>(h).notices;
                    notices.for_each([](notice& n) { n.keep(); });
                    abandoned.append(notices);
                }
            });
            if (leases_)
                of_leases = leases_->abandon();
            if (is_finished())
                last.swap(kept_);
        }
        abandoned.take_all([](notice& n) { n.abandon(); });
        for (waiter* w = actions.settled; w;) {
            auto* op = static_cast<acquire_operation*>(w);
            w = w->next_settled;
            op->destroy_unrun();
        }
    }

    mutable Mutex mutex_;
    std::optional<loan<context_part>> context_; // from the start on; goes last
    lock_table table_;
    time_point armed_at_ = never;
    bool pending_ = false;     // a wait of the timer
    bool ringing_ = false;     // it has been cancelled so that it is armed anew
    bool lingering_ = false;   // it is early, and need not be rung if no deadline is left
    bool linger_next_ = false; // when it is armed next
    bool driven_ = false;      // some thread has the timer to itself
    bool closed_ = false;
    bool detached_ = false;
    bool shut_down_ = false;
    std::optional<lease_client> leases_; // with a protocol
    std::shared_ptr<shard> kept_;        // once the manager is gone, until nothing is left
};

} // namespace priority_redlock::detail

#endif
