// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/cancel_after.hpp"
#include "common/locks.hpp"

#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // g++ 12 mistakes the frames of Asio's coroutines
#endif

namespace {

using namespace test;
using redlock::async_with_lock;
using redlock::infinite;

using task = asio::awaitable<void>;
constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

/// What an exception_ptr says, as an error_code. `errc::not_held` stands for an exception of another kind.
error_code code_of(const std::exception_ptr& e)
{
    if (!e)
        return {};
    try {
        std::rethrow_exception(e);
    } catch (const boost::system::system_error& error) {
        return error.code();
    } catch (...) {
        return errc::not_held;
    }
}

/// Records the end of work whose result, if it has one, does not matter.
auto note(completion& c)
{
    return once([&c](const auto& e, auto&&...) {
        if constexpr (std::is_same_v<std::decay_t<decltype(e)>, error_code>)
            c.note(e);
        else
            c.note(code_of(e));
    });
}

/// Work that goes on until it is cancelled, and says what it saw.
struct worker
{
    explicit worker(asio::io_context& context) : timer(context, 1h) {}

    task operator()(lock& lk)
    {
        ++started;
        held = &lk;
        auto [ec] = co_await timer.async_wait(tuple);
        why = ec;
        state = lk.state();
        if (ec)
            throw boost::system::system_error(ec);
    }

    /// As a coroutine and as a deferred operation.
    [[nodiscard]] auto coroutine()
    {
        return [this](lock& lk) { return (*this)(lk); };
    }
    [[nodiscard]] auto operation()
    {
        return [this](lock& lk) {
            ++started;
            held = &lk;
            return timer.async_wait(asio::deferred);
        };
    }

    asio::steady_timer timer;
    lock* held = nullptr;
    int started = 0;
    error_code why;
    lock_state state = lock_state::empty;
};

/// Whether that resource is the only one that is not free.
bool is_vacant_but(locks& f, std::string_view resource)
{
    const auto all = f.snapshot().resources;
    return all.size() == 1 && all.front().resource == resource;
}

/// Calls check(worker, fn) for both forms.
template <class Check>
void for_both_forms(locks& f, Check check)
{
    BOOST_TEST_CONTEXT("coroutine")
    {
        worker w(f.context);
        check(w, w.coroutine());
    }
    BOOST_TEST_CONTEXT("deferred operation")
    {
        worker w(f.context);
        check(w, w.operation());
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(with_lock_tests)

// --- results ---------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(the_result_of_a_coroutine_is_delivered_and_the_lock_released)
{
    std::exception_ptr failure;
    std::string result;
    bool held = false, released_before = false;
    initiate([&] {
        async_with_lock(
            *f.manager, "r", "me", {.priority = 3, .ttl = 1h},
            [&](lock& lk) -> asio::awaitable<std::string> {
                BOOST_TEST(!initiation_guard::active());
                held = lk.is_held() && lk.priority() == 3 && lk.locker_id() == "me";
                co_await asio::post(asio::use_awaitable);
                co_return std::string(lk.resource());
            },
            [&](std::exception_ptr e, std::string s) {
                failure = e;
                result = std::move(s);
                f.manager->async_acquire("r", "next", {.timeout = 0s},
                                         [&](error_code ec, lock) { released_before = !ec; });
            });
    });
    BOOST_TEST(result.empty());
    f.poll();
    BOOST_TEST(!failure);
    BOOST_TEST(result == "r");
    BOOST_TEST(held);
    BOOST_TEST(released_before);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(the_results_of_an_operation_are_delivered_and_the_lock_released)
{
    completion done, failed;
    asio::steady_timer timer(f.context, redlock::clock::time_point::min());
    lock other = f.get("other", "other");
    initiate([&] {
        async_with_lock(*f.manager, "r", {}, [&](lock&) { return timer.async_wait(asio::deferred); }, note(done));
    });
    CHECK_PENDING(done);
    f.poll();
    CHECK_COMPLETED(done, success);
    BOOST_TEST(is_vacant_but(f, "other"));

    bool empty = false;
    async_with_lock(
        *f.manager, "r", {}, [&](lock&) { return f.manager->async_acquire("other", {.timeout = 0s}, asio::deferred); },
        [&](error_code ec, lock lk) {
            failed.note(ec);
            empty = lk.state() == lock_state::empty;
        });
    f.poll();
    CHECK_COMPLETED(failed, errc::acquire_timeout);
    BOOST_TEST(empty);
    BOOST_TEST(is_vacant_but(f, "other"));
}

MANAGER_TEST_CASE(exceptions_reach_the_caller_of_a_coroutine)
{
    std::vector<std::string> seen;
    const auto note_what = [&](std::exception_ptr e) {
        try {
            std::rethrow_exception(e);
        } catch (const std::exception& error) {
            seen.emplace_back(error.what());
        }
    };
    const auto throw_late = [](lock&) -> task {
        co_await asio::post(asio::use_awaitable);
        throw std::runtime_error("late");
    };
    const auto throw_early = [](lock&) -> task {
        throw std::runtime_error("early");
        co_return;
    };
    const auto throw_at_once = [](lock&) -> task { throw std::runtime_error("at once"); };
    initiate([&] { async_with_lock(*f.manager, "r", {}, throw_late, note_what); });
    f.poll();
    initiate([&] { async_with_lock(*f.manager, "r", {}, throw_early, note_what); });
    f.poll();
    initiate([&] { async_with_lock(*f.manager, "r", {}, throw_at_once, note_what); });
    BOOST_TEST(seen.size() == 2u);
    f.poll();
    BOOST_TEST(seen == (std::vector<std::string>{"late", "early", "at once"}), boost::test_tools::per_element());
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(an_exception_instead_of_an_operation_leaves_run)
{
    asio::steady_timer timer(f.context);
    async_with_lock(
        *f.manager, "r", {},
        [&](lock&) {
            if (timer.expiry() != redlock::clock::time_point::max())
                throw std::runtime_error("instead");
            return timer.async_wait(asio::deferred);
        },
        at_most_once([](error_code) { BOOST_ERROR("called"); }));
    BOOST_CHECK_THROW(f.poll(), std::runtime_error);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(an_exception_instead_of_an_operation_is_a_result_where_that_may_be_one)
{
    const auto work = [](bool thrown) {
        return [thrown](lock& lk) {
            if (thrown)
                throw boost::system::system_error(errc::lost);
            return asio::co_spawn(lk.get_executor(), []() -> asio::awaitable<int> { co_return 7; }, asio::deferred);
        };
    };
    completion failed, succeeded;
    const auto note_result = [](completion& c, int expected) {
        return once([&c, expected](const std::exception_ptr& e, int result) {
            BOOST_TEST(result == expected);
            c.note(code_of(e));
        });
    };
    initiate([&] { async_with_lock(*f.manager, "r", {}, work(true), note_result(failed, 0)); });
    f.poll();
    CHECK_COMPLETED(failed, errc::lost);
    BOOST_TEST(f.vacant());
    initiate([&] { async_with_lock(*f.manager, "r", {}, work(false), note_result(succeeded, 7)); });
    f.poll();
    CHECK_COMPLETED(succeeded, success);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(acquire_errors_are_delivered_and_fn_is_not_called)
{
    const lock held = f.get("r", "other");
    for_both_forms(f, [&](worker& w, auto fn) {
        completion timeout, refused, invalid, all, none;
        initiate([&] {
            async_with_lock(*f.manager, "r", "me", {.timeout = 1s}, fn, note(timeout));
            async_with_lock(*f.manager, "r", {.max_attempts = 1}, fn, note(refused));
            async_with_lock(*f.manager, "r", {.grace = -1s}, fn, note(invalid));
            async_with_lock(*f.manager, "me", {{"a"}, {"r"}}, 1s, fn, note(all));
            async_with_lock(*f.manager, std::vector<redlock::lock_request>{}, infinite, fn, note(none));
        });
        f.advance(1s);
        CHECK_COMPLETED(timeout, errc::acquire_timeout);
        CHECK_COMPLETED(refused, errc::already_acquired);
        CHECK_COMPLETED(invalid, errc::invalid_argument);
        CHECK_COMPLETED(all, errc::acquire_timeout);
        CHECK_COMPLETED(none, errc::invalid_argument);
        BOOST_TEST(w.started == 0);
    });
}

MANAGER_TEST_CASE(no_function_is_an_invalid_argument)
{
    using coroutine_function = std::function<task(lock&)>;
    completion empty, null, deferred;
    initiate([&] {
        async_with_lock(*f.manager, "r", {}, coroutine_function(), note(empty));
        async_with_lock(*f.manager, "r", {}, static_cast<task (*)(lock&)>(nullptr), note(null));
        using operation = decltype(std::declval<asio::steady_timer&>().async_wait(asio::deferred));
        async_with_lock(*f.manager, "r", {}, std::function<operation(lock&)>(), note(deferred));
    });
    f.poll();
    CHECK_COMPLETED(empty, errc::invalid_argument);
    CHECK_COMPLETED(null, errc::invalid_argument);
    CHECK_COMPLETED(deferred, errc::invalid_argument);
}

MANAGER_TEST_CASE(several_locks)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        acquired thief;
        async_with_lock(*f.manager, "me", {{"b"}, {"a"}}, infinite, fn, note(done));
        f.poll();
        BOOST_TEST_REQUIRE(w.started == 1);
        BOOST_TEST(w.held->parts().size() == 2u);
        f.acquire(thief, "b", "thief", {.priority = 1});
        f.poll();
        CHECK_COMPLETED(done, errc::preempted);
        CHECK_COMPLETED(thief, success);
    });
    completion fresh;
    async_with_lock(*f.manager, {{"b"}, {"a"}}, infinite, [](lock&) -> task { co_return; }, note(fresh));
    f.poll();
    CHECK_COMPLETED(fresh, success);
    BOOST_TEST(f.vacant());
}

// --- the end of the lock ---------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(preemption_cancels_the_work_and_is_the_reason)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        acquired thief;
        async_with_lock(*f.manager, "r", {}, fn, note(done));
        f.poll();
        CHECK_PENDING(done);
        f.acquire(thief, "r", "thief", {.priority = 1});
        f.poll();
        CHECK_COMPLETED(done, errc::preempted);
        BOOST_TEST((done.ec == redlock::condition::ended));
        CHECK_COMPLETED(thief, success);
        BOOST_TEST(thief.order > done.order);
        BOOST_TEST(w.started == 1);
    });
}

// README, "Who is told of a preemption by which code".
MANAGER_TEST_CASE(one_comparison_catches_every_form_of_a_preemption)
{
    const auto is_told = [](const completion& c, const error_code& expected) {
        CHECK_COMPLETED(c, expected);
        BOOST_TEST((c.ec == boost::system::errc::operation_canceled));
    };
    for_both_forms(f, [&](worker& w, auto fn) {
        completion caller, waits, guarded, runs;
        acquired thief;
        asio::steady_timer never(f.context, 1h);
        int object = 0;
        error_code step;
        async_with_lock(*f.manager, "r", {}, fn, note(caller));
        redlock::synchronized work(*f.manager, "s", object);
        work.async_run(
            [&](int&, redlock::transaction_context& context) -> task {
                try {
                    co_await context.step(never.async_wait(asio::use_awaitable));
                } catch (const boost::system::system_error& error) {
                    step = error.code();
                    throw;
                }
            },
            note(runs));
        f.poll();
        f.wait(waits, *w.held);
        asio::steady_timer timer(f.context, 1h);
        timer.async_wait(w.held->guard(record(guarded)));
        f.acquire(thief, "r", "thief", {.priority = 1});
        acquired other;
        f.acquire(other, "s", "thief", {.priority = 1});
        f.poll();
        is_told(waits, aborted);
        is_told(guarded, aborted);
        is_told(caller, errc::preempted);
        is_told(runs, errc::preempted);
        BOOST_TEST((step == boost::system::errc::operation_canceled));
        for (const completion* c : {&caller, &runs}) {
            BOOST_TEST((c->ec == redlock::condition::ended));
            BOOST_TEST((c->ec == redlock::condition::retryable));
        }
    });
}

MANAGER_TEST_CASE(expiry_cancels_the_work_and_is_the_reason)
{
    for_both_forms(f, [&](worker&, auto fn) {
        completion done;
        async_with_lock(*f.manager, "r", {.ttl = 1s}, fn, note(done));
        f.advance(1s);
        CHECK_COMPLETED(done, errc::expired);
    });
}

MANAGER_TEST_CASE(a_thief_waits_until_the_work_has_unwound_however_long)
{
    asio::steady_timer cleanup(f.context, redlock::clock::time_point::max());
    completion done;
    acquired thief;
    lock_state while_unwinding = lock_state::empty;
    async_with_lock(
        *f.manager, "r", {.grace = 0s},
        [&](lock& lk) -> task {
            asio::steady_timer timer(f.context, 1h);
            co_await timer.async_wait(tuple);
            co_await asio::this_coro::reset_cancellation_state();
            while_unwinding = lk.state();
            co_await cleanup.async_wait(tuple);
            throw std::runtime_error("unwound");
        },
        note(done));
    f.poll();
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.advance(24h);
    BOOST_TEST(while_unwinding == lock_state::revoking);
    CHECK_PENDING(thief);
    cleanup.cancel();
    f.poll();
    CHECK_COMPLETED(done, errc::not_held); // its own exception, unchanged
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(results_of_work_that_ends_well_are_unchanged_by_a_loss)
{
    acquired thief;
    int result = 0;
    completion done;
    async_with_lock(
        *f.manager, "r", {},
        [&](lock& lk) -> asio::awaitable<int> {
            asio::steady_timer timer(f.context, 1h);
            co_await timer.async_wait(tuple);
            co_return lk.state() == lock_state::revoking ? 7 : 0;
        },
        [&](std::exception_ptr e, int i) {
            done.note(code_of(e));
            result = i;
        });
    f.poll();
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(done, success);
    BOOST_TEST(result == 7);
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(a_lock_that_has_ended_before_fn_is_called)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        acquired thief;
        async_with_lock(*f.manager, "r", {}, fn, note(done));
        f.acquire(thief, "r", "thief", {.priority = 1}); // before the grant is delivered
        f.poll();
        CHECK_COMPLETED(done, errc::preempted);
        BOOST_TEST(w.started == 0);
        CHECK_COMPLETED(thief, success);
    });
}

MANAGER_TEST_CASE(fn_may_release_the_lock)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion done;
        async_with_lock(*f.manager, "r", {}, fn, note(done));
        f.poll();
        w.held->release();
        f.poll();
        CHECK_COMPLETED(done, aborted); // it ended without a loss
        BOOST_TEST(f.vacant());
    });
}

MANAGER_TEST_CASE(the_manager_may_go)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        completion working, waiting;
        async_with_lock(*f.manager, "r", {}, fn, note(working));
        f.poll();
        async_with_lock(*f.manager, "r", {}, fn, note(waiting));
        f.manager.reset();
        f.poll();
        CHECK_COMPLETED(waiting, aborted);
        CHECK_PENDING(working);
        w.timer.cancel();
        f.poll();
        CHECK_COMPLETED(working, aborted);
        f.manager.emplace(make_manager(f.context.get_executor(), f.kind));
    });
}

// --- cancellation from outside ---------------------------------------------------------------------------------------

MANAGER_TEST_CASE(every_cancellation_ends_the_wait)
{
    const lock held = f.get("r", "other");
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total})
        for_both_forms(f, [&](worker& w, auto fn) {
            asio::cancellation_signal signal;
            completion done;
            async_with_lock(*f.manager, "r", {}, fn, asio::bind_cancellation_slot(signal.slot(), note(done)));
            f.poll();
            initiate([&] { signal.emit(type); });
            CHECK_PENDING(done);
            f.poll();
            CHECK_COMPLETED(done, aborted);
            BOOST_TEST(w.started == 0);
        });
}

MANAGER_TEST_CASE(every_cancellation_reaches_the_work_as_it_is)
{
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        completion done;
        auto seen = asio::cancellation_type::none;
        asio::steady_timer timer(f.context, 1h);
        async_with_lock(
            *f.manager, "r", {},
            [&](lock&) -> task {
                co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
                co_await asio::this_coro::throw_if_cancelled(false);
                co_await timer.async_wait(tuple);
                seen = (co_await asio::this_coro::cancellation_state).cancelled();
                throw boost::system::system_error(asio::error::operation_aborted);
            },
            asio::bind_cancellation_slot(signal.slot(), note(done)));
        f.poll();
        initiate([&] { signal.emit(type); });
        f.poll();
        CHECK_COMPLETED(done, aborted);
        BOOST_TEST((seen == type));

        completion operation;
        async_with_lock(
            *f.manager, "r", {}, [&](lock&) { return timer.async_wait(asio::deferred); },
            asio::bind_cancellation_slot(signal.slot(), note(operation)));
        f.poll();
        signal.emit(type);
        f.poll();
        CHECK_COMPLETED(operation, aborted);
        BOOST_TEST(f.vacant());
    }
}

MANAGER_TEST_CASE(a_coroutine_sees_terminal_only_unless_it_asks_for_more)
{
    asio::cancellation_signal signal;
    completion done;
    worker w(f.context);
    async_with_lock(*f.manager, "r", {}, w.coroutine(), asio::bind_cancellation_slot(signal.slot(), note(done)));
    f.poll();
    signal.emit(asio::cancellation_type::total);
    f.poll();
    CHECK_PENDING(done);
    signal.emit(asio::cancellation_type::terminal);
    f.poll();
    CHECK_COMPLETED(done, aborted);
    BOOST_TEST(w.state == lock_state::held); // it is released only afterwards
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(P7_cancelled_when_the_grant_is_on_its_way)
{
    for_both_forms(f, [&](worker& w, auto fn) {
        asio::cancellation_signal signal;
        completion done;
        async_with_lock(*f.manager, "r", {}, fn, asio::bind_cancellation_slot(signal.slot(), note(done)));
        signal.emit(asio::cancellation_type::terminal);
        f.poll();
        CHECK_COMPLETED(done, aborted);
        BOOST_TEST(w.started == 0);
        BOOST_TEST(f.vacant());
    });
}

// --- associators and tokens ------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(I4_work_and_completion_run_on_the_executor_of_the_handler)
{
    asio::io_context home;
    tracker mine;
    completion done, aborted_one;
    bool ran_there = false, operation_made_there = false;
    async_with_lock(
        *f.manager, "r", {},
        [&](lock&) -> task {
            co_await asio::post(asio::use_awaitable);
            ran_there = home.get_executor().running_in_this_thread();
        },
        asio::bind_executor(home.get_executor(), note(done)));
    f.poll();
    CHECK_PENDING(done);
    BOOST_TEST(!ran_there);
    poll(home);
    f.poll();
    CHECK_COMPLETED(done, success);
    BOOST_TEST(ran_there);

    worker w(f.context);
    acquired thief;
    async_with_lock(
        *f.manager, "r", {},
        [&](lock& lk) {
            operation_made_there = mine.runs_here();
            return w.operation()(lk);
        },
        asio::bind_executor(track(f.context, mine), note(aborted_one)));
    f.poll();
    BOOST_TEST(operation_made_there);
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    CHECK_COMPLETED(aborted_one, errc::preempted);
    BOOST_TEST(aborted_one.ran_on == &mine);

    completion failed;
    initiate([&] {
        async_with_lock(*f.manager, "", {}, w.coroutine(), asio::bind_executor(track(f.context, mine), note(failed)));
    });
    f.poll();
    CHECK_COMPLETED(failed, errc::invalid_argument);
    BOOST_TEST(failed.ran_on == &mine);
}

MANAGER_TEST_CASE(every_token)
{
    const auto sum = [](lock&) -> asio::awaitable<int> { co_return 3; };
    int results = 0;
    asio::co_spawn(
        f.context,
        [&]() -> task {
            results += co_await async_with_lock(*f.manager, "r", {}, sum);
            results += co_await async_with_lock(*f.manager, "r", {}, sum, asio::use_awaitable);
            auto [e, i] = co_await async_with_lock(*f.manager, "r", {}, sum, tuple);
            results += i;
            results += co_await async_with_lock(*f.manager, "r", {}, sum, cancelled_after(1h, asio::use_awaitable));
        },
        asio::detached);
    f.poll();
    BOOST_TEST(results == 12);
    auto future = async_with_lock(*f.manager, "r", {}, sum, asio::use_future);
    f.poll();
    BOOST_TEST(future.get() == 3);
    auto unstarted = async_with_lock(*f.manager, std::string("r"), {}, sum, asio::deferred);
    static_cast<void>(unstarted);
    BOOST_TEST(f.vacant());
}

MANAGER_TEST_CASE(in_a_coroutine_on_a_strand)
{
    const auto strand = asio::make_strand(f.context);
    bool on_strand = false;
    error_code why;
    acquired thief;
    asio::co_spawn(
        strand,
        [&]() -> task {
            worker w(f.context);
            try {
                co_await async_with_lock(*f.manager, "r", {}, [&](lock& lk) -> task {
                    on_strand = strand.running_in_this_thread();
                    co_await w(lk);
                });
            } catch (const boost::system::system_error& e) {
                why = e.code();
            }
        },
        asio::detached);
    f.poll();
    BOOST_TEST(on_strand);
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    BOOST_TEST(why == error_code(errc::preempted));
    CHECK_COMPLETED(thief, success);
}

BOOST_AUTO_TEST_SUITE_END()
