// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "compose/composite.hpp"

#include "log_record.hpp"
#include "tell.hpp"

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/initiate_acquire_all.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

namespace priority_redlock::detail {

namespace {

/// A resource that is named again is re-entrant: it has the highest priority, the longest grace and the first ttl. It
/// has one place in the queue for all that named it, and so preempts if any of them would: one that orders only may not
/// take the force from another's priority, which a holder has to expect.
void merge(acquire_settings& options, const acquire_settings& again)
{
    options.priority = std::max(options.priority, again.priority);
    options.preempt = options.preempt || again.preempt;
    options.grace = std::max(options.grace, again.grace);
    options.timeout = std::min(options.timeout, again.timeout);
    options.max_attempts = std::min(options.max_attempts, again.max_attempts);
}

void tell_all(notice_list& notices) noexcept
{
    notices.take_all([](notice& n) { tell(n); });
}

/// Several operations, the first of which starts the others. Calls a function with the first error when all have ended.
template <class Finish>
class joint
{
public:
    explicit joint(Finish finish) : finish_(std::move(finish)) {}

    void add() noexcept { left_.fetch_add(1); }

    void done(error_code ec)
    {
        if (ec && !failed_.exchange(true))
            error_ = ec;
        if (left_.fetch_sub(1) == 1)
            finish_(error_);
    }

private:
    std::atomic<std::size_t> left_ = 1;
    std::atomic<bool> failed_ = false;
    error_code error_;
    Finish finish_;
};

} // namespace

acquire_outcome composite_backend::acquire(acquire_request& request, acquire_operation* op)
{
    const auto is_bad = [&](const part_request& each) {
        request.resource = each.resource;
        request.options = each.options;
        return !request.is_valid();
    };
    if (requests_.empty() || timeout_ < duration::zero() || std::any_of(requests_.begin(), requests_.end(), is_bad))
        return {acquire_verdict::refused, nullptr, errc::invalid_argument};
    auto* const whole = new composite(parts_, std::move(requests_), timeout_, request);
    return whole->start(*op);
}

composite::composite(const std::shared_ptr<manager_backend>& backend, std::vector<part_request> requests,
                     duration timeout, const acquire_request& locker)
    : backend_(backend), cancellations_(backend->cancellations()), cancellations_before_(cancellations_->load()),
      anonymous_(locker.anonymous)
{
    hold_.domain = this;
    if (!anonymous_)
        hold_.locker.assign(locker.locker);
    std::map<std::string, acquire_settings> by_name;
    for (part_request& each : requests) {
        each.options.timeout = std::min(each.options.timeout, timeout);
        const auto [at, is_new] = by_name.try_emplace(std::move(each.resource), each.options);
        if (!is_new)
            merge(at->second, each.options);
    }
    for (const auto& [resource, options] : by_name) {
        name_ += (name_.empty() ? "" : ", ") + resource;
        parts_.emplace_back(*this, parts_.size(), part_request{resource, options});
    }
    const auto start = backend->now();
    for (part& each : parts_)
        each.give_up_at = saturating_add(start, each.request.options.timeout);
    locks_.reserve(parts_.size());
}

acquire_outcome composite::start(acquire_operation& op)
{
    const hold_pin kept(&hold_);
    lock_type guard(mutex_);
    op_ = &op;
    wake(guard);
    guard.lock();
    starting_ = false;
    if (answer_)
        return *answer_;
    if (op.canceller) {
        reference(hold_);
        op.canceller->aim(hold_);
    }
    return {acquire_verdict::waiting, nullptr, {}};
}

// --- what the parts tell ---------------------------------------------------------------------------------------------

void composite::on_settled(part& p, bool abandoned) noexcept
{
    lock_type guard(mutex_);
    p.next_answer = std::exchange(answers_, &p);
    if (abandoned)
        stop(asio::error::operation_aborted, true);
    wake(guard);
}

void composite::on_told(part& p, bool abandoned) noexcept
{
    notice_list dying;
    {
        lock_type guard(mutex_);
        p.watching = false;
        if (phase_ != phase::granted) {
            if (p.handle)
                lost_ = std::min(lost_, p.index);
            if (abandoned)
                stop(asio::error::operation_aborted, true);
        } else if (abandoned) {
            abandoned_ = true;
            take_notices({}, dying);
        } else if (hold_.state.load() == lock_state::held) {
            hold_.state.store(p.reason == asio::error::operation_aborted ? lock_state::revoking
                              : p.reason == errc::expired                ? lock_state::expired
                                                                         : lock_state::lost);
            ended_ = true;
        }
        if (phase_ != phase::granted || ended_)
            wake(guard);
    }
    dying.take_all([](notice& n) { n.abandon(); });
    unreference(hold_);
}

void composite::on_extended(std::size_t index, unsigned round, error_code ec) noexcept
{
    lock_type guard(mutex_);
    if (round != round_)
        return;
    --extensions_;
    if (ec)
        lost_ = std::min(lost_, index);
    wake(guard);
}

void composite::on_abandoned() noexcept
{
    lock_type guard(mutex_);
    stop(asio::error::operation_aborted, true);
    wake(guard);
}

void composite::cancel_acquire(hold&) noexcept
{
    lock_type guard(mutex_);
    stop(asio::error::operation_aborted);
    wake(guard);
}

void composite::stop(error_code why, bool abandoned) noexcept
{
    if (!failure_)
        failure_ = why;
    abandoned_ = abandoned_ || abandoned;
}

// --- driving ---------------------------------------------------------------------------------------------------------

void composite::wake(lock_type& guard) noexcept
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
void composite::schedule() noexcept
{
    struct turns
    {
        composite* first = nullptr;
        composite* last = nullptr;
        bool running = false;
    };
    thread_local turns here;

    next_scheduled_ = nullptr;
    (here.first ? here.last->next_scheduled_ : here.first) = this;
    here.last = this;
    if (here.running)
        return;
    here.running = true;
    while (composite* const next = here.first) {
        here.first = next->next_scheduled_;
        next->drive();
    }
    here.running = false;
}

void composite::drive() noexcept
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
std::shared_ptr<const void> composite::context_of_parts() const noexcept
{
    for (const part& each : parts_) {
        const hold* const h = each.watching ? each.at : each.asking ? each.target : nullptr;
        if (auto context = h ? h->domain->borrow_context() : nullptr)
            return context;
    }
    return nullptr;
}

/// Does the next thing there is to do. False if there is none.
bool composite::advance(lock_type& guard)
{
    if (answers_) {
        take_answer(guard);
        return true;
    }
    if (ended_) {
        pass_on_end(guard);
        return true;
    }
    if (phase_ == phase::granted || phase_ == phase::over)
        return false;
    if (failure_) {
        ++round_;
        phase_ = phase::over;
        give_up_from(0, guard);
        deliver(failure_, guard);
        return true;
    }
    if (lost_ != none) {
        // Those whose ttl runs already would not be kept alive while the lost one is waited for.
        const std::size_t first = std::exchange(phase_, phase::acquiring) == phase::extending ? 0 : lost_;
        ++round_;
        give_up_from(first, guard);
        return true;
    }
    if (phase_ == phase::acquiring) {
        if (taken_ == parts_.size()) {
            extend_all(guard);
            return true;
        }
        part& next = parts_[taken_];
        if (next.asking || next.watching)
            return false; // it will tell
        ask(next, guard);
        return true;
    }
    if (extensions_ != 0)
        return false;
    if (is_cancelled())
        stop(asio::error::operation_aborted); // no acquire was pending that would have ended
    else
        grant(guard);
    return true;
}

// --- acquiring -------------------------------------------------------------------------------------------------------

void composite::ask(part& p, lock_type& guard)
{
    p.asking = true;
    p.unwanted = false;
    p.target = nullptr;
    p.cancel.emplace();
    p.canceller = &*p.cancel;
    reference(hold_);
    guard.unlock();
    const auto got = acquire(p);
    if (anonymous_ && hold_.locker.view().empty())
        if (const hold* first = got.granted ? got.granted : p.target)
            hold_.locker.assign(first->locker.view());
    if (got.what != acquire_verdict::waiting) {
        unreference(hold_);
        p.cancel.reset();
        if (got.what == acquire_verdict::refused && got.granted)
            got.granted->domain->unreference(*got.granted);
    }
    guard.lock();
    if (got.what != acquire_verdict::waiting)
        p.asking = false;
    if (got.what == acquire_verdict::granted)
        take(p, *got.granted, guard);
    if (is_cancelled())
        stop(asio::error::operation_aborted); // between two parts
    if (got.what == acquire_verdict::refused)
        stop(got.why);
}

/// Without the mutex, since the backend may be gone with the end of this call, and tells that it is.
acquire_outcome composite::acquire(part& p) noexcept
{
    const auto backend = backend_.lock();
    if (!backend)
        return {acquire_verdict::refused, nullptr, asio::error::operation_aborted};
    acquire_request request;
    request.resource = p.request.resource;
    request.locker = hold_.locker.view();
    request.anonymous = anonymous_;
    request.options = p.request.options;
    request.options.ttl = infinite; // it counts from the grant of the whole
    request.options.auto_extend = false;
    if (p.give_up_at != never && request.options.timeout != duration::zero()) {
        request.options.timeout = p.give_up_at - backend->now();
        if (request.options.timeout <= duration::zero())
            return {acquire_verdict::refused, nullptr, errc::acquire_timeout};
    }
    try {
        return backend->acquire(request, &p);
    } catch (...) {
        return {acquire_verdict::refused, nullptr, make_error_code(boost::system::errc::not_enough_memory)};
    }
}

/// A part that had to wait is granted, or has failed.
void composite::take_answer(lock_type& guard)
{
    part& p = *std::exchange(answers_, answers_->next_answer);
    const bool unwanted = p.unwanted || phase_ == phase::over;
    p.asking = false;
    if (p.result && !unwanted)
        stop(p.result);
    guard.unlock();
    p.cancel.reset();
    if (p.result && p.target)
        p.target->domain->unreference(*p.target);
    if (!p.result && unwanted) {
        const delivery_ref delivery(p.target);
        const hold_ref undone(p.target);
    }
    unreference(hold_);
    guard.lock();
    if (!p.result && !unwanted)
        take(p, *p.target, guard);
}

/// Holds the part and watches over it.
void composite::take(part& p, hold& h, lock_type& guard)
{
    p.at = &h;
    p.handle = hold_ref(&h);
    p.watching = true;
    taken_ = p.index + 1;
    reference(hold_);
    guard.unlock();
    const bool watched = h.domain->add_notice(h, p);
    if (!watched)
        h.domain->count_notice(h);
    h.domain->delivered(h);
    if (!watched)
        on_told(p, h.state.load(std::memory_order_acquire) == lock_state::held); // lost, or the context is gone
    guard.lock();
}

/// Lets go of the parts from this one on, and of what is asked for.
void composite::give_up_from(std::size_t first, lock_type& guard) noexcept
{
    const std::size_t end = std::exchange(taken_, first);
    if (end < parts_.size() && parts_[end].asking && !parts_[end].unwanted) {
        part& p = parts_[end];
        p.unwanted = true;
        guard.unlock();
        (*p.cancel)(asio::cancellation_type::terminal);
        guard.lock();
    }
    for (std::size_t i = end; i-- > first;) {
        part& p = parts_[i];
        hold_ref handle(std::move(p.handle));
        guard.unlock();
        if (p.at->domain->remove_notice(*p.at, p)) {
            guard.lock();
            p.watching = false;
            guard.unlock();
            unreference(hold_);
        }
        handle = hold_ref();
        p.at->domain->notice_done(*p.at);
        guard.lock();
    }
    if (lost_ >= taken_)
        lost_ = none;
}

/// The answer to an extension, or its end with the execution context.
class composite::extension
{
public:
    extension(composite& c, std::size_t index, unsigned round) noexcept : whole_(&c.hold_), index_(index), round_(round)
    {
    }
    extension(extension&& other) noexcept = default;
    extension& operator=(extension&&) = delete;
    ~extension()
    {
        if (whole_.get())
            of(whole_).on_abandoned();
    }

    void operator()(error_code ec)
    {
        const hold_pin whole(std::move(whole_));
        of(whole).on_extended(index_, round_, ec);
    }

private:
    static composite& of(const hold_pin& pin) noexcept { return static_cast<composite&>(*pin.get()->domain); }

    hold_pin whole_;
    std::size_t index_;
    unsigned round_;
};

/// All are held: their ttls begin. A part that its locker held already keeps its own.
void composite::extend_all(lock_type& guard)
{
    phase_ = phase::extending;
    const unsigned round = ++round_;
    std::vector<part*> limited;
    for (part& each : parts_)
        if (each.request.options.ttl != infinite && !each.at->joined)
            limited.push_back(&each);
    extensions_ = limited.size();
    guard.unlock();
    for (part* const each : limited) {
        hold& h = *each->at;
        if (h.domain->answers_at_once())
            on_extended(each->index, round, h.domain->extend(h, each->request.options.ttl));
        else
            h.domain->async_extend(h, each->request.options.ttl, extension(*this, each->index, round));
    }
    guard.lock();
}

void composite::grant(lock_type& guard)
{
    for (part& each : parts_)
        locks_.push_back(access::make<lock>(std::move(each.handle))); // has room
    phase_ = phase::granted;
    counted_ = true;
    hold_.references.fetch_add(2); // the handle and the delivery
    hold_.handlers.store(1);
    hold_.state.store(lock_state::held);
    deliver({}, guard);
}

void composite::deliver(error_code why, lock_type& guard) noexcept
{
    if (starting_) {
        answer_ = why ? acquire_outcome{acquire_verdict::refused, nullptr, why}
                      : acquire_outcome{acquire_verdict::granted, &hold_, {}};
        return;
    }
    acquire_operation* const op = std::exchange(op_, nullptr);
    op->result = why;
    op->target = why ? nullptr : &hold_;
    const bool unrun = abandoned_;
    guard.unlock();
    try {
        if (unrun)
            op->destroy_unrun();
        else
            op->complete();
    } catch (...) {
        log_failure("the result of an acquire could not be delivered");
    }
    guard.lock();
}

// --- the end ---------------------------------------------------------------------------------------------------------

/// A part has ended and with it the whole: tells its owner, and has the other parts go, too.
void composite::pass_on_end(lock_type& guard) noexcept
{
    ended_ = false;
    const lock_state how = hold_.state.load();
    notice_list to_tell;
    take_notices(reason_of(how), to_tell);
    guard.unlock();
    tell_all(to_tell);
    for (const part& each : parts_) {
        if (how == lock_state::expired || how == lock_state::lost)
            each.at->domain->release(*each.at);
        else
            each.at->domain->revoke(*each.at);
    }
    guard.lock();
    passed_on_ = true;
    if (hold_.handle_gone) { // meanwhile
        guard.unlock();
        for (const part& each : parts_)
            each.at->domain->release(*each.at);
        guard.lock();
    }
    settle_handlers(guard);
}

/// The owner lets go.
template <class LetGo>
bool composite::end_by_owner(LetGo let_go)
{
    std::shared_ptr<const void> context; // while they are told
    notice_list to_tell;
    lock_type guard(mutex_);
    switch (hold_.state.load()) {
    case lock_state::held:
        hold_.state.store(lock_state::released);
        context = context_of_parts();
        take_notices({}, to_tell);
        break;
    case lock_state::revoking:
        hold_.state.store(lock_state::preempted); // the first reason stays (P8)
        hold_.handle_gone = true;
        if (!passed_on_)
            return true; // whoever does that releases the parts afterwards
        break;
    default: return false;
    }
    guard.unlock();
    tell_all(to_tell);
    for (const part& each : parts_)
        let_go(*each.at);
    guard.lock();
    settle_handlers(guard);
    return true;
}

bool composite::release(hold&) noexcept
{
    return end_by_owner([](hold& each) { each.domain->release(each); });
}

void composite::drop(hold& h) noexcept
{
    release(h);
    unreference(h);
}

void composite::unreference(hold& h) noexcept
{
    if (h.references.fetch_sub(1) == 1)
        delete this;
}

/// The notices on the parts count as their handlers for as long as the whole has not ended or has handlers that run.
void composite::settle_handlers(lock_type& guard) noexcept
{
    const bool counts = hold_.state.load() == lock_state::held || hold_.handlers.load() != 0;
    if (counts == counted_)
        return;
    counted_ = counts;
    guard.unlock();
    for (const part& each : parts_) {
        if (counts)
            each.at->domain->count_notice(*each.at);
        else
            each.at->domain->notice_done(*each.at);
    }
    guard.lock();
}

void composite::take_notices(error_code reason, notice_list& taken) noexcept
{
    hold_.notices.for_each([reason](notice& n) {
        n.reason = reason;
        n.keep();
    });
    taken.append(hold_.notices);
}

bool composite::add_notice(hold& h, notice& n) noexcept
{
    const lock_type guard(mutex_);
    if (h.state.load() != lock_state::held || abandoned_)
        return false;
    h.notices.push_back(n);
    h.handlers.fetch_add(1);
    reference(h);
    return true;
}

void composite::count_notice(hold& h) noexcept
{
    lock_type guard(mutex_);
    h.handlers.fetch_add(1);
    reference(h);
    settle_handlers(guard);
}

bool composite::remove_notice(hold&, notice& n) noexcept
{
    const lock_type guard(mutex_);
    return hold_.notices.remove(n);
}

void composite::cancel_notice(hold&, notice& n) noexcept
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

void composite::notice_done(hold& h) noexcept
{
    {
        lock_type guard(mutex_);
        h.handlers.fetch_sub(1);
        settle_handlers(guard);
    }
    unreference(h);
}

// --- all parts at once -----------------------------------------------------------------------------------------------

bool composite::raise(hold& h, int priority) noexcept
{
    for (const part& each : parts_)
        each.at->domain->raise(*each.at, priority);
    return h.state.load() == lock_state::held;
}

void composite::revoke(hold&) noexcept
{
    for (const part& each : parts_)
        each.at->domain->revoke(*each.at);
}

error_code composite::extend(hold& h, duration ttl)
{
    error_code result = h.state.load() == lock_state::held ? error_code() : error_code(errc::not_held);
    for (const part& each : parts_)
        if (!result)
            result = each.at->domain->extend(*each.at, ttl);
    return result;
}

/// Has the handler called with the result of all the operations that are added.
auto composite::joined(asio::any_completion_handler<void(error_code)> handler)
{
    auto post_result = [self = hold_pin(&hold_), this, handler = std::move(handler)](error_code result) mutable {
        const auto context = borrow_context();
        if (const auto ex = executor())
            asio::post(ex, asio::append(std::move(handler), result));
    };
    return std::make_shared<joint<decltype(post_result)>>(std::move(post_result));
}

void composite::async_release(hold&, asio::any_completion_handler<void(error_code)> handler)
{
    const auto all = joined(std::move(handler));
    const bool released = end_by_owner([&all](hold& each) {
        all->add();
        each.domain->async_release(each, [all](error_code) { all->done({}); }); // it may have ended by itself
    });
    all->done(released ? error_code() : error_code(errc::not_held));
}

void composite::async_extend(hold& h, duration ttl, asio::any_completion_handler<void(error_code)> handler)
{
    const auto all = joined(std::move(handler));
    const bool held = h.state.load() == lock_state::held;
    if (held)
        for (const part& each : parts_) {
            all->add();
            each.at->domain->async_extend(*each.at, ttl, [all](error_code ec) { all->done(ec); });
        }
    all->done(held ? error_code() : error_code(errc::not_held));
}

} // namespace priority_redlock::detail
