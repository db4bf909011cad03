// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <string>
#include <vector>

// Victims that do not go: when a warning is due, and that none is for those that go in time.

namespace priority_redlock::test {

namespace {

struct overrun_fixture : table_fixture
{
    overrun_fixture() : table_fixture(default_idle_capacity, {.overrun_after = 1s}) {}

    /// Lets the timer run whenever it wants to, up to `end`; gives the milliseconds at which somebody overran.
    std::vector<std::int64_t> warnings_until(duration end)
    {
        std::vector<std::int64_t> result;
        for (int rounds = 0; next_deadline() <= start + end; ++rounds) {
            BOOST_REQUIRE(rounds < 100);
            at_time(std::max(next_deadline() - start, elapsed()));
            for ([[maybe_unused]] const auto& each : last_events().overrunning)
                result.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed()).count());
        }
        clock_at(end);
        return result;
    }
};

using times = std::vector<std::int64_t>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(lock_table_overruns, overrun_fixture)

BOOST_AUTO_TEST_CASE(a_victim_of_unlimited_grace_overruns_after_what_the_rules_say_and_again_at_doubling_intervals)
{
    acquire("a", {.grace = infinite});
    clock_at(500ms);
    BOOST_TEST(acquire("b", {.priority = 1}) == "a revoking");
    BOOST_TEST(at_time(1499ms) == "");
    BOOST_TEST(counted().overruns == 0u);
    BOOST_TEST(at_time(1500ms) == "a overruns");
    BOOST_TEST((warnings_until(40s) == times{3500, 7500, 15500, 31500})); // 2, 4, 8, 16 s later
    BOOST_TEST(counted().overruns == 1u);                                 // once each
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(due() == -1);
    BOOST_TEST((warnings_until(1h) == times{}));
}

BOOST_AUTO_TEST_CASE(a_late_timer_serves_a_timeout_between_the_warning_and_the_end_of_the_ttl)
{
    acquire("a", {.ttl = 20s, .grace = infinite});
    acquire("b", {.priority = 1, .timeout = 10s});
    BOOST_TEST(at_time(30s) == "b acquire_timeout");
    BOOST_TEST(state("a") == lock_state::preempted);
}

BOOST_AUTO_TEST_CASE(a_victim_whose_handlers_still_run_overruns_when_its_grace_is_over)
{
    acquire("a", {.grace = 100ms});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST((warnings_until(1600ms) == times{100, 300, 700, 1500}));
    BOOST_TEST(handler_returns("a") == "b granted");
    BOOST_TEST(counted().overruns == 1u);
}

BOOST_AUTO_TEST_CASE(a_victim_of_no_grace_has_the_time_that_the_rules_say_for_its_handlers)
{
    acquire("a", {.grace = 0ms});
    wait("a");
    acquire("b", {.priority = 1});
    BOOST_TEST((warnings_until(2s) == times{1000}));
    handler_returns("a");
}

BOOST_AUTO_TEST_CASE(who_goes_in_time_does_not_overrun)
{
    acquire("releases", {.grace = infinite});
    acquire("next", {.priority = 1, .ttl = 10s, .grace = 300ms});
    clock_at(999ms);
    release("releases");
    acquire("last", {.priority = 2}); // next goes at the end of its grace
    BOOST_TEST((warnings_until(2s) == times{}));
    BOOST_TEST(who() == "last");
    acquire("ttl", {.ttl = 900ms, .grace = infinite}, "s");
    acquire("thief", {.priority = 1}, "s");
    BOOST_TEST((warnings_until(1h) == times{}));
    BOOST_TEST(who("s") == "thief");
    BOOST_TEST(counted().overruns == 0u);
}

BOOST_AUTO_TEST_CASE(a_ttl_ends_the_warnings)
{
    acquire("a", {.ttl = 5s, .grace = infinite});
    acquire("b", {.priority = 1});
    BOOST_TEST((warnings_until(1h) == times{1000, 3000}));
    BOOST_TEST(who() == "b");
}

BOOST_AUTO_TEST_CASE(a_renewal_does_not_put_them_off)
{
    acquire("a", {.ttl = 300ms, .grace = infinite, .auto_extend = true, .max_hold = 10s});
    acquire("b", {.priority = 1});
    BOOST_TEST((warnings_until(8s) == times{1000, 3000, 7000}));
    BOOST_TEST(who() == "revoking a <- b");
    acquire("c", {.ttl = 300ms, .grace = 500ms, .auto_extend = true, .max_hold = 10s}, "s");
    wait("c");
    acquire("d", {.priority = 1}, "s");
    BOOST_TEST((warnings_until(8600ms) == times{8500}));
    BOOST_TEST(who("s") == "revoking c <- d");
}

// The timer would keep the context from running out of work.
BOOST_AUTO_TEST_CASE(nobody_is_warned_for_when_nobody_waits)
{
    acquire("a", {.grace = infinite});
    acquire("b", {.priority = 1});
    clock_at(500ms);
    withdraw("b");
    BOOST_TEST(due() == -1);
    BOOST_TEST((warnings_until(5s) == times{}));
    BOOST_TEST(counted().overruns == 0u);

    acquire("c"); // finds it so
    BOOST_TEST(due() == 1000);
    BOOST_TEST(at_time(5s) == "a overruns");
    withdraw("c");
    acquire("d");
    BOOST_TEST(due() == 7000); // each newcomer is no warning of its own
    BOOST_TEST(counted().overruns == 1u);
}

BOOST_AUTO_TEST_CASE(a_late_timer_gives_one_warning)
{
    acquire("a", {.grace = infinite});
    acquire("b", {.priority = 1});
    BOOST_TEST(at_time(20s) == "a overruns");
    BOOST_TEST(due() == 31000);
}

BOOST_AUTO_TEST_CASE(a_timer_so_late_that_the_thief_has_given_up_gives_none)
{
    acquire("a", {.grace = infinite});
    acquire("b", {.priority = 1, .timeout = 2s});
    BOOST_TEST(at_time(20s) == "b acquire_timeout");
    BOOST_TEST(due() == -1);
}

BOOST_AUTO_TEST_CASE(every_victim_counts_from_when_it_was_told)
{
    acquire("a", {.grace = infinite});
    acquire("a/2");
    acquire("b", {.priority = 1, .grace = infinite});
    BOOST_TEST((warnings_until(1s) == times{1000})); // one for both handles
    release("a");
    BOOST_TEST((warnings_until(3s) == times{3000}));
    release("a/2");
    clock_at(10s);
    acquire("c", {.priority = 2});
    BOOST_TEST((warnings_until(12s) == times{11000}));
    BOOST_TEST(counted().overruns == 2u);
}

BOOST_AUTO_TEST_CASE(without_the_rule_nobody_overruns)
{
    table_driver off;
    off.acquire("a", {.grace = infinite});
    off.acquire("b", {.priority = 1});
    BOOST_TEST(off.due() == -1);
    off.acquire("c", {.grace = 1s}, "s");
    off.wait("c");
    off.acquire("d", {.priority = 1}, "s");
    BOOST_TEST(off.at_time(1s) == "");
    BOOST_TEST(off.due() == -1);
    BOOST_TEST(off.counted().overruns == 0u);
    off.handler_returns("c");
    off.wind_up();
    BOOST_TEST(off.violations.empty());
}

BOOST_AUTO_TEST_CASE(the_successor_is_the_best_waiter_or_who_was_granted_it_at_once)
{
    acquire("a", {.grace = infinite});
    acquire("b", {.priority = 1});
    BOOST_TEST(lock_table::successor(*at("a").h)->locker.view() == "b");
    acquire("c", {.priority = 2, .grace = 0ms});
    BOOST_TEST(lock_table::successor(*at("a").h)->locker.view() == "c");
    withdraw("c");
    withdraw("b");
    BOOST_TEST(!lock_table::successor(*at("a").h));
    acquire("d", {.grace = 0ms}, "s");
    acquire("e", {.priority = 1, .grace = 0ms}, "s");
    BOOST_TEST(who("s") == "e");
    BOOST_TEST(lock_table::successor(*at("d").h)->locker.view() == "e");
    acquire("f", {.priority = 2}, "s");
    BOOST_TEST(!lock_table::successor(*at("d").h)); // f is that of e
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
