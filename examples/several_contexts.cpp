// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A server with an io_context a thread, as many have: one manager serves them all.
//
// A manager is thread-safe, and each completion runs on the executor of its handler: work stays on the context, and the
// thread, that it belongs to. So what a connection uses needs no mutex, and what they share has a lock with a name.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <iostream>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using priority_redlock::lock;
using priority_redlock::lock_manager;

constexpr std::size_t contexts = 3;
constexpr int connections = 8; // a context
constexpr int rounds = 20;

int shared = 0; // what the lock protects
std::atomic<int> strayed = 0;
std::atomic<int> finished = 0;

// [connection]
asio::awaitable<void> connection(lock_manager& manager)
{
    const std::thread::id home = std::this_thread::get_id();
    for (int round = 0; round < rounds; ++round) {
        const lock held = co_await manager.async_acquire("shared", asio::use_awaitable);
        strayed += std::this_thread::get_id() != home;
        const int before = shared;
        co_await asio::post(asio::use_awaitable); // others of this context run, and those of other threads
        shared = before + 1;
    }
}
// [/connection]

int main(int argc, char* argv[])
{
    asio::thread_pool timers(1); // where the manager has its timers
    lock_manager manager = example::make_manager(
        timers, argc, argv, "One manager serves several io_contexts, each on a thread of its own.");

    std::array<asio::io_context, contexts> all;
    for (asio::io_context& each : all)
        for (int i = 0; i < connections; ++i)
            co_spawn(each, connection(manager), [](std::exception_ptr failure) { finished += failure == nullptr; });
    {
        std::vector<std::jthread> threads;
        for (asio::io_context& each : all)
            threads.emplace_back([&each] { each.run(); });
    }

    constexpr int expected = static_cast<int>(contexts) * connections;
    std::cout << finished << " of " << expected << " connections finished, " << shared << " of " << expected * rounds
              << " counted, " << strayed << " times in another thread\n";
    return finished == expected && shared == expected * rounds && strayed == 0 ? 0 : 1;
}
