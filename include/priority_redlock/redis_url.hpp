// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_REDIS_URL_HPP
#define PRIORITY_REDLOCK_REDIS_URL_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/redis/config.hpp>

#include <string_view>
#include <type_traits>
#include <vector>

namespace priority_redlock {

/// Errors in the URL of a node. Each names the invalid part; its message says what is allowed there.
enum class redis_url_errc : int
{
    /// The address of a node is missing.
    empty = 1,

    /// The part before `://`.
    scheme = 2,

    /// The part before `@`.
    user_or_password = 3,

    /// The host.
    host = 4,

    /// The part after the host's `:`.
    port = 5,

    /// The path.
    database = 6,

    /// The part after `?` or `#`.
    query = 7,
};

/// The category of `redis_url_errc`. Name: "priority_redlock.redis_url".
[[nodiscard]] PRIORITY_REDLOCK_DECL const boost::system::error_category& redis_url_category() noexcept;

/// Makes an `error_code` of a code.
[[nodiscard]] inline error_code make_error_code(redis_url_errc e) noexcept
{
    return {static_cast<int>(e), redis_url_category()};
}

/// Parses the address and the login of a node, for example from a command line:
///
///     host:port
///     redis://[[user]:password@]host[:port][/database]
///     rediss://[[user]:password@]host[:port][/database]       over TLS
///
/// The host is a name, an IPv4 address or, in brackets, an IPv6 address. The default port is 6379, the default user
/// `default`, the default database 0. In the user and the password, characters other than letters, digits and `-._~`
/// may have to be percent-encoded: `%40` for `@`, `%2F` for `/`.
///
/// Sets `use_ssl`, `addr`, `username`, `password` and `database_index`; all other fields keep the defaults of
/// `boost::redis::config`.
///
/// On error `error` is one of `redis_url_errc` and the result is a default `config`.
[[nodiscard]] PRIORITY_REDLOCK_DECL boost::redis::config parse_redis_url(std::string_view url, error_code& error);

/// The same; throws `boost::system::system_error`, whose text quotes the URL without user and password.
[[nodiscard]] PRIORITY_REDLOCK_DECL boost::redis::config parse_redis_url(std::string_view url);

/// Parses a comma-separated list of URLs. Spaces around them are ignored. Write a comma in a password as `%2C`.
///
/// Throws `boost::system::system_error`, whose text quotes the invalid URL without user and password.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::vector<boost::redis::config> parse_redis_nodes(std::string_view list);

} // namespace priority_redlock

template <>
struct boost::system::is_error_code_enum<priority_redlock::redis_url_errc> : std::true_type
{
};

#endif
