// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_LOCK_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_LOCK_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/hold_ref.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/detail/posting_memory.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// A pending lock::async_wait.
template <class Handler>
class wait_op final : public notice
{
    using executor_type = asio::any_io_executor;
    using memory = operation_memory<wait_op, Handler>;

public:
    /// Ends the wait when its cancellation slot fires: terminal, partial and total alike.
    ///
    /// It may outlive the wait, whose handler is destroyed with an execution context and does not clear its slot then.
    /// So it names the wait to the domain once. A wait that was told before has left with all others of its lock.
    class canceller
    {
    public:
        canceller(hold_pin where, wait_op& op) noexcept : where_(std::move(where)), op_(&op) {}

        void operator()(asio::cancellation_type_t type)
        {
            if (type == asio::cancellation_type::none)
                return;
            if (wait_op* const op = std::exchange(op_, nullptr))
                where_.get()->domain->cancel_notice(*where_.get(), *op);
        }

    private:
        hold_pin where_;
        wait_op* op_;
    };

    wait_op(Handler& handler, const executor_type& io_executor, hold& h)
        : work_(handler, io_executor), hold_(h), handler_(std::move(handler))
    {
    }

    [[nodiscard]] Handler& handler() noexcept { return handler_; }
    [[nodiscard]] auto take_io_work() { return work_.take_io_work(); }

    void keep() noexcept override {}

    void tell() override { work_.post(posted_operation(this), memory_); }

    void abandon() noexcept override { destroy_unrun(); }

    void run()
    {
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.clear();
        Handler handler(std::move(handler_));
        const error_code why = reason;
        const notice_scope counted(hold_); // until the handler has returned
        memory::free(handler, this);
        std::move(handler)(why);
    }

    void destroy_unrun() noexcept
    {
        const notice_scope counted(hold_);
        discard();
    }

    /// Destroys one that the hold does not count.
    void discard() noexcept
    {
        Handler handler(std::move(handler_));
        memory::free(handler, this);
    }

    struct discarder
    {
        void operator()(wait_op* op) const noexcept { op->discard(); }
    };

private:
    class notice_scope
    {
    public:
        explicit notice_scope(hold& h) noexcept : hold_(h) {}
        notice_scope(const notice_scope&) = delete;
        notice_scope& operator=(const notice_scope&) = delete;
        ~notice_scope() { hold_.domain->notice_done(hold_); }

    private:
        hold& hold_;
    };

    handler_work<Handler, executor_type> work_;
    hold& hold_;
    Handler handler_;
    completion_memory memory_;
};

/// Base of the initiations of a lock's operations.
class lock_initiation
{
public:
    using executor_type = asio::any_io_executor;

    explicit lock_initiation(executor_type ex) noexcept : executor_(std::move(ex)) {}
    [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

protected:
    /// Completes an operation on an empty lock, of which no executor is known: on that which the handler brings.
    template <class Handler>
    void complete_without_lock(Handler&& handler, error_code why) const
    {
        using handler_type = std::decay_t<Handler>;
        if constexpr (has_own_executor<handler_type> || has_immediate_executor<handler_type>)
            complete_immediately(std::forward<Handler>(handler), executor_, why);
        else
            throw boost::system::system_error(
                errc::not_held,
                "priority_redlock: an empty lock has no executor to call the handler on, and the handler "
                "brings none; use asio::bind_executor, or look at the error that came with the lock");
    }

private:
    executor_type executor_;
};

class initiate_wait : public lock_initiation
{
public:
    using lock_initiation::lock_initiation;

    template <class Handler>
    void operator()(Handler&& handler, hold_pin where) const
    {
        using op_type = wait_op<std::decay_t<Handler>>;
        hold* const h = where.get();
        if (!h) {
            complete_without_lock(std::forward<Handler>(handler), errc::not_held);
            return;
        }
        if (const auto state = h->state.load(std::memory_order_acquire); state != lock_state::held) {
            complete_immediately(std::forward<Handler>(handler), get_executor(), reason_of(state));
            return;
        }
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        std::unique_ptr<op_type, typename op_type::discarder> owner(
            operation_memory<op_type, std::decay_t<Handler>>::create(own, own, get_executor(), *h));
        if (auto slot = asio::get_associated_cancellation_slot(owner->handler()); slot.is_connected())
            slot.template emplace<typename op_type::canceller>(where, *owner); // the last that may throw
        op_type* const op = owner.release();
        if (h->domain->add_notice(*h, *op))
            return; // whoever tells it owns it; it may be gone already
        h->domain->count_notice(*h);
        if (auto slot = asio::get_associated_cancellation_slot(op->handler()); slot.is_connected())
            slot.clear();
        op->reason = reason_of(h->state.load(std::memory_order_acquire));
        const auto io_work = op->take_io_work();
        execute_immediately(posted_operation(op), get_executor());
    }
};

class initiate_release : public lock_initiation
{
public:
    using lock_initiation::lock_initiation;

    template <class Handler>
    void operator()(Handler&& handler, const hold_pin& where) const
    {
        hold* const h = where.get();
        if (!h) {
            complete_without_lock(std::forward<Handler>(handler), errc::not_held);
            return;
        }
        if (h->domain->answers_at_once()) {
            const bool released = h->domain->release(*h);
            complete_immediately(std::forward<Handler>(handler), get_executor(),
                                 released ? error_code() : error_code(errc::not_held));
            return;
        }
        h->domain->async_release(*h, std::forward<Handler>(handler));
    }
};

class initiate_extend : public lock_initiation
{
public:
    using lock_initiation::lock_initiation;

    template <class Handler>
    void operator()(Handler&& handler, const hold_pin& where, duration ttl) const
    {
        hold* const h = where.get();
        if (!h) {
            complete_without_lock(std::forward<Handler>(handler),
                                  ttl <= duration::zero() ? errc::invalid_argument : errc::not_held);
            return;
        }
        if (ttl <= duration::zero() || h->domain->answers_at_once()) {
            const error_code result =
                ttl <= duration::zero() ? error_code(errc::invalid_argument) : h->domain->extend(*h, ttl);
            complete_immediately(std::forward<Handler>(handler), get_executor(), result);
            return;
        }
        h->domain->async_extend(*h, ttl, std::forward<Handler>(handler));
    }
};

} // namespace priority_redlock::detail

#endif
