// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/counting_allocator.hpp"
#include "operations/every_handler.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <utility>

// Every operation takes an any_completion_handler, and finds within it what is associated with the handler.

namespace test {

/// A completion token: erases the type of a handler before the operation is started.
template <class Handler>
struct erased
{
    Handler handler;
};

template <class Handler>
erased(Handler) -> erased<Handler>;

} // namespace test

template <class Handler, class... Signatures>
class boost::asio::async_result<test::erased<Handler>, Signatures...>
{
public:
    template <class Initiation, class Token, class... Args>
    static void initiate(Initiation&& initiation, Token&& token, Args&&... args)
    {
        std::forward<Initiation>(initiation)(any_completion_handler<Signatures...>(std::move(token.handler)),
                                             std::forward<Args>(args)...);
    }
};

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(erased_handlers, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(I4_T31_any_completion_handler_is_a_handler)
{
    for_each_of_all([](auto& operation) {
        asio::io_context home;
        completion c;
        initiate([&] { operation.start(erased{note(c)}); });
        settle(operation, home);
        initiate([&] { operation.finish(); });
        settle(operation, home);
        CHECK_COMPLETED(c, operation.expected);
    });
}

BOOST_AUTO_TEST_CASE(I4_the_associators_within_an_any_completion_handler_are_honoured)
{
    for_each_of_all([](auto& operation) {
        asio::io_context home;
        tracker mine;
        allocation_counts counts;
        asio::cancellation_signal signal;
        completion c;
        initiate([&] {
            operation.start(erased{asio::bind_executor(
                track(home, mine), asio::bind_allocator(counting_allocator<>(counts),
                                                        asio::bind_cancellation_slot(signal.slot(), note(c))))});
        });
        settle(operation, home);
        operation.finish();
        settle(operation, home);
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(c.ran_on == &mine);
        BOOST_TEST(counts.live == 0);
        BOOST_TEST(home.stopped());
    });
}

BOOST_AUTO_TEST_CASE(I4_an_any_completion_handler_is_cancelled_by_its_slot)
{
    for_each<timer_wait, operation_with_lock, coroutine_with_lock, run, acquire_waiting, acquire_all_waiting,
             wait_for_held, guarded_wait>([](auto& operation) {
        asio::io_context home;
        asio::cancellation_signal signal;
        completion c;
        operation.start(erased{asio::bind_cancellation_slot(signal.slot(), note(c))});
        settle(operation, home);
        CHECK_PENDING(c);
        signal.emit(asio::cancellation_type::terminal);
        settle(operation, home);
        CHECK_COMPLETED(c, aborted);
        operation.finish();
        settle(operation, home);
    });
}

BOOST_AUTO_TEST_CASE(I4_an_any_completion_handler_may_have_an_immediate_executor)
{
    for_each_immediate_operation([](auto& operation) {
        int through_executor = 0;
        completion c;
        initiate([&] {
            operation.start(erased{asio::bind_immediate_executor(inline_executor(through_executor), note(c))});
        });
        operation.f.poll();
        BOOST_TEST(c.calls == 1);
        BOOST_TEST(c.ec == operation.expected);
        BOOST_TEST(through_executor == 1);
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
