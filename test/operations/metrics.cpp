// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/metrics.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <vector>

// What a manager counts, end to end; what is counted as what is in unit/lock_table_metrics.cpp.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(manager_metrics, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(they_are_the_sum_over_all_shards)
{
    std::vector<lock> held;
    for (int i = 0; i < 200; ++i)
        held.push_back(f.get("r" + std::to_string(i), "a"));
    acquired waiting, late;
    f.acquire(waiting, "r0", "b");
    f.acquire(late, "r1", "b", {.timeout = 1s});
    f.advance(1s);
    held.resize(100);
    const redlock::metrics m = f.manager->metrics();
    BOOST_TEST(m.grants == 200u);
    BOOST_TEST(m.releases == 100u);
    BOOST_TEST(m.held == 100u);
    BOOST_TEST(m.waiting == 1u);
    BOOST_TEST(m.timeouts == 1u);
    f.manager->cancel();
    f.poll();
    BOOST_TEST(f.manager->metrics().cancellations == 1u);
    BOOST_TEST(f.manager->metrics().waiting == 0u);
}

BOOST_AUTO_TEST_CASE(over_a_protocol_they_are_those_of_the_manager)
{
    asio::io_context context;
    const auto store = std::make_shared<redlock::testing::memory_protocol>(context.get_executor());
    lock_manager one(context, store), two(context, store);
    lock held;
    one.async_acquire("r", "a", {}, [&](error_code, lock lk) { held = std::move(lk); });
    poll(context);
    two.async_acquire("r", "b", {.timeout = 0s}, [](error_code, lock) {});
    poll(context);
    BOOST_TEST(one.metrics().grants == 1u);
    BOOST_TEST(one.metrics().held == 1u);
    BOOST_TEST(two.metrics().grants == 0u);
    BOOST_TEST(two.metrics().timeouts == 1u);
    held.release();
    poll(context);
    BOOST_TEST(one.metrics().releases == 1u);
}

MANAGER_TEST_CASE(durations_are_counted_however_few_there_are)
{
    for (int i = 0; i < 50; ++i)
        static_cast<void>(f.get("r" + std::to_string(i), "a"));
    const redlock::metrics m = f.manager->metrics();
    BOOST_TEST(m.hold_time.count == 50u);
    BOOST_TEST(m.wait_time.count == 50u);
    BOOST_TEST(m.hold_time.sampled < 50u);
}

BOOST_AUTO_TEST_CASE(over_a_protocol_every_duration_is_measured)
{
    asio::io_context context;
    const auto store = std::make_shared<redlock::testing::memory_protocol>(context.get_executor());
    lock_manager manager(context, store);
    constexpr unsigned all = 100;
    std::vector<lock> held;
    for (unsigned i = 0; i < all; ++i) // all wait for the store at once
        manager.async_acquire("r" + std::to_string(i), "a", {},
                              [&](error_code, lock lk) { held.push_back(std::move(lk)); });
    poll(context);
    BOOST_TEST(held.size() == all);
    manager.async_acquire("r0", "a", {}, [&](error_code, lock lk) { held.push_back(std::move(lk)); }); // at once
    poll(context);
    BOOST_TEST(manager.metrics().hold_time.count == 0u);
    BOOST_TEST(manager.metrics().wait_time.count == all + 1);
    BOOST_TEST(manager.metrics().wait_time.sampled == all + 1);
    held.clear();
    poll(context);
    BOOST_TEST(manager.metrics().hold_time.count == all);
    BOOST_TEST(manager.metrics().hold_time.sampled == all);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
