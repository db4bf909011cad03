// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the owner of a lock is told of an `async_release` or `async_extend` that had to ask a store.

#ifndef PRIORITY_REDLOCK_SRC_OWNER_ANSWER_HPP
#define PRIORITY_REDLOCK_SRC_OWNER_ANSWER_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/bad_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

#include <memory>
#include <new>
#include <utility>

namespace priority_redlock::detail {

/// The result, and the handler that waits for it. Made when the operation starts: so it lasts until it could be posted,
/// which may take several tries. Until then it is work on the executors of the operation and of the handler.
struct owner_answer
{
    /// `io_executor` is that of the operation, and empty if its context has been shut down: then nobody is answered.
    owner_answer(protocol::done_handler h, const asio::any_io_executor& io_executor) : handler(std::move(h))
    {
        if (!io_executor)
            return;
        try {
            io_work = work_on(io_executor);
            executor = asio::prefer(asio::get_associated_executor(handler, io_executor),
                                    asio::execution::outstanding_work.tracked);
        } catch (const asio::execution::bad_executor&) { // what an executor becomes that Asio has no memory to copy
            throw std::bad_alloc();
        }
    }

    protocol::done_handler handler;
    error_code result;
    asio::any_io_executor io_work;
    asio::any_completion_executor executor; // of the handler
    std::shared_ptr<owner_answer> next;     // in its list
};

/// In the order in which they came.
class owner_answers
{
public:
    owner_answers() = default;
    owner_answers(owner_answers&& other) noexcept
        : first_(std::move(other.first_)), last_(std::exchange(other.last_, nullptr))
    {
    }
    owner_answers& operator=(owner_answers&& other) noexcept
    {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        return *this;
    }
    ~owner_answers()
    {
        while (take()) // one by one, lest a long list need a deep stack
            ;
    }

    [[nodiscard]] bool empty() const noexcept { return !first_; }

    void push(std::shared_ptr<owner_answer> a) noexcept
    {
        owner_answer* const added = a.get();
        (last_ ? last_->next : first_) = std::move(a);
        last_ = added;
    }

    [[nodiscard]] std::shared_ptr<owner_answer> take() noexcept
    {
        auto result = std::move(first_);
        if (result)
            first_ = std::move(result->next);
        if (!first_)
            last_ = nullptr;
        return result;
    }

    void append(owner_answers more) noexcept
    {
        while (auto each = more.take())
            push(std::move(each));
    }

private:
    std::shared_ptr<owner_answer> first_;
    owner_answer* last_ = nullptr;
};

} // namespace priority_redlock::detail

#endif
