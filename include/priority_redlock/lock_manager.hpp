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

/// An argument in the place of an acquire's token that is not one: most likely a handler with another signature.
template <class T>
concept no_acquire_token = !name_like<T> && !std::convertible_to<T, const acquire_options&>
                           && !asio::completion_token_for<T, void(error_code, lock)>;

/// Gives one error for arguments that do not fit, instead of a list of overloads.
template <class... Arguments>
struct misfit_of_async_acquire
{
    static_assert(fit<Arguments...>,
                  "async_acquire(resource, locker, options, token) needs its completion token last, and one for "
                  "void(error_code, lock): a handler takes its lock by value");
};

} // namespace detail

class protocol;

/// A scope of locks. Components that share a manager, or use managers over one `protocol`, exclude each other from
/// resources of the same name, by priority.
///
/// @code
/// lock_manager manager(io_context);
///
/// auto lk = co_await manager.async_acquire("lights", "motion detector", {.priority = 100}, asio::use_awaitable);
/// co_await switch_on(lk.guard(asio::use_awaitable)); // ends with operation_aborted if a higher priority comes
/// @endcode
///
/// Without a protocol the locks live in this process. Waiters form a queue: highest priority first, then first come,
/// first served. A free lock is handed to the first in line, and nobody jumps the queue. A strictly higher priority
/// preempts the holder: its lock becomes `revoking`, and its waits and guarded operations end with `operation_aborted`.
/// The newcomer is granted the lock once the holder has let go, or its grace is over and those handlers have run, or
/// its ttl has ended.
///
/// Re-entrance: a locker that holds a resource is granted another handle at once, and all its waiting acquires of a
/// resource are granted together. Give components that must exclude each other different locker ids, or none.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: all member functions may be called from any thread at the same time, except
/// construction, move and destruction. This is also true of a manager over an `asio::strand`: its timer, its notices
/// and its default completions run on the strand. A `single_threaded` manager and its locks must only be used on one
/// implicit strand; a debug build ends the program when two threads are in the manager at once.
///
/// @par Object lifetimes
/// Destroy the manager before its execution context. Its locks may outlive both. The destructor ends the pending
/// acquires with `operation_aborted`.
///
/// @tparam Executor the type of the executor on which operations complete by default.
template <class Executor = boost::asio::any_io_executor>
class basic_lock_manager
{
public:
    /// The type of the manager's executor.
    using executor_type = Executor;

    /// The same manager for another executor, e.g. `asio::use_awaitable_t<>::executor_with_default<...>`.
    template <class Executor1>
    struct rebind_executor
    {
        /// The manager for this executor.
        using other = basic_lock_manager<Executor1>;
    };

    /// Locks of this process, for use from any thread.
    /// @throws std::invalid_argument an option is outside its domain; the message names it.
    explicit basic_lock_manager(const executor_type& ex, const manager_options& options = {})
        : executor_(ex), backend_(detail::make_memory_backend(ex, false, options)),
          defaults_(detail::resolve(options.defaults))
    {
    }

    /// Locks of this process, for use on one implicit strand only. The caller promises this in return for speed.
    basic_lock_manager(const executor_type& ex, single_threaded_t, const manager_options& options = {})
        : executor_(ex), backend_(detail::make_memory_backend(ex, true, options)),
          defaults_(detail::resolve(options.defaults))
    {
    }

    /// Locks in the store behind a protocol, which other managers may share.
    /// @throws std::invalid_argument the protocol is null, or an option is outside its domain or not for protocols.
    basic_lock_manager(const executor_type& ex, std::shared_ptr<protocol> store, const manager_options& options = {})
        : executor_(ex), backend_(detail::make_protocol_backend(ex, std::move(store), options)),
          defaults_(detail::resolve(options.defaults))
    {
    }

    /// Locks in memory, with the executor of an execution context.
    template <detail::execution_context_type ExecutionContext>
    explicit basic_lock_manager(ExecutionContext& context, const manager_options& options = {})
        : basic_lock_manager(executor_type(context.get_executor()), options)
    {
    }

    /// Locks in memory without a mutex, with the executor of an execution context.
    template <detail::execution_context_type ExecutionContext>
    basic_lock_manager(ExecutionContext& context, single_threaded_t tag, const manager_options& options = {})
        : basic_lock_manager(executor_type(context.get_executor()), tag, options)
    {
    }

    /// Locks in the store behind a protocol, with the executor of an execution context.
    template <detail::execution_context_type ExecutionContext>
    basic_lock_manager(ExecutionContext& context, std::shared_ptr<protocol> store, const manager_options& options = {})
        : basic_lock_manager(executor_type(context.get_executor()), std::move(store), options)
    {
    }

    /// Moves the manager. Operations and locks of the moved manager are unaffected.
    basic_lock_manager(basic_lock_manager&&) noexcept = default;

    /// Ends the pending acquires of the manager on the left-hand side.
    basic_lock_manager& operator=(basic_lock_manager&&) noexcept = default;

    /// Ends the pending acquires with `operation_aborted`. Held locks stay held and can be released.
    ~basic_lock_manager() = default;

    /// The executor on which operations complete by default.
    [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

    /// Acquires the lock of a resource for a locker.
    ///
    /// A locker that already holds the resource is granted it again at once: the acquire is re-entrant. Two lockers are
    /// the same if their ids are equal and they use the same manager. The same id in two managers means two lockers,
    /// even if the managers share a protocol: the second one waits for the first.
    ///
    /// The names are decay-copied into the operation. A `std::string` is moved or copied; a `std::string_view` must
    /// stay valid until the operation starts (with a callback at once, in a coroutine at `co_await`).
    ///
    /// @par Completion signature
    /// `void(error_code, lock)`
    /// @par Completion condition
    /// The lock was granted, or the acquire failed. The handler is never invoked from within this function: an
    /// immediate result goes to the handler's immediate executor, which posts by default. A granted lock may be
    /// preempted or expire before its completion runs. It is then delivered without an error, in state `revoking`,
    /// `preempted` or `expired`.
    /// @par Errors
    /// - none: the lock is in the second argument;
    /// - `errc::acquire_timeout`: not granted within `options.timeout` (counted from the start of the operation);
    /// - `errc::already_acquired`: `options.max_attempts` were used up;
    /// - `errc::queue_full`: `manager_options::max_waiters_per_resource` or `max_waiters` is reached;
    /// - `errc::invalid_argument`: a name is empty or longer than 64 KiB, a duration is negative, or the ttl or the
    ///   number of attempts is zero; nothing was changed;
    /// - `errc::manager_closed`: after `close()`;
    /// - `errc::no_quorum`, `errc::deadlock`: only with protocols and options that document them;
    /// - `boost::asio::error::operation_aborted`: cancelled through the slot, by `cancel()`, `close()` or the
    ///   destructor.
    /// @par Per-operation cancellation
    /// Terminal, partial, total: leaves the queue. A cancellation after the grant was decided has no effect.
    /// @par Object lifetimes
    /// The manager must exist until the operation starts. Destroying it ends pending operations. A pending acquire
    /// counts as outstanding work. A held lock does not, but the timer of its ttl does.
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

    /// The same with the default options.
    template <detail::name_like Resource, detail::name_like Locker, detail::acquire_token Token>
    auto async_acquire(Resource&& resource, Locker&& locker, Token&& token)
    {
        return async_acquire(std::forward<Resource>(resource), std::forward<Locker>(locker), acquire_options(),
                             std::forward<Token>(token));
    }

    /// The same for a fresh, unique locker, with the default options.
    template <detail::name_like Resource, detail::acquire_token Token>
    auto async_acquire(Resource&& resource, Token&& token)
    {
        return async_acquire(std::forward<Resource>(resource), acquire_options(), std::forward<Token>(token));
    }

    /// @cond
    // One clear error if the token does not fit, or is not the last argument.

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

    /// @endcond

    /// Acquires the lock of a resource at once, or not at all. It does not wait, tells nobody to go, and calls no
    /// handler. `options.preempt`, `timeout` and `max_attempts` have no effect. A locker that already holds the
    /// resource is granted it again, as by `async_acquire`.
    ///
    /// @code
    /// if (lock lk = manager.try_acquire("cache"))
    ///     refresh();
    /// @endcode
    ///
    /// Only without a protocol, since a store takes time to answer. With a protocol use `async_acquire` with a
    /// `timeout` of zero.
    ///
    /// @returns the lock; an empty lock on error.
    /// @par Errors
    /// - `errc::already_acquired`: another locker holds the resource, or is about to;
    /// - `errc::invalid_argument`: as of `async_acquire`;
    /// - `errc::manager_closed`: after `close()`;
    /// - `boost::asio::error::operation_not_supported`: the manager has a protocol.
    /// @throws std::bad_alloc out of memory; nothing was changed.
    /// @par Thread safety
    /// As for all functions: unless the manager is `single_threaded`, it may be called from any thread at the same
    /// time.
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

    /// As above, but `errc::already_acquired` gives an empty lock, and any other error is thrown.
    /// @throws boost::system::system_error an error other than `errc::already_acquired`.
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

    /// Delivers which resources are held and waited for, for debugging. With a protocol it shows this manager only.
    /// `to_json` (json.hpp) writes a snapshot for tools.
    ///
    /// A snapshot does not show a single instant. Resources are copied in turns of about a hundred, and may be used
    /// between turns. Each resource is shown as it was at one instant, and none is shown twice. A resource that is held
    /// or waited for all the time from the call to the completion is included; one that comes or goes in that time may
    /// be. The first turn runs within the call. Every other turn is posted to the manager's executor, so that other
    /// work there continues. A snapshot that ends with its first turn completes immediately, through the handler's
    /// immediate executor; any other completes through the handler's executor. A resource is copied with all its
    /// waiters in one turn, however many there are.
    ///
    /// @par Completion signature
    /// `void(error_code, snapshot)`
    /// @par Errors
    /// - `boost::system::errc::not_enough_memory`: a later turn ran out of memory; the snapshot is empty.
    /// @throws std::bad_alloc the first turn ran out of memory.
    /// @par Per-operation cancellation
    /// None: the operation waits for nobody.
    /// @par Object lifetimes
    /// The manager may be destroyed while the operation is pending. The snapshot then shows what is left.
    template <boost::asio::completion_token_for<void(error_code, snapshot)> Token =
                  detail::default_completion_token_t<executor_type>>
    auto async_snapshot(Token&& token = Token()) const
    {
        return boost::asio::async_initiate<Token, void(error_code, snapshot)>(
            detail::initiate_snapshot<basic_lock_manager>(this), token);
    }

    /// The counts and measurements of this manager so far. The cost depends on the number of shards, not on the number
    /// of locks.
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
