// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The metrics of a lock manager for Prometheus: an HTTP server that answers GET /metrics in its text format 0.0.4.
//
//     metrics_server PORT    serves on the loopback interface until Ctrl-C, while lockers work; try it with curl
//     metrics_server         scrapes itself on a port of the system's choice, checks what it gets, and ends
//
// With --redis HOST:PORT,HOST:PORT,... before that the locks are those of these nodes.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/prometheus.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;
using priority_redlock::error_code;
using priority_redlock::lock_manager;
using namespace std::chrono_literals;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t longest_request = 8000;

// The server.

std::string answer(std::string_view request, const lock_manager& manager)
{
    std::string status = "200 OK";
    std::string body;
    if (request.starts_with("GET /metrics ")) {
        body = priority_redlock::to_prometheus(manager.metrics());
    } else {
        status = request.starts_with("GET ") ? "404 Not Found" : "405 Method Not Allowed";
        body = "GET /metrics\n";
    }
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + std::string(priority_redlock::prometheus_content_type)
           + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

/// One request a connection, which is what a scrape every few seconds needs.
asio::awaitable<void> serve(tcp::socket socket, const lock_manager& manager)
{
    std::string received;
    const auto [error, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(received, longest_request), "\r\n\r\n", as_result);
    if (error)
        co_return; // disconnected, or too long
    const std::string reply = answer(received, manager);
    co_await asio::async_write(socket, asio::buffer(reply), as_result);
    socket.shutdown(tcp::socket::shutdown_send);
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, const lock_manager& manager)
{
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(as_result);
        if (error == asio::error::operation_aborted)
            co_return;
        if (!error)
            co_spawn(acceptor.get_executor(), serve(std::move(socket), manager), asio::detached);
    }
}

// Something to measure.

asio::awaitable<void> work(lock_manager& manager, std::string name, int priority)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        auto lk = co_await manager.async_acquire("printer", name, {.priority = priority}, asio::use_awaitable);
        timer.expires_after(1ms);
        co_await timer.async_wait(lk.guard(as_result)); // ends early if a higher priority comes
    }
}

/// The value of a line of the reply.
double value_of(const std::string& reply, const std::string& name)
{
    const auto at = reply.find("\npriority_redlock_" + name + ' ');
    if (at == std::string::npos)
        throw std::runtime_error("no " + name + " in the reply");
    return std::stod(reply.substr(reply.find(' ', at)));
}

asio::awaitable<std::string> get(tcp::endpoint server, std::string path)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, asio::use_awaitable);
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    std::string reply;
    co_await asio::async_read(socket, asio::dynamic_buffer(reply), as_result); // until the server closes
    co_return reply;
}

asio::awaitable<void> check(tcp::endpoint server, lock_manager& manager)
{
    const auto expect = [](bool holds, const char* what) {
        if (!holds)
            throw std::runtime_error(std::string("not so: ") + what);
    };
    for (int i = 0; i < 128; ++i)
        (void)co_await manager.async_acquire("scanner", {}, asio::use_awaitable); // and released at once
    auto held = co_await manager.async_acquire("printer", "alice", {}, asio::use_awaitable);
    auto [late, none] = co_await manager.async_acquire("printer", "bob", {.timeout = 1ms}, as_result);
    expect(late == priority_redlock::errc::acquire_timeout, "bob gives up");

    const std::string reply = co_await get(server, "/metrics");
    std::cout << reply;
    expect(reply.starts_with("HTTP/1.1 200 OK\r\n"), "the server answers");
    expect(reply.find("Content-Type: text/plain; version=0.0.4") != std::string::npos, "in the format of Prometheus");
    expect(value_of(reply, "grants_total") == 129, "129 locks were granted");
    expect(value_of(reply, "releases_total") == 128, "128 were released");
    expect(value_of(reply, "timeouts_total") == 1, "bob timed out");
    expect(value_of(reply, "overruns_total") == 0, "nobody was told to go");
    expect(value_of(reply, "held") == 1, "alice has the printer");
    expect(value_of(reply, "hold_seconds_bucket{le=\"+Inf\"}") == value_of(reply, "hold_seconds_count"),
           "the last bucket has them all");
    expect(value_of(reply, "waits_total") == 129, "all waits are counted");
    expect(value_of(reply, "holds_total") == 128, "and all holds");
    expect(value_of(reply, "wait_seconds_count") > 0, "waits are measured");

    const std::string other = co_await get(server, "/");
    expect(other.starts_with("HTTP/1.1 404 "), "nothing else is served");
}

int main(int argc, char* argv[])
{
    const std::string nodes = example::take_redis_option(argc, argv);
    std::uint16_t port = 0;
    const std::string_view argument = argc > 1 ? argv[1] : "";
    const auto [end, failure] = std::from_chars(argument.data(), argument.data() + argument.size(), port);
    if (argc > 2 || (argc == 2 && (failure != std::errc() || end != argument.data() + argument.size() || port == 0))) {
        std::cerr << "usage: metrics_server [--redis NODES] [PORT], a number from 1 to 65535\n";
        return 2;
    }

    try {
        asio::io_context context;
        lock_manager manager = example::make_manager(context, nodes);
        tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
        co_spawn(context, listen(acceptor, manager), asio::detached);

        asio::signal_set signals(context);
        if (port == 0) {
            co_spawn(context, check(acceptor.local_endpoint(), manager), [&](std::exception_ptr error) {
                acceptor.close();
                if (error)
                    std::rethrow_exception(error);
            });
        } else {
            for (int priority = 0; priority < 3; ++priority)
                co_spawn(context, work(manager, "locker " + std::to_string(priority), priority), asio::detached);
            std::cout << "http://127.0.0.1:" << port << "/metrics, Ctrl-C ends\n";
            signals.add(SIGINT);
            signals.add(SIGTERM);
            signals.async_wait([&](error_code, int) { context.stop(); });
        }
        context.run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "metrics_server: " << error.what() << '\n';
        return 1;
    }
}
