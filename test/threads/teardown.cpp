// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Everything ends at once, on different threads: the last handles, the manager and then its context, and the waits,
// by their signals. Under AddressSanitizer and ThreadSanitizer nothing may be used too late.

namespace {

namespace asio = boost::asio;
namespace redlock = priority_redlock;
using namespace std::chrono_literals;
using redlock::error_code;
using redlock::lock;
using redlock::lock_manager;

void at_once(std::vector<std::function<void()>> all)
{
    std::latch ready(static_cast<std::ptrdiff_t>(all.size()));
    std::vector<std::thread> threads;
    for (const auto& each : all)
        threads.emplace_back([&ready, &each] {
            ready.arrive_and_wait();
            each();
        });
    for (std::thread& each : threads)
        each.join();
}

enum class lives_over
{
    memory,
    a_strand,
    a_protocol
};

enum class manager_goes
{
    before,
    with_the_context
};

class stage
{
public:
    explicit stage(lives_over what)
    {
        const asio::any_io_executor ex = context_->get_executor();
        switch (what) {
        case lives_over::memory: manager_ = std::make_unique<lock_manager>(ex); break;
        case lives_over::a_strand: manager_ = std::make_unique<lock_manager>(asio::make_strand(*context_)); break;
        case lives_over::a_protocol:
            manager_ = std::make_unique<lock_manager>(ex, std::make_shared<redlock::testing::memory_protocol>(ex));
            break;
        }
        timer_ = std::make_unique<asio::steady_timer>(*context_, 1h);
        const auto keep = [this](error_code ec, lock lk) {
            if (!ec)
                locks_.push_back(std::move(lk));
        };
        for (int i = 0; i < 6; ++i)
            manager_->async_acquire("r" + std::to_string(i), {.ttl = i % 2 ? 1h : redlock::infinite}, keep);
        redlock::async_acquire_all(*manager_, {{"a"}, {"b", {.ttl = 1h}}}, redlock::infinite, keep);
        while (locks_.size() != 7)
            context_->run_one();
        for (lock& each : locks_) {
            each.async_wait([](error_code) {});
            each.async_wait(asio::bind_cancellation_slot(signals_.emplace_back().slot(), [](error_code) {}));
            timer_->async_wait(each.guard([](error_code) {}));
        }
        for (int i = 0; i < 6; ++i)
            manager_->async_acquire(
                "r" + std::to_string(i), {.timeout = 1h},
                asio::bind_cancellation_slot(signals_.emplace_back().slot(), [](error_code, lock) {}));
        redlock::async_acquire_all(
            *manager_, {{"a"}, {"c"}}, redlock::infinite,
            asio::bind_cancellation_slot(signals_.emplace_back().slot(), [](error_code, lock) {}));
    }

    void end(manager_goes when)
    {
        if (when == manager_goes::before)
            manager_.reset();
        at_once({[this] {
                     while (!locks_.empty())
                         locks_.pop_back();
                 },
                 [this] {
                     manager_.reset();
                     timer_.reset();
                     context_.reset();
                 },
                 [this] {
                     for (asio::cancellation_signal& each : signals_)
                         each.emit(asio::cancellation_type::all);
                 }});
    }

private:
    std::deque<asio::cancellation_signal> signals_; // outlive what is in their slots
    std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>();
    std::unique_ptr<lock_manager> manager_;
    std::unique_ptr<asio::steady_timer> timer_;
    std::vector<lock> locks_;
};

void end_at_once(lives_over what)
{
    for (int round = 0; round < 150; ++round)
        stage(what).end(round % 2 == 0 ? manager_goes::before : manager_goes::with_the_context);
}

BOOST_AUTO_TEST_SUITE(teardown, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(I3_all_ends_at_once)
{
    end_at_once(lives_over::memory);
}

BOOST_AUTO_TEST_CASE(I3_all_ends_at_once_over_a_strand)
{
    end_at_once(lives_over::a_strand);
}

BOOST_AUTO_TEST_CASE(I3_all_ends_at_once_over_a_protocol)
{
    end_at_once(lives_over::a_protocol);
}

// The first report: nothing waits, and the shard goes with the last handle.
BOOST_AUTO_TEST_CASE(I3_T34_the_last_lock_goes_while_the_context_does)
{
    for (int round = 0; round < 2000; ++round) {
        auto context = std::make_unique<asio::io_context>();
        lock held;
        {
            lock_manager manager(*context, redlock::manager_options{.shards = 1});
            manager.async_acquire("r", {.ttl = 1h}, [&](error_code, lock lk) { held = std::move(lk); });
            context->run_one();
        }
        std::atomic<bool> go = false;
        std::thread dropper([&] {
            while (!go) {
            }
            held = lock();
        });
        go = true;
        context.reset();
        dropper.join();
    }
}

// A thread that cancels has a waiting composite to itself when another ends the wait of its part, and then the context.
BOOST_AUTO_TEST_CASE(I3_composites_are_cancelled_while_the_manager_and_the_context_go)
{
    for (int round = 0; round < 300; ++round) {
        std::deque<asio::cancellation_signal> signals; // outlive what is in their slots
        auto context = std::make_unique<asio::io_context>();
        auto manager = std::make_unique<lock_manager>(*context);
        lock held;
        manager->async_acquire("a", {}, [&](error_code, lock lk) { held = std::move(lk); });
        context->run_one();
        for (int i = 0; i < 8; ++i)
            redlock::async_acquire_all(
                *manager, {{"a"}, {"b"}}, redlock::infinite,
                asio::bind_cancellation_slot(signals.emplace_back().slot(), [](error_code, lock) {}));
        std::vector<std::function<void()>> all{[&] {
            manager.reset();
            context.reset();
        }};
        for (asio::cancellation_signal& each : signals)
            all.emplace_back([&each] { each.emit(asio::cancellation_type::all); });
        at_once(std::move(all));
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
