// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

// Rounds: nodes are asked, and their votes counted.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using mode = quorum_driver::mode;
using verdict = quorum_driver::verdict;

std::string to(const std::string& what, std::size_t first, std::size_t last)
{
    std::string result = what;
    for (std::size_t i = first; i < last; ++i)
        result += ' ' + std::to_string(i);
    return result;
}

BOOST_AUTO_TEST_SUITE(quorum_client)

BOOST_AUTO_TEST_CASE(R2_all_nodes_are_asked_at_once_and_the_quorum_decides_for_every_number_of_nodes)
{
    for (std::size_t n = 1; n <= 7; ++n) {
        const std::size_t quorum = n / 2 + 1;
        quorum_driver d(n);
        BOOST_TEST_CONTEXT(n << " nodes")
        {
            BOOST_TEST(d.obtain() == to("obtain", 0, n));
            for (std::size_t i = 0; i + 1 < quorum; ++i)
                BOOST_TEST(d.granted(n - 1 - i) == "");
            BOOST_TEST(d.granted(0) == "1 granted until 988 ms");     // 1 s, less 1 % and 2 ms
            BOOST_TEST((d.timer() == quorum_driver::check_interval)); // nothing but that
        }
    }
}

BOOST_AUTO_TEST_CASE(R2_impossible_is_when_too_few_are_left_for_a_quorum)
{
    for (std::size_t n = 1; n <= 7; ++n) {
        const std::size_t impossible = n - (n / 2 + 1) + 1;
        quorum_driver d(n);
        d.obtain();
        BOOST_TEST_CONTEXT(n << " nodes")
        {
            for (std::size_t i = 0; i + 1 < impossible; ++i)
                BOOST_TEST(d.waiting(i) == "");
            BOOST_TEST(d.waiting(impossible - 1) == "1 waiting");
            // What is answered later is given back if it is a grant.
            if (impossible != n)
                BOOST_TEST(d.granted(n - 1) == to("yield", n - 1, n));
        }
    }
}

BOOST_AUTO_TEST_CASE(T4_half_of_an_even_number_is_no_quorum_and_ends_the_round)
{
    quorum_driver d(4);
    d.obtain();
    BOOST_TEST(d.granted(0) == "");
    BOOST_TEST(d.waiting(2) == "");
    BOOST_TEST(d.granted(1) == "");
    BOOST_TEST(d.waiting(3) == "yield 0 1; 1 waiting");
}

BOOST_AUTO_TEST_CASE(T42_the_nodes_are_told_how_long_it_has_waited_in_its_manager)
{
    quorum_driver d(3);
    d.obtain(1, {.waited = 2s});
    BOOST_TEST(d.last_call(0).waited == 2'000'000);
}

BOOST_AUTO_TEST_CASE(T41_nodes_that_are_down_are_no_refusals_and_one_that_is_not_to_wait_is_refused_by_a_quorum)
{
    for (const std::size_t n : {3u, 4u, 5u, 7u})
        for (const mode how : {mode::now, mode::once}) {
            const std::size_t quorum = n / 2 + 1;
            quorum_driver d(n);
            for (std::size_t i = quorum; i < n; ++i)
                d.down(i);
            BOOST_TEST_CONTEXT(n << " nodes, mode " << static_cast<int>(how))
            {
                BOOST_TEST(d.obtain(1, {.how = how}) == to("obtain", 0, quorum));
                for (std::size_t i = 0; i + 1 < quorum; ++i)
                    BOOST_TEST(d.refused(i) == "");
                BOOST_TEST(d.refused(quorum - 1) == to("release", 0, quorum) + "; 1 refused");
            }
        }
}

BOOST_AUTO_TEST_CASE(T41_one_that_is_not_to_wait_has_no_quorum_where_none_answers)
{
    for (const mode how : {mode::now, mode::once}) {
        quorum_driver d(3);
        d.down(2);
        d.obtain(1, {.how = how});
        BOOST_TEST(d.refused(0) == "");
        const std::string told = d.down(1);
        BOOST_TEST(told.ends_with(how == mode::now ? "1 no quorum" : "1 waiting"), told);
        const std::string later = d.after(1s);
        BOOST_TEST(later.ends_with(how == mode::now ? "" : "1 failed: no quorum"), later);
    }
}

BOOST_AUTO_TEST_CASE(T41_one_attempt_is_over_when_nodes_refuse_that_it_cannot_do_without)
{
    quorum_driver d(5);
    d.down(3);
    d.down(4);
    d.obtain(1, {.how = mode::once});
    d.granted(0);
    d.refused(1);
    BOOST_TEST(d.refused(2) == "release 0 1 2; 1 refused");
}

BOOST_AUTO_TEST_CASE(replies_in_every_order_give_the_same)
{
    std::vector<std::size_t> order(5);
    std::iota(order.begin(), order.end(), 0);
    do {
        quorum_driver d(5);
        d.obtain();
        std::string told;
        for (const std::size_t i : order)
            told += i < 2 ? d.waiting(i) : d.granted(i); // 0 and 1 have another holder
        BOOST_TEST_REQUIRE(told == "1 granted until 988 ms");
    } while (std::next_permutation(order.begin(), order.end()));
}

BOOST_AUTO_TEST_CASE(the_slowest_are_not_waited_for_and_may_answer_later)
{
    quorum_driver d(5);
    d.obtain();
    d.granted(0);
    d.granted(3);
    BOOST_TEST(d.granted(4) == "1 granted until 988 ms");
    d.after(500ms);
    BOOST_TEST(d.granted(1) == "");
    BOOST_TEST(d.waiting(2) == "");
    BOOST_TEST(d.end() == "release 0 1 2 3 4"); // to all, answered or not
}

BOOST_AUTO_TEST_CASE(R2_T5_validity_counts_from_the_send_and_a_grant_that_is_over_is_none)
{
    quorum_driver d(3);
    d.obtain(1, {.ttl = 100ms});
    d.granted(0);
    d.without_timer(96ms);
    BOOST_TEST(d.granted(1) == "1 granted until 97 ms");

    quorum_driver late(3);
    late.obtain(1, {.ttl = 100ms});
    late.granted(0);
    late.without_timer(97ms); // and the validity is 100 - 1 - 2
    BOOST_TEST(late.granted(1) == "yield 0 1 2; 1 waiting");
}

BOOST_AUTO_TEST_CASE(R2_T12_validity_counts_from_the_earliest_send_that_is_relied_on)
{
    quorum_driver d(3);
    let_wait(d, 3);
    d.after(10ms);
    BOOST_TEST(d.wake(2) == "obtain 2");
    d.granted(2);
    d.after(20ms);
    BOOST_TEST(d.wake(1) == "obtain 1");
    BOOST_TEST(d.granted(1) == "1 granted until 998 ms"); // 10 + 1000 - 12
    d.after(20ms);
    d.wake(0);
    BOOST_TEST(d.granted(0) == ""); // it could do without the earliest now, and does not
}

BOOST_AUTO_TEST_CASE(R2_T7_a_round_whose_time_is_up_gives_its_minority_back_and_stays_queued)
{
    quorum_driver d(5);
    d.obtain();
    d.granted(0);
    d.waiting(1);
    BOOST_TEST(d.after(99ms) == "");
    BOOST_TEST(d.after(1ms).starts_with("yield 0 2 3 4")); // those too that have not answered
    BOOST_TEST(d.last_call(2).round == 1);
}

BOOST_AUTO_TEST_CASE(R2_the_time_of_a_round_is_at_most_a_third_of_the_ttl)
{
    quorum_driver d(3);
    d.obtain(1, {.ttl = 30ms});
    d.granted(0);
    BOOST_TEST((d.timer() == 10ms));
}

BOOST_AUTO_TEST_CASE(R2_a_reply_that_is_older_than_the_yield_is_ignored)
{
    quorum_driver d(3);
    d.obtain();
    const auto slow = d.take(2);
    d.granted(0);
    d.waiting(1);
    d.without_timer(100ms);
    BOOST_TEST(d.after(0ms) == "yield 0 2; 1 waiting");
    // It was granted, and given back with the yield that follows on the same connection.
    BOOST_TEST(d.reply_to(slow, {.what = verdict::granted, .number = slow.token}) == "");
    BOOST_TEST(d.wake(1) == "obtain 1 0 2");
    BOOST_TEST(d.granted(1) == ""); // with that of 2 it would have been a quorum
}

BOOST_AUTO_TEST_CASE(R2_a_reply_that_comes_twice_counts_once)
{
    quorum_driver d(3);
    d.obtain();
    const auto c = d.take(0);
    BOOST_TEST(d.reply_to(c, {.what = verdict::granted, .number = c.token}) == "");
    BOOST_TEST(d.reply_to(c, {.what = verdict::granted, .number = c.token}) == "");
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(a_wait_is_told_once_and_its_grant_is_an_event)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(0);
    BOOST_TEST(d.waiting(1) == "1 waiting");
    d.waiting(2);
    d.wake(0);
    d.wake(1);
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

// --- once, now -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(now_is_granted_at_once_or_refused)
{
    quorum_driver d(3);
    BOOST_TEST(d.obtain(1, {.how = mode::now}) == "obtain 0 1 2");
    d.granted(0);
    d.refused(1);
    BOOST_TEST(d.refused(2) == "release 0 1 2; 1 refused");
    BOOST_TEST(d.after(10s) == "");

    quorum_driver free(3);
    free.obtain(1, {.how = mode::now});
    free.granted(0);
    BOOST_TEST(free.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(once_that_does_not_outrank_the_holder_is_refused)
{
    quorum_driver d(3);
    d.obtain(1, {.how = mode::once});
    d.refused(0);
    BOOST_TEST(d.refused(2) == "release 0 1 2; 1 refused");
}

BOOST_AUTO_TEST_CASE(once_that_outranks_waits_for_the_hand_shake)
{
    quorum_driver d(3);
    d.obtain(1, {.priority = 9, .how = mode::once});
    d.waiting(0, {.outranks = true});
    BOOST_TEST(d.waiting(1, {.outranks = true}) == "1 waiting");
}

BOOST_AUTO_TEST_CASE(once_is_refused_by_nodes_at_different_times)
{
    quorum_driver d(3);
    d.obtain(1, {.priority = 9, .how = mode::once});
    d.waiting(0, {.outranks = true});
    d.waiting(1, {.outranks = true});
    d.granted(2); // too late, and given back
    d.done(2);
    d.after(10ms);
    d.wake(0);
    d.refused(0); // somebody with a higher priority has come
    d.granted(2);
    BOOST_TEST(d.after(100ms) == "yield 2; obtain 1");
    BOOST_TEST(d.refused(1) == "release 0 1 2; 1 failed: already acquired");
}

BOOST_AUTO_TEST_CASE(once_is_refused_by_an_answer_that_comes_when_the_round_is_over)
{
    quorum_driver d(3);
    d.obtain(1, {.priority = 9});
    d.obtain(1, {.priority = 9, .how = mode::once});
    for (std::size_t i = 0; i < 3; ++i)
        d.waiting(i, {.outranks = true}); // the first time that it was asked
    d.waiting(0, {.outranks = true});
    d.refused(1);
    BOOST_TEST(d.refused(2) == "release 0 1 2; 1 failed: already acquired");
}

/// Else it would keep what is granted late, and wait for nodes that it has not asked.
BOOST_AUTO_TEST_CASE(R6_a_round_that_begins_before_the_last_one_is_answered_asks_all)
{
    quorum_driver d(5);
    d.obtain(1);
    d.waiting(0);
    d.waiting(1);
    d.waiting(2); // it is given up, and 3 and 4 have not answered
    BOOST_TEST(d.wake(0) == "obtain 1 2 0");
    d.granted(3);
    d.granted(4);
    d.waiting(0);
    d.waiting(1);
    BOOST_TEST(d.waiting(2) == "yield 3 4");
}

BOOST_AUTO_TEST_CASE(R6_a_wake_that_comes_while_its_node_is_asked_has_it_ask_where_it_yielded)
{
    quorum_driver d(3);
    d.obtain(1, {.priority = 9});
    d.granted(0);
    d.waiting(1, {.outranks = true});
    BOOST_TEST(d.waiting(2) == "yield 0; obtain 1; 1 waiting"); // and the holder is told that a quorum has answered
    d.done(0);
    BOOST_TEST(d.wake(1) == "");
    BOOST_TEST(d.granted(1) == "obtain 0");
    BOOST_TEST(d.granted(0) == "1 granted until 988 ms");
}

// --- no quorum -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R10_without_a_quorum_it_withdraws_and_comes_back_with_its_ticket)
{
    quorum_driver d(3);
    let_wait(d, 3);
    const auto ticket = [&] {
        d.wake(0);
        const auto result = d.last_call(0).about->ticket;
        d.waiting(0);
        for (std::size_t i = 1; i < 3; ++i)
            while (d.unanswered(i) != 0)
                d.waiting(i);
        return result;
    }();
    d.after(100ms);
    for (std::size_t i = 0; i < 3; ++i)
        while (d.unanswered(i) != 0)
            d.done(i);
    d.down(1);
    d.down(2);
    BOOST_TEST(!d.client().has_quorum());
    BOOST_TEST(d.after(800ms) == "release 0"); // lest it block everybody with a minority
    d.done(0);
    BOOST_TEST(d.wake(0) == "");
    BOOST_TEST(d.after(3s) == "");
    d.up(1);
    BOOST_TEST(d.reply(1, {.what = verdict::ready}) == "obtain 0 1");
    BOOST_TEST(d.last_call(0).about->ticket == ticket);
    d.granted(0);
    BOOST_TEST(d.granted(1) != "");
}

BOOST_AUTO_TEST_CASE(R10_nodes_that_vote_but_fail_for_this_lock_are_no_quorum)
{
    const quorum_driver::answer wrong_type{.what = verdict::failed, .text = "WRONGTYPE"};
    const auto fail_all = [&](quorum_driver& d) {
        std::string happened;
        for (std::size_t i = 0; i < 3; ++i)
            while (d.unanswered(i) != 0)
                happened += d.reply(i, wrong_type);
        return happened;
    };
    quorum_driver d(3);
    d.obtain();
    std::string happened = fail_all(d);
    for (int i = 0; i < 99; ++i) { // for 9.9 s
        d.after(100ms);
        happened += fail_all(d);
    }
    BOOST_TEST(happened.find("no quorum") == std::string::npos, happened);
    BOOST_TEST(d.client().has_quorum());
    BOOST_TEST(d.after(100ms).find("1 failed: no quorum") != std::string::npos);

    // Once a quorum has answered, the time begins anew.
    quorum_driver cured(3);
    cured.obtain();
    for (int i = 0; i < 50; ++i) {
        fail_all(cured);
        cured.after(100ms);
    }
    for (std::set<std::size_t> waits_at; waits_at.size() < 2; cured.after(10ms))
        for (const std::size_t i : {0u, 1u})
            if (cured.unanswered(i) != 0) {
                cured.waiting(i);
                waits_at.insert(i);
            }
    for (int i = 0; i < 99; ++i) {
        fail_all(cured);
        happened = cured.after(100ms);
        BOOST_TEST(happened.find("no quorum") == std::string::npos, i << happened);
    }

    // One that does not wait is told at once.
    quorum_driver now(3);
    now.obtain(1, {.how = mode::now});
    BOOST_TEST(fail_all(now).find("1 no quorum") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
