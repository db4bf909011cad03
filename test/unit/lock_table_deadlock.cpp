// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace priority_redlock::test {

namespace {

struct deadlock_fixture : table_fixture
{
    deadlock_fixture() : table_fixture(default_idle_capacity, {.detect_deadlocks = true}) {}
};

// --- the same question, asked of everything at once ------------------------------------------------------------------

struct seen_waiter
{
    std::string locker;
    int rank = 0;
    bool preempt = true;
};

struct seen_resource
{
    std::string holder; // unless it is revoking
    int priority = 0;
    std::vector<seen_waiter> waiting; // in order
};

using seen_table = std::map<std::string, seen_resource>;

/// Every locker with those that it waits for.
std::map<std::string, std::set<std::string>> edges_of(const seen_table& table)
{
    std::map<std::string, std::set<std::string>> edges;
    for (const auto& [name, r] : table) {
        const bool holder_goes = !r.waiting.empty() && r.waiting.front().preempt && r.waiting.front().rank > r.priority;
        std::set<std::string> before;
        for (const auto& [locker, rank, preempt] : r.waiting) {
            if (!before.insert(locker).second)
                continue; // granted together with one further up
            auto& to = edges[locker];
            to.insert(before.begin(), before.end());
            to.erase(locker);
            if (!r.holder.empty() && !holder_goes)
                to.insert(r.holder);
        }
    }
    return edges;
}

bool has_cycle(const seen_table& table)
{
    const auto edges = edges_of(table);
    std::set<std::string> done, open;
    const std::function<bool(const std::string&)> descend = [&](const std::string& at) {
        if (open.contains(at))
            return true;
        if (done.contains(at))
            return false;
        open.insert(at);
        if (const auto it = edges.find(at); it != edges.end())
            for (const std::string& to : it->second)
                if (descend(to))
                    return true;
        open.erase(at);
        done.insert(at);
        return false;
    };
    for (const auto& each : edges)
        if (descend(each.first))
            return true;
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(lock_table_deadlock_off)

BOOST_FIXTURE_TEST_CASE(a_cycle_waits_for_ever, table_fixture)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    BOOST_TEST(acquire("a/2", {}, "s") == "");
    BOOST_TEST(acquire("b/2", {}, "r") == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(lock_table_deadlock, deadlock_fixture)

BOOST_AUTO_TEST_CASE(the_acquire_that_closes_a_cycle_fails)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    BOOST_TEST(acquire("a/2", {}, "s") == "");
    BOOST_TEST(acquire("b/2", {}, "r") == "b/2 deadlock");
    BOOST_TEST(take_cycle() == "locker=b -> resource=r -> locker=a -> resource=s -> locker=b");
    BOOST_TEST(take_cycle() == "");
    BOOST_TEST(who("r") == "a");
    BOOST_TEST(who("s") == "b <- a/2");
    BOOST_TEST(release("b") == "a/2 granted");
    BOOST_TEST(acquire("b/3", {}, "r") == ""); // waits for a, who waits for nobody now
    BOOST_TEST(counted().refusals == 1u);
}

BOOST_AUTO_TEST_CASE(a_longer_cycle_is_named_in_order)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    acquire("c", {}, "t");
    acquire("a/2", {}, "s");
    acquire("b/2", {}, "t");
    BOOST_TEST(acquire("x", {}, "r") == ""); // is in nobody's way
    BOOST_TEST(acquire("c/2", {}, "r") == "c/2 deadlock");
    BOOST_TEST(take_cycle()
               == "locker=c -> resource=r -> locker=a -> resource=s -> locker=b -> resource=t -> locker=c");
}

BOOST_AUTO_TEST_CASE(waiting_for_one_who_waits_is_no_cycle)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    BOOST_TEST(acquire("a/2", {}, "s") == "");
    BOOST_TEST(acquire("c", {}, "t") == "c granted");
    BOOST_TEST(acquire("c/2", {}, "r") == "");
    BOOST_TEST(release("b") == "a/2 granted");
}

BOOST_AUTO_TEST_CASE(a_wait_that_preemption_ends_is_none)
{
    acquire("a", {.priority = 0}, "r");
    acquire("b", {.priority = 0}, "s");
    acquire("a/2", {.priority = 0}, "s");
    BOOST_TEST(acquire("b/2", {.priority = 1}, "r") == "a revoking");
    BOOST_TEST(release("a") == "b/2 granted");
}

BOOST_AUTO_TEST_CASE(a_holder_that_was_told_to_go_is_not_waited_for)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    acquire("a/2", {}, "s");
    BOOST_TEST(acquire("thief", {.priority = 1}, "r") == "a revoking");
    BOOST_TEST(acquire("b/2", {}, "r") == ""); // for the thief only
}

BOOST_AUTO_TEST_CASE(who_is_ranked_before_is_waited_for)
{
    // a waits for r behind b, who waits for s, which a holds: nobody can go on once b has got r.
    acquire("h", {}, "r");
    acquire("a", {}, "s");
    acquire("b", {}, "r");
    BOOST_TEST(acquire("b/2", {}, "s") == "");
    BOOST_TEST(acquire("a/2", {}, "r") == "a/2 deadlock");
    BOOST_TEST(take_cycle() == "locker=a -> resource=r -> locker=b -> resource=s -> locker=a");
}

BOOST_AUTO_TEST_CASE(who_comes_in_between_is_waited_for_by_those_after_it)
{
    // b comes before a in the queue of r, and waits for s, which a holds.
    acquire("h", {.priority = 9}, "r");
    acquire("a", {}, "s");
    acquire("a/2", {}, "r");
    acquire("b", {}, "q");
    BOOST_TEST(acquire("b/2", {}, "s") == "");
    BOOST_TEST(acquire("b/3", {}, "r") == ""); // after a
    BOOST_TEST(acquire("b/4", {.priority = 1}, "r") == "b/4 deadlock");
    BOOST_TEST(take_cycle() == "locker=b -> resource=s -> locker=a -> resource=r -> locker=b");
    BOOST_TEST(who("r") == "h <- a/2 b/3");
}

BOOST_AUTO_TEST_CASE(waiters_of_one_locker_have_the_place_of_the_best)
{
    acquire("h", {.priority = 9}, "r");
    acquire("a", {}, "s");
    acquire("a/2", {.priority = 5}, "r");
    acquire("b", {.priority = 3}, "r");
    BOOST_TEST(acquire("b/2", {}, "s") == "");
    BOOST_TEST(acquire("a/3", {.priority = 1}, "r") == ""); // after b, but a is granted before it
    BOOST_TEST(release("h") == "a/2 granted, a/3 granted");
}

BOOST_AUTO_TEST_CASE(a_wait_that_loses_its_place_is_looked_at_anew)
{
    acquire("h", {.priority = 9}, "r");
    acquire("a", {}, "s");
    acquire("a/2", {.priority = 5}, "r");
    acquire("b", {.priority = 3}, "r");
    acquire("b/2", {}, "s");
    acquire("a/3", {.priority = 1}, "r");
    acquire("a/4", {.priority = 4}, "r");
    acquire("a/5", {.priority = 1, .timeout = 1s}, "r");
    BOOST_TEST(withdraw("a/2") == "a/2 aborted"); // a/4 is before b too
    BOOST_TEST(withdraw("a/4") == "a/4 aborted, a/3 deadlock, a/5 deadlock");
    BOOST_TEST(take_cycle() == "locker=a -> resource=r -> locker=b -> resource=s -> locker=a");
    BOOST_TEST(who("r") == "h <- b");
}

BOOST_AUTO_TEST_CASE(everybody_fails_for_the_same_reason_when_all_are_aborted)
{
    acquire("h", {.priority = 9}, "r");
    acquire("a", {}, "s");
    acquire("a/2", {.priority = 5}, "r");
    acquire("a/3", {.priority = 1}, "r");
    acquire("b", {.priority = 3}, "r");
    acquire("b/2", {}, "s");
    BOOST_TEST(fail_all() == "a/2 aborted, a/3 aborted, b aborted, b/2 aborted");
}

BOOST_AUTO_TEST_CASE(a_hand_over_closes_no_cycle)
{
    acquire("h", {.priority = 5}, "r");
    acquire("x", {}, "q");
    acquire("y", {}, "r");
    acquire("x/2", {}, "r");                               // after y
    BOOST_TEST(acquire("y/2", {}, "q") == "y/2 deadlock"); // now, and not when y has got r
    BOOST_TEST(release("h") == "y granted");
    BOOST_TEST(release("y") == "x/2 granted");
}

BOOST_AUTO_TEST_CASE(a_wait_that_was_given_up_is_none)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    acquire("a/2", {.timeout = 5ms}, "s");
    acquire("a/3", {}, "s");
    withdraw("a/3");
    BOOST_TEST(acquire("b/2", {}, "r") == "b/2 deadlock"); // timeouts are not considered
    at_time(5ms);
    BOOST_TEST(acquire("b/3", {}, "r") == "");
}

BOOST_AUTO_TEST_CASE(a_lock_that_has_expired_is_not_waited_for)
{
    acquire("a", {.ttl = 10ms}, "r");
    acquire("b", {}, "s");
    acquire("c", {}, "t");
    acquire("a/2", {}, "s");
    acquire("b/2", {}, "t");
    clock_at(10ms);
    BOOST_TEST(acquire("c/2", {}, "r") == "a expired, c/2 granted");
}

BOOST_AUTO_TEST_CASE(generated_lockers_are_never_part_of_a_cycle)
{
    acquire("?1", {}, "r");
    acquire("b", {}, "s");
    BOOST_TEST(acquire("?2", {}, "s") == "");
    BOOST_TEST(acquire("b/2", {}, "r") == "");
}

BOOST_AUTO_TEST_CASE(one_try_and_now_or_never)
{
    acquire("a", {}, "r");
    acquire("b", {}, "s");
    acquire("a/2", {}, "s");
    BOOST_TEST(acquire("b/2", {.timeout = 0ms}, "r") == "b/2 acquire_timeout");
    BOOST_TEST(acquire("b/3", {.max_attempts = 1}, "r") == "b/3 already_acquired");
}

BOOST_AUTO_TEST_CASE(T46_a_long_queue_is_walked_once)
{
    constexpr int many = 3000; // each waits for all before it
    acquire("first", {}, "r");
    for (int i = 0; i < many; ++i) {
        const std::string name = "w" + std::to_string(i);
        acquire(name + "/own", {}, name);
        BOOST_TEST_REQUIRE(acquire(name, {}, "r") == "");
    }
    BOOST_TEST(acquire("first/2", {}, "w" + std::to_string(many - 1)) == "first/2 deadlock");
}

BOOST_AUTO_TEST_CASE(random_schedules_have_no_cycle_and_no_refusal_without_one)
{
    int refused = 0, preempted = 0, waited = 0;
    for (unsigned seed = 1; seed <= 1500; ++seed) {
        std::mt19937 random(seed);
        const auto pick = [&random](std::size_t n) { return random() % n; };
        deadlock_fixture table;
        std::vector<std::string> names;
        const auto look = [&table] {
            seen_table result;
            table.for_each([&result](const detail::resource& r) {
                auto& seen = result[std::string(r.name())];
                if (r.status == detail::resource_status::held) {
                    seen.holder = r.holds.front().locker.view();
                    seen.priority = r.priority;
                }
                for (const waiter& w : r.waiting)
                    seen.waiting.push_back({std::string(w.target->locker.view()), w.priority, w.preempt});
            });
            return result;
        };
        const std::size_t lockers = 2 + pick(4), resources = 2 + pick(4), priorities = 1 + pick(3);
        for (int step = 0; step < 80; ++step) {
            if (pick(3) != 0) {
                const std::string locker(1, static_cast<char>('a' + pick(lockers)));
                const std::string name = locker + '/' + std::to_string(step);
                const std::string resource(1, static_cast<char>('r' + pick(resources)));
                const int priority = static_cast<int>(pick(priorities));
                const bool preempt = pick(3) != 0;
                seen_table before = look();
                const std::string result = table.acquire(
                    name, {.priority = priority, .preempt = preempt, .grace = pick(2) == 0 ? 0ms : 1h}, resource);
                names.push_back(name);
                waited += result.empty();
                preempted += result.find("revoking") != std::string::npos;
                if (result.find("deadlock") != std::string::npos) {
                    ++refused;
                    auto& waiting = before[resource].waiting;
                    const auto place = std::find_if(waiting.begin(), waiting.end(),
                                                    [priority](const auto& w) { return w.rank < priority; });
                    waiting.insert(place, {locker, priority, preempt});
                    BOOST_TEST_REQUIRE(has_cycle(before), "seed " << seed << ": refused without a reason");
                    BOOST_TEST(!table.take_cycle().empty());
                }
            } else if (!names.empty()) {
                const std::string& name = names[pick(names.size())];
                if (table.at(name).waits()) {
                    if (pick(3) == 0)
                        table.withdraw(name);
                } else if (table.at(name).has_handle) {
                    table.drop(name);
                }
            }
            BOOST_TEST_REQUIRE(!has_cycle(look()), "seed " << seed << ": a cycle that waits for ever");
        }
        table.teardown();
    }
    BOOST_TEST(refused > 3000);
    BOOST_TEST(preempted > 500);
    BOOST_TEST(waited > 10000);
    BOOST_TEST_MESSAGE(refused << " refused, " << preempted << " preempted, " << waited << " waited");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
