// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// One step of a shard's table. It has the mutex from its beginning to its end. Its destructor carries out what the
// table has decided: under the mutex it takes out of the shared structures what is to be told, then it unlocks, and
// only then tells, posts completions, sends requests, sets the timer and writes the log.

#ifndef PRIORITY_REDLOCK_SRC_TABLE_STEP_HPP
#define PRIORITY_REDLOCK_SRC_TABLE_STEP_HPP

#include "log_record.hpp"
#include "manager/shard.hpp"
#include "notice_delivery.hpp"

#include <mutex>
#include <optional>

namespace priority_redlock::detail {

template <class Mutex, class Clock>
class shard<Mutex, Clock>::table_step
{
    shard& shard_;
    std::unique_lock<Mutex> lock_; // before all that would have to go if it threw

public:
    explicit table_step(shard& s) : shard_(s), lock_(s.mutex_) {}
    table_step(const table_step&) = delete;
    table_step& operator=(const table_step&) = delete;
    ~table_step()
    {
        if (!actions.settled && !actions.told && !actions.overrunning && !shard_.detached_ && !shard_.leases_
            && shard_.timer_.wanted(shard_.table_.next_deadline()) == shard_timer::action::none) {
            lock_.unlock();
            lines.write();
            return;
        }
        finish();
    }

    table_actions actions;
    log_lines lines;
    std::optional<thief> announced; // for whom holders are told that nobody waits for yet

    void unreference(hold& h) noexcept
    {
        if (decrement(h.references) == 0)
            recycle(h);
    }

    void recycle(hold& h) noexcept { shard_.table_.recycle(h); }

    /// An acquire that was settled at once is the caller's to complete.
    void take_back(waiter& w) noexcept
    {
        waiter** link = &actions.settled;
        while (*link != &w)
            link = &(*link)->next_settled;
        *link = w.next_settled;
        if (actions.settled_tail == &w.next_settled)
            actions.settled_tail = link;
    }

private:
    void finish() noexcept;
};

template <class Mutex, class Clock>
void shard<Mutex, Clock>::table_step::finish() noexcept
{
    // Under the mutex. The leases come after the log, as they forget for whom a hold goes.
    notice_delivery notices;
    const bool is_watched = (actions.told || actions.overrunning) && shard_.events_->is_watched();
    const std::shared_ptr<event_feed> feed = is_watched ? shard_.events_ : nullptr;
    for (const hold* h = actions.overrunning; h; h = h->next_told)
        if (const auto next = shard_.thief_of(*h)) // who may have given up in the same step
            lines.overrun(*h, *next, Clock::now() - h->told_at, is_watched);
    for (hold* h = actions.told; h; h = h->next_told) {
        lines.end(*h, announced ? announced : shard_.thief_of(*h), is_watched);
        notices.take(h->notices, reason_of(h->state.load(std::memory_order_relaxed)));
    }
    for (waiter* w = actions.settled; w; w = w->next_settled) {
        lines.settle(*w);
        if (w->result == errc::deadlock)
            lines.deadlock(*w->target, shard_.table_.take_cycle());
    }
    owner_answers answers;
    if (shard_.leases_) {
        shard_.leases_->after_step(Clock::now());
        answers = shard_.leases_->take_answers();
    }
    const bool drive = shard_.timer_.begin_driving(shard_.table_.next_deadline());
    const bool send = shard_.leases_ && !shard_.shut_down_ && shard_.leases_->begin_sending();
    // What follows the unlock and uses the shard keeps it: others may end its last hold meanwhile. So does what uses
    // the context, which others may destroy; it is there still, or there would be nothing to do.
    const std::shared_ptr<shard> self = drive || send || !answers.empty() ? shard_.shared_from_this() : nullptr;
    const std::shared_ptr<io_objects> io = self || !notices.empty() || actions.settled ? shard_.io_->borrow() : nullptr;
    const std::shared_ptr<shard> last =
        shard_.is_finished() ? std::exchange(shard_.kept_, nullptr) : std::shared_ptr<shard>();
    lock_.unlock();

    lines.write(feed.get());
    notices.tell();
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
    if (!answers.empty() && io)
        shard_.post(std::move(answers), *io);
    if (drive)
        shard_.drive_timer(*io);
}

} // namespace priority_redlock::detail

#endif
