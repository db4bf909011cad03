// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "memory/every_token.hpp"
#include "memory/protocol_world.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// I3, T43: two managers over a protocol, with every allocation failing in turn: those of the managers, of their users,
// of the store, and of the network before it.

namespace {

using namespace test;
using handler = attempt::handler;

lock_manager& other(attempt& a)
{
    return static_cast<protocol_world&>(a.world).other();
}

/// Of the second manager.
void acquire_there(attempt& a, const char* resource, const char* locker, const acquire_options& options = {})
{
    a.start([&](handler h) { other(a).async_acquire(resource, locker, options, cancellable(std::move(h))); });
}

/// Without and with a network between.
template <class Scene>
void sweep(Scene play)
{
    for (const bool over_network : {false, true})
        BOOST_TEST_CONTEXT((over_network ? "over a network" : "over a protocol that answers at once"))
        {
            sweep_memory([&] { return std::make_unique<protocol_world>(over_network); }, play);
        }
}

BOOST_AUTO_TEST_SUITE(memory_over_protocol, *boost::unit_test::timeout(500))

BOOST_AUTO_TEST_CASE(I3_T43_hand_over_between_managers)
{
    sweep([](attempt& a) {
        a.acquire("r", "a");
        a.advance(1s);
        acquire_there(a, "r", "b", {.ttl = 1h});
        a.acquire("r", "c");
        a.advance(1s);
        a.release_all();
        a.advance(1s);
        a.release_all();
        a.advance(3s);
        a.release_all();
        a.advance(3s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_hand_shakes_between_managers)
{
    for (const auto grace : {0s, 1s})
        sweep([grace](attempt& a) {
            a.acquire("r", "low", {.grace = grace});
            a.advance(1s);
            for (lock& each : a.locks)
                a.start([&](handler h) { each.async_wait(cancellable(std::move(h))); });
            acquire_there(a, "r", "high", {.priority = 1});
            a.acquire("r", "higher", {.priority = 2});
            a.advance(5s);
            a.release_all();
            a.advance(3s);
        });
}

BOOST_AUTO_TEST_CASE(I3_T43_a_lock_is_released_and_its_owner_told)
{
    sweep([](attempt& a) {
        a.acquire("r", "a");
        a.acquire("r", "a");
        a.acquire("s", "a");
        acquire_there(a, "s", "b");
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_release(cancellable(std::move(h))); });
        a.advance(4s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_release(std::move(h)); });
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_renewals_extensions_and_rising_priorities)
{
    sweep([](attempt& a) {
        a.acquire("r", "a", {.ttl = 9s, .auto_extend = true, .max_hold = 1h});
        a.acquire("s", "a", {.ttl = 20s});
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_extend(20s, std::move(h)); });
        a.acquire("s", "a", {.priority = 3}); // raises it
        a.advance(4s);
        acquire_there(a, "s", "b", {.priority = 2, .timeout = 5s});
        for (int i = 0; i < 4; ++i)
            a.advance(4s);
        a.start([&](handler h) {
            a.locks.empty() ? other(a).async_acquire("t", std::move(h)) : a.locks[0].async_extend(5s, std::move(h));
        });
        a.advance(4s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_extend(1s, std::move(h)); });
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_ttls_end_in_time)
{
    sweep([](attempt& a) {
        a.acquire("r", "a", {.ttl = 5s});
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_wait(cancellable(std::move(h))); });
        acquire_there(a, "r", "b", {.ttl = 5s});
        a.acquire("r", "c");
        a.advance(8s);
        a.advance(8s);
        a.advance(8s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_waits_that_are_given_up)
{
    sweep([](attempt& a) {
        a.acquire("r", "a", {.priority = 1});
        a.advance(1s);
        auto& cancelled = a.start([&](handler h) { other(a).async_acquire("r", "b", cancellable(std::move(h))); });
        acquire_there(a, "r", "c", {.timeout = 2s});
        acquire_there(a, "r", "d", {.timeout = 0s});
        acquire_there(a, "r", "e", {.max_attempts = 1});
        acquire_there(a, "r", "f", {.priority = 2, .max_attempts = 3});
        a.acquire("r", "g", {.preempt = false});
        a.advance(1s);
        cancelled.signal.emit(asio::cancellation_type::total);
        a.advance(4s);
        other(a).cancel();
        a.world.manager().cancel();
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_a_manager_goes_while_its_locks_live)
{
    sweep([](attempt& a) {
        std::optional<lock_manager> third;
        try {
            third.emplace(redlock::testing::make_manager(a.world.context().get_executor(),
                                                         static_cast<protocol_world&>(a.world).store()));
        } catch (const std::bad_alloc&) {
            return;
        }
        a.start([&](handler h) { third->async_acquire("r", "a", {.ttl = 1h}, std::move(h)); });
        a.advance(1s);
        a.acquire("r", "b");
        a.start([&](handler h) { third->async_acquire("r", "c", std::move(h)); });
        a.advance(1s);
        third.reset();
        a.advance(1s);
        a.release_all();
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_several_locks_as_one)
{
    sweep([](attempt& a) {
        acquire_there(a, "s", "b", {.ttl = 6s});
        a.advance(1s);
        a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), {{"r"}, {"s", {.ttl = 50s}}, {"t"}}, 1h,
                                       cancellable(std::move(h)));
        });
        a.advance(8s);
        acquire_there(a, "t", "b", {.priority = 1});
        a.advance(4s);
        a.release_all();
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_the_owner_of_several_locks_is_told)
{
    sweep([](attempt& a) {
        a.start([&](handler h) { redlock::async_acquire_all(a.world.manager(), {{"r"}, {"s"}}, 1h, std::move(h)); });
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_extend(20s, std::move(h)); });
        a.advance(8s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_release(std::move(h)); });
        a.advance(8s);
        for (lock& each : a.locks) {
            a.start([&](handler h) { each.async_extend(20s, std::move(h)); });
            a.start([&](handler h) { each.async_release(std::move(h)); });
        }
        a.advance(8s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_guards)
{
    sweep([](attempt& a) {
        std::vector<asio::basic_waitable_timer<manual_clock>> timers;
        {
            const heap::pause own;
            for (int i = 0; i < 3; ++i)
                timers.emplace_back(a.world.context(), 20h);
        }
        a.acquire("r", "low");
        a.advance(1s);
        if (a.locks.empty())
            return;
        a.start([&](handler h) { timers[0].async_wait(a.locks[0].guard(std::move(h))); });
        a.start([&](handler h) { timers[1].async_wait(a.locks[0].guard(cancellable(std::move(h)))); });
        auto& cancelled =
            a.start([&](handler h) { timers[2].async_wait(a.locks[0].guard(cancellable(std::move(h)))); });
        cancelled.signal.emit(asio::cancellation_type::terminal);
        a.advance(1s);
        acquire_there(a, "r", "high", {.priority = 1});
        a.advance(4s);
        a.start([&](handler h) { timers[0].async_wait(a.locks[0].guard(std::move(h))); });
        a.advance(1s);
    });
}

/// Every operation that may wait for the store, with one kind of token.
template <class Token>
void sweep_token()
{
    const auto world = [] { return std::make_unique<protocol_world>(false); };
    const auto play = [](attempt& a) {
        const auto start = [&a](auto operation) {
            a.start([&](handler h) { Token()(a.world.context(), std::move(operation), std::move(h)); });
        };
        lock_manager& manager = a.world.manager();
        a.acquire("r", "a");
        a.acquire("s", "a", {.ttl = 1h});
        a.advance(1s);
        start([&](auto&& t) { return manager.async_acquire("t", {.ttl = 1h}, std::forward<decltype(t)>(t)); });
        start([&](auto&& t) { return manager.async_acquire("r", "a", {}, std::forward<decltype(t)>(t)); });
        start([&](auto&& t) { return other(a).async_acquire("r", "b", {}, std::forward<decltype(t)>(t)); });
        start([&](auto&& t) {
            return redlock::async_acquire_all(other(a), {{"s"}, {"t"}}, 1h, std::forward<decltype(t)>(t));
        });
        a.advance(4s);
        for (lock& each : a.locks) {
            start([&](auto&& t) { return each.async_wait(std::forward<decltype(t)>(t)); });
            start([&](auto&& t) { return each.async_extend(2h, std::forward<decltype(t)>(t)); });
        }
        start([&](auto&& t) { return manager.async_snapshot(std::forward<decltype(t)>(t)); });
        a.advance(4s);
        for (lock& each : a.locks)
            start([&](auto&& t) { return each.async_release(std::forward<decltype(t)>(t)); });
        a.advance(8s);
    };
    sweep_memory(world, play, {.reach = Token::reach, .may_be = Token::may_be});
}

BOOST_AUTO_TEST_CASE(I3_T43_callbacks)
{
    sweep_token<plain>();
    sweep_token<with_slot>();
    sweep_token<deferred>();
}

BOOST_AUTO_TEST_CASE(I3_I4_T43_allocators)
{
    sweep_token<with_allocator>();
}

BOOST_AUTO_TEST_CASE(I3_I4_T43_executors)
{
    sweep_token<with_executor>();
    sweep_token<with_immediate_executor>();
    sweep_token<with_strand>();
}

BOOST_AUTO_TEST_CASE(I3_T43_futures_coroutines_and_erased_handlers)
{
    sweep_token<future>();
    sweep_token<coroutine>();
    sweep_token<erased>();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
