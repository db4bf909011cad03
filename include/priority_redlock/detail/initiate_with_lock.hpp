// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_WITH_LOCK_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_WITH_LOCK_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_request.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_composed.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

/// What a function that works under a lock returns.
template <class Fn>
using work_t = std::invoke_result_t<std::decay_t<Fn>&, lock&>;

template <class Work>
inline constexpr bool is_awaitable = false;

template <class R, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<R, Executor>> = true;

template <class Work>
struct signature_of_work
{
};

template <asio::async_operation Work>
struct signature_of_work<Work> : asio::completion_signature_of<Work>
{
};

template <class R, class Executor>
struct signature_of_work<asio::awaitable<R, Executor>>
{
    using type = void(std::exception_ptr, R);
};

template <class Executor>
struct signature_of_work<asio::awaitable<void, Executor>>
{
    using type = void(std::exception_ptr);
};

/// The completion signature of work done by a function.
template <class Fn>
using work_signature = typename signature_of_work<work_t<Fn>>::type;

/// The results of work, and how they tell of failure.
template <class Signature>
struct work_results;

template <class R, class... Rest>
struct work_results<R(error_code, Rest...)>
{
    using type = std::tuple<error_code, std::decay_t<Rest>...>;

    [[nodiscard]] static type failed(error_code why) { return type(why, std::decay_t<Rest>()...); }
    [[nodiscard]] static bool is_aborted(const type& results)
    {
        return std::get<0>(results) == asio::error::operation_aborted;
    }
};

template <class R, class... Rest>
struct work_results<R(std::exception_ptr, Rest...)>
{
    using type = std::tuple<std::exception_ptr, std::decay_t<Rest>...>;

    [[nodiscard]] static type failed(std::exception_ptr why) { return type(std::move(why), std::decay_t<Rest>()...); }
    [[nodiscard]] static type failed(error_code why)
    {
        return failed(std::make_exception_ptr(boost::system::system_error(why)));
    }
    [[nodiscard]] static bool is_aborted(const type& results)
    {
        if (!std::get<0>(results))
            return false;
        try {
            std::rethrow_exception(std::get<0>(results));
        } catch (const boost::system::system_error& e) {
            return e.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }
};

/// What can work under a lock: it returns an awaitable, or a deferred operation whose signature begins with an
/// error_code.
template <class Fn>
concept work_function = requires { typename work_results<work_signature<Fn>>::type; };

/// Whether it is an empty std::function or a null pointer.
template <class Fn>
[[nodiscard]] bool is_null(const Fn& fn) noexcept
{
    if constexpr (std::is_constructible_v<Fn, std::nullptr_t> && requires { fn == nullptr; })
        return fn == nullptr;
    else
        return false;
}

/// The options of locks for work that the library runs: it acknowledges a preemption by unwinding, however long that
/// takes.
[[nodiscard]] inline acquire_options without_grace_limit(acquire_options options) noexcept
{
    if (options.grace >= duration::zero())
        options.grace = infinite;
    return options;
}

[[nodiscard]] inline std::vector<lock_request> without_grace_limit(std::vector<lock_request> requests) noexcept
{
    for (lock_request& each : requests)
        each.options = without_grace_limit(each.options);
    return requests;
}

/// Why the work under a lock was cancelled by the end of that lock; none if it was not.
[[nodiscard]] error_code loss_of(lock_state s) noexcept;

/// The executor that a function's coroutine runs on for a handler: the handler's own one, or the manager's if a
/// coroutine cannot run there. Nothing if there is no coroutine.
template <class Fn, class Handler, class IoExecutor>
[[nodiscard]] auto executor_of_work(const Handler& handler, const IoExecutor& io_executor)
{
    if constexpr (!is_awaitable<work_t<Fn>>)
        return unnamed_executor();
    else if constexpr (std::is_convertible_v<asio::associated_executor_t<Handler>, typename work_t<Fn>::executor_type>)
        return typename work_t<Fn>::executor_type(asio::get_associated_executor(handler));
    else
        return typename work_t<Fn>::executor_type(io_executor);
}

/// Makes an operation of the work.
template <class Fn, class Executor>
[[nodiscard]] auto start_work(Fn& fn, lock& lk, const Executor& ex)
{
    if constexpr (is_awaitable<work_t<Fn>>)
        return asio::co_spawn(
            ex, [&fn, &lk] { return fn(lk); }, asio::deferred); // an exception of fn itself is a result, too
    else
        return fn(lk);
}

/// A handler that has an executor of its own, which is not a future's.
template <class Handler, class IoExecutor>
[[nodiscard]] auto with_own_executor(Handler handler, const IoExecutor& io_executor)
{
    if constexpr (has_own_executor<Handler> && !is_of_future<asio::associated_executor_t<Handler>>)
        return handler;
    else
        return asio::bind_executor(io_executor, std::move(handler));
}

// Unoptimised, g++ 12 and later do not see that co_composed's operator new and delete belong together.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

/// Acquires by a deferred operation and lets a function work under the lock.
template <class Manager>
class initiate_with_lock : public manager_initiation<Manager>
{
public:
    using manager_initiation<Manager>::manager_initiation;

    template <class Handler, class Acquire, class Fn>
    void operator()(Handler&& handler, Acquire acquire, Fn fn) const
    {
        using signature = work_signature<Fn>;
        using results = work_results<signature>;
        if (is_null(fn)) {
            std::apply(
                [&](auto... each) {
                    complete_immediately(std::decay_t<Handler>(std::forward<Handler>(handler)), this->executor(),
                                         std::move(each)...);
                },
                results::failed(errc::invalid_argument));
            return;
        }
        // Without an I/O executor, since the acquire and the work count as work themselves while they are pending: once
        // their completion is on its way the manager's context may go before that of the handler.
        const auto work = [](auto state, Acquire how, Fn what, auto ex) -> void {
            state.reset_cancellation_state(asio::enable_total_cancellation());
            state.complete_if_cancelled(false);
            auto [ec, lk] = co_await std::move(how);
            if (!ec && !!state.cancelled())
                ec = asio::error::operation_aborted; // it came too late for the acquire
            if (!ec)
                ec = loss_of(lk.state());
            if (ec)
                co_return results::failed(ec);
            auto operation = start_work(what, lk, ex);
            typename results::type ended = co_await std::move(operation)(lk.guard(asio::as_tuple(asio::deferred)));
            if (results::is_aborted(ended) && !state.cancelled())
                if (const error_code loss = loss_of(lk.state()))
                    co_return results::failed(loss);
            co_return std::move(ended);
        };
        auto own = with_own_executor(std::decay_t<Handler>(std::forward<Handler>(handler)), this->executor());
        auto ex = executor_of_work<Fn>(own, this->executor());
        asio::async_initiate<decltype(own), signature>(asio::co_composed<signature>(work), own, std::move(acquire),
                                                       std::move(fn), std::move(ex));
    }
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

} // namespace priority_redlock::detail

#endif
