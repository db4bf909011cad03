// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_REDIS_PROVISION_HPP
#define PRIORITY_REDLOCK_REDIS_PROVISION_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/redis_admin.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/redis_options.hpp>
#include <priority_redlock/redis_url.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/default_completion_token.hpp>
#include <boost/redis/config.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock {

/// Why nodes were not provisioned.
enum class provision_errc : int
{
    /// A node holds keys under `redis_options::prefix`: it is in use, or has been.
    occupied = 1,

    /// A node cannot be reached or cannot take part.
    unusable = 2,
};

/// The category of `provision_errc`. Name: "priority_redlock.provision".
[[nodiscard]] PRIORITY_REDLOCK_DECL const boost::system::error_category& provision_category() noexcept;

/// Makes an `error_code` of a code.
[[nodiscard]] inline error_code make_error_code(provision_errc e) noexcept
{
    return {static_cast<int>(e), provision_category()};
}

/// Sets up the nodes of a new deployment, so that they vote at once. An operator does this once, before the first
/// client starts. Without it the locks are just as safe, but the deployment grants nothing until
/// `redis_options::max_ttl` has passed, because new nodes look like nodes that have lost everything. The caller of this
/// function asserts that the nodes are new.
/// @code
/// co_await async_provision(io.get_executor(), parse_redis_nodes("h1:6379,h2:6379,h3:6379"), options, use_awaitable);
/// @endcode
///
/// `nodes` and `options` are those with which the clients will make their `redis_protocol`: all nodes, and the same
/// `prefix` and `max_ttl`. All nodes are checked before the first is changed. Each must be able to take part and hold
/// nothing under the prefix, not even a marker. If a node fails the check, none is changed. The installed program does
/// the same: `priority-redlock provision h1:6379,h2:6379,h3:6379`.
///
/// The check reads the names of all keys of the servers in batches. For this the user needs the right `+scan` in
/// addition to those of clients (doc/redis.md, Access).
///
/// @par Completion signature
/// `void(std::exception_ptr)`. Null: all nodes vote from now on.
///
/// @par Errors
/// `boost::system::system_error`. Its text names the node, the problem and the remedy, and the nodes that had already
/// been set up by then. Its code is
/// - `provision_errc::occupied`: a node holds something under the prefix,
/// - `provision_errc::unusable`: a node cannot be reached (one attempt, with the timeouts of its
///   `boost::redis::config`), cannot take part, or its connection was lost,
/// - `boost::asio::error::operation_aborted`: it was cancelled,
/// - another one: a file of TLS cannot be read.
///
/// `std::invalid_argument`: there is no node, or an option is outside its domain; the text names it.
///
/// @par Per-operation cancellation
/// Terminal, partial: the operation ends at once; some nodes may have been set up. Total: only until the first node has
/// been changed.
///
/// @par Object lifetimes
/// All arguments are copied. The connections are closed when the operation has completed; until then
/// `io_context::run()` does not return.
///
/// @par Thread safety
/// Safe from any thread. It runs on a strand over `ex`.
template <boost::asio::completion_token_for<void(std::exception_ptr)> Token =
              boost::asio::default_completion_token_t<boost::asio::any_io_executor>>
auto async_provision(const boost::asio::any_io_executor& ex, std::vector<boost::redis::config> nodes,
                     redis_options options, Token&& token = {})
{
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        detail::initiate_provision(
            std::make_shared<detail::redis_deployment>(ex, std::move(nodes), std::move(options))),
        token);
}

} // namespace priority_redlock

template <>
struct boost::system::is_error_code_enum<priority_redlock::provision_errc> : std::true_type
{
};

#endif
