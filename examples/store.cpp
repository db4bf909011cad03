// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "store.hpp"

#ifdef PRIORITY_REDLOCK_EXAMPLES_WITH_REDIS
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/use_future.hpp>
#endif

#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <random>
#include <type_traits>
#include <utility>

namespace example {

namespace {

#ifdef PRIORITY_REDLOCK_EXAMPLES_WITH_REDIS

/// Runs a context that nobody else runs yet, until there is a result, but no longer than `limit`.
template <class Future>
void run_until_ready(boost::asio::io_context& context, const Future& result, std::chrono::milliseconds limit)
{
    const auto end = std::chrono::steady_clock::now() + limit;
    while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready && context.run_one_until(end) != 0) {
    }
}

/// The locks of these nodes. Each run has its own, which makes it a new deployment.
template <class Context>
priority_redlock::lock_manager make_redis_manager(Context& context, const std::string& nodes)
{
    using namespace std::chrono_literals;

    priority_redlock::redis_options options;
    options.prefix = "example" + std::to_string(std::random_device{}()) + ':';
    options.idle_timeout = 200ms; // the example ends so long after its last lock
    const auto configs = priority_redlock::parse_redis_nodes(nodes);
    bool patient = false;
    const auto get = [&](auto result) {
        for (auto waited = 0ms; result.wait_for(0s) != std::future_status::ready; waited += 100ms) {
            if (waited >= 1s && !std::exchange(patient, true))
                std::cerr << "waiting for the nodes " << nodes << " ..." << std::endl;
            if constexpr (std::is_same_v<Context, boost::asio::io_context>) // nobody runs it yet
                run_until_ready(context, result, 100ms);
            else
                result.wait_for(100ms);
        }
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

template <class Context>
priority_redlock::lock_manager make_manager_on(Context& context, [[maybe_unused]] const std::string& nodes)
{
    if (nodes.empty())
        return priority_redlock::lock_manager(context);
#ifdef PRIORITY_REDLOCK_EXAMPLES_WITH_REDIS
    try {
        return make_redis_manager(context, nodes);
    } catch (const std::exception& error) {
        std::cerr << "--redis: " << message_of(error) << '\n';
    }
#else
    std::cerr << "--redis: built without priority_redlock::redis\n";
#endif
    std::exit(2);
}

} // namespace

priority_redlock::lock_manager make_manager(boost::asio::io_context& context, const std::string& nodes)
{
    return make_manager_on(context, nodes);
}

priority_redlock::lock_manager make_manager(boost::asio::thread_pool& pool, const std::string& nodes)
{
    return make_manager_on(pool, nodes);
}

} // namespace example
