// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How a context shuts down what needs it. The list of the listeners is shared by the service and all of them, so that a
// listener may go after the context has. The service empties the list: it tells one listener after the other, without
// the mutex, and then waits for those that are still borrowed.

#include "shutdown_service.hpp"

#include "mutex.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace priority_redlock::detail {

/// Outlives its context: a listener that goes late finds it closed.
struct shutdown_listeners
{
    using listener_list = boost::intrusive::list<shutdown_listener, boost::intrusive::constant_time_size<false>>;

    mutex guard;
    std::condition_variable_any destroyed; // one of them
    listener_list owned;                   // by the context
    std::size_t alive = 0;                 // owned, or borrowed still
    bool closed = false;
};

/// Services are shut down in the opposite order of their making, so that each of these comes before those that the
/// context had when it was made.
class shutdown_service : public boost::asio::execution_context::service
{
public:
    static inline boost::asio::execution_context::id id;

    explicit shutdown_service(boost::asio::execution_context& context)
        : shutdown_service(context, std::make_shared<shutdown_listeners>())
    {
    }

    shutdown_service(boost::asio::execution_context& context, std::shared_ptr<shutdown_listeners> listeners)
        : service(context), listeners_(std::move(listeners))
    {
    }

    [[nodiscard]] const std::shared_ptr<shutdown_listeners>& listeners() const noexcept { return listeners_; }

private:
    void shutdown() override
    {
        std::unique_lock guard(listeners_->guard);
        listeners_->closed = true;
        while (!listeners_->owned.empty()) {
            auto listener = std::move(listeners_->owned.front().self_);
            listeners_->owned.pop_front();
            guard.unlock();
            listener->shut_down(); // destroys handlers, and with them other listeners perhaps
            listener.reset();
            guard.lock();
        }
        listeners_->destroyed.wait(guard, [this] { return listeners_->alive == 0; });
    }

    const std::shared_ptr<shutdown_listeners> listeners_;
};

/// The same once more, made after the service of the timers.
class timer_shutdown_service final : public shutdown_service
{
public:
    static inline boost::asio::execution_context::id id;

    explicit timer_shutdown_service(boost::asio::execution_context& context)
        : shutdown_service(context, shutdown_listeners_of(context))
    {
    }
};

std::shared_ptr<shutdown_listeners> shutdown_listeners_of(boost::asio::execution_context& context)
{
    return boost::asio::use_service<shutdown_service>(context).listeners();
}

void shut_down_listeners_before_timers(boost::asio::execution_context& context)
{
    boost::asio::use_service<timer_shutdown_service>(context);
}

shutdown_listener::shutdown_listener(std::shared_ptr<shutdown_listeners> others) : others_(std::move(others))
{
    const std::lock_guard guard(others_->guard);
    ++others_->alive;
}

shutdown_listener::~shutdown_listener()
{
    {
        const std::lock_guard guard(others_->guard);
        --others_->alive;
    }
    others_->destroyed.notify_all();
}

void shutdown_listener::enlist(const std::shared_ptr<shutdown_listener>& listener)
{
    const std::lock_guard guard(listener->others_->guard);
    if (listener->others_->closed)
        return;
    listener->self_ = listener;
    listener->others_->owned.push_back(*listener);
}

void shutdown_listener::delist() noexcept
{
    std::shared_ptr<shutdown_listener> self; // goes without the mutex
    const std::lock_guard guard(others_->guard);
    if (!self_)
        return; // the context is being shut down
    self.swap(self_);
    others_->owned.erase(others_->owned.iterator_to(*this));
}

} // namespace priority_redlock::detail
