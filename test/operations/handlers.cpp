// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/counting_allocator.hpp"
#include "operations/every_handler.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <utility>

// An operation asks no more of a handler than Asio's timer does, which is one of the operations here.

namespace {

using namespace test;

/// An executor that can do nothing but execute: it promises nothing about blocking.
class plain_executor
{
public:
    plain_executor(asio::io_context& context, int& executed) noexcept : context_(&context), executed_(&executed) {}

    template <class Function>
    void execute(Function&& f) const
    {
        user_code::check();
        ++*executed_;
        context_->get_executor().execute(std::forward<Function>(f));
    }

    friend bool operator==(const plain_executor&, const plain_executor&) = default;

private:
    [[no_unique_address]] user_code code_;
    asio::io_context* context_;
    int* executed_;
};

BOOST_AUTO_TEST_SUITE(handlers, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(a_handler_may_be_an_lvalue_and_is_copied)
{
    for_each_of_all([](auto& operation) {
        asio::io_context home;
        completion c;
        const auto handler = [&c, kept = std::make_shared<int>(1)](const auto& result, auto&&...) -> void {
            BOOST_TEST(*kept == 1);
            c.note(code_of(result));
        };
        initiate([&] { operation.start(handler); });
        settle(operation, home);
        operation.finish();
        settle(operation, home);
        CHECK_COMPLETED(c, operation.expected);
        handler(error_code()); // it still has what it captured
    });
}

BOOST_AUTO_TEST_CASE(I4_an_executor_that_promises_nothing_about_blocking_runs_the_handler)
{
    for_each_of_all([](auto& operation) {
        asio::io_context home;
        int executed = 0;
        completion c;
        initiate([&] { operation.start(asio::bind_executor(plain_executor(home, executed), note(c))); });
        settle(operation, home);
        initiate([&] { operation.finish(); });
        settle(operation, home);
        CHECK_COMPLETED(c, operation.expected);
        BOOST_TEST(executed > 0);
    });
}

// User code within the initiation: its memory, and its handler where that is called at once.

BOOST_AUTO_TEST_CASE(a_cancellation_from_within_the_allocator_does_no_harm)
{
    for_each_of_all([](auto& operation) {
        asio::io_context home;
        asio::cancellation_signal signal;
        allocation_counts counts;
        completion c;
        counts.on_call = [&] { signal.emit(asio::cancellation_type::all); };
        operation.start(
            asio::bind_allocator(counting_allocator<>(counts), asio::bind_cancellation_slot(signal.slot(), note(c))));
        counts.on_call = nullptr;
        settle(operation, home);
        operation.finish();
        settle(operation, home);
        BOOST_TEST(c.calls == 1);
        BOOST_TEST((c.ec == operation.expected || c.ec == aborted));
        BOOST_TEST(counts.live == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_from_within_an_immediate_completion_does_no_harm)
{
    for_each_immediate_operation([](auto& operation) {
        asio::cancellation_signal signal;
        int through_executor = 0;
        int calls = 0;
        operation.start(
            asio::bind_immediate_executor(inline_executor(through_executor),
                                          asio::bind_cancellation_slot(signal.slot(), once([&](auto&&...) {
                                                                           ++calls;
                                                                           signal.emit(asio::cancellation_type::all);
                                                                       }))));
        BOOST_TEST(calls == 1);
        operation.f.poll();
        BOOST_TEST(calls == 1);
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
