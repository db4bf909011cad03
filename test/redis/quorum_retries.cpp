// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <set>
#include <string>

// Nodes are asked once more: by a waiter, after a script was forgotten, over the next connection.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using mode = quorum_driver::mode;
using node_command = quorum_driver::node_command;
using verdict = quorum_driver::verdict;

BOOST_AUTO_TEST_SUITE(quorum_client)

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
                if (d.last_call(i).command == node_command::obtain)
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
        while (sent.empty()) { // a node is only greeted
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

BOOST_AUTO_TEST_CASE(R6_one_that_sees_no_rival_asks_again_at_once)
{
    quorum_driver d(3);
    d.obtain();
    BOOST_TEST(d.after(100ms) == "yield 0 1 2; 1 waiting"); // they stand still
    BOOST_TEST((d.timer() > 10ms && d.timer() <= 25ms));
    BOOST_TEST(d.after(25ms) == "obtain 0 1 2");
    for (std::size_t i = 0; i < 3; ++i) { // they go on
        d.granted(i);
        d.done(i);
    }
    d.granted(0);
    BOOST_TEST(d.granted(1).starts_with("1 granted"));

    quorum_driver contended(3);
    contended.obtain();
    contended.waiting(0);
    contended.after(100ms);
    BOOST_TEST((contended.timer() > 600ms));

    // One whose nodes always answer too late soon rests like others.
    quorum_driver slow(3);
    slow.obtain();
    std::deque<quorum_driver::call> under_way;
    std::size_t asked = 0;
    for (int i = 0; i < 1000; ++i) {
        slow.after(10ms);
        for (std::size_t node = 0; node < 3; ++node)
            while (slow.unanswered(node) > 0) {
                under_way.push_back(slow.take(node));
                asked += node == 0 && under_way.back().command == node_command::obtain;
            }
        for (; !under_way.empty() && under_way.front().sent + 150ms <= slow.now().steady; under_way.pop_front())
            slow.reply_to(under_way.front(), {.what = verdict::granted, .number = 1});
    }
    BOOST_TEST(asked <= 16);
    BOOST_TEST(asked >= 8);
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

/// What was sent between a yield and its repetition is given back with it, and its answer is none.
BOOST_AUTO_TEST_CASE(R6_T17_a_node_is_asked_again_though_what_was_asked_was_given_back_with_a_yield_that_is_repeated)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.waiting(1);
    BOOST_TEST(d.waiting(2) == "yield 0; 1 waiting");
    BOOST_TEST(d.wake(1) == "obtain 1 0");
    BOOST_TEST(d.wake(2) == "obtain 2");
    BOOST_TEST(d.reply(0, {.what = verdict::unknown}) == "yield 0");
    BOOST_TEST(d.granted(0) == "");
    d.waiting(1);
    d.waiting(2);
    d.done(0);
    BOOST_TEST(d.wake(0) == "obtain 0");
}

BOOST_AUTO_TEST_CASE(a_node_that_comes_back_is_asked_by_those_who_wait)
{
    quorum_driver d(3);
    let_wait(d, 3);
    d.down(0);
    d.after(50ms);
    BOOST_TEST(d.up(0) == "greet 0");
    BOOST_TEST(d.reply(0, {.what = verdict::ready}) == "obtain 0"); // a wake may have been lost
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

BOOST_AUTO_TEST_CASE(R2_T51_a_release_is_repeated_when_its_node_is_back)
{
    quorum_driver d(3);
    let_hold(d, 3);
    BOOST_TEST(d.down(2) == "");
    BOOST_TEST(d.end() == "release 0 1");
    d.done(0);
    BOOST_TEST(d.done(1) == "1 ended");
    d.after(400ms);
    BOOST_TEST(d.up(2) == "release 2; greet 2");
    BOOST_TEST(d.down(2) == ""); // once more
    BOOST_TEST(d.up(2) == "release 2; greet 2");
    d.done(2);
    BOOST_TEST(d.client().idle());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
