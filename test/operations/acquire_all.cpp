// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace test;
using redlock::async_acquire_all;
using redlock::infinite;
using redlock::lock_request;

void acquire_all(locks& f, acquired& result, const char* locker, std::vector<lock_request> requests,
                 redlock::duration timeout = infinite, const std::source_location& at = std::source_location::current())
{
    const initiation_guard inside;
    async_acquire_all(*f.manager, locker, std::move(requests), timeout, record(result, at));
}

/// Acquires a composite that must be granted.
[[nodiscard]] lock get_all(locks& f, const char* locker, std::vector<lock_request> requests,
                           const std::source_location& at = std::source_location::current())
{
    acquired result;
    acquire_all(f, result, locker, std::move(requests), infinite, at);
    f.poll();
    BOOST_TEST(result.is(success), "line " << at.line() << ": not granted: " << result);
    return std::move(result.lk);
}

/// Whether the resource can be had at once.
[[nodiscard]] bool is_free(locks& f, std::string_view resource)
{
    acquired probe;
    f.acquire(probe, resource, "probe", {.timeout = 0s});
    f.poll();
    return probe.is(success);
}

} // namespace

BOOST_AUTO_TEST_SUITE(acquire_all_tests)

// --- the composite ---------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(parts_do_not_renew_themselves)
{
    lock both;
    async_acquire_all(*f.manager, {{"r", {.ttl = 3s, .auto_extend = true, .max_hold = 4s}}, {"s"}}, redlock::infinite,
                      [&](error_code, lock granted) { both = std::move(granted); });
    f.poll();
    BOOST_TEST(both.is_held());
    f.advance(3s);
    BOOST_TEST((both.state() == lock_state::expired));
}

MANAGER_TEST_CASE(all_are_granted_as_one)
{
    lock lk = get_all(f, "me", {{"c", {.priority = 3, .ttl = 3h}}, {"a", {.priority = 5, .ttl = 2h}}, {"b"}});
    BOOST_TEST(lk.is_held());
    BOOST_TEST(lk.state() == lock_state::held);
    BOOST_TEST(lk.resource() == "a, b, c");
    BOOST_TEST(lk.locker_id() == "me");
    BOOST_TEST(lk.priority() == 0);
    BOOST_TEST(lk.fencing_token() == 0u);
    BOOST_TEST((lk.expires_at() == manual_clock::now() + 2h));
    BOOST_TEST_REQUIRE(lk.parts().size() == 3u);
    const char* names[] = {"a", "b", "c"};
    for (std::size_t i = 0; i < 3; ++i) {
        const lock& part = lk.parts()[i];
        BOOST_TEST(part.resource() == names[i]);
        BOOST_TEST(part.locker_id() == "me");
        BOOST_TEST(part.is_held());
        BOOST_TEST(part.fencing_token() != 0u);
    }
    BOOST_TEST(lk.parts()[0].priority() == 5);
    BOOST_TEST(!is_free(f, "a"));
    BOOST_TEST(!is_free(f, "c"));
    const lock moved = std::move(lk);
    BOOST_TEST(moved.parts().size() == 3u);
    BOOST_TEST(lk.parts().empty());
    BOOST_TEST(lk.state() == lock_state::empty);
}

MANAGER_TEST_CASE(a_plain_lock_is_its_only_part)
{
    lock lk = f.get("a", "me");
    BOOST_TEST_REQUIRE(lk.parts().size() == 1u);
    BOOST_TEST(&lk.parts().front() == &lk);
    BOOST_TEST(lock().parts().empty());
}

MANAGER_TEST_CASE(fresh_lockers_have_one_id_of_their_own)
{
    acquired first, second;
    async_acquire_all(*f.manager, {{"b"}, {"a"}}, infinite, record(first));
    async_acquire_all(*f.manager, {{"d"}, {"c"}}, infinite, record(second));
    f.poll();
    CHECK_COMPLETED(first, success);
    CHECK_COMPLETED(second, success);
    BOOST_TEST(first.lk.locker_id().starts_with('#'));
    for (const lock& part : first.lk.parts())
        BOOST_TEST(part.locker_id() == first.lk.locker_id());
    BOOST_TEST(first.lk.locker_id() != second.lk.locker_id());
}

MANAGER_TEST_CASE(release_frees_all)
{
    lock lk = get_all(f, "me", {{"a"}, {"b"}});
    completion ended;
    f.wait(ended, lk);
    lk.release();
    BOOST_TEST(lk.state() == lock_state::released);
    BOOST_TEST(is_free(f, "a"));
    BOOST_TEST(is_free(f, "b"));
    CHECK_COMPLETED(ended, success);
    lk.release();
    BOOST_TEST(lk.parts()[1].state() == lock_state::released);
    completion again;
    lk.async_release(record(again));
    f.poll();
    CHECK_COMPLETED(again, errc::not_held);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(the_destructor_releases)
{
    {
        const lock lk = get_all(f, "me", {{"a"}, {"b"}});
    }
    BOOST_TEST(f.vacant());
    lock lk = get_all(f, "me", {{"a"}, {"b"}});
    completion released;
    lk.async_release(record(released));
    f.poll();
    CHECK_COMPLETED(released, success);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(extension_moves_the_end_of_all)
{
    lock lk = get_all(f, "me", {{"a", {.ttl = 1s}}, {"b", {.ttl = 2s}}});
    completion extended, bad, late;
    lk.async_extend(5s, record(extended));
    lk.async_extend(0s, record(bad));
    f.poll();
    CHECK_COMPLETED(extended, success);
    CHECK_COMPLETED(bad, errc::invalid_argument);
    for (const lock& part : lk.parts())
        BOOST_TEST((part.expires_at() == manual_clock::now() + 5s));
    f.advance(4s);
    BOOST_TEST(lk.is_held());
    f.advance(1s);
    BOOST_TEST(lk.state() == lock_state::expired);
    lk.async_extend(1s, record(late));
    f.poll();
    CHECK_COMPLETED(late, errc::not_held);
}

// --- acquiring -------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(all_or_none)
{
    lock b = f.get("b", "other");
    acquired all;
    acquire_all(f, all, "me", {{"c"}, {"b"}, {"a"}});
    f.poll();
    CHECK_PENDING(all);
    BOOST_TEST(!is_free(f, "a")); // before b in the order
    BOOST_TEST(is_free(f, "c"));  // after it
    b.release();
    f.poll();
    CHECK_COMPLETED(all, success);
    BOOST_TEST(all.lk.is_held());
}

MANAGER_TEST_CASE(bad_requests_change_nothing)
{
    const std::vector<std::vector<lock_request>> bad = {
        {},
        {{"a"}, {""}},
        {{"a"}, {"b", {.ttl = 0s}}},
        {{"a"}, {"b", {.ttl = -1s}}},
        {{"a"}, {"b", {.timeout = -1s}}},
        {{"a"}, {"b", {.grace = -1s}}},
        {{"a"}, {"b", {.max_attempts = 0}}},
        {{"a"}, {std::string(64 * 1024 + 1, 'x')}},
    };
    for (const auto& requests : bad) {
        acquired result;
        acquire_all(f, result, "me", requests);
        CHECK_PENDING(result); // not inline
        f.poll();
        CHECK_COMPLETED(result, errc::invalid_argument);
    }
    acquired negative, nobody;
    acquire_all(f, negative, "me", {{"a"}}, -1s);
    acquire_all(f, nobody, "", {{"a"}});
    f.poll();
    CHECK_COMPLETED(negative, errc::invalid_argument);
    CHECK_COMPLETED(nobody, errc::invalid_argument);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(the_timeout_is_that_of_the_whole)
{
    lock b = f.get("b", "other", {.ttl = 2s});
    const lock c = f.get("c", "other");
    acquired all;
    acquire_all(f, all, "me", {{"a"}, {"b"}, {"c"}}, 3s);
    f.advance(2s); // b is granted
    CHECK_PENDING(all);
    f.advance(999ms);
    CHECK_PENDING(all);
    f.advance(1ms);
    CHECK_COMPLETED(all, errc::acquire_timeout);
    BOOST_TEST(all.lk.state() == lock_state::empty);
    BOOST_TEST(is_free(f, "a"));
    BOOST_TEST(is_free(f, "b"));
}

MANAGER_TEST_CASE(the_timeout_of_a_part_counts_from_the_start_of_the_whole)
{
    lock a = f.get("a", "other", {.ttl = 2s});
    const lock b = f.get("b", "other");
    acquired all;
    acquire_all(f, all, "me", {{"a"}, {"b", {.timeout = 3s}}});
    f.advance(2s);
    CHECK_PENDING(all);
    f.advance(1s);
    CHECK_COMPLETED(all, errc::acquire_timeout);
    BOOST_TEST(is_free(f, "a"));

    // It may be over before the part's turn comes.
    lock again = f.get("a", "other", {.ttl = 2s});
    acquired late;
    acquire_all(f, late, "me", {{"a"}, {"c", {.timeout = 1s}}});
    f.advance(2s);
    CHECK_COMPLETED(late, errc::acquire_timeout);
    BOOST_TEST(is_free(f, "a"));
}

MANAGER_TEST_CASE(timeout_zero_is_now_or_never)
{
    lock b = f.get("b", "other");
    completion told;
    f.wait(told, b);
    acquired refused, part_refused;
    acquire_all(f, refused, "me", {{"a", {.priority = 9}}, {"b", {.priority = 9}}}, 0s);
    acquire_all(f, part_refused, "me", {{"a"}, {"b", {.priority = 9, .timeout = 0s}}});
    f.poll();
    CHECK_COMPLETED(refused, errc::acquire_timeout);
    CHECK_COMPLETED(part_refused, errc::acquire_timeout);
    CHECK_PENDING(told);
    b.release();
    f.poll();
    acquired granted;
    acquire_all(f, granted, "me", {{"a"}, {"b"}}, 0s);
    f.poll();
    CHECK_COMPLETED(granted, success);
}

MANAGER_TEST_CASE(attempts_of_a_part_are_used_up)
{
    const lock b = f.get("b", "other");
    acquired once, thrice;
    acquire_all(f, once, "me", {{"a"}, {"b", {.max_attempts = 1}}});
    f.poll();
    CHECK_COMPLETED(once, errc::already_acquired);
    acquire_all(f, thrice, "me", {{"a"}, {"b", {.max_attempts = 3}}});
    f.advance(2ms);
    CHECK_PENDING(thrice);
    f.advance(1ms);
    CHECK_COMPLETED(thrice, errc::already_acquired);
    BOOST_TEST(is_free(f, "a"));
}

MANAGER_TEST_CASE(a_repeated_resource_is_one_part)
{
    lock lk =
        get_all(f, "me", {{"a", {.priority = 1, .ttl = 1h}}, {"b"}, {"a", {.priority = 4, .ttl = 1s, .grace = 5s}}});
    BOOST_TEST_REQUIRE(lk.parts().size() == 2u);
    BOOST_TEST(lk.parts()[0].priority() == 4);
    BOOST_TEST((lk.parts()[0].expires_at() == manual_clock::now() + 1h)); // the first one's
    acquired thief;
    f.acquire(thief, "a", "thief", {.priority = 5});
    f.advance(4s);
    CHECK_PENDING(thief); // the longest grace
    f.advance(1s);
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(P10_parts_leave_holders_alone_each_by_its_own_options)
{
    lock a = f.get("a", "holder a");
    lock b = f.get("b", "holder b", {.grace = 2h});
    acquired all;
    acquire_all(f, all, "me", {{"b", {.priority = 1}}, {"a", {.priority = 1, .preempt = false}}});
    f.advance(1h);
    BOOST_TEST(a.is_held());
    a.release();
    f.poll();
    BOOST_TEST(b.state() == lock_state::revoking);
    b.release();
    f.poll();
    CHECK_COMPLETED(all, success);
}

MANAGER_TEST_CASE(P10_a_repeated_resource_preempts_if_any_of_its_requests_does)
{
    lock a = f.get("a", "holder");
    acquired patient, forceful;
    acquire_all(f, patient, "patient",
                {{"a", {.priority = 1, .preempt = false}}, {"a", {.priority = 2, .preempt = false}}});
    f.poll();
    BOOST_TEST(a.is_held());
    acquire_all(f, forceful, "forceful", {{"a", {.priority = 3, .preempt = false}}, {"a", {.priority = 1}}});
    f.poll();
    BOOST_TEST(a.state() == lock_state::revoking);
    a.release();
    f.poll();
    CHECK_COMPLETED(forceful, success);
    CHECK_PENDING(patient);
}

MANAGER_TEST_CASE(ttls_count_from_the_grant_of_the_whole)
{
    lock b = f.get("b", "other");
    acquired all;
    acquire_all(f, all, "me", {{"a", {.ttl = 2s}}, {"b", {.ttl = 3s}}});
    acquired waiter;
    f.acquire(waiter, "a", "waiter");
    f.advance(10s);
    CHECK_PENDING(all);
    CHECK_PENDING(waiter); // nothing has expired
    b.release();
    f.poll();
    CHECK_COMPLETED(all, success);
    BOOST_TEST((all.lk.expires_at() == manual_clock::now() + 2s));
    f.advance(1999ms);
    BOOST_TEST(all.lk.is_held());
    f.advance(1ms);
    BOOST_TEST(!all.lk.is_held());
}

MANAGER_TEST_CASE(a_lost_part_is_let_go_and_waited_for_again)
{
    lock d = f.get("d", "other");
    acquired all, thief, low_a, low_b, low_c;
    acquire_all(f, all, "me", {{"a"}, {"b"}, {"c"}, {"d"}});
    f.poll();
    f.acquire(low_a, "a", "low a");
    f.acquire(low_c, "c", "low c");
    f.acquire(thief, "b", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(thief, success); // acknowledged at once, in spite of the grace
    CHECK_COMPLETED(low_c, success); // the parts after it were released
    CHECK_PENDING(low_a);            // those before it were kept
    d.release();
    BOOST_TEST(is_free(f, "d")); // and the pending acquire withdrawn
    thief.lk.release();
    f.poll();
    CHECK_PENDING(all);
    low_c.lk.release();
    f.poll();
    CHECK_COMPLETED(all, success);
    for (const lock& part : all.lk.parts())
        BOOST_TEST(part.is_held());
}

MANAGER_TEST_CASE(the_first_part_may_be_lost_over_and_over)
{
    lock c = f.get("c", "other");
    acquired all;
    acquire_all(f, all, "me", {{"a"}, {"b"}, {"c", {.priority = -1, .max_attempts = 1}}, {"d"}});
    f.poll();
    CHECK_COMPLETED(all, errc::already_acquired);
    acquired patient;
    acquire_all(f, patient, "me", {{"a"}, {"b"}, {"c"}});
    for (int i = 0; i < 10; ++i) {
        lock thief = f.get(i % 2 ? "a" : "b", "thief", {.priority = 1});
        BOOST_TEST(is_free(f, "b") == (i % 2 == 1));
        thief.release();
        f.poll();
    }
    c.release();
    f.poll();
    CHECK_COMPLETED(patient, success);
}

MANAGER_TEST_CASE(opposite_orders_do_not_deadlock)
{
    lock hurdle = f.get("b", "hurdle");
    acquired one, two;
    acquire_all(f, one, "one", {{"a"}, {"b"}, {"c"}});
    acquire_all(f, two, "two", {{"c"}, {"b"}, {"a"}});
    hurdle.release();
    f.poll();
    CHECK_COMPLETED(one, success);
    CHECK_PENDING(two);
    one.lk.release();
    f.poll();
    CHECK_COMPLETED(two, success);
}

MANAGER_TEST_CASE(parts_are_reentrant)
{
    lock mine = f.get("b", "me", {.priority = 2, .ttl = 1h});
    lock lk = get_all(f, "me", {{"a", {.priority = 7}}, {"b", {.priority = 7, .ttl = 1s}}});
    BOOST_TEST(mine.priority() == 7);
    BOOST_TEST((mine.expires_at() == manual_clock::now() + 1h)); // the ttl of the first
    BOOST_TEST(lk.parts()[1].fencing_token() == mine.fencing_token());
    lk.release();
    BOOST_TEST(mine.is_held());
    BOOST_TEST(!is_free(f, "b"));

    lock unlimited = f.get("c", "me");
    lock more = get_all(f, "me", {{"c", {.ttl = 1s}}, {"d", {.ttl = 5s}}});
    BOOST_TEST((unlimited.expires_at() == redlock::clock::time_point::max()));
    BOOST_TEST((more.expires_at() == manual_clock::now() + 5s));
}

// --- the end ---------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(P3_preempted_as_one_and_handed_on_when_it_has_unwound)
{
    lock lk = get_all(f, "me", {{"a"}, {"b"}, {"c"}});
    completion ended;
    f.wait(ended, lk);
    acquired thief, waiter_a, waiter_c;
    f.acquire(waiter_a, "a", "waiter");
    f.acquire(waiter_c, "c", "waiter");
    f.acquire(thief, "b", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(ended, aborted);
    BOOST_TEST(lk.state() == lock_state::revoking);
    BOOST_TEST(!lk.is_held());
    f.advance(999ms);
    CHECK_PENDING(thief);
    CHECK_PENDING(waiter_a);
    CHECK_PENDING(waiter_c);
    lk.release();
    BOOST_TEST(lk.state() == lock_state::preempted);
    f.poll();
    CHECK_COMPLETED(thief, success);
    CHECK_COMPLETED(waiter_a, success);
    CHECK_COMPLETED(waiter_c, success);
}

MANAGER_TEST_CASE(P3_grace_ends_the_hand_shakes_of_all)
{
    lock lk = get_all(f, "me", {{"a", {.grace = 3s}}, {"b", {.grace = 2s}}});
    acquired thief, waiter;
    f.acquire(waiter, "a", "waiter");
    f.acquire(thief, "b", "thief", {.priority = 1});
    f.advance(1999ms);
    CHECK_PENDING(thief);
    BOOST_TEST(lk.state() == lock_state::revoking);
    f.advance(1ms);
    CHECK_COMPLETED(thief, success);
    BOOST_TEST(lk.state() == lock_state::preempted);
    CHECK_PENDING(waiter);
    f.advance(1s);
    CHECK_COMPLETED(waiter, success);
    lk.release();
    BOOST_TEST(thief.lk.is_held());
    BOOST_TEST(waiter.lk.is_held());
}

MANAGER_TEST_CASE(P3_the_thief_waits_for_the_notice_handlers_of_the_whole)
{
    lock lk = get_all(f, "me", {{"a", {.grace = 0s}}, {"b", {.grace = 0s}}});
    asio::io_context other; // nothing runs there for now
    completion wait, guarded;
    asio::steady_timer timer(f.context, 1h);
    lk.async_wait(asio::bind_executor(other, record(wait)));
    timer.async_wait(lk.guard(asio::bind_executor(other, record(guarded))));
    acquired thief, waiter;
    f.acquire(waiter, "a", "waiter");
    f.acquire(thief, "b", "thief", {.priority = 1});
    f.advance(1h);
    CHECK_PENDING(thief);
    CHECK_PENDING(waiter);
    poll(other);
    f.poll();
    poll(other);
    f.poll();
    CHECK_COMPLETED(wait, aborted);
    BOOST_TEST(guarded.done());
    CHECK_COMPLETED(thief, success);
    CHECK_COMPLETED(waiter, success);
    BOOST_TEST(thief.order > wait.order);
    BOOST_TEST(thief.order > guarded.order);
}

MANAGER_TEST_CASE(P3_a_grant_that_is_not_delivered_yet_holds_the_thief_up)
{
    asio::io_context other;
    acquired all, thief;
    {
        const initiation_guard inside;
        async_acquire_all(*f.manager, "me", {{"a", {.grace = 0s}}, {"b", {.grace = 0s}}}, infinite,
                          asio::bind_executor(other, record(all)));
    }
    f.acquire(thief, "a", "thief", {.priority = 1});
    f.advance(1s);
    CHECK_PENDING(thief);
    poll(other);
    CHECK_COMPLETED(all, success);
    BOOST_TEST((all.lk.state() == lock_state::revoking || all.lk.state() == lock_state::preempted));
    f.poll();
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(a_part_that_expires_ends_all_and_frees_the_others)
{
    lock lk = get_all(f, "me", {{"a"}, {"b", {.ttl = 1s}}});
    completion ended, guarded;
    f.wait(ended, lk);
    asio::steady_timer timer(f.context, 1h);
    timer.async_wait(lk.guard(record(guarded)));
    acquired waiter;
    f.acquire(waiter, "a", "waiter");
    manual_clock::advance(1s);
    BOOST_TEST(!lk.is_held()); // before any timer has run
    f.poll();
    CHECK_COMPLETED(ended, errc::expired);
    CHECK_COMPLETED(guarded, aborted);
    BOOST_TEST(lk.state() == lock_state::expired);
    CHECK_COMPLETED(waiter, success);
    lk.release();
    BOOST_TEST(lk.state() == lock_state::expired);
    BOOST_TEST(waiter.lk.is_held());
}

MANAGER_TEST_CASE(P8_only_the_first_end_is_told)
{
    lock lk = get_all(f, "me", {{"a", {.ttl = 1s}}, {"b"}});
    completion first;
    f.wait(first, lk);
    acquired thief_a, thief_b;
    f.acquire(thief_b, "b", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(first, aborted);
    f.acquire(thief_a, "a", "thief", {.priority = 2});
    f.advance(500ms);
    CHECK_PENDING(thief_a);
    f.advance(500ms); // the ttl of a, and the grace of b
    CHECK_COMPLETED(thief_a, success);
    CHECK_COMPLETED(thief_b, success);
    BOOST_TEST(lk.state() == lock_state::preempted);
    completion late;
    f.wait(late, lk);
    f.poll();
    CHECK_COMPLETED(late, aborted);
}

MANAGER_TEST_CASE(preemption_spares_what_the_locker_holds_by_other_handles)
{
    lock mine = f.get("b", "me");
    completion ended;
    f.wait(ended, mine);
    lock lk = get_all(f, "me", {{"a"}, {"b"}});
    acquired thief, waiter;
    f.acquire(waiter, "b", "waiter");
    f.acquire(thief, "a", "thief", {.priority = 1});
    f.poll();
    BOOST_TEST(lk.state() == lock_state::revoking);
    BOOST_TEST(mine.is_held());
    CHECK_PENDING(ended);
    mine.release();
    f.poll();
    CHECK_PENDING(waiter); // b is the composite's until it has unwound
    f.advance(1s);         // or its grace is over
    CHECK_COMPLETED(thief, success);
    CHECK_COMPLETED(waiter, success);
}

MANAGER_TEST_CASE(a_thief_that_gives_up_does_not_bring_it_back)
{
    lock lk = get_all(f, "me", {{"a"}, {"b"}});
    acquired thief, next;
    f.acquire(thief, "a", "thief", {.priority = 1, .timeout = 500ms});
    f.advance(500ms);
    CHECK_COMPLETED(thief, errc::acquire_timeout);
    BOOST_TEST(lk.state() == lock_state::revoking);
    acquire_all(f, next, "next", {{"b"}, {"a"}});
    f.poll();
    CHECK_PENDING(next);
    lk.release();
    f.poll();
    CHECK_COMPLETED(next, success);
}

MANAGER_TEST_CASE(composites_preempt_composites)
{
    lock low = get_all(f, "low", {{"a"}, {"b"}, {"c"}});
    acquired high;
    acquire_all(f, high, "high", {{"b", {.priority = 1}}, {"c", {.priority = 1}}, {"d", {.priority = 1}}});
    f.poll();
    BOOST_TEST(low.state() == lock_state::revoking);
    low.release();
    f.poll();
    CHECK_COMPLETED(high, success);
    BOOST_TEST(high.lk.priority() == 1);
    BOOST_TEST(is_free(f, "a"));
}

// --- giving up -------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(every_cancellation_gives_all_up)
{
    lock b = f.get("b", "other");
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        acquired all;
        async_acquire_all(*f.manager, "me", {{"a"}, {"b"}}, infinite,
                          asio::bind_cancellation_slot(signal.slot(), record(all)));
        f.poll();
        CHECK_PENDING(all);
        BOOST_TEST(!is_free(f, "a"));
        initiate([&] { signal.emit(asio::cancellation_type::none); });
        f.poll();
        CHECK_PENDING(all);
        initiate([&] { signal.emit(type); });
        BOOST_TEST(is_free(f, "a"));
        CHECK_COMPLETED(all, aborted);
        initiate([&] { signal.emit(type); });
    }
    b.release();
    f.poll();
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(P7_a_cancellation_after_the_grant_has_no_effect)
{
    lock b = f.get("b", "other");
    asio::cancellation_signal signal;
    acquired all;
    async_acquire_all(*f.manager, "me", {{"a"}, {"b"}}, infinite,
                      asio::bind_cancellation_slot(signal.slot(), record(all)));
    b.release(); // decides
    signal.emit(asio::cancellation_type::all);
    f.poll();
    CHECK_COMPLETED(all, success);
    BOOST_TEST(all.lk.is_held());
}

MANAGER_TEST_CASE(P9_cancel_and_close_and_destruction_give_all_up)
{
    lock b = f.get("b", "other");
    acquired first, second, third, closed;
    acquire_all(f, first, "me", {{"a"}, {"b"}});
    initiate([&] { f.manager->cancel(); });
    f.poll();
    CHECK_COMPLETED(first, aborted);
    BOOST_TEST(is_free(f, "a"));

    acquire_all(f, second, "me", {{"a"}, {"b"}});
    initiate([&] { f.manager->close(); });
    f.poll();
    CHECK_COMPLETED(second, aborted);
    acquire_all(f, closed, "me", {{"a"}, {"b"}});
    f.poll();
    CHECK_COMPLETED(closed, errc::manager_closed);

    f.manager.emplace(make_manager(f.context.get_executor(), f.kind));
    lock survivor = get_all(f, "me", {{"x"}, {"y"}});
    const lock z = f.get("z", "other");
    acquire_all(f, third, "other", {{"w"}, {"z"}, {"x"}, {"y"}});
    f.manager.reset();
    f.poll();
    CHECK_COMPLETED(third, aborted);
    BOOST_TEST(survivor.is_held());
    survivor.release();
    BOOST_TEST(survivor.state() == lock_state::released);
    f.manager.emplace(make_manager(f.context.get_executor(), f.kind));
}

MANAGER_TEST_CASE(a_lost_part_is_not_asked_for_again_once_the_manager_is_gone)
{
    lock b = f.get("b", "other");
    acquired all;
    acquire_all(f, all, "me", {{"a"}, {"b"}});
    f.poll();
    f.manager.reset();
    f.poll();
    CHECK_COMPLETED(all, aborted);
    f.manager.emplace(make_manager(f.context.get_executor(), f.kind));
}

// Over a protocol to set the ttls takes a turn, in which no part is waited for.
BOOST_AUTO_TEST_CASE(P9_cancelled_while_the_ttls_are_set)
{
    for (const bool destroyed : {false, true}) {
        asio::io_context context;
        const auto store = std::make_shared<redlock::testing::memory_protocol>(context.get_executor());
        auto manager = std::make_unique<lock_manager>(context, store);
        lock_manager other(context, store);
        acquired all, probe;
        async_acquire_all(*manager, {{"a", {.ttl = 1h}}, {"b"}}, infinite, record(all));
        CHECK_PENDING(all);
        if (destroyed)
            manager.reset();
        else
            manager->cancel();
        poll(context);
        CHECK_COMPLETED(all, aborted);
        async_acquire_all(other, {{"a"}, {"b", {.ttl = 1h}}}, infinite, record(probe));
        poll(context);
        CHECK_COMPLETED(probe, success);
    }
}

// --- many ------------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(a_thousand_resources)
{
    std::vector<lock_request> requests;
    for (int i = 0; i < 1000; ++i)
        requests.push_back({"r" + std::to_string(i)});
    std::shuffle(requests.begin(), requests.end(), std::mt19937(1));
    lock hurdle = f.get("r999", "hurdle");
    acquired first, second;
    acquire_all(f, first, "first", requests);
    std::shuffle(requests.begin(), requests.end(), std::mt19937(2));
    acquire_all(f, second, "second", requests);
    hurdle.release();
    f.poll();
    CHECK_COMPLETED(first, success);
    BOOST_TEST(first.lk.parts().size() == 1000u);
    BOOST_TEST(std::ranges::all_of(first.lk.parts(), &lock::is_held));
    acquired thief;
    f.acquire(thief, "r500", "thief", {.priority = 1});
    f.poll();
    BOOST_TEST(first.lk.state() == lock_state::revoking);
    first.lk.release();
    f.poll();
    CHECK_COMPLETED(thief, success);
    thief.lk.release();
    f.poll();
    CHECK_COMPLETED(second, success);
}

// What one lets go the next one is granted, and gives up in its turn: on the stack this must not add up.
MANAGER_TEST_CASE(many_that_give_up_in_turn)
{
    constexpr std::size_t count = 50'000;
    lock a = f.get("a", "other");
    const lock b = f.get("b", "other");
    std::size_t refused = 0;
    for (std::size_t i = 0; i < count; ++i)
        async_acquire_all(*f.manager, {{"a"}, {"b", {.max_attempts = 1}}}, infinite,
                          [&](error_code ec, lock) { refused += ec == errc::already_acquired; });
    a.release();
    f.poll();
    BOOST_TEST(refused == count);
}

MANAGER_TEST_CASE(overlapping_sets_in_any_order_run_to_completion)
{
    constexpr int resources = 7, lockers = 40;
    int todo = 4000, inside[resources] = {}, overlaps = 0, preempted = 0, finished = 0, waiting = 0;
    std::mt19937 random(3);
    const auto upto = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };

    std::function<void()> one = [&] {
        if (todo-- <= 0)
            return;
        std::vector<lock_request> requests;
        std::vector<int> wanted;
        for (int n = 1 + upto(4); n > 0; --n) {
            const int r = upto(resources);
            const int priority = upto(4);
            requests.push_back({std::to_string(r), {.priority = priority, .grace = 1h}});
            if (std::find(wanted.begin(), wanted.end(), r) == wanted.end())
                wanted.push_back(r);
        }
        ++waiting;
        async_acquire_all(*f.manager, std::move(requests), infinite, [&, wanted](error_code ec, lock lk) {
            BOOST_TEST(!ec);
            for (const int r : wanted)
                overlaps += inside[r]++ != 0;
            auto shared = std::make_shared<lock>(std::move(lk));
            auto timer = std::make_shared<asio::steady_timer>(f.context, std::chrono::microseconds(upto(20)));
            timer->async_wait(shared->guard([&, shared, timer, wanted](error_code why) {
                preempted += why ? 1 : 0;
                asio::post(f.context, [&, shared, wanted] { // unwinds
                    for (const int r : wanted)
                        --inside[r];
                    ++finished;
                    --waiting;
                    shared->release();
                    one();
                });
            }));
        });
    };
    for (int i = 0; i < lockers; ++i)
        one();
    while (waiting != 0) {
        f.context.restart();
        f.context.run_one_for(10s);
    }
    BOOST_TEST(finished == 4000);
    BOOST_TEST(overlaps == 0);
    BOOST_TEST(preempted > 0);
    BOOST_TEST(f.vacant());
}

BOOST_AUTO_TEST_SUITE_END()
