// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// I9 with several shards, that is several mutexes, and one count of all that wait.

namespace {

namespace asio = boost::asio;
namespace redlock = priority_redlock;
using namespace std::chrono_literals;
using redlock::errc;
using redlock::error_code;
using redlock::lock;
using redlock::lock_manager;

constexpr unsigned limit = 20, resources = 8;

std::string name_of(unsigned resource)
{
    return "r" + std::to_string(resource % resources);
}

/// How acquires have ended.
struct totals
{
    std::atomic<long> started = 0, granted = 0, refused = 0, cancelled = 0, timeouts = 0, others = 0;

    void note(error_code ec)
    {
        ++(!ec                                    ? granted
           : ec == errc::queue_full               ? refused
           : ec == asio::error::operation_aborted ? cancelled
           : ec == errc::acquire_timeout          ? timeouts
                                                  : others);
    }

    [[nodiscard]] long ended() const { return granted + refused + cancelled + timeouts + others; }
};

/// Calls f(thread) on as many threads at once.
void at_once(unsigned threads, const std::function<void(unsigned)>& f)
{
    std::latch ready(threads);
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i)
        all.emplace_back([&, i] {
            ready.arrive_and_wait();
            f(i);
        });
    for (std::thread& each : all)
        each.join();
}

/// Waits for what other threads are to do.
template <class Condition>
[[nodiscard]] bool comes(Condition condition)
{
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::yield();
    }
    return true;
}

std::vector<lock> hold_all(lock_manager& manager)
{
    std::vector<lock> held;
    for (unsigned i = 0; i < resources; ++i)
        held.push_back(manager.async_acquire(name_of(i), {.priority = 9}, asio::use_future).get());
    return held;
}

/// More want to wait than may, on all threads, for all resources. Nothing is granted: exactly the limit waits.
void fill(lock_manager& manager)
{
    constexpr unsigned threads = 4, each = limit;
    totals count;
    const std::vector<lock> held = hold_all(manager);
    at_once(threads, [&](unsigned thread) {
        for (unsigned i = 0; i < each; ++i)
            manager.async_acquire(name_of(thread + i), {}, [&](error_code ec, lock) { count.note(ec); });
    });
    BOOST_TEST(comes([&] { return count.refused == threads * each - limit; }), count.refused << " refused");
    BOOST_TEST(manager.metrics().waiting == limit);
    manager.cancel();
    BOOST_TEST(comes([&] { return count.ended() == threads * each; }));
    BOOST_TEST(count.cancelled == limit);
    BOOST_TEST(manager.metrics().waiting == 0u);
}

BOOST_AUTO_TEST_SUITE(limits, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(I9_one_place_is_taken_by_one_of_two_that_come_at_once)
{
    asio::thread_pool pool(1);
    lock_manager manager(pool, {.shards = resources, .max_waiters = 1});
    const std::vector<lock> held = hold_all(manager);
    constexpr long rounds = 2000;
    totals count;
    std::atomic<long> wrong = 0;
    std::barrier together(2);
    at_once(2, [&](unsigned thread) {
        for (long round = 0; round < rounds; ++round) {
            together.arrive_and_wait();
            manager.async_acquire(name_of(thread), {}, [&](error_code ec, lock) { count.note(ec); });
            together.arrive_and_wait();
            if (thread != 0)
                continue;
            wrong += manager.metrics().waiting != 1;
            manager.cancel();
        }
    });
    BOOST_TEST(wrong == 0);
    BOOST_TEST(comes([&] { return count.ended() == 2 * rounds; }));
    BOOST_TEST(count.cancelled == rounds);
    BOOST_TEST(count.refused == rounds);
    pool.join();
}

// By grants, timeouts, cancellations, and a higher priority that takes the place.
BOOST_AUTO_TEST_CASE(I9_the_count_of_waiters_comes_back_to_zero_however_they_leave)
{
    asio::thread_pool pool(2);
    lock_manager manager(pool, {.shards = 4, .max_waiters = limit});
    totals count;
    at_once(4, [&](unsigned thread) {
        std::minstd_rand random(thread + 1);
        for (int i = 0; i < 5000; ++i) {
            ++count.started;
            const redlock::duration timeout =
                random() % 4 == 0 ? std::chrono::microseconds(random() % 300) : redlock::infinite;
            manager.async_acquire(name_of(static_cast<unsigned>(random())),
                                  {.priority = static_cast<int>(random() % 4), .timeout = timeout, .grace = 0s},
                                  [&](error_code ec, lock) { count.note(ec); }); // lets go of it at once
            if (random() % 64 == 0)
                manager.cancel();
            else if (random() % 8 == 0)
                std::this_thread::yield();
        }
    });
    BOOST_TEST(comes([&] { return count.ended() == count.started; }));
    BOOST_TEST(count.others == 0);
    // Without these the test would have shown nothing.
    BOOST_TEST(count.granted > 0, "no grant");
    BOOST_TEST(count.refused > 0, "no refusal");
    BOOST_TEST(count.cancelled > 0, "no cancellation");
    BOOST_TEST(count.timeouts > 0, "no timeout");

    BOOST_TEST(comes([&] { return manager.metrics().held == 0; }));
    BOOST_TEST(manager.metrics().waiting == 0u);
    fill(manager);
    pool.join();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
