// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Two apps play with one light each; security takes both and locks the apps out for as long as it runs.
//
// async_acquire_all delivers all locks as one, or none. Several of these operations never wait for each other in a
// circle, whatever the order of their requests.

#include "store.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

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
using priority_redlock::lock_request;

bool security_runs = false;
bool locked_out = true; // no app has played while security ran

// [coroutines]
asio::awaitable<void> security(lock_manager& manager)
{
    constexpr acquire_options first{.priority = 100};
    std::vector<lock_request> lights{{"kitchen light", first}, {"bedroom light", first}};
    const lock both = co_await async_acquire_all(manager, "security", std::move(lights));
    std::cout << "security: has both lights\n";
    security_runs = true;

    asio::steady_timer flashing(manager.get_executor(), 100ms);
    co_await flashing.async_wait();

    security_runs = false;
    std::cout << "security: done\n";
} // both are released
// [/coroutines]

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
    lock_manager manager = example::make_manager(
        context, argc, argv, "Two apps play with a light each, and security takes both, with coroutines.");

    int finished = 0;
    const auto count = [&](std::exception_ptr failure) { finished += failure == nullptr; };

    co_spawn(context, fun_app(manager, "kitchen light", 4), count);
    co_spawn(context, fun_app(manager, "bedroom light", 4), count);
    asio::steady_timer alarm(context, 75ms);
    alarm.async_wait([&](auto) { co_spawn(context, security(manager), count); });
    context.run();

    return finished == 3 && locked_out ? 0 : 1;
}
