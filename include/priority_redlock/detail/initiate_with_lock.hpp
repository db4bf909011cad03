// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_WITH_LOCK_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_WITH_LOCK_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_request.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_composed.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
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

/// The executor that a function's coroutine runs on: the strand; or, if the coroutine is of another type of executors,
/// the handler's own one or the manager's. Nothing if there is no coroutine.
template <class Fn, class Handler, class IoExecutor>
[[nodiscard]] auto executor_of_work([[maybe_unused]] const asio::any_io_executor& strand,
                                    [[maybe_unused]] const Handler& handler,
                                    [[maybe_unused]] const IoExecutor& io_executor)
{
    if constexpr (!is_awaitable<work_t<Fn>>) {
        return unnamed_executor();
    } else {
        using executor = typename work_t<Fn>::executor_type;
        if constexpr (std::is_convertible_v<asio::any_io_executor, executor>)
            return executor(strand);
        else if constexpr (std::is_convertible_v<asio::associated_executor_t<Handler, IoExecutor>, executor>)
            return executor(asio::get_associated_executor(handler, io_executor));
        else
            return executor(io_executor);
    }
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

/// Cancels work on its strand.
class strand_signal : public std::enable_shared_from_this<strand_signal>
{
public:
    explicit strand_signal(const asio::any_io_executor& strand) : strand_(strand) {}

    [[nodiscard]] asio::cancellation_slot slot() noexcept { return signal_.slot(); }

    /// From any thread.
    void cancel(asio::cancellation_type_t type)
    {
        cancelled_.store(true, std::memory_order_relaxed);
        asio::dispatch(strand_, [weak = weak_from_this(), type] {
            if (const auto self = weak.lock())
                self->signal_.emit(type);
        });
    }

    /// Whether it was cancelled, although that may not have arrived on the strand.
    [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

private:
    asio::any_io_executor strand_;
    asio::cancellation_signal signal_;
    std::atomic<bool> cancelled_ = false;
};

/// The handler of work on a strand: the steps of the work run and are cancelled there, and the user's handler is
/// completed on its own executor, outside of the strand.
template <class Handler, class IoExecutor>
class strand_handler
{
public:
    using executor_type = asio::any_io_executor;
    using cancellation_slot_type = asio::cancellation_slot;
    using allocator_type = frame_allocator_t<Handler>;

    strand_handler(Handler handler, const asio::any_io_executor& strand, const IoExecutor& io_executor)
        : strand_(strand), work_(handler, io_executor), handler_(std::move(handler))
    {
        // The acquire and the work count as work themselves while they are pending: once their completion is on its way
        // the manager's context may go before that of the handler.
        work_.release_io_work();
        if constexpr (carries_io<asio::associated_executor_t<Handler, IoExecutor>>)
            completes_here_ = strand == asio::any_io_executor(asio::get_associated_executor(handler_, io_executor));
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
            signal_ = std::allocate_shared<strand_signal>(asio::recycling_allocator<void>(), strand);
            slot.template emplace<weak_canceller<strand_signal>>(signal_);
        }
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return strand_; }
    [[nodiscard]] allocator_type get_allocator() const noexcept { return frame_allocator(handler_); }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return signal_ ? signal_->slot() : cancellation_slot_type();
    }
    /// Null if the handler cannot be cancelled. Lives as long as the handler.
    [[nodiscard]] const strand_signal* signal() const noexcept { return signal_.get(); }

    template <class... Results>
    void operator()(Results... results)
    {
        cancellable_completion<Handler, Results...> completion(std::move(handler_), std::move(results)...);
        if (completes_here_)
            completion();
        else
            work_.post(std::move(completion));
    }

private:
    asio::any_io_executor strand_;
    handler_work<Handler, IoExecutor> work_;
    Handler handler_;
    std::shared_ptr<strand_signal> signal_; // if the handler can be cancelled
    bool completes_here_ = false;           // its executor is the strand
};

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
        const auto work = [](auto state, Acquire how, Fn what, auto ex, const strand_signal* signal) -> void {
            state.reset_cancellation_state(asio::enable_total_cancellation());
            state.complete_if_cancelled(false);
            auto [ec, lk] = co_await std::move(how);
            if (!ec && (!!state.cancelled() || (signal && signal->is_cancelled())))
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
        const asio::any_io_executor strand = strand_for(handler, this->executor());
        auto ex = executor_of_work<Fn>(strand, handler, this->executor());
        strand_handler<std::decay_t<Handler>, typename Manager::executor_type> own(std::forward<Handler>(handler),
                                                                                   strand, this->executor());
        const strand_signal* const signal = own.signal();
        asio::async_initiate<decltype(own), signature>(asio::co_composed<signature>(work), own, std::move(acquire),
                                                       std::move(fn), std::move(ex), signal);
    }
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

} // namespace priority_redlock::detail

#endif
