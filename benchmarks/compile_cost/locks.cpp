// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The same with one acquire, one guard and one async_with_lock.

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;
using priority_redlock::lock;

asio::awaitable<void> work(asio::io_context& context, priority_redlock::lock_manager& manager)
{
    asio::steady_timer timer(context, std::chrono::seconds(1));
    lock lights = co_await manager.async_acquire("lights", "cleaner", {.priority = 1}, asio::use_awaitable);
    co_await timer.async_wait(lights.guard(asio::use_awaitable));
    lights.release();
    co_await priority_redlock::async_with_lock(
        manager, "lights", {.priority = 2},
        [&](lock&) -> asio::awaitable<void> { co_await timer.async_wait(asio::use_awaitable); }, asio::use_awaitable);
}

int main()
{
    asio::io_context context;
    priority_redlock::lock_manager manager(context);
    asio::co_spawn(context, work(context, manager), asio::detached);
    context.run();
}
