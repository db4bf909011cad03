// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_REDIS_PROTOCOL_HPP
#define PRIORITY_REDLOCK_REDIS_PROTOCOL_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/redis_admin.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/redis_inspection.hpp>
#include <priority_redlock/redis_options.hpp>
#include <priority_redlock/redis_url.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/default_completion_token.hpp>
#include <boost/redis/config.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock {

/// Locks over Redis, shared by processes and machines. A quorum of independent nodes has to agree on each grant, so the
/// locks survive the loss of a minority of the nodes. Pass the protocol to a `lock_manager`:
/// @code
/// auto store = std::make_shared<redis_protocol>(io.get_executor(), parse_redis_nodes("h1:6379,h2:6379,h3:6379"));
/// lock_manager manager(io, store);
/// @endcode
///
/// The algorithm is Redlock (redis.io, "Distributed Locks with Redis"), extended by priorities, a queue of waiters on
/// every node, preemption and fencing tokens; doc/redis.md explains how it works and what it guarantees. A single node
/// is allowed: the locks are then as available as that node.
///
/// A lock with an infinite ttl is a lease of `redis_options::lease` that the manager renews. A lease that cannot be
/// renewed ends as `errc::lost`. A wait ends with `errc::no_quorum` when no quorum of nodes could be reached for
/// `redis_options::quorum_timeout`.
///
/// It connects on first use. It stays connected until nothing has been held, waited for or released for
/// `redis_options::idle_timeout`, or until `close()`. While it is connected, `io_context::run()` does not return.
///
/// The log names each node that cannot take part, and the remedy. Such a node only loses its vote. One reason is a
/// `maxmemory-policy` other than `noeviction`, which is checked every 2 seconds. An address has to lead to a single
/// server.
///
/// Names of nodes are looked up on separate threads, at most one per node at a time. Nothing waits for such a thread:
/// not `close()`, not `io_context::run()`, and not the destruction of the protocol or its context. The thread ends when
/// the system's lookup returns, and then accesses neither of them.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, except destruction.
///
/// @par Object lifetimes
/// Must be destroyed before its execution context. Managers share its ownership.
class PRIORITY_REDLOCK_DECL redis_protocol final : public protocol
{
public:
    /// Connections and timers run on a strand over `ex`.
    ///
    /// @throws std::invalid_argument there are no nodes, or an option is outside its domain; the message names it.
    /// @throws boost::system::system_error a TLS file cannot be read (only if a node has `use_ssl`).
    redis_protocol(const boost::asio::any_io_executor& ex, std::vector<boost::redis::config> nodes,
                   redis_options options = {});
    ~redis_protocol() override;

    redis_protocol(const redis_protocol&) = delete;
    redis_protocol& operator=(const redis_protocol&) = delete;

    /// Closes the connections for good, without releasing anything. May be called from any thread. Waits end with
    /// `operation_aborted`, as does every later acquire. Held locks end with `errc::lost`; on the nodes they stay until
    /// their ttl ends. Release locks first if others should get them sooner.
    void close();

    /// Asks the nodes for the state of a resource: who holds it and who waits, on which nodes, until when. Meant for
    /// incidents: it uses its own connections, takes no part in the locks and changes nothing. It also works after
    /// `close()`. The installed program does the same: `priority-redlock inspect NODES RESOURCE`.
    ///
    /// Completes when all nodes have answered or cannot be reached; when a quorum has answered and
    /// `redis_options::retry_interval` has passed since; or after `redis_options::quorum_timeout`.
    ///
    /// @par Completion signature
    /// `void(error_code, redis_inspection)`
    ///
    /// @par Errors
    /// - `errc::no_quorum`: too few nodes have answered to tell who holds it; the answers of the others are delivered,
    ///   too,
    /// - `errc::invalid_argument`: the name is empty or has more than 65536 bytes,
    /// - `boost::asio::error::operation_aborted`: it was cancelled,
    /// - another one: a file of TLS cannot be read.
    ///
    /// @par Per-operation cancellation
    /// Terminal, partial, total: the operation ends at once.
    ///
    /// @par Object lifetimes
    /// The protocol may be destroyed meanwhile, its context not.
    ///
    /// @par Thread safety
    /// Safe from any thread.
    template <boost::asio::completion_token_for<void(error_code, redis_inspection)> Token =
                  boost::asio::default_completion_token_t<boost::asio::any_io_executor>>
    auto async_inspect(std::string_view resource, Token&& token = {}) const
    {
        return boost::asio::async_initiate<Token, void(error_code, redis_inspection)>(
            detail::initiate_inspect(deployment_), token, std::string(resource));
    }

    /// Ends the hold of a resource with this fencing token on all nodes, whoever holds it and whether or not its
    /// process is alive. It affects nobody else, since a token belongs to one hold. The lock ends as `errc::lost` as
    /// soon as its manager is told. A manager that cannot be reached finds out with its next renewal, or not before the
    /// ttl has passed. Until then only the fencing token separates it from the next holder. The next in line is woken.
    /// The installed program does the same: `priority-redlock force-release NODES RESOURCE TOKEN`.
    ///
    /// You may repeat it: it has no further effect on a hold that has ended. `async_inspect` tells who holds the
    /// resource, and with which token.
    ///
    /// @par Completion signature
    /// `void(error_code)`. No error: a quorum of nodes has ended it, so that it is not held any more.
    ///
    /// @par Errors
    /// - `errc::not_held`: no node has a hold with this token; nothing was changed,
    /// - `errc::no_quorum`: too few nodes have answered; some of them may have ended it; call it again,
    /// - `errc::invalid_argument`: the name is empty or has more than 65536 bytes,
    /// - `boost::asio::error::operation_aborted`: it was cancelled,
    /// - another one: a file of TLS cannot be read.
    ///
    /// @par Per-operation cancellation
    /// Terminal, partial: the operation ends at once; nodes may have ended the hold. Total: only until the first node
    /// has been told to end it.
    ///
    /// @par Object lifetimes
    /// The protocol may be destroyed meanwhile, its context not.
    ///
    /// @par Thread safety
    /// Safe from any thread.
    template <boost::asio::completion_token_for<void(error_code)> Token =
                  boost::asio::default_completion_token_t<boost::asio::any_io_executor>>
    auto async_force_release(std::string_view resource, std::uint64_t fencing_token, Token&& token = {}) const
    {
        return boost::asio::async_initiate<Token, void(error_code)>(detail::initiate_force_release(deployment_), token,
                                                                    std::string(resource), fencing_token);
    }

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override;
    void obtain(obtain_request request, handler<obtain_reply> on_reply) override;
    void end(acquisition_id id, done_handler on_done) override;
    [[nodiscard]] duration lease() const noexcept override;
    [[nodiscard]] bool reachable() const noexcept override;

private:
    class session;

    std::shared_ptr<const detail::redis_deployment> deployment_;
    std::shared_ptr<session> session_;
};

} // namespace priority_redlock

#endif
