// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <concepts>
#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

// Managers over every kind of executor; how they are made, moved and rebound. With the real clock.

namespace {

using namespace test;

template <class Manager, class Executor>
constexpr bool default_token_is_awaitable = requires(Manager m) {
    { m.async_snapshot() } -> std::same_as<asio::awaitable<redlock::snapshot, Executor>>;
};

/// Hand-over, preemption and a wait.
template <class Manager>
asio::awaitable<bool> exercise(Manager& manager)
{
    lock low = co_await manager.async_acquire("r", "low", {.ttl = 1h}, asio::use_awaitable);
    bool good = low.is_held();
    bool told = false;
    low.async_wait([&](error_code ec) {
        told = ec == aborted;
        low.release();
    });
    lock high = co_await manager.async_acquire("r", "high", {.priority = 1}, asio::use_awaitable);
    good = good && told && high.is_held();
    co_await high.async_release(asio::use_awaitable);
    const auto rest = co_await manager.async_snapshot(asio::use_awaitable);
    co_return good&& rest.resources.empty();
}

template <class Manager, class... Options>
void check(asio::io_context& context, const typename Manager::executor_type& ex, const Options&... options)
{
    Manager manager(ex, options...);
    BOOST_TEST((manager.get_executor() == ex));
    bool good = false;
    asio::co_spawn(ex, exercise(manager), [&](std::exception_ptr e, bool result) { good = !e && result; });
    context.restart();
    context.run(); // returns: the timer of the ttl goes with the lock
    BOOST_TEST(good);
}

BOOST_AUTO_TEST_SUITE(managers, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(over_the_executor_of_an_io_context)
{
    asio::io_context context;
    check<redlock::basic_lock_manager<asio::io_context::executor_type>>(context, context.get_executor());
}

BOOST_AUTO_TEST_CASE(over_any_io_executor)
{
    asio::io_context context;
    check<lock_manager>(context, context.get_executor());
    check<lock_manager>(context, context.get_executor(), redlock::single_threaded);
    check<lock_manager>(context, context.get_executor(), redlock::manager_options{.shards = 3, .idle_resources = 0});
    check<lock_manager>(context, context.get_executor(), redlock::single_threaded,
                        redlock::manager_options{.shards = 2, .idle_resources = 1});
}

BOOST_AUTO_TEST_CASE(over_a_strand)
{
    asio::io_context context;
    check<redlock::basic_lock_manager<asio::strand<asio::io_context::executor_type>>>(context,
                                                                                      asio::make_strand(context));
    check<lock_manager>(context, asio::make_strand(context));
}

BOOST_AUTO_TEST_CASE(over_a_strand_of_any_io_executor)
{
    asio::io_context context;
    const auto strand = asio::make_strand(asio::any_io_executor(context.get_executor()));
    check<redlock::basic_lock_manager<asio::strand<asio::any_io_executor>>>(context, strand);

    lock_manager manager(context);
    bool told = false, granted = false;
    manager.async_acquire(
        "r", "a", {}, asio::bind_executor(strand, [&](error_code, lock lk) {
            manager.async_acquire("r", "b", {}, asio::bind_executor(strand, [&](error_code, lock) {
                                      granted = strand.running_in_this_thread();
                                  }));
            lk.async_wait(asio::bind_executor(strand, [&](error_code) { told = strand.running_in_this_thread(); }));
        }));
    context.restart();
    context.run();
    BOOST_TEST(told);
    BOOST_TEST(granted);
}

BOOST_AUTO_TEST_CASE(over_a_thread_pool)
{
    asio::thread_pool pool(2);
    redlock::basic_lock_manager<asio::thread_pool::executor_type> manager(pool);
    lock_manager erased(pool);
    BOOST_TEST(asio::co_spawn(pool, exercise(manager), asio::use_future).get());
    BOOST_TEST(asio::co_spawn(pool, exercise(erased), asio::use_future).get());
    pool.join(); // the manager is destroyed before the pool
}

BOOST_AUTO_TEST_CASE(from_an_execution_context)
{
    asio::io_context context;
    lock_manager plain(context);
    lock_manager single(context, redlock::single_threaded);
    lock_manager with_options(context, redlock::manager_options{.shards = 1});
    BOOST_TEST((plain.get_executor() == context.get_executor()));
    BOOST_TEST((single.get_executor() == plain.get_executor()));
}

BOOST_AUTO_TEST_CASE(options_outside_their_domain_throw)
{
    asio::io_context context;
    BOOST_CHECK_EXCEPTION(
        lock_manager(context, redlock::manager_options{.shards = 1025}), std::invalid_argument,
        [](const std::invalid_argument& e) { return std::string(e.what()).find("shards") != std::string::npos; });
    BOOST_CHECK_NO_THROW(lock_manager(context, redlock::manager_options{.shards = 1024}));
    for (const std::size_t bad : {(std::size_t{1} << 24) + 1, std::numeric_limits<std::size_t>::max() / 2})
        BOOST_CHECK_EXCEPTION(lock_manager(context, redlock::manager_options{.idle_resources = bad}),
                              std::invalid_argument, [](const std::invalid_argument& e) {
                                  return std::string(e.what()).find("idle_resources") != std::string::npos;
                              });
    BOOST_CHECK_NO_THROW(lock_manager(context, redlock::manager_options{.idle_resources = std::size_t{1} << 24}));
    for (const redlock::duration bad : {redlock::duration(-1s), redlock::duration(0s), redlock::duration(999us)})
        BOOST_CHECK_EXCEPTION(lock_manager(context, redlock::manager_options{.overrun_after = bad}),
                              std::invalid_argument, [](const std::invalid_argument& e) {
                                  return std::string(e.what()).find("overrun_after") != std::string::npos;
                              });
    const auto names_ageing = [](const std::invalid_argument& e) {
        return std::string(e.what()).find("manager_options::ageing") != std::string::npos;
    };
    for (const redlock::duration interval :
         {redlock::duration(-1s), redlock::duration(0), redlock::duration(1ms - 1ns)})
        BOOST_CHECK_EXCEPTION(lock_manager(context, redlock::manager_options{.ageing = interval}),
                              std::invalid_argument, names_ageing);
    BOOST_CHECK_NO_THROW(lock_manager(context, redlock::manager_options{.ageing = 1ms}));
    for (const redlock::manager_options& none :
         {redlock::manager_options{.max_waiters_per_resource = 0}, redlock::manager_options{.max_waiters = 0}})
        BOOST_CHECK_EXCEPTION(lock_manager(context, none), std::invalid_argument, [](const std::invalid_argument& e) {
            return std::string(e.what()).find("max_waiters") != std::string::npos;
        });
    for (const acquire_options& bad :
         {acquire_options{.ttl = 0s}, acquire_options{.timeout = -1s}, acquire_options{.max_attempts = 0}})
        BOOST_CHECK_EXCEPTION(
            lock_manager(context, redlock::manager_options{.defaults = bad}), std::invalid_argument,
            [](const std::invalid_argument& e) { return std::string(e.what()).find("defaults") != std::string::npos; });
    const auto store = std::make_shared<redlock::testing::memory_protocol>(context.get_executor());
    BOOST_CHECK_EXCEPTION(lock_manager(context, store, redlock::manager_options{.ageing = 1s}), std::invalid_argument,
                          names_ageing);
    BOOST_CHECK_EXCEPTION(lock_manager(context, store, redlock::manager_options{.detect_deadlocks = true}),
                          std::invalid_argument, [](const std::invalid_argument& e) {
                              return std::string(e.what()).find("detect_deadlocks") != std::string::npos;
                          });
    BOOST_CHECK_EXCEPTION(lock_manager(context, store, redlock::manager_options{.shards = 1025}), std::invalid_argument,
                          [](const std::invalid_argument&) { return true; });
    BOOST_TEST(context.poll() == 0u);
}

BOOST_AUTO_TEST_CASE(another_default_token)
{
    using manager_type = asio::use_awaitable_t<>::as_default_on_t<lock_manager>;
    static_assert(default_token_is_awaitable<asio::use_awaitable_t<asio::io_context::executor_type>::as_default_on_t<
                                                 redlock::basic_lock_manager<asio::io_context::executor_type>>,
                                             asio::io_context::executor_type>);
    static_assert(default_token_is_awaitable<manager_type, asio::any_io_executor>);
    asio::io_context context;
    manager_type manager(context);
    bool done = false;
    const auto body = [&]() -> asio::awaitable<void> {
        lock lk = co_await manager.async_acquire("r", "a");
        lock other = co_await manager.async_acquire("s");
        done = lk.is_held() && other.is_held();
    };
    asio::co_spawn(context, body(), asio::detached);
    context.run();
    BOOST_TEST(done);
}

MANAGER_TEST_CASE(a_token_may_follow_the_names)
{
    acquired first, second;
    f.manager->async_acquire("r", "a", record(first));
    f.manager->async_acquire(std::string("s"), record(second));
    f.poll();
    CHECK_COMPLETED(first, success);
    CHECK_COMPLETED(second, success);
    BOOST_TEST(f.get("r", "a").is_held()); // re-entrant
    BOOST_TEST(second.lk.resource() == "s");
    static_assert(std::same_as<asio::awaitable<lock>, decltype(f.manager->async_acquire("r", asio::use_awaitable))>);
    static_assert(
        std::same_as<asio::awaitable<lock>, decltype(f.manager->async_acquire("r", "a", asio::use_awaitable))>);
}

BOOST_AUTO_TEST_CASE(two_managers_do_not_see_each_other)
{
    test::locks f(manager_kind::thread_safe), g(manager_kind::thread_safe);
    lock a = f.get("r", "a");
    lock b = g.get("r", "b");
    BOOST_TEST(a.is_held());
    BOOST_TEST(b.is_held());
}

MANAGER_TEST_CASE(a_manager_is_moved_with_its_waits)
{
    lock held = f.get("r", "a");
    acquired waiting;
    f.acquire(waiting, "r", "b");
    lock_manager moved(std::move(*f.manager));
    f.poll();
    CHECK_PENDING(waiting);
    held.release();
    f.poll();
    CHECK_COMPLETED(waiting, success);
    acquired next;
    moved.async_acquire("r", "c", {}, record(next));
    f.poll();
    CHECK_PENDING(next);
    *f.manager = std::move(moved);
    f.poll();
    CHECK_PENDING(next);
    waiting.lk.release();
    f.poll();
    CHECK_COMPLETED(next, success);
}

BOOST_AUTO_TEST_CASE(waiters_are_limited_for_a_resource_and_in_all)
{
    asio::io_context context;
    const auto store = std::make_shared<redlock::testing::memory_protocol>(context.get_executor());
    const redlock::manager_options options{.max_waiters_per_resource = 2, .max_waiters = 3};
    lock_manager in_memory(context, options), over_a_protocol(context, store, options);
    for (lock_manager* const manager : {&in_memory, &over_a_protocol}) {
        std::deque<acquired> all;
        const auto acquire = [&](const char* resource, int priority) -> acquired& {
            manager->async_acquire(resource, acquire_options{.priority = priority}, record(all.emplace_back()));
            poll(context);
            return all.back();
        };
        const acquired& held = acquire("r", 5);
        BOOST_TEST(held.lk.is_held());
        const acquired& other = acquire("s", 5);
        BOOST_TEST(other.lk.is_held());
        const acquired& first = acquire("r", 1);
        const acquired& last = acquire("r", 0);
        CHECK_COMPLETED(acquire("r", 0), errc::queue_full);
        const acquired& higher = acquire("r", 2);
        CHECK_COMPLETED(last, errc::queue_full);
        BOOST_TEST((last.ec == redlock::condition::busy));
        const acquired& third = acquire("s", 0);
        CHECK_COMPLETED(acquire("s", 0), errc::queue_full);
        CHECK_PENDING(first);
        CHECK_PENDING(higher);
        CHECK_PENDING(third);
        manager->cancel();
        poll(context);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
