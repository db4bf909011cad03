// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

// The rules of preemption, end to end; each test is named after its rule.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(preemption, *boost::unit_test::timeout(60))

// --- P1: strictly higher preempts, equal or lower waits --------------------------------------------------------------

MANAGER_TEST_CASE(P1_higher_preempts)
{
    lock low = f.get("r", "low", {.priority = 1});
    acquired high;
    f.acquire(high, "r", "high", {.priority = 2});
    f.poll();
    BOOST_TEST(low.state() == lock_state::revoking);
    BOOST_TEST(!low.is_held());
    CHECK_PENDING(high);
    low.release();
    f.poll();
    CHECK_COMPLETED(high, success);
    BOOST_TEST(high.lk.is_held());
    BOOST_TEST(low.state() == lock_state::preempted);
}

MANAGER_TEST_CASE(P1_equal_and_lower_wait)
{
    lock holder = f.get("r", "holder", {.priority = 5});
    acquired equal, lower;
    f.acquire(lower, "r", "lower", {.priority = 4});
    f.acquire(equal, "r", "equal", {.priority = 5});
    f.advance(1h);
    BOOST_TEST(holder.is_held());
    CHECK_PENDING(equal);
    CHECK_PENDING(lower);
    holder.release();
    f.poll();
    CHECK_COMPLETED(equal, success);
    CHECK_PENDING(lower);
    equal.lk.release();
    f.poll();
    CHECK_COMPLETED(lower, success);
}

MANAGER_TEST_CASE(P1_reentrance_raises_the_priority_of_the_holder)
{
    lock first = f.get("r", "me", {.priority = 5});
    acquired equal;
    f.acquire(equal, "r", "other", {.priority = 5});
    f.poll();
    lock second = f.get("r", "me", {.priority = 10});
    BOOST_TEST(first.priority() == 10);
    acquired between;
    f.acquire(between, "r", "third", {.priority = 7});
    f.poll();
    BOOST_TEST(first.is_held());
    second.release(); // the highest stays until the last handle is gone
    f.poll();
    BOOST_TEST(first.is_held());
    BOOST_TEST(first.priority() == 10);
    CHECK_PENDING(between);
    acquired higher;
    f.acquire(higher, "r", "fourth", {.priority = 11});
    f.poll();
    BOOST_TEST(first.state() == lock_state::revoking);
    first.release();
    f.poll();
    CHECK_COMPLETED(higher, success);
    higher.lk.release();
    f.poll();
    CHECK_COMPLETED(between, success);
    between.lk.release();
    f.poll();
    CHECK_COMPLETED(equal, success);
}

// --- P2: the victim is told first ------------------------------------------------------------------------------------

MANAGER_TEST_CASE(P2_victim_is_told_on_its_own_executor_before_the_thief_is_granted)
{
    asio::io_context home;
    tracker of_victim;
    lock low = f.get("r", "low", {.grace = 0s});
    completion told;
    bool held_when_told = true;
    lock_state state_when_told{};
    low.async_wait(asio::bind_executor(track(home, of_victim), once([&](error_code ec) {
                                           told.note(ec);
                                           held_when_told = low.is_held();
                                           state_when_told = low.state();
                                       })));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    BOOST_TEST(!low.is_held()); // on notice, not when the handlers run
    BOOST_TEST(low.state() == lock_state::revoking);
    f.advance(1h);
    CHECK_PENDING(told);
    CHECK_PENDING(high);
    poll(home);
    f.poll();
    CHECK_COMPLETED(told, aborted);
    BOOST_TEST(told.ran_on == &of_victim);
    BOOST_TEST(!held_when_told);
    BOOST_TEST(state_when_told == lock_state::revoking);
    CHECK_COMPLETED(high, success);
    BOOST_TEST(told.order < high.order);
}

MANAGER_TEST_CASE(P2_every_wait_and_guarded_operation_is_told)
{
    lock low = f.get("r", "low");
    asio::steady_timer timer(f.context, 1h);
    completion first, second, guarded;
    f.wait(first, low);
    f.wait(second, low);
    timer.async_wait(low.guard(record(guarded)));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(first, aborted);
    CHECK_COMPLETED(second, aborted);
    CHECK_COMPLETED(guarded, aborted);
    CHECK_PENDING(high);
}

// --- P3: when the thief is granted -----------------------------------------------------------------------------------

MANAGER_TEST_CASE(P3_when_the_victim_has_released_all_its_handles)
{
    lock first = f.get("r", "low", {.grace = 24h});
    lock second = f.get("r", "low");
    lock third = f.get("r", "low");
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    BOOST_TEST(first.state() == lock_state::revoking);
    BOOST_TEST(second.state() == lock_state::revoking);
    first.release();
    f.advance(1h);
    CHECK_PENDING(high);
    second = lock(); // destroyed
    f.advance(1h);
    CHECK_PENDING(high);
    completion released;
    third.async_release(record(released));
    f.poll();
    CHECK_COMPLETED(released, success);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_not_while_a_notice_handler_of_a_released_handle_still_has_to_run)
{
    asio::io_context home;
    lock low = f.get("r", "low", {.grace = 24h});
    completion told;
    low.async_wait(asio::bind_executor(home, record(told)));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    low.release();
    f.advance(1h);
    CHECK_PENDING(high);
    poll(home);
    f.poll();
    CHECK_COMPLETED(told, aborted);
    CHECK_COMPLETED(high, success);
    BOOST_TEST(told.order < high.order);
}

MANAGER_TEST_CASE(P3_when_the_grace_has_passed)
{
    lock low = f.get("r", "low", {.grace = 100ms});
    completion told;
    f.wait(told, low);
    acquired high;
    f.advance(5s); // the grace counts from the notice
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(99ms);
    CHECK_COMPLETED(told, aborted);
    CHECK_PENDING(high);
    f.advance(1ms);
    CHECK_COMPLETED(high, success);
    BOOST_TEST(low.state() == lock_state::preempted);
}

MANAGER_TEST_CASE(P3_the_longest_grace_of_the_handles_counts)
{
    lock first = f.get("r", "low", {.grace = 0s});
    lock second = f.get("r", "low", {.grace = 100ms});
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(99ms);
    CHECK_PENDING(high);
    f.advance(1ms);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_grace_0_without_handlers_is_granted_at_once)
{
    lock low = f.get("r", "low", {.grace = 0s});
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    BOOST_TEST(low.state() == lock_state::preempted);
    CHECK_PENDING(high);
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_not_before_the_grant_of_the_victim_has_been_delivered)
{
    acquired low, high;
    f.acquire(low, "r", "low", {.grace = 0s});
    f.acquire(high, "r", "high", {.priority = 1}); // the completion of the victim's grant has not run yet
    BOOST_TEST(f.context.poll_one() == 1u);
    CHECK_COMPLETED(low, success);
    BOOST_TEST(low.lk.state() == lock_state::preempted); // its handler has returned, and the grace is none
    f.poll();
    CHECK_COMPLETED(high, success);
    BOOST_TEST(low.order < high.order);
}

MANAGER_TEST_CASE(P3_a_grant_that_is_preempted_in_flight_is_delivered_revoking)
{
    asio::io_context home;
    acquired low, high;
    lock_state state_when_delivered{};
    f.manager->async_acquire("r", "low", {.grace = 0s}, asio::bind_executor(home, once([&](error_code ec, lock lk) {
                                                                                low.note(ec);
                                                                                state_when_delivered = lk.state();
                                                                                low.lk = std::move(lk);
                                                                            })));
    f.poll();
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(1h);
    CHECK_PENDING(low);
    CHECK_PENDING(high);
    poll(home);
    f.poll();
    CHECK_COMPLETED(low, success);
    BOOST_TEST(state_when_delivered == lock_state::revoking);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_queued_grant_that_is_preempted_in_flight_is_delivered_revoking)
{
    lock first = f.get("r", "first");
    acquired low, high;
    lock_state state_when_delivered{};
    f.manager->async_acquire("r", "low", {.grace = 0s}, once([&](error_code ec, lock lk) {
                                 low.note(ec);
                                 state_when_delivered = lk.state();
                                 low.lk = std::move(lk);
                             }));
    f.poll();
    first.release();
    f.acquire(high, "r", "high", {.priority = 1});
    CHECK_PENDING(low);
    f.poll();
    CHECK_COMPLETED(low, success);
    BOOST_TEST(state_when_delivered == lock_state::revoking);
    CHECK_COMPLETED(high, success);
    BOOST_TEST(low.order < high.order);
}

MANAGER_TEST_CASE(P3_not_before_the_handler_of_the_victims_grant_has_returned)
{
    acquired low, high;
    f.manager->async_acquire("r", "low", {.grace = 0s}, once([&](error_code ec, lock lk) {
                                 low.note(ec);
                                 low.lk = std::move(lk);
                                 f.acquire(high, "r", "high", {.priority = 1});
                                 BOOST_TEST(low.lk.state() == lock_state::revoking);
                                 f.context.poll(); // others get their turn while this handler runs
                                 CHECK_PENDING(high);
                             }));
    f.poll();
    BOOST_TEST(low.calls == 1);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_not_before_the_handler_of_a_wait_has_returned)
{
    lock low = f.get("r", "low", {.grace = 0s});
    completion told;
    acquired high;
    low.async_wait(once([&](error_code ec) {
        told.note(ec);
        low.release();
        f.context.poll();
        CHECK_PENDING(high);
    }));
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(told, aborted);
    CHECK_COMPLETED(high, success);
}

BOOST_AUTO_TEST_CASE(P3_a_handler_that_another_thread_has_not_left_keeps_the_thief_away)
{
    test::locks f(manager_kind::thread_safe);
    asio::io_context home;
    lock low = f.get("r", "low", {.grace = 0s});
    std::binary_semaphore entered(0), leave(0);
    low.async_wait(asio::bind_executor(home, [&](error_code) {
        entered.release();
        leave.acquire();
    }));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    std::thread victim([&] { home.run(); });
    entered.acquire();
    f.advance(1h);
    CHECK_PENDING(high);
    leave.release();
    victim.join();
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_wait_that_was_cancelled_counts_until_its_handler_has_run)
{
    asio::io_context home;
    asio::cancellation_signal signal;
    lock low = f.get("r", "low", {.grace = 0s});
    completion told;
    low.async_wait(asio::bind_executor(home, asio::bind_cancellation_slot(signal.slot(), record(told))));
    signal.emit(asio::cancellation_type::terminal);
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(1h);
    CHECK_PENDING(high);
    poll(home);
    f.poll();
    CHECK_COMPLETED(told, aborted);
    CHECK_COMPLETED(high, success);
}

struct oops
{
};

MANAGER_TEST_CASE(P3_a_handler_that_throws_has_run)
{
    lock low = f.get("r", "low", {.grace = 0s});
    low.async_wait(once([](error_code) { throw oops(); }));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.context.restart();
    BOOST_CHECK_THROW(f.context.poll(), oops);
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_handler_of_a_grant_that_throws_has_run)
{
    acquired high;
    lock low;
    f.manager->async_acquire("r", "low", {.grace = 0s}, once([&](error_code, lock lk) {
                                 low = std::move(lk);
                                 throw oops();
                             }));
    f.acquire(high, "r", "high", {.priority = 1});
    f.context.restart();
    BOOST_CHECK_THROW(f.context.poll(), oops);
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_guarded_handler_that_throws_has_run)
{
    lock low = f.get("r", "low", {.grace = 0s});
    asio::steady_timer timer(f.context, 1h);
    timer.async_wait(low.guard(once([](error_code) { throw oops(); })));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.context.restart();
    BOOST_CHECK_THROW(f.context.poll(), oops);
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_handler_that_is_destroyed_has_run)
{
    auto home = std::make_unique<asio::io_context>();
    lock low = f.get("r", "low", {.grace = 0s});
    low.async_wait(asio::bind_executor(*home, at_most_once([](error_code) { BOOST_ERROR("called"); })));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    CHECK_PENDING(high);
    home.reset();
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_grant_that_is_destroyed_undelivered_is_released)
{
    auto home = std::make_unique<asio::io_context>();
    f.manager->async_acquire("r", "low", {},
                             asio::bind_executor(*home, at_most_once([](error_code, lock) { BOOST_ERROR("called"); })));
    f.poll();
    acquired next;
    f.acquire(next, "r", "next");
    f.poll();
    CHECK_PENDING(next);
    home.reset();
    f.poll();
    CHECK_COMPLETED(next, success);
}

MANAGER_TEST_CASE(P3_a_queued_grant_that_is_destroyed_undelivered_is_released)
{
    auto home = std::make_unique<asio::io_context>();
    lock first = f.get("r", "first");
    f.manager->async_acquire("r", "low", {},
                             asio::bind_executor(*home, at_most_once([](error_code, lock) { BOOST_ERROR("called"); })));
    acquired next;
    f.acquire(next, "r", "next");
    first.release();
    f.poll();
    CHECK_PENDING(next);
    home.reset();
    f.poll();
    CHECK_COMPLETED(next, success);
}

MANAGER_TEST_CASE(P3_when_the_ttl_has_ended_whatever_the_victim_does)
{
    asio::io_context home;
    lock low = f.get("r", "low", {.ttl = 10s, .grace = 24h});
    completion told;
    low.async_wait(asio::bind_executor(home, record(told)));
    f.advance(4s);
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(5999ms);
    CHECK_PENDING(high);
    f.advance(1ms);
    CHECK_COMPLETED(high, success);
    CHECK_PENDING(told);
    BOOST_TEST(low.state() == lock_state::preempted);
    poll(home);
    CHECK_COMPLETED(told, aborted);
}

MANAGER_TEST_CASE(P3_the_ttl_limits_grace_0_with_handlers_too)
{
    asio::io_context home;
    lock low = f.get("r", "low", {.ttl = 10s, .grace = 0s});
    completion told;
    low.async_wait(asio::bind_executor(home, record(told)));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(9999ms);
    CHECK_PENDING(high);
    f.advance(1ms);
    CHECK_COMPLETED(high, success);
    poll(home);
}

// --- P4: a loss is final ---------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(P4_a_victim_is_not_reinstated_when_the_thief_gives_up)
{
    lock low = f.get("r", "low");
    asio::cancellation_signal signal;
    acquired high, next;
    f.manager->async_acquire("r", "high", {.priority = 9}, asio::bind_cancellation_slot(signal.slot(), record(high)));
    f.acquire(next, "r", "next", {.priority = -5});
    signal.emit(asio::cancellation_type::terminal);
    f.poll();
    CHECK_COMPLETED(high, aborted);
    BOOST_TEST(low.state() == lock_state::revoking);
    BOOST_TEST(!low.is_held());
    CHECK_PENDING(next);
    f.advance(1s);
    BOOST_TEST(low.state() == lock_state::preempted);
    CHECK_COMPLETED(next, success);
}

MANAGER_TEST_CASE(P4_the_resource_is_free_if_nobody_waits_any_more)
{
    lock low = f.get("r", "low");
    acquired high;
    f.acquire(high, "r", "high", {.priority = 9, .timeout = 500ms});
    f.advance(500ms);
    CHECK_COMPLETED(high, errc::acquire_timeout);
    BOOST_TEST(low.state() == lock_state::revoking);
    low.release();
    BOOST_TEST(low.state() == lock_state::preempted);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(P4_the_victim_queues_like_everyone_else)
{
    lock low = f.get("r", "low", {.priority = 1});
    acquired high, again, other;
    f.acquire(high, "r", "high", {.priority = 5});
    f.acquire(other, "r", "other", {.priority = 2});
    f.acquire(again, "r", "low", {.priority = 1}); // no re-entrance into a lock that is revoking
    f.poll();
    CHECK_PENDING(again);
    low.release();
    f.poll();
    CHECK_COMPLETED(high, success);
    high.lk.release();
    f.poll();
    CHECK_COMPLETED(other, success);
    CHECK_PENDING(again);
    other.lk.release();
    f.poll();
    CHECK_COMPLETED(again, success);
    BOOST_TEST(again.lk.is_held());
    BOOST_TEST(low.state() == lock_state::preempted);
}

// --- P5: no chain of thieves -----------------------------------------------------------------------------------------

MANAGER_TEST_CASE(P5_a_still_higher_priority_goes_first_and_the_victim_is_told_once)
{
    lock low = f.get("r", "low", {.grace = 10s});
    completion told;
    f.wait(told, low);
    acquired first, late_equal, higher;
    f.acquire(first, "r", "first", {.priority = 1});
    f.advance(9s);
    f.acquire(late_equal, "r", "late", {.priority = 1});
    f.acquire(higher, "r", "higher", {.priority = 2});
    f.poll();
    CHECK_COMPLETED(told, aborted);
    f.advance(1s); // the grace counts from the first notice
    CHECK_COMPLETED(higher, success);
    CHECK_PENDING(first);
    BOOST_TEST(higher.lk.is_held());
    higher.lk.release();
    f.poll();
    CHECK_COMPLETED(first, success); // it kept its place
    CHECK_PENDING(late_equal);
    first.lk.release();
    f.poll();
    CHECK_COMPLETED(late_equal, success);
    BOOST_TEST(told.calls == 1);
}

// --- P6: time --------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(P6_is_held_is_false_after_the_deadline_before_any_timer_has_run)
{
    lock lk = f.get("r", "a", {.ttl = 10s});
    completion told;
    f.wait(told, lk);
    BOOST_TEST((lk.expires_at() == manual_clock::now() + 10s));
    manual_clock::advance(9999ms);
    BOOST_TEST(lk.is_held());
    manual_clock::advance(1ms);
    BOOST_TEST(!lk.is_held());
    BOOST_TEST(!lk);
    BOOST_TEST(lk.state() == lock_state::held); // the timer has not run
    f.poll();
    BOOST_TEST(lk.state() == lock_state::expired);
    CHECK_COMPLETED(told, errc::expired);
}

MANAGER_TEST_CASE(P6_an_acquire_after_the_deadline_does_not_wait_for_the_timer)
{
    lock lk = f.get("r", "a", {.ttl = 10s});
    manual_clock::advance(10s);
    acquired next;
    f.acquire(next, "r", "b");
    BOOST_TEST(lk.state() == lock_state::expired);
    f.poll();
    CHECK_COMPLETED(next, success);
}

MANAGER_TEST_CASE(P6_the_ttl_counts_from_the_grant)
{
    lock first = f.get("r", "a");
    acquired second;
    f.acquire(second, "r", "b", {.ttl = 10s});
    f.advance(1h);
    first.release();
    f.poll();
    CHECK_COMPLETED(second, success);
    BOOST_TEST((second.lk.expires_at() == manual_clock::now() + 10s));
    f.advance(9999ms);
    BOOST_TEST(second.lk.is_held());
    f.advance(1ms);
    BOOST_TEST(second.lk.state() == lock_state::expired);
}

MANAGER_TEST_CASE(P6_expiry_needs_no_acknowledgement)
{
    asio::io_context home;
    lock lk = f.get("r", "a", {.ttl = 10s, .grace = 24h});
    completion told;
    lk.async_wait(asio::bind_executor(home, record(told)));
    acquired next;
    f.acquire(next, "r", "b");
    f.advance(10s);
    CHECK_COMPLETED(next, success);
    CHECK_PENDING(told);
    poll(home);
    CHECK_COMPLETED(told, errc::expired);
}

MANAGER_TEST_CASE(P6_a_timeout_counts_from_the_start)
{
    lock first = f.get("r", "a");
    acquired second, now_or_never;
    f.acquire(second, "r", "b", {.timeout = 10s});
    f.acquire(now_or_never, "r", "c", {.priority = 9, .timeout = 0s});
    f.poll();
    CHECK_COMPLETED(now_or_never, errc::acquire_timeout);
    BOOST_TEST(first.is_held()); // nobody was told to go
    f.advance(9999ms);
    CHECK_PENDING(second);
    f.advance(1ms);
    CHECK_COMPLETED(second, errc::acquire_timeout);
    BOOST_TEST(second.lk.state() == lock_state::empty);
}

MANAGER_TEST_CASE(P6_attempts_run_out)
{
    lock first = f.get("r", "a", {.priority = 1});
    acquired once_only, four, thief;
    f.acquire(once_only, "r", "b", {.priority = 1, .max_attempts = 1});
    f.acquire(four, "r", "c", {.max_attempts = 4}); // now and after 1, 3 and 7 ms
    f.poll();
    CHECK_COMPLETED(once_only, errc::already_acquired);
    f.advance(6ms);
    CHECK_PENDING(four);
    f.advance(1ms);
    CHECK_COMPLETED(four, errc::already_acquired);
    f.acquire(thief, "r", "d", {.priority = 2, .max_attempts = 1}); // waits for its one hand-shake
    f.advance(1s);
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(P6_extend_moves_the_deadline_of_all_handles)
{
    lock first = f.get("r", "a", {.ttl = 10s});
    lock second = f.get("r", "a", {.ttl = 99s});
    BOOST_TEST((second.expires_at() == first.expires_at()));
    completion extended;
    f.advance(9s);
    initiate([&] { second.async_extend(20s, record(extended)); });
    f.poll();
    CHECK_COMPLETED(extended, success);
    BOOST_TEST((first.expires_at() == manual_clock::now() + 20s));
    f.advance(19999ms);
    BOOST_TEST(first.is_held());
    completion shortened;
    initiate([&] { first.async_extend(redlock::infinite, record(shortened)); });
    f.poll();
    f.advance(1000h);
    BOOST_TEST(first.is_held());
    completion brief;
    initiate([&] { first.async_extend(1s, record(brief)); });
    f.advance(1s);
    BOOST_TEST(first.state() == lock_state::expired);
    BOOST_TEST(second.state() == lock_state::expired);
    completion late;
    initiate([&] { first.async_extend(1s, record(late)); });
    f.poll();
    CHECK_COMPLETED(late, errc::not_held);
}

MANAGER_TEST_CASE(P6_extend_after_the_deadline_before_any_timer_has_run_is_too_late)
{
    lock lk = f.get("r", "a", {.ttl = 10s});
    manual_clock::advance(10s);
    completion late;
    initiate([&] { lk.async_extend(1h, record(late)); });
    f.poll();
    CHECK_COMPLETED(late, errc::not_held);
    BOOST_TEST(lk.state() == lock_state::expired);
}

// --- P7: a grant that races a cancellation or a timeout --------------------------------------------------------------

struct race
{
    explicit race(test::locks& fixture) : f(fixture), holder(f.get("r", "holder"))
    {
        const initiation_guard inside;
        f.manager->async_acquire("r", "racer", {.timeout = 10s},
                                 asio::bind_cancellation_slot(signal.slot(), record(racer)));
        f.acquire(next, "r", "next");
    }

    test::locks& f;
    asio::cancellation_signal signal;
    lock holder;
    acquired racer, next;
};

MANAGER_TEST_CASE(P7_a_grant_before_a_cancellation_is_delivered)
{
    race r(f);
    r.holder.release();
    initiate([&] { r.signal.emit(asio::cancellation_type::all); });
    f.poll();
    CHECK_COMPLETED(r.racer, success);
    BOOST_TEST(r.racer.lk.is_held());
    CHECK_PENDING(r.next);
    r.racer.lk.release();
    f.poll();
    CHECK_COMPLETED(r.next, success);
}

MANAGER_TEST_CASE(P7_a_cancellation_before_a_grant_ends_the_acquire)
{
    race r(f);
    initiate([&] { r.signal.emit(asio::cancellation_type::all); });
    r.holder.release();
    f.poll();
    CHECK_COMPLETED(r.racer, aborted);
    BOOST_TEST(r.racer.lk.state() == lock_state::empty);
    CHECK_COMPLETED(r.next, success);
}

MANAGER_TEST_CASE(P7_a_grant_before_a_timeout_is_delivered)
{
    race r(f);
    r.holder.release();
    manual_clock::advance(10s);
    f.poll();
    CHECK_COMPLETED(r.racer, success);
    BOOST_TEST(r.racer.lk.is_held());
    CHECK_PENDING(r.next);
}

MANAGER_TEST_CASE(P7_a_timeout_before_a_grant_ends_the_acquire)
{
    race r(f);
    manual_clock::advance(10s);
    f.context.poll_one(); // at most the timer, not the completions
    r.holder.release();
    f.poll();
    BOOST_TEST(r.racer.calls == 1);
    if (r.racer.ec == success) { // the release came before the timer: delivered
        BOOST_TEST(r.racer.lk.is_held());
        r.racer.lk.release();
        f.poll();
    } else {
        CHECK_COMPLETED(r.racer, errc::acquire_timeout);
        BOOST_TEST(r.racer.lk.state() == lock_state::empty);
    }
    CHECK_COMPLETED(r.next, success);
}

MANAGER_TEST_CASE(P7_a_timeout_and_a_cancellation_give_one_completion)
{
    race r(f);
    f.advance(10s);
    r.signal.emit(asio::cancellation_type::all);
    r.holder.release();
    f.poll();
    CHECK_COMPLETED(r.racer, errc::acquire_timeout);
    CHECK_COMPLETED(r.next, success);
}

MANAGER_TEST_CASE(P7_a_grant_before_cancel_close_or_the_end_of_the_manager_is_delivered)
{
    for (int how = 0; how < 3; ++how) {
        test::locks g(f.kind);
        race r(g);
        r.holder.release();
        if (how == 0)
            g.manager->cancel();
        else if (how == 1)
            g.manager->close();
        else
            g.manager.reset();
        g.poll();
        CHECK_COMPLETED(r.racer, success);
        BOOST_TEST(r.racer.lk.is_held());
        CHECK_COMPLETED(r.next, aborted);
        r.racer.lk.release();
        BOOST_TEST(r.racer.lk.state() == lock_state::released);
    }
}

MANAGER_TEST_CASE(P7_a_cancellation_while_the_refusal_is_queued_changes_nothing)
{
    race r(f);
    f.manager->cancel();
    r.signal.emit(asio::cancellation_type::all);
    f.poll();
    CHECK_COMPLETED(r.racer, aborted);
    CHECK_COMPLETED(r.next, aborted);
    BOOST_TEST(r.holder.is_held());
}

// --- P8: ends are told exactly once, with the first reason -----------------------------------------------------------

MANAGER_TEST_CASE(P8_released_stays_released)
{
    lock lk = f.get("r", "a", {.ttl = 10s});
    completion told;
    f.wait(told, lk);
    lk.release();
    lk.release();
    acquired high;
    f.acquire(high, "r", "high", {.priority = 9});
    f.advance(10s);
    CHECK_COMPLETED(told, success);
    BOOST_TEST(lk.state() == lock_state::released);
    completion again;
    initiate([&] { lk.async_release(record(again)); });
    f.poll();
    CHECK_COMPLETED(again, errc::not_held);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P8_preempted_stays_preempted)
{
    lock lk = f.get("r", "a", {.ttl = 10s, .grace = 24h});
    completion first, second, late;
    f.wait(first, lk);
    f.wait(second, lk);
    acquired high;
    f.acquire(high, "r", "high", {.priority = 9});
    f.advance(10s); // the ttl ends while it is revoking
    f.wait(late, lk);
    f.poll();
    CHECK_COMPLETED(first, aborted);
    CHECK_COMPLETED(second, aborted);
    CHECK_COMPLETED(late, aborted);
    BOOST_TEST(lk.state() == lock_state::preempted);
    lk.release();
    BOOST_TEST(lk.state() == lock_state::preempted);
}

MANAGER_TEST_CASE(P8_acknowledging_does_not_change_the_reason)
{
    lock lk = f.get("r", "a");
    acquired high;
    f.acquire(high, "r", "high", {.priority = 9});
    completion acknowledged, again, late;
    initiate([&] { lk.async_release(record(acknowledged)); });
    initiate([&] { lk.async_release(record(again)); });
    f.poll();
    CHECK_COMPLETED(acknowledged, success);
    CHECK_COMPLETED(again, errc::not_held);
    BOOST_TEST(lk.state() == lock_state::preempted);
    f.wait(late, lk);
    f.poll();
    CHECK_COMPLETED(late, aborted);
}

MANAGER_TEST_CASE(P8_expired_stays_expired)
{
    lock lk = f.get("r", "a", {.ttl = 10s});
    completion told, late;
    f.wait(told, lk);
    f.advance(10s);
    lk.release();
    f.wait(late, lk);
    f.poll();
    CHECK_COMPLETED(told, errc::expired);
    CHECK_COMPLETED(late, errc::expired);
    BOOST_TEST(lk.state() == lock_state::expired);
}

MANAGER_TEST_CASE(P8_a_wait_on_a_revoking_lock_completes_at_once)
{
    lock lk = f.get("r", "a");
    acquired high;
    f.acquire(high, "r", "high", {.priority = 9});
    completion late;
    f.wait(late, lk);
    f.poll();
    CHECK_COMPLETED(late, aborted);
    BOOST_TEST(lk.state() == lock_state::revoking);
}

MANAGER_TEST_CASE(P8_each_handle_of_a_locker_ends_on_its_own)
{
    lock first = f.get("r", "a"), second = f.get("r", "a");
    completion of_first, of_second;
    f.wait(of_first, first);
    f.wait(of_second, second);
    first.release();
    f.poll();
    CHECK_COMPLETED(of_first, success);
    CHECK_PENDING(of_second);
    BOOST_TEST(second.is_held());
    second = lock();
    f.poll();
    CHECK_COMPLETED(of_second, success);
    BOOST_TEST(f.vacant());
}

// --- P9: the end of the manager --------------------------------------------------------------------------------------

struct three_waits
{
    explicit three_waits(test::locks& fixture) : f(fixture), held(f.get("r", "a", {.ttl = 1h}))
    {
        const initiation_guard inside;
        f.acquire(first, "r", "b");
        f.manager->async_acquire("r", "c", {.timeout = 1h}, asio::bind_executor(home, record(second)));
        f.wait(end, held);
    }

    void check_aborted()
    {
        CHECK_PENDING(first); // not inside cancel(), close() or the destructor
        f.poll();
        CHECK_COMPLETED(first, aborted);
        CHECK_PENDING(second);
        poll(home);
        CHECK_COMPLETED(second, aborted);
        BOOST_TEST(first.lk.state() == lock_state::empty);
        BOOST_TEST(held.is_held());
        CHECK_PENDING(end);
    }

    void check_the_held_lock()
    {
        completion extended, released;
        initiate([&] { held.async_extend(2h, record(extended)); });
        f.poll();
        CHECK_COMPLETED(extended, success);
        BOOST_TEST(held.resource() == "r");
        initiate([&] { held.async_release(record(released)); });
        f.poll();
        CHECK_COMPLETED(released, success);
        CHECK_COMPLETED(end, success);
        BOOST_TEST(held.state() == lock_state::released);
    }

    test::locks& f;
    asio::io_context home;
    lock held;
    acquired first, second;
    completion end;
};

MANAGER_TEST_CASE(P9_cancel_ends_the_waits_of_the_moment)
{
    three_waits w(f);
    initiate([&] { f.manager->cancel(); });
    w.check_aborted();
    acquired later;
    f.acquire(later, "r", "d");
    f.poll();
    CHECK_PENDING(later);
    w.check_the_held_lock();
    f.poll();
    CHECK_COMPLETED(later, success);
}

MANAGER_TEST_CASE(P9_close_is_for_good)
{
    three_waits w(f);
    initiate([&] { f.manager->close(); });
    w.check_aborted();
    acquired later, other;
    f.acquire(later, "r", "d");
    f.acquire(other, "nobody's", "d");
    f.poll();
    CHECK_COMPLETED(later, errc::manager_closed);
    CHECK_COMPLETED(other, errc::manager_closed);
    w.check_the_held_lock();
    f.manager->close();
    f.manager->cancel();
}

MANAGER_TEST_CASE(P9_the_destructor_ends_the_waits_and_no_lock)
{
    three_waits w(f);
    initiate([&] { f.manager.reset(); });
    w.check_aborted();
    w.check_the_held_lock();
}

MANAGER_TEST_CASE(P9_a_lock_expires_without_its_manager)
{
    three_waits w(f);
    f.manager.reset();
    f.poll();
    poll(w.home);
    f.advance(1h);
    CHECK_COMPLETED(w.end, errc::expired);
    BOOST_TEST(w.held.state() == lock_state::expired);
}

MANAGER_TEST_CASE(P9_a_victim_unwinds_without_the_manager)
{
    lock low = f.get("r", "low");
    completion told;
    f.wait(told, low);
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.manager.reset();
    f.poll();
    CHECK_COMPLETED(told, aborted);
    CHECK_COMPLETED(high, aborted);
    BOOST_TEST(low.state() == lock_state::revoking);
    f.advance(1s);
    BOOST_TEST(low.state() == lock_state::preempted);
}

MANAGER_TEST_CASE(P9_assignment_ends_the_waits_of_the_old_manager)
{
    three_waits w(f);
    lock_manager other = make_manager(f.context.get_executor(), f.kind);
    initiate([&] { *f.manager = std::move(other); });
    w.check_aborted();
    lock same_name = f.get("r", "d"); // another scope
    BOOST_TEST(same_name.is_held());
    w.check_the_held_lock();
}

// --- P10: a priority that orders, and does not preempt ---------------------------------------------------------------

MANAGER_TEST_CASE(P10_without_preempting_it_is_served_first_and_leaves_the_holder_alone)
{
    lock holder = f.get("r", "holder", {.grace = 0s});
    completion told;
    f.wait(told, holder);
    acquired low, high, behind, once;
    f.acquire(low, "r", "low");
    f.acquire(high, "r", "high", {.priority = 5, .preempt = false});
    f.acquire(behind, "r", "behind", {.priority = 4});
    f.acquire(once, "r", "once", {.priority = 9, .preempt = false, .max_attempts = 1});
    f.advance(1h);
    CHECK_COMPLETED(once, errc::already_acquired);
    CHECK_PENDING(told);
    BOOST_TEST(holder.is_held());
    holder.release();
    f.poll();
    CHECK_COMPLETED(high, success);
    CHECK_PENDING(behind);
    high.lk.release();
    f.poll();
    CHECK_COMPLETED(behind, success);
    CHECK_PENDING(low);
}

MANAGER_TEST_CASE(P10_when_it_is_cancelled_the_next_in_line_preempts)
{
    lock holder = f.get("r", "holder");
    asio::cancellation_signal give_up;
    acquired patient, thief;
    f.manager->async_acquire("r", "patient", {.priority = 5, .preempt = false},
                             asio::bind_cancellation_slot(give_up.slot(), record(patient)));
    f.acquire(thief, "r", "thief", {.priority = 4});
    f.poll();
    BOOST_TEST(holder.is_held());
    give_up.emit(asio::cancellation_type::terminal);
    f.poll();
    CHECK_COMPLETED(patient, aborted);
    BOOST_TEST(holder.state() == lock_state::revoking);
    holder.release();
    f.poll();
    CHECK_COMPLETED(thief, success);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
