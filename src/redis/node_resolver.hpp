// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_NODE_RESOLVER_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_NODE_RESOLVER_HPP

// The lookup of a node's name.
//
// A lookup cannot be cancelled and may take as long as it likes. So each has a thread for itself, one at a time: it
// waits for nobody, and nobody waits for it. If there is no answer soon, the addresses that the last one gave are used.
// Closing lets the thread go: it keeps no context at work, and touches none afterwards.

#include "shutdown_service.hpp"

#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace priority_redlock::detail::redis {

using addresses = boost::asio::ip::basic_resolver_results<boost::asio::ip::tcp>;

/// Finds the addresses of a host's service, or says why not. Blocks; for any thread.
using lookup_function = addresses (*)(const std::string& host, const std::string& service, error_code& ec);

/// That of the system, unless a test puts another one here.
[[nodiscard]] std::atomic<lookup_function>& lookup_in_use() noexcept;

/// Finds the addresses of one node. Used on one implicit strand, which is that of the executor.
class node_resolver final : public shutdown_listener,
                            public std::enable_shared_from_this<node_resolver>
{
public:
    using handler = boost::asio::any_completion_handler<void(error_code, addresses)>;

    /// Known addresses are used when a lookup has taken longer than `patience`; `on_known` is told why, before.
    node_resolver(std::shared_ptr<shutdown_listeners> others, const boost::asio::any_io_executor& ex, duration patience,
                  std::function<void(std::string)> on_known);

    /// One at a time. Its cancellation slot is heeded.
    void resolve(const std::string& host, const std::string& service, handler on_found);
    void cancel();

    void shut_down() noexcept override;

private:
    struct lookup;

    void look_up(const std::string& host, const std::string& service);
    void on_lookup_ended(const std::shared_ptr<lookup>& ended);
    error_code take_result();
    void end(error_code ec);
    void use_known(std::string_view why, error_code ec = {});
    void complete(error_code ec, addresses found) noexcept;
    void call_waiting();

    const boost::asio::any_io_executor executor_;
    const duration patience_;
    const std::function<void(std::string)> on_known_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<lookup> lookup_; // the latest, until its result has been taken
    addresses known_;
    handler waiting_;
    error_code result_; // for it, and what was found
    addresses found_;
    bool completing_ = false; // it is about to be called
};

/// The executor of a connection, by which the connection comes to the resolver of its node.
class link_executor : public boost::asio::any_io_executor
{
public:
    link_executor(const boost::asio::any_io_executor& ex, std::weak_ptr<node_resolver> r)
        : any_io_executor(ex), resolver_(std::move(r))
    {
    }

    /// Null if the link or the context has gone.
    [[nodiscard]] std::shared_ptr<node_resolver> resolver() const noexcept { return resolver_.lock(); }

private:
    std::weak_ptr<node_resolver> resolver_;
};

} // namespace priority_redlock::detail::redis

/// What Boost.Redis looks names up with. That of Asio has one thread for all lookups of a context, those of its users
/// too, which even the destructor of the context waits for.
template <>
class boost::asio::ip::basic_resolver<boost::asio::ip::tcp, priority_redlock::detail::redis::link_executor>
{
public:
    using executor_type = priority_redlock::detail::redis::link_executor;
    using results_type = priority_redlock::detail::redis::addresses;

    explicit basic_resolver(const executor_type& ex) : executor_(ex) {}

    [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

    template <class Token>
    auto async_resolve(std::string_view host, std::string_view service, Token&& token)
    {
        return async_initiate<Token, void(boost::system::error_code, results_type)>(
            [resolver = executor_.resolver()](auto handler, const std::string& name, const std::string& port) {
                if (resolver) // else the handler goes as the context does
                    resolver->resolve(name, port, std::move(handler));
            },
            token, std::string(host), std::string(service));
    }

    void cancel()
    {
        if (const auto resolver = executor_.resolver())
            resolver->cancel();
    }

private:
    executor_type executor_;
};

#endif
