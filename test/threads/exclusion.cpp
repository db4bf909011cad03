// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/cancel_after.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // g++ 12 mistakes the frames of Asio's coroutines
#endif

// Many threads, the real clock, no checks of Boost.Test outside of the main thread.

namespace {

namespace asio = boost::asio;
namespace redlock = priority_redlock;
using namespace std::chrono_literals;
using redlock::errc;
using redlock::error_code;
using redlock::lock;
using redlock::lock_manager;
using redlock::lock_state;

constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

/// What the lock protects: plain members, whose use by two at a time ThreadSanitizer sees, and so does `inside`.
struct protected_object
{
    std::atomic<int> inside = 0;
    long entered = 0;
    long left = 0;
    std::uint64_t last_token = 0;
};

struct totals
{
    std::atomic<long> overlaps = 0, falling_tokens = 0, wrong_results = 0, exceptions = 0;
    std::atomic<long> grants = 0, preemptions = 0, guarded_aborts = 0, cancellations = 0, timeouts = 0, refusals = 0,
                      expiries = 0, waiters_seen = 0, finished = 0, composites = 0, composites_preempted = 0,
                      tries_granted = 0, tries_refused = 0;
};

struct arena
{
    asio::thread_pool pool{4};
    lock_manager manager{pool};
    std::array<protected_object, 3> objects;
    totals count;

    static std::string name_of(std::size_t object) { return "object " + std::to_string(object); }
};

/// The part that must be alone.
void enter(arena& a, protected_object& object, const lock& lk)
{
    if (object.inside.fetch_add(1, std::memory_order_relaxed) != 0)
        ++a.count.overlaps;
    ++object.entered;
    if (lk.fencing_token() <= object.last_token)
        ++a.count.falling_tokens;
    object.last_token = lk.fencing_token();
}

void leave(arena& a, protected_object& object)
{
    ++object.left;
    if (object.entered != object.left)
        ++a.count.overlaps;
    if (object.inside.fetch_sub(1, std::memory_order_relaxed) != 1)
        ++a.count.overlaps;
}

asio::awaitable<void> let_go(arena& a, lock lk, unsigned how)
{
    switch (how % 4) {
    case 0: lk.release(); break;
    case 1: co_await lk.async_release(tuple); break;
    case 2: asio::post(a.pool, [moved = std::move(lk)]() mutable { moved.release(); }); break; // on a foreign thread
    default: break;
    }
}

/// Acquires over and over. A victim unwinds within its grace, so that nobody may ever overlap.
asio::awaitable<void> component(arena& a, unsigned seed, int rounds)
{
    std::mt19937 random(seed);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int round = 0; round < rounds; ++round) {
        const std::size_t which = random() % a.objects.size();
        protected_object& object = a.objects[which];
        redlock::acquire_options options{.priority = static_cast<int>(random() % 4), .grace = 1h};
        const unsigned kind = random() % 8;
        if (kind == 0)
            options.timeout = std::chrono::microseconds(random() % 500);
        else if (kind == 1)
            options.max_attempts = 1;

        error_code ec;
        lock lk;
        if (kind == 2)
            std::tie(ec, lk) = co_await a.manager.async_acquire(
                arena::name_of(which), options,
                test::cancelled_after(std::chrono::microseconds(random() % 500), tuple));
        else if (kind == 3)
            lk = a.manager.try_acquire(arena::name_of(which), options, ec);
        else
            std::tie(ec, lk) = co_await a.manager.async_acquire(arena::name_of(which), options, tuple);
        if (ec) {
            if (kind == 0 && ec == errc::acquire_timeout)
                ++a.count.timeouts;
            else if (kind == 1 && ec == errc::already_acquired)
                ++a.count.refusals;
            else if (kind == 3 && ec == errc::already_acquired)
                ++a.count.tries_refused;
            else if (kind == 2 && ec == asio::error::operation_aborted)
                ++a.count.cancellations;
            else
                ++a.count.wrong_results;
            continue;
        }
        ++a.count.grants;
        enter(a, object, lk);
        if (random() % 2) {
            timer.expires_after(std::chrono::microseconds(random() % 200));
            const auto [why] = co_await timer.async_wait(lk.guard(tuple));
            if (why)
                ++a.count.guarded_aborts;
        } else {
            co_await asio::post(tuple);
        }
        if (lk.state() == lock_state::revoking)
            ++a.count.preemptions;
        leave(a, object);
        co_await let_go(a, std::move(lk), static_cast<unsigned>(random()));
    }
    ++a.count.finished;
}

/// Locks that expire, with a grace of zero, on a name of their own: they may overlap, but must end.
asio::awaitable<void> hasty_component(arena& a, unsigned seed, int rounds)
{
    std::mt19937 random(seed);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int round = 0; round < rounds; ++round) {
        auto [ec, lk] = co_await a.manager.async_acquire("hasty", "locker " + std::to_string(random() % 6),
                                                         {.priority = static_cast<int>(random() % 3),
                                                          .ttl = std::chrono::microseconds(1 + random() % 800),
                                                          .timeout = 2ms,
                                                          .grace = std::chrono::microseconds(random() % 2 * 100)},
                                                         tuple);
        if (ec) {
            if (ec != errc::acquire_timeout)
                ++a.count.wrong_results;
            continue;
        }
        switch (random() % 4) {
        case 0: {
            const auto [why] = co_await lk.async_wait(tuple);
            if (why == errc::expired)
                ++a.count.expiries;
            else if (why != asio::error::operation_aborted)
                ++a.count.wrong_results;
            break;
        }
        case 1: {
            timer.expires_after(1h); // nothing but the end of the lock ends it
            const auto [why] = co_await timer.async_wait(lk.guard(tuple));
            if (why != asio::error::operation_aborted)
                ++a.count.wrong_results;
            break;
        }
        case 2: co_await lk.async_extend(std::chrono::microseconds(500), tuple); break;
        default: break;
        }
        co_await let_go(a, std::move(lk), static_cast<unsigned>(random()));
    }
    ++a.count.finished;
}

/// Takes several objects at a time, in any order.
asio::awaitable<void> composite_component(arena& a, unsigned seed, int rounds)
{
    std::mt19937 random(seed);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto requests = [&] {
        std::vector<redlock::lock_request> all;
        const std::size_t first = random() % a.objects.size();
        const int priority = static_cast<int>(random() % 4);
        for (std::size_t i = 0; i < 2; ++i)
            all.push_back({arena::name_of((first + i) % a.objects.size()), {.priority = priority, .grace = 1h}});
        return all;
    };
    const auto objects_of = [&](const lock& lk) {
        std::vector<protected_object*> all;
        for (const lock& part : lk.parts())
            all.push_back(&a.objects[static_cast<std::size_t>(part.resource().back() - '0')]);
        return all;
    };
    for (int round = 0; round < rounds; ++round) {
        const unsigned kind = random() % 8;
        const redlock::duration timeout = kind == 0 ? std::chrono::microseconds(random() % 500) : redlock::infinite;
        if (kind < 4) {
            auto [ec, lk] = co_await redlock::async_acquire_all(
                a.manager, requests(), timeout,
                test::cancelled_after(kind == 1 ? std::chrono::microseconds(random() % 500) : 1h, tuple));
            if (ec) {
                if (kind == 0 && ec == errc::acquire_timeout)
                    ++a.count.timeouts;
                else if (kind == 1 && ec == asio::error::operation_aborted)
                    ++a.count.cancellations;
                else
                    ++a.count.wrong_results;
                continue;
            }
            ++a.count.composites;
            const auto objects = objects_of(lk);
            for (std::size_t i = 0; i < objects.size(); ++i)
                enter(a, *objects[i], lk.parts()[i]);
            timer.expires_after(std::chrono::microseconds(random() % 200));
            co_await timer.async_wait(lk.guard(tuple));
            if (lk.state() == lock_state::revoking)
                ++a.count.composites_preempted;
            for (protected_object* const each : objects)
                leave(a, *each);
            co_await let_go(a, std::move(lk), static_cast<unsigned>(random()));
            continue;
        }
        const auto [e, entered] = co_await redlock::async_with_lock(
            a.manager, requests(), redlock::infinite,
            [&](lock& lk) -> asio::awaitable<bool> {
                const auto objects = objects_of(lk);
                for (std::size_t i = 0; i < objects.size(); ++i)
                    enter(a, *objects[i], lk.parts()[i]);
                timer.expires_after(std::chrono::microseconds(random() % 200));
                co_await timer.async_wait(tuple);
                for (protected_object* const each : objects)
                    leave(a, *each);
                co_return true;
            },
            tuple);
        ++a.count.composites;
        if (e && entered)
            ++a.count.wrong_results;
    }
    ++a.count.finished;
}

/// Looks on.
asio::awaitable<void> observer(arena& a, const std::atomic<bool>& stop)
{
    while (!stop) {
        const auto [ec, all] = co_await a.manager.async_snapshot(tuple);
        for (const auto& each : all.resources)
            a.count.waiters_seen += static_cast<long>(each.waiters.size());
        co_await asio::post(tuple);
    }
}

BOOST_AUTO_TEST_SUITE(threads, *boost::unit_test::timeout(240))

BOOST_AUTO_TEST_CASE(I1_nobody_overlaps_on_a_thread_pool)
{
    constexpr int components = 32, hasty_components = 8, rounds = 60;
    arena a;
    std::atomic<bool> stop = false;
    std::atomic<int> running = components + hasty_components;
    const auto done = [&](std::exception_ptr e) {
        if (e)
            ++a.count.exceptions;
        if (--running == 0)
            stop = true;
    };
    asio::co_spawn(a.pool, observer(a, stop), [&](std::exception_ptr e) { a.count.exceptions += e ? 1 : 0; });
    for (unsigned i = 0; i < components; ++i)
        asio::co_spawn(asio::make_strand(a.pool), component(a, i, rounds), done);
    for (unsigned i = 0; i < hasty_components; ++i)
        asio::co_spawn(asio::make_strand(a.pool), hasty_component(a, 1000 + i, rounds), done);
    a.pool.join();

    BOOST_TEST(a.count.finished == components + hasty_components);
    BOOST_TEST(a.count.overlaps == 0);
    BOOST_TEST(a.count.falling_tokens == 0);
    BOOST_TEST(a.count.wrong_results == 0);
    BOOST_TEST(a.count.exceptions == 0);
    long entered = 0;
    for (const protected_object& each : a.objects) {
        entered += each.entered;
        BOOST_TEST(each.entered == each.left);
    }
    BOOST_TEST(entered == a.count.grants);
    // Without these the test would have shown nothing.
    BOOST_TEST(a.count.grants > 100);
    BOOST_TEST(a.count.waiters_seen > 0, "no contention");
    BOOST_TEST(a.count.preemptions > 0, "no preemption");
    BOOST_TEST(a.count.guarded_aborts > 0, "no guarded operation was cancelled");
    BOOST_TEST((a.count.cancellations > 0 || !TEST_HAS_CANCEL_AFTER), "no cancellation");
    BOOST_TEST(a.count.timeouts > 0, "no timeout");
    BOOST_TEST(a.count.refusals > 0, "no refusal");
    BOOST_TEST(a.count.expiries > 0, "no expiry");
}

// Without an executor: each on the thread that asks. The others wait in the queue meanwhile.
BOOST_AUTO_TEST_CASE(I1_those_who_only_try_exclude_each_other_and_those_who_wait)
{
    constexpr int threads = 3, waiting_components = 4, rounds = 40;
    arena a;
    lock held = a.manager.try_acquire(arena::name_of(0));
    BOOST_TEST_REQUIRE(held.is_held());
    std::atomic<int> running = waiting_components;
    for (unsigned i = 0; i < waiting_components; ++i)
        asio::co_spawn(asio::make_strand(a.pool), component(a, i, rounds), [&](std::exception_ptr e) {
            a.count.exceptions += e ? 1 : 0;
            --running;
        });
    std::vector<std::thread> trying;
    for (unsigned i = 0; i < threads; ++i)
        trying.emplace_back([&a, &running, i] {
            for (std::size_t n = i; running != 0; ++n) {
                const std::size_t which = n % a.objects.size();
                error_code ec;
                const lock lk = a.manager.try_acquire(arena::name_of(which), {.priority = 9, .grace = 1h}, ec);
                if (ec) {
                    ++(ec == errc::already_acquired ? a.count.tries_refused : a.count.wrong_results);
                    continue;
                }
                ++a.count.tries_granted;
                ++a.count.grants;
                enter(a, a.objects[which], lk);
                leave(a, a.objects[which]);
            }
        });
    while (a.count.tries_refused == 0 || a.count.tries_granted == 0)
        std::this_thread::yield();
    held.release();
    for (std::thread& each : trying)
        each.join();
    a.pool.join();
    BOOST_TEST(a.count.overlaps == 0);
    BOOST_TEST(a.count.falling_tokens == 0);
    BOOST_TEST(a.count.wrong_results == 0);
    BOOST_TEST(a.count.exceptions == 0);
    long entered = 0;
    for (const protected_object& each : a.objects)
        entered += each.entered;
    BOOST_TEST(entered == a.count.grants);
}

BOOST_AUTO_TEST_CASE(I1_composites_exclude_each_other_and_single_locks)
{
    constexpr int components = 8, composite_components = 16, rounds = 60;
    arena a;
    const auto done = [&](std::exception_ptr e) { a.count.exceptions += e ? 1 : 0; };
    for (unsigned i = 0; i < components; ++i)
        asio::co_spawn(asio::make_strand(a.pool), component(a, i, rounds), done);
    for (unsigned i = 0; i < composite_components; ++i)
        asio::co_spawn(asio::make_strand(a.pool), composite_component(a, 100 + i, rounds), done);
    a.pool.join();

    BOOST_TEST(a.count.finished == components + composite_components);
    BOOST_TEST(a.count.overlaps == 0);
    BOOST_TEST(a.count.falling_tokens == 0);
    BOOST_TEST(a.count.wrong_results == 0);
    BOOST_TEST(a.count.exceptions == 0);
    for (const protected_object& each : a.objects)
        BOOST_TEST(each.entered == each.left);
    BOOST_TEST(a.count.composites > 100);
    BOOST_TEST(a.count.composites_preempted > 0, "no composite was preempted");
    BOOST_TEST((a.count.cancellations > 0 || !TEST_HAS_CANCEL_AFTER), "no cancellation");
    BOOST_TEST(a.count.timeouts > 0, "no timeout");
}

BOOST_AUTO_TEST_CASE(composites_end_while_their_manager_goes)
{
    asio::thread_pool pool(4);
    std::atomic<long> started = 0, completed = 0, wrong = 0;
    for (unsigned round = 0; round < 100; ++round) {
        auto manager = std::make_unique<lock_manager>(pool, redlock::manager_options{.shards = 4});
        std::atomic<int> granted = 0;
        for (unsigned i = 0; i < 12; ++i) {
            ++started;
            const int priority = static_cast<int>(i % 4);
            redlock::async_acquire_all(
                *manager,
                {{"r" + std::to_string(i % 3), {.priority = priority, .ttl = i % 2 ? 1h : 500us, .grace = 0s}},
                 {"r" + std::to_string(i % 5), {.priority = priority, .grace = 0s}},
                 {"s", {.priority = priority, .grace = 100us}}},
                redlock::infinite, [&, i](error_code ec, lock lk) {
                    if (!ec) {
                        ++granted;
                        auto shared = std::make_shared<lock>(std::move(lk));
                        started += 2;
                        shared->async_wait([&, shared](error_code) { ++completed; });
                        asio::post(pool, [&, shared, i] {
                            static_cast<void>(shared->is_held() ? shared->priority()
                                                                : shared->state() != lock_state::held);
                            if (i % 3)
                                shared->release();
                            else
                                shared->async_extend(200us, [](error_code) {});
                            ++completed;
                        });
                    } else if (ec != asio::error::operation_aborted) {
                        ++wrong;
                    }
                    ++completed;
                });
        }
        while (granted < static_cast<int>(round % 4))
            std::this_thread::yield();
        if (round % 3 == 0)
            manager->cancel();
        manager.reset();
        while (completed != started) // the handlers refer to this round
            std::this_thread::yield();
    }
    pool.join();
    BOOST_TEST(completed == started);
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(managers_are_destroyed_while_their_locks_are_used)
{
    totals count;
    std::atomic<long> started = 0, completed = 0;
    asio::thread_pool pool(4);
    for (unsigned round = 0; round < 150; ++round) {
        auto manager = std::make_unique<lock_manager>(pool, redlock::manager_options{.shards = 2});
        std::atomic<int> granted = 0;
        // Each lock goes its own way with handlers on several threads; the manager goes at any moment.
        for (unsigned i = 0; i < 12; ++i) {
            ++started;
            manager->async_acquire(
                "r" + std::to_string(i % 5),
                {.priority = static_cast<int>(i % 3), .ttl = i % 2 ? 1h : 300us * (i + 1), .grace = 0s},
                [&, i](error_code ec, lock lk) {
                    if (ec) {
                        if (ec != asio::error::operation_aborted)
                            ++count.wrong_results;
                        ++completed;
                        return;
                    }
                    ++granted;
                    auto shared = std::make_shared<lock>(std::move(lk));
                    started += 2;
                    shared->async_wait([&, shared](error_code) { ++completed; });
                    const auto strand = asio::make_strand(pool);
                    asio::post(strand,
                               [&, shared, strand] { // where a guarded operation is cancelled it must be started
                                   auto timer = std::make_shared<asio::steady_timer>(strand, 1h);
                                   timer->async_wait(shared->guard(
                                       asio::bind_executor(strand, [&, timer, shared](error_code) { ++completed; })));
                               });
                    asio::post(pool, [shared] { static_cast<void>(shared->is_held()); });
                    if (i % 3 == 0)
                        shared->async_extend(200us, [](error_code) {});
                    else
                        asio::post(pool, [shared] { shared->release(); });
                    ++completed;
                });
        }
        while (granted < static_cast<int>(round % 5))
            std::this_thread::yield();
        manager.reset();
        while (completed != started) // the handlers refer to this round
            std::this_thread::yield();
    }
    pool.join();
    BOOST_TEST(completed == started);
    BOOST_TEST(count.wrong_results == 0);
}

// The thread that asked may still be on its way back from the manager.
BOOST_AUTO_TEST_CASE(the_completion_of_an_acquire_destroys_the_manager)
{
    asio::thread_pool pool(2);
    std::atomic<long> wrong = 0;
    for (unsigned round = 0; round < 1000; ++round) {
        auto manager = std::make_unique<lock_manager>(pool, redlock::manager_options{.shards = 1});
        lock held = manager->async_acquire("r", {}, asio::use_future).get();
        std::atomic<bool> go = false, done = false;
        asio::post(pool, [&] {
            while (!go) {
            }
            held.release();
        });
        go = true;
        manager->async_acquire("r", {}, [&](error_code ec, lock lk) {
            if (ec || !lk.is_held())
                ++wrong;
            manager.reset();
            if (!lk.is_held()) // locks outlive their manager
                ++wrong;
            done = true;
        });
        while (!done)
            std::this_thread::yield();
    }
    pool.join();
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(handles_are_released_on_foreign_threads)
{
    asio::thread_pool pool(2);
    std::atomic<long> notified = 0;
    long expected = 0;
    for (unsigned round = 0; round < 40; ++round) {
        auto manager = std::make_unique<lock_manager>(pool, redlock::manager_options{.shards = 1});
        std::mutex mutex;
        std::vector<lock> locks;
        std::atomic<int> granted = 0;
        for (unsigned i = 0; i < 64; ++i) {
            ++expected;
            manager->async_acquire("r" + std::to_string(i), {.ttl = i % 2 ? 1h : 2ms}, [&](error_code, lock lk) {
                lk.async_wait([&](error_code) { ++notified; });
                {
                    const std::lock_guard guard(mutex);
                    locks.push_back(std::move(lk));
                }
                ++granted;
            });
        }
        while (granted != 64)
            std::this_thread::yield();
        std::vector<std::thread> foreign;
        for (unsigned t = 0; t < 4; ++t)
            foreign.emplace_back([&locks, t] {
                for (std::size_t i = t; i < locks.size(); i += 4) {
                    if (i % 3 == 0)
                        locks[i].release();
                    else
                        locks[i] = lock();
                }
            });
        manager.reset();
        for (std::thread& each : foreign)
            each.join();
        locks.clear();
    }
    pool.join(); // returns: no timer is left
    BOOST_TEST(notified == expected);
}

// The same context is run and stopped by several threads while locks are taken and let go.
BOOST_AUTO_TEST_CASE(cancellation_races_the_grant)
{
    asio::thread_pool pool(4);
    std::atomic<long> granted = 0, cancelled = 0, other = 0, completed = 0;
    lock_manager manager(pool);
    constexpr long rounds = 2000;
    for (long round = 0; round < rounds; ++round) {
        auto strand = asio::make_strand(pool);
        auto signal = std::make_shared<asio::cancellation_signal>();
        asio::post(strand, [&, strand, signal, round] {
            manager.async_acquire("r", {},
                                  asio::bind_cancellation_slot(
                                      signal->slot(), asio::bind_executor(strand, [&, signal](error_code ec, lock lk) {
                                          if (!ec && lk.is_held())
                                              ++granted;
                                          else if (ec == asio::error::operation_aborted && !lk.is_held())
                                              ++cancelled;
                                          else
                                              ++other;
                                          ++completed;
                                      })));
            if (round % 2)
                asio::post(strand, [signal] { signal->emit(asio::cancellation_type::total); });
        });
    }
    pool.join();
    BOOST_TEST(completed == rounds);
    BOOST_TEST(other == 0);
    BOOST_TEST(granted > 0);
    BOOST_TEST(cancelled > 0, "no cancellation");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
