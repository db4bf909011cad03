// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/counting_allocator.hpp"
#include "common/transactions.hpp"
#include "operations/every_operation.hpp"

#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <memory>
#include <utility>

// An operation asks no more of a handler than Asio's timer does, which is one of the operations here.

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

/// The control.
struct timer_wait : world
{
    static constexpr const char* name = "steady_timer::async_wait";
    using world::world;
    error_code expected = aborted;
    void finish() { timer.cancel(); }

    template <class Token>
    auto start(Token&& token)
    {
        return timer.async_wait(std::forward<Token>(token));
    }

    asio::steady_timer timer{f.context, 1h};
};

/// Base of the operations that work under a lock, which is taken away from them.
struct preempted_work : world
{
    using world::world;
    error_code expected = errc::preempted;
    void finish()
    {
        f.manager->async_acquire("w", {.priority = 1}, [](error_code, lock) {});
    }

    asio::steady_timer timer{f.context, 1h};
};

struct operation_with_lock : preempted_work
{
    static constexpr const char* name = "async_with_lock, an operation";
    using preempted_work::preempted_work;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_with_lock(
            *f.manager, "w", {}, [this](lock&) { return timer.async_wait(asio::deferred); },
            std::forward<Token>(token));
    }
};

struct coroutine_with_lock : preempted_work
{
    static constexpr const char* name = "async_with_lock, a coroutine";
    using preempted_work::preempted_work;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::async_with_lock(
            *f.manager, "w", {},
            [this](lock&) -> asio::awaitable<void> { co_await timer.async_wait(asio::use_awaitable); },
            std::forward<Token>(token));
    }
};

struct run : preempted_work
{
    static constexpr const char* name = "async_run";
    using preempted_work::preempted_work;

    template <class Token>
    auto start(Token&& token)
    {
        return redlock::synchronized(*f.manager, "w", timer)
            .async_run(
                [](asio::steady_timer& t, transaction_context& context) -> asio::awaitable<void> {
                    co_await context.step(t.async_wait(asio::deferred));
                },
                redlock::reject(), std::forward<Token>(token));
    }
};

error_code code_of(error_code ec)
{
    return ec;
}

error_code code_of(const std::exception_ptr& e)
{
    return outcome::code_of(e);
}

/// A handler for any of the signatures, which cannot be copied.
auto note(completion& c, std::unique_ptr<int> moved = std::make_unique<int>(1))
{
    return once([&c, moved = std::move(moved)](const auto& result, auto&&...) {
        BOOST_TEST(*moved == 1);
        c.note(code_of(result));
    });
}

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

template <class Check>
void for_each_of_all(Check check)
{
    for_each<timer_wait, operation_with_lock, coroutine_with_lock, run>(check);
    for_some_operations(check);
    for_each<acquire_refused, acquire_all_refused, wait_for_ended, release_ended, guard_of_ended>(check);
}

/// Runs what is ready, on both contexts.
template <class Operation>
void settle(Operation& operation, asio::io_context& home)
{
    for (int i = 0; i < 4; ++i) {
        operation.f.poll();
        poll(home);
    }
}

BOOST_AUTO_TEST_SUITE(handlers, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(I4_any_completion_handler_is_a_handler)
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
