// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What happens when an execution context is shut down, though locks outlive it and other threads use it at that moment.
//
// Whatever needs the context, such as a timer or an executor, is a member of a `shutdown_listener`. A service of the
// context owns the listener; others hold a `shutdown_registration` and borrow it while they use it. At the shutdown the
// service has each listener destroy its handlers, lets go of it, and waits until the last borrower has let go too.
// Afterwards there is nothing to borrow. So nobody meets a context that is gone, whichever threads drop what in which
// order.
//
// The listener of a shard gives up the acquires that wait there: see impl/shard_shutdown.hpp.

#ifndef PRIORITY_REDLOCK_SRC_SHUTDOWN_SERVICE_HPP
#define PRIORITY_REDLOCK_SRC_SHUTDOWN_SERVICE_HPP

#include <priority_redlock/detail/config.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <memory>
#include <utility>

namespace priority_redlock::detail {

/// The listeners of one execution context.
struct shutdown_listeners;

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<shutdown_listeners> shutdown_listeners_of(
    boost::asio::execution_context& context);

/// To be called when a timer has been made: the listeners are told before the context shuts down its timers, which
/// other threads may set and cancel until then.
PRIORITY_REDLOCK_DECL void shut_down_listeners_before_timers(boost::asio::execution_context& context);

/// Something that needs its execution context, and is told when that is shut down.
///
/// A borrower must not destroy the context, nor wait for somebody who does.
class PRIORITY_REDLOCK_DECL shutdown_listener : public boost::intrusive::list_base_hook<>
{
public:
    explicit shutdown_listener(std::shared_ptr<shutdown_listeners> others);
    shutdown_listener(const shutdown_listener&) = delete;
    shutdown_listener& operator=(const shutdown_listener&) = delete;
    virtual ~shutdown_listener();

    /// The context is being shut down: destroys the handlers that would run there. Called once, without any mutex,
    /// before the context lets go of this object.
    virtual void shut_down() noexcept {}

private:
    friend class shutdown_service;
    template <class T>
    friend class shutdown_registration;

    /// From now on the context owns it, unless it has been shut down.
    static void enlist(const std::shared_ptr<shutdown_listener>& listener);
    /// From now on the context does not own it.
    void delist() noexcept;

    const std::shared_ptr<shutdown_listeners> others_;
    std::shared_ptr<shutdown_listener> self_; // while the context owns it
};

/// Makes a listener, and the right to borrow it. When this goes, so does the listener.
template <class T>
class shutdown_registration
{
public:
    shutdown_registration() = default;

    template <class... Args>
    explicit shutdown_registration(boost::asio::execution_context& context, Args&&... args)
    {
        const auto listener = std::make_shared<T>(shutdown_listeners_of(context), std::forward<Args>(args)...);
        listener_ = listener;
        shutdown_listener::enlist(listener);
    }

    shutdown_registration(shutdown_registration&& other) noexcept = default;
    shutdown_registration& operator=(shutdown_registration&&) = delete;
    ~shutdown_registration() { reset(); }

    /// Null once the context has been shut down.
    [[nodiscard]] std::shared_ptr<T> borrow() const noexcept { return listener_.lock(); }

    void reset() noexcept
    {
        if (const auto listener = borrow())
            listener->delist();
        listener_.reset();
    }

private:
    std::weak_ptr<T> listener_;
};

} // namespace priority_redlock::detail

#endif
