// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A composite lock as one lock: the domain of its hold. Whatever ends one part ends the whole, and whatever the owner
// does to the whole is done to every part. How it is acquired is in composite_acquire.cpp.

#include "compose/composite_lock.hpp"

#include "log_record.hpp"
#include "notice_delivery.hpp"
#include "owner_answer.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace priority_redlock::detail {

// --- following up ----------------------------------------------------------------------------------------------------

void composite_lock::wake(lock_type& guard) noexcept
{
    const bool rested = !std::exchange(busy_, true);
    if (rested) {
        reference(hold_);
        context_ = context_of_parts();
    }
    guard.unlock();
    if (rested)
        schedule();
}

/// What one composite lets go the next may wait for, and what that one lets go a third. They take turns on the stack.
void composite_lock::schedule() noexcept
{
    struct turns
    {
        composite_lock* first = nullptr;
        composite_lock* last = nullptr;
        bool running = false;
    };
    thread_local turns here;

    next_scheduled_ = nullptr;
    (here.first ? here.last->next_scheduled_ : here.first) = this;
    here.last = this;
    if (here.running)
        return;
    here.running = true;
    while (composite_lock* const next = here.first) {
        here.first = next->next_scheduled_;
        next->drive();
    }
    here.running = false;
}

void composite_lock::drive() noexcept
{
    std::shared_ptr<const void> context; // goes without the mutex
    {
        lock_type guard(mutex_);
        for (bool more = true; more;) {
            if (!context_)
                context_ = context_of_parts();
            try {
                more = advance(guard);
            } catch (...) {
                if (!guard.owns_lock())
                    guard.lock();
                stop(make_error_code(boost::system::errc::not_enough_memory));
            }
        }
        busy_ = false;
        context.swap(context_);
    }
    unreference(hold_);
}

/// Keeps the context of those who are to be told. It is there as long as this has not been abandoned, since a part
/// tells before it lets go of the context.
std::shared_ptr<const void> composite_lock::context_of_parts() const noexcept
{
    for (const part& each : parts_) {
        const hold* const h = each.notice_linked ? each.granted : each.acquiring ? each.target : nullptr;
        if (auto context = h ? h->domain->borrow_context() : nullptr)
            return context;
    }
    return nullptr;
}

/// Does the next thing that there is to do. False if there is none.
bool composite_lock::advance(lock_type& guard)
{
    if (results_) {
        take_result(guard);
        return true;
    }
    if (ended_) {
        propagate_end(guard);
        return true;
    }
    if (phase_ == phase::granted || phase_ == phase::over)
        return false;
    return advance_acquire(guard);
}

// --- the end ---------------------------------------------------------------------------------------------------------

void composite_lock::on_part_ended(part& p, bool abandoned) noexcept
{
    notice_delivery notices;
    {
        lock_type guard(mutex_);
        p.notice_linked = false;
        if (phase_ != phase::granted) {
            if (p.handle)
                first_lost_ = std::min(first_lost_, p.index);
            if (abandoned)
                stop(asio::error::operation_aborted, true);
        } else if (abandoned) {
            abandoned_ = true;
            notices.take(hold_.notices, {});
        } else if (hold_.state.load() == lock_state::held) {
            hold_.state.store(p.reason == asio::error::operation_aborted ? lock_state::revoking
                              : p.reason == errc::expired                ? lock_state::expired
                                                                         : lock_state::lost);
            ended_ = true;
        }
        if (phase_ != phase::granted || ended_)
            wake(guard);
    }
    notices.abandon();
    unreference(hold_);
}

/// A part has ended and with it the whole: tells its owner, and has the other parts go, too.
void composite_lock::propagate_end(lock_type& guard) noexcept
{
    ended_ = false;
    const lock_state how = hold_.state.load();
    notice_delivery notices;
    notices.take(hold_.notices, reason_of(how));
    guard.unlock();
    notices.tell();
    for (const part& each : parts_) {
        if (how == lock_state::expired || how == lock_state::lost)
            each.granted->domain->release(*each.granted);
        else
            each.granted->domain->revoke(*each.granted);
    }
    guard.lock();
    propagated_ = true;
    if (hold_.handle_gone) { // meanwhile
        guard.unlock();
        for (const part& each : parts_)
            each.granted->domain->release(*each.granted);
        guard.lock();
    }
    update_part_handlers(guard);
}

/// The owner lets go.
template <class LetGo>
bool composite_lock::end_by_owner(LetGo let_go)
{
    std::shared_ptr<const void> context; // while they are told
    notice_delivery notices;
    lock_type guard(mutex_);
    switch (hold_.state.load()) {
    case lock_state::held:
        hold_.state.store(lock_state::released);
        context = context_of_parts();
        notices.take(hold_.notices, {});
        break;
    case lock_state::revoking:
        hold_.state.store(lock_state::preempted); // the first reason stays (P8)
        hold_.handle_gone = true;
        if (!propagated_)
            return true; // whoever does that releases the parts afterwards
        break;
    default: return false;
    }
    guard.unlock();
    notices.tell();
    for (const part& each : parts_)
        let_go(*each.granted);
    guard.lock();
    update_part_handlers(guard);
    return true;
}

bool composite_lock::release(hold&) noexcept
{
    return end_by_owner([](hold& each) { each.domain->release(each); });
}

void composite_lock::drop(hold& h) noexcept
{
    release(h);
    unreference(h);
}

void composite_lock::unreference(hold& h) noexcept
{
    if (h.references.fetch_sub(1) == 1)
        delete this;
}

/// The notices on the parts count as their handlers for as long as the whole has not ended or has handlers that run.
void composite_lock::update_part_handlers(lock_type& guard) noexcept
{
    const bool counts = hold_.state.load() == lock_state::held || hold_.handlers.load() != 0;
    if (counts == counted_)
        return;
    counted_ = counts;
    guard.unlock();
    for (const part& each : parts_) {
        if (counts)
            each.granted->domain->count_notice(*each.granted);
        else
            each.granted->domain->notice_done(*each.granted);
    }
    guard.lock();
}

bool composite_lock::add_notice(hold& h, notice& n) noexcept
{
    const lock_type guard(mutex_);
    if (h.state.load() != lock_state::held || abandoned_)
        return false;
    h.notices.push_back(n);
    h.handlers.fetch_add(1);
    reference(h);
    return true;
}

void composite_lock::count_notice(hold& h) noexcept
{
    lock_type guard(mutex_);
    h.handlers.fetch_add(1);
    reference(h);
    update_part_handlers(guard);
}

bool composite_lock::remove_notice(hold&, notice& n) noexcept
{
    const lock_type guard(mutex_);
    return hold_.notices.remove(n);
}

void composite_lock::cancel_notice(hold&, notice& n) noexcept
{
    std::shared_ptr<const void> context; // while n is told
    {
        const lock_type guard(mutex_);
        if (!hold_.notices.remove(n))
            return;
        context = context_of_parts();
    }
    n.reason = asio::error::operation_aborted;
    tell(n);
}

void composite_lock::notice_done(hold& h) noexcept
{
    {
        lock_type guard(mutex_);
        h.handlers.fetch_sub(1);
        update_part_handlers(guard);
    }
    unreference(h);
}

// --- all parts at once -----------------------------------------------------------------------------------------------

bool composite_lock::raise(hold& h, int priority) noexcept
{
    for (const part& each : parts_)
        each.granted->domain->raise(*each.granted, priority);
    return h.state.load() == lock_state::held;
}

void composite_lock::revoke(hold&) noexcept
{
    for (const part& each : parts_)
        each.granted->domain->revoke(*each.granted);
}

error_code composite_lock::extend(hold& h, duration ttl)
{
    error_code result = h.state.load() == lock_state::held ? error_code() : error_code(errc::not_held);
    for (const part& each : parts_)
        if (!result)
            result = each.granted->domain->extend(*each.granted, ttl);
    return result;
}

/// An operation on all parts, each of which is an operation of its own. The first one starts the others, and the last
/// one to end has the owner told the first error.
class composite_lock::joint_operation
{
public:
    joint_operation(composite_lock& c, asio::any_completion_handler<void(error_code)> handler)
        : whole_(&c.hold_), answer_(std::make_shared<owner_answer>(std::move(handler), c.executor()))
    {
    }

    void add() noexcept { left_.fetch_add(1); }

    void done(error_code ec) noexcept
    {
        if (ec && !failed_.exchange(true))
            answer_->result = ec;
        if (left_.fetch_sub(1) == 1)
            whole_.get()->domain->answer(std::move(answer_));
    }

private:
    const hold_pin whole_;
    std::atomic<std::size_t> left_ = 1;
    std::atomic<bool> failed_ = false;
    std::shared_ptr<owner_answer> answer_;
};

void composite_lock::async_release(hold&, asio::any_completion_handler<void(error_code)> handler)
{
    const auto context = borrow_context(); // of whose work the operation is
    const auto all = std::make_shared<joint_operation>(*this, std::move(handler));
    const bool released = end_by_owner([&all](hold& each) {
        all->add();
        try {
            each.domain->async_release(each, [all](error_code) { all->done({}); }); // it may have ended by itself
        } catch (...) {                                                             // without memory to be told of it
            each.domain->release(each);
            all->done({});
        }
    });
    all->done(released ? error_code() : error_code(errc::not_held));
}

void composite_lock::async_extend(hold& h, duration ttl, asio::any_completion_handler<void(error_code)> handler)
{
    const auto context = borrow_context(); // of whose work the operation is
    const auto all = std::make_shared<joint_operation>(*this, std::move(handler));
    const bool held = h.state.load() == lock_state::held;
    if (held)
        for (const part& each : parts_) {
            all->add();
            each.granted->domain->async_extend(*each.granted, ttl, [all](error_code ec) { all->done(ec); });
        }
    all->done(held ? error_code() : error_code(errc::not_held));
}

} // namespace priority_redlock::detail
