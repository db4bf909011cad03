// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A lock server: clients lock keys, by priority, over a line protocol. Try it with telnet or nc.
//
//     tcp_server PORT    serves on the loopback interface until Ctrl-C
//     tcp_server         serves a few clients of its own on a port of the system's choice, and ends
//
// With --redis HOST:PORT,HOST:PORT,... before that its locks are those of these nodes.
//
//     client says                        server says
//     LOCK key priority [ttl in ms]      GRANTED token, as soon as it is; UNLOCK meanwhile gives up
//     UNLOCK                             RELEASED
//                                        LOST preempted, LOST expired, LOST lost (by the nodes): at any time
//     anything else                      ERROR why
//
// A client that was preempted has the second of grace to clean up and to answer UNLOCK; then the key goes to the other.
// Disconnecting releases.

#include "server.hpp"
#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using example::as_result;
using priority_redlock::acquire_options;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_state;

constexpr std::size_t longest_line = 1000;

/// What a client is told of the end of its lock.
constexpr std::string_view loss_of(lock_state ended)
{
    return to_string(ended == lock_state::revoking ? lock_state::preempted : ended);
}
static_assert(loss_of(lock_state::revoking) == "preempted" && loss_of(lock_state::lost) == "lost");

/// One connection, with at most one lock.
class session
{
public:
    session(tcp::socket socket, lock_manager& manager) : socket_(std::move(socket)), manager_(manager) {}

    /// Until the client disconnects; then its lock is released with the session.
    asio::awaitable<void> run()
    {
        for (;;) {
            if (lost())
                co_await tell_loss();
            if (const auto error = co_await read_line(); !error)
                co_await obey(take_line());
            else if (error == asio::error::not_found)
                co_return co_await refuse_line();
            else if (!lost())
                co_return; // disconnected
        }
    }

private:
    /// As long as the client has a lock, this ends when the lock is lost.
    asio::awaitable<error_code> read_line()
    {
        auto buffer = asio::dynamic_buffer(received_, longest_line);
        error_code error;
        if (held_)
            std::tie(error, std::ignore) =
                co_await asio::async_read_until(socket_, buffer, '\n', held_.guard(as_result));
        else
            std::tie(error, std::ignore) = co_await asio::async_read_until(socket_, buffer, '\n', as_result);
        co_return error;
    }

    std::string take_line()
    {
        const std::size_t end = received_.find('\n');
        std::string line = received_.substr(0, end);
        received_.erase(0, end + 1);
        return line;
    }

    asio::awaitable<void> say(std::string line)
    {
        line += '\n';
        co_await asio::async_write(socket_, asio::buffer(line), asio::use_awaitable);
    }

    asio::awaitable<void> refuse_line()
    {
        co_await say("ERROR a line has at most " + std::to_string(longest_line) + " bytes");
        co_await example::part_from(socket_);
    }

    [[nodiscard]] bool lost() const { return !told_ && held_.state() != lock_state::empty && !held_; }

    asio::awaitable<void> tell_loss()
    {
        told_ = true; // the lock stays in state revoking until UNLOCK, or until its grace is over
        return say("LOST " + std::string(loss_of(held_.state())));
    }

    asio::awaitable<void> obey(const std::string& line)
    {
        std::istringstream stream(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
        const bool gave_up = std::exchange(waited_, false);
        if (words == std::vector<std::string>{"UNLOCK"}) {
            const bool had = held_.state() != lock_state::empty;
            held_ = lock(); // releases
            told_ = false;
            co_return co_await say(had || gave_up ? "RELEASED" : "ERROR you have no lock");
        }
        acquire_options options;
        int priority = 0;
        int ttl = 1;
        if (words.size() < 3 || words.size() > 4 || words[0] != "LOCK")
            co_return co_await say("ERROR say LOCK key priority [ttl in ms], or UNLOCK");
        if (!example::read_number(words[2], priority))
            co_return co_await say("ERROR the priority must be a whole number, not " + words[2]);
        if (words.size() == 4 && (!example::read_number(words[3], ttl) || ttl < 1))
            co_return co_await say("ERROR the ttl must be a number of ms above 0, not " + words[3]);
        options.priority = priority;
        if (words.size() == 4)
            options.ttl = std::chrono::milliseconds(ttl);
        if (held_)
            co_return co_await say("ERROR you have a lock, UNLOCK it first");
        co_await acquire(words[1], options);
    }

    /// Waits for the lock, but no longer than until the client says something else or disconnects.
    asio::awaitable<void> acquire(const std::string& key, const acquire_options& options)
    {
        using namespace asio::experimental::awaitable_operators;

        held_ = lock();
        told_ = false;
        auto first = co_await (manager_.async_acquire(key, options, as_result) || read_line());
        if (auto* result = std::get_if<0>(&first)) {
            auto& [error, granted] = *result;
            if (error)
                co_return co_await say("ERROR " + error.message());
            held_ = std::move(granted);
            co_await say("GRANTED " + std::to_string(held_.fencing_token()));
        } else { // the line, or the end of the connection, is still there for run() to read
            waited_ = true;
        }
    }

    tcp::socket socket_;
    lock_manager& manager_;
    std::string received_;
    lock held_;
    bool told_ = false;   // of the loss
    bool waited_ = false; // for a lock, until the line that is obeyed next
};

asio::awaitable<void> serve(tcp::socket socket, lock_manager& manager)
{
    session s(std::move(socket), manager);
    co_await s.run();
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, lock_manager& manager)
{
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(as_result);
        if (error == asio::error::operation_aborted)
            co_return;
        if (!error)
            co_spawn(acceptor.get_executor(), serve(std::move(socket), manager),
                     asio::detached); // errors end it
    }
}

// The clients of its own.

class client
{
public:
    client(asio::io_context& context, tcp::endpoint server, std::string name) : socket_(context), name_(std::move(name))
    {
        socket_.connect(server);
    }

    asio::awaitable<void> say(std::string line)
    {
        std::cout << name_ << " says  " << line.substr(0, 60) << '\n';
        line += '\n';
        co_await asio::async_write(socket_, asio::buffer(line), asio::use_awaitable);
    }

    asio::awaitable<void> hear(std::string_view expected)
    {
        co_await asio::async_read_until(socket_, asio::dynamic_buffer(received_), '\n', asio::use_awaitable);
        const std::string line = received_.substr(0, received_.find('\n'));
        received_.erase(0, line.size() + 1);
        std::cout << name_ << " hears " << line << '\n';
        if (!line.starts_with(expected))
            throw std::runtime_error(name_ + " should have heard " + std::string(expected));
    }

    void disconnect()
    {
        std::cout << name_ << " disconnects\n";
        socket_.close();
    }

private:
    tcp::socket socket_;
    std::string name_, received_;
};

asio::awaitable<void> talk(client alice, client bob, client carol)
{
    co_await alice.say("LOCK printer 0");
    co_await alice.hear("GRANTED ");
    co_await bob.say("LOCK printer 100"); // more important: alice is told to go
    co_await alice.hear("LOST preempted");
    co_await alice.say("UNLOCK"); // she has cleaned up
    co_await alice.hear("RELEASED");
    co_await bob.hear("GRANTED ");

    co_await alice.say("LOCK printer 1");    // not more important: waits
    co_await carol.say("LOCK scanner 0 50"); // another key
    co_await carol.hear("GRANTED ");
    co_await carol.hear("LOST expired"); // after 50 ms
    bob.disconnect();
    co_await alice.hear("GRANTED ");

    co_await carol.say("UNLOCK"); // of what has expired
    co_await carol.hear("RELEASED");
    co_await carol.say("UNLOCK");
    co_await carol.hear("ERROR you have no lock");
    co_await carol.say("UNLOCK it");
    co_await carol.hear("ERROR say LOCK");
    co_await carol.say("LOCK scanner 0 50 please");
    co_await carol.hear("ERROR say LOCK");
    co_await carol.say("LOCK scanner high");
    co_await carol.hear("ERROR the priority");
    co_await carol.say("LOCK scanner 0 0");
    co_await carol.hear("ERROR the ttl");
    co_await carol.say("LOCK printer 0"); // waits for alice,
    co_await carol.say("UNLOCK");         // and gives up
    co_await carol.hear("RELEASED");
    co_await carol.say(std::string(2 * longest_line, 'x'));
    co_await carol.hear("ERROR a line has");
}

int main(int argc, char* argv[])
{
    const auto line = example::read_command_line(
        argc, argv,
        {.about =
             "A lock server with a line protocol: on PORT, until Ctrl-C; without it it serves clients of its own, and "
             "ends.",
         .operands = "[PORT]",
         .most = 1});
    const std::uint16_t port = example::port_of(line);
    try {
        asio::io_context context;
        lock_manager manager = example::make_manager(context, line.nodes);
        tcp::acceptor acceptor = example::listen_on(context, port);
        co_spawn(context, listen(acceptor, manager), asio::detached);

        asio::signal_set signals(context);
        if (port == 0) {
            const tcp::endpoint server = acceptor.local_endpoint();
            client alice(context, server, "alice"), bob(context, server, "bob  "), carol(context, server, "carol");
            co_spawn(context, talk(std::move(alice), std::move(bob), std::move(carol)), [&](std::exception_ptr error) {
                acceptor.close(); // the sessions end with their clients
                if (error)
                    std::rethrow_exception(error);
            });
        } else {
            std::cout << "serving on 127.0.0.1:" << port << ", Ctrl-C ends" << std::endl;
            signals.add(SIGINT);
            signals.add(SIGTERM);
            signals.async_wait([&](error_code, int) { context.stop(); });
        }
        context.run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "tcp_server: " << example::message_of(error) << '\n';
        return 1;
    }
}
