// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// async_force_release: all nodes are asked who holds the resource with the token that is given. Then those that have
// answered end this hold, and no other.

#include "resource_operation.hpp"

#include <priority_redlock/errc.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace priority_redlock::detail {

namespace redis {

namespace {

class forced_release final : public resource_operation
{
public:
    forced_release(const redis_deployment& where, const std::string& resource, std::uint64_t token,
                   forced_release_handler& handler)
        : resource_operation(where, resource), token_(token), handler_(std::move(handler))
    {
    }

private:
    void on_all() override
    {
        if (!has_quorum()) {
            finish(errc::no_quorum);
        } else if (std::exchange(is_known_, true)) {
            finish({});
        } else if (const std::string id = found().holder_with(token_); !id.empty()) {
            send_to_answering(node_command::force_release, id, token_);
        } else {
            finish(token_ != 0 && found().ended_by_force() == token_ ? error_code() : error_code(errc::not_held));
        }
    }

    /// Once the hold is known, nodes may have ended it.
    void on_cancel(asio::cancellation_type_t type) override
    {
        using kind = asio::cancellation_type;
        if (!is_known_ || (type & (kind::terminal | kind::partial)) != kind::none)
            finish(asio::error::operation_aborted);
    }

    void finish(error_code ec)
    {
        end();
        std::move(handler_)(ec);
    }

    const std::uint64_t token_;
    bool is_known_ = false; // whose it is
    forced_release_handler handler_;
};

} // namespace

} // namespace redis

std::shared_ptr<admin_operation> make_forced_release(const redis_deployment& where, const std::string& resource,
                                                     std::uint64_t fencing_token, forced_release_handler handler)
{
    if (!redis::is_name(resource))
        return redis::make_failed_operation(std::move(handler), error_code(errc::invalid_argument));
    try {
        return std::make_shared<redis::forced_release>(where, resource, fencing_token, handler);
    } catch (const boost::system::system_error& e) {
        return redis::make_failed_operation(std::move(handler), e.code());
    }
}

} // namespace priority_redlock::detail
