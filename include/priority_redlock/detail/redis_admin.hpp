// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_REDIS_ADMIN_HPP
#define PRIORITY_REDLOCK_DETAIL_REDIS_ADMIN_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/redis_inspection.hpp>
#include <priority_redlock/redis_options.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/redis/config.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

/// What an operator asks of the nodes, over connections of its own.
class admin_operation
{
public:
    virtual void start() = 0;
    virtual void cancel(asio::cancellation_type_t type) = 0;

protected:
    ~admin_operation() = default;
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

/// The nodes of a deployment and how to connect to them.
struct redis_deployment
{
    asio::any_io_executor executor;
    std::vector<boost::redis::config> nodes;
    redis_options options;
};

using provision_handler = asio::any_completion_handler<void(std::exception_ptr)>;
using inspect_handler = asio::any_completion_handler<void(error_code, redis_inspection)>;
using forced_release_handler = asio::any_completion_handler<void(error_code)>;

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<admin_operation> make_provisioning(const redis_deployment& where,
                                                                                       provision_handler handler);

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<admin_operation> make_inspection(const redis_deployment& where,
                                                                                     const std::string& resource,
                                                                                     inspect_handler handler);

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<admin_operation> make_forced_release(
    const redis_deployment& where, const std::string& resource, std::uint64_t fencing_token,
    forced_release_handler handler);

/// Base of the initiations of such operations.
class admin_initiation
{
public:
    using executor_type = asio::any_io_executor;

    explicit admin_initiation(std::shared_ptr<const redis_deployment> where) noexcept : where_(std::move(where)) {}
    [[nodiscard]] executor_type get_executor() const noexcept { return where_->executor; }

protected:
    [[nodiscard]] const redis_deployment& where() const noexcept { return *where_; }

    /// `make` makes it of a handler.
    template <class... Results, class Handler, class Make>
    void begin(Handler&& handler, Make make) const
    {
        using handler_type = std::decay_t<Handler>;
        handler_type own(std::forward<Handler>(handler));
        const auto slot = asio::get_associated_cancellation_slot(own);
        const std::shared_ptr<admin_operation> made =
            make(posted_handler<handler_type, Results...>(std::move(own), where_->executor));
        cancel_through(slot, made);
        made->start();
    }

private:
    std::shared_ptr<const redis_deployment> where_;
};

class initiate_provision : public admin_initiation
{
public:
    using admin_initiation::admin_initiation;

    template <class Handler>
    void operator()(Handler&& handler) const
    {
        begin<std::exception_ptr>(std::forward<Handler>(handler),
                                  [this](auto own) { return make_provisioning(where(), std::move(own)); });
    }
};

class initiate_inspect : public admin_initiation
{
public:
    using admin_initiation::admin_initiation;

    template <class Handler>
    void operator()(Handler&& handler, const std::string& resource) const
    {
        begin<error_code, redis_inspection>(std::forward<Handler>(handler), [&](auto own) {
            return make_inspection(where(), resource, std::move(own));
        });
    }
};

class initiate_force_release : public admin_initiation
{
public:
    using admin_initiation::admin_initiation;

    template <class Handler>
    void operator()(Handler&& handler, const std::string& resource, std::uint64_t fencing_token) const
    {
        begin<error_code>(std::forward<Handler>(handler), [&](auto own) {
            return make_forced_release(where(), resource, fencing_token, std::move(own));
        });
    }
};

} // namespace priority_redlock::detail

#endif
