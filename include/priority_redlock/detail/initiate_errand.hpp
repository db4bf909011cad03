// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_ERRAND_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_ERRAND_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/redis_options.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/redis/config.hpp>

#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

/// An operation that asks nodes for something, over connections of its own.
class errand
{
public:
    virtual void start() = 0;
    virtual void cancel(asio::cancellation_type_t type) = 0;

protected:
    ~errand() = default;
};

/// A handler that is posted to its executor when it is called, and counts as work until then.
template <class Handler, class... Results>
class posted_handler
{
public:
    using allocator_type = frame_allocator_t<Handler>;

    posted_handler(Handler&& handler, const asio::any_io_executor& io_executor)
        : work_(handler, io_executor), handler_(std::move(handler))
    {
    }

    [[nodiscard]] allocator_type get_allocator() const noexcept { return frame_allocator(handler_); }

    void operator()(Results... results)
    {
        work_.post(cancellable_completion<Handler, Results...>(std::move(handler_), std::move(results)...));
    }

private:
    handler_work<Handler, asio::any_io_executor> work_;
    Handler handler_;
};

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<errand> make_provisioning(
    const asio::any_io_executor& ex, const std::vector<boost::redis::config>& nodes, const redis_options& options,
    asio::any_completion_handler<void(std::exception_ptr)> handler);

class initiate_provision
{
public:
    using executor_type = asio::any_io_executor;

    explicit initiate_provision(executor_type ex) noexcept : executor_(std::move(ex)) {}
    [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

    template <class Handler>
    void operator()(Handler&& handler, const std::vector<boost::redis::config>& nodes,
                    const redis_options& options) const
    {
        using handler_type = std::decay_t<Handler>;
        handler_type own(std::forward<Handler>(handler));
        auto slot = asio::get_associated_cancellation_slot(own);
        const auto made = make_provisioning(
            executor_, nodes, options, posted_handler<handler_type, std::exception_ptr>(std::move(own), executor_));
        if (slot.is_connected())
            slot.template emplace<weak_canceller<errand>>(made);
        made->start();
    }

private:
    executor_type executor_;
};

} // namespace priority_redlock::detail

#endif
