// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"
#include "operations/with_lock_worker.hpp"

#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // g++ 12 mistakes the frames of Asio's coroutines
#endif

using namespace test;
using redlock::async_with_lock;
using redlock::infinite;

BOOST_AUTO_TEST_SUITE(with_lock_tests)

// --- results ---------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(the_result_of_a_coroutine_is_delivered_and_the_lock_released)
{
    std::exception_ptr failure;
    std::string result;
    bool held = false, released_before = false;
    initiate([&] {
        async_with_lock(
            *f.manager, "r", "me", {.priority = 3, .ttl = 1h},
            [&](lock& lk) -> asio::awaitable<std::string> {
                BOOST_TEST(!initiation_guard::active());
                held = lk.is_held() && lk.priority() == 3 && lk.locker_id() == "me";
                co_await asio::post(asio::use_awaitable);
                co_return std::string(lk.resource());
            },
            [&](std::exception_ptr e, std::string s) {
                failure = e;
                result = std::move(s);
                f.manager->async_acquire("r", "next", {.timeout = 0s},
                                         [&](error_code ec, lock) { released_before = !ec; });
            });
    });
    BOOST_TEST(result.empty());
    f.poll();
    BOOST_TEST(!failure);
    BOOST_TEST(result == "r");
    BOOST_TEST(held);
    BOOST_TEST(released_before);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(the_results_of_an_operation_are_delivered_and_the_lock_released)
{
    completion done, failed;
    asio::steady_timer timer(f.context, redlock::clock::time_point::min());
    lock other = f.get("other", "other");
    initiate([&] {
        async_with_lock(*f.manager, "r", {}, [&](lock&) { return timer.async_wait(asio::deferred); }, note(done));
    });
    CHECK_PENDING(done);
    f.poll();
    CHECK_COMPLETED(done, success);
    BOOST_TEST(is_vacant_but(f, "other"));

    bool empty = false;
    async_with_lock(
        *f.manager, "r", {}, [&](lock&) { return f.manager->async_acquire("other", {.timeout = 0s}, asio::deferred); },
        [&](error_code ec, lock lk) {
            failed.note(ec);
            empty = lk.state() == lock_state::empty;
        });
    f.poll();
    CHECK_COMPLETED(failed, errc::acquire_timeout);
    BOOST_TEST(empty);
    BOOST_TEST(is_vacant_but(f, "other"));
}

MANAGER_TEST_CASE(exceptions_reach_the_caller_of_a_coroutine)
{
    std::vector<std::string> seen;
    const auto note_what = [&](std::exception_ptr e) {
        try {
            std::rethrow_exception(e);
        } catch (const std::exception& error) {
            seen.emplace_back(error.what());
        }
    };
    const auto throw_late = [](lock&) -> task {
        co_await asio::post(asio::use_awaitable);
        throw std::runtime_error("late");
    };
    const auto throw_early = [](lock&) -> task {
        throw std::runtime_error("early");
        co_return;
    };
    const auto throw_at_once = [](lock&) -> task { throw std::runtime_error("at once"); };
    initiate([&] { async_with_lock(*f.manager, "r", {}, throw_late, note_what); });
    f.poll();
    initiate([&] { async_with_lock(*f.manager, "r", {}, throw_early, note_what); });
    f.poll();
    initiate([&] { async_with_lock(*f.manager, "r", {}, throw_at_once, note_what); });
    BOOST_TEST(seen.size() == 2u);
    f.poll();
    BOOST_TEST(seen == (std::vector<std::string>{"late", "early", "at once"}), boost::test_tools::per_element());
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(an_exception_instead_of_an_operation_leaves_run)
{
    asio::steady_timer timer(f.context);
    async_with_lock(
        *f.manager, "r", {},
        [&](lock&) {
            if (timer.expiry() != redlock::clock::time_point::max())
                throw std::runtime_error("instead");
            return timer.async_wait(asio::deferred);
        },
        at_most_once([](error_code) { BOOST_ERROR("called"); }));
    BOOST_CHECK_THROW(f.poll(), std::runtime_error);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(an_exception_instead_of_an_operation_is_a_result_where_that_may_be_one)
{
    const auto work = [](bool thrown) {
        return [thrown](lock& lk) {
            if (thrown)
                throw boost::system::system_error(errc::lost);
            return asio::co_spawn(lk.get_executor(), []() -> asio::awaitable<int> { co_return 7; }, asio::deferred);
        };
    };
    completion failed, succeeded;
    const auto note_result = [](completion& c, int expected) {
        return once([&c, expected](const std::exception_ptr& e, int result) {
            BOOST_TEST(result == expected);
            c.note(code_of(e));
        });
    };
    initiate([&] { async_with_lock(*f.manager, "r", {}, work(true), note_result(failed, 0)); });
    f.poll();
    CHECK_COMPLETED(failed, errc::lost);
    BOOST_TEST(f.vacant());
    initiate([&] { async_with_lock(*f.manager, "r", {}, work(false), note_result(succeeded, 7)); });
    f.poll();
    CHECK_COMPLETED(succeeded, success);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(acquire_errors_are_delivered_and_fn_is_not_called)
{
    const lock held = f.get("r", "other");
    for_both_forms(f, [&](worker& w, auto fn) {
        completion timeout, refused, invalid, all, none;
        initiate([&] {
            async_with_lock(*f.manager, "r", "me", {.timeout = 1s}, fn, note(timeout));
            async_with_lock(*f.manager, "r", {.max_attempts = 1}, fn, note(refused));
            async_with_lock(*f.manager, "r", {.grace = -1s}, fn, note(invalid));
            async_with_lock(*f.manager, "me", {{"a"}, {"r"}}, 1s, fn, note(all));
            async_with_lock(*f.manager, std::vector<redlock::lock_request>{}, infinite, fn, note(none));
        });
        f.advance(1s);
        CHECK_COMPLETED(timeout, errc::acquire_timeout);
        CHECK_COMPLETED(refused, errc::already_acquired);
        CHECK_COMPLETED(invalid, errc::invalid_argument);
        CHECK_COMPLETED(all, errc::acquire_timeout);
        CHECK_COMPLETED(none, errc::invalid_argument);
        BOOST_TEST(w.started == 0);
    });
}

MANAGER_TEST_CASE(no_function_is_an_invalid_argument)
{
    using coroutine_function = std::function<task(lock&)>;
    completion empty, null, deferred;
    initiate([&] {
        async_with_lock(*f.manager, "r", {}, coroutine_function(), note(empty));
        async_with_lock(*f.manager, "r", {}, static_cast<task (*)(lock&)>(nullptr), note(null));
        using operation = decltype(std::declval<asio::steady_timer&>().async_wait(asio::deferred));
        async_with_lock(*f.manager, "r", {}, std::function<operation(lock&)>(), note(deferred));
    });
    f.poll();
    CHECK_COMPLETED(empty, errc::invalid_argument);
    CHECK_COMPLETED(null, errc::invalid_argument);
    CHECK_COMPLETED(deferred, errc::invalid_argument);
}

MANAGER_TEST_CASE(several_locks)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        acquired thief;
        async_with_lock(*f.manager, "me", {{"b"}, {"a"}}, infinite, fn, note(done));
        f.poll();
        BOOST_TEST_REQUIRE(w.started == 1);
        BOOST_TEST(w.held->parts().size() == 2u);
        f.acquire(thief, "b", "thief", {.priority = 1});
        f.poll();
        CHECK_COMPLETED(done, errc::preempted);
        CHECK_COMPLETED(thief, success);
    });
    completion fresh;
    async_with_lock(*f.manager, {{"b"}, {"a"}}, infinite, [](lock&) -> task { co_return; }, note(fresh));
    f.poll();
    CHECK_COMPLETED(fresh, success);
    BOOST_TEST(f.vacant());
}

// --- the end of the lock ---------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(preemption_cancels_the_work_and_is_the_reason)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        acquired thief;
        async_with_lock(*f.manager, "r", {}, fn, note(done));
        f.poll();
        CHECK_PENDING(done);
        f.acquire(thief, "r", "thief", {.priority = 1});
        f.poll();
        CHECK_COMPLETED(done, errc::preempted);
        BOOST_TEST((done.ec == redlock::condition::ended));
        CHECK_COMPLETED(thief, success);
        BOOST_TEST(thief.order > done.order);
        BOOST_TEST(w.started == 1);
    });
}

// README, "Who is told of a preemption by which code".
MANAGER_TEST_CASE(one_comparison_catches_every_form_of_a_preemption)
{
    const auto is_told = [](const completion& c, const error_code& expected) {
        CHECK_COMPLETED(c, expected);
        BOOST_TEST((c.ec == boost::system::errc::operation_canceled));
    };
    for_both_forms(f, [&](worker& w, auto fn) {
        completion caller, waits, guarded, runs;
        acquired thief;
        asio::steady_timer never(f.context, 1h);
        int object = 0;
        error_code step;
        async_with_lock(*f.manager, "r", {}, fn, note(caller));
        redlock::synchronized work(*f.manager, "s", object);
        work.async_run(
            [&](int&, redlock::transaction_context& context) -> task {
                try {
                    co_await context.step(never.async_wait(asio::use_awaitable));
                } catch (const boost::system::system_error& error) {
                    step = error.code();
                    throw;
                }
            },
            note(runs));
        f.poll();
        f.wait(waits, *w.held);
        asio::steady_timer timer(f.context, 1h);
        timer.async_wait(w.held->guard(record(guarded)));
        f.acquire(thief, "r", "thief", {.priority = 1});
        acquired other;
        f.acquire(other, "s", "thief", {.priority = 1});
        f.poll();
        is_told(waits, aborted);
        is_told(guarded, aborted);
        is_told(caller, errc::preempted);
        is_told(runs, errc::preempted);
        BOOST_TEST((step == boost::system::errc::operation_canceled));
        for (const completion* c : {&caller, &runs}) {
            BOOST_TEST((c->ec == redlock::condition::ended));
            BOOST_TEST((c->ec == redlock::condition::retryable));
        }
    });
}

MANAGER_TEST_CASE(expiry_cancels_the_work_and_is_the_reason)
{
    for_both_forms(f, [&](worker&, auto fn) {
        completion done;
        async_with_lock(*f.manager, "r", {.ttl = 1s}, fn, note(done));
        f.advance(1s);
        CHECK_COMPLETED(done, errc::expired);
    });
}

MANAGER_TEST_CASE(a_thief_waits_until_the_work_has_unwound_however_long)
{
    asio::steady_timer cleanup(f.context, redlock::clock::time_point::max());
    completion done;
    acquired thief;
    lock_state while_unwinding = lock_state::empty;
    async_with_lock(
        *f.manager, "r", {.grace = 0s},
        [&](lock& lk) -> task {
            asio::steady_timer timer(f.context, 1h);
            co_await timer.async_wait(tuple);
            co_await asio::this_coro::reset_cancellation_state();
            while_unwinding = lk.state();
            co_await cleanup.async_wait(tuple);
            throw std::runtime_error("unwound");
        },
        note(done));
    f.poll();
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.advance(24h);
    BOOST_TEST(while_unwinding == lock_state::revoking);
    CHECK_PENDING(thief);
    cleanup.cancel();
    f.poll();
    CHECK_COMPLETED(done, errc::not_held); // its own exception, unchanged
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(results_of_work_that_ends_well_are_unchanged_by_a_loss)
{
    acquired thief;
    int result = 0;
    completion done;
    async_with_lock(
        *f.manager, "r", {},
        [&](lock& lk) -> asio::awaitable<int> {
            asio::steady_timer timer(f.context, 1h);
            co_await timer.async_wait(tuple);
            co_return lk.state() == lock_state::revoking ? 7 : 0;
        },
        [&](std::exception_ptr e, int i) {
            done.note(code_of(e));
            result = i;
        });
    f.poll();
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(done, success);
    BOOST_TEST(result == 7);
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(a_lock_that_has_ended_before_fn_is_called)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        acquired thief;
        async_with_lock(*f.manager, "r", {}, fn, note(done));
        f.acquire(thief, "r", "thief", {.priority = 1}); // before the grant is delivered
        f.poll();
        CHECK_COMPLETED(done, errc::preempted);
        BOOST_TEST(w.started == 0);
        CHECK_COMPLETED(thief, success);
    });
}

MANAGER_TEST_CASE(fn_may_release_the_lock)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        async_with_lock(*f.manager, "r", {}, fn, note(done));
        f.poll();
        w.held->release();
        f.poll();
        CHECK_COMPLETED(done, aborted); // it ended without a loss
        BOOST_TEST(f.vacant());
    });
}

// What the library declares of coroutines before Asio defines them, as it has by now, must not hide their executors.
MANAGER_TEST_CASE(the_work_of_a_coroutine_runs_on_its_own_context)
{
    asio::io_context elsewhere;
    const asio::execution_context* worked_on = nullptr;
    const auto run = [&]() -> task {
        co_await async_with_lock(
            *f.manager, "r", {},
            [&](lock&) -> task {
                const auto ex = co_await asio::this_coro::executor;
                worked_on = &asio::query(ex, asio::execution::context);
            },
            asio::use_awaitable);
    };
    completion ended;
    asio::co_spawn(elsewhere, run(), note(ended));
    elsewhere.poll();
    BOOST_TEST((worked_on == &elsewhere));
    CHECK_COMPLETED(ended, error_code());
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(the_manager_may_go)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion working, waiting;
        async_with_lock(*f.manager, "r", {}, fn, note(working));
        f.poll();
        async_with_lock(*f.manager, "r", {}, fn, note(waiting));
        f.manager.reset();
        f.poll();
        CHECK_COMPLETED(waiting, aborted);
        CHECK_PENDING(working);
        w.timer.cancel();
        f.poll();
        CHECK_COMPLETED(working, aborted);
        f.manager.emplace(make_manager(f.context.get_executor(), f.kind));
    });
}

BOOST_AUTO_TEST_SUITE_END()
