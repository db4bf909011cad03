// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_COMPLETION_HPP
#define PRIORITY_REDLOCK_DETAIL_COMPLETION_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associated_immediate_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/use_future.hpp>

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace priority_redlock::detail {

namespace asio = boost::asio;

/// Stands for an executor that no handler names.
struct unnamed_executor
{
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
    !std::is_same_v<asio::associated_immediate_executor_t<Handler, unnamed_executor>, unnamed_executor>;

/// Whether a handler has an executor of its own.
template <class Handler>
inline constexpr bool has_own_executor =
    !std::is_same_v<asio::associated_executor_t<Handler, unnamed_executor>, unnamed_executor>;

/// Whether an executor is that of use_future: the system's threads, of which the user of a future knows nothing. What
/// is bound to it runs where the operation does.
template <class Executor>
inline constexpr bool is_of_future = false;

template <class T, class Blocking>
inline constexpr bool is_of_future<asio::detail::promise_executor<T, Blocking>> = true;

/// Posts f in memory of the allocator.
///
/// An `any_io_executor` over an `io_context` is the usual case and worth looking into: it moves a function into a block
/// of its own first, and cannot pass on the allocator.
template <class Executor, class Allocator, class Function>
void post_on(const Executor& ex, const Allocator& allocator, Function&& f)
{
    if constexpr (std::is_same_v<Executor, asio::any_io_executor>)
        if (const auto* context = ex.template target<asio::io_context::executor_type>()) {
            post_on(*context, allocator, std::move(f));
            return;
        }
    asio::prefer(asio::require(ex, asio::execution::blocking.never), asio::execution::allocator(allocator))
        .execute(std::move(f));
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
    const auto allocator = asio::get_associated_allocator(f.handler());
    if constexpr (has_immediate_executor<handler_type> && has_own_executor<handler_type>) {
        const auto immediate = asio::get_associated_immediate_executor(f.handler(), io_executor);
        asio::prefer(immediate, asio::execution::allocator(allocator))
            .execute([io_executor, allocator, f = std::move(f)]() mutable {
                const auto own = asio::get_associated_executor(f.handler(), io_executor);
                asio::prefer(own, asio::execution::allocator(allocator)).execute(std::move(f));
            });
    } else if constexpr (has_immediate_executor<handler_type>) {
        const auto immediate = asio::get_associated_immediate_executor(f.handler(), io_executor);
        asio::prefer(immediate, asio::execution::allocator(allocator)).execute(std::move(f));
    } else {
        const auto own = asio::get_associated_executor(f.handler(), io_executor);
        if constexpr (is_of_future<std::decay_t<decltype(own)>>)
            post_on(io_executor, allocator, std::move(f));
        else
            post_on(own, allocator, std::move(f));
    }
}

/// A handler with its arguments, as a function.
template <class Handler, class... Results>
class bound_completion
{
public:
    explicit bound_completion(Handler&& h, Results... results) : handler_(std::move(h)), results_(std::move(results)...)
    {
    }

    void operator()()
    {
        std::apply([this](Results&... each) { std::move(handler_)(std::move(each)...); }, results_);
    }

    [[nodiscard]] const Handler& handler() const noexcept { return handler_; }

private:
    Handler handler_;
    std::tuple<Results...> results_;
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

    /// Posts f in memory of the allocator. `f` may own this object.
    template <class Allocator, class Function>
    void post(const Allocator& allocator, Function f) const
    {
        post_on(executor_, allocator, std::move(f));
    }

private:
    std::decay_t<asio::prefer_result_t<Executor, asio::execution::outstanding_work_t::tracked_t>> executor_;
};

/// An `any_io_executor` is looked into here, too.
template <>
class tracked_executor<asio::any_io_executor>
{
    using direct = asio::io_context::executor_type;

public:
    explicit tracked_executor(const asio::any_io_executor& ex)
    {
        if (const direct* context = ex.target<direct>())
            executor_.emplace<1>(*context);
        else
            executor_.emplace<2>(asio::prefer(ex, asio::execution::outstanding_work.tracked));
    }

    template <class Allocator, class Function>
    void post(const Allocator& allocator, Function f) const
    {
        if (const auto* context = std::get_if<1>(&executor_))
            context->post(allocator, std::move(f));
        else
            asio::require(std::get<2>(executor_), asio::execution::blocking.never).execute(std::move(f));
    }

private:
    std::variant<std::monostate, tracked_executor<direct>, asio::any_io_executor> executor_;
};

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

    /// Posts f to the handler's executor, in memory of the handler's allocator. `f` may own this object.
    template <class Function>
    void post(const Handler& handler, Function f)
    {
        const auto io_work = take_io_work();
        if constexpr (is_of_future<handler_executor>)
            post_on(io_work->get_executor(), asio::get_associated_allocator(handler), std::move(f));
        else
            tracked_.post(asio::get_associated_allocator(handler), std::move(f));
    }

    /// Ends the work on the operation's executor when the result goes: for when the completion is on its way. From then
    /// on its context may be destroyed before that of the handler.
    [[nodiscard]] auto take_io_work()
    {
        auto taken = std::move(io_work_);
        io_work_.reset();
        return taken;
    }

private:
    handler_work(const Executor& io_executor, const handler_executor& ex) : tracked_(ex)
    {
        if (!is_same(ex, io_executor))
            io_work_.emplace(io_executor);
    }

    template <class E>
    static bool is_same(const E& a, const E& b) noexcept
    {
        return a == b;
    }

    template <class E1, class E2>
    static bool is_same(const E1&, const E2&) noexcept
    {
        return false;
    }

    tracked_executor<handler_executor> tracked_;
    std::optional<asio::executor_work_guard<Executor>> io_work_;
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

} // namespace priority_redlock::detail

#endif
