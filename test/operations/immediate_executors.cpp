// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "operations/every_operation.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/test/unit_test.hpp>

// I2 for every operation: no handler is called within its initiation but on an immediate executor.

namespace {

using namespace test;

/// A handler for any of the signatures.
auto note(completion& c)
{
    return once([&c](error_code ec, auto&&...) { c.note(ec); });
}

BOOST_AUTO_TEST_SUITE(immediate_executors, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(I2_without_an_immediate_executor_no_handler_is_called_within_its_initiation)
{
    const auto check = [](auto& operation) {
        completion c;
        initiate([&] { operation.start(note(c)); });
        CHECK_PENDING(c);
        initiate([&] { operation.finish(); });
        CHECK_PENDING(c);
        operation.f.poll();
        CHECK_COMPLETED(c, operation.expected);
    };
    for_each_immediate_operation(check);
    for_each_waiting_operation(check);
}

BOOST_AUTO_TEST_CASE(I2_an_immediate_executor_is_used_for_every_immediate_result)
{
    for_each_immediate_operation([](auto& operation) {
        int through_executor = 0;
        completion c;
        bool snapshot_started = false;
        initiate([&] {
            operation.start(asio::bind_immediate_executor(
                inline_executor(through_executor), once([&](error_code ec, auto&&...) {
                    c.note(ec);
                    // I5: under no mutex
                    operation.f.manager->async_snapshot([](error_code, redlock::snapshot) {});
                    snapshot_started = true;
                })));
        });
        BOOST_TEST(c.calls == 1);
        BOOST_TEST(c.ec == operation.expected);
        BOOST_TEST(through_executor == 1);
        BOOST_TEST(snapshot_started);
        operation.f.poll();
        BOOST_TEST(c.calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(I2_an_immediate_executor_is_not_used_for_a_result_that_had_to_wait)
{
    for_each_waiting_operation([](auto& operation) {
        int through_executor = 0;
        completion c;
        initiate([&] {
            operation.start(asio::bind_immediate_executor(inline_executor(through_executor), note(c)));
            operation.finish();
        });
        CHECK_PENDING(c);
        operation.f.poll();
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(through_executor == 0);
    });
}

BOOST_AUTO_TEST_CASE(I4_an_immediate_executor_leads_to_the_handlers_own_executor)
{
    for_each_immediate_operation([](auto& operation) {
        asio::io_context home;
        tracker mine;
        int through_executor = 0;
        completion c;
        initiate([&] {
            operation.start(asio::bind_immediate_executor(inline_executor(through_executor),
                                                          asio::bind_executor(track(home, mine), note(c))));
        });
        BOOST_TEST(through_executor == 1);
        operation.f.poll();
        CHECK_PENDING(c); // as async_immediate would do it
        poll(home);
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(c.ran_on == &mine);
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
