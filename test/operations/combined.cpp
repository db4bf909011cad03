// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/transactions.hpp"

#include <priority_redlock/combine.hpp>

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

// Lockers over several resources.

namespace {

using namespace test;
using redlock::always_restart;
using redlock::always_resume;
using redlock::combine;
using redlock::reject;

struct account
{
    int balance = 0;
};

struct accounts
{
    account a{100}, b{0};
    std::string text = "log";
};

BOOST_AUTO_TEST_SUITE(combined, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(a_transaction_has_all_objects)
{
    accounts all;
    synchronized from(*f.manager, "a", all.a), to(*f.manager, "b", all.b);
    synchronized log(*f.manager, "log", all.text);
    outcome o;
    const auto transfer = [&](account& x, account& y, std::string& text, transaction_context& context) -> task<int> {
        BOOST_TEST(context.lock().parts().size() == 3u);
        BOOST_TEST(f.snapshot().resources.size() == 3u);
        x.balance -= 30;
        y.balance += 30;
        text += "ged";
        co_await context.checkpoint();
        co_return y.balance;
    };
    initiate([&] { combine(from, to, log).async_run(transfer, always_resume, record(o)); });
    CHECK_PENDING(o);
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 30);
    BOOST_TEST(all.a.balance == 70);
    BOOST_TEST(all.text == "logged");
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(options_of_several_are_over_those_of_each)
{
    journal j, k;
    const synchronized first(*f.manager, "r", j), second(*f.manager, "s", k, {.priority = 5, .ttl = 2s});
    const auto both = combine(first, second, {.priority = 3});
    lock held;
    both.async_acquire([&](error_code, lock l) { held = std::move(l); });
    f.poll();
    BOOST_REQUIRE(held.parts().size() == 2);
    for (const lock& each : held.parts())
        BOOST_TEST(each.priority() == 3);
    BOOST_TEST((held.expires_at() == manual_clock::now() + 2s));
}

MANAGER_TEST_CASE(losing_one_lock_is_losing_all)
{
    journal j, k;
    synchronized first(*f.manager, "r", j), second(*f.manager, "s", k, {.priority = 5});
    gate g(f.context);
    thief other(f, j), late(f, j);
    outcome o;
    const auto transaction = [&](journal& notes, journal&, transaction_context& context) -> task<int> {
        co_await context.step(g.async_pass());
        notes.note("went on");
        co_return static_cast<int>(context.attempt());
    };
    combine(first, second).async_run(transaction, always_resume, record(o));
    f.poll();
    late.steal(3, "s"); // not enough for that one
    other.steal();
    f.poll();
    BOOST_TEST(j.take() == "");
    g.open();
    f.poll();
    BOOST_TEST(j.take() == "thief, thief"); // both are free for a moment
    late.stop();
    f.poll();
    BOOST_TEST(j.take() == "");
    other.stop();
    f.poll();
    BOOST_TEST(j.take() == "went on");
    CHECK_COMPLETED(o, success);
    BOOST_TEST(o.value == 2);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(restart_and_reject_of_several)
{
    for (const bool restarts : {true, false}) {
        journal j, k;
        synchronized first(*f.manager, "r", j), second(*f.manager, "s", k);
        gate g(f.context);
        thief other(f, j);
        outcome o;
        const auto transaction = [&](journal& notes, journal&, transaction_context& context) -> task<int> {
            notes.note("begin");
            co_await context.step(g.async_pass());
            co_return static_cast<int>(context.attempt());
        };
        if (restarts)
            combine(first, second).async_run(transaction, always_restart, record(o));
        else
            combine(first, second).async_run(transaction, record(o));
        f.poll();
        other.steal(1, "s");
        f.poll();
        BOOST_TEST(j.take() == "begin, thief");
        other.stop();
        f.poll();
        g.open();
        f.poll();
        CHECK_COMPLETED(o, restarts ? success : error_code(errc::preempted));
        BOOST_TEST(f.vacant());
    }
}

MANAGER_TEST_CASE(opposite_orders_do_not_deadlock)
{
    journal j, k;
    synchronized first(*f.manager, "r", j), second(*f.manager, "s", k);
    outcome o, p;
    const auto transaction = [](journal&, journal&, transaction_context& context) -> task<int> {
        co_await context.step(asio::post(asio::deferred));
        co_return 1;
    };
    combine(first, second).async_run(transaction, record(o));
    combine(second, first).async_run(transaction, record(p));
    f.poll();
    CHECK_COMPLETED(o, success);
    CHECK_COMPLETED(p, success);
}

MANAGER_TEST_CASE(a_common_locker_id_is_kept)
{
    journal j, k;
    synchronized first(*f.manager, "r", j, {}, "me"), second(*f.manager, "s", k, {}, "me");
    synchronized third(*f.manager, "t", k, {}, "you");
    outcome o, p;
    std::string id;
    combine(first, second)
        .async_run(
            [&](journal&, journal&, transaction_context& context) -> task<int> {
                id = context.lock().locker_id();
                co_return 0;
            },
            record(o));
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(id == "me");
    combine(first, third)
        .async_run(
            [&](journal&, journal&, transaction_context& context) -> task<int> {
                id = context.lock().locker_id();
                co_return 0;
            },
            record(p));
    f.poll();
    CHECK_COMPLETED(p, success);
    BOOST_TEST(id.substr(0, 1) == "#");
}

MANAGER_TEST_CASE(lockers_of_different_managers_are_refused)
{
    journal j;
    lock_manager another = make_manager(f.context.get_executor(), f.kind);
    synchronized first(*f.manager, "here", j), second(another, "there", j);
    BOOST_CHECK_EXCEPTION(static_cast<void>(combine(first, second)), std::invalid_argument,
                          [](const std::invalid_argument& e) {
                              const std::string what = e.what();
                              return what.find("here") != what.npos && what.find("there") != what.npos
                                     && what.find("manager") != what.npos;
                          });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
