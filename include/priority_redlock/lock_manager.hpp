// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOCK_MANAGER_HPP
#define PRIORITY_REDLOCK_LOCK_MANAGER_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/boost_compat.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/manager_options.hpp>
#include <priority_redlock/metrics.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>

#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace priority_redlock {

namespace detail {

/// What does not belong where the token of an acquire does: most likely a handler with another signature.
template <class T>
concept no_acquire_token = !name_like<T> && !std::convertible_to<T, const acquire_options&>
                           && !asio::completion_token_for<T, void(error_code, lock)>;

/// The one error that is said of arguments which do not fit, in place of a list of overloads.
template <class... Arguments>
struct misfit_of_async_acquire
{
    static_assert(fit<Arguments...>,
                  "async_acquire(resource, locker, options, token) needs its completion token last, and one for "
                  "void(error_code, lock): a handler takes its lock by value");
};

} // namespace detail

class protocol;

/// A scope of locks: components that use one manager, or managers over one `protocol`, and agree on the name of a
/// resource exclude each other from it, by priority.
///
/// @code
/// lock_manager manager(io_context);
///
/// auto lk = co_await manager.async_acquire("lights", "motion detector", {.priority = 100}, asio::use_awaitable);
/// co_await switch_on(lk.guard(asio::use_awaitable)); // ends with operation_aborted if a higher priority comes
/// @endcode
///
/// Without a protocol the locks live in this process. Waiting is a queue: highest priority first, then first come,
/// first served; a lock that becomes free is handed to the first in line and nobody barges in between. A strictly
/// higher priority preempts the holder: its lock becomes `revoking`, its waits and guarded operations end with
/// `operation_aborted`, and the newcomer is granted once the holder has let go, or its grace is over and those handlers
/// have run, or its ttl has ended.
///
/// Re-entrance: a locker that holds a resource gets a further handle at once, and all its waiting acquires of a
/// resource are granted together. Give components that must exclude each other different locker ids, or none.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: all member functions may be called from any thread at the same time, except
/// construction, move and destruction; so also over an `asio::strand`, on which then its timer, its notices and its
/// default completions run. Not so with `single_threaded`: then the manager and its locks must only be used on one
/// implicit strand, and a debug build ends the program when it meets two threads in it.
///
/// @par Object lifetimes
/// The manager must be destroyed before its execution context. Its locks may outlive both. Its destructor ends the
/// pending acquires with `operation_aborted`.
///
/// @tparam Executor the type of the executor that operations complete on by default.
template <class Executor = boost::asio::any_io_executor>
class basic_lock_manager
{
public:
    using executor_type = Executor;

    /// The same manager for another executor, e.g. `asio::use_awaitable_t<>::executor_with_default<...>`.
    template <class Executor1>
    struct rebind_executor
    {
        using other = basic_lock_manager<Executor1>;
    };

    /// Locks of this process, for use from any thread.
    /// @throws std::invalid_argument an option is outside its domain; the message names it.
    explicit basic_lock_manager(const executor_type& ex, const manager_options& options = {})
        : executor_(ex), backend_(detail::make_memory_backend(ex, false, options)),
          defaults_(detail::resolve(options.defaults))
    {
    }

    /// Locks of this process, for use on one implicit strand only: a promise of the caller that buys speed.
    basic_lock_manager(const executor_type& ex, single_threaded_t, const manager_options& options = {})
        : executor_(ex), backend_(detail::make_memory_backend(ex, true, options)),
          defaults_(detail::resolve(options.defaults))
    {
    }

    /// Locks of the store behind a protocol, which other managers may share.
    /// @throws std::invalid_argument the protocol is null, or an option is outside its domain or not for protocols.
    basic_lock_manager(const executor_type& ex, std::shared_ptr<protocol> store, const manager_options& options = {})
        : executor_(ex), backend_(detail::make_protocol_backend(ex, std::move(store), options)),
          defaults_(detail::resolve(options.defaults))
    {
    }

    // The same with the executor of an execution context.

    template <detail::execution_context_type ExecutionContext>
    explicit basic_lock_manager(ExecutionContext& context, const manager_options& options = {})
        : basic_lock_manager(executor_type(context.get_executor()), options)
    {
    }

    template <detail::execution_context_type ExecutionContext>
    basic_lock_manager(ExecutionContext& context, single_threaded_t tag, const manager_options& options = {})
        : basic_lock_manager(executor_type(context.get_executor()), tag, options)
    {
    }

    template <detail::execution_context_type ExecutionContext>
    basic_lock_manager(ExecutionContext& context, std::shared_ptr<protocol> store, const manager_options& options = {})
        : basic_lock_manager(executor_type(context.get_executor()), std::move(store), options)
    {
    }

    basic_lock_manager(basic_lock_manager&&) noexcept = default;

    /// Ends the pending acquires of the manager that is assigned to.
    basic_lock_manager& operator=(basic_lock_manager&&) noexcept = default;

    /// Ends the pending acquires with `operation_aborted`. Locks that are held stay held and can be released.
    ~basic_lock_manager() = default;

    /// The executor that operations complete on by default.
    [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

    /// Acquires the lock of a resource for a locker.
    ///
    /// A locker that holds the resource already is granted it again at once: the acquire is re-entrant. Lockers are the
    /// same if their ids are equal and they use the same manager. The same id in two managers is two lockers, also
    /// where both managers share a protocol: the second one waits for the first.
    ///
    /// The names are decay-copied into the operation: a `std::string` is taken over, a `std::string_view` must stay
    /// valid until the operation is started (which a callback does at once, and a coroutine at `co_await`).
    ///
    /// @par Completion signature
    /// `void(error_code, lock)`
    /// @par Completion condition
    /// The lock was granted, or will not be. It is never invoked from within this function: an immediate result goes to
    /// the handler's immediate executor, which posts by default. A grant whose completion has not run yet may be
    /// preempted or expire meanwhile; it is then delivered without an error and in state `revoking`, `preempted` or
    /// `expired`.
    /// @par Errors
    /// - none: the lock is in the second argument;
    /// - `errc::acquire_timeout`: not granted within `options.timeout` (counted from the start of the operation);
    /// - `errc::already_acquired`: `options.max_attempts` were used up;
    /// - `errc::queue_full`: as many wait as `manager_options::max_waiters_per_resource` or `max_waiters` allows;
    /// - `errc::invalid_argument`: an empty name, one of more than 64 KiB, a negative duration, a ttl or a number of
    ///   attempts of zero; nothing was changed;
    /// - `errc::manager_closed`: after `close()`;
    /// - `errc::no_quorum`, `errc::deadlock`: only with protocols and options that document them;
    /// - `boost::asio::error::operation_aborted`: cancelled, by the slot, `cancel()`, `close()` or the destructor.
    /// @par Per-operation cancellation
    /// Terminal, partial, total: leaves the queue. A cancellation that comes after the grant was decided has no effect.
    /// @par Object lifetimes
    /// The manager must exist until the operation is started; it may be destroyed while the operation is pending, which
    /// ends it. A pending acquire counts as work; a
    /// held lock does not, but the timer of its ttl does.
    template <detail::name_like Resource, detail::name_like Locker,
              boost::asio::completion_token_for<void(error_code, lock)> Token =
                  detail::default_completion_token_t<executor_type>>
    auto async_acquire(Resource&& resource, Locker&& locker, const acquire_options& options = {},
                       Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(error_code, lock)>(
            detail::initiate_acquire<basic_lock_manager>(this), token, std::forward<Resource>(resource),
            std::forward<Locker>(locker), options);
    }

    /// The same for a fresh, unique locker.
    template <detail::name_like Resource, boost::asio::completion_token_for<void(error_code, lock)> Token =
                                              detail::default_completion_token_t<executor_type>>
    auto async_acquire(Resource&& resource, const acquire_options& options = {}, Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(error_code, lock)>(
            detail::initiate_acquire<basic_lock_manager>(this), token, std::forward<Resource>(resource),
            detail::fresh_locker(), options);
    }

    // The same with the options as they are by default.

    template <detail::name_like Resource, detail::name_like Locker, detail::acquire_token Token>
    auto async_acquire(Resource&& resource, Locker&& locker, Token&& token)
    {
        return async_acquire(std::forward<Resource>(resource), std::forward<Locker>(locker), acquire_options(),
                             std::forward<Token>(token));
    }

    template <detail::name_like Resource, detail::acquire_token Token>
    auto async_acquire(Resource&& resource, Token&& token)
    {
        return async_acquire(std::forward<Resource>(resource), acquire_options(), std::forward<Token>(token));
    }

    // For one clear error where the token does not fit, or is not the last argument.

    template <detail::name_like Resource, detail::name_like Locker, detail::no_acquire_token Handler>
    detail::misfit_of_async_acquire<Handler> async_acquire(Resource&&, Locker&&, const acquire_options&, Handler&&)
    {
        return {};
    }

    template <detail::name_like Resource, detail::no_acquire_token Handler>
    detail::misfit_of_async_acquire<Handler> async_acquire(Resource&&, const acquire_options&, Handler&&)
    {
        return {};
    }

    template <detail::name_like Resource, class... Rest>
        requires(detail::no_acquire_token<Rest> || ...)
    detail::misfit_of_async_acquire<Rest...> async_acquire(Resource&&, Rest&&...)
    {
        return {};
    }

    template <detail::name_like Resource, detail::acquire_token Token>
    detail::misfit_of_async_acquire<Token> async_acquire(Resource&&, Token&&, const acquire_options&)
    {
        return {};
    }

    template <detail::name_like Resource, detail::name_like Locker, detail::acquire_token Token>
    detail::misfit_of_async_acquire<Token> async_acquire(Resource&&, Locker&&, Token&&, const acquire_options&)
    {
        return {};
    }

    /// Acquires the lock of a resource at once, or not at all: it does not wait, nobody is told to go, and no handler
    /// is called. `options.preempt`, `timeout` and `max_attempts` have no effect. A locker that holds the resource
    /// already is granted it again, as by `async_acquire`.
    ///
    /// @code
    /// if (lock lk = manager.try_acquire("cache"))
    ///     refresh();
    /// @endcode
    ///
    /// Only without a protocol: a store cannot be asked without waiting for its answer. With one, use `async_acquire`
    /// with a `timeout` of zero.
    ///
    /// @returns the lock; an empty one if there is an error.
    /// @par Errors
    /// - `errc::already_acquired`: somebody holds it, or is about to;
    /// - `errc::invalid_argument`: as of `async_acquire`;
    /// - `errc::manager_closed`: after `close()`;
    /// - `boost::asio::error::operation_not_supported`: the manager has a protocol.
    /// @throws std::bad_alloc no memory; nothing was changed.
    /// @par Thread safety
    /// As all functions of a manager that is not `single_threaded`: may be called from any thread at the same time.
    template <detail::name_like Resource, detail::name_like Locker>
    [[nodiscard]] lock try_acquire(const Resource& resource, const Locker& locker, const acquire_options& options,
                                   error_code& ec)
    {
        auto request = detail::make_request(resource, locker, options, defaults_);
        return detail::try_acquire(*backend_, request, ec);
    }

    /// The same for a fresh, unique locker.
    template <detail::name_like Resource>
    [[nodiscard]] lock try_acquire(const Resource& resource, const acquire_options& options, error_code& ec)
    {
        auto request = detail::make_request(resource, detail::fresh_locker(), options, defaults_);
        return detail::try_acquire(*backend_, request, ec);
    }

    /// The same, where only `errc::already_acquired` is an empty lock.
    /// @throws boost::system::system_error any other error.
    template <detail::name_like Resource, detail::name_like Locker>
    [[nodiscard]] lock try_acquire(const Resource& resource, const Locker& locker, const acquire_options& options = {})
    {
        auto request = detail::make_request(resource, locker, options, defaults_);
        return detail::try_acquire(*backend_, request);
    }

    /// The same for a fresh, unique locker.
    template <detail::name_like Resource>
    [[nodiscard]] lock try_acquire(const Resource& resource, const acquire_options& options = {})
    {
        auto request = detail::make_request(resource, detail::fresh_locker(), options, defaults_);
        return detail::try_acquire(*backend_, request);
    }

    /// Delivers what is held and waited for, for people who debug; with a protocol by this manager. `to_json`
    /// (json.hpp) writes it for their tools.
    ///
    /// It is no picture of one instant: resources are copied a hundred or so at a time, and others use them in between.
    /// Each is shown as it was at one instant, and none twice. What is held or waited for all the time from the call to
    /// the completion is there; what comes or goes in that time may be. Every turn but the first, within the call, is
    /// posted to the manager's executor, so that other work there goes on. A snapshot that ends with its first turn
    /// completes as one that is ready at once, and one of several does so through the handler's executor. A resource is
    /// copied in one turn with all its waiters, however many they are.
    ///
    /// @par Completion signature
    /// `void(error_code, snapshot)`
    /// @par Errors
    /// - `boost::system::errc::not_enough_memory`: a later turn had no memory for it; the snapshot is empty.
    /// @throws std::bad_alloc the first turn had none.
    /// @par Per-operation cancellation
    /// None: it waits for nobody.
    /// @par Object lifetimes
    /// The manager may be destroyed meanwhile. The snapshot then shows what is left.
    template <boost::asio::completion_token_for<void(error_code, snapshot)> Token =
                  detail::default_completion_token_t<executor_type>>
    auto async_snapshot(Token&& token = Token()) const
    {
        return boost::asio::async_initiate<Token, void(error_code, snapshot)>(
            detail::initiate_snapshot<basic_lock_manager>(this), token);
    }

    /// What it has counted and measured so far. With a protocol that of this manager. Takes a moment for each shard and
    /// none for each lock.
    [[nodiscard]] priority_redlock::metrics metrics() const { return backend_->take_metrics(); }

    /// Ends the acquires that are pending at this moment with `operation_aborted`. Locks stay held.
    void cancel() noexcept { backend_->cancel(); }

    /// Ends the pending acquires with `operation_aborted` and lets every later one fail with `errc::manager_closed`.
    /// Locks stay held and can be released.
    void close() noexcept { backend_->close(); }

private:
    friend struct detail::access;

    basic_lock_manager(const executor_type& ex, std::shared_ptr<detail::manager_backend> backend,
                       const detail::acquire_settings& defaults) noexcept
        : executor_(ex), backend_(std::move(backend)), defaults_(defaults)
    {
    }

    executor_type executor_;
    std::shared_ptr<detail::manager_backend> backend_; // others keep it for the length of a call
    detail::acquire_settings defaults_;
};

/// The manager that most programs use.
using lock_manager = basic_lock_manager<>;

} // namespace priority_redlock

#endif
