// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>

// Ageing, end to end; the decisions are in unit/lock_table_ageing.cpp.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(ageing, *boost::unit_test::timeout(60))

/// Work of high priority that never ends. Whether a lock of low priority is granted within so many pieces of it.
bool low_priority_is_served(test::locks& f, const redlock::manager_options& options)
{
    f.manager = make_manager(f.context.get_executor(), f.kind, options);
    acquired low;
    std::deque<acquired> high(1);
    f.acquire(high.back(), "r", "high", {.priority = 3});
    f.acquire(low, "r", "low");
    for (int i = 1; i <= 20 && !low.done(); ++i) {
        f.acquire(high.emplace_back(), "r", i % 2 ? "other" : "high", {.priority = 3});
        f.advance(100ms);
        high[high.size() - 2].lk.release();
        f.poll();
    }
    f.manager.reset();
    f.poll();
    return low.ec == success && low.lk.priority() >= 3;
}

MANAGER_TEST_CASE(without_it_low_priority_starves)
{
    BOOST_TEST(!low_priority_is_served(f, {}));
}

MANAGER_TEST_CASE(with_it_low_priority_gets_its_turn)
{
    BOOST_TEST(low_priority_is_served(f, {.ageing = 250ms}));
}

MANAGER_TEST_CASE(P2_P11_an_aged_waiter_preempts_and_shows_its_rank)
{
    f.manager = make_manager(f.context.get_executor(), f.kind, {.ageing = 1s});
    lock held = f.get("r", "a", {.priority = 1});
    completion told;
    f.wait(told, held);
    acquired next;
    f.acquire(next, "r", "b");
    f.advance(1s);
    CHECK_PENDING(told);
    BOOST_TEST(f.snapshot().resources.at(0).waiters.at(0).priority == 1);
    f.advance(1s);
    CHECK_COMPLETED(told, aborted);
    CHECK_PENDING(next);
    held.release();
    f.poll();
    CHECK_COMPLETED(next, success);
    BOOST_TEST(next.lk.priority() == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
