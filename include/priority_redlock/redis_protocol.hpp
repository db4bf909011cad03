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

/// Locks over Redis: the same locks across processes and machines. A quorum of independent nodes has to agree on each
/// grant, so that the locks survive the loss of a minority. Give it to a `lock_manager`:
/// @code
/// auto store = std::make_shared<redis_protocol>(io.get_executor(), parse_redis_nodes("h1:6379,h2:6379,h3:6379"));
/// lock_manager manager(io, store);
/// @endcode
///
/// The algorithm is Redlock (redis.io, "Distributed Locks with Redis"), extended by priorities, a queue of waiters on
/// every node, preemption and fencing tokens; doc/redis.md tells how it works and what it guarantees. One node is
/// allowed: then the lock is as available as that node.
///
/// An infinite ttl is a lease of `redis_options::lease` that the manager renews; one that cannot be renewed ends as
/// `errc::lost`. Waiting ends with `errc::no_quorum` when no quorum of nodes could be asked for
/// `redis_options::quorum_timeout`.
///
/// It connects when it is first asked for something, and stays connected until nothing has been held, waited for or
/// given back for `redis_options::idle_timeout`, or until `close()`. So long `io_context::run()` does not return.
///
/// Nodes that cannot take part are named in the log, with the cure, and cost only their vote. Among them are those
/// whose `maxmemory-policy` is not `noeviction`, which is looked at every 2 seconds. An address has to lead to one
/// server.
///
/// Names of nodes are looked up on threads of their own, at most one a node at a time. Nothing waits for such a thread:
/// neither `close()` nor `io_context::run()` nor the destruction of this or of the context. It ends when the system's
/// lookup returns, and touches neither.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, except destruction.
///
/// @par Object lifetimes
/// Must be destroyed before its execution context. Managers share its ownership.
class PRIORITY_REDLOCK_DECL redis_protocol final : public protocol
{
public:
    /// Connections and timers run on `ex`, on a strand of their own.
    ///
    /// @throws std::invalid_argument without nodes or with bad options; the message names the option.
    /// @throws boost::system::system_error if a file of TLS cannot be read (only if a node has `use_ssl`).
    redis_protocol(const boost::asio::any_io_executor& ex, std::vector<boost::redis::config> nodes,
                   redis_options options = {});
    ~redis_protocol() override;

    redis_protocol(const redis_protocol&) = delete;
    redis_protocol& operator=(const redis_protocol&) = delete;

    /// Closes the connections for good, without giving anything back; from any thread. Waits end with
    /// `operation_aborted`, as does every later acquire, and held locks with `errc::lost`; what they have on the nodes
    /// ends with its ttl. Release first what others should get sooner.
    void close();

    /// Asks the nodes what they have of a resource: who holds it and who waits, on which nodes, until when. For
    /// incidents: it asks over connections of its own, takes no part in the locks and changes nothing; also after
    /// `close()`. The installed program does the same: `priority-redlock inspect NODES RESOURCE`.
    ///
    /// It completes when all nodes have answered or cannot be reached; when a quorum has answered, and the others have
    /// not for `redis_options::retry_interval` since; or after `redis_options::quorum_timeout`.
    ///
    /// @par Completion signature
    /// `void(error_code, redis_inspection)`
    ///
    /// @par Errors
    /// - `errc::no_quorum`: too few nodes have answered to tell who holds it; what the others say is delivered, too,
    /// - `errc::invalid_argument`: the name is empty or has more than 65536 bytes,
    /// - `boost::asio::error::operation_aborted`: it was cancelled,
    /// - another one: a file of TLS cannot be read.
    ///
    /// @par Per-operation cancellation
    /// Terminal, partial and total: it ends at once.
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

    /// Ends the hold of a resource that has this fencing token, on all nodes, whoever's it is and whether or not its
    /// process is alive. It hits nobody else: the token is that of one hold. Its lock ends as `errc::lost`, as soon as
    /// its manager is told; one that cannot be reached finds it out with its next renewal, or not before its ttl has
    /// passed: until then only the fencing token separates it from the next holder. The next in line is woken. The
    /// installed program does the same: `priority-redlock force-release NODES RESOURCE TOKEN`.
    ///
    /// It may be repeated: a hold that was ended so is ended. Who it is that holds the resource, and by which token,
    /// `async_inspect` tells.
    ///
    /// @par Completion signature
    /// `void(error_code)`. No error: a quorum of nodes has ended it, so that it is not held any more.
    ///
    /// @par Errors
    /// - `errc::not_held`: no node has a hold with this token; nothing was changed,
    /// - `errc::no_quorum`: too few nodes have answered, some of which may have ended it; repeat it,
    /// - `errc::invalid_argument`: the name is empty or has more than 65536 bytes,
    /// - `boost::asio::error::operation_aborted`: it was cancelled,
    /// - another one: a file of TLS cannot be read.
    ///
    /// @par Per-operation cancellation
    /// Terminal and partial: it ends at once; nodes may have ended the hold. Total: only as long as none has been told
    /// to.
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
