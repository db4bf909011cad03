// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Two apps play with one light each; security takes both and locks the apps out for as long as it runs.
//
// Whoever needs several locks acquires them one after the other, all in the same order (here: sorted by name), or two
// of them may each wait for what the other has. Whatever goes wrong on the way, none is kept.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::system_error;
using priority_redlock::acquire_options;
using priority_redlock::lock;
using priority_redlock::lock_manager;

bool security_runs = false;
bool locked_out = true; // no app has played while security ran

/// All the locks, or an exception and none.
asio::awaitable<std::vector<lock>> acquire_all(lock_manager& manager, std::vector<std::string> resources,
                                               std::string locker, acquire_options options)
{
    std::ranges::sort(resources);

    std::vector<lock> locks; // released together when an exception leaves
    for (const std::string& resource : resources)
        locks.push_back(co_await manager.async_acquire(resource, locker, options));

    // The first ones may have been taken away while the last one was waited for.
    if (!std::ranges::all_of(locks, &lock::is_held))
        throw system_error(asio::error::operation_aborted);
    co_return locks;
}

asio::awaitable<void> security(lock_manager& manager)
{
    const std::vector<std::string> both{"kitchen light", "bedroom light"};
    const auto lights = co_await acquire_all(manager, both, "security", {.priority = 100});
    std::cout << "security: has both lights\n";
    security_runs = true;

    asio::steady_timer flashing(manager.get_executor(), 100ms);
    co_await flashing.async_wait();

    security_runs = false;
    std::cout << "security: done\n";
}

/// Plays with a light, a move every 30 ms; when it is told to go it queues again and plays on.
asio::awaitable<void> fun_app(lock_manager& manager, std::string light, int moves)
{
    asio::steady_timer timer(manager.get_executor());
    while (moves > 0) {
        const lock held = co_await manager.async_acquire(light, "fun with the " + light);
        std::cout << light << ": has it\n";
        try {
            for (; moves > 0; --moves) {
                timer.expires_after(30ms);
                co_await timer.async_wait(held.guard(asio::use_awaitable));
                locked_out = locked_out && !security_runs;
            }
        } catch (const system_error&) {
            std::cout << light << ": told to go, " << moves << " moves left\n";
        }
    }
    std::cout << light << ": done\n";
}

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(context, argc, argv);

    int finished = 0;
    const auto count = [&](std::exception_ptr failure) { finished += failure == nullptr; };

    co_spawn(context, fun_app(manager, "kitchen light", 4), count);
    co_spawn(context, fun_app(manager, "bedroom light", 4), count);
    asio::steady_timer alarm(context, 75ms);
    alarm.async_wait([&](auto) { co_spawn(context, security(manager), count); });
    context.run();

    return finished == 3 && locked_out ? 0 : 1;
}
