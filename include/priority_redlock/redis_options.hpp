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

/// How a node deals with locks from before its last (re)start, which it may have forgotten.
enum class restart_guard : std::uint8_t
{
    /// After every restart it does not vote until `redis_options::max_ttl` has passed.
    on,

    /// It votes at once, since its server writes every change to disk before it answers (`appendfsync always`). A node
    /// that comes back empty still waits.
    durable,

    /// It votes at once. A node that comes back empty during a hold can help to grant the lock to a second holder. Only
    /// for deployments where a lock saves work and nothing depends on exclusion.
    off,
};

/// Options of a `redis_protocol`. An aggregate: name the fields that differ from the defaults.
///
/// `prefix`, `max_ttl`, `clock_skew`, `guard` and the number of nodes are constants of a deployment: they must be the
/// same in all its clients.
///
/// The constructor of `redis_protocol` throws `std::invalid_argument` unless `prefix` has no braces, `lease` is above 0
/// and at most `max_ttl`, `max_ttl` is above `2 * clock_skew`, `node_timeout`, `retry_interval` and `quorum_timeout`
/// are at least 1 ms, no other duration is negative, and none is longer than a year.
struct redis_options
{
    /// The prefix of all keys and channels. The ACL rules of the user are `~<prefix>*` and `&<prefix>*`; doc/redis.md,
    /// Access, lists the commands that it needs.
    std::string prefix = "redlock:";

    /// How long a lock without a ttl outlives its process. Such a lock is renewed each time a third of this has passed.
    duration lease = std::chrono::seconds(10);

    /// The longest ttl that any client of the deployment uses. It is also the time for which a restarted node does not
    /// vote. More than `2 * clock_skew`, at least `lease`. An acquire with a longer ttl fails with
    /// `errc::invalid_argument`.
    duration max_ttl = std::chrono::minutes(1);

    /// How long a node may take to answer before the others decide without it; at most a third of the ttl.
    duration node_timeout = std::chrono::milliseconds(250);

    /// How long a waiter rests before it asks again by itself, in case a message was lost. It is 5/3 of this if only
    /// some nodes granted the lock. A node that does not answer for this long is not asked again until it answers.
    duration retry_interval = std::chrono::milliseconds(700);

    /// How long an acquire waits without a quorum of nodes before `errc::no_quorum`. Acquires that wait for the same
    /// resource in the same manager end together; one that came later than the first may wait up to twice as long.
    duration quorum_timeout = std::chrono::seconds(10);

    /// How far the clocks of the nodes may differ. Fencing tokens, the order of waiters and the end of their waits rely
    /// on it; exclusion does not.
    duration clock_skew = std::chrono::seconds(1);

    /// How long the connections stay after their last use. Until then `io_context::run()` does not return.
    duration idle_timeout = std::chrono::seconds(1);

    /// What a node that was restarted must do before it votes.
    restart_guard guard = restart_guard::on;

    /// TLS files, for nodes with `boost::redis::config::use_ssl`: PEM files of the trusted certificate authorities
    /// (empty: those of the system) and of this client's certificate and key (empty: none). The certificate of a node
    /// has to name its host. The files are read for each connection, so you can rotate them. If a file cannot be read,
    /// that connection attempt fails.
    std::string tls_ca_file{};

    /// The client's certificate (PEM), for nodes that ask for one.
    std::string tls_certificate_file{};

    /// The key of that certificate (PEM).
    std::string tls_key_file{};
};

} // namespace priority_redlock

#endif
