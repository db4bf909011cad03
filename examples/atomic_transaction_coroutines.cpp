// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Two lockers of the same priority and one account: the second waits until the first has released it.
//
// A deposit reads the balance, takes its time and writes it back. Without the lock both would read 0, and one deposit
// would be lost.

// [whole]
#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::lock;
using priority_redlock::lock_manager;

asio::awaitable<void> deposit(lock_manager& manager, int& balance, std::string locker, int amount)
{
    const lock held = co_await manager.async_acquire("account", locker);

    const int before = balance;
    std::cout << locker << ": reads " << before << '\n';

    asio::steady_timer timer(manager.get_executor(), 20ms);
    co_await timer.async_wait();

    balance = before + amount;
    std::cout << locker << ": writes " << balance << '\n';
} // the lock is released here, or wherever an exception leaves the coroutine

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv, "Two deposits to one account, with coroutines: the lock keeps them apart.");
    int balance = 0;

    co_spawn(context, deposit(manager, balance, "locker1", 100), asio::detached);
    co_spawn(context, deposit(manager, balance, "locker2", 50), asio::detached);
    context.run();

    std::cout << "balance: " << balance << '\n';
    return balance == 150 ? 0 : 1;
}
// [/whole]
