// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/transactions.hpp"
#include "operations/recovery_scene.hpp"

#include <priority_redlock/synchronized.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

// Runs whose lock is taken away: each recovery, in each phase.

namespace {

using namespace test;
using redlock::always_restart;
using redlock::always_resume;
using redlock::recovery;
using redlock::reject;
using redlock::replace;
using redlock::restart;
using redlock::resume;

BOOST_AUTO_TEST_SUITE(recoveries, *boost::unit_test::timeout(120))

// In a step.

MANAGER_TEST_CASE(resume_lets_the_step_in_flight_finish)
{
    scene s(f);
    s.steal_in_step(always_resume);
    BOOST_TEST((s.g.cancelled() == asio::cancellation_type::none));
    f.advance(24h); // its grace is unlimited
    BOOST_TEST(s.j.take() == "first");
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "thief");
    CHECK_PENDING(s.o);
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "second, end");
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 12);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(restart_cancels_the_step_in_flight)
{
    scene s(f);
    s.steal_in_step(always_restart);
    BOOST_TEST((s.g.cancelled() == asio::cancellation_type::terminal));
    BOOST_TEST(s.j.take() == "first, end, thief");
    CHECK_PENDING(s.o);
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "first");
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "second, end");
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 22);
}

MANAGER_TEST_CASE(replace_runs_another_transaction)
{
    scene s(f);
    s.steal_in_step(replace(scene::substitute()));
    BOOST_TEST(s.j.take() == "first, end, thief");
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "substitute");
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 77);
}

MANAGER_TEST_CASE(reject_gives_up)
{
    scene s(f);
    s.steal_in_step(reject(asio::error::timed_out));
    BOOST_TEST((s.g.cancelled() == asio::cancellation_type::terminal));
    BOOST_TEST(s.j.take() == "first, end, thief");
    CHECK_COMPLETED(s.o, error_code(asio::error::timed_out));
}

MANAGER_TEST_CASE(without_a_recovery_the_run_ends_with_the_reason)
{
    scene s(f);
    s.work.async_run(s.transaction(), record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    BOOST_TEST(s.j.take() == "first, end, thief");
    CHECK_COMPLETED(s.o, error_code(errc::preempted));
}

MANAGER_TEST_CASE(the_lock_is_released_only_after_the_transaction_has_unwound)
{
    for (const bool restarts : {true, false}) {
        scene s(f);
        s.g.ignore_cancellation();
        s.steal_in_step([&](error_code) -> recovery<int, journal> {
            if (restarts)
                return restart();
            return reject();
        });
        f.advance(24h);
        BOOST_TEST(s.j.take() == "first");
        s.g.open();
        f.poll();
        BOOST_TEST(s.j.take() == "end, thief"); // the step's result is not delivered
        s.other.stop();
        f.poll();
        if (restarts) {
            s.g.open();
            f.poll();
        }
        CHECK_COMPLETED(s.o, restarts ? success : error_code(errc::preempted));
    }
}

// Between steps.

MANAGER_TEST_CASE(between_steps)
{
    scene s(f);
    const auto transaction = [&](journal& notes, transaction_context& context) -> task<int> {
        const scope_note at_end(notes, "end");
        co_await context.step(asio::post(asio::deferred));
        if (context.attempt() == 1)
            s.other.steal();
        notes.note("alone");
        if (context.attempt() == 1)
            BOOST_TEST(!context.lock().is_held());
        co_await context.checkpoint();
        notes.note("again");
        co_return 1;
    };
    const auto run = [&](auto r) {
        outcome o;
        s.work.async_run(transaction, r, record(o));
        f.poll();
        const std::string before = s.j.take();
        s.other.stop();
        f.poll();
        BOOST_TEST(o.done());
        s.j.note(o.ec ? "failed" : std::to_string(o.value));
        return before + " | " + s.j.take();
    };
    BOOST_TEST(run(always_resume) == "alone, thief | again, end, 1");
    BOOST_TEST(run(always_restart) == "alone, end, thief | alone, again, end, 1");
    BOOST_TEST(run(replace(scene::substitute())) == "alone, end, thief | substitute, 77");
    BOOST_TEST(run(reject()) == "alone, end, thief | failed");
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(what_a_transaction_awaits_outside_of_its_steps_counts_as_one)
{
    scene s(f);
    s.work.async_run(
        [&](journal& notes, transaction_context& context) -> task<int> {
            co_await s.g.async_pass();
            notes.note("passed");
            co_await context.checkpoint();
            notes.note("went on");
            co_return 1;
        },
        always_resume, record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    BOOST_TEST(s.j.take() == "");
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "passed, thief");
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "went on");
    CHECK_COMPLETED(s.o, success);
}

// Before the first step.

MANAGER_TEST_CASE(before_it_has_begun)
{
    const auto run = [&](auto r) {
        scene s(f);
        lock first = f.get("r", "first");
        s.work.async_run(scene::substitute(), r, record(s.o));
        f.poll();
        first.release(); // the grant is on its way
        s.other.steal();
        f.poll();
        const std::string before = s.j.take();
        s.other.stop();
        f.poll();
        BOOST_TEST(s.o.done());
        s.j.note(s.o.ec ? s.o.ec == errc::preempted ? "preempted" : "failed" : std::to_string(s.o.value));
        return before + " | " + s.j.take();
    };
    BOOST_TEST(run(always_resume) == "thief | substitute, 77");
    BOOST_TEST(run(always_restart) == "thief | substitute, 77");
    BOOST_TEST(run(replace([](journal& j, transaction_context&) -> task<int> {
                   j.note("other");
                   co_return 1;
               }))
               == "thief | other, 1");
    BOOST_TEST(run(reject()) == "thief | preempted");
    BOOST_TEST(f.vacant());
}

// While it is suspended.

MANAGER_TEST_CASE(a_suspended_transaction_can_still_be_unwound)
{
    scene s(f);
    int asked = 0;
    synchronized<journal> impatient(*f.manager, "r", s.j, {.timeout = 1s});
    impatient.async_run(
        s.transaction(),
        [&](error_code why) -> recovery<int, journal> {
            s.j.note(why == errc::preempted ? "preempted" : why == errc::acquire_timeout ? "timeout" : "?");
            switch (++asked) {
            case 1: return resume();
            case 2: return resume({.timeout = 2s});
            case 3: return restart({.timeout = redlock::infinite});
            default: return reject();
            }
        },
        record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "first, preempted, thief");
    f.advance(1s);
    BOOST_TEST(s.j.take() == "timeout");
    f.advance(1s);
    BOOST_TEST(s.j.take() == "");
    f.advance(1s);
    BOOST_TEST(s.j.take() == "timeout, end"); // unwound while it waited
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "first");
    s.g.open();
    f.poll();
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 22);
}

MANAGER_TEST_CASE(a_failed_resume_unwinds_and_ends)
{
    scene s(f);
    synchronized<journal> impatient(*f.manager, "r", s.j, {.timeout = 1s});
    impatient.async_run(s.transaction(), always_resume, record(s.o));
    f.poll();
    s.other.steal();
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "first, thief");
    f.advance(1s);
    BOOST_TEST(s.j.take() == "end");
    CHECK_COMPLETED(s.o, error_code(errc::acquire_timeout));
}

// Reasons.

MANAGER_TEST_CASE(an_expired_lock_waits_for_nobody)
{
    scene s(f);
    synchronized<journal> brief(*f.manager, "r", s.j, {.ttl = 1s});
    error_code why;
    brief.async_run(
        s.transaction(),
        [&](error_code ec) -> recovery<int, journal> {
            why = ec;
            return resume();
        },
        record(s.o));
    f.poll();
    thief next(f, s.j);
    next.steal(0);
    f.poll();
    BOOST_TEST(s.j.take() == "first");
    f.advance(1s);
    BOOST_TEST(s.j.take() == "thief"); // the step still runs
    BOOST_TEST((why == errc::expired));
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "");
    next.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "second, end");
    CHECK_COMPLETED(s.o, success);
}

MANAGER_TEST_CASE(a_deadline_counts_before_its_timer_has_run)
{
    scene s(f);
    synchronized<journal> brief(*f.manager, "r", s.j, {.ttl = 1s});
    brief.async_run(
        [](journal& notes, transaction_context& context) -> task<int> {
            if (context.attempt() == 1)
                manual_clock::advance(2s); // nothing else runs meanwhile
            co_await context.checkpoint();
            notes.note("attempt " + std::to_string(context.attempt()));
            co_return 0;
        },
        always_resume, record(s.o));
    f.poll();
    BOOST_TEST(s.j.take() == "attempt 2");
    CHECK_COMPLETED(s.o, success);
}

MANAGER_TEST_CASE(a_result_that_comes_after_the_expiry_is_for_the_recovery)
{
    const auto run = [&](auto r) {
        scene s(f);
        synchronized<journal> brief(*f.manager, "r", s.j, {.ttl = 1s});
        brief.async_run(
            [&](journal& notes, transaction_context& context) -> task<int> {
                notes.note("run");
                if (context.attempt() == 1)
                    co_await s.g.async_pass();
                co_return static_cast<int>(context.attempt());
            },
            r, record(s.o));
        f.poll();
        f.advance(1s);
        s.g.open();
        f.poll();
        BOOST_TEST(s.o.done());
        return s.j.take() + (s.o.ec ? ", " + std::string(s.o.ec == errc::expired ? "expired" : "aborted") : "");
    };
    BOOST_TEST(run(reject()) == "run, expired");
    BOOST_TEST(run(always_resume) == "run"); // its result passes
    BOOST_TEST(run(always_restart) == "run, run");
}

// Unwinding.

MANAGER_TEST_CASE(a_transaction_may_undo_before_the_lock_is_released)
{
    scene s(f);
    gate undo(f.context);
    s.work.async_run(
        [&](journal& notes, transaction_context& context) -> task<int> {
            if (context.attempt() == 2)
                co_return 2;
            bool failed = false;
            try {
                co_await context.step(s.g.async_pass());
            } catch (const boost::system::system_error& e) {
                failed = e.code() == asio::error::operation_aborted;
            }
            BOOST_TEST(failed);
            co_await asio::this_coro::reset_cancellation_state();
            notes.note("undo");
            co_await undo.async_pass();
            notes.note("undone");
            co_await context.checkpoint(); // ends it
            BOOST_ERROR("went on");
            co_return 1;
        },
        always_restart, record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    BOOST_TEST(s.j.take() == "undo");
    f.advance(24h);
    undo.open();
    f.poll();
    BOOST_TEST(s.j.take() == "undone, thief");
    s.other.stop();
    f.poll();
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 2);
}

MANAGER_TEST_CASE(an_exception_of_the_unwinding_reaches_the_caller)
{
    scene s(f);
    s.work.async_run(
        [&](journal&, transaction_context& context) -> task<int> {
            try {
                co_await context.step(s.g.async_pass());
            } catch (const boost::system::system_error&) {
                throw std::runtime_error("could not undo");
            }
            co_return 1;
        },
        always_restart, record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    BOOST_TEST(s.o.done());
    BOOST_TEST(s.o.what() == "could not undo");
}

MANAGER_TEST_CASE(a_transaction_that_returns_instead_of_unwinding_is_restarted_all_the_same)
{
    scene s(f);
    s.work.async_run(
        [&](journal&, transaction_context& context) -> task<int> {
            co_await context.step(s.g.async_pass(asio::as_tuple(asio::deferred)));
            co_return static_cast<int>(context.attempt());
        },
        always_restart, record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    s.other.stop();
    f.poll();
    s.g.open();
    f.poll();
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 2);
}

MANAGER_TEST_CASE(a_step_under_guard_is_cancelled_by_the_loss)
{
    const auto run = [&](auto r) {
        scene s(f);
        s.work.async_run(
            [&](journal& notes, transaction_context& context) -> task<int> {
                const scope_note at_end(notes, "end");
                if (context.attempt() == 1)
                    co_await context.step(s.g.async_pass(context.lock().guard(asio::deferred)));
                co_return 3;
            },
            r, record(s.o));
        f.poll();
        s.other.steal();
        f.poll();
        s.other.stop();
        f.poll();
        BOOST_TEST(s.o.done());
        return s.j.take() + (s.o.ec ? s.o.ec == errc::preempted ? ", preempted" : ", ?" : "");
    };
    BOOST_TEST(run(always_restart) == "end, thief, end");
    BOOST_TEST(run(reject()) == "end, thief, preempted");
    BOOST_TEST(run(always_resume) == "end, thief, preempted"); // there is nothing left to resume
}

// Steps of steps.

MANAGER_TEST_CASE(a_step_may_consist_of_steps)
{
    scene s(f);
    const auto inner = [&](transaction_context& context) -> task<int> {
        co_await context.step(s.g.async_pass());
        s.j.note("inner");
        co_await context.step(s.g.async_pass());
        co_return 4;
    };
    s.work.async_run(
        [&](journal& notes, transaction_context& context) -> task<int> {
            const int result = co_await context.step(inner(context));
            notes.note("outer");
            co_return result;
        },
        always_resume, record(s.o));
    f.poll();
    s.other.steal();
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "thief");
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "inner");
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "outer");
    CHECK_COMPLETED(s.o, success);
}

MANAGER_TEST_CASE(work_in_parallel_is_one_step)
{
    using namespace asio::experimental::awaitable_operators;
    scene s(f);
    gate h(f.context);
    s.work.async_run(
        [&](journal& notes, transaction_context& context) -> task<int> {
            co_await context.step(s.g.async_pass(asio::use_awaitable) && h.async_pass(asio::use_awaitable));
            notes.note("both");
            co_return 0;
        },
        always_resume, record(s.o));
    f.poll();
    s.other.steal();
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "");
    h.open();
    f.poll();
    BOOST_TEST(s.j.take() == "thief");
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "both");
    CHECK_COMPLETED(s.o, success);
}

MANAGER_TEST_CASE(a_transaction_hears_that_it_was_resumed)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    gate first(f.context), second(f.context), repair(f.context);
    thief other(f, j);
    outcome o;
    const auto transaction = [&](journal& notes, transaction_context& context) -> task<int> {
        context.on_resume([&]() -> task<void> {
            notes.note("resumed");
            co_await context.step(repair.async_pass());
            notes.note("repaired");
        });
        co_await context.step(first.async_pass());
        notes.note("first");
        co_await context.step(second.async_pass());
        notes.note("second");
        co_return 1;
    };
    work.async_run(transaction, always_resume, record(o));
    f.poll();
    other.steal();
    f.poll();
    first.open();
    f.poll();
    BOOST_TEST(j.take() == "thief");
    other.stop();
    f.poll();
    BOOST_TEST(j.take() == "resumed"); // before the step delivers
    other.steal();
    f.poll();
    repair.open();
    f.poll();
    BOOST_TEST(j.take() == "thief");
    other.stop();
    f.poll();
    BOOST_TEST(j.take() == "repaired, resumed"); // what was repaired may be broken again
    repair.open();
    f.poll();
    BOOST_TEST(j.take() == "repaired, first");
    second.open();
    f.poll();
    BOOST_TEST(j.take() == "second");
    CHECK_COMPLETED(o, success);
}

MANAGER_TEST_CASE(what_a_resumption_throws_comes_out_of_the_step)
{
    journal j;
    synchronized work(*f.manager, "r", j);
    gate first(f.context);
    thief other(f, j);
    outcome o;
    const auto transaction = [&](journal& notes, transaction_context& context) -> task<int> {
        context.on_resume([]() -> task<void> {
            co_await asio::post(asio::deferred);
            throw std::runtime_error("beyond repair");
        });
        try {
            co_await context.step(first.async_pass());
        } catch (const std::runtime_error& e) {
            notes.note(e.what());
        }
        co_return 1;
    };
    work.async_run(transaction, always_resume, record(o));
    f.poll();
    other.steal();
    f.poll();
    first.open();
    f.poll();
    other.stop();
    f.poll();
    BOOST_TEST(j.take() == "thief, beyond repair");
    CHECK_COMPLETED(o, success);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
