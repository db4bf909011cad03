// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How a composite lock is acquired. It asks for its parts in the order of their names, one at a time. When it has to
// wait, those who hold the parts behind are told to go at once if it outranks them (P12). A part that is
// lost before the whole is granted is asked for again; the parts after it are let go, so that none is held while one
// before it is waited for. When all are held their ttls begin together, and the whole is granted. A timeout, a refusal,
// a cancellation or the end of the execution context has it let go of what it holds and fail.

#include "compose/composite_lock.hpp"
#include "log_record.hpp"

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/initiate_acquire_all.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <exception>
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

} // namespace

composite_backend::composite_backend(std::shared_ptr<manager_backend> parts, std::vector<part_request> requests,
                                     duration timeout)
    : parts_(std::move(parts)), requests_(std::move(requests)), timeout_(timeout)
{
    set_crowded(true); // nothing is decided without an operation
}

composite_backend::~composite_backend() = default;

void composite_backend::announce(acquire_request&) noexcept {}

void composite_backend::cancel() noexcept {}

void composite_backend::close() noexcept {}

time_point composite_backend::now() const noexcept
{
    return parts_->now();
}

bool composite_backend::answers_at_once() const noexcept
{
    return false;
}

std::unique_ptr<snapshot_walk> composite_backend::begin_snapshot() const
{
    return nullptr;
}

metrics composite_backend::take_metrics() const
{
    return {};
}

acquire_outcome composite_backend::acquire(acquire_request& request, acquire_operation* op)
{
    const auto is_bad = [&](const part_request& each) {
        request.resource = each.resource;
        request.options = each.options;
        return !request.is_valid();
    };
    if (requests_.empty() || timeout_ < duration::zero() || std::any_of(requests_.begin(), requests_.end(), is_bad))
        return {acquire_verdict::refused, nullptr, errc::invalid_argument};
    auto* const whole = new composite_lock(parts_, std::move(requests_), timeout_, request);
    return whole->start(*op);
}

composite_lock::composite_lock(const std::shared_ptr<manager_backend>& backend, std::vector<part_request> requests,
                               duration timeout, const acquire_request& locker)
    : backend_(backend), cancellations_(backend->cancellations()), cancellations_before_(cancellations_->load()),
      anonymous_(locker.anonymous)
{
    hold_.domain = this;
    if (anonymous_)
        hold_.locker.reserve(max_fresh_id_size); // it becomes that of the first part
    else
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

acquire_outcome composite_lock::start(acquire_operation& op)
{
    const hold_pin kept(&hold_);
    lock_type guard(mutex_);
    op_ = &op;
    wake(guard);
    guard.lock();
    starting_ = false;
    if (outcome_)
        return *outcome_;
    if (op.canceller) {
        reference(hold_);
        op.canceller->aim(hold_);
    }
    return {acquire_verdict::waiting, nullptr, {}};
}

/// Does the next thing that an acquire needs. False if there is none.
bool composite_lock::advance_acquire(lock_type& guard)
{
    if (failure_) {
        ++ttl_round_;
        phase_ = phase::over;
        release_from(0, guard);
        deliver(failure_, guard);
        return true;
    }
    if (first_lost_ != none) {
        // Those whose ttl runs already would not be kept alive while the lost one is waited for.
        const std::size_t first = std::exchange(phase_, phase::acquiring) == phase::setting_ttls ? 0 : first_lost_;
        ++ttl_round_;
        release_from(first, guard);
        return true;
    }
    if (phase_ == phase::acquiring) {
        if (taken_ == parts_.size()) {
            set_ttls(guard);
            return true;
        }
        part& next = parts_[taken_];
        if (next.acquiring || next.notice_linked)
            return false; // it will tell
        acquire_next(next, guard);
        return true;
    }
    if (ttls_to_set_ != 0)
        return false;
    if (is_cancelled())
        stop(asio::error::operation_aborted); // no acquire was pending that would have ended
    else
        grant(guard);
    return true;
}

// --- what comes from other threads -----------------------------------------------------------------------------------

void composite_lock::on_part_settled(part& p, bool abandoned) noexcept
{
    lock_type guard(mutex_);
    p.next_result = std::exchange(results_, &p);
    if (abandoned)
        stop(asio::error::operation_aborted, true);
    wake(guard);
}

void composite_lock::on_ttl_set(std::size_t index, unsigned round, error_code ec) noexcept
{
    lock_type guard(mutex_);
    if (round != ttl_round_)
        return;
    --ttls_to_set_;
    if (ec)
        first_lost_ = std::min(first_lost_, index);
    wake(guard);
}

void composite_lock::on_abandoned() noexcept
{
    lock_type guard(mutex_);
    stop(asio::error::operation_aborted, true);
    wake(guard);
}

void composite_lock::cancel_acquire(hold&) noexcept
{
    lock_type guard(mutex_);
    stop(asio::error::operation_aborted);
    wake(guard);
}

void composite_lock::stop(error_code why, bool abandoned) noexcept
{
    if (!failure_)
        failure_ = why;
    abandoned_ = abandoned_ || abandoned;
}

// --- the parts -------------------------------------------------------------------------------------------------------

void composite_lock::acquire_next(part& p, lock_type& guard)
{
    p.acquiring = true;
    p.unwanted = false;
    p.target = nullptr;
    p.cancel.emplace();
    p.canceller = &*p.cancel;
    reference(hold_);
    guard.unlock();
    const auto got = ask_backend(p);
    if (anonymous_ && hold_.locker.view().empty())
        if (const hold* first = got.granted ? got.granted : p.target)
            hold_.locker.assign(first->locker.view());
    if (got.what == acquire_verdict::waiting) {
        announce_after(p);
    } else {
        unreference(hold_);
        p.cancel.reset();
        if (got.what == acquire_verdict::refused && got.granted)
            got.granted->domain->unreference(*got.granted);
    }
    guard.lock();
    if (got.what != acquire_verdict::waiting)
        p.acquiring = false;
    if (got.what == acquire_verdict::granted)
        take_part(p, *got.granted, guard);
    if (is_cancelled())
        stop(asio::error::operation_aborted); // between two parts
    if (got.what == acquire_verdict::refused)
        stop(got.why);
}

acquire_request composite_lock::request_for(const part& p) const noexcept
{
    acquire_request request;
    request.resource = p.request.resource;
    request.locker = hold_.locker.view();
    request.anonymous = anonymous_;
    request.options = p.request.options;
    request.options.ttl = infinite; // it counts from the grant of the whole
    request.options.auto_extend = false;
    return request;
}

/// Without the mutex, since the backend may be gone with the end of this call, and tells that it is.
acquire_outcome composite_lock::ask_backend(part& p) noexcept
{
    const auto backend = backend_.lock();
    if (!backend)
        return {acquire_verdict::refused, nullptr, asio::error::operation_aborted};
    acquire_request request = request_for(p);
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

/// P12: it has to wait for this part, and those who hold the parts behind may as well unwind meanwhile. It waits for
/// none of them yet, so that the order of its waits is that of the names, as ever. Once: who comes to a part later is
/// told in that part's turn. Without the mutex.
void composite_lock::announce_after(const part& waited_for) noexcept
{
    if (std::exchange(announced_, true))
        return;
    const auto backend = backend_.lock();
    if (!backend)
        return;
    for (std::size_t i = waited_for.index + 1; i < parts_.size(); ++i) {
        acquire_request request = request_for(parts_[i]);
        backend->announce(request);
    }
}

/// A part that had to wait is granted, or has failed.
void composite_lock::take_result(lock_type& guard)
{
    part& p = *std::exchange(results_, results_->next_result);
    const bool unwanted = p.unwanted || phase_ == phase::over;
    p.acquiring = false;
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
        take_part(p, *p.target, guard);
}

/// Holds the part and watches over it.
void composite_lock::take_part(part& p, hold& h, lock_type& guard)
{
    p.granted = &h;
    p.handle = hold_ref(&h);
    p.notice_linked = true;
    taken_ = p.index + 1;
    reference(hold_);
    guard.unlock();
    const bool watched = h.domain->add_notice(h, p);
    if (!watched)
        h.domain->count_notice(h);
    h.domain->delivered(h);
    if (!watched)
        on_part_ended(p, h.state.load(std::memory_order_acquire) == lock_state::held); // lost, or the context is gone
    guard.lock();
}

/// Lets go of the parts from this one on, and of what is asked for.
void composite_lock::release_from(std::size_t first, lock_type& guard) noexcept
{
    const std::size_t end = std::exchange(taken_, first);
    if (end < parts_.size() && parts_[end].acquiring && !parts_[end].unwanted) {
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
        if (p.granted->domain->remove_notice(*p.granted, p)) {
            guard.lock();
            p.notice_linked = false;
            guard.unlock();
            unreference(hold_);
        }
        handle = hold_ref();
        p.granted->domain->notice_done(*p.granted);
        guard.lock();
    }
    if (first_lost_ >= taken_)
        first_lost_ = none;
}

// --- the whole -------------------------------------------------------------------------------------------------------

/// The answer of a part whose ttl was set, or its end with the execution context.
class composite_lock::ttl_handler
{
public:
    ttl_handler(composite_lock& c, std::size_t index, unsigned round) noexcept
        : whole_(&c.hold_), index_(index), ttl_round_(round)
    {
    }
    ttl_handler(ttl_handler&& other) noexcept = default;
    ttl_handler& operator=(ttl_handler&&) = delete;
    ~ttl_handler()
    {
        if (whole_.get() && !was_thrown_away())
            of(whole_).on_abandoned();
    }

    void operator()(error_code ec)
    {
        const hold_pin whole(std::move(whole_));
        of(whole).on_ttl_set(index_, ttl_round_, ec);
    }

private:
    static composite_lock& of(const hold_pin& pin) noexcept { return static_cast<composite_lock&>(*pin.get()->domain); }

    /// By an exception out of setting the ttl, which tells whoever drives the composite.
    [[nodiscard]] bool was_thrown_away() const noexcept
    {
        return std::uncaught_exceptions() > exceptions_ && of(whole_).setting_ttls_.load();
    }

    hold_pin whole_;
    std::size_t index_;
    unsigned ttl_round_;
    int exceptions_ = std::uncaught_exceptions();
};

/// All are held: their ttls begin. A part that its locker held already keeps its own.
void composite_lock::set_ttls(lock_type& guard)
{
    phase_ = phase::setting_ttls;
    const unsigned round = ++ttl_round_;
    const auto is_limited = [](const part& each) {
        return each.request.options.ttl != infinite && !each.granted->joined;
    };
    ttls_to_set_ = static_cast<std::size_t>(std::count_if(parts_.begin(), parts_.end(), is_limited));
    guard.unlock();
    setting_ttls_ = true;
    struct reset
    {
        std::atomic<bool>& flag;
        ~reset() { flag = false; }
    } const afterwards{setting_ttls_};
    for (part& each : parts_) {
        if (!is_limited(each))
            continue;
        hold& h = *each.granted;
        if (h.domain->answers_at_once())
            on_ttl_set(each.index, round, h.domain->extend(h, each.request.options.ttl));
        else
            h.domain->async_extend(h, each.request.options.ttl, ttl_handler(*this, each.index, round));
    }
    guard.lock();
}

void composite_lock::grant(lock_type& guard)
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

void composite_lock::deliver(error_code why, lock_type& guard) noexcept
{
    if (starting_) {
        outcome_ = why ? acquire_outcome{acquire_verdict::refused, nullptr, why}
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

} // namespace priority_redlock::detail
