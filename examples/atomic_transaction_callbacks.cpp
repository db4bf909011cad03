// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Two lockers of the same priority and one account: the second waits until the first has released it.
//
// A deposit reads the balance, takes its time and writes it back. Without the lock both would read 0, and one deposit
// would be lost.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;

void deposit(lock_manager& manager, int& balance, const std::string& locker, int amount)
{
    manager.async_acquire("account", locker, {}, [&manager, &balance, locker, amount](error_code error, lock granted) {
        if (error) {
            std::cout << locker << ": " << error.message() << '\n';
            return;
        }
        const int before = balance;
        std::cout << locker << ": reads " << before << '\n';

        // The lock travels with the handler of each step. Were a step never to complete, it would be released with it.
        auto timer = std::make_shared<asio::steady_timer>(manager.get_executor(), 20ms);
        timer->async_wait([&balance, locker, amount, before, timer, held = std::move(granted)](error_code) mutable {
            balance = before + amount;
            std::cout << locker << ": writes " << balance << '\n';
            held.release(); // let others lock the account
        });
    });
}

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv, "Two deposits to one account, with callbacks: the lock keeps them apart.");
    int balance = 0;

    deposit(manager, balance, "locker1", 100);
    deposit(manager, balance, "locker2", 50);
    context.run();

    std::cout << "balance: " << balance << '\n';
    return balance == 150 ? 0 : 1;
}
