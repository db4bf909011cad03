// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/counting_allocator.hpp"
#include "operations/every_operation.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/test/unit_test.hpp>

#include <type_traits>

// I4 for every operation: the executor and the allocator of its handler; the slot is in cancellation_slots.cpp.

namespace {

using namespace test;

/// A handler for any of the signatures.
auto note(completion& c)
{
    return once([&c](error_code ec, auto&&...) { c.note(ec); });
}

BOOST_AUTO_TEST_SUITE(associators, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(I4_a_bound_executor_runs_the_handler)
{
    const auto check = [](auto& operation) {
        asio::io_context home;
        tracker mine;
        completion c;
        initiate([&] { operation.start(asio::bind_executor(track(home, mine), note(c))); });
        operation.finish();
        operation.f.poll();
        CHECK_PENDING(c);
        // What waits for its handler's executor keeps that context at work. (Asio's own timer is not ours to check.)
        poll(home);
        operation.f.poll();
        poll(home);
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(c.ran_on == &mine);
        BOOST_TEST(home.stopped());
    };
    for_each_immediate_operation(check);
    for_each_waiting_operation(check);
}

BOOST_AUTO_TEST_CASE(I4_a_bound_allocator_gets_everything_back_before_the_handler_runs)
{
    const auto check = [](auto& operation) {
        allocation_counts counts;
        long live_in_handler = -1;
        completion c;
        initiate([&] {
            operation.start(asio::bind_allocator(counting_allocator<>(counts), once([&](error_code ec, auto&&...) {
                                                     live_in_handler = counts.live;
                                                     c.note(ec);
                                                 })));
        });
        using type = std::remove_reference_t<decltype(operation)>;
        if (!std::is_base_of_v<immediate_operation, type>) // a post to any_io_executor takes no allocator
            BOOST_TEST(counts.allocated > 0);
        operation.finish();
        operation.f.poll();
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(live_in_handler == 0);
        BOOST_TEST(counts.live == 0);
    };
    for_each_immediate_operation(check);
    for_each_waiting_operation(check);
}

BOOST_AUTO_TEST_CASE(I4_a_bound_allocator_is_used_for_what_is_posted)
{
    asio::io_context context;
    redlock::basic_lock_manager<asio::io_context::executor_type> manager(context);
    allocation_counts of_acquire, of_snapshot;
    bool granted = false, looked = false;
    manager.async_acquire("r", "a", {},
                          asio::bind_allocator(counting_allocator<>(of_acquire), [&](error_code, lock lk) {
                              granted = lk.is_held() && of_acquire.live == 0;
                          }));
    manager.async_snapshot(asio::bind_allocator(
        counting_allocator<>(of_snapshot), [&](error_code, redlock::snapshot) { looked = of_snapshot.live == 0; }));
    BOOST_TEST(of_acquire.allocated > 0);
    BOOST_TEST(of_snapshot.allocated > 0);
    context.run();
    BOOST_TEST(granted);
    BOOST_TEST(looked);
}

BOOST_AUTO_TEST_CASE(I4_an_unbound_handler_runs_on_the_executor_of_the_manager)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        asio::io_context context;
        tracker of_manager;
        lock_manager manager = make_manager(track(context, of_manager), kind);
        acquired first, second;
        completion waited, extended, released, looked;
        manager.async_acquire("r", "a", {}, record(first));
        manager.async_acquire("r", "b", {}, record(second));
        poll(context);
        BOOST_TEST(first.ran_on == &of_manager);
        BOOST_TEST((first.lk.get_executor() == manager.get_executor()));
        first.lk.async_wait(record(waited));
        first.lk.async_extend(1h, record(extended));
        manager.async_snapshot(note(looked));
        first.lk.async_release(record(released));
        poll(context);
        for (const completion* c : {static_cast<const completion*>(&second), &std::as_const(waited),
                                    &std::as_const(extended), &std::as_const(released), &std::as_const(looked)}) {
            BOOST_TEST(c->is(success));
            BOOST_TEST(c->ran_on == &of_manager);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
