// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/quorum_client.hpp"

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <numeric>
#include <set>

// The client's decisions, step by step: the test is the nodes and the manager, and says what time it is.

namespace {

using namespace std::chrono_literals;
using priority_redlock::redis_options;
using test::quorum_driver;
using mode = quorum_driver::mode;
using step = quorum_driver::step;
using verdict = quorum_driver::verdict;

std::string to(const std::string& what, std::size_t first, std::size_t last)
{
    std::string result = what;
    for (std::size_t i = first; i < last; ++i)
        result += ' ' + std::to_string(i);
    return result;
}

/// Acquisition 1 holds what it has been granted by all nodes, from 0 to 988 ms.
void let_hold(quorum_driver& d, std::size_t nodes, const quorum_driver::wish& w = {})
{
    d.obtain(1, w);
    for (std::size_t i = 0; i < nodes; ++i)
        d.granted(i);
}

/// Acquisition 1 waits at all nodes.
void let_wait(quorum_driver& d, std::size_t nodes, const quorum_driver::wait_reply& r = {})
{
    d.obtain();
    for (std::size_t i = 0; i < nodes; ++i)
        d.waiting(i, r);
    for (std::size_t i = 0; i < nodes; ++i)
        while (d.unanswered(i) != 0)
            d.done(i);
}

BOOST_AUTO_TEST_SUITE(quorum_client)

// --- obtaining -------------------------------------------------------------------------------------------------------

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
            BOOST_TEST(d.granted(0) == "1 granted until 988 ms");                  // 1 s, less 1 % and 2 ms
            BOOST_TEST((d.timer() == quorum_driver::client_type::check_interval)); // nothing but that
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
    BOOST_TEST(d.reply_to(slow, {.what = verdict::granted, .number = slow.number}) == "");
    BOOST_TEST(d.wake(1) == "obtain 1 0 2");
    BOOST_TEST(d.granted(1) == ""); // with that of 2 it would have been a quorum
}

BOOST_AUTO_TEST_CASE(R2_a_reply_that_comes_twice_counts_once)
{
    quorum_driver d(3);
    d.obtain();
    const auto c = d.take(0);
    BOOST_TEST(d.reply_to(c, {.what = verdict::granted, .number = c.number}) == "");
    BOOST_TEST(d.reply_to(c, {.what = verdict::granted, .number = c.number}) == "");
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

// --- waking, retrying ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R6_a_wake_makes_it_ask_that_node_only)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.wake(1) == "obtain 1");
    BOOST_TEST(d.wake(0) == "obtain 0");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R6_a_wake_makes_it_ask_where_it_yielded_as_well)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(0);
    BOOST_TEST(d.waiting(1) == "1 waiting");
    BOOST_TEST(d.granted(2) == "yield 2"); // too late
    d.done(2);
    BOOST_TEST(d.wake(1) == "obtain 1 2");
    d.granted(2);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R6_a_wake_for_what_is_being_asked_for_is_not_forgotten)
{
    quorum_driver d(1);
    d.obtain();
    BOOST_TEST(d.wake(0) == "");            // the reply may have been sent before it
    BOOST_TEST(d.waiting(0) == "obtain 0"); // and was
    BOOST_TEST(d.granted(0) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R12_a_wake_of_somebody_else_or_of_what_is_over_is_dropped)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.wake(0, 2) == "");
    BOOST_TEST(d.push(0, "wake") == "");
    BOOST_TEST(d.push(0, "wake 000000000000000c") == "");
    BOOST_TEST(d.push(0, "") == "");
    BOOST_TEST(d.push(0, "notice 000000000000000c-1 0 9 1") == "");
    d.end();
    BOOST_TEST(d.wake(0) == "");
}

BOOST_AUTO_TEST_CASE(a_holder_takes_the_node_that_wakes_it_late)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.waiting(2);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
    BOOST_TEST(d.wake(2) == "obtain 2");
    BOOST_TEST((d.last_call(2).how == mode::now)); // it does not queue for what it holds
    BOOST_TEST(d.granted(2) == "");
    BOOST_TEST(d.wake(0) == "");
}

BOOST_AUTO_TEST_CASE(R6_a_standby_asks_when_the_reservation_has_lapsed)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.push(0, "standby 000000000000000c-1 30000") == "");
    BOOST_TEST(d.after(30ms) == "");
    BOOST_TEST(d.after(3ms) == "obtain 0");
}

BOOST_AUTO_TEST_CASE(R6_T9_a_waiter_asks_again_by_itself_with_jitter_once_a_retry_interval_and_node)
{
    quorum_driver d(3);
    d.obtain();
    std::set<quorum_driver::duration> pauses;
    std::size_t asked = 0;
    auto last = d.now().steady;
    while (d.now().steady - last < 10s) {
        for (std::size_t i = 0; i < 3; ++i)
            while (d.unanswered(i) != 0) {
                if (d.last_call(i).what == step::obtain)
                    ++asked;
                d.waiting(i);
            }
        pauses.insert(d.timer());
        d.after(d.timer());
    }
    BOOST_TEST(asked >= 3 * 13);
    BOOST_TEST(asked <= 3 * 17); // 10 s / 630 ms, and the first round
    BOOST_TEST(pauses.size() > 5);
}

BOOST_AUTO_TEST_CASE(retries_at_different_times_come_together_where_it_yielded)
{
    quorum_driver d(2);
    let_wait(d, 2);
    d.wake(1);
    d.waiting(1);
    d.after(200ms);
    // Both nodes become free, and only one of them says so.
    BOOST_TEST(d.wake(0) == "obtain 0");
    d.granted(0);
    BOOST_TEST(d.after(100ms) == "yield 0");
    d.done(0);
    BOOST_TEST(d.after(d.timer()) == "obtain 0 1");
    d.granted(0);
    BOOST_TEST(d.granted(1).starts_with("1 granted"));
}

BOOST_AUTO_TEST_CASE(R6_where_it_yields_it_asks_no_more_often_than_elsewhere)
{
    quorum_driver d(3);
    d.obtain();
    int asked = 0;
    for (quorum_driver::duration passed{}; passed < 10s;) {
        d.waiting(0); // the holder has these two
        d.waiting(1);
        BOOST_TEST(d.granted(2).starts_with("yield 2"));
        d.done(2);
        std::string sent;
        while (sent.empty()) { // a node is only looked at
            const auto pause = d.timer();
            passed += pause;
            sent = d.after(pause);
        }
        BOOST_TEST(sent == "obtain 0 1 2");
        ++asked;
    }
    BOOST_TEST(2 * asked <= 20); // it is asked and yielded each time
    BOOST_TEST(asked >= 8);
}

BOOST_AUTO_TEST_CASE(R4_nodes_that_were_yielded_unheard_have_not_answered)
{
    quorum_driver d(5, quorum_driver::plain_options(), false);
    for (const std::size_t i : {0u, 1u, 2u, 3u}) {
        d.up(i);
        d.reply(i, {.what = verdict::ready});
    }
    BOOST_TEST(d.obtain() == "obtain 0 1 2 3");
    d.waiting(0, {.outranks = true});
    BOOST_TEST(d.after(250ms).starts_with("yield 1 2 3")); // they hang
    d.up(4);
    BOOST_TEST(d.reply(4, {.what = verdict::ready}) == "obtain 4");
    BOOST_TEST(d.waiting(4, {.outranks = true}) == ""); // two of five: the holder is not told that a quorum has
}

BOOST_AUTO_TEST_CASE(R6_only_the_best_waiter_times_on_the_end_of_the_holder)
{
    quorum_driver best(1);
    best.obtain();
    best.waiting(0, {.remaining = 50ms, .best = true});
    BOOST_TEST((best.timer() >= 50ms && best.timer() <= 53ms));

    quorum_driver other(1);
    other.obtain();
    other.waiting(0, {.remaining = 50ms});
    BOOST_TEST((other.timer() >= 630ms && other.timer() <= 770ms));
}

BOOST_AUTO_TEST_CASE(a_manager_that_asks_again_changes_how_far_it_goes)
{
    quorum_driver d(3);
    let_wait(d, 3);
    BOOST_TEST(d.obtain(1, {.how = mode::once}) == "obtain 0 1 2");
    BOOST_TEST((d.last_call(0).how == mode::once));
    d.refused(0);
    BOOST_TEST(d.refused(1) == "release 0 1 2; 1 refused");
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

// --- tokens ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R7_one_token_of_a_quorum_costs_no_round_trip)
{
    quorum_driver d(5);
    d.obtain();
    d.granted(0, 50);
    d.granted(1, 70);
    d.granted(2, 70);
    BOOST_TEST(d.granted(3, 70) != "");
    BOOST_TEST(d.last_token == 70);
}

BOOST_AUTO_TEST_CASE(T28_tokens_that_differ_are_settled_before_the_grant)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    BOOST_TEST(d.granted(1, 70) == "settle 0"); // where a smaller one was given
    BOOST_TEST(d.last_call(0).number == 70);
    d.after(20ms);
    BOOST_TEST(d.done(0) == "1 granted until 988 ms");
    BOOST_TEST(d.last_token == 70);
}

BOOST_AUTO_TEST_CASE(R7_a_late_node_may_settle_it_as_well)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    d.granted(1, 70);
    BOOST_TEST(d.granted(2, 70) == "1 granted until 988 ms");
    BOOST_TEST(d.done(0) == "");
}

BOOST_AUTO_TEST_CASE(R7_a_token_that_no_quorum_writes_is_not_used)
{
    for (const verdict what : {verdict::refused, verdict::lost, verdict::failed, verdict::quarantined}) {
        quorum_driver d(3);
        d.obtain();
        d.granted(0, 50);
        d.granted(1, 70);
        d.waiting(2);
        BOOST_TEST(d.reply(0, {.what = what, .number = 1'000'000}).starts_with("yield 1; 1 waiting"));
        // The node is asked again in time, as all others.
        BOOST_TEST(d.after(800ms).find(" 0") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(R10_a_quorum_that_is_lost_while_the_token_is_written)
{
    quorum_driver d(3);
    d.obtain();
    d.down(2);
    d.granted(0, 50);
    d.granted(1, 70);
    d.reply(0, {.what = verdict::mismatch, .text = "version=0"});
    BOOST_TEST(d.after(quorum_driver::plain_options().quorum_timeout).find("no quorum") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R7_T24_a_token_has_to_be_written_in_time)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(2);
    d.granted(0, 50);
    d.granted(1, 70);
    BOOST_TEST(d.after(100ms) == "yield 0 1; 1 waiting");

    // Validity counts from the grants, not from when the token was written.
    quorum_driver slow(3);
    slow.obtain(1, {.ttl = 100ms});
    slow.granted(0, 50);
    slow.without_timer(90ms);
    BOOST_TEST(slow.granted(1, 70) == "settle 0");
    slow.without_timer(8ms);
    BOOST_TEST(slow.done(0) == "yield 0 1; 1 waiting");
}

BOOST_AUTO_TEST_CASE(a_retry_that_falls_due_while_the_token_is_written_waits)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(2, {.remaining = 5ms, .best = true}); // a holder whose ttl has ended on the other two
    d.granted(0, 50);
    BOOST_TEST(d.granted(1, 70) == "settle 0");
    BOOST_TEST(d.after(50ms) == "");
    BOOST_TEST(d.done(0) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R7_proposals_rise_and_one_is_made_anew_when_nothing_of_the_last_is_left)
{
    quorum_driver d(1);
    d.obtain();
    const auto first = d.last_call(0).number;
    d.waiting(0);
    d.after(d.timer());
    BOOST_TEST(d.last_call(0).number > first);
    d.waiting(0);

    // The clock goes back by an hour; tokens do not.
    const auto second = d.last_token;
    d.set_wall(-1h);
    d.wake(0);
    BOOST_TEST(d.last_call(0).number > second);
}

BOOST_AUTO_TEST_CASE(R3_proposals_and_tickets_use_the_clock_corrected_by_the_median_of_the_nodes)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.set_wall(-5s);
    const auto right = [&d] { return d.now().wall + 5'000'000; };
    for (std::size_t i = 0; i < 3; ++i) {
        d.up(i);
        // One of the nodes is quite wrong.
        d.reply(i, {.what = verdict::ready, .time = i == 1 ? right() + 3'600'000'000 : right()});
    }
    d.obtain();
    BOOST_TEST(d.last_call(0).number == right());
    BOOST_TEST(d.last_call(0).about->ticket == right());
}

BOOST_AUTO_TEST_CASE(R3_a_clock_that_is_right_within_what_can_be_measured_is_not_corrected)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    for (std::size_t i = 0; i < 3; ++i) {
        d.up(i);
        d.reply(i, {.what = verdict::ready, .time = d.now().wall + 3000});
    }
    d.obtain();
    BOOST_TEST(d.last_call(0).about->ticket == d.now().wall);
}

// --- extensions ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R8_an_extension_asks_all_and_is_decided_by_a_quorum)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.waiting(2);
    d.after(300ms);
    BOOST_TEST(d.extend(2s) == "obtain 0 1 2"); // that too which lacks it
    BOOST_TEST((d.last_call(2).how == mode::now));
    BOOST_TEST(d.last_call(2).ttl == 2'000'000);
    BOOST_TEST(d.refused(2) == "");
    BOOST_TEST(d.granted(0) == "");
    d.after(50ms);
    BOOST_TEST(d.granted(1) == "1 extended until 2278 ms"); // 300 + 2000 - 22
}

BOOST_AUTO_TEST_CASE(T1_an_extension_counts_only_what_says_that_it_is_held)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.waiting(0); // somebody else has it there
    BOOST_TEST(d.refused(1) == "1 not extended: refused");
}

BOOST_AUTO_TEST_CASE(an_extension_that_no_quorum_answers_says_so_and_may_be_repeated)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.granted(0);
    BOOST_TEST(d.after(100ms) == "1 not extended: no quorum");
    d.granted(1); // late: of an extension that is over
    BOOST_TEST(d.extend(1s) == "obtain 0 1 2");
}

BOOST_AUTO_TEST_CASE(a_mixture_of_refusals_and_silence_is_no_quorum_and_not_the_end)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.refused(0);
    BOOST_TEST(d.lost(1) == "1 not extended: no quorum");
}

BOOST_AUTO_TEST_CASE(T11_T20_after_the_local_validity_nothing_is_extended)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.without_timer(988ms);
    BOOST_TEST(d.extend(1s) == "1 not extended: refused");

    quorum_driver late(3);
    let_hold(late, 3);
    late.after(950ms);
    late.extend(1s);
    late.granted(0);
    late.without_timer(40ms);
    BOOST_TEST(late.granted(1) == "1 not extended: refused");
}

BOOST_AUTO_TEST_CASE(extensions_are_made_one_after_the_other)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.extend(2s) == "obtain 0 1 2");
    BOOST_TEST(d.extend(3s) == "");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "obtain 0 1 2; 1 extended until 1978 ms");
    d.granted(0);
    d.granted(2); // of the first
    BOOST_TEST(d.granted(1) == "1 extended until 2968 ms");
    d.extend(1s);
    BOOST_TEST(d.end() == "release 0 1 2; 1 not extended: refused");
}

BOOST_AUTO_TEST_CASE(an_extension_does_not_shorten)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.extend(100ms) == "obtain 0 1 2");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 extended until 988 ms");
}

BOOST_AUTO_TEST_CASE(what_has_ended_is_not_extended)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.end();
    BOOST_TEST(d.extend(1s) == "1 not extended: refused");
    for (std::size_t i = 0; i < 3; ++i)
        d.done(i);
    BOOST_TEST(d.extend(1s) == "1 not extended: refused");
    BOOST_TEST(d.obtain() == "1 refused"); // nor does it come back
}

BOOST_AUTO_TEST_CASE(R9_a_ttl_above_the_deployments_is_refused)
{
    quorum_driver d(3);
    BOOST_TEST(d.obtain(1, {.ttl = 61s}) == "1 invalid argument");
    BOOST_TEST(d.log.size() == 1);
    let_hold(d, 3);
    BOOST_TEST(d.extend(61s) == "1 not extended: invalid argument");
}

BOOST_AUTO_TEST_CASE(an_infinite_ttl_is_the_lease)
{
    quorum_driver d(3);
    d.obtain(1, {.ttl = priority_redlock::infinite});
    BOOST_TEST(d.last_call(0).ttl == 10'000'000);
}

// --- the end ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_release_is_done_at_a_quorum)
{
    quorum_driver d(5);
    let_hold(d, 5);
    BOOST_TEST(d.end() == "release 0 1 2 3 4");
    BOOST_TEST(d.last_call(0).ttl == 0); // no tombstone: nothing can come late
    d.done(0);
    d.reply(1, {.what = verdict::absent});
    BOOST_TEST(d.done(2) == "1 ended");
    BOOST_TEST(!d.client().idle());
    d.done(3);
    d.done(4);
    BOOST_TEST(d.client().idle());
    BOOST_TEST(d.end() == "1 ended"); // again: harmless
}

BOOST_AUTO_TEST_CASE(T2_what_was_asked_and_not_answered_is_released_as_well)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(1);
    BOOST_TEST(d.end() == "release 0 1 2; 1 refused");
    BOOST_TEST(d.granted(0) == ""); // in order on its connection, before the release
    d.done(0);
    BOOST_TEST(d.done(1) == "1 ended");
}

BOOST_AUTO_TEST_CASE(R2_T51_a_release_is_repeated_when_its_node_is_back)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.down(2) == "");
    BOOST_TEST(d.end() == "release 0 1");
    d.done(0);
    BOOST_TEST(d.done(1) == "1 ended");
    d.after(400ms);
    BOOST_TEST(d.up(2) == "release 2; hello 2");
    BOOST_TEST(d.down(2) == ""); // once more
    BOOST_TEST(d.up(2) == "release 2; hello 2");
    d.done(2);
    BOOST_TEST(d.client().idle());
}

BOOST_AUTO_TEST_CASE(R2_a_release_is_not_repeated_for_ever)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.down(2);
    d.end();
    d.done(0);
    d.done(1);
    d.after(1099ms);
    BOOST_TEST(!d.client().idle());
    d.after(1ms); // ttl and node_timeout: the node has forgotten it by itself
    BOOST_TEST(d.client().idle());
}

BOOST_AUTO_TEST_CASE(a_release_that_no_node_answers_is_done_when_the_ttl_has_passed)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.end();
    BOOST_TEST(d.after(1100ms) == "1 ended");
}

BOOST_AUTO_TEST_CASE(a_release_that_failed_is_repeated)
{
    quorum_driver d(1);
    let_hold(d, 1);
    d.end();
    BOOST_TEST(d.reply(0, {.what = verdict::failed, .text = "OOM"}) == "");
    BOOST_TEST(d.after(700ms) == "release 0");
    BOOST_TEST(d.done(0) == "1 ended");
}

BOOST_AUTO_TEST_CASE(R11_there_is_a_tombstone_where_an_obtain_was_lost_with_its_connection)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.down(2);
    d.up(2);
    d.reply(2, {.what = verdict::ready});
    BOOST_TEST(d.end() == "release 0 1 2");
    BOOST_TEST(d.last_call(0).ttl == 0);
    BOOST_TEST(d.last_call(2).ttl == 1'000'000); // it may still arrive there
}

BOOST_AUTO_TEST_CASE(R11_one_that_withdrew_in_between_leaves_it_in_the_end)
{
    quorum_driver d(3);
    d.obtain();
    d.waiting(0);
    d.waiting(1);
    d.down(2);
    d.down(1);
    d.up(2);
    BOOST_TEST(d.after(800ms) == "release 0 2");
    d.reply(2, {.what = verdict::quarantined, .number = 60'000'000});
    BOOST_TEST(d.reply(2, {.what = verdict::absent}) == "");
    d.done(0);
    BOOST_TEST(d.end() == "release 2");
    BOOST_TEST(d.last_call(2).ttl == 1'000'000);
    BOOST_TEST(d.done(2) == "1 ended");
}

BOOST_AUTO_TEST_CASE(R11_a_tombstone_lasts_as_long_as_the_longest_ttl_that_was_asked_for)
{
    quorum_driver d(1);
    let_hold(d, 1);
    d.extend(5s);
    d.lost(0);
    d.extend(500ms);
    d.granted(0);
    d.end();
    BOOST_TEST(d.last_call(0).ttl == 5'000'000);
}

BOOST_AUTO_TEST_CASE(what_never_was_sent_ends_at_once)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    BOOST_TEST(d.obtain() == "");
    BOOST_TEST(d.end() == "1 refused; 1 ended");
    BOOST_TEST(d.client().idle());
}

BOOST_AUTO_TEST_CASE(T18_a_release_is_not_overtaken_by_an_extension)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.extend(1s);
    d.end();
    d.granted(0);
    d.granted(1);
    BOOST_TEST(d.granted(2) == "");
    d.done(0);
    BOOST_TEST(d.done(1) == "1 ended");
    BOOST_TEST(d.after(5s) == "");
}

// --- notices ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R4_a_quorum_of_notices_of_one_thief_makes_the_victim_go)
{
    quorum_driver d(5);
    let_hold(d, 5);
    BOOST_TEST(d.notice(0, 1, 9) == "");
    BOOST_TEST(d.notice(0, 1, 9) == ""); // the same node
    BOOST_TEST(d.notice(1, 1, 9) == "");
    BOOST_TEST(d.notice(2, 2, 9) == ""); // another thief
    BOOST_TEST(d.notice(3, 1, 9) == "1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R4_one_notice_will_do_if_a_quorum_has_answered_the_thief)
{
    quorum_driver d(5);
    let_hold(d, 5);
    BOOST_TEST(d.notice(4, 1, 9, true) == "1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R13_a_hold_that_is_ended_by_force_is_lost_when_no_quorum_can_have_it)
{
    const auto ended = [](quorum_driver& d, std::size_t node, std::uint64_t number = 1) {
        return d.push(node, "ended 000000000000000c-" + std::to_string(number));
    };
    quorum_driver five(5);
    let_hold(five, 5);
    BOOST_TEST(ended(five, 0, 2) == ""); // another's
    BOOST_TEST(ended(five, 0) == "");
    BOOST_TEST(ended(five, 0) == ""); // the same node
    BOOST_TEST(ended(five, 1) == "");
    BOOST_TEST(ended(five, 4).find("1 ended: lost") != std::string::npos);
    BOOST_REQUIRE(five.log.size() == 1);
    BOOST_TEST(five.log[0].find("was ended by async_force_release") != std::string::npos);
    BOOST_TEST(ended(five, 3) == ""); // once

    quorum_driver four(4); // two of them are no quorum
    let_hold(four, 4);
    BOOST_TEST(ended(four, 0) == "");
    BOOST_TEST(ended(four, 1).find("1 ended: lost") != std::string::npos);

    quorum_driver one(1);
    let_hold(one, 1);
    BOOST_TEST(ended(one, 0).find("1 ended: lost") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R4_notices_of_different_times_do_not_add_up)
{
    quorum_driver d(3);
    let_hold(d, 3, {.ttl = 10s});
    d.notice(0, 1, 9);
    d.after(900ms);
    BOOST_TEST(d.notice(1, 1, 9) == "");
    d.after(500ms);
    BOOST_TEST(d.notice(0, 1, 9) == "1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R12_T59_notices_that_are_not_about_this_hold_are_dropped)
{
    quorum_driver d(1);
    let_hold(d, 1, {.priority = 5});
    BOOST_TEST(d.notice(0, 1, 5) == ""); // equal does not outrank (P1)
    BOOST_TEST(d.notice(0, 1, 4, true) == "");
    BOOST_TEST(d.notice(0, 1, 9, true, 2) == "");
    d.extend(1s, 1, 9);
    BOOST_TEST(d.notice(0, 1, 9) == "");
    BOOST_TEST(d.notice(0, 1, 10) == "1 must go for 1 of 10");
    d.end();
    BOOST_TEST(d.notice(0, 1, 11, true) == "");
}

BOOST_AUTO_TEST_CASE(R12_a_raised_priority_is_written_to_the_nodes)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.extend(1s, 1, 7) == "obtain 0 1 2");
    BOOST_TEST(d.last_call(1).about->priority == 7);
    d.extend(1s, 1, 3); // it only rises
    BOOST_TEST(d.last_call(1).about->priority == 7);
}

BOOST_AUTO_TEST_CASE(R12_T57_a_notice_to_one_that_collects_votes_makes_it_yield_that_node)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    BOOST_TEST(d.notice(0, 1, 9) == "yield 0");
    BOOST_TEST(d.granted(1) == ""); // one is left
    d.done(0);
    BOOST_TEST(d.granted(2) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(a_notice_while_the_token_is_written_is_heeded_after_the_grant)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0, 50);
    d.granted(1, 70);
    BOOST_TEST(d.notice(0, 1, 9) == "");
    BOOST_TEST(d.notice(1, 1, 9) == "");
    BOOST_TEST(d.done(0) == "1 granted until 988 ms; 1 must go for 1 of 9");
}

BOOST_AUTO_TEST_CASE(R4_a_thief_that_reaches_too_few_of_the_victims_nodes_says_that_a_quorum_has_answered)
{
    // The victim's nodes are 0, 1 and 2, of which 0 does not answer.
    quorum_driver d(5);
    d.obtain(1, {.priority = 9});
    d.waiting(1, {.outranks = true});
    d.waiting(2, {.outranks = true});
    d.granted(3);
    d.granted(4);
    BOOST_TEST(d.after(100ms) == "yield 0 3 4; obtain 1 2; 1 waiting");
    BOOST_TEST(d.last_call(1).answered);
    d.done(3);
    d.done(4);
    d.waiting(1, {.outranks = true});
    d.waiting(2, {.outranks = true});
    d.after(100ms);
    d.wake(2);
    BOOST_TEST(d.last_call(2).answered); // it goes on saying so
}

BOOST_AUTO_TEST_CASE(R4_a_thief_whose_notices_make_a_quorum_need_not_say_more)
{
    quorum_driver d(3);
    d.obtain(1, {.priority = 9});
    d.waiting(0, {.outranks = true});
    BOOST_TEST(d.waiting(1, {.outranks = true}) == "1 waiting");
}

BOOST_AUTO_TEST_CASE(R4_a_quorum_may_answer_in_more_than_one_round)
{
    quorum_driver d(3);
    d.down(2); // whose vote is missing at once, so that the first answer ends the round
    d.obtain(1, {.priority = 9});
    BOOST_TEST(d.waiting(0, {.outranks = true}) == "1 waiting");
    d.waiting(1, {.outranks = true});
    BOOST_TEST(d.wake(0) == "obtain 0");
    BOOST_TEST(d.last_call(0).answered);
}

BOOST_AUTO_TEST_CASE(R4_a_thief_that_only_a_minority_answers_does_not_say_that_a_quorum_has)
{
    quorum_driver d(5);
    d.obtain(1, {.priority = 9});
    d.waiting(0, {.outranks = true});
    d.waiting(1, {.outranks = true});
    d.after(100ms);
    for (std::size_t i = 0; i < 5; ++i)
        while (d.unanswered(i) != 0)
            BOOST_TEST(!d.take(i).answered);
}

BOOST_AUTO_TEST_CASE(P10_a_thief_that_is_kept_back_somewhere_does_not_say_that_a_quorum_has_answered)
{
    quorum_driver d(5);
    d.obtain(1, {.priority = 9});
    d.waiting(0, {.outranks = true}); // where the one before it is not queued yet
    for (const std::size_t i : {1u, 2u, 3u, 4u})
        BOOST_TEST(d.waiting(i, {.kept_back = true}) == (i == 2 ? "1 waiting" : ""));
    BOOST_TEST(d.wake(0) == "obtain 0");
    BOOST_TEST(!d.last_call(0).answered);
    d.waiting(0, {.outranks = true});

    for (const std::size_t i : {1u, 2u, 3u}) { // the one before it has gone, and so has the holder from some nodes
        d.wake(i);
        BOOST_TEST(!d.last_call(i).answered);
        BOOST_TEST(d.waiting(i) == "");
    }
    d.wake(4);
    BOOST_TEST(d.waiting(4) == "obtain 0");
    BOOST_TEST(d.last_call(0).answered);
}

// --- nodes -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_node_is_greeted_and_votes_when_it_is_ready)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    BOOST_TEST(d.up(0) == "hello 0");
    BOOST_TEST(d.obtain() == "");
    BOOST_TEST(d.reply(0, {.what = verdict::ready}) == "");
    d.up(1);
    BOOST_TEST(d.reply(1, {.what = verdict::ready}) == "obtain 0 1");
    d.up(2);
    BOOST_TEST(d.reply(2, {.what = verdict::ready}) == "obtain 2");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R9_a_quarantined_node_does_not_vote_until_its_time_has_passed)
{
    quorum_driver d(1, quorum_driver::plain_options(), false);
    d.up(0);
    d.reply(0, {.what = verdict::quarantined, .number = 500'000});
    BOOST_TEST(d.log.size() == 1);
    BOOST_TEST(d.obtain() == "");
    BOOST_TEST(d.after(499ms) == "");
    BOOST_TEST(d.after(3ms) == "hello 0");
    d.log.clear();
    BOOST_TEST(d.reply(0, {.what = verdict::ready}) == "obtain 0");
    BOOST_TEST_REQUIRE(!d.log.empty());
    BOOST_TEST(d.log[0] == "redis: node n0 votes again");
}

BOOST_AUTO_TEST_CASE(R9_a_node_that_turns_out_to_be_quarantined_is_unreachable)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(0, {.what = verdict::quarantined, .number = 60'000'000});
    BOOST_TEST(d.client().has_quorum());
    d.granted(1);
    BOOST_TEST(d.granted(2) == "1 granted until 988 ms");
    BOOST_TEST(d.extend(1s) == "obtain 1 2");
}

BOOST_AUTO_TEST_CASE(R9_a_node_of_another_deployment_is_excluded_by_name)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(1, {.what = verdict::mismatch, .text = "version=5 nodes=5"});
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(d.log[0].find("n1") != std::string::npos);
    BOOST_TEST(d.log[0].find("nodes=5") != std::string::npos);
    BOOST_TEST(d.log[0].find("nodes=3 max_ttl_us=60000000") != std::string::npos);
    d.granted(0);
    BOOST_TEST(d.granted(2) == "1 granted until 988 ms");
    BOOST_TEST(d.after(5s) == "hello 1"); // it may have been corrected
}

BOOST_AUTO_TEST_CASE(the_same_server_twice_has_one_vote)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.up(0, "same");
    BOOST_TEST(d.up(1, "same") == "");
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(d.log[0].find("same server as n0") != std::string::npos);
    d.reply(0, {.what = verdict::ready});
    BOOST_TEST(!d.client().has_quorum());
    // The name of the first is corrected.
    d.down(0);
    BOOST_TEST(d.after(5s).ends_with("hello 1"));
}

BOOST_AUTO_TEST_CASE(R9_a_node_that_votes_is_looked_at_again_before_it_is_asked)
{
    quorum_driver d(3);
    d.shows_checks = true;
    BOOST_TEST(d.obtain(1) == "obtain 0 1 2");
    d.granted(0);
    d.granted(1);
    d.granted(2);
    BOOST_TEST(d.after(1999ms) == "");
    BOOST_TEST(d.after(1ms) == "hello 0 1 2");
    BOOST_TEST(d.after(10s) == ""); // one at a time
    for (std::size_t i = 0; i < 3; ++i)
        d.reply(i, {.what = verdict::ready});
    d.without_timer(5s); // the process was stopped
    BOOST_TEST(d.obtain(2).starts_with("hello 0; obtain 0; hello 1; obtain 1; hello 2; obtain 2"));

    // Before it is looked at again, a node that begins to evict may be wrong; not after.
    d.reply(0, {.what = verdict::evicting, .text = "volatile-ttl (maxmemory 0)"});
    BOOST_TEST_REQUIRE(!d.log.empty());
    BOOST_TEST(d.log.back().find("n0 may evict locks: its maxmemory-policy is volatile-ttl") != std::string::npos);
    BOOST_TEST(d.log.back().find("set noeviction") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R9_a_node_is_told_who_was_met_last_at_its_address_and_when)
{
    quorum_driver d(1, quorum_driver::plain_options(), false);
    d.up(0);
    BOOST_TEST(d.last_call(0).met == "");
    d.reply(0, {.what = verdict::ready, .identity = "a"});
    d.down(0);
    d.after(3s);
    for (const int more : {0, 2}) { // those that nobody answers leave it at that
        d.after(std::chrono::seconds(more));
        d.up(0);
        BOOST_TEST(d.last_call(0).met == "a");
        BOOST_TEST(d.last_call(0).met_ago == 3'000'000 + more * 1'000'000);
        d.down(0);
    }
    d.up(0);
    d.reply(0, {.what = verdict::quarantined, .number = 500'000, .text = "changed", .identity = "b"});
    BOOST_TEST_REQUIRE(!d.log.empty());
    BOOST_TEST(d.log.back().find("n0 does not vote for 500 ms: another server answered at its address before")
               != std::string::npos);
    BOOST_TEST(d.after(1s) == "hello 0");
    BOOST_TEST(d.last_call(0).met == "b");
    BOOST_TEST(d.last_call(0).met_ago == 0);
}

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

BOOST_AUTO_TEST_CASE(a_retry_that_falls_due_in_a_round_without_a_quorum_waits_for_the_end_of_the_round)
{
    quorum_driver d(3);
    let_wait(d, 3);
    d.after(d.timer() - 50ms); // a retry is due in 50 ms
    BOOST_TEST(d.wake(1).starts_with("obtain 1"));
    d.down(0);
    d.down(2);
    BOOST_TEST(d.after(99ms) == "");
    BOOST_TEST(d.after(1ms) == "yield 1; release 1");
}

BOOST_AUTO_TEST_CASE(R10_after_quorum_timeout_it_fails)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.obtain();
    BOOST_TEST(d.after(9999ms) == "");
    BOOST_TEST(d.after(1ms) == "1 no quorum");
    BOOST_TEST(d.client().idle());

    quorum_driver waiting(3);
    let_wait(waiting, 3);
    waiting.down(0);
    waiting.down(1);
    BOOST_TEST(waiting.after(9999ms).find("failed") == std::string::npos);
    BOOST_TEST(waiting.after(1ms).find("1 failed: no quorum") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R10_one_that_does_not_wait_is_told_soon)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.obtain(1, {.how = mode::now});
    BOOST_TEST(d.after(1s) == "1 no quorum");

    // A quorum of refusals is contention, whatever the others are; too few of them are not.
    quorum_driver few(3);
    few.obtain(1, {.how = mode::now});
    few.refused(0);
    BOOST_TEST(few.after(100ms) == "release 0 1 2; 1 no quorum");
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

BOOST_AUTO_TEST_CASE(R2_a_node_that_does_not_answer_is_not_asked_until_it_does)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.after(50ms);
    d.obtain(2);
    d.waiting(0);
    d.waiting(1);
    d.after(750ms);
    BOOST_TEST(d.obtain(3) == "obtain 0 1"); // 2 is silent
    BOOST_TEST(d.client().has_quorum());
    d.granted(2);
    BOOST_TEST(d.obtain(4) == "obtain 0 1 2");
}

BOOST_AUTO_TEST_CASE(a_node_that_comes_back_is_asked_by_those_who_wait)
{
    quorum_driver d(3);
    let_wait(d, 3);
    d.down(0);
    d.after(50ms);
    BOOST_TEST(d.up(0) == "hello 0");
    BOOST_TEST(d.reply(0, {.what = verdict::ready}) == "obtain 0"); // a wake may have been lost
}

BOOST_AUTO_TEST_CASE(T17_a_script_that_a_node_has_forgotten_is_sent_again)
{
    quorum_driver d(1);
    d.obtain();
    BOOST_TEST(d.reply(0, {.what = verdict::unknown}) == "obtain 0");
    BOOST_TEST(d.granted(0) == "1 granted until 988 ms");
    d.end();
    BOOST_TEST(d.reply(0, {.what = verdict::unknown}) == "release 0");
    BOOST_TEST(d.done(0) == "1 ended");

    // But not an obtain after the yield that followed it.
    quorum_driver late(3);
    late.obtain();
    const auto forgotten = late.take(2);
    late.waiting(0);
    BOOST_TEST(late.after(100ms) == "yield 1 2; 1 waiting");
    BOOST_TEST(late.reply_to(forgotten, {.what = verdict::unknown}) == "");
    BOOST_TEST(late.reply(2, {.what = verdict::unknown}) == "yield 2");
}

BOOST_AUTO_TEST_CASE(a_node_that_fails_is_named_once)
{
    quorum_driver d(3);
    d.obtain();
    for (int i = 0; i < 3; ++i) {
        d.reply(0, {.what = verdict::failed, .text = "says OOM"});
        d.wake(0);
        d.after(800ms);
    }
    BOOST_TEST(std::count(d.log.begin(), d.log.end(), "redis: node n0 is out of memory: raise its maxmemory (says OOM)")
               == 1);
}

BOOST_AUTO_TEST_CASE(abandoned_waits_are_aborted_and_holds_lost)
{
    quorum_driver d(3);
    let_hold(d, 3);
    d.obtain(2);
    d.obtain(3);
    d.end(3);
    const auto told = d.abandon();
    BOOST_TEST(told.find("1 ended: lost") != std::string::npos);
    BOOST_TEST(told.find("2 aborted") != std::string::npos);
    BOOST_TEST(told.find("3 ended") != std::string::npos);
    BOOST_TEST(told.find("release") == std::string::npos); // nothing more is sent
    BOOST_TEST(d.client().idle());
    BOOST_TEST(d.granted(1) == ""); // what comes now has nobody to be told
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
