// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

// P12: those who hold the parts of a composite unwind side by side.

namespace {

using namespace test;
using redlock::async_acquire_all;
using redlock::infinite;
using redlock::lock_request;

const acquire_options high{.priority = 1};

void acquire_all(locks& f, acquired& result, std::vector<lock_request> requests, redlock::duration timeout = infinite)
{
    const initiation_guard inside;
    async_acquire_all(*f.manager, "whole", std::move(requests), timeout, record(result));
}

} // namespace

BOOST_AUTO_TEST_SUITE(announcements)

MANAGER_TEST_CASE(P12_graces_run_side_by_side)
{
    std::vector<lock> passive;
    for (const char* name : {"a", "b", "c", "d", "e"})
        passive.push_back(f.get(name, "passive", {.grace = 200ms}));
    acquired all;
    acquire_all(f, all, {{"a", high}, {"b", high}, {"c", high}, {"d", high}, {"e", high}});
    f.poll();
    for (const lock& each : passive)
        BOOST_TEST(each.state() == lock_state::revoking);
    f.advance(199ms);
    CHECK_PENDING(all);
    f.advance(1ms);
    CHECK_COMPLETED(all, success);
    BOOST_TEST(f.manager->metrics().preemptions == 5u);
    BOOST_TEST(f.manager->metrics().preemptions_in_vain == 0u);
}

MANAGER_TEST_CASE(P12_holders_go_when_they_have_unwound)
{
    lock a = f.get("a", "1"), b = f.get("b", "2"), c = f.get("c", "3");
    acquired all;
    acquire_all(f, all, {{"a", high}, {"b", high}, {"c", high}});
    f.poll();
    c.release();
    b.release();
    CHECK_PENDING(all);
    a.release();
    f.poll();
    CHECK_COMPLETED(all, success);
    BOOST_TEST(c.state() == lock_state::preempted);
    BOOST_TEST(f.manager->metrics().preemptions == 3u); // each once
}

MANAGER_TEST_CASE(P12_keeps_nobody_out)
{
    lock a = f.get("a", "1"), b = f.get("b", "2");
    acquired all;
    acquire_all(f, all, {{"a", high}, {"b", high}});
    f.poll();
    b.release();
    lock newcomer = f.get("b", "3");
    f.poll();
    BOOST_TEST(newcomer.is_held()); // until it is the turn of b
    BOOST_TEST(f.manager->metrics().preemptions_in_vain == 1u);
    a.release();
    f.poll();
    BOOST_TEST(newcomer.state() == lock_state::revoking);
    newcomer.release();
    f.poll();
    CHECK_COMPLETED(all, success);
    BOOST_TEST(f.manager->metrics().preemptions_in_vain == 1u);
}

MANAGER_TEST_CASE(P12_a_waiter_that_is_there_comes_first)
{
    lock a = f.get("a", "1"), b = f.get("b", "2");
    acquired waiter, all;
    f.acquire(waiter, "b", "3");
    acquire_all(f, all, {{"a", high}, {"b", high}});
    f.poll();
    b.release();
    f.poll();
    CHECK_COMPLETED(waiter, success);
    BOOST_TEST(waiter.lk.is_held());
}

MANAGER_TEST_CASE(P12_tells_nobody_whom_an_acquire_would_not_tell)
{
    lock first = f.get("a", "1");
    lock equal = f.get("b", "2", {.priority = 1});
    lock spared = f.get("c", "3");
    lock behind = f.get("d", "4");
    lock own = f.get("e", "whole");
    acquired waiter, all;
    f.acquire(waiter, "d", "5", {.priority = 1, .preempt = false}); // nobody preempts from behind it
    acquire_all(f, all, {{"a", high}, {"b", high}, {"c", {.priority = 1, .preempt = false}}, {"d", high}, {"e", high}});
    f.poll();
    BOOST_TEST(first.state() == lock_state::revoking);
    for (const lock* each : {&equal, &spared, &behind, &own})
        BOOST_TEST(each->is_held());
    f.manager->cancel();
    f.poll();
}

MANAGER_TEST_CASE(P12_tells_nobody_without_having_to_wait)
{
    lock b = f.get("b", "2");
    acquired all;
    acquire_all(f, all, {{"a", high}, {"b", high}}, 0s);
    f.poll();
    CHECK_COMPLETED(all, errc::acquire_timeout);
    BOOST_TEST(b.is_held());
}

MANAGER_TEST_CASE(P4_P12_a_loss_is_final_though_the_composite_gives_up)
{
    lock a = f.get("a", "1", {.grace = 1h}), b = f.get("b", "2", {.grace = 1h});
    acquired all;
    acquire_all(f, all, {{"a", high}, {"b", high}}, 1s);
    f.advance(1s);
    CHECK_COMPLETED(all, errc::acquire_timeout);
    BOOST_TEST(b.state() == lock_state::revoking);
    BOOST_TEST(f.manager->metrics().preemptions_in_vain == 0u);
    b.release();
    lock next = f.get("b", "3");
    BOOST_TEST(f.manager->metrics().preemptions_in_vain == 1u);
}

/// Composites of overlapping sets and random priorities, whose holders take their time: all come to their end.
MANAGER_TEST_CASE(P12_overlapping_sets_of_all_priorities_come_to_an_end)
{
    constexpr int composites = 400;
    const char* const names[] = {"a", "b", "c", "d", "e", "f"};
    std::mt19937 random(17);
    struct one
    {
        acquired result;
        int left = 0; // steps that it still works for once it is granted
    };
    std::vector<std::unique_ptr<one>> all;
    for (int i = 0; i < composites; ++i) {
        auto& each = *all.emplace_back(std::make_unique<one>());
        each.left = 1 + static_cast<int>(random() % 5);
        std::vector<lock_request> requests;
        for (const char* name : names)
            if (random() % 2 == 0)
                requests.push_back({name, {.priority = static_cast<int>(random() % 5), .grace = 3ms}});
        if (requests.empty())
            requests.push_back({"a", {}});
        const initiation_guard inside;
        async_acquire_all(*f.manager, "whole " + std::to_string(i), std::move(requests), infinite, record(each.result));
    }
    int steps = 0;
    for (bool working = true; working && steps < 20 * composites; ++steps) {
        working = false;
        f.advance(1ms);
        for (const auto& each : all) {
            if (!each->result.done())
                working = true;
            else if (each->left > 0 && (--each->left == 0 || !each->result.lk.is_held()))
                each->result.lk.release();
        }
    }
    for (const auto& each : all)
        CHECK_COMPLETED(each->result, success);
    BOOST_TEST(f.manager->metrics().preemptions > 0u);
    BOOST_TEST_MESSAGE(steps << " ms, " << f.manager->metrics().preemptions << " preemptions, of them in vain "
                             << f.manager->metrics().preemptions_in_vain);
    f.advance(10ms);
    all.clear();
    f.poll();
    BOOST_TEST(f.vacant());
}

/// Over a protocol nothing is announced: the holder may be left alone for one that another manager has.
BOOST_AUTO_TEST_CASE(P12_P10_waiters_of_other_managers_decide_whether_a_holder_goes)
{
    asio::io_context context;
    const auto store = std::make_shared<redlock::testing::memory_protocol>(context.get_executor());
    lock_manager manager(context, store), other(context, store);
    acquired a, b, lenient, all;
    other.async_acquire("a", "1", {}, record(a));
    manager.async_acquire("b", "2", {}, record(b));
    poll(context);
    other.async_acquire("b", "3", {.priority = 2, .preempt = false}, record(lenient));
    poll(context);
    async_acquire_all(manager, "whole", {{"a", acquire_options{.priority = 1, .preempt = false}}, {"b", high}},
                      infinite, record(all));
    poll(context);
    CHECK_PENDING(all);
    BOOST_TEST(b.lk.is_held());
    a.lk.release();
    poll(context);
    CHECK_PENDING(all);
    BOOST_TEST(b.lk.is_held());
    b.lk.release();
    poll(context);
    CHECK_COMPLETED(lenient, success);
    manager.cancel();
    poll(context);
}

BOOST_AUTO_TEST_SUITE_END()
