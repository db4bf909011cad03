// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "context_owned.hpp"

#include "mutex.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace priority_redlock::detail {

/// Outlives its context: what is given back late finds it closed.
struct context_estate
{
    using owned_list = boost::intrusive::list<context_owned, boost::intrusive::constant_time_size<false>>;

    mutex guard;
    std::condition_variable_any left; // an object has been destroyed
    owned_list owned;
    std::size_t alive = 0; // those included that are not owned any more, but borrowed
    bool closed = false;
};

/// Empties the estate of a context that is destroyed. Services are shut down in the opposite order of their making, so
/// that each of these comes before those that the context had when it was made.
class context_service : public boost::asio::execution_context::service
{
public:
    static inline boost::asio::execution_context::id id;

    explicit context_service(boost::asio::execution_context& context)
        : context_service(context, std::make_shared<context_estate>())
    {
    }

    context_service(boost::asio::execution_context& context, std::shared_ptr<context_estate> estate)
        : service(context), estate_(std::move(estate))
    {
    }

    [[nodiscard]] const std::shared_ptr<context_estate>& estate() const noexcept { return estate_; }

private:
    void shutdown() override
    {
        std::unique_lock guard(estate_->guard);
        estate_->closed = true;
        while (!estate_->owned.empty()) {
            auto object = std::move(estate_->owned.front().self_);
            estate_->owned.pop_front();
            guard.unlock();
            object->shut_down(); // destroys handlers, which may give back other objects
            object.reset();
            guard.lock();
        }
        estate_->left.wait(guard, [this] { return estate_->alive == 0; });
    }

    const std::shared_ptr<context_estate> estate_;
};

class timer_context_service final : public context_service
{
public:
    static inline boost::asio::execution_context::id id;

    explicit timer_context_service(boost::asio::execution_context& context)
        : context_service(context, estate_of(context))
    {
    }
};

std::shared_ptr<context_estate> estate_of(boost::asio::execution_context& context)
{
    return boost::asio::use_service<context_service>(context).estate();
}

void shut_down_before_timers(boost::asio::execution_context& context)
{
    boost::asio::use_service<timer_context_service>(context);
}

context_owned::context_owned(std::shared_ptr<context_estate> estate) : estate_(std::move(estate))
{
    const std::lock_guard guard(estate_->guard);
    ++estate_->alive;
}

context_owned::~context_owned()
{
    {
        const std::lock_guard guard(estate_->guard);
        --estate_->alive;
    }
    estate_->left.notify_all();
}

void context_owned::keep(const std::shared_ptr<context_owned>& object)
{
    const std::lock_guard guard(object->estate_->guard);
    if (object->estate_->closed)
        return;
    object->self_ = object;
    object->estate_->owned.push_back(*object);
}

void context_owned::give_back() noexcept
{
    std::shared_ptr<context_owned> self; // goes without the mutex
    const std::lock_guard guard(estate_->guard);
    if (!self_)
        return; // the context is being shut down
    self.swap(self_);
    estate_->owned.erase(estate_->owned.iterator_to(*this));
}

} // namespace priority_redlock::detail
