// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_COMPLETION_HPP
#define PRIORITY_REDLOCK_DETAIL_COMPLETION_HPP

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associated_immediate_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace priority_redlock::detail {

namespace asio = boost::asio;

/// A function that runs on behalf of a handler: it is allocated with the handler's allocator.
template <class Function, class Allocator>
class allocated_function
{
public:
    using allocator_type = Allocator;

    allocated_function(Function f, const Allocator& a) : function_(std::move(f)), allocator_(a) {}

    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_; }
    void operator()() { std::move(function_)(); }

private:
    Function function_;
    [[no_unique_address]] Allocator allocator_;
};

/// Completes an operation with these results, within its initiating function.
template <class Handler, class Executor, class... Results>
void complete_immediately(Handler&& handler, const Executor& io_executor, Results... results)
{
    auto immediate = asio::get_associated_immediate_executor(handler, io_executor);
    auto allocator = asio::get_associated_allocator(handler);
    asio::dispatch(immediate, allocated_function(
                                  [h = std::forward<Handler>(handler),
                                   r = std::tuple<Results...>(std::move(results)...)]() mutable {
                                      std::apply(
                                          [&h](Results&... each) {
                                              std::move(h)(std::move(each)...);
                                          },
                                          r);
                                  },
                                  allocator));
}

/// What a queued handler keeps while it waits: work on the operation's executor and on its own.
template <class Handler, class Executor>
class handler_work
{
    using handler_executor = asio::associated_executor_t<Handler, Executor>;

public:
    handler_work(const Handler& handler, const Executor& io_executor)
        : io_work_(io_executor), handler_work_(asio::get_associated_executor(handler, io_executor))
    {
    }

    [[nodiscard]] handler_executor get_executor() const noexcept { return handler_work_.get_executor(); }

private:
    asio::executor_work_guard<Executor> io_work_;
    asio::executor_work_guard<handler_executor> handler_work_;
};

/// Memory for an operation from the handler's associated allocator.
template <class Operation, class Handler>
class operation_memory
{
public:
    using allocator_type =
        typename std::allocator_traits<asio::associated_allocator_t<Handler>>::template rebind_alloc<Operation>;
    using traits = std::allocator_traits<allocator_type>;

    template <class... Args>
    static Operation* create(const Handler& handler, Args&&... args)
    {
        allocator_type allocator(asio::get_associated_allocator(handler));
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
        allocator_type allocator(asio::get_associated_allocator(handler));
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

    [[nodiscard]] Operation& get() const noexcept { return *op_; }
    void release() noexcept { op_ = nullptr; }

private:
    Operation* op_;
};

} // namespace priority_redlock::detail

#endif
