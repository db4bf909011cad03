// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"
#include "common/log_capture.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

// Detection of deadlocks, end to end; the decisions are in unit/lock_table_deadlock.cpp.

namespace {

using namespace test;
using redlock::async_acquire_all;
using redlock::infinite;

BOOST_AUTO_TEST_SUITE(deadlock, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(the_acquire_that_closes_a_cycle_fails_and_the_log_names_it)
{
    log_capture log;
    // However many shards are asked for, and wherever the names would be.
    f.manager = make_manager(f.context.get_executor(), f.kind, {.shards = 16, .detect_deadlocks = true});
    constexpr int length = 20;
    const auto name = [](const char* prefix, int i) { return prefix + std::to_string(i % length); };
    std::vector<lock> held;
    for (int i = 0; i < length; ++i)
        held.push_back(f.get(name("r", i), name("l", i)));
    std::vector<acquired> waiting(length);
    for (int i = 0; i < length - 1; ++i)
        f.acquire(waiting[static_cast<std::size_t>(i)], name("r", i + 1), name("l", i));
    f.poll();
    for (int i = 0; i < length - 1; ++i)
        CHECK_PENDING(waiting[static_cast<std::size_t>(i)]);
    BOOST_TEST(log.records().empty());

    f.acquire(waiting.back(), "r0", name("l", length - 1));
    f.poll();
    CHECK_COMPLETED(waiting.back(), errc::deadlock);
    BOOST_REQUIRE(log.records().size() == 1u);
    BOOST_TEST((log.records()[0].severity == boost::log::trivial::warning));
    const std::string& text = log.records()[0].text;
    BOOST_TEST(
        text.starts_with("deadlock refused: locker=l19 -> resource=r0 -> locker=l0 -> resource=r1 -> locker=l1 -> "));
    BOOST_TEST(text.ends_with(" -> resource=r19 -> locker=l19"));

    held.back().release(); // as its message tells
    f.poll();
    CHECK_COMPLETED(waiting[length - 2], success);
    for (int i = length - 2; i >= 0; --i) {
        held[static_cast<std::size_t>(i)].release();
        f.poll();
    }
    CHECK_COMPLETED(waiting[0], success);
}

MANAGER_TEST_CASE(it_is_off_by_default)
{
    log_capture log;
    lock r = f.get("r", "a");
    lock s = f.get("s", "b");
    acquired first, second;
    f.acquire(first, "s", "a", {.timeout = 1s});
    f.acquire(second, "r", "b", {.timeout = 1s});
    f.advance(1s);
    CHECK_COMPLETED(first, errc::acquire_timeout);
    CHECK_COMPLETED(second, errc::acquire_timeout);
    BOOST_TEST(log.records().empty());
}

MANAGER_TEST_CASE(a_wait_that_falls_back_into_a_cycle_is_told_of_in_the_log)
{
    log_capture log;
    f.manager = make_manager(f.context.get_executor(), f.kind, {.detect_deadlocks = true});
    lock h = f.get("r", "h", {.priority = 9});
    lock a = f.get("s", "a");
    acquired better, between, worse, other;
    f.acquire(better, "r", "a", {.priority = 5, .timeout = 1s});
    f.acquire(between, "r", "b", {.priority = 3});
    f.acquire(worse, "r", "a", {.priority = 1});
    f.acquire(other, "s", "b");
    f.poll();
    CHECK_PENDING(worse);
    CHECK_PENDING(other);
    f.advance(1s);
    CHECK_COMPLETED(better, errc::acquire_timeout);
    CHECK_COMPLETED(worse, errc::deadlock);
    CHECK_PENDING(between);
    BOOST_TEST(log.count("deadlock refused: locker=a") == 1u);
    h.release();
    a.release();
    f.poll();
    CHECK_COMPLETED(between, success);
    CHECK_COMPLETED(other, success);
}

MANAGER_TEST_CASE(a_composite_without_a_locker_id_is_part_of_cycles)
{
    log_capture log;
    f.manager = make_manager(f.context.get_executor(), f.kind, {.detect_deadlocks = true});
    lock s = f.get("s", "a");
    acquired whole, closing;
    async_acquire_all(*f.manager, {{"r"}, {"s"}}, infinite, record(whole));
    f.poll();
    CHECK_PENDING(whole);
    f.acquire(closing, "r", "a");
    f.poll();
    CHECK_COMPLETED(closing, errc::deadlock);
    BOOST_TEST(log.count("deadlock refused: locker=a -> resource=r -> locker=") == 1u);
    s.release();
    f.poll();
    CHECK_COMPLETED(whole, success);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
