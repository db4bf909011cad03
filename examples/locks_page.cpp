// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The locks of a manager on a page: an HTTP server that mounts priority_redlock::monitor, while a scenario is played
// over and over (scenarios/README.md).
//
//     locks_page PORT FILE    serves on the loopback interface until Ctrl-C; port 0: one of the system's choice
//     locks_page              asks itself, checks what it gets, and ends
//
// `tools/run demo --page` runs it.

#include "http_exchange.hpp"
#include "scenario.hpp"
#include "server.hpp"
#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/monitor.hpp>

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
#include <boost/beast/http/status.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using example::as_result;
using example::ask;
using example::response;
using priority_redlock::lock_manager;
using priority_redlock::lock_state;
using priority_redlock::monitor::page;
using namespace std::chrono_literals;

// The server.

// [serve]
asio::awaitable<void> serve(example::stream client, const page& locks)
{
    const auto asked = co_await example::read_request(client, 10s);
    if (!asked)
        co_return;
    if (locks.serves(asked->target()))
        (void)co_await locks.async_answer(client, *asked, as_result);
    else
        co_await example::answer(client, *asked, response(http::status::not_found, 11, "GET /locks\n"));
}
// [/serve]

asio::awaitable<void> listen(tcp::acceptor& acceptor, const page& locks)
{
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(as_result);
        if (error == asio::error::operation_aborted)
            co_return;
        if (!error)
            co_spawn(acceptor.get_executor(), serve(example::stream(std::move(socket)), locks), asio::detached);
    }
}

// The scenario.

asio::awaitable<void> play(lock_manager& manager, const demo::step& s, priority_redlock::clock::time_point zero,
                           std::size_t& rest)
{
    asio::steady_timer timer(manager.get_executor(), zero + s.start);
    co_await timer.async_wait(asio::use_awaitable);
    auto [error, held] = co_await manager.async_acquire(s.resource, s.locker, s.options(), as_result);
    if (!error) {
        timer.expires_after(s.hold);
        (void)co_await timer.async_wait(held.guard(as_result));
        if (held.state() == lock_state::revoking) {
            timer.expires_after(s.cleanup);
            co_await timer.async_wait(asio::use_awaitable);
        }
    }
    --rest;
}

asio::awaitable<void> play_for_ever(lock_manager& manager, const demo::scenario& s)
{
    asio::steady_timer timer(manager.get_executor());
    for (;;) {
        std::size_t rest = s.steps.size();
        const auto zero = priority_redlock::clock::now();
        for (const demo::step& each : s.steps)
            co_spawn(manager.get_executor(), play(manager, each, zero, rest), asio::detached);
        do {
            timer.expires_after(200ms);
            co_await timer.async_wait(asio::use_awaitable);
        } while (rest != 0);
    }
}

// The check.

asio::awaitable<void> check(tcp::endpoint server, lock_manager& manager)
{
    const auto expect = [](bool holds, const char* what) {
        if (!holds)
            throw std::runtime_error(std::string("not so: ") + what);
    };
    const auto get = [](const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; };
    auto held = co_await manager.async_acquire("printer", "alice", {}, asio::use_awaitable);
    const response locks = co_await ask(server, get("/locks.json"));
    expect(locks.result() == http::status::ok, "the server answers");
    expect(locks.body().find(R"("locker_id":"alice")") != std::string::npos, "alice has the printer");
    expect((co_await ask(server, get("/locks"))).body().find("<!doctype html>") == 0, "there is a page");
    expect((co_await ask(server, get("/metrics"))).body().find("priority_redlock_held") != std::string::npos,
           "there are metrics");
    expect((co_await ask(server, get("/"))).result() == http::status::not_found, "nothing else is served");
    std::cout << locks.body() << '\n';
}

int main(int argc, char* argv[])
{
    const auto line = example::read_command_line(
        argc, argv,
        {.about =
             "Shows the locks of a manager on a page: on PORT, until Ctrl-C, while the scenario in FILE is played; "
             "without them it asks itself, checks what it gets, and ends.",
         .operands = "[PORT FILE]",
         .most = 2,
         .more = "\nPort 0 is one of the system's choice.\n"});
    const bool is_server = !line.operands.empty();
    const std::uint16_t port =
        is_server ? example::number_of<std::uint16_t>("PORT", line.operands[0], 0, UINT16_MAX) : std::uint16_t{0};
    try {
        const demo::scenario scenario =
            line.operands.size() > 1 ? demo::read_scenario(line.operands[1]) : demo::scenario();
        asio::io_context context;
        lock_manager manager = example::make_manager(context, line.nodes);
        page locks;
        locks.add("demo", manager);
        tcp::acceptor acceptor = example::listen_on(context, port);
        co_spawn(context, listen(acceptor, locks), asio::detached);

        asio::signal_set signals(context);
        if (is_server) {
            if (!scenario.steps.empty())
                co_spawn(context, play_for_ever(manager, scenario), asio::detached);
            std::cout << "http://" << acceptor.local_endpoint() << "/locks, Ctrl-C ends" << std::endl;
            signals.add(SIGINT);
            signals.add(SIGTERM);
            signals.async_wait([&](priority_redlock::error_code, int) { context.stop(); });
        } else {
            co_spawn(context, check(acceptor.local_endpoint(), manager), [&](std::exception_ptr error) {
                acceptor.close();
                if (error)
                    std::rethrow_exception(error);
            });
        }
        context.run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "locks_page: " << example::message_of(error) << '\n';
        return 1;
    }
}
