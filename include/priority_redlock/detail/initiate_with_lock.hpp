// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_WITH_LOCK_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_WITH_LOCK_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/acquire_settings.hpp>
#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/coroutine_completion.hpp>
#include <priority_redlock/detail/initiate_acquire_all.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/lock_receiver.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/detail/with_lock_run.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_request.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock {

template <class Executor>
class basic_lock_manager;

}

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
    [[nodiscard]] static type failed(error_code why) { return failed(exception_of(why)); }
    [[nodiscard]] static bool is_aborted(const type& results) { return detail::is_aborted(std::get<0>(results)); }
};

/// What can work under a lock: it returns an awaitable, or a deferred operation whose signature begins with an
/// error_code or an exception_ptr.
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

/// The handler of work that is a deferred operation, which has a signature of its own. Without memory Asio may not get
/// as far as to call it.
template <class Run>
class work_handler
{
public:
    using executor_type = asio::any_io_executor;
    using cancellation_slot_type = asio::cancellation_slot;
    using allocator_type = typename Run::allocator_type;

    explicit work_handler(std::shared_ptr<Run> run) noexcept : allocator_(run->get_allocator()), run_(std::move(run)) {}
    work_handler(work_handler&& other) noexcept = default;
    work_handler& operator=(work_handler&&) = delete;
    ~work_handler()
    {
        if (run_ && std::uncaught_exceptions() != 0)
            run_->fail_for_memory();
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return run_->get_executor(); }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return run_->slot(); }
    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_; }

    template <class... Results>
    void operator()(Results... results)
    {
        const auto run = std::exchange(run_, nullptr);
        run->on_work_end(typename Run::results_type(std::move(results)...));
    }

private:
    allocator_type allocator_; // which Asio asks for also when it has moved from this
    std::shared_ptr<Run> run_;
};

/// An async_with_lock, without the function that works. The steps of the work run and are cancelled on the strand, and
/// the user's handler is completed on its own executor, outside of the strand.
template <class Handler, class IoExecutor, class Signature>
class with_lock_op : public with_lock_run
{
    using results = work_results<Signature>;

public:
    using results_type = typename results::type;
    using allocator_type = frame_allocator_t<Handler>;

    /// Completes an operation that is not started. Moves from the handler.
    static void refuse(Handler& handler, const IoExecutor& io_executor, error_code why);

    with_lock_op(Handler& handler, const asio::any_io_executor& strand, const IoExecutor& io_executor);

    [[nodiscard]] allocator_type get_allocator() const noexcept { return frame_allocator(handler_); }

    /// The work was a deferred operation, or a coroutine that did not run on the strand.
    void on_work_end(results_type ended);

protected:
    ~with_lock_op() = default;

    /// Lets go of the function and what it has captured.
    virtual void destroy_function() = 0;

    /// Releases the lock, lets go of the function and completes the operation.
    void finish(results_type ended);

    /// Of a coroutine of another type of executors: the strand if that converts, else the handler's own executor or the
    /// manager's.
    template <class Executor>
    [[nodiscard]] Executor executor_of_work() const;

    results_type ended_;

private:
    friend class run_completion<with_lock_op>;

    [[nodiscard]] results_type take_results() { return std::move(ended_); }

    void fail(error_code why) override;
    void complete(std::exception_ptr e) override;

    /// Whether the strand is the handler's executor.
    [[nodiscard]] bool completes_on_strand(const Handler& handler) const;

    IoExecutor io_executor_;
    handler_work<Handler, IoExecutor> work_;
    Handler handler_;
    completion_memory memory_;
};

template <class Handler, class IoExecutor, class Signature>
void with_lock_op<Handler, IoExecutor, Signature>::refuse(Handler& handler, const IoExecutor& io_executor,
                                                          error_code why)
{
    std::apply([&](auto... each) { complete_immediately(std::move(handler), io_executor, std::move(each)...); },
               results::failed(why));
}

template <class Handler, class IoExecutor, class Signature>
with_lock_op<Handler, IoExecutor, Signature>::with_lock_op(Handler& handler, const asio::any_io_executor& strand,
                                                           const IoExecutor& io_executor)
    : with_lock_run(strand, asio::get_associated_cancellation_slot(handler).is_connected()), io_executor_(io_executor),
      work_(handler, io_executor), handler_(std::move(handler))
{
    // The acquire and the work count as work themselves while they are pending: once their completion is on its way
    // the manager's context may go before that of the handler.
    work_.release_io_work();
}

template <class Handler, class IoExecutor, class Signature>
void with_lock_op<Handler, IoExecutor, Signature>::on_work_end(results_type ended)
{
    if (results::is_aborted(ended))
        if (const error_code cause = cause_of_abort())
            ended = results::failed(cause);
    finish(std::move(ended));
}

template <class Handler, class IoExecutor, class Signature>
void with_lock_op<Handler, IoExecutor, Signature>::finish(results_type ended)
{
    finished_ = true;
    current_lock() = lock();
    destroy_function();
    ended_ = std::move(ended);
    run_completion completion(std::static_pointer_cast<with_lock_op>(shared_from_this()));
    if (completes_on_strand(handler_))
        completion();
    else
        work_.post(std::move(completion), memory_);
}

template <class Handler, class IoExecutor, class Signature>
template <class Executor>
Executor with_lock_op<Handler, IoExecutor, Signature>::executor_of_work() const
{
    if constexpr (std::is_convertible_v<asio::any_io_executor, Executor>)
        return Executor(get_executor());
    else if constexpr (std::is_convertible_v<asio::associated_executor_t<Handler, IoExecutor>, Executor>)
        return Executor(asio::get_associated_executor(handler_, io_executor_));
    else
        return Executor(io_executor_);
}

template <class Handler, class IoExecutor, class Signature>
void with_lock_op<Handler, IoExecutor, Signature>::fail(error_code why)
{
    finish(results::failed(why));
}

template <class Handler, class IoExecutor, class Signature>
void with_lock_op<Handler, IoExecutor, Signature>::complete([[maybe_unused]] std::exception_ptr e)
{
    if constexpr (std::is_same_v<std::tuple_element_t<0, results_type>, std::exception_ptr>) {
        std::get<0>(ended_) = std::move(e);
        finish(std::move(ended_));
    }
}

template <class Handler, class IoExecutor, class Signature>
bool with_lock_op<Handler, IoExecutor, Signature>::completes_on_strand([[maybe_unused]] const Handler& handler) const
{
    if constexpr (carries_io<asio::associated_executor_t<Handler, IoExecutor>>)
        return get_executor() == asio::any_io_executor(asio::get_associated_executor(handler, io_executor_));
    else
        return false;
}

extern template class PRIORITY_REDLOCK_DECL
    with_lock_op<coroutine_handler<std::exception_ptr>, asio::any_io_executor, void(std::exception_ptr)>;

/// An async_with_lock with its function. `Op` is a `with_lock_op`.
template <class Op, class Fn>
class with_lock_work final : public Op
{
    using results_type = typename Op::results_type;

public:
    template <class Handler, class IoExecutor>
    with_lock_work(Handler& handler, const asio::any_io_executor& strand, const IoExecutor& io_executor, Fn fn)
        : Op(handler, strand, io_executor), fn_(std::move(fn))
    {
    }

private:
    static constexpr bool is_coroutine = is_awaitable<work_t<Fn>>;

    /// Whether the work is a coroutine that can run on the strand.
    static constexpr bool is_spawned = [] {
        if constexpr (is_coroutine)
            return std::is_same_v<typename work_t<Fn>::executor_type, asio::any_io_executor>;
        else
            return false;
    }();

    void begin() override
    {
        if constexpr (is_spawned) {
            this->spawn(work());
        } else {
            const auto self = std::static_pointer_cast<Op>(this->shared_from_this());
            if constexpr (std::is_same_v<std::tuple_element_t<0, results_type>, std::exception_ptr>) {
                std::optional<decltype(start())> operation;
                std::exception_ptr thrown;
                try {
                    operation.emplace(start());
                } catch (...) {
                    thrown = std::current_exception();
                }
                if (thrown)
                    this->finish(work_results<work_signature<Fn>>::failed(std::move(thrown)));
                else
                    (*std::move(operation))(this->current_lock().guard(work_handler<Op>(self)));
            } else {
                start()(this->current_lock().guard(work_handler<Op>(self)));
            }
        }
    }

    /// The coroutine; an exception of the function itself is a result, too.
    [[nodiscard]] asio::awaitable<void> work()
    {
        if constexpr (std::tuple_size_v<results_type> == 1)
            co_await (*fn_)(this->current_lock());
        else
            std::get<1>(this->ended_) = co_await (*fn_)(this->current_lock());
    }

    /// Makes an operation of the work.
    [[nodiscard]] auto start()
    {
        if constexpr (is_coroutine)
            return asio::co_spawn(
                this->template executor_of_work<typename work_t<Fn>::executor_type>(),
                [this] { return (*fn_)(this->current_lock()); }, asio::deferred);
        else
            return (*fn_)(this->current_lock());
    }

    void destroy_function() override { fn_.reset(); }

    std::optional<Fn> fn_;
};

/// The lock of one resource, for work.
template <class Resource, class Locker>
struct one_lock
{
    Resource resource;
    Locker locker;
    acquire_options options;

    template <class Manager>
    void operator()(const Manager& manager, received_handler handler) const
    {
        initiate_acquire<Manager>{&manager}(std::move(handler), resource, locker, without_grace_limit(options));
    }
};

/// The locks of several resources, for work.
template <class Locker>
struct all_locks
{
    Locker locker;
    std::vector<lock_request> requests;
    duration timeout;

    template <class Manager>
    void operator()(const Manager& manager, received_handler handler)
    {
        for (lock_request& each : requests)
            each.options = without_grace_limit(each.options);
        initiate_acquire_all<Manager>{&manager}(std::move(handler), locker, std::move(requests), timeout);
    }
};

/// Acquires, and lets a function work under the lock.
template <class Manager>
class initiate_with_lock : public manager_initiation<Manager>
{
public:
    using manager_initiation<Manager>::manager_initiation;

    template <class Handler, class Locks, class Fn>
    void operator()(Handler&& handler, Locks locks, Fn fn) const
    {
        using handler_type = std::decay_t<Handler>;
        using op_type = with_lock_op<handler_type, typename Manager::executor_type, work_signature<Fn>>;
        handler_type own(std::forward<Handler>(handler));
        if (is_null(fn)) {
            op_type::refuse(own, this->executor(), errc::invalid_argument);
            return;
        }
        auto slot = asio::get_associated_cancellation_slot(own);
        const cleared_on_failure started(slot);
        std::shared_ptr<with_lock_run> op = std::allocate_shared<with_lock_work<op_type, Fn>>(
            frame_allocator(own), own, strand_for(own, this->executor()), this->executor(), std::move(fn));
        cancel_through(slot, op);
        locks(*this->manager(), received_handler(std::move(op)));
    }
};

template <class Executor, class Locks, class Fn, class Token>
auto with_lock(const basic_lock_manager<Executor>& manager, Locks locks, Fn&& fn, Token&& token)
{
    return asio::async_initiate<Token, work_signature<Fn>>(initiate_with_lock<basic_lock_manager<Executor>>(&manager),
                                                           token, std::move(locks), std::forward<Fn>(fn));
}

} // namespace priority_redlock::detail

#endif
