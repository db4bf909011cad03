// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "operations/every_operation.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

// I4 for every operation that waits: the cancellation slot of its handler.

namespace {

using namespace test;

/// A handler for any of the signatures.
auto note(completion& c)
{
    return once([&c](error_code ec, auto&&...) { c.note(ec); });
}

BOOST_AUTO_TEST_SUITE(cancellation_slots, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(I4_each_cancellation_type_ends_a_wait)
{
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total, asio::cancellation_type::all}) {
        for_each_waiting_operation([type](auto& operation) {
            asio::cancellation_signal signal;
            completion c;
            initiate([&] { operation.start(asio::bind_cancellation_slot(signal.slot(), note(c))); });
            operation.f.poll();
            BOOST_TEST(signal.slot().has_handler());
            initiate([&] { signal.emit(asio::cancellation_type::none); });
            operation.f.poll();
            CHECK_PENDING(c);
            initiate([&] { signal.emit(type); });
            CHECK_PENDING(c);
            operation.f.poll();
            CHECK_COMPLETED(c, aborted);
            BOOST_TEST(!signal.slot().has_handler());
            BOOST_TEST(operation.held.is_held()); // it ends the wait and nothing else
            operation.finish();
            operation.f.poll();
            BOOST_TEST(c.calls == 1);
        });
    }
}

BOOST_AUTO_TEST_CASE(I4_a_slot_is_left_empty_for_the_handler)
{
    const auto check = [](auto& operation) {
        asio::cancellation_signal signal;
        completion c;
        bool has_handler = true;
        initiate([&] {
            operation.start(asio::bind_cancellation_slot(signal.slot(), once([&](error_code ec, auto&&...) {
                                                             c.note(ec);
                                                             has_handler = signal.slot().has_handler();
                                                         })));
        });
        operation.finish();
        operation.f.poll();
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(!has_handler);
        signal.emit(asio::cancellation_type::all);
        operation.f.poll();
        BOOST_TEST(c.calls == 1);
    };
    for_each_waiting_operation(check);
    for_each_immediate_operation(check);
}

BOOST_AUTO_TEST_CASE(I4_a_signal_while_the_completion_is_queued_does_nothing)
{
    const auto check = [](auto& operation) {
        asio::io_context home;
        asio::cancellation_signal signal;
        completion c;
        initiate(
            [&] { operation.start(asio::bind_executor(home, asio::bind_cancellation_slot(signal.slot(), note(c)))); });
        operation.finish();
        poll(home); // where a guarded operation is cancelled
        operation.f.poll();
        initiate([&] { signal.emit(asio::cancellation_type::all); });
        operation.f.poll();
        poll(home);
        CHECK_COMPLETED(c, operation.expected);
    };
    for_each<acquire_granted, acquire_preempting_at_once, acquire_waiting, wait_for_held, wait_for_ended>(check);
}

BOOST_AUTO_TEST_CASE(I4_a_signal_that_outlives_everything_may_still_be_emitted)
{
    asio::cancellation_signal of_acquire, of_wait, of_guard;
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        {
            asio::io_context context;
            lock_manager manager = make_manager(context.get_executor(), kind);
            lock held;
            manager.async_acquire("r", "a", {}, [&](error_code, lock lk) { held = std::move(lk); });
            poll(context);
            asio::steady_timer timer(context, 1h);
            const auto ignore = [](error_code, auto&&...) { BOOST_ERROR("called"); };
            manager.async_acquire("r", "b", {}, asio::bind_cancellation_slot(of_acquire.slot(), ignore));
            held.async_wait(asio::bind_cancellation_slot(of_wait.slot(), ignore));
            timer.async_wait(held.guard(asio::bind_cancellation_slot(of_guard.slot(), ignore)));
        }
        of_acquire.emit(asio::cancellation_type::all);
        of_wait.emit(asio::cancellation_type::all);
        of_guard.emit(asio::cancellation_type::all);
    }
}

BOOST_AUTO_TEST_CASE(I4_a_signal_is_emitted_again_when_the_wait_is_gone_and_another_is_in_its_place)
{
    asio::io_context context;
    lock_manager manager(context.get_executor());
    lock held;
    manager.async_acquire("r", "a", {}, [&](error_code, lock lk) { held = std::move(lk); });
    poll(context);
    const auto start = [&held](asio::io_context& home, asio::cancellation_signal& signal, completion& c) {
        held.async_wait(asio::bind_executor(
            home, asio::bind_cancellation_slot(signal.slot(), [&c](error_code ec) { c.note(ec); })));
    };
    asio::io_context home_of_other;
    asio::cancellation_signal signal, signal_of_other;
    completion gone, other;
    {
        asio::io_context home; // dies with the completion of the cancelled wait
        start(home, signal, gone);
        signal.emit(asio::cancellation_type::all);
    }
    start(home_of_other, signal_of_other, other); // most likely at the same address
    signal.emit(asio::cancellation_type::all);
    poll(home_of_other);
    CHECK_PENDING(other);
    held.release();
    poll(home_of_other);
    CHECK_COMPLETED(other, error_code());
    CHECK_PENDING(gone);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
