// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/memory_sweep.hpp"
#include "memory/protocol_world.hpp"

#include <priority_redlock/combine.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <utility>

// I3: work under locks, async_with_lock and the transactions of `synchronized`, at every allocation of which memory
// runs out.

namespace {

using namespace test;
using handler = attempt::handler;
using timer_type = asio::basic_waitable_timer<manual_clock>;
using redlock::synchronized;
using redlock::transaction_context;

/// Work that takes an hour if it is not cancelled. An error that Asio itself throws into a coroutine would end the
/// program, without memory.
struct worker
{
    explicit worker(attempt& a) : timer(a.world.context()) {}

    asio::awaitable<void> work()
    {
        timer.expires_after(1h);
        if (const auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable)); ec)
            throw boost::system::system_error(ec);
    }

    timer_type timer;
};

asio::awaitable<int> transaction(worker& w, transaction_context& context)
{
    co_await context.checkpoint();
    w.timer.expires_after(1h);
    co_await context.step(w.timer.async_wait(asio::as_tuple(asio::deferred)));
    co_return 1;
}

/// In memory and over a protocol. With the memory that Asio keeps for reuse: without that its strands end the program,
/// see asio.cpp.
template <class Scene>
void sweep_runs(Scene play)
{
    const sweep_options options{.reach = heap::reach::operators, .may_be = asio_losses::of_others};
    sweep_in_memory(play, {}, options);
    BOOST_TEST_CONTEXT("over a protocol")
    {
        sweep_memory([] { return std::make_unique<protocol_world>(false); }, play, options);
    }
}

// All of these make strands.
BOOST_AUTO_TEST_SUITE(memory_of_runs, *boost::unit_test::timeout(120) * boost::unit_test::enable_if<strands_survive>())

BOOST_AUTO_TEST_CASE(I3_operations_with_a_lock)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        a.start([&](handler h) {
            redlock::async_with_lock(
                a.world.manager(), "r", {}, [&w](lock&) { return w.timer.async_wait(asio::deferred); },
                cancellable(std::move(h)));
        });
        a.poll();
        a.acquire("r", "thief", {.priority = 1});
        a.poll();
        a.advance(2h);
    });
}

BOOST_AUTO_TEST_CASE(I3_coroutines_with_a_lock)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        a.start([&](handler h) {
            redlock::async_with_lock(
                a.world.manager(), "r", {}, [&w](lock&) { return w.work(); }, cancellable(std::move(h)));
        });
        a.poll();
        a.acquire("r", "thief", {.priority = 1});
        a.poll();
        a.advance(2h);
    });
}

BOOST_AUTO_TEST_CASE(I3_cancelled_work_with_locks)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        auto& run = a.start([&](handler h) {
            redlock::async_with_lock(
                a.world.manager(), {{"r"}, {"s"}}, 1h, [&w](lock&) { return w.work(); }, cancellable(std::move(h)));
        });
        auto& next = a.start([&](handler h) {
            redlock::async_with_lock(
                a.world.manager(), "r", {}, [&w](lock&) { return w.work(); }, cancellable(std::move(h)));
        });
        a.poll();
        next.signal.emit(asio::cancellation_type::terminal);
        run.signal.emit(asio::cancellation_type::terminal);
        a.poll();
        a.advance(2h);
    });
}

BOOST_AUTO_TEST_CASE(I3_transactions)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        a.start([&](handler h) {
            synchronized(a.world.manager(), "r", w).async_run(transaction, cancellable(std::move(h)));
        });
        a.poll();
        a.advance(2h);
        a.advance(2h);
    });
}

BOOST_AUTO_TEST_CASE(I3_transactions_that_restart)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        a.start([&](handler h) {
            synchronized(a.world.manager(), "r", w)
                .async_run(transaction, redlock::always_restart, cancellable(std::move(h)));
        });
        a.poll();
        a.acquire("r", "thief", {.priority = 1});
        a.poll();
        a.release_all();
        a.advance(2h);
        a.advance(2h);
    });
}

BOOST_AUTO_TEST_CASE(I3_transactions_that_resume)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        a.start([&](handler h) {
            synchronized(a.world.manager(), "r", w)
                .async_run(transaction, redlock::always_resume, cancellable(std::move(h)));
        });
        a.poll();
        a.acquire("r", "thief", {.priority = 1, .ttl = 2h});
        a.poll();
        a.advance(90min);
        a.advance(1h);
        a.release_all();
        a.advance(1h);
    });
}

BOOST_AUTO_TEST_CASE(I3_transactions_that_are_replaced)
{
    sweep_runs([](attempt& a) {
        worker& w = a.make<worker>(a);
        a.start([&](handler h) {
            synchronized(a.world.manager(), "r", w)
                .async_run(
                    transaction,
                    [&w](error_code) -> asio::awaitable<redlock::recovery<int, worker>> {
                        w.timer.expires_after(1s);
                        co_await w.timer.async_wait(asio::as_tuple(asio::use_awaitable));
                        co_return redlock::replace(transaction);
                    },
                    cancellable(std::move(h)));
        });
        a.poll();
        a.acquire("r", "thief", {.priority = 1});
        a.poll();
        a.release_all();
        a.advance(2s);
        a.advance(2h);
    });
}

BOOST_AUTO_TEST_CASE(I3_transactions_that_are_cancelled)
{
    sweep_runs([](attempt& a) {
        worker &w = a.make<worker>(a), &other = a.make<worker>(a);
        auto& run = a.start([&](handler h) {
            redlock::combine(synchronized(a.world.manager(), "r", w), synchronized(a.world.manager(), "s", other))
                .async_run([](worker& first, worker&, transaction_context& c) { return transaction(first, c); },
                           cancellable(std::move(h)));
        });
        a.poll();
        auto& next = a.start([&](handler h) {
            synchronized(a.world.manager(), "r", w).async_run(transaction, cancellable(std::move(h)));
        });
        a.poll();
        next.signal.emit(asio::cancellation_type::terminal);
        a.poll();
        run.signal.emit(asio::cancellation_type::terminal);
        a.poll();
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
