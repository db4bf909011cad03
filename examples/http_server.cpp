// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// An HTTP server that renders its pages one at a time: the lock of a page is its path, the priority a header.
//
//     http_server PORT    serves on the loopback interface until Ctrl-C: curl -H 'Priority: 5' localhost:PORT/page
//     http_server         is its own clients on a port of the system's choice, checks what they get, and ends
//
// Rendering and sending are guarded by the lock. So a client that does not read what it asked for keeps its page only
// until one of higher priority wants it; then it is cut off. A request that is told to go before it has begun to send
// gets 503 and may come back. Connections run on a thread pool, a strand each. /locks shows who has which page.

#include "http_exchange.hpp"
#include "server.hpp"
#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/monitor.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <iostream>
#include <string>
#include <string_view>

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace monitor = priority_redlock::monitor;
using asio::ip::tcp;
using namespace std::chrono_literals;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;

using example::as_result;
using example::request;
using example::response;

constexpr std::size_t size_of_page = 16'000'000; // more than the buffers of two sockets

int priority_of(const request& r)
{
    int priority = 0;
    return example::read_number(r["Priority"], priority) ? priority : 0;
}

std::string path_of(const request& r)
{
    const std::string target = r.target();
    return target.substr(0, target.find('?'));
}

// [answer]
asio::awaitable<void> answer(lock_manager& manager, example::stream& client, const request& asked)
{
    auto [refused, page] =
        co_await manager.async_acquire(path_of(asked), {.priority = priority_of(asked), .timeout = 30s}, as_result);
    asio::steady_timer rendering(client.get_executor(), 50ms);
    const auto [told_to_go] = refused ? std::tuple(refused) : co_await rendering.async_wait(page.guard(as_result));
    if (told_to_go) {
        page.release();
        response later(http::status::service_unavailable, 11);
        later.set(http::field::retry_after, "1");
        co_return co_await example::answer(client, asked, std::move(later));
    }
    response rendered(http::status::ok, 11);
    rendered.body().assign(size_of_page, '.');
    if (asked.method() == http::verb::head) {
        page.release();
        co_return co_await example::answer(client, asked, std::move(rendered));
    }
    rendered.prepare_payload();
    const auto [cut_off, sent] = co_await http::async_write(client, rendered, page.guard(as_result));
    if (cut_off)
        client.close();
}
// [/answer]

// [route]
asio::awaitable<void> serve(lock_manager& manager, const monitor::page& locks, example::stream client)
{
    const auto asked = co_await example::read_request(client, 10s);
    if (asked && locks.serves(asked->target()))
        (void)co_await locks.async_answer(client, *asked, as_result);
    else if (asked)
        co_await answer(manager, client, *asked);
}
// [/route]

asio::awaitable<void> listen(lock_manager& manager, const monitor::page& locks, tcp::acceptor& acceptor)
{
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(asio::make_strand(manager.get_executor()), as_result);
        if (error)
            co_return;
        const auto strand = socket.get_executor();
        co_spawn(strand, serve(manager, locks, example::stream(std::move(socket))), asio::detached);
    }
}

/// A client that asks for a page.
asio::awaitable<tcp::socket> ask(tcp::endpoint server, std::string path, std::string priority)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, asio::use_awaitable);
    const std::string wanted = "GET " + path + " HTTP/1.1\r\nPriority: " + priority + "\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(wanted), asio::use_awaitable);
    co_return socket;
}

/// An answer as long as a page.
struct incoming_page : example::incoming
{
    incoming_page() { parser.body_limit(size_of_page); }
};

/// The status of the answer, once all of it is there.
asio::awaitable<std::string> status_from(tcp::socket& socket, example::incoming& answer)
{
    const error_code error = co_await example::read(socket, answer);
    co_return error ? "cut off" : std::to_string(answer.parser.get().result_int());
}

asio::awaitable<bool> check(tcp::endpoint server)
{
    // Wants the page and does not read on.
    incoming_page first;
    tcp::socket slow = co_await ask(server, "/page", "0");
    const error_code unanswered = co_await example::read_header(slow, first);

    incoming_page second;
    tcp::socket urgent = co_await ask(server, "/page", "5");
    const std::string page = co_await status_from(urgent, second);
    const std::string rest = co_await status_from(slow, first);

    // Two at once: one of them may be told to come back, but not the urgent one.
    incoming_page third;
    tcp::socket early = co_await ask(server, "/other", "0");
    tcp::socket late = co_await ask(server, "/other", "5");
    const std::string other = co_await status_from(late, third);
    incoming_page seen;
    tcp::socket viewer = co_await ask(server, "/locks.json", "0");
    const std::string locks = co_await status_from(viewer, seen);
    std::cout << "urgent: " << page << ", slow: " << rest << ", urgent again: " << other << ", locks: " << locks
              << '\n';
    co_return !unanswered && page == "200" && rest == "cut off" && other == "200" && locks == "200";
}

int main(int argc, char* argv[])
try {
    const auto line = example::read_command_line(
        argc, argv,
        {.about =
             "An HTTP server that renders its pages one at a time, the urgent requests first: on PORT, until Ctrl-C; "
             "without it it is its own clients, checks what they get, and ends.",
         .operands = "[PORT]",
         .most = 1});
    const std::uint16_t port = example::port_of(line);
    asio::thread_pool pool(2);
    lock_manager manager = example::make_manager(pool, line.nodes);
    monitor::page locks;
    locks.add("pages", manager);
    tcp::acceptor acceptor = example::listen_on(asio::make_strand(pool), port);
    const tcp::endpoint server = acceptor.local_endpoint();
    co_spawn(acceptor.get_executor(), listen(manager, locks, acceptor), asio::detached);

    bool good = true;
    if (port != 0) {
        std::cout << "http://" << server << "/, Ctrl-C ends" << std::endl;
        asio::signal_set interrupt(pool, SIGINT, SIGTERM);
        interrupt.async_wait(asio::use_future).get();
        pool.stop();
    } else {
        good = co_spawn(asio::make_strand(pool), check(server), asio::use_future).get();
    }
    asio::post(acceptor.get_executor(), [&] { acceptor.close(); });
    pool.join();
    return good ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << "http_server: " << example::message_of(error) << '\n';
    return 1;
}
