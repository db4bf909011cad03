// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_url.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/redis/connection.hpp>
#include <boost/redis/ignore.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <memory>

int main()
{
    using namespace std::chrono_literals;
    using priority_redlock::error_code;

    boost::asio::io_context context;

    // The library's use of Boost.Redis: nobody listens there.
    const auto nodes = priority_redlock::parse_redis_nodes("localhost:1,rediss://localhost:2");
    const auto store = std::make_shared<priority_redlock::redis_protocol>(
        context.get_executor(), nodes, priority_redlock::redis_options{.quorum_timeout = 100ms, .idle_timeout = 0s});
    priority_redlock::lock_manager manager(context, store);
    error_code lights;
    manager.async_acquire("lights", "consumer", {}, [&](error_code error, priority_redlock::lock) { lights = error; });

    // And the user's own.
    boost::redis::connection connection(context);
    boost::redis::request request;
    request.push("PING");
    request.get_config().cancel_if_not_connected = true;
    error_code ping;
    connection.async_exec(request, boost::redis::ignore, [&](error_code error, std::size_t) { ping = error; });

    context.run();
    std::cout << nodes.size() << " nodes: " << lights.message() << "; " << ping.message() << '\n';
    return lights == priority_redlock::errc::no_quorum && ping == boost::redis::error::not_connected ? 0 : 1;
}
