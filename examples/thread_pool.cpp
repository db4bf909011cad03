// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Many tasks on a thread pool share a few counters: the lock of a counter is all that protects it.
//
// A manager is thread-safe unless it is told to be single_threaded. The counters are plain ints, so two tasks inside at
// once would lose an increment (and ThreadSanitizer would say so).

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <cstddef>
#include <future>
#include <iostream>
#include <string>
#include <vector>

namespace asio = boost::asio;
using priority_redlock::lock;
using priority_redlock::lock_manager;

constexpr std::size_t threads = 4;
constexpr std::size_t tasks = 64;
constexpr int rounds = 32;

std::array<int, 4> counters{};

asio::awaitable<void> task(lock_manager& manager, std::size_t first)
{
    for (std::size_t round = 0; round < rounds; ++round) {
        const std::size_t key = (first + round) % counters.size();
        const lock held = co_await manager.async_acquire("counter " + std::to_string(key));
        const int before = counters[key];
        co_await asio::post(manager.get_executor()); // most likely goes on in another thread, still holding the lock
        counters[key] = before + 1;
    }
}

int main(int argc, char* argv[])
{
    asio::thread_pool pool(threads);
    lock_manager manager = example::make_manager(
        pool, argc, argv, "Many tasks on a thread pool share counters that nothing but their locks protects.");

    std::vector<std::future<void>> done;
    for (std::size_t i = 0; i < tasks; ++i)
        done.push_back(co_spawn(pool, task(manager, i), asio::use_future));
    for (std::future<void>& d : done)
        d.get(); // rethrows what the task threw

    constexpr int expected = static_cast<int>(tasks) * rounds / static_cast<int>(counters.size());
    bool exact = true;
    for (std::size_t key = 0; key < counters.size(); ++key) {
        std::cout << "counter " << key << ": " << counters[key] << " of " << expected << '\n';
        exact = exact && counters[key] == expected;
    }
    return exact ? 0 : 1;
}
