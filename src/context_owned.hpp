// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_CONTEXT_OWNED_HPP
#define PRIORITY_REDLOCK_SRC_CONTEXT_OWNED_HPP

#include <priority_redlock/detail/config.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <memory>
#include <utility>

namespace priority_redlock::detail {

/// All that an execution context owns in this way.
struct context_estate;

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<context_estate> estate_of(boost::asio::execution_context& context);

/// After a timer was made: the context lets go of what it owns before it shuts down its timers, which meanwhile may be
/// set and cancelled by other threads.
PRIORITY_REDLOCK_DECL void shut_down_before_timers(boost::asio::execution_context& context);

/// An object that needs its execution context, such as a timer or an executor. The context owns it; everybody else
/// borrows it for as long as it is used. When the context is destroyed it waits until the last borrower has let go. So
/// nothing that is done with such an object can meet a context that is gone, whichever threads drop what in which
/// order.
///
/// A borrower must not destroy the context, nor wait for somebody who does.
class PRIORITY_REDLOCK_DECL context_owned : public boost::intrusive::list_base_hook<>
{
public:
    explicit context_owned(std::shared_ptr<context_estate> estate);
    context_owned(const context_owned&) = delete;
    context_owned& operator=(const context_owned&) = delete;
    virtual ~context_owned();

    /// The context is being shut down: destroys the handlers that would run there. Called once, without any mutex,
    /// before the context lets go of this object.
    virtual void shut_down() noexcept {}

private:
    friend class context_service;
    template <class T>
    friend class loan;

    /// Makes the context own it, unless it has been shut down.
    static void keep(const std::shared_ptr<context_owned>& object);
    /// Makes the context own it no more.
    void give_back() noexcept;

    const std::shared_ptr<context_estate> estate_;
    std::shared_ptr<context_owned> self_; // while the context owns it
};

/// The right to borrow an object of an execution context. When it goes, so does the object.
template <class T>
class loan
{
public:
    loan() = default;

    template <class... Args>
    explicit loan(boost::asio::execution_context& context, Args&&... args)
    {
        const auto object = std::make_shared<T>(estate_of(context), std::forward<Args>(args)...);
        object_ = object;
        context_owned::keep(object);
    }

    loan(loan&& other) noexcept = default;
    loan& operator=(loan&&) = delete;
    ~loan() { end(); }

    /// Null once the context has been shut down.
    [[nodiscard]] std::shared_ptr<T> borrow() const noexcept { return object_.lock(); }

    void end() noexcept
    {
        if (const auto object = borrow())
            object->give_back();
        object_.reset();
    }

private:
    std::weak_ptr<T> object_;
};

} // namespace priority_redlock::detail

#endif
