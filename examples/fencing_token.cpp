// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What a lock cannot prevent, and the fencing token can.
//
// A process reads a balance under a lock, and is stopped: swapped out, suspended, or merely slow. Its ttl ends, another
// one gets the lock and changes the balance. The first one goes on where it was, without knowing, and would overwrite
// that. But each grant has a higher token than all before it, and the store that has the balance refuses a lower token
// than the latest that it has seen.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::duration;
using priority_redlock::lock;
using priority_redlock::lock_manager;

// [store]
/// The store that does the work: a database, a file server, a device.
class account_store
{
public:
    std::optional<int> read(std::uint64_t token)
    {
        if (!admits(token))
            return std::nullopt;
        return balance_;
    }

    bool write(std::uint64_t token, int balance)
    {
        if (!admits(token))
            return false;
        balance_ = balance;
        return true;
    }

private:
    // Reads count as well: once the next holder has read, its predecessor can no longer write.
    bool admits(std::uint64_t token)
    {
        if (token < latest_)
            return false;
        latest_ = token;
        return true;
    }

    int balance_ = 0;
    std::uint64_t latest_ = 0;
};
// [/store]

// [deposit]
/// False: it was too late, and has changed nothing.
asio::awaitable<bool> try_deposit(lock_manager& manager, account_store& store, //
                                  std::string who, int amount, duration stopped)
{
    const lock held = co_await manager.async_acquire("account", who, {.ttl = 100ms});
    const std::uint64_t token = held.fencing_token();

    const std::optional<int> before = store.read(token);
    if (!before)
        co_return false;

    asio::steady_timer pause(manager.get_executor(), stopped);
    co_await pause.async_wait(); // not guarded: a process that is stopped does not hear of anything

    co_return store.write(token, *before + amount);
}
// [/deposit]

int refused = 0;

asio::awaitable<void> deposit(lock_manager& manager, account_store& store, std::string who, int amount,
                              duration stopped)
{
    for (;; stopped = 0ms) {
        const bool done = co_await try_deposit(manager, store, who, amount, stopped);
        if (done)
            break;
        ++refused;
        std::cout << who << ": refused, begins anew\n";
    }
    std::cout << who << ": has deposited " << amount << '\n';
}

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv,
        "A process that was stopped for longer than its ttl is refused by the store, by its fencing token.");
    account_store store;

    // Three times as long as its ttl.
    co_spawn(context, deposit(manager, store, "ann", 100, 300ms), asio::detached);
    co_spawn(context, deposit(manager, store, "ben", 50, 10ms), asio::detached);
    context.run();

    const int balance = store.read(UINT64_MAX).value();
    std::cout << "balance: " << balance << '\n';
    return balance == 150 && refused == 1 ? 0 : 1;
}
