// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How to test code that takes locks, without sleeping: the test moves the clock. Hours pass in no time, and a busy
// machine makes no difference.
//
// The same tests are run with locks in memory and over a network that loses messages. Any test framework will do; here
// it is a function that counts what does not hold.

#include "command_line.hpp"

#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/make_manager.hpp>
#include <priority_redlock/testing/manual_clock.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace asio = boost::asio;
namespace testing = priority_redlock::testing;
using namespace std::chrono_literals;
using priority_redlock::acquire_options;
using priority_redlock::async_with_lock;
using priority_redlock::errc;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;

// [component]
/// What is tested: copies a disk, which it may keep busy for an hour, and gives way to whoever is in
/// a hurry. The clock is a parameter for the sake of the tests.
template <class Clock = std::chrono::steady_clock>
asio::awaitable<void> back_up(lock_manager& manager, int& copied)
{
    const acquire_options an_hour{.ttl = 1h};
    co_await async_with_lock(manager, "disk", "backup", an_hour, [&](lock&) -> asio::awaitable<void> {
        asio::basic_waitable_timer<Clock> block(manager.get_executor());
        for (; copied < 12; ++copied) {
            block.expires_after(10min);
            co_await block.async_wait();
        }
    });
}
// [/component]

int failures = 0;

void check(bool holds, std::string_view what)
{
    if (holds)
        return;
    ++failures;
    std::cerr << "FAILED: " << what << '\n';
}

/// A backup that goes by the manual clock.
struct backup
{
    int copied = 0;
    std::optional<error_code> ended;

    void start(asio::io_context& context, lock_manager& manager)
    {
        co_spawn(context, back_up<testing::manual_clock>(manager, copied), [this](std::exception_ptr thrown) {
            ended.emplace();
            try {
                if (thrown)
                    std::rethrow_exception(thrown);
            } catch (const boost::system::system_error& error) {
                ended = error.code();
            }
        });
    }
};

// [test]
void gives_way_to_a_restore(asio::io_context& context, lock_manager& manager)
{
    backup nightly;
    nightly.start(context, manager);
    testing::run_for(context, 25min, 5s); // 5 seconds at a time
    check(nightly.copied == 2, "in 25 minutes two blocks are copied");
    check(!nightly.ended, "the backup goes on while nobody else wants the disk");

    lock disk;
    manager.async_acquire("disk", "restore", {.priority = 10},
                          [&](error_code, lock granted) { disk = std::move(granted); });
    testing::run_for(context, 10s, 10ms);
    check(nightly.ended == errc::preempted, "the backup is told why it had to go");
    check(nightly.copied == 2, "a block that was interrupted does not count");
    check(disk.is_held(), "the restore has the disk");
}
// [/test]

void has_the_disk_for_an_hour(asio::io_context& context, lock_manager& manager)
{
    backup nightly;
    nightly.start(context, manager);
    testing::run_for(context, 59min, 5s);
    check(!nightly.ended, "an hour is not over yet");

    testing::run_for(context, 2min, 5s);
    check(nightly.ended == errc::expired, "after an hour the backup ends");
    check(nightly.copied < 12, "the disk was too big for an hour");
}

using test = void (*)(asio::io_context&, lock_manager&);

void run_in_memory(test each)
{
    asio::io_context context;
    lock_manager manager = testing::make_manager(context);
    each(context, manager);
}

void run_over_a_bad_network(test each)
{
    asio::io_context context;
    // [network]
    const auto ex = context.get_executor();
    const auto store = std::make_shared<testing::memory_protocol>(ex, testing::manual_time);
    const auto network = std::make_shared<testing::unreliable_protocol>(
        ex, store, testing::unreliable_options{.loss = 0.3}, testing::manual_time);
    lock_manager manager = testing::make_manager(context, network);
    // [/network]
    each(context, manager);
    check(network->lost() != 0, "the network is a bad one");
}

int main(int argc, char* argv[])
{
    (void)example::read_command_line(
        argc, argv,
        {.about = "Tests code that takes locks by a clock that the tests move: hours pass in milliseconds.",
         .redis = example::need::never});
    const auto real_start = std::chrono::steady_clock::now();
    const auto start = testing::manual_clock::now();
    for (const test each : {gives_way_to_a_restore, has_the_disk_for_an_hour}) {
        run_in_memory(each);
        run_over_a_bad_network(each);
    }
    const auto real_time = std::chrono::steady_clock::now() - real_start;
    const auto time = testing::manual_clock::now() - start;
    check(real_time < time / 10, "nobody waits for the time that passes");

    std::cout << time / 1min << " minutes of tests took " << real_time / 1ms << " ms\n";
    return failures == 0 ? 0 : 1;
}
