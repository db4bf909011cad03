// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/cancel_after.hpp"
#include "common/locks.hpp"
#include "operations/with_lock_worker.hpp"

#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // g++ 12 mistakes the frames of Asio's coroutines
#endif

using namespace test;
using redlock::async_with_lock;
using redlock::infinite;

BOOST_AUTO_TEST_SUITE(with_lock_handlers)

// --- cancellation from outside ---------------------------------------------------------------------------------------

MANAGER_TEST_CASE(every_cancellation_ends_the_wait)
{
    const lock held = f.get("r", "other");
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total})
        for_both_forms(f, [&](worker& w, auto fn) {
            asio::cancellation_signal signal;
            completion done;
            async_with_lock(*f.manager, "r", {}, fn, asio::bind_cancellation_slot(signal.slot(), note(done)));
            f.poll();
            initiate([&] { signal.emit(type); });
            CHECK_PENDING(done);
            f.poll();
            CHECK_COMPLETED(done, aborted);
            BOOST_TEST(w.started == 0);
        });
}

MANAGER_TEST_CASE(every_cancellation_reaches_the_work_as_it_is)
{
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        completion done;
        auto seen = asio::cancellation_type::none;
        asio::steady_timer timer(f.context, 1h);
        async_with_lock(
            *f.manager, "r", {},
            [&](lock&) -> task {
                co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
                co_await asio::this_coro::throw_if_cancelled(false);
                co_await timer.async_wait(tuple);
                seen = (co_await asio::this_coro::cancellation_state).cancelled();
                throw boost::system::system_error(asio::error::operation_aborted);
            },
            asio::bind_cancellation_slot(signal.slot(), note(done)));
        f.poll();
        initiate([&] { signal.emit(type); });
        f.poll();
        CHECK_COMPLETED(done, aborted);
        BOOST_TEST((seen == type));

        completion operation;
        async_with_lock(
            *f.manager, "r", {}, [&](lock&) { return timer.async_wait(asio::deferred); },
            asio::bind_cancellation_slot(signal.slot(), note(operation)));
        f.poll();
        signal.emit(type);
        f.poll();
        CHECK_COMPLETED(operation, aborted);
        BOOST_TEST(f.vacant());
    }
}

MANAGER_TEST_CASE(a_coroutine_sees_terminal_only_unless_it_asks_for_more)
{
    asio::cancellation_signal signal;
    completion done;
    worker w(f.context);
    async_with_lock(*f.manager, "r", {}, w.coroutine(), asio::bind_cancellation_slot(signal.slot(), note(done)));
    f.poll();
    signal.emit(asio::cancellation_type::total);
    f.poll();
    CHECK_PENDING(done);
    signal.emit(asio::cancellation_type::terminal);
    f.poll();
    CHECK_COMPLETED(done, aborted);
    BOOST_TEST(w.state == lock_state::held); // it is released only afterwards
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(P7_cancelled_when_the_grant_is_on_its_way)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        asio::cancellation_signal signal;
        completion done;
        async_with_lock(*f.manager, "r", {}, fn, asio::bind_cancellation_slot(signal.slot(), note(done)));
        signal.emit(asio::cancellation_type::terminal);
        f.poll();
        CHECK_COMPLETED(done, aborted);
        BOOST_TEST(w.started == 0);
        BOOST_TEST(f.vacant());
    });
}

// --- associators and tokens ------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(I4_work_and_completion_run_on_the_executor_of_the_handler)
{
    asio::io_context home;
    tracker mine;
    completion done, aborted_one;
    bool ran_there = false, operation_made_there = false;
    async_with_lock(
        *f.manager, "r", {},
        [&](lock&) -> task {
            co_await asio::post(asio::use_awaitable);
            ran_there = home.get_executor().running_in_this_thread();
        },
        asio::bind_executor(home.get_executor(), note(done)));
    f.poll();
    CHECK_PENDING(done);
    BOOST_TEST(!ran_there);
    poll(home);
    f.poll();
    CHECK_COMPLETED(done, success);
    BOOST_TEST(ran_there);

    worker w(f.context);
    acquired thief;
    async_with_lock(
        *f.manager, "r", {},
        [&](lock& lk) {
            operation_made_there = mine.runs_here();
            return w.operation()(lk);
        },
        asio::bind_executor(track(f.context, mine), note(aborted_one)));
    f.poll();
    BOOST_TEST(operation_made_there);
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(aborted_one, errc::preempted);
    BOOST_TEST(aborted_one.ran_on == &mine);

    completion failed;
    initiate([&] {
        async_with_lock(*f.manager, "", {}, w.coroutine(), asio::bind_executor(track(f.context, mine), note(failed)));
    });
    f.poll();
    CHECK_COMPLETED(failed, errc::invalid_argument);
    BOOST_TEST(failed.ran_on == &mine);
}

MANAGER_TEST_CASE(every_token)
{
    const auto sum = [](lock&) -> asio::awaitable<int> { co_return 3; };
    int results = 0;
    asio::co_spawn(
        f.context,
        [&]() -> task {
            results += co_await async_with_lock(*f.manager, "r", {}, sum);
            results += co_await async_with_lock(*f.manager, "r", {}, sum, asio::use_awaitable);
            auto [e, i] = co_await async_with_lock(*f.manager, "r", {}, sum, tuple);
            results += i;
            results += co_await async_with_lock(*f.manager, "r", {}, sum, cancelled_after(1h, asio::use_awaitable));
        },
        asio::detached);
    f.poll();
    BOOST_TEST(results == 12);
    auto future = async_with_lock(*f.manager, "r", {}, sum, asio::use_future);
    f.poll();
    BOOST_TEST(future.get() == 3);
    auto unstarted = async_with_lock(*f.manager, std::string("r"), {}, sum, asio::deferred);
    static_cast<void>(unstarted);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(in_a_coroutine_on_a_strand)
{
    const auto strand = asio::make_strand(f.context);
    bool on_strand = false;
    error_code why;
    acquired thief;
    asio::co_spawn(
        strand,
        [&]() -> task {
            worker w(f.context);
            try {
                co_await async_with_lock(*f.manager, "r", {}, [&](lock& lk) -> task {
                    on_strand = strand.running_in_this_thread();
                    co_await w(lk);
                });
            } catch (const boost::system::system_error& e) {
                why = e.code();
            }
        },
        asio::detached);
    f.poll();
    BOOST_TEST(on_strand);
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    BOOST_TEST(why == error_code(errc::preempted));
    CHECK_COMPLETED(thief, success);
}

BOOST_AUTO_TEST_SUITE_END()
