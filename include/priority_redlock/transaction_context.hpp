// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TRANSACTION_CONTEXT_HPP
#define PRIORITY_REDLOCK_TRANSACTION_CONTEXT_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/lock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace priority_redlock {

namespace detail {

class transaction_run;

template <class T>
inline constexpr bool is_plain_awaitable = false;

template <class R>
inline constexpr bool is_plain_awaitable<boost::asio::awaitable<R>> = true;

} // namespace detail

/// A step: an `awaitable`, a deferred operation, or a function that returns one of these and is called when the step
/// begins.
template <class T>
concept transaction_step = detail::is_plain_awaitable<std::decay_t<T>>
                           || boost::asio::is_async_operation<std::decay_t<T>>::value || requires(std::decay_t<T>& f) {
                                  requires detail::is_plain_awaitable<std::decay_t<decltype(f())>>
                                               || boost::asio::is_async_operation<std::decay_t<decltype(f())>>::value;
                              };

/// A running transaction's view of its run: its steps, its lock.
///
/// A transaction is divided into steps. The library checks the lock where a step begins and where it ends. If the lock
/// is gone there, the transaction is suspended until its recovery has been asked. It then continues under a new lock
/// (`resume`) or is unwound (`restart`, `replace`, `reject`). The code between two such places runs under one lock. If
/// that lock is preempted meanwhile, the code runs before the next locker is granted it. If the lock expires or is
/// lost, nobody waits for its owner.
///
/// @code
/// asio::awaitable<void> party(bulb& b, transaction_context& transaction)
/// {
///     for (;;) {
///         co_await transaction.step(b.async_set("red"));
///         co_await transaction.step(b.async_set("blue"));
///     }
/// }
/// @endcode
///
/// Once a recovery has decided to unwind, the step in flight is cancelled and every further step ends with
/// `boost::asio::error::operation_aborted`; let it pass. The lock is not released until the transaction has unwound, so
/// it may undo its changes. For a plain `co_await` after a cancellation see
/// `asio::this_coro::reset_cancellation_state`.
///
/// @par Thread safety
/// Shared objects: unsafe. Use it only within its transaction.
///
/// @par Object lifetimes
/// Lives as long as the run. A transaction must not keep a reference after it has ended.
class transaction_context
{
public:
    /// The type of the executor of a transaction.
    using executor_type = boost::asio::any_io_executor;

    transaction_context(const transaction_context&) = delete;
    transaction_context& operator=(const transaction_context&) = delete;

    /// The executor of the transaction and its steps: a strand.
    [[nodiscard]] PRIORITY_REDLOCK_DECL executor_type get_executor() const noexcept;

    /// The current lock. After the lock has ended, and until the transaction is suspended, it is not held. The
    /// reference stays valid and shows the next lock after a resume.
    ///
    /// A step under `lock().guard(...)` is cancelled by the loss itself, before the recovery is asked. Do not guard a
    /// step that should be able to resume.
    [[nodiscard]] PRIORITY_REDLOCK_DECL const priority_redlock::lock& lock() const noexcept;

    /// How often this run has acquired its lock: 1 at first, and one more for each time that a recovery acquired it
    /// again.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::size_t attempt() const noexcept;

    /// Registers a function that is called each time the transaction is resumed. It runs under the new lock, before the
    /// suspended step begins or delivers its result. Use it to check for changes that others made meanwhile. It
    /// replaces an earlier function.
    ///
    /// @code
    /// transaction.on_resume([&]() -> asio::awaitable<void> { co_await bulb.async_set(colour); });
    /// @endcode
    ///
    /// Its exceptions leave that step, and it is not called again then. It may consist of steps. If the lock is lost
    /// while it runs, it is called again once it has returned. It is kept until the transaction ends.
    PRIORITY_REDLOCK_DECL void on_resume(std::function<boost::asio::awaitable<void>()> handler);

    /// A step that does nothing: a place where the transaction can be suspended or unwound.
    ///
    /// @par Errors
    /// Throws `boost::system::system_error` of `operation_aborted` if the transaction is being unwound.
    [[nodiscard]] PRIORITY_REDLOCK_DECL boost::asio::awaitable<void> checkpoint();

    /// Runs a step of the transaction and delivers its result or exception. The step begins only under the lock, and
    /// delivers its result only under the lock: a result that comes after the loss waits until the lock has been
    /// acquired again.
    ///
    /// Run one step at a time: combine parallel work into one step. A step may itself consist of steps.
    ///
    /// @par Errors
    /// Exceptions of the step are thrown at once. Throws `boost::system::system_error` of `operation_aborted` if the
    /// transaction is being unwound.
    /// @par Per-operation cancellation
    /// That of the step. Cancelling `synchronized::async_run` cancels the step with `terminal`, and so does a recovery
    /// other than `resume`.
    /// @par Object lifetimes
    /// An awaitable, an operation or a function is moved or copied into the step. (If a lambda is written within a
    /// `co_await` expression and captures more than references and plain values, g++ 12 destroys it twice: give it a
    /// name.)
    template <transaction_step Step>
    [[nodiscard]] auto step(Step&& work)
    {
        using type = std::decay_t<Step>;
        if constexpr (detail::is_plain_awaitable<type>)
            return run_step(type(std::forward<Step>(work)));
        else if constexpr (boost::asio::is_async_operation<type>::value)
            return run_step(std::forward<Step>(work)(boost::asio::use_awaitable));
        else
            return run_function<type>(std::forward<Step>(work));
    }

private:
    friend class detail::transaction_run;

    explicit transaction_context(detail::transaction_run& run) noexcept : run_(run) {}

    template <class R>
    boost::asio::awaitable<R> run_step(boost::asio::awaitable<R> work)
    {
        co_await checkpoint();
        if constexpr (std::is_void_v<R>) {
            co_await std::move(work);
            co_await checkpoint();
        } else {
            R result = co_await std::move(work);
            co_await checkpoint();
            co_return result;
        }
    }

    template <class Function>
    static auto begin(Function& function)
    {
        if constexpr (detail::is_plain_awaitable<std::decay_t<decltype(function())>>)
            return function();
        else
            return function()(boost::asio::use_awaitable);
    }

    /// The function stays here while its awaitable runs: it may be a coroutine with captures.
    template <class Function, class Awaitable = decltype(begin(std::declval<Function&>()))>
    Awaitable run_function(Function function)
    {
        using result_type = typename Awaitable::value_type;
        co_await checkpoint();
        Awaitable work = begin(function);
        if constexpr (std::is_void_v<result_type>) {
            co_await std::move(work);
            co_await checkpoint();
        } else {
            result_type result = co_await std::move(work);
            co_await checkpoint();
            co_return result;
        }
    }

    detail::transaction_run& run_;
};

} // namespace priority_redlock

#endif
