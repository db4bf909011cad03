// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/cancel_after.hpp"
#include "common/counting_allocator.hpp"
#include "common/locks.hpp"

#include <priority_redlock/guard.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace test;

/// An operation that waits until it is cancelled or told to finish, with any signature, on no executor of its own.
template <class... Results>
class manual_operation
{
public:
    struct initiation
    {
        template <class Handler>
        void operator()(Handler&& h, manual_operation* self) const
        {
            self->started = true;
            self->ran_inside = initiation_guard::active();
            if (auto slot = asio::get_associated_cancellation_slot(h); slot.is_connected())
                slot.assign([self](asio::cancellation_type type) {
                    self->emitted = type;
                    self->emitted_on = tracker::current;
                    self->emitted_in = std::this_thread::get_id();
                    ++self->emissions;
                });
            self->handler =
                [own = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(h))](Results... results) mutable {
                    // As asynchronous operations do: the slot is cleared and the handler has moved out before the call.
                    if (auto slot = asio::get_associated_cancellation_slot(*own); slot.is_connected())
                        slot.clear();
                    auto moved = std::move(*own);
                    own.reset();
                    std::move(moved)(std::move(results)...);
                };
        }
    };

    template <class Token>
    auto start(Token&& token)
    {
        return asio::async_initiate<Token, void(Results...)>(initiation(), token, this);
    }

    void finish(Results... results) { std::exchange(handler, nullptr)(std::move(results)...); }

    std::function<void(Results...)> handler;
    bool started = false;
    bool ran_inside = false;
    int emissions = 0;
    asio::cancellation_type emitted = asio::cancellation_type::none;
    const tracker* emitted_on = nullptr;
    std::thread::id emitted_in;
};

BOOST_AUTO_TEST_SUITE(guard, *boost::unit_test::timeout(60))

// --- what cancels ----------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(is_cancelled_by_every_end_of_the_lock)
{
    for (int how = 0; how < 4; ++how) {
        lock lk = f.get("r", "a", {.ttl = 10s});
        asio::steady_timer timer(f.context, 1h);
        completion c;
        acquired high;
        initiate([&] { timer.async_wait(lk.guard(record(c))); });
        f.poll();
        CHECK_PENDING(c);
        {
            const initiation_guard inside;
            if (how == 0)
                lk.release();
            else if (how == 1)
                f.acquire(high, "r", "high", {.priority = 1});
            else if (how == 2)
                lk = lock();
            else
                manual_clock::advance(10s);
        }
        CHECK_PENDING(c);
        f.poll();
        CHECK_COMPLETED(c, aborted);
        lk.release();
        f.poll();
    }
}

MANAGER_TEST_CASE(the_cancellation_is_terminal_and_comes_once)
{
    lock lk = f.get("r", "a", {.ttl = 10s});
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(record(c)));
    BOOST_TEST(operation.started);
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    BOOST_TEST(operation.emissions == 0); // not within the preemption
    f.poll();
    BOOST_TEST(operation.emissions == 1);
    BOOST_TEST((operation.emitted == asio::cancellation_type::terminal));
    f.advance(10s);
    lk.release();
    f.poll();
    BOOST_TEST(operation.emissions == 1);
    operation.finish(aborted);
    CHECK_COMPLETED(c, aborted);
}

MANAGER_TEST_CASE(an_operation_that_completes_leaves_no_trace)
{
    asio::cancellation_signal signal;
    lock lk = f.get("r", "a", {.grace = 0s});
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(asio::bind_cancellation_slot(signal.slot(), record(c))));
    BOOST_TEST(signal.slot().has_handler());
    operation.finish(success);
    CHECK_COMPLETED(c, success);
    BOOST_TEST(!signal.slot().has_handler());
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(lk.is_held());
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    BOOST_TEST(lk.state() == lock_state::preempted); // no handler to wait for
    f.poll();
    CHECK_COMPLETED(high, success);
    BOOST_TEST(operation.emissions == 0);
}

MANAGER_TEST_CASE(an_end_while_the_completion_is_queued_does_not_reach_it)
{
    lock lk = f.get("r", "a");
    asio::steady_timer timer(f.context, redlock::clock::time_point::min());
    completion c;
    timer.async_wait(lk.guard(record(c)));
    f.context.restart();
    f.context.poll_one(); // the timer is due; whatever ran, the lock ends now
    lk.release();
    f.poll();
    BOOST_TEST(c.calls == 1);
}

// --- the token's own slot --------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(the_tokens_own_slot_works_with_each_type)
{
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        lock lk = f.get("r", "a");
        manual_operation<error_code> operation;
        completion c;
        operation.start(lk.guard(asio::bind_cancellation_slot(signal.slot(), record(c))));
        signal.emit(type);
        BOOST_TEST(operation.emissions == 1);
        BOOST_TEST((operation.emitted == type));
        BOOST_TEST(lk.is_held());
        operation.finish(aborted);
        CHECK_COMPLETED(c, aborted);
    }
}

MANAGER_TEST_CASE(both_the_lock_and_the_slot_may_cancel)
{
    asio::cancellation_signal signal;
    lock lk = f.get("r", "a");
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(asio::bind_cancellation_slot(signal.slot(), record(c))));
    signal.emit(asio::cancellation_type::total);
    lk.release();
    f.poll();
    BOOST_TEST(operation.emissions == 2);
    BOOST_TEST((operation.emitted == asio::cancellation_type::terminal));
    operation.finish(aborted);
    CHECK_COMPLETED(c, aborted);
}

// --- where it is emitted ---------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(is_emitted_on_the_executor_of_the_handler)
{
    asio::io_context home;
    tracker mine;
    lock lk = f.get("r", "a");
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(asio::bind_executor(track(home, mine), record(c))));
    lk.release();
    f.poll();
    BOOST_TEST(operation.emissions == 0);
    poll(home);
    BOOST_TEST(operation.emissions == 1);
    BOOST_TEST(operation.emitted_on == &mine);
    operation.finish(aborted);
    CHECK_COMPLETED(c, aborted);
}

template <class Executor>
struct with_executor
{
    using executor_type = Executor;

    [[nodiscard]] executor_type get_executor() const noexcept { return executor; }

    template <class Handler>
    void operator()(Handler&& handler, manual_operation<error_code>* self) const
    {
        manual_operation<error_code>::initiation()(std::forward<Handler>(handler), self);
    }

    executor_type executor;
};

MANAGER_TEST_CASE(is_emitted_on_the_executor_of_the_operation_if_the_handler_has_none)
{
    asio::io_context home;
    tracker of_operation;
    lock lk = f.get("r", "a");
    manual_operation<error_code> operation;
    completion c;
    auto token = lk.guard(record(c));
    asio::async_initiate<decltype(token), void(error_code)>(
        with_executor<tracker_executor<asio::io_context::executor_type>>{track(home, of_operation)}, token, &operation);
    lk.release();
    poll(home);
    BOOST_TEST(operation.emissions == 1);
    BOOST_TEST(operation.emitted_on == &of_operation);
    operation.finish(aborted);
    CHECK_COMPLETED(c, aborted);
}

BOOST_AUTO_TEST_CASE(is_emitted_on_the_executor_of_the_lock_if_nobody_else_has_one)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        asio::io_context context;
        tracker of_lock;
        lock_manager manager = make_manager(track(context, of_lock), kind);
        acquired a;
        manager.async_acquire("r", "a", {}, record(a));
        poll(context);
        manual_operation<error_code> operation;
        completion c;
        operation.start(a.lk.guard(record(c)));
        a.lk.release();
        poll(context);
        BOOST_TEST(operation.emissions == 1);
        BOOST_TEST(operation.emitted_on == &of_lock);
        operation.finish(aborted);
        CHECK_COMPLETED(c, aborted);
    }
}

// --- locks that have ended, empty locks ------------------------------------------------------------------------------

MANAGER_TEST_CASE(an_operation_under_an_ended_lock_is_not_started)
{
    lock revoking = f.get("v", "a"), released = f.get("r", "a"), expired = f.get("x", "a", {.ttl = 1s});
    acquired high;
    f.acquire(high, "v", "high", {.priority = 1});
    released.release();
    f.advance(999ms);
    const auto check = [&f](lock& lk) {
        manual_operation<error_code, int, std::string> operation;
        completion c;
        std::string text = "nothing";
        initiate([&] {
            operation.start(lk.guard(once([&](error_code ec, int number, std::string s) {
                c.note(ec);
                BOOST_TEST(number == 0);
                text = s;
            })));
        });
        CHECK_PENDING(c);
        f.poll();
        CHECK_COMPLETED(c, aborted);
        BOOST_TEST(text.empty());
        BOOST_TEST(!operation.started);
    };
    check(revoking);
    check(released);
    f.advance(1ms);
    check(expired);
}

MANAGER_TEST_CASE(an_operation_under_a_lock_past_its_deadline_is_cancelled)
{
    lock lk = f.get("r", "a", {.ttl = 1s});
    manual_clock::advance(1s); // no timer has run
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(record(c)));
    f.poll();
    if (operation.started) { // either is right: the state was still held
        BOOST_TEST(operation.emissions == 1);
        operation.finish(aborted);
    }
    CHECK_COMPLETED(c, aborted);
}

MANAGER_TEST_CASE(an_operation_without_an_error_code_is_started_and_cancelled)
{
    lock lk = f.get("r", "a");
    manual_operation<int> under_held, under_ended;
    int results = 0;
    const auto add = [&results](int n) { results += n; };
    under_held.start(lk.guard(once(add)));
    lk.release();
    under_ended.start(lk.guard(once(add)));
    BOOST_TEST(under_ended.started);
    BOOST_TEST(under_ended.emissions == 0);
    f.poll();
    BOOST_TEST(under_held.emissions == 1);
    BOOST_TEST(under_ended.emissions == 1);
    under_held.finish(1);
    under_ended.finish(2);
    BOOST_TEST(results == 3);
}

BOOST_AUTO_TEST_CASE(under_an_empty_lock)
{
    asio::io_context context;
    lock none;
    manual_operation<error_code> operation;
    manual_operation<int> without_error;
    completion c;
    int result = 0;
    asio::cancellation_signal signal;
    asio::steady_timer timer(context, 1h);
    initiate([&] {
        timer.async_wait(none.guard(record(c))); // completes on the timer's executor
        without_error.start(none.guard(asio::bind_cancellation_slot(signal.slot(), once([&](int n) { result = n; }))));
    });
    poll(context);
    CHECK_COMPLETED(c, aborted);
    BOOST_TEST(without_error.started);
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(without_error.emissions == 1);
    without_error.finish(7);
    BOOST_TEST(result == 7);
}

// --- P3 --------------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(P3_a_guarded_operation_counts_until_it_has_completed)
{
    lock lk = f.get("r", "a", {.grace = 0s});
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(record(c)));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.advance(1h);
    BOOST_TEST(operation.emissions == 1);
    lk.release();
    f.advance(1h);
    CHECK_PENDING(high);
    operation.finish(aborted);
    f.poll();
    CHECK_COMPLETED(high, success);
    BOOST_TEST(c.order < high.order);
}

MANAGER_TEST_CASE(P3_a_guarded_operation_counts_until_its_handler_has_returned)
{
    lock lk = f.get("r", "a", {.grace = 0s});
    manual_operation<error_code> operation;
    acquired high;
    operation.start(lk.guard(once([&](error_code) {
        f.poll();
        CHECK_PENDING(high);
        lk.release();
        f.poll();
        CHECK_PENDING(high);
    })));
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    operation.finish(aborted);
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_a_guarded_operation_that_is_destroyed_counts_no_more)
{
    lock lk = f.get("r", "a", {.grace = 0s});
    manual_operation<error_code> operation;
    operation.start(lk.guard(at_most_once([](error_code) { BOOST_ERROR("called"); })));
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    CHECK_PENDING(high);
    operation.handler = nullptr;
    f.poll();
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(P3_an_operation_that_was_started_after_the_notice_counts_too)
{
    lock lk = f.get("r", "a", {.grace = 24h});
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    manual_operation<int> operation;
    operation.start(lk.guard(once([](int) {})));
    f.poll();
    BOOST_TEST(operation.emissions == 1);
    lk.release();
    f.advance(1h);
    CHECK_PENDING(high);
    operation.finish(1);
    f.poll();
    CHECK_COMPLETED(high, success);
}

// --- with other operations and tokens --------------------------------------------------------------------------------

MANAGER_TEST_CASE(a_composed_operation_of_asio)
{
    asio::local::stream_protocol::socket here(f.context), there(f.context);
    asio::local::connect_pair(here, there);
    lock lk = f.get("r", "a");
    std::array<char, 100> data{};
    completion c;
    std::size_t transferred = 0;
    asio::async_read(here, asio::buffer(data), lk.guard(once([&](error_code ec, std::size_t n) {
        c.note(ec);
        transferred = n;
    })));
    asio::write(there, asio::buffer("some", 4));
    f.poll();
    CHECK_PENDING(c);
    lk.release();
    f.poll();
    CHECK_COMPLETED(c, aborted);
    BOOST_TEST(transferred == 4u);
}

MANAGER_TEST_CASE(an_operation_by_async_compose)
{
    asio::steady_timer timer(f.context);
    int steps = 0;
    const auto three_steps = [&](auto&& token) {
        return asio::async_compose<decltype(token), void(error_code, int)>(
            [&](auto& self, error_code ec = {}) {
                if (ec || ++steps == 4) {
                    self.complete(ec, steps);
                    return;
                }
                timer.expires_at(steps < 3 ? redlock::clock::time_point::min() : redlock::clock::time_point::max());
                timer.async_wait(std::move(self));
            },
            token, timer);
    };
    lock lk = f.get("r", "a");
    completion c;
    three_steps(lk.guard(once([&](error_code ec, int) { c.note(ec); })));
    f.poll();
    BOOST_TEST(steps == 3);
    CHECK_PENDING(c);
    lk.release();
    f.poll();
    CHECK_COMPLETED(c, aborted);
}

MANAGER_TEST_CASE(a_spawned_coroutine)
{
    lock lk = f.get("r", "a", {.grace = 0s});
    asio::steady_timer timer(f.context, 1h);
    bool unwound = false, ended = false;
    acquired high;
    const auto body = [&]() -> asio::awaitable<void> {
        try {
            co_await timer.async_wait(asio::use_awaitable);
        } catch (const boost::system::system_error&) {
            CHECK_PENDING(high);
            unwound = true;
            throw;
        }
    };
    asio::co_spawn(f.context, body(), lk.guard(once([&](std::exception_ptr e) { ended = e != nullptr; })));
    f.poll();
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    BOOST_TEST(unwound);
    BOOST_TEST(ended);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(inside_a_coroutine)
{
    bool done = false;
    const auto body = [&]() -> asio::awaitable<void> {
        lock lk = co_await f.manager->async_acquire("r", "a", {.grace = 0s}, asio::use_awaitable);
        asio::steady_timer timer(f.context, redlock::clock::time_point::min());
        co_await timer.async_wait(lk.guard(asio::use_awaitable)); // completes
        timer.expires_after(1h);
        const auto [ec] = co_await timer.async_wait(lk.guard(asio::as_tuple(asio::use_awaitable)));
        BOOST_TEST(ec == aborted);
        const auto [again] = co_await timer.async_wait(asio::as_tuple(lk.guard(asio::use_awaitable)));
        BOOST_TEST(again == aborted);
        const auto [deferred] = co_await timer.async_wait(lk.guard(asio::as_tuple(asio::deferred)));
        BOOST_TEST(deferred == aborted);
        done = true;
    };
    asio::co_spawn(f.context, body(), asio::detached);
    f.poll();
    acquired high;
    f.acquire(high, "r", "high", {.priority = 1});
    f.poll();
    BOOST_TEST(done);
    CHECK_COMPLETED(high, success);
}

MANAGER_TEST_CASE(a_cancelled_coroutine_cancels_what_it_guards)
{
    lock lk = f.get("r", "a");
    asio::steady_timer timer(f.context, 1h);
    asio::cancellation_signal signal;
    bool cancelled = false;
    const auto body = [&]() -> asio::awaitable<void> { co_await timer.async_wait(lk.guard(asio::use_awaitable)); };
    asio::co_spawn(f.context, body(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                       cancelled = e != nullptr;
                   }));
    f.poll();
    signal.emit(asio::cancellation_type::terminal);
    f.poll();
    BOOST_TEST(cancelled);
    BOOST_TEST(lk.is_held());
}

MANAGER_TEST_CASE(other_tokens)
{
    lock lk = f.get("r", "a");
    asio::steady_timer timer(f.context, 1h);
    completion deferred, around, inside, appended;
    auto later = timer.async_wait(lk.guard(asio::deferred));
    timer.async_wait(lk.guard(asio::detached));
    std::move(later)(record(deferred));
    timer.async_wait(asio::bind_executor(f.context, lk.guard(record(around))));
    timer.async_wait(lk.guard(asio::bind_executor(f.context, record(inside))));
    timer.async_wait(lk.guard(asio::append(once([&](error_code ec, int) { appended.note(ec); }), 1)));
    const auto named = lk.guard(asio::detached); // a token may be kept, and used more than once
    timer.async_wait(named);
    timer.async_wait(named);
    f.poll();
    lk.release();
    f.poll();
    CHECK_COMPLETED(deferred, aborted);
    CHECK_COMPLETED(around, aborted);
    CHECK_COMPLETED(inside, aborted);
    CHECK_COMPLETED(appended, aborted);
}

// A handler of use_future has an executor that runs what is dispatched to it at once, but what is posted to it on a
// thread of the system's.
MANAGER_TEST_CASE(use_future_is_cancelled_on_the_thread_that_runs_the_context)
{
    lock lk = f.get("r", "a");
    manual_operation<error_code> operation;
    auto token = lk.guard(asio::use_future);
    auto future = asio::async_initiate<decltype(token), void(error_code)>(
        with_executor<asio::io_context::executor_type>{f.context.get_executor()}, token, &operation);
    lk.release();
    f.poll();
    BOOST_TEST(operation.emissions == 1);
    if (f.kind != test::manager_kind::over_strand) // which may be polled on another thread
        BOOST_TEST((operation.emitted_in == std::this_thread::get_id()));
    operation.finish(aborted);
    BOOST_REQUIRE((future.wait_for(10s) == std::future_status::ready));
    BOOST_CHECK_THROW(future.get(), boost::system::system_error);
}

#if TEST_HAS_CANCEL_AFTER

MANAGER_TEST_CASE(guard_of_cancel_after)
{
    lock lk = f.get("r", "a");
    asio::steady_timer timer(f.context, 1h);
    completion fires, does_not;
    timer.async_wait(lk.guard(asio::cancel_after(0s, record(fires))));
    timer.async_wait(lk.guard(asio::cancel_after(1h, record(does_not))));
    while (!fires.done())
        f.poll();
    CHECK_COMPLETED(fires, aborted);
    CHECK_PENDING(does_not);
    lk.release();
    f.poll();
    CHECK_COMPLETED(does_not, aborted);
}

MANAGER_TEST_CASE(cancel_after_of_guard)
{
    lock lk = f.get("r", "a");
    asio::steady_timer timer(f.context, 1h);
    completion fires, does_not;
    timer.async_wait(asio::cancel_after(0s, lk.guard(record(fires))));
    timer.async_wait(asio::cancel_after(1h, lk.guard(record(does_not))));
    while (!fires.done())
        f.poll();
    CHECK_COMPLETED(fires, aborted);
    CHECK_PENDING(does_not);
    BOOST_TEST(lk.is_held());
    lk.release();
    f.poll();
    CHECK_COMPLETED(does_not, aborted);
}

#endif

MANAGER_TEST_CASE(an_acquire_may_be_guarded_by_another_lock)
{
    lock outer = f.get("outer", "a"), other = f.get("inner", "b");
    acquired inner, never;
    f.manager->async_acquire("inner", "a", {}, outer.guard(record(inner)));
    outer.release();
    f.poll();
    CHECK_COMPLETED(inner, aborted);
    f.manager->async_acquire("inner", "a", {}, outer.guard(record(never)));
    f.poll();
    CHECK_COMPLETED(never, aborted);
    other.release();
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(an_operation_outlives_its_lock_and_its_manager)
{
    std::optional<lock> lk = f.get("r", "a");
    asio::steady_timer timer(f.context, 1h);
    completion c;
    timer.async_wait(lk->guard(record(c)));
    f.manager.reset();
    f.poll();
    CHECK_PENDING(c);
    lk.reset();
    f.poll();
    CHECK_COMPLETED(c, aborted);
}

MANAGER_TEST_CASE(the_allocator_of_the_handler_is_used)
{
    allocation_counts counts;
    lock lk = f.get("r", "a");
    manual_operation<error_code> operation;
    completion c;
    operation.start(lk.guard(asio::bind_allocator(counting_allocator<>(counts), record(c))));
    BOOST_TEST(counts.allocated > 0);
    lk.release();
    f.poll();
    operation.finish(aborted);
    CHECK_COMPLETED(c, aborted);
    BOOST_TEST(counts.live == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
