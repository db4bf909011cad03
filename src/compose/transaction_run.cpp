// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The states and events of a transaction's run. Every event sets what it knows and calls `advance`, which does one
// thing after the other (`advance_once`) until only another event can bring more: acquire, start the transaction or let
// it go on, ask the recovery, do what it decided. A transaction without its lock is suspended at its next checkpoint.
//
// The classes of the handlers, at the top, are what is pending. They own the run.
//
// A step for which there is no memory ends the run with that exception. The completion needs none.

#include "shutdown_service.hpp"

#include <priority_redlock/detail/transaction_run.hpp>
#include <priority_redlock/detail/with_lock_run.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <new>
#include <utility>

namespace priority_redlock::detail {

namespace {

/// Why a lock is not held.
[[nodiscard]] error_code loss_of(const lock& lk) noexcept
{
    switch (lk.state()) {
    case lock_state::revoking:
    case lock_state::preempted: return errc::preempted;
    case lock_state::lost: return errc::lost;
    default: return errc::expired; // `held`: its deadline has passed, its timer has not run
    }
}

[[nodiscard]] asio::execution_context& context_of(const asio::any_io_executor& ex)
{
    return asio::query(ex, asio::execution::context);
}

/// What has no memory for its completion.
[[nodiscard]] std::exception_ptr out_of_memory() noexcept
{
    return std::make_exception_ptr(std::bad_alloc());
}

/// Work on an executor.
class context_work final : public shutdown_listener
{
public:
    context_work(std::shared_ptr<shutdown_listeners> others, const asio::any_io_executor& ex)
        : shutdown_listener(std::move(others)), work_(asio::prefer(ex, asio::execution::outstanding_work.tracked))
    {
    }

private:
    const asio::any_io_executor work_;
};

} // namespace

/// Base of the handlers of a run, which run on its strand.
class run_handler
{
public:
    using executor_type = asio::any_io_executor;

    explicit run_handler(std::shared_ptr<transaction_run> run) noexcept : run_(std::move(run)) {}
    [[nodiscard]] executor_type get_executor() const noexcept { return run_->get_executor(); }

protected:
    [[nodiscard]] transaction_run& run() const noexcept { return *run_; }

private:
    std::shared_ptr<transaction_run> run_;
};

class transaction_run::lock_end_handler : public run_handler
{
public:
    using run_handler::run_handler;
    void operator()(error_code) { run().on_lock_end(); }
};

// The coroutines' handlers name no executor: then they are cancelled within `emit`, and end on the strand all the same.
// Without memory Asio may not get as far as to call them: it lets the exception out of run(), and destroys the
// coroutine on the strand. (With the context as well. Then the completion goes the same way.)

class transaction_run::transaction_end_handler
{
public:
    using cancellation_slot_type = asio::cancellation_slot;

    explicit transaction_end_handler(std::shared_ptr<transaction_run> run) noexcept : run_(std::move(run)) {}
    transaction_end_handler(transaction_end_handler&& other) noexcept = default;
    transaction_end_handler& operator=(transaction_end_handler&&) = delete;
    ~transaction_end_handler()
    {
        if (run_)
            run_->on_transaction_end(out_of_memory());
    }

    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return run_->cancel_transaction_.slot();
    }
    void operator()(std::exception_ptr e) { std::exchange(run_, nullptr)->on_transaction_end(std::move(e)); }

private:
    std::shared_ptr<transaction_run> run_;
};

class transaction_run::decision_handler
{
public:
    using cancellation_slot_type = asio::cancellation_slot;

    explicit decision_handler(std::shared_ptr<transaction_run> run) noexcept : run_(std::move(run)) {}
    decision_handler(decision_handler&& other) noexcept = default;
    decision_handler& operator=(decision_handler&&) = delete;
    ~decision_handler()
    {
        if (run_)
            run_->on_decision(out_of_memory(), {});
    }

    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return run_->cancel_recovery_.slot();
    }
    void operator()(std::exception_ptr e, const decision& d)
    {
        std::exchange(run_, nullptr)->on_decision(std::move(e), d);
    }

private:
    std::shared_ptr<transaction_run> run_;
};

transaction_run::transaction_run(const asio::any_io_executor& strand, std::shared_ptr<const acquire_spec> spec,
                                 const acquire_options& options)
    : strand_(strand), spec_(std::move(spec)), options_(options), context_(*this), resumption_(strand)
{
    // What is pending may be on the handler's context alone, and die later than the manager's.
    if (const auto managers = spec_->manager.get_executor(); &context_of(managers) != &context_of(strand_))
        manager_work_ = std::make_shared<shutdown_registration<context_work>>(context_of(managers), managers);
}

void transaction_run::start() noexcept
{
    acquire();
    advance();
}

void transaction_run::cancel(asio::cancellation_type_t)
{
    asio::dispatch(strand_, [weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->on_cancelled();
    });
}

void transaction_run::on_cancelled() noexcept
{
    cancelled_ = true;
    if (!ending_)
        end(exception_of(asio::error::operation_aborted));
    advance();
}

/// Takes all steps that can be taken. Called again from within, it leaves the work to the outer call.
void transaction_run::advance() noexcept
{
    if (std::exchange(advancing_, true)) {
        again_ = true;
        return;
    }
    bool more = true;
    while (more) {
        again_ = false;
        try {
            more = advance_once() || again_;
        } catch (...) { // by a step, or by the handler of a cancellation
            more = again_ || !ending_;
            if (!ending_)
                end(std::current_exception());
        }
    }
    advancing_ = false;
}

/// True if there may be more to do at once.
bool transaction_run::advance_once()
{
    if (completed_)
        return false;
    if (ending_)
        return wind_down();
    if (acquiring_ || consulting_)
        return false;
    if (!cause_) {
        if (lock_.is_held()) {
            start_or_resume();
            return false;
        }
        cause_ = loss_of(lock_);
    }
    if (decision_)
        return carry_out(*decision_);
    consult();
    return !consulting_;
}

/// The lock is held.
void transaction_run::start_or_resume()
{
    if (phase_ == phase::none) {
        phase_ = phase::running;
        seen_attempt_ = attempt_;
        unwinding_ = false;
        try {
            asio::co_spawn(strand_, run_transaction(), transaction_end_handler(shared_from_this()));
        } catch (...) {
            phase_ = phase::none;
            throw;
        }
    } else if (phase_ == phase::suspended) {
        phase_ = phase::running;
        resumption_.expires_at(asio::steady_timer::time_point::min());
    }
}

void transaction_run::consult()
{
    try {
        decision_ = ask_recovery(*cause_, lock_.state() != lock_state::empty);
        consulting_ = !decision_;
        if (consulting_)
            asio::co_spawn(strand_, async_ask_recovery(*cause_), decision_handler(shared_from_this()));
    } catch (...) {
        consulting_ = false;
        end(std::current_exception());
    }
}

bool transaction_run::carry_out(const decision& d)
{
    if (d.kind == recovery_kind::reject) {
        end(exception_of(d.reason ? d.reason : *cause_));
        return true;
    }
    if (d.kind == recovery_kind::resume) {
        if (phase_ == phase::running)
            return false; // until it reaches a checkpoint, or ends
        if (phase_ == phase::returned || phase_ == phase::unwound) {
            end(phase_ == phase::returned ? nullptr : exception_of(*cause_));
            return true;
        }
    } else {
        if (is_in_flight()) {
            unwind_transaction();
            return false;
        }
        phase_ = phase::none;
        if (d.kind == recovery_kind::replace)
            replace_transaction();
    }
    options_ = d.options.over(options_);
    acquire();
    return false;
}

void transaction_run::acquire() noexcept
{
    lock_ = lock(); // from here on the next locker may be granted
    cause_.reset();
    decision_.reset();
    acquiring_ = true;
    try {
        spec_->acquire(received_handler(shared_from_this()), options_, false);
    } catch (...) {
        acquiring_ = false;
        end(std::current_exception());
        again_ = true;
    }
}

void transaction_run::unwind_transaction()
{
    if (std::exchange(unwinding_, true))
        return;
    phase_ = phase::running;
    resumption_.expires_at(asio::steady_timer::time_point::min());
    cancel_transaction_.emit(asio::cancellation_type::terminal);
}

void transaction_run::end(std::exception_ptr e) noexcept
{
    ending_ = std::move(e);
}

/// The result is known: ends what is still under way, and then the run.
bool transaction_run::wind_down()
{
    if (is_in_flight())
        unwind_transaction();
    if (acquiring_)
        cancel_acquire_.emit(asio::cancellation_type::terminal);
    if (consulting_)
        cancel_recovery_.emit(asio::cancellation_type::terminal);
    if (is_in_flight() || acquiring_ || consulting_)
        return false;
    completed_ = true;
    lock_ = lock();
    manager_work_.reset();
    complete(std::move(*ending_));
    return false;
}

/// Nobody else has been granted the lock, although it may have been told to go.
bool transaction_run::is_exclusive() const noexcept
{
    return lock_.is_held() || lock_.state() == lock_state::revoking;
}

void transaction_run::on_acquired(error_code ec, lock granted)
{
    acquiring_ = false;
    if (!ec) {
        lock_ = std::move(granted);
        ++attempt_;
        try {
            if (lock_.is_held())
                lock_.async_wait(lock_end_handler(shared_from_this()));
        } catch (...) { // nothing would tell the end of the lock
            if (!ending_)
                end(std::current_exception());
        }
    } else if (ec == condition::retryable) {
        cause_ = ec;
    } else if (!ending_) {
        end(exception_of(ec));
    }
    advance();
}

void transaction_run::on_transaction_end(std::exception_ptr e)
{
    const bool unwound = unwinding_;
    phase_ = phase::none;
    on_resume_ = nullptr;
    if (!e) {
        if (!unwound && !is_exclusive())
            phase_ = phase::returned;
        else if (!unwound || (cancelled_ && is_exclusive()))
            end(nullptr);
    } else if (!is_aborted(e)) {
        end(std::move(e));
    } else if (!unwound) {
        if (lock_.is_held())
            end(std::move(e));
        else
            phase_ = phase::unwound;
    }
    advance();
}

void transaction_run::on_decision(std::exception_ptr e, const decision& d)
{
    consulting_ = false;
    if (!ending_) {
        if (e)
            end(std::move(e));
        else
            decision_ = d;
    }
    advance();
}

/// Marks a transaction as running again, also when it was cancelled by itself (as a branch of `a || b` is).
class transaction_run::resumed
{
public:
    explicit resumed(phase& p) noexcept : phase_(p) {}
    resumed(const resumed&) = delete;
    resumed& operator=(const resumed&) = delete;
    ~resumed() { phase_ = phase::running; }

private:
    phase& phase_;
};

asio::awaitable<void> transaction_run::checkpoint()
{
    co_await suspend_without_lock();
    while (on_resume_ && seen_attempt_ != attempt_) {
        seen_attempt_ = attempt_;
        auto handler = std::exchange(on_resume_, nullptr); // it is not called from within its own steps
        co_await handler();
        on_resume_ = std::move(handler);
        co_await suspend_without_lock();
    }
}

asio::awaitable<void> transaction_run::suspend_without_lock()
{
    while (!unwinding_ && !lock_.is_held()) {
        phase_ = phase::suspended;
        resumption_.expires_at(asio::steady_timer::time_point::max());
        advance();
        if (phase_ == phase::suspended) {
            const resumed on_the_way_out(phase_);
            co_await resumption_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
    if (unwinding_)
        throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace priority_redlock::detail
