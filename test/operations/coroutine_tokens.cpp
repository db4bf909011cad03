// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "operations/every_operation.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

// Every operation with the completion tokens of coroutines.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(coroutine_tokens, *boost::unit_test::timeout(60))

/// The error that a coroutine got, as an exception or not at all.
template <class Awaitable>
asio::awaitable<error_code> error_of(Awaitable operation)
{
    try {
        (void)co_await std::move(operation);
    } catch (const boost::system::system_error& e) {
        co_return e.code();
    }
    co_return error_code();
}

template <class Operation, class Coroutine>
void check_coroutine(Operation& operation, Coroutine coroutine)
{
    completion c;
    asio::co_spawn(operation.f.context, std::move(coroutine), once([&](std::exception_ptr e, error_code ec) {
                       BOOST_TEST(!e);
                       c.note(ec);
                   }));
    operation.f.poll();
    operation.finish();
    operation.f.poll();
    CHECK_COMPLETED(c, operation.expected);
}

BOOST_AUTO_TEST_CASE(use_awaitable)
{
    for_some_operations(
        [](auto& operation) { check_coroutine(operation, error_of(operation.start(asio::use_awaitable))); });
}

BOOST_AUTO_TEST_CASE(deferred_in_a_coroutine)
{
    for_some_operations([](auto& operation) { check_coroutine(operation, error_of(operation.start(asio::deferred))); });
}

BOOST_AUTO_TEST_CASE(as_tuple)
{
    for_some_operations([](auto& operation) {
        check_coroutine(operation, [](auto& op) -> asio::awaitable<error_code> {
            const auto result = co_await op.start(asio::as_tuple(asio::use_awaitable));
            co_return std::get<0>(result);
        }(operation));
    });
}

BOOST_AUTO_TEST_CASE(redirect_error)
{
    for_some_operations([](auto& operation) {
        check_coroutine(operation, [](auto& op) -> asio::awaitable<error_code> {
            error_code ec = errc::lost;
            (void)co_await op.start(asio::redirect_error(asio::use_awaitable, ec));
            co_return ec;
        }(operation));
    });
}

BOOST_AUTO_TEST_CASE(cancelled_coroutine)
{
    for_each<acquire_waiting, wait_for_held>([](auto& operation) {
        asio::cancellation_signal signal;
        completion c;
        asio::co_spawn(
            operation.f.context, error_of(operation.start(asio::use_awaitable)),
            asio::bind_cancellation_slot(signal.slot(), once([&](std::exception_ptr, error_code ec) { c.note(ec); })));
        operation.f.poll();
        signal.emit(asio::cancellation_type::terminal);
        operation.f.poll();
        CHECK_COMPLETED(c, aborted);
        BOOST_TEST(operation.held.is_held());
    });
}

BOOST_AUTO_TEST_CASE(the_default_token_of_a_manager_is_deferred)
{
    world w(manager_kind::thread_safe);
    static_assert(
        std::is_same_v<decltype(w.f.manager->async_snapshot()), decltype(w.f.manager->async_snapshot(asio::deferred))>);
    bool done = false;
    const auto body = [&]() -> asio::awaitable<void> {
        lock lk = co_await w.f.manager->async_acquire("r", "a");
        BOOST_TEST(lk.is_held());
        lock fresh = co_await w.f.manager->async_acquire("s");
        BOOST_TEST(fresh.is_held());
        lock with_options = co_await w.f.manager->async_acquire("t", {.ttl = 1h});
        BOOST_TEST(with_options.is_held());
        co_await lk.async_extend(1h);
        const redlock::snapshot all = co_await w.f.manager->async_snapshot();
        BOOST_TEST(all.resources.size() == 4u);
        co_await lk.async_release();
        co_await lk.async_wait();
        done = true;
    };
    asio::co_spawn(w.f.context, body(), asio::detached);
    w.f.poll();
    BOOST_TEST(done);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
