// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_ACQUIRE_OP_HPP
#define PRIORITY_REDLOCK_DETAIL_ACQUIRE_OP_HPP

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/hold_ref.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/detail/posting_memory.hpp>
#include <priority_redlock/detail/waiter.hpp>
#include <priority_redlock/lock.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <utility>

namespace priority_redlock::detail {

/// Withdraws a waiting acquire when its cancellation slot fires: terminal, partial and total alike, since a wait in a
/// queue has no side effects.
class acquire_canceller
{
public:
    acquire_canceller() = default;
    acquire_canceller(const acquire_canceller&) = delete;
    acquire_canceller& operator=(const acquire_canceller&) = delete;
    ~acquire_canceller()
    {
        if (target_)
            target_->domain->cannot_cancel(*target_);
    }

    void operator()(asio::cancellation_type_t type)
    {
        if (target_ && type != asio::cancellation_type::none)
            target_->domain->cancel_acquire(*target_);
    }

    /// Takes over a reference to the hold that the acquire waits for.
    void aim(hold& h) noexcept { target_ = &h; }

private:
    hold* target_ = nullptr;
};

/// An acquire that waits, without its handler's type.
class acquire_operation : public waiter
{
public:
    /// It is settled: posts its completion. Called without any mutex; from then on it owns itself.
    virtual void complete() = 0;

    /// Destroys it and its handler, because the execution context goes away. Called without any mutex.
    virtual void destroy_unrun() noexcept = 0;

    acquire_canceller* canceller = nullptr;

protected:
    ~acquire_operation() = default;
};

template <class Handler, class Executor>
class acquire_op final : public acquire_operation
{
    using memory = operation_memory<acquire_op, Handler>;

public:
    acquire_op(Handler& handler, const Executor& io_executor)
        : work_(handler, io_executor), handler_(std::move(handler))
    {
    }

    [[nodiscard]] Handler& handler() noexcept { return handler_; }
    [[nodiscard]] auto take_io_work() { return work_.take_io_work(); }

    void complete() override { work_.post(posted_operation(this), memory_); }

    void run()
    {
        if (canceller)
            asio::get_associated_cancellation_slot(handler_).clear();
        Handler handler(std::move(handler_));
        const error_code why = result;
        hold* const h = target;
        memory::free(handler, this); // before the handler runs, so that it can start the next operation in this memory
        if (why) {
            if (h)
                h->domain->unreference(*h);
            std::move(handler)(why, lock());
        } else {
            const delivery_ref delivery(h); // until the handler has returned
            std::move(handler)(why, access::make<lock>(hold_ref(h)));
        }
    }

    void destroy_unrun() noexcept override
    {
        Handler handler(std::move(handler_));
        const bool granted = !result.failed();
        hold* const h = target;
        memory::free(handler, this);
        if (!h)
            return;
        if (!granted) {
            h->domain->unreference(*h);
            return;
        }
        const delivery_ref delivery(h);
        const hold_ref undone(h);
    }

private:
    handler_work<Handler, Executor> work_;
    Handler handler_;
    completion_memory memory_;
};

/// A grant on its way to its handler. Destroyed unrun, it undoes the grant.
template <class Handler>
class immediate_grant
{
public:
    immediate_grant(Handler&& handler, hold& h) : handler_(std::move(handler)), granted_(&h), delivery_(&h) {}

    [[nodiscard]] const Handler& handler() const noexcept { return handler_; }

    void operator()()
    {
        const delivery_ref delivery(std::move(delivery_)); // until the handler has returned
        std::move(handler_)(error_code(), access::make<lock>(std::move(granted_)));
    }

private:
    Handler handler_;
    hold_ref granted_;
    delivery_ref delivery_;
};

/// Starts an acquire. Most end here, granted or refused, with nothing allocated but what the executor needs; the others
/// come back to the backend with an operation that can wait. Moves from the handler.
template <class Handler, class Executor>
void start_acquire(Handler& handler, const Executor& io_executor, manager_backend& backend, acquire_request& request)
{
    if (!backend.is_crowded()) {
        const auto first = backend.acquire(request, nullptr);
        if (first.what == acquire_verdict::granted) {
            execute_immediately(immediate_grant<Handler>(std::move(handler), *first.granted), io_executor);
            return;
        }
        if (first.what == acquire_verdict::refused) {
            complete_immediately(std::move(handler), io_executor, first.why, lock());
            return;
        }
    }

    using op_type = acquire_op<Handler, Executor>;
    posted_operation owner(operation_memory<op_type, Handler>::create(handler, handler, io_executor));
    op_type& op = owner.get();
    if (auto slot = asio::get_associated_cancellation_slot(op.handler()); slot.is_connected())
        op.canceller = &slot.template emplace<acquire_canceller>();

    const auto second = backend.acquire(request, &op);
    if (second.what == acquire_verdict::waiting) {
        owner.release(); // whoever settles it owns it; it may be gone already
        return;
    }
    op.target = second.granted;
    op.result = second.why;
    const auto io_work = op.take_io_work();
    execute_immediately(std::move(owner), io_executor);
}

extern template PRIORITY_REDLOCK_DECL void start_acquire(coroutine_handler<error_code, lock>&,
                                                         const asio::any_io_executor&, manager_backend&,
                                                         acquire_request&);

} // namespace priority_redlock::detail

#endif
