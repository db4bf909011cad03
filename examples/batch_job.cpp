// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A nightly job computes a report in steps; questions of users come in between, and go first.
//
// Whoever has the lock of the database works on it. The job ranks below everything that names no priority. It is not
// told to go in the middle of a step: it finishes that, hands over, waits, and goes on where it was, with all its
// variables. What a question may have changed meanwhile is read again before it goes on.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::always_resume;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::synchronized;
using priority_redlock::transaction_context;

constexpr int chapters = 6;

struct database
{
    int version = 0; // a question may count it up
};

asio::awaitable<void> work_for(std::chrono::milliseconds time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait();
}

// [job]
asio::awaitable<int> report(database& db, transaction_context& transaction)
{
    int version = db.version;
    transaction.on_resume([&]() -> asio::awaitable<void> {
        version = db.version;
        std::cout << "report: goes on with version " << version << '\n';
        co_return;
    });
    for (int chapter = 1; chapter <= chapters; ++chapter) {
        co_await transaction.step(work_for(20ms));
        std::cout << "report: chapter " << chapter << " of version " << version << '\n';
    }
    co_return version;
}
// [/job]

asio::awaitable<void> question(lock_manager& manager, database& db)
{
    co_await async_with_lock(manager, "database", [&](lock&) -> asio::awaitable<void> {
        co_await work_for(10ms);
        std::cout << "question: answered, version " << ++db.version << '\n';
    });
}

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv,
        "A nightly job that works in steps gives way to questions of users, and goes on where it was.");
    database db;

    const synchronized job(manager, "database", db, {.priority = -100});
    int reported = -1;
    int answered = 0;
    const auto count = [&](std::exception_ptr failure) { answered += failure == nullptr; };
    job.async_run(report, always_resume, [&](std::exception_ptr, int version) { reported = version; });
    asio::steady_timer first(context, 30ms), second(context, 80ms);
    first.async_wait([&](auto) { co_spawn(context, question(manager, db), count); });
    second.async_wait([&](auto) { co_spawn(context, question(manager, db), count); });
    context.run();

    return answered == 2 && reported == db.version ? 0 : 1;
}
