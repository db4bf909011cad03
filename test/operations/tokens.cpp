// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/cancel_after.hpp"
#include "operations/every_operation.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" // g++ 12: the empty allocator of a packaged use_future
#endif

// Every operation with every kind of completion token but those of coroutines (coroutine_tokens.cpp), and what is left
// of it when it is started late.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(tokens, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(deferred)
{
    for_some_operations([](auto& operation) {
        auto started_later = operation.start(asio::deferred);
        operation.f.poll();
        completion c;
        initiate([&] { std::move(started_later)(once([&](error_code ec, auto&&...) { c.note(ec); })); });
        operation.finish();
        operation.f.poll();
        CHECK_COMPLETED(c, operation.expected);
    });
}

BOOST_AUTO_TEST_CASE(deferred_that_is_never_started)
{
    for_some_operations([](auto& operation) {
        {
            [[maybe_unused]] auto never_started = operation.start(asio::deferred);
        }
        operation.f.poll();
        BOOST_TEST(operation.held.is_held());
    });
}

BOOST_AUTO_TEST_CASE(use_future)
{
    for_some_operations([](auto& operation) {
        auto future = initiate([&] { return operation.start(asio::use_future); });
        operation.finish();
        operation.f.poll();
        BOOST_REQUIRE((future.wait_for(10s) == std::future_status::ready));
        error_code ec;
        try {
            (void)future.get();
        } catch (const boost::system::system_error& e) {
            ec = e.code();
        }
        BOOST_TEST(ec == operation.expected);
    });
}

// As with Asio's own operations. A single-threaded manager relies on it: its bookkeeping goes with the completion.
BOOST_AUTO_TEST_CASE(use_future_completes_on_the_thread_that_runs_the_context)
{
    for_some_operations([](auto& operation) {
        auto future =
            operation.start(asio::use_future([](error_code, auto&&...) { return std::this_thread::get_id(); }));
        operation.finish();
        operation.f.poll();
        BOOST_REQUIRE((future.wait_for(10s) == std::future_status::ready));
        BOOST_TEST((future.get() == std::this_thread::get_id()));
    });
}

BOOST_AUTO_TEST_CASE(detached)
{
    for_some_operations([](auto& operation) {
        operation.start(asio::detached);
        operation.finish();
        operation.f.poll();
    });
    // A lock that nobody receives is released.
    world w(manager_kind::thread_safe);
    w.f.manager->async_acquire("r", "a", {}, asio::detached);
    lock next = w.f.get("r", "b");
    BOOST_TEST(next.is_held());
}

#if TEST_HAS_CANCEL_AFTER

BOOST_AUTO_TEST_CASE(cancel_after_that_does_not_fire)
{
    for_some_operations([]<class Operation>(Operation& operation) {
        if constexpr (!std::is_same_v<Operation, guarded_wait>) { // see guard.cpp
            completion c;
            initiate(
                [&] { operation.start(asio::cancel_after(1h, once([&](error_code ec, auto&&...) { c.note(ec); }))); });
            operation.finish();
            operation.f.poll();
            CHECK_COMPLETED(c, operation.expected);
        }
    });
}

BOOST_AUTO_TEST_CASE(cancel_after_that_fires)
{
    for_each<acquire_waiting, wait_for_held>([](auto& operation) {
        completion c;
        operation.start(asio::cancel_after(0s, once([&](error_code ec, auto&&...) { c.note(ec); })));
        while (!c.done()) {
            operation.f.context.restart();
            operation.f.context.poll();
        }
        CHECK_COMPLETED(c, aborted);
        BOOST_TEST(operation.held.is_held());
    });
}

#endif

// --- names are copied ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(names_are_copied_into_an_operation_that_is_started_later)
{
    world w(manager_kind::thread_safe);
    auto operation = [&] {
        std::string resource(100, 'r'), locker(100, 'l');
        auto named_by_temporaries =
            w.f.manager->async_acquire(std::string(resource), std::string(locker), {}, asio::deferred);
        auto named_by_lvalues = w.f.manager->async_acquire(resource, locker, {}, asio::deferred);
        resource.assign(100, 'x');
        locker.assign(100, 'x');
        return std::pair(std::move(named_by_temporaries), std::move(named_by_lvalues));
    }();
    acquired first, second;
    std::move(operation.first)(record(first));
    std::move(operation.second)(record(second));
    w.f.poll();
    CHECK_COMPLETED(first, success);
    CHECK_COMPLETED(second, success); // re-entrant: the same names
    BOOST_TEST(first.lk.resource() == std::string(100, 'r'));
    BOOST_TEST(first.lk.locker_id() == std::string(100, 'l'));
}

BOOST_AUTO_TEST_CASE(anything_that_names_will_do)
{
    world w(manager_kind::thread_safe);
    const char literal[] = "literal";
    const char* pointer = "pointer";
    const std::string_view view = "view";
    const std::string text = "text";
    acquired a, b, c, d;
    w.f.manager->async_acquire(literal, pointer, {}, record(a));
    w.f.manager->async_acquire(pointer, view, {}, record(b));
    w.f.manager->async_acquire(view, text, {}, record(c));
    w.f.manager->async_acquire(text, literal, {}, record(d));
    w.f.poll();
    BOOST_TEST(a.lk.resource() == "literal");
    BOOST_TEST(b.lk.resource() == "pointer");
    BOOST_TEST(c.lk.resource() == "view");
    BOOST_TEST(d.lk.resource() == "text");
    BOOST_TEST(d.lk.locker_id() == "literal");
}

BOOST_AUTO_TEST_CASE(deferred_operations_of_a_lock_survive_the_lock)
{
    world w(manager_kind::thread_safe);
    completion waited, released, extended;
    auto wait = w.held.async_wait(asio::deferred);
    auto release = w.held.async_release(asio::deferred);
    auto extend = w.held.async_extend(1h, asio::deferred);
    w.held = lock();
    std::move(wait)(record(waited));
    std::move(release)(record(released));
    std::move(extend)(record(extended));
    w.f.poll();
    CHECK_COMPLETED(waited, success);
    CHECK_COMPLETED(released, errc::not_held);
    CHECK_COMPLETED(extended, errc::not_held);
}

BOOST_AUTO_TEST_CASE(operations_follow_a_lock_that_is_moved_or_swapped)
{
    world w(manager_kind::thread_safe);
    completion waited;
    auto wait = w.held.async_wait(asio::deferred);
    lock moved = std::move(w.held);
    BOOST_TEST(w.held.state() == lock_state::empty); // NOLINT(bugprone-use-after-move)
    std::move(wait)(record(waited));
    swap(moved, w.ended);
    w.f.poll();
    CHECK_PENDING(waited);
    BOOST_TEST(w.ended.is_held());
    BOOST_TEST(moved.state() == lock_state::released);
    w.ended = lock();
    w.f.poll();
    CHECK_COMPLETED(waited, success);
}

BOOST_AUTO_TEST_CASE(an_empty_lock)
{
    test::locks f(manager_kind::thread_safe);
    lock none;
    BOOST_TEST(!none.is_held());
    BOOST_TEST(none.state() == lock_state::empty);
    BOOST_TEST((none.expires_at() == redlock::clock::time_point::min()));
    BOOST_TEST(none.resource() == "");
    BOOST_TEST(none.locker_id() == "");
    BOOST_TEST(none.priority() == 0);
    BOOST_TEST(none.fencing_token() == 0u);
    none.release();
    completion waited, released, extended, invalid;
    const auto ex = f.context.get_executor();
    int inline_calls = 0;
    // It belongs to no context, so its handlers bring an executor.
    none.async_wait(asio::bind_immediate_executor(inline_executor(inline_calls), record(waited)));
    none.async_release(asio::bind_immediate_executor(ex, record(released)));
    none.async_extend(1s, asio::bind_immediate_executor(ex, record(extended)));
    none.async_extend(0s, asio::bind_immediate_executor(ex, record(invalid)));
    f.poll();
    CHECK_COMPLETED(waited, errc::not_held);
    CHECK_COMPLETED(released, errc::not_held);
    CHECK_COMPLETED(extended, errc::not_held);
    CHECK_COMPLETED(invalid, errc::invalid_argument);
    completion bound;
    none.async_wait(asio::bind_executor(ex, record(bound)));
    f.poll();
    CHECK_COMPLETED(bound, errc::not_held);
}

// It would be called on a thread of the system's otherwise, which runs nothing else of the program.
BOOST_AUTO_TEST_CASE(an_empty_lock_refuses_a_handler_without_an_executor)
{
    lock none;
    std::atomic<int> calls = 0;
    const auto handler = [&calls](error_code) { ++calls; };
    const auto says_so = [](const boost::system::system_error& e) {
        return e.code() == errc::not_held && std::string_view(e.what()).find("bind_executor") != std::string_view::npos;
    };
    BOOST_CHECK_EXCEPTION(none.async_wait(handler), boost::system::system_error, says_so);
    BOOST_CHECK_EXCEPTION(none.async_release(handler), boost::system::system_error, says_so);
    BOOST_CHECK_EXCEPTION(none.async_extend(1s, handler), boost::system::system_error, says_so);
    BOOST_CHECK_EXCEPTION(none.async_wait(asio::use_future).get(), boost::system::system_error,
                          [](const auto& e) { return e.code() == errc::not_held; });
    BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
