// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/transactions.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>

// Runs whose lock nobody takes away: results, errors, executors, options, cancellation.

namespace {

using namespace test;
using redlock::always_restart;
using redlock::always_resume;
using redlock::recovery;
using redlock::reject;

task<int> one_step(journal& j, transaction_context& context)
{
    co_await context.step([&]() -> task<void> {
        j.note("step");
        co_return;
    });
    co_return 42;
}

BOOST_AUTO_TEST_SUITE(transactions, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(delivers_the_result_and_releases_the_lock)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    outcome o;
    initiate([&] { work.async_run(one_step, record(o)); });
    CHECK_PENDING(o);
    BOOST_TEST(j.take() == "");
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 42);
    BOOST_TEST(j.take() == "step");
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(a_transaction_may_return_nothing_and_have_no_steps)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    outcome o;
    work.async_run(
        [](journal& notes, transaction_context&) -> task<void> {
            notes.note("done");
            co_return;
        },
        record(o));
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(j.take() == "done");
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(the_lock_is_held_while_it_runs)
{
    journal j;
    synchronized work(*f.manager, "r", j, {}, "me");
    gate g(f.context);
    outcome o;
    work.async_run(
        [&](journal& notes, transaction_context& context) -> task<int> {
            BOOST_TEST(context.lock().is_held());
            BOOST_TEST(context.lock().resource() == "r");
            BOOST_TEST(context.lock().locker_id() == "me");
            BOOST_TEST(context.attempt() == 1u);
            co_await context.step(g.async_pass());
            co_await context.step(g.async_pass(asio::use_awaitable));
            notes.note("end");
            co_return 1;
        },
        record(o));
    thief other(f, j);
    f.poll();
    other.steal(0);
    f.poll();
    BOOST_TEST(j.take() == "");
    g.open();
    f.poll();
    BOOST_TEST(j.take() == "");
    g.open();
    f.poll();
    BOOST_TEST(j.take() == "end, thief");
    CHECK_COMPLETED(o, success);
}

MANAGER_TEST_CASE(it_waits_for_the_lock)
{
    journal j;
    lock first = f.get("r", "first");
    synchronized work(*f.manager, "r", j);
    outcome o;
    work.async_run(one_step, record(o));
    f.poll();
    CHECK_PENDING(o);
    BOOST_TEST(j.text == "");
    first.release();
    f.poll();
    CHECK_COMPLETED(o, success);
}

MANAGER_TEST_CASE(runs_of_one_locker_exclude_each_other_unless_it_has_an_id)
{
    journal j;
    const auto two_at_once = [&](const synchronized<journal>& work) {
        gate g(f.context), h(f.context);
        outcome a, b;
        const auto transaction = [](gate& where) {
            return [&where](journal& notes, transaction_context& context) -> task<int> {
                notes.note("begin");
                co_await context.step(where.async_pass());
                notes.note("end");
                co_return 0;
            };
        };
        work.async_run(transaction(g), record(a));
        work.async_run(transaction(h), record(b));
        f.poll();
        g.open();
        f.poll();
        h.open();
        f.poll();
        CHECK_COMPLETED(a, success);
        CHECK_COMPLETED(b, success);
        return j.take();
    };
    BOOST_TEST(two_at_once(synchronized(*f.manager, "r", j)) == "begin, end, begin, end");
    BOOST_TEST(two_at_once(synchronized(*f.manager, "r", j, {}, "me")) == "begin, begin, end, end");
}

MANAGER_TEST_CASE(exceptions_reach_the_caller_unchanged)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    gate g(f.context);
    outcome from_step, from_operation, from_call;
    work.async_run(
        [](journal&, transaction_context& context) -> task<int> {
            co_await context.step([]() -> task<void> {
                throw std::runtime_error("no more paper");
                co_return;
            });
            co_return 1;
        },
        always_resume, record(from_step));
    f.poll();
    BOOST_TEST(from_step.what() == "no more paper");
    BOOST_TEST(f.vacant());

    work.async_run(
        [&](journal&, transaction_context& context) -> task<int> {
            co_await context.step(g.async_pass());
            co_return 1;
        },
        always_restart, record(from_operation));
    f.poll();
    g.open(asio::error::connection_reset);
    f.poll();
    CHECK_COMPLETED(from_operation, error_code(asio::error::connection_reset));
    BOOST_TEST(f.vacant());

    work.async_run([](journal&, transaction_context&) -> task<int> { throw std::runtime_error("not even begun"); },
                   record(from_call));
    f.poll();
    BOOST_TEST(from_call.what() == "not even begun");
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(an_aborted_operation_of_its_own_is_an_error_like_any_other)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    gate g(f.context);
    outcome o;
    work.async_run(
        [&](journal&, transaction_context& context) -> task<int> {
            co_await context.step(g.async_pass());
            co_return 1;
        },
        always_restart, record(o));
    f.poll();
    g.open(aborted);
    f.poll();
    CHECK_COMPLETED(o, aborted);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(steps_of_all_kinds_deliver_their_results)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    outcome o;
    work.async_run(
        [&](journal&, transaction_context& context) -> task<int> {
            const auto three = [](int base) -> task<std::unique_ptr<int>> {
                co_return std::make_unique<int>(base + 1);
            };
            auto awaited = co_await context.step(three(2));
            BOOST_TEST(*awaited == 3);
            const auto function = [kept = std::make_shared<int>(7)]() -> task<int> { co_return *kept; };
            BOOST_TEST(co_await context.step(function) == 7);
            BOOST_TEST(function.operator()().valid());
            lock other = co_await context.step(f.manager->async_acquire("other", "me", {}, asio::deferred));
            BOOST_TEST(other.is_held());
            const auto operation = [&] { return f.manager->async_acquire("another", "me", {}, asio::deferred); };
            lock another = co_await context.step(operation);
            BOOST_TEST(another.is_held());
            const auto [ec] = co_await context.step(other.async_release(asio::as_tuple(asio::deferred)));
            BOOST_TEST(ec == success);
            co_await context.checkpoint();
            co_return 5;
        },
        record(o));
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 5);
}

MANAGER_TEST_CASE(bad_arguments_are_reported_through_the_completion)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    const auto check = [&](outcome& o) {
        CHECK_PENDING(o);
        f.poll();
        CHECK_COMPLETED(o, error_code(errc::invalid_argument));
        BOOST_TEST(f.vacant());
    };
    using transaction = std::function<task<int>(journal&, transaction_context&)>;
    using handler = std::function<recovery<int, journal>(error_code)>;
    outcome no_transaction, no_recovery, no_replacement, no_name, bad_ttl, bad_grace;
    initiate([&] { work.async_run(transaction(), record(no_transaction)); });
    check(no_transaction);
    initiate([&] { work.async_run(one_step, handler(), record(no_recovery)); });
    check(no_recovery);
    initiate([&] { work.async_run(one_step, redlock::replace(transaction()), record(no_replacement)); });
    check(no_replacement);
    initiate([&] { synchronized(*f.manager, "", j).async_run(one_step, record(no_name)); });
    check(no_name);
    initiate([&] { work.async_run(one_step, reject(), {.ttl = 0s}, record(bad_ttl)); });
    check(bad_ttl);
    initiate([&] { work.async_run(one_step, reject(), {.grace = -1s}, record(bad_grace)); });
    check(bad_grace);
    BOOST_TEST(j.text == "");
}

MANAGER_TEST_CASE(it_may_be_started_later_and_without_its_locker)
{
    journal j;
    outcome o;
    auto deferred = [&] {
        const synchronized work(*f.manager, "r", j);
        return work.async_run(
            [once = std::make_unique<int>(3)](journal&, transaction_context&) -> task<int> { co_return *once; });
    }();
    f.poll();
    BOOST_TEST(f.vacant());
    initiate([&] { std::move(deferred)(record(o)); });
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 3);
}

MANAGER_TEST_CASE(every_token)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    auto future = work.async_run(one_step, asio::use_future);
    outcome o;
    const auto caller = [&]() -> task<int> {
        const int first = co_await work.async_run(one_step);
        const auto [e, second] = co_await work.async_run(one_step, always_resume, asio::as_tuple(asio::deferred));
        BOOST_TEST(!e);
        co_return first + second + co_await work.async_run(one_step, always_restart, asio::use_awaitable);
    };
    asio::co_spawn(f.context, caller(), record(o));
    f.poll();
    BOOST_TEST((future.wait_for(0s) == std::future_status::ready));
    BOOST_TEST(future.get() == 42);
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 3 * 42);
}

MANAGER_TEST_CASE(everything_runs_on_the_handlers_executor)
{
    journal j;
    tracker t;
    synchronized work(*f.manager, "r", j);
    lock first = f.get("r", "first", {.priority = 1});
    gate g(f.context);
    outcome o;
    int asked = 0;
    const auto transaction = [&](journal&, transaction_context& context) -> task<int> {
        BOOST_TEST(t.runs_here());
        co_await context.step(g.async_pass());
        BOOST_TEST(t.runs_here());
        co_return 0;
    };
    const auto handler = [&](error_code) -> recovery<int, journal> {
        ++asked;
        BOOST_TEST(t.runs_here());
        return always_resume;
    };
    initiate([&] { work.async_run(transaction, handler, asio::bind_executor(track(f.context, t), record(o))); });
    f.poll();
    first.release();
    f.poll();
    thief other(f, j);
    other.steal();
    f.poll();
    g.open();
    f.poll();
    other.stop();
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.ran_on == &t);
    BOOST_TEST(asked == 1);
}

MANAGER_TEST_CASE(a_run_elsewhere_keeps_the_managers_context_running)
{
    asio::io_context elsewhere;
    journal j;
    synchronized work(*f.manager, "r", j, {.ttl = 1s});
    gate g(elsewhere);
    outcome o;
    work.async_run(
        [&](journal&, transaction_context& context) -> task<int> {
            co_await context.step(g.async_pass());
            co_return static_cast<int>(context.attempt());
        },
        always_resume, asio::bind_executor(elsewhere.get_executor(), record(o)));
    const auto poll_both = [&] {
        for (int i = 0; i < 4; ++i) {
            poll(elsewhere);
            f.poll();
        }
    };
    poll_both();
    for (int i = 0; i < 4; ++i) // the lock expires, and then there is nothing left to do here
        f.advance(24h);
    poll_both();
    BOOST_TEST(!f.context.stopped());
    g.open();
    poll_both();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 2);
}

MANAGER_TEST_CASE(I10_options_inherit_in_every_operation)
{
    journal j;
    lock_manager manager = make_manager(f.context.get_executor(), f.kind, {.defaults = {.priority = 1, .ttl = 3s}});
    struct shown
    {
        int priority = -1;
        redlock::duration ttl{};
    } seen;
    const auto look = [&](const lock& l) {
        seen.priority = l.priority();
        const auto end = l.expires_at();
        seen.ttl = end == redlock::clock::time_point::max() ? redlock::infinite : end - manual_clock::now();
    };
    const auto check = [&](int priority, redlock::duration ttl, const std::source_location& at) {
        BOOST_TEST_CONTEXT("line " << at.line())
        {
            BOOST_TEST(seen.priority == priority);
            BOOST_TEST((seen.ttl == ttl));
        }
        seen = {};
    };
    const auto acquire = [&](const redlock::acquire_options& options, int priority, redlock::duration ttl,
                             const std::source_location& at = std::source_location::current()) {
        manager.async_acquire("r", options, [&](error_code, const lock& l) { look(l); });
        f.poll();
        check(priority, ttl, at);
        manager.async_acquire("r", "me", options, [&](error_code, const lock& l) { look(l); });
        f.poll();
        check(priority, ttl, at);
        async_acquire_all(manager, {{"r", options}, {"s"}}, redlock::infinite,
                          [&](error_code, const lock& l) { look(l.parts().empty() ? l : l.parts().front()); });
        f.poll();
        check(priority, ttl, at);
        async_with_lock(
            manager, "r", options,
            [&](lock& l) -> task<void> {
                look(l);
                co_return;
            },
            [](std::exception_ptr) {});
        f.poll();
        check(priority, ttl, at);
    };
    acquire({}, 1, 3s);
    acquire({.priority = 2}, 2, 3s);
    acquire({.ttl = 1s}, 1, 1s);
    acquire({.priority = 0, .ttl = redlock::infinite}, 0, redlock::infinite);

    const auto run = [&](const synchronized<journal>& work, const redlock::acquire_options& options, int priority,
                         redlock::duration ttl, const std::source_location& at = std::source_location::current()) {
        outcome o;
        const auto transaction = [&](journal&, transaction_context& context) -> task<int> {
            look(context.lock());
            co_return 0;
        };
        work.async_run(transaction, options, record(o));
        f.poll();
        CHECK_COMPLETED(o, success);
        check(priority, ttl, at);
    };
    const synchronized plain(manager, "r", j);
    const synchronized choosy(manager, "r", j, {.priority = 2, .ttl = 2s});
    run(plain, {}, 1, 3s);
    run(choosy, {}, 2, 2s);
    run(choosy, {.priority = 3}, 3, 2s);
    run(choosy, {.ttl = redlock::infinite}, 2, redlock::infinite);
    choosy.async_acquire([&](error_code, const lock& l) { look(l); });
    f.poll();
    check(2, 2s, std::source_location::current());
}

MANAGER_TEST_CASE(renewal_is_overridden_as_all_options_are)
{
    journal j;
    lock_manager manager =
        make_manager(f.context.get_executor(), f.kind, {.defaults = {.ttl = 3s, .auto_extend = true, .max_hold = 10s}});
    const synchronized renewed(manager, "r", j), left(manager, "s", j, {.auto_extend = false}),
        longer(manager, "t", j, {.max_hold = redlock::infinite});
    lock one, two, three;
    renewed.async_acquire([&](error_code, lock l) { one = std::move(l); });
    left.async_acquire([&](error_code, lock l) { two = std::move(l); });
    longer.async_acquire([&](error_code, lock l) { three = std::move(l); });
    for (int i = 0; i < 8; ++i)
        f.advance(500ms);
    BOOST_TEST(one.is_held());
    BOOST_TEST((two.state() == lock_state::expired));
    for (int i = 0; i < 16; ++i)
        f.advance(500ms);
    BOOST_TEST((one.state() == lock_state::expired));
    BOOST_TEST(three.is_held());
}

MANAGER_TEST_CASE(a_synchronized_object_says_what_it_locks)
{
    journal j;
    const synchronized work(*f.manager, "r", j, {.priority = 2}, "me");
    BOOST_REQUIRE(work.parts().size() == 1);
    BOOST_TEST(work.parts().front().resource == "r");
    BOOST_TEST(work.parts().front().options.priority.value_or(-1) == 2);
    BOOST_TEST(work.locker_id() == "me");
    lock held;
    work.async_acquire([&](error_code, lock l) { held = std::move(l); });
    f.poll();
    BOOST_TEST(held.resource() == "r");
    BOOST_TEST(held.locker_id() == "me");
    BOOST_TEST(held.priority() == 2);
}

MANAGER_TEST_CASE(options_of_a_recovery_stay)
{
    journal j;
    synchronized work(*f.manager, "r", j, {.ttl = 1h});
    gate g(f.context);
    outcome o;
    thief other(f, j);
    std::string priorities;
    const auto transaction = [&](journal&, transaction_context& context) -> task<int> {
        for (;;) {
            priorities += std::to_string(context.lock().priority());
            BOOST_TEST((context.lock().expires_at() != redlock::clock::time_point::max()));
            co_await context.step(g.async_pass());
        }
    };
    int asked = 0;
    const auto handler = [&](error_code) -> recovery<int, journal> {
        switch (++asked) {
        case 1: return redlock::resume({.priority = 5});
        case 2: return redlock::resume();
        default: return reject();
        }
    };
    work.async_run(transaction, handler, record(o));
    f.poll();
    for (int i = 0; i < 3; ++i) {
        other.steal(9);
        f.poll();
        g.open();
        f.poll();
        other.stop();
        f.poll();
    }
    BOOST_TEST(priorities == "055");
    CHECK_COMPLETED(o, error_code(errc::preempted));
}

MANAGER_TEST_CASE(a_failed_acquire_is_for_handlers_only)
{
    journal j;
    lock first = f.get("r", "first", {.priority = 100});
    synchronized work(*f.manager, "r", j, {.max_attempts = 1});
    outcome value, handler_gives_up, handler_waits;
    work.async_run(one_step, always_restart, record(value));
    f.poll();
    CHECK_COMPLETED(value, error_code(errc::already_acquired));

    work.async_run(
        one_step,
        [&](error_code why) -> recovery<int, journal> {
            j.note(why.message().substr(0, 14));
            return reject(asio::error::timed_out);
        },
        record(handler_gives_up));
    f.poll();
    BOOST_TEST(j.take() == "another locker");
    CHECK_COMPLETED(handler_gives_up, error_code(asio::error::timed_out));

    for (const bool resumes : {true, false}) {
        outcome o;
        work.async_run(
            one_step,
            [&](error_code why) -> recovery<int, journal> {
                BOOST_TEST((why == errc::already_acquired));
                if (resumes)
                    return redlock::resume({.max_attempts = redlock::unlimited});
                return redlock::restart({.max_attempts = redlock::unlimited});
            },
            record(o));
        f.poll();
        CHECK_PENDING(o);
        BOOST_TEST(j.text == "");
        first.release();
        f.poll();
        CHECK_COMPLETED(o, success);
        BOOST_TEST(j.take() == "step");
        first = f.get("r", "first", {.priority = 100});
    }
}

MANAGER_TEST_CASE(a_timeout_ends_a_run)
{
    journal j;
    lock first = f.get("r", "first");
    synchronized work(*f.manager, "r", j, {.timeout = 1s});
    outcome o;
    work.async_run(one_step, always_resume, record(o));
    f.poll();
    f.advance(1s);
    CHECK_COMPLETED(o, error_code(errc::acquire_timeout));
}

MANAGER_TEST_CASE(the_end_of_the_managers_waits_ends_a_run)
{
    journal j;
    lock first = f.get("r", "first");
    synchronized work(*f.manager, "r", j);
    const auto never = [](error_code) -> recovery<int, journal> {
        BOOST_ERROR("asked");
        return reject();
    };
    outcome cancelled, closed, afterwards;
    work.async_run(one_step, never, record(cancelled));
    f.poll();
    f.manager->cancel();
    f.poll();
    CHECK_COMPLETED(cancelled, aborted);
    work.async_run(one_step, never, record(closed));
    f.poll();
    f.manager->close();
    f.poll();
    CHECK_COMPLETED(closed, aborted);
    work.async_run(one_step, never, record(afterwards));
    f.poll();
    CHECK_COMPLETED(afterwards, error_code(errc::manager_closed));
}

BOOST_AUTO_TEST_CASE(over_a_protocol)
{
    asio::io_context context;
    redlock::lock_manager manager(context, std::make_shared<redlock::testing::memory_protocol>(context.get_executor()));
    journal j;
    synchronized low(manager, "r", j), high(manager, "r", j, {.priority = 1});
    outcome a, b;
    low.async_run(
        [&](journal& notes, transaction_context& transaction) -> task<int> {
            notes.note("low");
            high.async_run(one_step, record(b));
            while (transaction.attempt() == 1)
                co_await transaction.step(asio::post(asio::deferred));
            notes.note("low again");
            co_return 1;
        },
        always_resume, record(a));
    context.run_for(10s);
    CHECK_COMPLETED(a, success);
    CHECK_COMPLETED(b, success);
    BOOST_TEST(j.take() == "low, step, low again");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
