// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_REDIS_OPTIONS_HPP
#define PRIORITY_REDLOCK_REDIS_OPTIONS_HPP

#include <priority_redlock/acquire_options.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace priority_redlock {

/// What a node does about the time before it was (re)started, which it may have forgotten.
enum class restart_guard : std::uint8_t
{
    /// After every restart it does not vote until `redis_options::max_ttl` has passed.
    on,

    /// It votes at once, since its server writes every change to its disk before it answers (`appendfsync always`). One
    /// that comes back empty still waits.
    durable,

    /// It votes at once. A node that comes back empty during somebody's hold can give the lock to a second holder: for
    /// deployments that only save work by locking.
    off,
};

/// How a `redis_protocol` works. An aggregate: name the fields that differ from the defaults.
///
/// `prefix`, `max_ttl`, `clock_skew`, `guard` and the number of nodes are constants of a deployment: the same in all
/// its clients.
///
/// The constructor of `redis_protocol` throws `std::invalid_argument` unless `prefix` has no braces, `lease` is above 0
/// and at most `max_ttl`, `max_ttl` is above `2 * clock_skew`, `node_timeout`, `retry_interval` and `quorum_timeout`
/// are at least 1 ms, no other duration is negative, and none is longer than a year.
struct redis_options
{
    /// What the keys and channels begin with. ACL rules of the user: `~<prefix>*` and `&<prefix>*`; the
    /// commands that it needs are in doc/redis.md, Access.
    std::string prefix = "redlock:";

    /// How long a lock without a ttl outlives its process. It is renewed each time a third of this has passed.
    duration lease = std::chrono::seconds(10);

    /// The longest ttl that anybody of the deployment uses, which is also how long a restarted node does not vote. More
    /// than `2 * clock_skew`, at least `lease`. An acquire with a longer ttl fails with `errc::invalid_argument`.
    duration max_ttl = std::chrono::minutes(1);

    /// How long a node may take for an answer before the others decide without it; at most a third of the ttl.
    duration node_timeout = std::chrono::milliseconds(250);

    /// How long a waiter rests before it asks again by itself, in case that a message was lost; 5/3 of it where a node
    /// granted what others did not. A node that does not answer for so long is not asked any more until it does.
    duration retry_interval = std::chrono::milliseconds(700);

    /// How long an acquire waits without a quorum of nodes before `errc::no_quorum`. Those that wait for the same
    /// resource in the same manager end together; one that came later than the first may wait up to twice as long.
    duration quorum_timeout = std::chrono::seconds(10);

    /// How far the clocks of the nodes may be apart. Fencing tokens, the order of waiters and the end of their waits
    /// rely on it, exclusion does not.
    duration clock_skew = std::chrono::seconds(1);

    /// How long the connections stay after their last use. Until then `io_context::run()` does not return.
    duration idle_timeout = std::chrono::seconds(1);

    restart_guard guard = restart_guard::on;

    /// TLS, for nodes whose `boost::redis::config::use_ssl` is set: PEM files of the certificate authorities that are
    /// trusted (empty: the system's) and of this client's certificate and key (empty: none). The certificate of a node
    /// has to name its host. They are read for each connection, so that they can be rotated; one that cannot be read
    /// then costs that try.
    std::string tls_ca_file{};
    std::string tls_certificate_file{};
    std::string tls_key_file{};
};

} // namespace priority_redlock

#endif
