// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SYNCHRONIZED_HPP
#define PRIORITY_REDLOCK_SYNCHRONIZED_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/acquire_spec.hpp>
#include <priority_redlock/detail/run_op.hpp>
#include <priority_redlock/detail/transaction_body.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/recovery.hpp>
#include <priority_redlock/transaction_context.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock {

namespace detail {

struct access;

template <class R>
struct run_signature
{
    using type = void(std::exception_ptr, R);
};

template <>
struct run_signature<void>
{
    using type = void(std::exception_ptr);
};

template <class Transaction, class... Resources>
using run_signature_t = typename run_signature<transaction_result_t<Transaction, Resources...>>::type;

} // namespace detail

/// Runs transactions on an object under the lock of its resource, and recovers them if the lock is lost.
///
/// @code
/// synchronized party(manager, "bath bulb", bulb);
/// synchronized alarm(manager, "bath bulb", bulb, {.priority = 2});
///
/// party.async_run(rainbow, always_resume, token); // suspended while the alarm flashes, then goes on where it was
/// alarm.async_run(flash, token);
/// @endcode
///
/// A transaction is a function `asio::awaitable<R>(Resources&..., transaction_context&)`; see `transaction_context` for
/// its steps. A higher priority gets the lock only at the end of a step, or after the transaction was cancelled and has
/// unwound. Its grace is unlimited; the log warns about a transaction that does neither, after
/// `manager_options::overrun_after`. Another locker may get the lock earlier only if the ttl ends or the store cannot
/// keep the lock.
///
/// Options are inherited from `manager_options::defaults` by this object, then by the run, then by the recovery. Name
/// only the options that differ.
///
/// `combine` makes a `synchronized` over several objects, for transactions that need all of them.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, except assignment and destruction. This requires a thread-safe
/// manager. With a `single_threaded` manager everything must stay on its implicit strand.
///
/// @par Object lifetimes
/// The manager and the objects must exist, and the manager must not be moved, as long as this object or its runs refer
/// to them. You may destroy this object while its runs are pending. It is cheap to copy.
template <class... Resources>
class synchronized
{
public:
    /// The type of the executor of a run.
    using executor_type = boost::asio::any_io_executor;

    /// Makes a `synchronized` for an object and the resource that stands for it.
    /// @param locker_id runs with the same id are re-entrant: they hold the lock together. Without an id each run is a
    /// separate locker and excludes the others.
    template <class Executor, class Resource>
        requires std::is_same_v<std::tuple<Resource>, std::tuple<Resources...>>
    synchronized(basic_lock_manager<Executor>& manager, std::string resource, Resource& object,
                 const acquire_options& options = {}, std::string locker_id = {})
        : synchronized(std::make_shared<const detail::acquire_spec>(detail::acquire_spec{
                           detail::any_manager(manager), std::vector{lock_request{std::move(resource), options}},
                           std::move(locker_id)}),
                       std::tuple<Resources*...>(&object))
    {
    }

    /// The manager's executor. If a handler has no executor, its completion and its transaction run here.
    [[nodiscard]] executor_type get_executor() const { return spec_->manager.get_executor(); }

    /// The resources and options of the locks: one part for each object, in their order.
    [[nodiscard]] const std::vector<lock_request>& parts() const noexcept { return spec_->parts; }

    /// The locker id. Empty: each run is a separate locker.
    [[nodiscard]] const std::string& locker_id() const noexcept { return spec_->locker; }

    /// Acquires the lock without a transaction, as `lock_manager::async_acquire` does with the names and options of
    /// this object, or `async_acquire_all` with those of several.
    ///
    /// @par Completion signature
    /// `void(error_code, lock)`
    template <boost::asio::completion_token_for<void(error_code, lock)> Token = boost::asio::deferred_t>
    auto async_acquire(Token&& token = Token()) const
    {
        return boost::asio::async_initiate<Token, void(error_code, lock)>(detail::initiate_lock_of(spec_), token);
    }

    /// Acquires the lock, runs a transaction under it, recovers it when the lock is lost, and releases.
    ///
    /// The recovery is asked when the lock is lost, once for each lock. The error is `errc::preempted`, `errc::expired`
    /// or `errc::lost`. If the recovery is a handler, it is also asked when an acquire failed that may succeed later
    /// (`condition::retryable`, e.g. `errc::acquire_timeout`); it should not retry at once an acquire that fails at
    /// once. Recovery values (`always_resume`, `restart({.priority = 1})`) answer losses only, so a timeout ends the
    /// run. Without a recovery a loss ends the run.
    ///
    /// A handler runs on the same strand as the transaction. While a coroutine handler runs, the step in flight
    /// continues.
    ///
    /// The run ends when the transaction returns or throws, except with `operation_aborted` while it is being unwound:
    /// then the recovery goes on. A transaction that returns after its lock expired or was lost has returned too late.
    /// The recovery is asked, and `resume` accepts the result.
    ///
    /// @par Completion signature
    /// `void(std::exception_ptr, R)`, or `void(std::exception_ptr)` if the transaction returns void, as `co_spawn` has.
    /// R must be default constructible.
    /// @par Completion condition
    /// The transaction and the recovery have ended and the lock was released. The handler is never invoked from within
    /// this function.
    /// @par Errors
    /// None: the result is that of the transaction, or of what replaced it. Otherwise an exception:
    /// - any exception of the transaction or the recovery, unchanged;
    /// - `boost::system::system_error` with the error of an acquire (see `lock_manager::async_acquire`), the reason of
    ///   the loss, or the error passed to `reject`;
    /// - `system_error` with `errc::invalid_argument`: a transaction or a recovery is a null `std::function`; see also
    ///   `async_acquire`;
    /// - `system_error` with `boost::asio::error::operation_aborted`: the run or the manager was cancelled;
    /// - `std::bad_alloc`: no memory for a step of the run.
    /// @par Per-operation cancellation
    /// Terminal, partial, total: ends the wait for the lock, or cancels the step in flight with terminal and lets the
    /// transaction unwind; the same applies to the recovery. If the transaction returns nevertheless, its result is
    /// delivered.
    /// @par Executors
    /// Transaction, recovery and completion run on the handler's associated executor, or the manager's if there is
    /// none. The transaction and the recovery run on a strand over it, so it may be a thread pool. (An executor that
    /// does not convert to `any_io_executor` only gets the completion.)
    /// @par Object lifetimes
    /// The transaction and the recovery are kept until the completion: they may be coroutines with captures.
    template <transaction_for<Resources...> Transaction,
              recovery_for<transaction_result_t<Transaction, Resources...>, Resources...> Recovery,
              boost::asio::completion_token_for<detail::run_signature_t<Transaction, Resources...>> Token =
                  boost::asio::deferred_t>
    auto async_run(Transaction&& transaction, Recovery&& recovery, const acquire_options& options,
                   Token&& token = Token()) const
    {
        return boost::asio::async_initiate<Token, detail::run_signature_t<Transaction, Resources...>>(
            detail::initiate_run<Resources...>(spec_, resources_), token, std::forward<Transaction>(transaction),
            std::forward<Recovery>(recovery), options);
    }

    /// As above, with the options of this object.
    template <transaction_for<Resources...> Transaction,
              recovery_for<transaction_result_t<Transaction, Resources...>, Resources...> Recovery,
              boost::asio::completion_token_for<detail::run_signature_t<Transaction, Resources...>> Token =
                  boost::asio::deferred_t>
    auto async_run(Transaction&& transaction, Recovery&& recovery, Token&& token = Token()) const
    {
        return async_run(std::forward<Transaction>(transaction), std::forward<Recovery>(recovery), acquire_options{},
                         std::forward<Token>(token));
    }

    /// The same without a recovery, and with options of this run: a loss of the lock ends it with its reason.
    template <transaction_for<Resources...> Transaction,
              boost::asio::completion_token_for<detail::run_signature_t<Transaction, Resources...>> Token =
                  boost::asio::deferred_t>
    auto async_run(Transaction&& transaction, const acquire_options& options, Token&& token = Token()) const
    {
        return async_run(std::forward<Transaction>(transaction), reject(), options, std::forward<Token>(token));
    }

    /// The same without a recovery: a loss of the lock ends the run with its reason.
    template <transaction_for<Resources...> Transaction,
              boost::asio::completion_token_for<detail::run_signature_t<Transaction, Resources...>> Token =
                  boost::asio::deferred_t>
    auto async_run(Transaction&& transaction, Token&& token = Token()) const
    {
        return async_run(std::forward<Transaction>(transaction), reject(), acquire_options{},
                         std::forward<Token>(token));
    }

private:
    friend struct detail::access;

    synchronized(std::shared_ptr<const detail::acquire_spec> spec, const std::tuple<Resources*...>& resources)
        : spec_(std::move(spec)), resources_(resources)
    {
    }

    std::shared_ptr<const detail::acquire_spec> spec_;
    std::tuple<Resources*...> resources_;
};

/// Deduces the type of the object.
template <class Executor, class Resource>
synchronized(basic_lock_manager<Executor>&, std::string, Resource&, acquire_options = {}, std::string = {})
    -> synchronized<Resource>;

} // namespace priority_redlock

#endif
