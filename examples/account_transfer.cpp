// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Money goes from one account to another: a transaction that needs both. Two transfers in opposite directions cannot
// deadlock, whatever the order in which they name the accounts. An audit of one account comes in between with a higher
// priority: the transfer is undone, and repeated.

#include "store.hpp"

#include <priority_redlock/combine.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/synchronized.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace priority_redlock;

struct account
{
    std::string owner;
    int balance = 0;
};

/// Takes what was withdrawn back, unless it has arrived.
class withdrawal
{
public:
    withdrawal(account& from, int amount) : from_(from), amount_(amount) { from_.balance -= amount_; }
    withdrawal(const withdrawal&) = delete;
    withdrawal& operator=(const withdrawal&) = delete;
    ~withdrawal()
    {
        if (!arrived_) {
            std::cout << "  " << from_.owner << " gets " << amount_ << " back\n";
            from_.balance += amount_;
        }
    }
    void deposit(account& to)
    {
        to.balance += amount_;
        arrived_ = true;
    }

private:
    account& from_;
    int amount_;
    bool arrived_ = false;
};

// [transfer]
asio::awaitable<void> transfer(account& from, account& to, transaction_context& transaction)
{
    std::cout << from.owner << " -> " << to.owner << ", attempt " << transaction.attempt() << '\n';
    withdrawal money(from, 30); // undone if the transaction unwinds, still under both locks
    asio::steady_timer slow_bank(transaction.get_executor(), 20ms);
    co_await transaction.step(slow_bank.async_wait());
    money.deposit(to);
    std::cout << from.owner << " -> " << to.owner << ": done\n";
}
// [/transfer]

asio::awaitable<int> audit(account& one, transaction_context&)
{
    std::cout << "audit: " << one.owner << " has " << one.balance << '\n';
    co_return one.balance;
}

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv,
        "Two transfers in opposite directions between two accounts, with an audit in between that goes first.");
    account ann{"ann", 100}, ben{"ben", 50};
    int audited = -1;

    const auto report = [](std::exception_ptr e) {
        if (e)
            std::cout << "a transfer failed\n";
    };
    // [combine]
    const synchronized anns(manager, "account/ann", ann), bens(manager, "account/ben", ben);

    combine(anns, bens).async_run(transfer, always_restart, report);
    combine(bens, anns).async_run(transfer, always_restart, report);
    // [/combine]

    asio::steady_timer tuesday(context, 10ms); // in the middle of the first transfer
    tuesday.async_wait([&](error_code) {
        const synchronized auditor(manager, "account/ann", ann, {.priority = 1});
        auditor.async_run(audit, [&](std::exception_ptr, int balance) { audited = balance; });
    });
    context.run();

    std::cout << "ann " << ann.balance << ", ben " << ben.balance << '\n';
    return audited == 100 && ann.balance == 100 && ben.balance == 50 ? 0 : 1;
}
