// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_WITH_LOCK_HPP
#define PRIORITY_REDLOCK_WITH_LOCK_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/boost_compat.hpp>
#include <priority_redlock/detail/initiate_with_lock.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/lock_request.hpp>

#include <boost/asio/async_result.hpp>

#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock {

namespace detail {

/// Whether a function can work under a lock, and the token can complete with its result.
template <class Fn, class Token>
concept works_for = work_function<Fn> && boost::asio::completion_token_for<Token, work_signature<Fn>>;

/// Gives one error for arguments that do not fit, instead of a list of overloads.
template <class... Arguments>
struct misfit_of_async_with_lock
{
    static_assert(
        fit<Arguments...>,
        "async_with_lock(manager, resource, locker, options, function, token) needs a function that is called "
        "with a lock& and returns an awaitable, or a deferred operation whose signature begins with an "
        "error_code; and last a completion token for its results: void(std::exception_ptr, R), or as the "
        "operation");
};

} // namespace detail

/// Acquires the lock of a resource, runs a function under it, and releases it on every exit path.
///
/// @code
/// co_await async_with_lock(manager, "lights", {.priority = 100}, [&](lock&) -> asio::awaitable<void> {
///     co_await switch_on(lights); // is cancelled if a higher priority comes
/// });
/// @endcode
///
/// `fn(lock&)` is called once, when the lock is held. It returns either
/// - an `asio::awaitable<R>`, which is run as by `co_spawn`; or
/// - a deferred operation whose signature is `void(error_code, Ts...)` or `void(std::exception_ptr, Ts...)`, which is
///   started with the handler's associators, e.g. `socket.async_read_some(buffer, asio::deferred)`.
///
/// `fn` and its work run on the handler's associated executor, or the manager's if there is none. If this executor is
/// not an `asio::strand`, they run on a strand over it, so you need no strand of your own on a thread pool. (A
/// coroutine may name an executor type to which a strand does not convert, such as
/// `awaitable<R, io_context::executor_type>`. It runs on that executor without a strand: use one thread only. If the
/// handler's executor does not convert to `asio::any_io_executor`, the work runs on a strand over the manager's.) The
/// completion runs on the handler's executor itself.
///
/// When the lock ends, the work is cancelled (terminal, as by `lock::guard`). The lock is released only once the work
/// has ended. So the grace is unlimited, whatever `options.grace` says: work that ignores its cancellation keeps the
/// resource until it is done or the ttl has ended. The log warns about such work after
/// `manager_options::overrun_after`.
///
/// @par Completion signature
/// `void(std::exception_ptr, R)`, or `void(std::exception_ptr)` if R is void; for a deferred operation its own. R and
/// Ts must be default constructible.
/// @par Completion condition
/// The lock was not granted; or the work has ended and the lock was released.
/// @par Errors
/// As an `error_code`, or as a `boost::system::system_error` in the exception_ptr:
/// - those of `async_acquire`; `fn` has not been called then;
/// - `errc::preempted`, `errc::expired`, `errc::lost`: the lock ended and the work then ended with `operation_aborted`,
///   or the lock ended before `fn` was called;
/// - `errc::invalid_argument`: also for a null pointer or an empty `std::function` as `fn`;
/// - `boost::asio::error::operation_aborted`: cancelled from outside;
/// - `boost::system::errc::not_enough_memory`: no memory to start the work, or Asio had none to end it.
///
/// Other results and exceptions of the work are passed on unchanged, even if the lock has ended. If `fn` itself throws
/// instead of returning its work, and the completion has an exception_ptr, the exception is passed on, too. If the
/// completion has an error_code, the exception leaves `run()` of the context, as from any callback handler; the lock is
/// released and the handler destroyed.
/// @par Per-operation cancellation
/// Terminal, partial, total: ends the wait for the lock; once the work runs, cancels it with the same type (a coroutine
/// sees partial and total if it has reset its cancellation state to let them through, as under `co_spawn`). You may
/// emit the signal on any thread that may emit it to the handler; it reaches the work on its strand.
/// @par Object lifetimes
/// The manager must exist until the operation starts; destroying it ends the wait for the lock, but not the work. The
/// `lock&` stays valid until the work has ended; releasing it there ends the work. `fn` is also kept until then.
template <
    class Executor, detail::name_like Resource, detail::name_like Locker, detail::work_function Fn,
    boost::asio::completion_token_for<detail::work_signature<Fn>> Token = detail::default_completion_token_t<Executor>>
auto async_with_lock(basic_lock_manager<Executor>& manager, Resource&& resource, Locker&& locker,
                     const acquire_options& options, Fn&& fn, Token&& token = Token())
{
    return detail::with_lock(manager,
                             detail::one_lock<std::decay_t<Resource>, std::decay_t<Locker>>{
                                 std::forward<Resource>(resource), std::forward<Locker>(locker), options},
                             std::forward<Fn>(fn), std::forward<Token>(token));
}

/// The same for a fresh, unique locker.
template <
    class Executor, detail::name_like Resource, detail::work_function Fn,
    boost::asio::completion_token_for<detail::work_signature<Fn>> Token = detail::default_completion_token_t<Executor>>
auto async_with_lock(basic_lock_manager<Executor>& manager, Resource&& resource, const acquire_options& options,
                     Fn&& fn, Token&& token = Token())
{
    return detail::with_lock(
        manager,
        detail::one_lock<std::decay_t<Resource>, detail::fresh_locker>{std::forward<Resource>(resource), {}, options},
        std::forward<Fn>(fn), std::forward<Token>(token));
}

/// As above, with the inherited options.
template <
    class Executor, detail::name_like Resource, detail::work_function Fn,
    boost::asio::completion_token_for<detail::work_signature<Fn>> Token = detail::default_completion_token_t<Executor>>
auto async_with_lock(basic_lock_manager<Executor>& manager, Resource&& resource, Fn&& fn, Token&& token = Token())
{
    return async_with_lock(manager, std::forward<Resource>(resource), acquire_options(), std::forward<Fn>(fn),
                           std::forward<Token>(token));
}

/// As above, under the locks of several resources, which are acquired as by `async_acquire_all`.
template <
    class Executor, detail::name_like Locker, detail::work_function Fn,
    boost::asio::completion_token_for<detail::work_signature<Fn>> Token = detail::default_completion_token_t<Executor>>
auto async_with_lock(basic_lock_manager<Executor>& manager, Locker&& locker, std::vector<lock_request> requests,
                     duration timeout, Fn&& fn, Token&& token = Token())
{
    return detail::with_lock(
        manager, detail::all_locks<std::decay_t<Locker>>{std::forward<Locker>(locker), std::move(requests), timeout},
        std::forward<Fn>(fn), std::forward<Token>(token));
}

/// The same for a fresh, unique locker.
template <
    class Executor, detail::work_function Fn,
    boost::asio::completion_token_for<detail::work_signature<Fn>> Token = detail::default_completion_token_t<Executor>>
auto async_with_lock(basic_lock_manager<Executor>& manager, std::vector<lock_request> requests, duration timeout,
                     Fn&& fn, Token&& token = Token())
{
    return detail::with_lock(manager, detail::all_locks<detail::fresh_locker>{{}, std::move(requests), timeout},
                             std::forward<Fn>(fn), std::forward<Token>(token));
}

/// @cond
// One clear error if the function or the token does not fit.

template <class Executor, detail::name_like Resource, detail::name_like Locker, class Fn,
          class Token = detail::default_completion_token_t<Executor>>
    requires(!detail::works_for<Fn, Token>)
detail::misfit_of_async_with_lock<Fn, Token> async_with_lock(basic_lock_manager<Executor>&, Resource&&, Locker&&,
                                                             const acquire_options&, Fn&&, Token&& = Token())
{
    return {};
}

template <class Executor, detail::name_like Resource, class Fn,
          class Token = detail::default_completion_token_t<Executor>>
    requires(!detail::works_for<Fn, Token>)
detail::misfit_of_async_with_lock<Fn, Token> async_with_lock(basic_lock_manager<Executor>&, Resource&&,
                                                             const acquire_options&, Fn&&, Token&& = Token())
{
    return {};
}

template <class Executor, detail::name_like Resource, class Fn,
          class Token = detail::default_completion_token_t<Executor>>
    requires(!detail::name_like<Fn> && !std::convertible_to<Fn, const acquire_options&>
             && !detail::works_for<Fn, Token>)
detail::misfit_of_async_with_lock<Fn, Token> async_with_lock(basic_lock_manager<Executor>&, Resource&&, Fn&&,
                                                             Token&& = Token())
{
    return {};
}
/// @endcond

} // namespace priority_redlock

#endif
