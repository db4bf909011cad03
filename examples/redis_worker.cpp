// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A worker that needs a robot arm for some time, as do others in other processes. Start several, with different
// priorities, and kill some:
//
//     redis_worker NAME PRIORITY WORK [PREFIX] --redis HOST:PORT,HOST:PORT,...
//
// WORK is in milliseconds. One that is told to go cleans up, lets go, and queues again for the rest of its work. What
// happens goes to the standard output: a line each, with the microseconds of the machine's steady clock, which is the
// same for all its processes. New nodes grant nothing for the first 1500 ms, unless they have been provisioned.

#include "command_line.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_url.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/log/expressions/message.hpp>
#include <boost/log/utility/setup/console.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::duration;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_state;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

long long microseconds_now()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

void say(const std::string& what)
{
    std::cout << microseconds_now() << ' ' << what << std::endl;
}

// [worker]
asio::awaitable<void> work(lock_manager& manager, std::string name, int priority, duration rest)
{
    asio::steady_timer timer(manager.get_executor());
    while (rest > 0ms) {
        say("asks, priority " + std::to_string(priority));
        const lock arm = co_await manager.async_acquire("robot arm", name, {.priority = priority});
        say("granted, token " + std::to_string(arm.fencing_token()));

        const auto begin = priority_redlock::clock::now();
        timer.expires_after(rest);
        co_await timer.async_wait(arm.guard(as_result)); // ends early when the lock does
        rest -= priority_redlock::clock::now() - begin;

        if (arm.state() == lock_state::revoking) {
            say("told to go, cleans up");
            timer.expires_after(40ms);
            co_await timer.async_wait();
            say("lets go");
        } else if (rest > 0ms) {
            say("has lost it");
        } else {
            say("releases, done");
        }
    } // the arm is released
}
// [/worker]

/// The library's log, as lines of the same kind.
void show_log()
{
    namespace logging = boost::log;
    logging::add_console_log(
        std::cout, logging::keywords::auto_flush = true,
        logging::keywords::format = [](const logging::record_view& record, logging::formatting_ostream& out) {
            out << microseconds_now() << " log: " << record[logging::expressions::smessage];
        });
}

int main(int argc, char* argv[])
try {
    const auto line = example::read_command_line(
        argc, argv,
        {.about = "A worker that needs a robot arm for WORK ms, as others do, and gives it up to a higher PRIORITY.",
         .operands = "NAME PRIORITY WORK [PREFIX]",
         .least = 3,
         .most = 4,
         .redis = example::need::must});
    using limits = std::numeric_limits<int>;
    const int priority = example::number_of<int>("PRIORITY", line.operands[1], limits::min(), limits::max());
    const std::chrono::milliseconds rest(example::number_of<int>("WORK", line.operands[2], 1, limits::max()));
    show_log();

    priority_redlock::redis_options options;
    options.prefix = line.operands.size() > 3 ? line.operands[3] : "robot:";
    options.lease = 1s;           // so long the arm is out of reach when the process that has it dies
    options.max_ttl = 1500ms;     // so long a node that was restarted does not vote
    options.clock_skew = 200ms;   // all nodes are on one machine
    options.idle_timeout = 200ms; // the program ends so long after its last lock

    asio::io_context context;
    const std::string& nodes = line.nodes;
    // [redis]
    const auto store = std::make_shared<priority_redlock::redis_protocol>(
        context.get_executor(), priority_redlock::parse_redis_nodes(nodes), options);
    lock_manager manager(context, store);
    // [/redis]
    co_spawn(context, work(manager, line.operands[0], priority, rest), [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
    context.run();
    return 0;
} catch (const std::exception& error) {
    std::cerr << "redis_worker: " << example::message_of(error) << '\n';
    return 1;
}
