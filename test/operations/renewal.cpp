// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/test/unit_test.hpp>

// Locks that renew themselves, end to end; the decisions are in unit/lock_table_renewal.cpp and unit/lease_client.cpp,
// and conformance/ runs them over protocols.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(renewal, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(a_lock_is_renewed_as_long_as_its_handle_lives)
{
    lock a = f.get("r", "a", {.ttl = 3s, .auto_extend = true});
    const auto begin = a.expires_at();
    acquired next;
    f.acquire(next, "r", "b");
    for (int i = 1; i <= 20; ++i) {
        f.advance(1s);
        BOOST_TEST(a.is_held());
        BOOST_TEST((a.expires_at() - begin == i * 1s));
    }
    CHECK_PENDING(next);
    a = lock();
    f.poll();
    CHECK_COMPLETED(next, success);
}

MANAGER_TEST_CASE(max_hold_ends_a_lock_as_expired)
{
    lock a = f.get("r", "a", {.ttl = 3s, .auto_extend = true, .max_hold = 5s});
    completion ended;
    f.wait(ended, a);
    for (int i = 0; i < 4; ++i)
        f.advance(1s);
    CHECK_PENDING(ended);
    f.advance(1s);
    CHECK_COMPLETED(ended, errc::expired);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(P6_after_a_long_stop_a_lock_is_not_held_before_any_timer_has_run)
{
    lock a = f.get("r", "a", {.ttl = 3s, .auto_extend = true});
    manual_clock::advance(3s);
    BOOST_TEST(!a.is_held());
    BOOST_TEST(a.state() == lock_state::held);
    f.poll();
    BOOST_TEST(!a.is_held());
    BOOST_TEST(a.state() == lock_state::expired);
}

MANAGER_TEST_CASE(I8_a_max_hold_shorter_than_the_ttl_is_invalid)
{
    acquired bad[4], good[3];
    f.acquire(bad[0], "r", "a", {.ttl = 3s, .auto_extend = true, .max_hold = 3s - 1ns});
    f.acquire(bad[1], "r", "a", {.ttl = 3s, .auto_extend = true, .max_hold = 0s});
    f.acquire(bad[2], "r", "a", {.auto_extend = true, .max_hold = 1h}); // shorter than an infinite ttl
    f.acquire(bad[3], "r", "a", {.ttl = 3s, .max_hold = -1s});
    f.acquire(good[0], "r1", "a", {.ttl = 3s, .auto_extend = true, .max_hold = 3s});
    f.acquire(good[1], "r2", "a", {.ttl = 3s, .max_hold = 1s});
    f.acquire(good[2], "r3", "a", {.auto_extend = true});
    f.poll();
    for (const acquired& each : bad)
        CHECK_COMPLETED(each, errc::invalid_argument);
    for (const acquired& each : good)
        CHECK_COMPLETED(each, success);
}

MANAGER_TEST_CASE(I3_a_waiter_that_would_be_renewed_gives_up)
{
    lock a = f.get("r", "a");
    acquired waits, cancelled;
    f.acquire(waits, "r", "b", {.ttl = 3s, .timeout = 1s, .auto_extend = true});
    f.acquire(cancelled, "r", "b", {.ttl = 3s, .auto_extend = true});
    f.advance(1s);
    CHECK_COMPLETED(waits, errc::acquire_timeout);
    f.manager->cancel();
    f.poll();
    CHECK_COMPLETED(cancelled, aborted);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
