// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_TCP_PROXY_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_TCP_PROXY_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/redis/config.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>

namespace test {

/// Stands between one client and a server of this machine, and fails as a network does; other clients of the server
/// notice nothing. Passes everything at first.
///
/// Runs on a thread of its own. What a function changes has changed when it returns. For one thread.
class tcp_proxy
{
public:
    enum direction : std::size_t
    {
        to_server,
        to_client
    };

    explicit tcp_proxy(std::uint16_t server_port);
    tcp_proxy(const tcp_proxy&) = delete;
    tcp_proxy& operator=(const tcp_proxy&) = delete;
    ~tcp_proxy();

    /// Where the client connects to; and the server's `config` with that instead of its address.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] boost::redis::config config(boost::redis::config server) const;

    /// Ends `hold()` and `refuse()`; `delay()` stays.
    void pass();

    /// A partition: connections stay, and new ones come about, but nothing passes. What was sent meanwhile arrives
    /// after a `pass()`, as it does with TCP. With a direction: only that one is cut, so that e.g. a request arrives
    /// and its reply doesn't.
    void hold();
    void hold(direction d);

    /// Everything that is sent from now on arrives this much later, in each direction.
    void delay(std::chrono::milliseconds d);

    /// Closes all connections; what was held or delayed is lost. New ones are accepted as before.
    void drop_connections();

    /// As if the server were gone: drops all connections and refuses new ones.
    void refuse();

    /// As a virtual IP that moves: drops all connections, and new ones go to another server.
    void lead_to(std::uint16_t server_port);

    /// How many connections there are.
    [[nodiscard]] std::size_t connections();

private:
    using tcp = boost::asio::ip::tcp;
    struct link;

    template <class F>
    auto on_thread(F f);
    void listen();
    void drop_all();
    void wake_all();
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(std::shared_ptr<link> l);
    boost::asio::awaitable<void> read(std::shared_ptr<link> l, direction d);
    boost::asio::awaitable<void> write(std::shared_ptr<link> l, direction d);

    std::uint16_t server_port_;
    std::uint16_t port_;
    std::array<bool, 2> held_{};
    std::chrono::milliseconds delay_{0};
    boost::asio::io_context context_{1};
    tcp::acceptor acceptor_{context_};
    std::set<std::shared_ptr<link>> links_;
    std::thread thread_;
};

} // namespace test

#endif
