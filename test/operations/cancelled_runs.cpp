// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/transactions.hpp"

#include <priority_redlock/synchronized.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <utility>

// Runs that are cancelled from outside, in each phase.

namespace {

using namespace test;
using redlock::always_restart;
using redlock::always_resume;
using redlock::recovery;

constexpr asio::cancellation_type_t every_type[] = {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                                    asio::cancellation_type::total};

/// A run that can be cancelled.
struct scene
{
    explicit scene(locks& fixture) : f(fixture) {}

    template <class Transaction, class Recovery>
    void run(const Transaction& transaction, const Recovery& r)
    {
        initiate([&] { work.async_run(transaction, r, asio::bind_cancellation_slot(signal.slot(), record(o))); });
        f.poll();
    }

    void cancel(asio::cancellation_type_t type)
    {
        initiate([&] { signal.emit(type); });
        CHECK_PENDING(o);
        f.poll();
    }

    auto transaction()
    {
        return [this](journal& notes, transaction_context& context) -> task<int> {
            notes.note("begin");
            co_await context.step(g.async_pass());
            notes.note("end");
            co_return 1;
        };
    }

    locks& f;
    journal j;
    gate g{f.context};
    outcome o;
    thief other{f, j};
    asio::cancellation_signal signal;
    synchronized<journal> work{*f.manager, "r", j};
};

BOOST_AUTO_TEST_SUITE(cancelled_runs, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(while_it_waits_for_the_lock)
{
    for (const auto type : every_type) {
        scene s(f);
        lock first = f.get("r", "first");
        s.run(s.transaction(), always_restart);
        s.cancel(type);
        CHECK_COMPLETED(s.o, aborted);
        BOOST_TEST(s.j.take() == "");
        first.release();
        f.poll();
        BOOST_TEST(f.vacant());
    }
}

MANAGER_TEST_CASE(in_a_step)
{
    for (const auto type : every_type) {
        scene s(f);
        s.run(s.transaction(), always_restart);
        s.cancel(type);
        CHECK_COMPLETED(s.o, aborted);
        BOOST_TEST((s.g.cancelled() == asio::cancellation_type::terminal));
        BOOST_TEST(s.j.take() == "begin");
        BOOST_TEST(f.vacant());
    }
}

MANAGER_TEST_CASE(in_a_step_that_takes_its_time)
{
    scene s(f);
    s.g.ignore_cancellation();
    s.run(s.transaction(), always_restart);
    s.cancel(asio::cancellation_type::terminal);
    s.other.steal();
    f.advance(24h);
    CHECK_PENDING(s.o);
    BOOST_TEST(s.j.take() == "begin");
    s.g.open();
    f.poll();
    CHECK_COMPLETED(s.o, aborted);
    BOOST_TEST(s.j.take() == "thief");
}

MANAGER_TEST_CASE(in_the_last_step_of_a_lost_lock)
{
    for (const auto type : every_type) {
        scene s(f);
        s.run(s.transaction(), always_resume);
        s.other.steal();
        f.poll();
        s.cancel(type);
        CHECK_COMPLETED(s.o, aborted);
        BOOST_TEST(s.j.take() == "begin, thief");
    }
}

MANAGER_TEST_CASE(while_it_is_suspended)
{
    for (const auto type : every_type) {
        scene s(f);
        s.run(s.transaction(), always_resume);
        s.other.steal();
        s.g.open();
        f.poll();
        BOOST_TEST(s.j.take() == "begin, thief");
        s.cancel(type);
        CHECK_COMPLETED(s.o, aborted);
        s.other.stop();
        f.poll();
        BOOST_TEST(f.vacant());
    }
}

MANAGER_TEST_CASE(while_the_recovery_decides)
{
    for (const bool suspended : {true, false}) {
        scene s(f);
        gate decision(f.context);
        s.run(s.transaction(), [&](error_code) -> task<recovery<int, journal>> {
            co_await decision.async_pass();
            BOOST_ERROR("decided");
            co_return always_resume;
        });
        s.other.steal();
        f.poll();
        if (suspended)
            s.g.open();
        f.poll();
        BOOST_TEST(decision.is_waited_for());
        s.cancel(asio::cancellation_type::total);
        CHECK_COMPLETED(s.o, aborted);
        BOOST_TEST((decision.cancelled() == asio::cancellation_type::terminal));
        BOOST_TEST(s.j.take() == "begin, thief");
    }
}

MANAGER_TEST_CASE(while_it_unwinds)
{
    scene s(f);
    s.g.ignore_cancellation();
    s.run(s.transaction(), always_restart);
    s.other.steal();
    f.poll();
    s.cancel(asio::cancellation_type::terminal);
    CHECK_PENDING(s.o);
    s.g.open();
    f.poll();
    CHECK_COMPLETED(s.o, aborted);
    BOOST_TEST(s.j.take() == "begin, thief");
}

MANAGER_TEST_CASE(before_the_grant_was_delivered)
{
    scene s(f);
    initiate([&] {
        s.work.async_run(s.transaction(), always_resume, asio::bind_cancellation_slot(s.signal.slot(), record(s.o)));
    });
    s.cancel(asio::cancellation_type::terminal);
    CHECK_COMPLETED(s.o, aborted);
    BOOST_TEST(s.j.take() == "");
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(after_its_completion_was_posted)
{
    scene s(f);
    s.run(s.transaction(), always_resume);
    s.g.open();
    while (s.j.text != "begin, end")
        f.context.poll_one();
    s.signal.emit(asio::cancellation_type::terminal);
    f.poll();
    CHECK_COMPLETED(s.o, success);
    s.signal.emit(asio::cancellation_type::terminal);
    f.poll();
}

MANAGER_TEST_CASE(a_transaction_that_returns_nevertheless_has_its_result_delivered)
{
    scene s(f);
    s.run(
        [&](journal&, transaction_context&) -> task<int> {
            co_await s.g.async_pass(asio::as_tuple(asio::deferred));
            co_return 8;
        },
        always_restart);
    s.cancel(asio::cancellation_type::terminal);
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 8);
}

MANAGER_TEST_CASE(no_type_is_no_cancellation)
{
    scene s(f);
    s.run(s.transaction(), always_restart);
    s.cancel(asio::cancellation_type::none);
    CHECK_PENDING(s.o);
    s.g.open();
    f.poll();
    CHECK_COMPLETED(s.o, success);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
