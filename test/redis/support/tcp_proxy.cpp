// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/tcp_proxy.hpp"

#include "redis/support/redis_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <deque>
#include <string>
#include <utility>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // g++ 12 mistakes the frames of Asio's coroutines
#endif

namespace test {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr auto token = asio::as_tuple(asio::deferred);

} // namespace

// A connection of the client and the one to the server.
struct tcp_proxy::link
{
    struct chunk
    {
        steady_clock::time_point due;
        std::string bytes; // none: the sender has closed
    };

    explicit link(tcp::socket c) : client(std::move(c)), server(client.get_executor()) {}

    void close()
    {
        boost::system::error_code ignored;
        client.close(ignored);
        server.close(ignored);
        open = false;
        wake();
    }

    void wake()
    {
        for (asio::steady_timer& t : timers)
            t.cancel();
    }

    tcp::socket client;
    tcp::socket server;
    bool open = true;
    std::array<std::deque<chunk>, 2> chunks{};
    std::array<asio::steady_timer, 2> timers{asio::steady_timer(client.get_executor()),
                                             asio::steady_timer(client.get_executor())};
};

tcp_proxy::tcp_proxy(std::uint16_t server_port) : server_port_(server_port), port_(free_port())
{
    listen();
    thread_ = std::thread([this] {
        const auto work = asio::make_work_guard(context_);
        context_.run();
    });
}

tcp_proxy::~tcp_proxy()
{
    context_.stop();
    thread_.join();
}

boost::redis::config tcp_proxy::config(boost::redis::config server) const
{
    server.addr.port = std::to_string(port_);
    return server;
}

template <class F>
auto tcp_proxy::on_thread(F f)
{
    return asio::post(context_, asio::use_future(std::move(f))).get();
}

void tcp_proxy::pass()
{
    on_thread([this] {
        held_ = {};
        wake_all();
        if (!acceptor_.is_open())
            listen();
    });
}

void tcp_proxy::hold()
{
    on_thread([this] { held_ = {true, true}; });
}

void tcp_proxy::hold(direction d)
{
    on_thread([this, d] { held_.at(d) = true; });
}

void tcp_proxy::delay(std::chrono::milliseconds d)
{
    on_thread([this, d] { delay_ = d; });
}

void tcp_proxy::drop_connections()
{
    on_thread([this] { drop_all(); });
}

void tcp_proxy::refuse()
{
    on_thread([this] {
        acceptor_.close();
        drop_all();
    });
}

void tcp_proxy::lead_to(std::uint16_t server_port)
{
    on_thread([this, server_port] {
        server_port_ = server_port;
        drop_all();
    });
}

std::size_t tcp_proxy::connections()
{
    return on_thread([this] { return links_.size(); });
}

void tcp_proxy::listen()
{
    acceptor_ = tcp::acceptor(context_, {asio::ip::address_v4::loopback(), port_});
    asio::co_spawn(context_, accept(), asio::detached);
}

void tcp_proxy::drop_all()
{
    for (const auto& l : std::exchange(links_, {}))
        l->close();
}

void tcp_proxy::wake_all()
{
    for (const auto& l : links_)
        l->wake();
}

asio::awaitable<void> tcp_proxy::accept()
{
    while (true) {
        auto [error, socket] = co_await acceptor_.async_accept(token);
        if (error || !acceptor_.is_open()) // refused between the connection and now
            co_return;
        const auto l = std::make_shared<link>(std::move(socket));
        links_.insert(l);
        asio::co_spawn(context_, serve(l), asio::detached);
    }
}

asio::awaitable<void> tcp_proxy::serve(std::shared_ptr<link> l)
{
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), server_port_);
    if (const auto [error] = co_await l->server.async_connect(endpoint, token); error || !l->open) {
        l->close();
        links_.erase(l);
        co_return;
    }
    boost::system::error_code ignored; // a peer may have gone already, as reading will tell
    l->client.set_option(tcp::no_delay(true), ignored);
    l->server.set_option(tcp::no_delay(true), ignored);
    for (const direction d : {to_server, to_client}) {
        asio::co_spawn(context_, read(l, d), asio::detached);
        asio::co_spawn(context_, write(l, d), asio::detached);
    }
}

asio::awaitable<void> tcp_proxy::read(std::shared_ptr<link> l, direction d)
{
    tcp::socket& from = d == to_server ? l->client : l->server;
    std::array<char, 16384> buffer;
    std::size_t n = 0;
    do {
        n = std::get<1>(co_await from.async_read_some(asio::buffer(buffer), token)); // 0 with an error
        l->chunks[d].push_back({steady_clock::now() + delay_, std::string(buffer.data(), n)});
        l->timers[d].cancel();
    } while (n != 0);
}

asio::awaitable<void> tcp_proxy::write(std::shared_ptr<link> l, direction d)
{
    tcp::socket& to = d == to_server ? l->server : l->client;
    while (l->open) {
        auto& chunks = l->chunks[d];
        const bool none = held_[d] || chunks.empty();
        if (none || chunks.front().due > steady_clock::now()) {
            l->timers[d].expires_at(none ? steady_clock::time_point::max() : chunks.front().due);
            co_await l->timers[d].async_wait(token);
            continue;
        }
        const std::string bytes = std::move(chunks.front().bytes);
        chunks.pop_front();
        if (bytes.empty() || std::get<0>(co_await asio::async_write(to, asio::buffer(bytes), token)))
            break;
    }
    l->close();
    links_.erase(l);
}

} // namespace test
