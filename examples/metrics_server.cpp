// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The metrics of a lock manager for Prometheus: an HTTP server that answers GET /metrics in its text format 0.0.4.
//
//     metrics_server PORT    serves on the loopback interface until Ctrl-C, while lockers work; try it with curl
//     metrics_server         scrapes itself on a port of the system's choice, checks what it gets, and ends
//
// With --redis HOST:PORT,HOST:PORT,... before that the locks are those of these nodes.

#include "http_exchange.hpp"
#include "server.hpp"
#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/prometheus.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using example::as_result;
using example::ask;
using example::request;
using example::response;
using priority_redlock::error_code;
using priority_redlock::lock_manager;
using namespace std::chrono_literals;

// The server.

response answer_to(const request& asked, const lock_manager& manager)
{
    const std::string_view target = asked.target();
    if (target.substr(0, target.find('?')) != "/metrics")
        return {http::status::not_found, 11, "GET /metrics\n"};
    response metrics(http::status::ok, 11, priority_redlock::to_prometheus(manager.metrics()));
    metrics.set(http::field::content_type, priority_redlock::prometheus_content_type);
    return metrics;
}

/// One request a connection, which is what a scrape every few seconds needs.
asio::awaitable<void> serve(example::stream client, const lock_manager& manager, std::chrono::milliseconds patience)
{
    if (const auto asked = co_await example::read_request(client, patience))
        co_await example::answer(client, *asked, answer_to(*asked, manager));
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, const lock_manager& manager, std::chrono::milliseconds patience)
{
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(as_result);
        if (error == asio::error::operation_aborted)
            co_return;
        if (!error)
            co_spawn(acceptor.get_executor(), serve(example::stream(std::move(socket)), manager, patience),
                     asio::detached);
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

asio::awaitable<tcp::socket> connect(tcp::endpoint server)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, asio::use_awaitable);
    co_return socket;
}

asio::awaitable<void> check(tcp::endpoint server, lock_manager& manager)
{
    const auto expect = [](bool holds, const char* what) {
        if (!holds)
            throw std::runtime_error(std::string("not so: ") + what);
    };
    for (int i = 0; i < 128; ++i)
        (void)co_await manager.async_acquire("scanner", {},
                                             asio::use_awaitable); // and released at once
    auto held = co_await manager.async_acquire("printer", "alice", {}, asio::use_awaitable);
    auto [late, none] = co_await manager.async_acquire("printer", "bob", {.timeout = 1ms}, as_result);
    expect(late == priority_redlock::errc::acquire_timeout, "bob gives up");

    const std::string rest = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const response answered = co_await ask(server, "GET /metrics" + rest);
    const std::string& reply = answered.body();
    std::cout << reply;
    expect(answered.result() == http::status::ok, "the server answers");
    expect(answered[http::field::content_type] == priority_redlock::prometheus_content_type,
           "in the format of Prometheus");
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

    expect((co_await ask(server, "GET /metrics?name=x" + rest)).result() == http::status::ok, "a query is ignored");
    const response head = co_await ask(server, "HEAD /metrics" + rest);
    expect(head.result() == http::status::ok && head.body().empty() && head[http::field::content_length] != "0",
           "a HEAD gets the header");
    expect((co_await ask(server, "GET /" + rest)).result() == http::status::not_found, "nothing else is served");
    const response refused = co_await ask(server, "POST /metrics" + rest);
    expect(refused.result() == http::status::method_not_allowed && refused[http::field::allow] == "GET, HEAD",
           "a POST is told what is allowed");
    const std::string endless(2 * example::longest_header, 'x');
    expect((co_await ask(server, "GET /" + endless + rest)).result() == http::status::bad_request,
           "an endless line is refused");

    tcp::socket silent = co_await connect(server);
    char nothing = 0;
    const auto [gone, size] = co_await silent.async_read_some(asio::buffer(&nothing, 1), as_result);
    expect(gone == asio::error::eof, "a connection that says nothing is closed");
}

int main(int argc, char* argv[])
{
    const auto line = example::read_command_line(
        argc, argv,
        {.about =
             "Serves the metrics of a lock manager to Prometheus: on PORT, until Ctrl-C, while lockers work; without it "
             "it scrapes itself, checks what it gets, and ends.",
         .operands = "[PORT]",
         .most = 1});
    const std::uint16_t port = example::port_of(line);
    try {
        asio::io_context context;
        lock_manager manager = example::make_manager(context, line.nodes);
        tcp::acceptor acceptor = example::listen_on(context, port);
        co_spawn(context, listen(acceptor, manager, port == 0 ? 200ms : 10s), asio::detached);

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
            std::cout << "http://127.0.0.1:" << port << "/metrics, Ctrl-C ends" << std::endl;
            signals.add(SIGINT);
            signals.add(SIGTERM);
            signals.async_wait([&](error_code, int) { context.stop(); });
        }
        context.run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "metrics_server: " << example::message_of(error) << '\n';
        return 1;
    }
}
