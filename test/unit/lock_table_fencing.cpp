// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <cstdint>
#include <string>

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_fencing, table_fixture)

BOOST_AUTO_TEST_CASE(I6_starts_from_the_system_clock_in_microseconds)
{
    acquire("a");
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(wall_clock).count();
    BOOST_TEST(token("a") == static_cast<std::uint64_t>(us) + 1);
    clock_at(5s);
    acquire("b", {}, "other");
    BOOST_TEST(token("b") >= static_cast<std::uint64_t>(us) + 5'000'000);
}

BOOST_AUTO_TEST_CASE(I6_every_grant_has_a_higher_token_however_it_came_about)
{
    acquire("free", {.grace = 0s});
    acquire("stolen", {.priority = 1, .ttl = 10ms});
    acquire("expired");
    at_time(10ms);
    acquire("released");
    release("expired");
    release("released");
    acquire("free/2");
    BOOST_TEST(token("free") < token("stolen"));
    BOOST_TEST(token("stolen") < token("expired"));
    BOOST_TEST(token("expired") < token("released"));
    BOOST_TEST(token("released") < token("free/2"));
}

BOOST_AUTO_TEST_CASE(I6_handles_of_one_lock_share_it)
{
    acquire("a");
    acquire("a/2", {.priority = 5});
    release("a");
    acquire("a/3");
    BOOST_TEST(token("a") == token("a/2"));
    BOOST_TEST(token("a") == token("a/3"));
}

BOOST_AUTO_TEST_CASE(I6_an_acquire_that_fails_uses_none_up_that_matters)
{
    acquire("a");
    acquire("b", {.timeout = 0s});
    acquire("c", {.max_attempts = 1});
    acquire("d");
    withdraw("d");
    release("a");
    acquire("e");
    BOOST_TEST(token("e") > token("a"));
    BOOST_TEST(token("d") == 0u);
}

BOOST_FIXTURE_TEST_CASE(I6_rises_over_eviction_from_the_idle_cache, table_fixture_with_idle<0>)
{
    std::uint64_t last = 0;
    for (int i = 0; i < 100; ++i) { // the clock stands still, and nothing is remembered of the resource itself
        const std::string name = std::to_string(i);
        acquire(name);
        BOOST_TEST(token(name) > last);
        last = token(name);
        drop(name);
        BOOST_TEST(live_holds() == 0u);
    }
}

BOOST_FIXTURE_TEST_CASE(I6_rises_over_eviction_of_a_resource_that_ran_ahead_of_the_clock, table_fixture_with_idle<1>)
{
    for (int i = 0; i < 1000; ++i) {
        acquire("a/" + std::to_string(i));
        drop("a/" + std::to_string(i));
    }
    for (const char* other : {"x", "y", "z"}) {
        acquire(other, {}, other);
        drop(other);
    }
    acquire("b");
    BOOST_TEST(token("b") > token("a/999"));
}

BOOST_FIXTURE_TEST_CASE(I6_the_highest_of_those_evicted_counts, table_fixture_with_idle<0>)
{
    acquire("high", {}, "high");
    for (int i = 0; i < 50; ++i) {
        drop(i == 0 ? "high" : "high/" + std::to_string(i));
        acquire("high/" + std::to_string(i + 1), {}, "high");
    }
    drop("high/50");
    acquire("low", {}, "low");
    drop("low");
    acquire("high/last", {}, "high");
    BOOST_TEST(token("high/last") > token("high/50"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
