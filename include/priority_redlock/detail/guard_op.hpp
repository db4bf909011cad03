// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_GUARD_OP_HPP
#define PRIORITY_REDLOCK_DETAIL_GUARD_OP_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/hold_ref.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/detail/posting_memory.hpp>
#include <priority_redlock/detail/strand_for.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// Where a guarded operation is cancelled: on its handler's executor, or on the operation's if that is a future's.
template <class Executor, class IoExecutor>
class emission_executor
{
public:
    emission_executor(const Executor& ex, const IoExecutor& io_executor) : executor_(ex), io_executor_(io_executor) {}

    template <class Function>
    void post(Function f, completion_memory& memory) const
    {
        using allocator = posting_allocator<void, completion_memory, asio::recycling_allocator<void>>;
        post_to_handler(executor_, io_executor_, allocator(memory, {}), std::move(f));
    }

private:
    Executor executor_;
    std::conditional_t<needs_io_executor<Executor>, IoExecutor, unnamed_executor> io_executor_;
};

/// What a guarded operation and the lock have in common. `signal` and `running` belong to the executor.
template <class Executor>
class guard_state final : public notice,
                          public std::enable_shared_from_this<guard_state<Executor>>
{
public:
    explicit guard_state(const Executor& ex) : executor_(ex) {}

    void keep() noexcept override;
    void tell() override;
    void abandon() noexcept override { self_.reset(); } // the operation itself owns its handler

    /// The handler's own slot was signalled.
    void cancel(asio::cancellation_type_t type) { signal.emit(type); }

    asio::cancellation_signal signal;
    bool running = true;

private:
    Executor executor_;
    std::shared_ptr<guard_state> self_; // between keep and tell
    completion_memory memory_;
};

template <class Executor>
void guard_state<Executor>::keep() noexcept
{
    self_ = this->shared_from_this();
}

template <class Executor>
void guard_state<Executor>::tell()
{
    executor_.post(
        [self = std::move(self_)] {
            if (self->running)
                self->signal.emit(asio::cancellation_type::terminal);
        },
        memory_);
}

template <class Executor, class Allocator>
[[nodiscard]] std::shared_ptr<guard_state<Executor>> make_guard_state(const Executor& ex, const Allocator& allocator)
{
    return std::allocate_shared<guard_state<Executor>>(allocator, ex);
}

using emission_on_any_executor = emission_executor<asio::any_io_executor, asio::any_io_executor>;

extern template class PRIORITY_REDLOCK_DECL guard_state<emission_on_any_executor>;
extern template PRIORITY_REDLOCK_DECL std::shared_ptr<guard_state<emission_on_any_executor>> make_guard_state(
    const emission_on_any_executor&, const asio::recycling_allocator<void>&);
extern template PRIORITY_REDLOCK_DECL void cancel_through(
    asio::cancellation_slot, const std::shared_ptr<guard_state<emission_on_any_executor>>&);

/// Makes a guarded operation count as a notice handler.
/// It counts until it has completed and its handler has returned, or is destroyed.
template <class Executor>
class guard_registration
{
public:
    guard_registration(std::shared_ptr<guard_state<Executor>> state, hold& h) noexcept
        : state_(std::move(state)), hold_(&h)
    {
    }
    guard_registration(guard_registration&& other) noexcept
        : state_(std::move(other.state_)), hold_(std::exchange(other.hold_, nullptr))
    {
    }
    guard_registration& operator=(guard_registration&&) = delete;
    ~guard_registration()
    {
        operation_completed();
        if (hold_)
            hold_->domain->notice_done(*hold_);
    }

    /// From now on there is nothing left to cancel.
    void operation_completed() noexcept
    {
        if (!state_)
            return;
        state_->running = false;
        hold_->domain->remove_notice(*hold_, *state_);
        state_.reset();
    }

    [[nodiscard]] asio::cancellation_slot slot() const noexcept { return state_->signal.slot(); }

private:
    std::shared_ptr<guard_state<Executor>> state_;
    hold* hold_;
};

/// The handler of a guarded operation: the user's, with the guard's cancellation slot.
template <class Handler, class Executor>
class guarded_handler
{
public:
    using cancellation_slot_type = asio::cancellation_slot;

    guarded_handler(Handler handler, guard_registration<Executor> registration)
        : handler_(std::move(handler)), registration_(std::move(registration))
    {
    }

    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return registration_.slot(); }
    [[nodiscard]] const Handler& get() const noexcept { return handler_; }

    template <class... Args>
    void operator()(Args&&... args)
    {
        guard_registration<Executor> registration(std::move(registration_)); // until the handler has returned
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.clear();
        registration.operation_completed();
        std::move(handler_)(std::forward<Args>(args)...);
    }

private:
    Handler handler_;
    guard_registration<Executor> registration_;
};

template <class Signature>
struct begins_with_error : std::false_type
{
};

template <class R, class... Rest>
struct begins_with_error<R(error_code, Rest...)> : std::true_type
{
    template <class Handler, class Executor>
    static void complete_aborted(Handler&& handler, const Executor& ex);
};

template <class R, class... Rest>
template <class Handler, class Executor>
void begins_with_error<R(error_code, Rest...)>::complete_aborted(Handler&& handler, const Executor& ex)
{
    complete_immediately(std::forward<Handler>(handler), ex, error_code(asio::error::operation_aborted),
                         std::decay_t<Rest>()...);
}

template <class R, class... Rest>
struct begins_with_error<R(error_code, Rest...) noexcept> : begins_with_error<R(error_code, Rest...)>
{
};

extern template PRIORITY_REDLOCK_DECL void begins_with_error<void(error_code)>::complete_aborted(
    coroutine_handler<error_code>&&, const asio::any_io_executor&);
extern template PRIORITY_REDLOCK_DECL void begins_with_error<void(error_code, std::size_t)>::complete_aborted(
    coroutine_handler<error_code, std::size_t>&&, const asio::any_io_executor&);

/// An initiation's executor, if it has one.
template <class Initiation>
struct initiation_executor
{
};

template <class Initiation>
    requires requires { typename Initiation::executor_type; }
struct initiation_executor<Initiation>
{
    using executor_type = typename Initiation::executor_type;
};

/// Starts an operation under guard. With the initiation's executor, or the lock's if it has none.
template <class Initiation, class Signature, class... Signatures>
class initiate_guarded : public initiation_executor<Initiation>
{
public:
    template <class I>
    explicit initiate_guarded(I&& initiation) : initiation_(std::forward<I>(initiation))
    {
    }

    [[nodiscard]] auto get_executor() const noexcept
        requires requires(const Initiation& i) { i.get_executor(); }
    {
        return initiation_.get_executor();
    }

    template <class Handler, class... Args>
    void operator()(Handler&& handler, hold_pin pin, Args&&... args)
    {
        using begin = begins_with_error<Signature>;
        const auto io_executor = default_executor(pin);
        const auto executor = asio::get_associated_executor(handler, io_executor);
        using handler_executor =
            emission_executor<std::remove_const_t<decltype(executor)>, std::remove_const_t<decltype(io_executor)>>;

        hold* const h = pin.get();
        if constexpr (begin::value) {
            if (!h || h->state.load(std::memory_order_acquire) != lock_state::held) {
                begin::complete_aborted(std::forward<Handler>(handler), io_executor);
                return;
            }
        } else if (!h) {
            std::move(initiation_)(std::forward<Handler>(handler), std::forward<Args>(args)...);
            return;
        }

        auto state = make_guard_state(handler_executor(executor, io_executor), frame_allocator(handler));
        const bool held = h->domain->add_notice(*h, *state);
        if (!held) {
            if constexpr (begin::value) {
                begin::complete_aborted(std::forward<Handler>(handler), io_executor);
                return;
            } else {
                h->domain->count_notice(*h);
            }
        }
        guard_registration<handler_executor> registration(state, *h);
        if (!held) {
            state->keep();
            state->tell(); // runs after the operation was started
        }
        auto slot = asio::get_associated_cancellation_slot(handler);
        const cleared_on_failure started(slot);
        cancel_through(slot, state);
        state.reset();
        std::move(initiation_)(guarded_handler<std::decay_t<Handler>, handler_executor>(std::forward<Handler>(handler),
                                                                                        std::move(registration)),
                               std::forward<Args>(args)...);
    }

private:
    auto default_executor(const hold_pin& pin) const
    {
        if constexpr (requires { initiation_.get_executor(); })
            return initiation_.get_executor();
        else
            return pin.executor();
    }

    Initiation initiation_;
};

} // namespace priority_redlock::detail

template <template <class, class> class Associator, class Handler, class Executor, class Default>
struct boost::asio::associator<Associator, priority_redlock::detail::guarded_handler<Handler, Executor>, Default>
    : Associator<Handler, Default>
{
    using handler_type = priority_redlock::detail::guarded_handler<Handler, Executor>;

    static auto get(const handler_type& h) noexcept { return Associator<Handler, Default>::get(h.get()); }
    static auto get(const handler_type& h, const Default& d) noexcept
    {
        return Associator<Handler, Default>::get(h.get(), d);
    }
};

template <class Handler, class Executor, class Slot>
struct boost::asio::associated_cancellation_slot<priority_redlock::detail::guarded_handler<Handler, Executor>, Slot>
{
    using type = boost::asio::cancellation_slot;

    static type get(const priority_redlock::detail::guarded_handler<Handler, Executor>& h,
                    const Slot& = Slot()) noexcept
    {
        return h.get_cancellation_slot();
    }
};

#endif
