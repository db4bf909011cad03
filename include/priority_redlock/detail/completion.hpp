// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_COMPLETION_HPP
#define PRIORITY_REDLOCK_DETAIL_COMPLETION_HPP

#include <priority_redlock/detail/boost_compat.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/posting_memory.hpp>
#include <priority_redlock/detail/user_code.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

namespace asio = boost::asio;

/// Stands for an executor that no handler names.
struct unnamed_executor
{
    unnamed_executor() = default;
    template <class Executor>
    explicit unnamed_executor(const Executor&) noexcept // left unnamed
    {
    }

    template <class Function>
    void execute(Function&&) const
    {
    }
    [[nodiscard]] unnamed_executor require(asio::execution::blocking_t::never_t) const noexcept { return {}; }
    friend bool operator==(const unnamed_executor&, const unnamed_executor&) = default;
};

/// Whether a handler chose an immediate executor.
template <class Handler>
inline constexpr bool has_immediate_executor =
    !std::is_same_v<associated_immediate_executor_t<Handler, unnamed_executor>, unnamed_executor>;

/// Whether a handler has an executor of its own.
template <class Handler>
inline constexpr bool has_own_executor =
    !std::is_same_v<asio::associated_executor_t<Handler, unnamed_executor>, unnamed_executor>;

/// Whether functions can be posted to an executor. Asio asks that of I/O executors only: a handler's own one may lack
/// it, as `any_completion_executor` does.
template <class Executor>
inline constexpr bool can_post = asio::can_require_v<const Executor&, asio::execution::blocking_t::never_t>;

/// Whether what is bound to an executor of a handler is posted to the operation's executor first.
template <class Executor>
inline constexpr bool needs_io_executor = is_of_future<Executor> || !can_post<Executor>;

/// Posts f in memory of the allocator.
///
/// An `any_io_executor` over an `io_context` is the usual case and worth looking into: it moves a function into a block
/// of its own first, and cannot pass on the allocator.
template <class Executor, class Allocator, class Function>
    requires can_post<Executor>
void post_on(const Executor& ex, const Allocator& allocator, Function&& f)
{
    assert_user_code_may_run();
    if constexpr (std::is_same_v<Executor, asio::any_io_executor>)
        if (const auto* context = ex.template target<asio::io_context::executor_type>()) {
            post_on(*context, allocator, std::move(f));
            return;
        }
    asio::prefer(asio::require(ex, asio::execution::blocking.never), asio::execution::allocator(allocator))
        .execute(std::move(f));
}

/// An executor in its form that counts as work.
template <class Executor>
using tracked_executor_t =
    std::decay_t<decltype(asio::prefer(std::declval<const Executor&>(), asio::execution::outstanding_work.tracked))>;

/// A function that has reached the operation's executor and goes on to the handler's, as by dispatch.
template <class Executor, class Allocator, class Function>
class dispatched_function
{
public:
    dispatched_function(const Executor& ex, const Allocator& allocator, Function&& f)
        : executor_(asio::prefer(ex, asio::execution::outstanding_work.tracked)), allocator_(allocator),
          function_(std::move(f))
    {
    }

    void operator()() { asio::prefer(executor_, asio::execution::allocator(allocator_)).execute(std::move(function_)); }

private:
    tracked_executor_t<Executor> executor_;
    Allocator allocator_;
    Function function_;
};

/// Posts f to the executor of a handler, by way of the operation's where that is needed.
template <class Executor, class IoExecutor, class Allocator, class Function>
void post_to_handler(const Executor& ex, const IoExecutor& io_executor, const Allocator& allocator, Function&& f)
{
    if constexpr (is_of_future<Executor>)
        post_on(io_executor, allocator, std::move(f));
    else if constexpr (can_post<Executor>)
        post_on(ex, allocator, std::move(f));
    else
        post_on(io_executor, allocator,
                dispatched_function<Executor, Allocator, std::decay_t<Function>>(ex, allocator, std::move(f)));
}

/// Runs a function as the completion of an operation that ends within its initiating function: posts it to the
/// handler's executor; or, if the handler chose an immediate executor, goes from there to the handler's executor as by
/// dispatch.
///
/// `f.handler()` is the handler. Moves from f.
template <class Function, class Executor>
void execute_immediately(Function&& f, const Executor& io_executor)
{
    using handler_type = std::decay_t<decltype(f.handler())>;
    assert_user_code_may_run();
    const auto allocator = asio::get_associated_allocator(f.handler());
    if constexpr (has_immediate_executor<handler_type> && has_own_executor<handler_type>) {
        const auto immediate = detail::get_associated_immediate_executor(f.handler(), io_executor);
        asio::prefer(immediate, asio::execution::allocator(allocator))
            .execute([io_executor, allocator, f = std::move(f)]() mutable {
                const auto own = asio::get_associated_executor(f.handler(), io_executor);
                asio::prefer(own, asio::execution::allocator(allocator)).execute(std::move(f));
            });
    } else if constexpr (has_immediate_executor<handler_type>) {
        const auto immediate = detail::get_associated_immediate_executor(f.handler(), io_executor);
        asio::prefer(immediate, asio::execution::allocator(allocator)).execute(std::move(f));
    } else {
        const auto own = asio::get_associated_executor(f.handler(), io_executor);
        post_to_handler(own, io_executor, allocator, std::move(f));
    }
}

/// Calls a handler with its arguments. Moves from both.
template <class Handler, class... Results>
void call_with(Handler& handler, std::tuple<Results...>& results)
{
    std::apply([&](Results&... each) { std::move(handler)(std::move(each)...); }, results);
}

/// The same, when an operation has put something into the handler's cancellation slot.
template <class Handler, class... Results>
void clear_slot_and_call_with(Handler& handler, std::tuple<Results...>& results)
{
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.clear();
    call_with(handler, results);
}

/// A handler with its arguments, as a function.
template <class Handler, class... Results>
class bound_completion
{
public:
    explicit bound_completion(Handler&& h, Results... results) : handler_(std::move(h)), results_(std::move(results)...)
    {
    }

    void operator()() { call_with(handler_, results_); }

    [[nodiscard]] const Handler& handler() const noexcept { return handler_; }

protected:
    Handler handler_;
    std::tuple<Results...> results_;
};

/// The same for an operation that has put something into the handler's cancellation slot.
template <class Handler, class... Results>
class cancellable_completion : public bound_completion<Handler, Results...>
{
public:
    using bound_completion<Handler, Results...>::bound_completion;

    void operator()()
    {
        if (auto slot = asio::get_associated_cancellation_slot(this->handler_); slot.is_connected())
            slot.clear();
        call_with(this->handler_, this->results_);
    }
};

/// Completes an operation with these results, within its initiating function.
template <class Handler, class Executor, class... Results>
void complete_immediately(Handler handler, const Executor& io_executor, Results... results)
{
    execute_immediately(bound_completion<Handler, Results...>(std::move(handler), std::move(results)...), io_executor);
}

/// An executor that counts as work.
template <class Executor>
class tracked_executor
{
public:
    explicit tracked_executor(const Executor& ex)
        : executor_(asio::prefer(ex, asio::execution::outstanding_work.tracked))
    {
    }

    /// Posts f in memory of the allocator, by way of the operation's executor where that is needed.
    /// `f` may own this object.
    template <class IoExecutor, class Allocator, class Function>
    void post(const IoExecutor& io_executor, const Allocator& allocator, Function f) const
    {
        post_to_handler(executor_, io_executor, allocator, std::move(f));
    }

private:
    tracked_executor_t<Executor> executor_;
};

/// An `any_io_executor` is looked into here, too.
template <>
class tracked_executor<asio::any_io_executor>
{
public:
    explicit PRIORITY_REDLOCK_DECL tracked_executor(const asio::any_io_executor& ex);

    template <class IoExecutor, class Allocator, class Function>
    void post(const IoExecutor&, const Allocator& allocator, Function f) const
    {
        if (const auto* context = executor_.target<tracked_executor_t<asio::io_context::executor_type>>())
            post_on(*context, allocator, std::move(f));
        else
            post_on(executor_, allocator, std::move(f));
    }

private:
    asio::any_io_executor executor_;
};

/// An executor that counts as work as long as there is a copy of it.
[[nodiscard]] PRIORITY_REDLOCK_DECL asio::any_io_executor work_on(const asio::any_io_executor& ex);

/// What a queued handler keeps while it waits: work on its own executor, and on the operation's if that is another one.
template <class Handler, class Executor>
class handler_work
{
    using handler_executor = asio::associated_executor_t<Handler, Executor>;

public:
    handler_work(const Handler& handler, const Executor& io_executor)
        : handler_work(io_executor, asio::get_associated_executor(handler, io_executor))
    {
    }

    /// Posts f to the handler's executor, in memory of the handler's allocator.
    /// `f.handler()` is the handler. `f` may own this object.
    template <class Function>
    void post(Function f);

    /// The same in memory of the operation, as far as it goes.
    template <class Function>
    void post(Function f, completion_memory& memory);

    /// Ends the work on the operation's executor when the result goes: for when the completion is on its way. From then
    /// on its context may be destroyed before that of the handler.
    [[nodiscard]] asio::any_io_executor take_io_work() noexcept { return std::exchange(io_work_, nullptr); }

    /// Ends the work on the operation's executor now, unless the handler can only be reached through it.
    void release_io_work() noexcept
    {
        if constexpr (!needs_io_executor<handler_executor>)
            io_work_ = nullptr;
    }

private:
    template <class Allocator, class Function>
    void post_with(const Allocator& allocator, Function&& f);

    handler_work(const Executor& io_executor, const handler_executor& ex) : tracked_(ex)
    {
        if (!is_same(ex, io_executor))
            io_work_ = work_on(io_executor);
    }

    template <class E>
    static bool is_same(const E& a, const E& b) noexcept
    {
        return a == b;
    }

    template <class A, class B>
    static bool is_same(const A&, const B&) noexcept
    {
        return false;
    }

    tracked_executor<handler_executor> tracked_;
    asio::any_io_executor io_work_; // if it is on another executor
};

/// The handler's associated allocator; where it has none, Asio's recycling one, which Asio's own operations use then.
template <class Handler>
[[nodiscard]] auto operation_allocator(const Handler& handler) noexcept
{
    using allocator = asio::associated_allocator_t<Handler>;
    if constexpr (std::is_same_v<allocator, std::allocator<void>>)
        return asio::recycling_allocator<void>();
    else
        return asio::get_associated_allocator(handler);
}

template <class Handler, class Executor>
template <class Function>
void handler_work<Handler, Executor>::post(Function f)
{
    post_with(asio::get_associated_allocator(f.handler()), std::move(f));
}

template <class Handler, class Executor>
template <class Function>
void handler_work<Handler, Executor>::post(Function f, completion_memory& memory)
{
    using allocator = decltype(operation_allocator(f.handler()));
    post_with(posting_allocator<void, completion_memory, allocator>(memory, operation_allocator(f.handler())),
              std::move(f));
}

template <class Handler, class Executor>
template <class Allocator, class Function>
void handler_work<Handler, Executor>::post_with(const Allocator& allocator, Function&& f)
{
    const auto io_work = take_io_work();
    if constexpr (needs_io_executor<handler_executor>)
        tracked_.post(io_work, allocator, std::move(f));
    else
        tracked_.post(unnamed_executor(), allocator, std::move(f));
}

/// Whether an allocator lives in the handler that it is associated with.
template <class Allocator>
inline constexpr bool is_within_handler = false;

template <class T, class... Signatures>
inline constexpr bool is_within_handler<asio::any_completion_handler_allocator<T, Signatures...>> = true;

/// For memory that may be given back after the handler has gone, such as the frame of a coroutine: the handler's
/// allocator, unless that goes with the handler.
template <class Handler>
[[nodiscard]] auto frame_allocator(const Handler& handler) noexcept
{
    if constexpr (is_within_handler<asio::associated_allocator_t<Handler>>)
        return asio::recycling_allocator<void>();
    else
        return operation_allocator(handler);
}

template <class Handler>
using frame_allocator_t = decltype(frame_allocator(std::declval<const Handler&>()));

/// Memory for an operation.
template <class Operation, class Handler>
class operation_memory
{
public:
    using allocator_type = typename std::allocator_traits<decltype(operation_allocator(
        std::declval<const Handler&>()))>::template rebind_alloc<Operation>;
    using traits = std::allocator_traits<allocator_type>;

    template <class... Args>
    static Operation* create(const Handler& handler, Args&&... args)
    {
        assert_user_code_may_run();
        allocator_type allocator(operation_allocator(handler));
        Operation* p = traits::allocate(allocator, 1);
        try {
            return ::new (static_cast<void*>(p)) Operation(std::forward<Args>(args)...);
        } catch (...) {
            traits::deallocate(allocator, p, 1);
            throw;
        }
    }

    /// Destroys the operation and gives its memory back. The handler is the one that was moved out of it.
    static void free(const Handler& handler, Operation* op) noexcept
    {
        assert_user_code_may_run();
        allocator_type allocator(operation_allocator(handler));
        op->~Operation();
        traits::deallocate(allocator, op, 1);
    }
};

/// Owns an operation that has been posted but has not run.
template <class Operation>
class posted_operation
{
public:
    explicit posted_operation(Operation* op) noexcept : op_(op) {}
    posted_operation(posted_operation&& other) noexcept : op_(std::exchange(other.op_, nullptr)) {}
    posted_operation& operator=(posted_operation&&) = delete;
    ~posted_operation()
    {
        if (op_)
            op_->destroy_unrun();
    }

    void operator()() { std::exchange(op_, nullptr)->run(); }

    [[nodiscard]] const auto& handler() const noexcept { return op_->handler(); }
    [[nodiscard]] Operation& get() const noexcept { return *op_; }
    void release() noexcept { op_ = nullptr; }

private:
    Operation* op_;
};

/// The completion of a run, which has a `handler_`, and its results by `take_results`. Owns the run until the handler
/// is called, and so needs no more memory than a pointer.
template <class Run>
class run_completion
{
public:
    explicit run_completion(std::shared_ptr<Run> run) noexcept : run_(std::move(run)) {}

    [[nodiscard]] const auto& handler() const noexcept { return run_->handler_; }

    void operator()()
    {
        auto handler(std::move(run_->handler_));
        auto results = run_->take_results();
        run_.reset();
        clear_slot_and_call_with(handler, results);
    }

private:
    std::shared_ptr<Run> run_;
};

} // namespace priority_redlock::detail

#endif
