// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_STORE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_STORE_HPP

#include <priority_redlock/lock_manager.hpp>

#ifdef PRIORITY_REDLOCK_EXAMPLES_WITH_REDIS
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_provision.hpp>
#endif

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// Where the examples have their locks: in this process, or on the nodes that `--redis` names. Nothing else of them
// differs.

namespace example {

/// Takes `--redis NODES` out of a command line. Without it: an empty string.
inline std::string take_redis_option(int& argc, char* argv[])
{
    char** const end = argv + argc;
    char** const option = std::find_if(argv + 1, end, [](std::string_view argument) { return argument == "--redis"; });
    if (option == end)
        return {};
    if (option + 1 == end) {
        std::cerr << "--redis needs HOST:PORT,HOST:PORT,...\n";
        std::exit(2);
    }
    std::string nodes = option[1];
    std::copy(option + 2, end, option);
    argc -= 2;
    return nodes;
}

#ifdef PRIORITY_REDLOCK_EXAMPLES_WITH_REDIS

/// The locks of these nodes. Each run has its own, which makes it a new deployment.
template <class Context>
priority_redlock::lock_manager make_redis_manager(Context& context, const std::string& nodes)
{
    using namespace std::chrono_literals;

    priority_redlock::redis_options options;
    options.prefix = "example" + std::to_string(std::random_device{}()) + ':';
    options.idle_timeout = 200ms; // the example ends so long after its last lock
    const auto configs = priority_redlock::parse_redis_nodes(nodes);
    const auto get = [&](auto result) {
        if constexpr (std::is_same_v<Context, boost::asio::io_context>) // nobody runs it yet
            while (result.wait_for(0s) != std::future_status::ready)
                context.run_one();
        return result.get();
    };

    // Else new nodes do not vote for the first minute.
    get(priority_redlock::async_provision(context.get_executor(), configs, options, boost::asio::use_future));

    // The story begins when there are connections.
    const auto store = std::make_shared<priority_redlock::redis_protocol>(context.get_executor(), configs, options);
    priority_redlock::lock_manager first(context, store);
    (void)get(first.async_acquire("are you there", {}, boost::asio::use_future));
    return priority_redlock::lock_manager(context, store);
}

#endif

/// Locks in memory if `nodes` is empty, else over Redis.
template <class Context>
priority_redlock::lock_manager make_manager(Context& context, [[maybe_unused]] const std::string& nodes)
{
    if (nodes.empty())
        return priority_redlock::lock_manager(context);
#ifdef PRIORITY_REDLOCK_EXAMPLES_WITH_REDIS
    try {
        return make_redis_manager(context, nodes);
    } catch (const std::exception& error) {
        std::cerr << "--redis: " << error.what() << '\n';
    }
#else
    std::cerr << "--redis: built without priority_redlock::redis\n";
#endif
    std::exit(2);
}

/// The same for a program whose only argument is `--redis NODES`.
template <class Context>
priority_redlock::lock_manager make_manager(Context& context, int argc, char* argv[])
{
    const std::string nodes = take_redis_option(argc, argv);
    if (argc > 1) {
        std::cerr << "usage: " << argv[0] << " [--redis HOST:PORT,HOST:PORT,...]\n";
        std::exit(2);
    }
    return make_manager(context, nodes);
}

} // namespace example

#endif
