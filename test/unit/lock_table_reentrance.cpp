// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <set>
#include <string>

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_reentrance, table_fixture)

BOOST_AUTO_TEST_CASE(the_holder_gets_another_handle_at_once)
{
    acquire("a");
    acquire("b");
    BOOST_TEST(acquire("a/2") == "a/2 granted");
    BOOST_TEST(acquire("a/3", {.timeout = 0s, .max_attempts = 1}) == "a/3 granted");
    BOOST_TEST(who() == "a a/2 a/3 <- b");
}

BOOST_AUTO_TEST_CASE(the_resource_is_freed_with_the_last_handle)
{
    acquire("a");
    acquire("a/2");
    acquire("a/3");
    acquire("b");
    BOOST_TEST(release("a") == "");
    BOOST_TEST(state("a") == lock_state::released);
    BOOST_TEST(state("a/2") == lock_state::held);
    BOOST_TEST(drop("a/3") == "");
    BOOST_TEST(release("a/2") == "b granted");
}

BOOST_AUTO_TEST_CASE(a_release_tells_only_its_own_handle)
{
    acquire("a");
    acquire("a/2");
    wait("a");
    wait("a/2");
    BOOST_TEST(release("a") == "a released");
    BOOST_TEST(release("a/2") == "a/2 released");
    handler_returns("a");
    handler_returns("a/2");
}

BOOST_AUTO_TEST_CASE(P1_a_handle_can_raise_the_priority_while_others_wait)
{
    acquire("a", {.priority = 1});
    acquire("b", {.priority = 1});
    BOOST_TEST(acquire("a/2", {.priority = 3}) == "a/2 granted");
    BOOST_TEST(priority("a") == 3);
    BOOST_TEST(priority("a/2") == 3);
    BOOST_TEST(acquire("c", {.priority = 2}) == "");
    BOOST_TEST(acquire("d", {.priority = 3}) == "");
    BOOST_TEST(acquire("e", {.priority = 4}) == "a revoking, a/2 revoking");
}

BOOST_AUTO_TEST_CASE(P1_a_handle_of_lower_priority_does_not_lower_it)
{
    acquire("a", {.priority = 3});
    acquire("a/2", {.priority = 1});
    BOOST_TEST(priority("a") == 3);
    BOOST_TEST(priority("a/2") == 3);
    BOOST_TEST(acquire("b", {.priority = 2}) == "");
}

BOOST_AUTO_TEST_CASE(P1_the_priority_stays_raised_until_the_last_handle_is_gone)
{
    acquire("a", {.priority = 1});
    acquire("a/2", {.priority = 3});
    release("a/2");
    BOOST_TEST(priority("a") == 3);
    BOOST_TEST(acquire("b", {.priority = 2}) == "");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(priority("b") == 2);
    release("b");
    acquire("a/3", {.priority = 1});
    BOOST_TEST(priority("a/3") == 1);
}

BOOST_AUTO_TEST_CASE(P1_a_priority_can_be_raised_by_itself_but_not_lowered)
{
    acquire("a", {.priority = 1});
    acquire("a/2");
    acquire("b");
    BOOST_TEST(raise("a/2", 3) == "");
    BOOST_TEST(priority("a") == 3);
    BOOST_TEST(priority("a/2") == 3);
    BOOST_TEST(raise("a", 2) == "");
    BOOST_TEST(priority("a") == 3);
    BOOST_TEST(acquire("c", {.priority = 3}) == "");
    BOOST_TEST(acquire("d", {.priority = 4}) == "a revoking, a/2 revoking");
    BOOST_TEST(raise("a", 9) == "a not held");
    BOOST_TEST(priority("a") == 3);
}

BOOST_AUTO_TEST_CASE(the_ttl_of_the_first_stays)
{
    acquire("a", {.ttl = 20ms});
    clock_at(5ms);
    acquire("a/2", {.ttl = 100ms});
    acquire("a/3", {.ttl = 1ms});
    acquire("a/4");
    for (const char* name : {"a", "a/2", "a/3", "a/4"})
        BOOST_TEST(expires(name) == 20);
    BOOST_TEST(release("a") == "");
    BOOST_TEST(due() == 20);
    BOOST_TEST(at_time(19ms) == "");
    BOOST_TEST(at_time(20ms) == "a/2 expired, a/3 expired, a/4 expired");
}

BOOST_AUTO_TEST_CASE(an_infinite_ttl_of_the_first_stays_too)
{
    acquire("a");
    acquire("a/2", {.ttl = 1ms});
    BOOST_TEST(due() == -1);
    BOOST_TEST(expires("a/2") == -1);
}

BOOST_AUTO_TEST_CASE(P3_the_grace_is_the_longest)
{
    acquire("a", {.grace = 10ms});
    acquire("a/2", {.grace = 30ms});
    acquire("a/3", {.grace = 20ms});
    acquire("b", {.priority = 1});
    BOOST_TEST(due() == 30);
    BOOST_TEST(at_time(29ms) == "");
    BOOST_TEST(at_time(30ms) == "b granted");
}

BOOST_AUTO_TEST_CASE(P3_the_next_holder_does_not_inherit_the_grace)
{
    acquire("a", {.grace = 30ms});
    acquire("b", {.grace = 10ms});
    release("a");
    acquire("c", {.priority = 1});
    BOOST_TEST(due() == 10);
}

BOOST_AUTO_TEST_CASE(own_waiters_are_granted_together)
{
    acquire("a");
    acquire("b", {.priority = 5, .timeout = 1s});
    acquire("c", {.priority = 4});
    acquire("b/2", {.timeout = 1s});
    acquire("b/3", {.priority = -7, .ttl = 5ms, .max_attempts = 9});
    BOOST_TEST(release("a") == "b granted, b/2 granted, b/3 granted");
    BOOST_TEST(who() == "b b/2 b/3 <- c");
    BOOST_TEST(priority("b/3") == 5);
    BOOST_TEST(expires("b/3") == -1);
    BOOST_TEST(due() == -1); // none of their timeouts is left
    BOOST_TEST(token("b/2") == token("b"));
    BOOST_TEST(token("b/3") == token("b"));
}

BOOST_AUTO_TEST_CASE(own_waiters_are_granted_together_whichever_is_the_best)
{
    acquire("a", {.priority = 9});
    acquire("b");
    acquire("b/2");
    acquire("b/3", {.priority = 3, .ttl = 7ms});
    acquire("c", {.priority = 2});
    BOOST_TEST(who() == "a <- b/3 c b b/2");
    BOOST_TEST(release("a") == "b/3 granted, b granted, b/2 granted");
    for (const char* name : {"b", "b/2", "b/3"}) {
        BOOST_TEST(priority(name) == 3);
        BOOST_TEST(expires(name) == 7);
    }
}

BOOST_AUTO_TEST_CASE(I7_own_waiters_that_are_granted_together_come_in_the_order_of_their_rank)
{
    // b/3 came last, and yet its completion would be the second to run.
    acquire("a", {.priority = 9});
    acquire("b", {.priority = 0});
    acquire("b/2", {.priority = 5});
    acquire("b/3", {.priority = 0});
    BOOST_TEST(who() == "a <- b/2 b b/3");
    BOOST_TEST(release("a") == "b/2 granted, b granted, b/3 granted");
}

BOOST_AUTO_TEST_CASE(own_waiters_of_another_resource_are_not)
{
    acquire("a", {}, "one");
    acquire("a/2", {}, "two");
    acquire("b", {}, "one");
    acquire("b/2", {}, "two");
    BOOST_TEST(release("a") == "b granted");
    BOOST_TEST(who("two") == "a/2 <- b/2");
}

BOOST_AUTO_TEST_CASE(a_revoking_lock_is_not_held_so_its_locker_queues)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(acquire("a/2") == "");
    BOOST_TEST(acquire("a/3", {.timeout = 0s}) == "a/3 acquire_timeout");
    BOOST_TEST(acquire("a/4", {.max_attempts = 1}) == "a/4 already_acquired");
    BOOST_TEST(who() == "revoking a <- b a/2");
    BOOST_TEST(priority("a") == 0);
}

BOOST_AUTO_TEST_CASE(a_handle_of_the_earlier_loss_is_no_handle_of_the_new_lock)
{
    acquire("a", {.grace = 10ms});
    acquire("b", {.priority = 1, .grace = 0s});
    at_time(10ms);
    acquire("a/2", {.priority = 2});
    BOOST_TEST(who() == "a/2");
    BOOST_TEST(release("a") == "a not held");
    BOOST_TEST(who() == "a/2");
    BOOST_TEST(token("a") < token("a/2"));
}

BOOST_AUTO_TEST_CASE(generated_ids_are_lockers_of_their_own)
{
    BOOST_TEST(acquire("?1") == "?1 granted");
    BOOST_TEST(acquire("?2") == "");
    BOOST_TEST(acquire("?3") == "");
    BOOST_TEST(release("?1") == "?2 granted"); // and ?3 is not its sibling
    BOOST_TEST(who() == "?2 <- ?3");
    BOOST_TEST((at("?2").h->locker.view() != at("?3").h->locker.view()));
}

BOOST_AUTO_TEST_CASE(generated_ids_differ_over_all_lengths)
{
    std::set<std::string> ids;
    for (int i = 0; i < 1200; ++i) {
        const std::string name = '?' + std::to_string(i);
        acquire(name, {}, name);
        const std::string id(at(name).h->locker.view());
        BOOST_TEST(id == '#' + std::to_string(i + 1));
        ids.insert(id);
    }
    BOOST_TEST(ids.size() == 1200u);
}

BOOST_AUTO_TEST_CASE(a_generated_id_never_equals_a_users_of_the_same_text)
{
    acquire("?1");
    BOOST_TEST(at("?1").h->locker.view() == "#1");
    BOOST_TEST(acquire("#1") == ""); // a user's
    BOOST_TEST(acquire("#1/2") == "");
    BOOST_TEST(release("?1") == "#1 granted, #1/2 granted");
    acquire("other", {}, "elsewhere");
    BOOST_TEST(acquire("?2", {}, "elsewhere") == "");
    BOOST_TEST(acquire("#2", {}, "elsewhere") == "");
    BOOST_TEST(release("other") == "?2 granted");
    BOOST_TEST(who("elsewhere") == "?2 <- #2");
    BOOST_TEST(at("?2").h->locker.view() == "#2");
    BOOST_TEST(acquire("#2/2", {}, "elsewhere") == ""); // nor as a holder
}

BOOST_AUTO_TEST_CASE(a_users_hash_id_that_holds_does_not_let_a_generated_one_in)
{
    BOOST_TEST(acquire("#1") == "#1 granted");
    BOOST_TEST(acquire("?1") == "");
    BOOST_TEST(at("?1").h->locker.view() == "#1");
    BOOST_TEST(who() == "#1 <- ?1");
}

// Waiters of one locker form a ring; any of them may leave it.

BOOST_AUTO_TEST_CASE(siblings_withdraw_the_first)
{
    acquire("a");
    for (const char* name : {"b", "b/2", "b/3"})
        acquire(name);
    BOOST_TEST(withdraw("b") == "b aborted");
    acquire("b/4");
    BOOST_TEST(release("a") == "b/2 granted, b/3 granted, b/4 granted");
}

BOOST_AUTO_TEST_CASE(siblings_withdraw_the_middle)
{
    acquire("a");
    for (const char* name : {"b", "b/2", "b/3"})
        acquire(name);
    BOOST_TEST(withdraw("b/2") == "b/2 aborted");
    acquire("b/4");
    BOOST_TEST(release("a") == "b granted, b/3 granted, b/4 granted");
}

BOOST_AUTO_TEST_CASE(siblings_withdraw_the_last)
{
    acquire("a");
    for (const char* name : {"b", "b/2", "b/3"})
        acquire(name);
    BOOST_TEST(withdraw("b/3") == "b/3 aborted");
    acquire("b/4");
    BOOST_TEST(release("a") == "b granted, b/2 granted, b/4 granted");
}

BOOST_AUTO_TEST_CASE(siblings_withdraw_all_but_one)
{
    acquire("a");
    for (const char* name : {"b", "b/2", "b/3"})
        acquire(name);
    acquire("c");
    withdraw("b");
    withdraw("b/3");
    BOOST_TEST(who() == "a <- b/2 c");
    BOOST_TEST(release("a") == "b/2 granted");
    BOOST_TEST(release("b/2") == "c granted");
}

BOOST_AUTO_TEST_CASE(siblings_withdraw_all_and_come_again)
{
    acquire("a");
    acquire("b");
    acquire("b/2");
    withdraw("b");
    withdraw("b/2");
    drop("b");
    acquire("b/3");
    acquire("b/4");
    BOOST_TEST(release("a") == "b/3 granted, b/4 granted");
}

BOOST_AUTO_TEST_CASE(siblings_time_out_one_by_one)
{
    acquire("a");
    acquire("b", {.timeout = 1ms});
    acquire("b/2", {.timeout = 3ms});
    acquire("b/3", {.timeout = 2ms});
    acquire("b/4");
    BOOST_TEST(at_time(1ms) == "b acquire_timeout");
    BOOST_TEST(at_time(2ms) == "b/3 acquire_timeout");
    BOOST_TEST(at_time(3ms) == "b/2 acquire_timeout");
    BOOST_TEST(release("a") == "b/4 granted");
}

BOOST_AUTO_TEST_CASE(siblings_of_two_lockers_do_not_mix)
{
    acquire("a");
    for (const char* name : {"b", "c", "b/2", "c/2", "b/3"})
        acquire(name);
    BOOST_TEST(release("a") == "b granted, b/2 granted, b/3 granted");
    BOOST_TEST(drop("b") == "");
    BOOST_TEST(drop("b/2") == "");
    BOOST_TEST(drop("b/3") == "c granted, c/2 granted");
}

// A short queue is searched for siblings, a long one has an index: the same must come of both, and of one that grows or
// shrinks meanwhile.

/// Queues others behind, some with a generated id, and takes them out again.
struct long_queue : table_fixture
{
    void others(int from, int to)
    {
        for (int i = from; i < to; ++i)
            acquire(name(i), {.priority = -1});
    }

    void others_leave(int from, int to)
    {
        for (int i = from; i < to; ++i)
            withdraw(name(i));
    }

    static std::string name(int i) { return (i % 3 == 0 ? "?" : "x") + std::to_string(i); }
};

BOOST_AUTO_TEST_CASE(siblings_find_each_other_in_queues_of_every_length)
{
    for (int before = 0; before < 12; ++before)
        for (int between = before; between < 24; between += 3) {
            long_queue queue;
            queue.acquire("a");
            queue.others(0, before);
            queue.acquire("b");
            queue.others(before, between);
            queue.acquire("b/2");
            queue.acquire("c");
            queue.acquire("b/3");
            BOOST_TEST(queue.withdraw("b") == "b aborted");
            queue.acquire("b/4");
            BOOST_TEST(queue.release("a") == "b/2 granted, b/3 granted, b/4 granted",
                       before << " others before the first, " << between << " before the second");
            for (const char* each : {"b/2", "b/3", "b/4"})
                queue.drop(each);
            queue.acquire("b/5"); // those before are forgotten
            queue.acquire("b/6");
            BOOST_TEST(queue.drop("c") == "b/5 granted, b/6 granted",
                       before << " others before the first, " << between << " before the second");
            queue.teardown();
        }
}

BOOST_FIXTURE_TEST_CASE(siblings_find_each_other_while_their_queue_grows_and_shrinks, long_queue)
{
    acquire("a");
    acquire("b");
    others(0, 20);
    acquire("b/2");
    others_leave(0, 20);
    acquire("b/3"); // short again
    others(20, 40);
    acquire("b/4");
    BOOST_TEST(release("a") == "b granted, b/2 granted, b/3 granted, b/4 granted");
    others_leave(20, 40); // empty
    acquire("c");
    acquire("c/2");
    others(40, 60);
    acquire("c/3");
    for (const char* each : {"b", "b/2", "b/3"})
        BOOST_TEST(drop(each) == "");
    BOOST_TEST(drop("b/4") == "c granted, c/2 granted, c/3 granted");
}

BOOST_AUTO_TEST_CASE(siblings_are_dropped_before_their_delivery_one_by_one)
{
    delivers_at_once = false;
    acquire("a");
    deliver("a");
    acquire("b");
    acquire("b/2");
    acquire("c");
    BOOST_TEST(release("a") == "b granted, b/2 granted");
    BOOST_TEST(drop("b") == "");
    BOOST_TEST(drop("b/2") == "c granted");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
