// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/transactions.hpp"
#include "operations/recovery_scene.hpp"

#include <priority_redlock/synchronized.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

// Runs whose lock is taken away, and whose recovery is a handler; and recoveries that come often.

namespace {

using namespace test;
using redlock::recovery;
using redlock::reject;
using redlock::replace;
using redlock::restart;
using redlock::resume;

BOOST_AUTO_TEST_SUITE(recovery_handlers, *boost::unit_test::timeout(120))

// Handlers.

MANAGER_TEST_CASE(a_handler_may_be_a_coroutine)
{
    enum class kind : std::uint8_t
    {
        resumes,
        restarts,
        replaces,
        rejects
    };
    const auto run = [&](kind k) {
        scene s(f);
        gate decision(f.context);
        const auto handler = [&](error_code why) -> task<recovery<int, journal>> {
            s.j.note(why == errc::preempted ? "asked" : "?");
            co_await decision.async_pass();
            s.j.note("decided");
            switch (k) {
            case kind::resumes: co_return resume();
            case kind::restarts: co_return restart();
            case kind::replaces: co_return replace(scene::substitute());
            case kind::rejects: break;
            }
            co_return reject();
        };
        s.steal_in_step(handler);
        BOOST_TEST(s.j.take() == "first, asked");
        s.g.open(); // the step ends before the decision
        f.poll();
        BOOST_TEST(s.j.take() == "");
        decision.open();
        f.poll();
        s.j.note("|");
        s.other.stop();
        f.poll();
        if (k == kind::restarts)
            s.g.open();
        f.poll();
        BOOST_TEST(s.o.done());
        BOOST_TEST(f.vacant());
        return s.j.take();
    };
    BOOST_TEST(run(kind::resumes) == "decided, thief, |, second, end");
    BOOST_TEST(run(kind::restarts) == "decided, end, thief, |, first, second, end");
    BOOST_TEST(run(kind::replaces) == "decided, end, thief, |, substitute");
    BOOST_TEST(run(kind::rejects) == "decided, end, thief, |");
}

MANAGER_TEST_CASE(a_handler_that_throws_ends_the_run)
{
    for (const bool is_slow : {false, true}) {
        scene s(f);
        if (is_slow)
            s.steal_in_step([&](error_code) -> task<recovery<int, journal>> {
                co_await asio::post(asio::deferred);
                throw std::runtime_error("undecided");
            });
        else
            s.steal_in_step([&](error_code) -> recovery<int, journal> { throw std::runtime_error("undecided"); });
        BOOST_TEST(s.j.take() == "first, end, thief");
        BOOST_TEST(s.o.done());
        BOOST_TEST(s.o.what() == "undecided");
    }
}

MANAGER_TEST_CASE(a_handler_of_one_kind_may_say_so_in_its_type)
{
    scene s(f);
    s.steal_in_step([](error_code) { return restart({.priority = 5}); });
    BOOST_TEST(s.j.take() == "first, end, thief, first"); // and away from the thief again
    s.other.stop();
    s.g.open();
    f.poll();
    CHECK_COMPLETED(s.o, success);

    scene t(f);
    t.steal_in_step([](error_code) -> task<redlock::reject_t> { co_return reject(asio::error::eof); });
    CHECK_COMPLETED(t.o, error_code(asio::error::eof));
}

MANAGER_TEST_CASE(a_transaction_that_ends_while_the_handler_decides_cancels_it)
{
    scene s(f);
    gate decision(f.context);
    const auto transaction = [&](journal&, transaction_context&) -> task<int> {
        co_await s.g.async_pass(); // not a step: nothing asks for the lock after it
        co_return 5;
    };
    const auto handler = [&](error_code) -> task<recovery<int, journal>> {
        const scope_note end_of_handler(s.j, "handler ends");
        co_await decision.async_pass();
        co_return restart();
    };
    s.work.async_run(transaction, handler, record(s.o));
    f.poll();
    s.other.steal();
    f.poll();
    s.g.open();
    f.poll();
    BOOST_TEST(s.j.take() == "handler ends, thief");
    BOOST_TEST((decision.cancelled() == asio::cancellation_type::terminal));
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 5);
}

MANAGER_TEST_CASE(a_transaction_that_throws_while_the_handler_decides_ends_the_run)
{
    scene s(f);
    gate decision(f.context);
    s.steal_in_step([&](error_code) -> task<recovery<int, journal>> {
        co_await decision.async_pass();
        co_return restart();
    });
    s.g.open(asio::error::broken_pipe);
    f.poll();
    CHECK_COMPLETED(s.o, error_code(asio::error::broken_pipe));
    BOOST_TEST((decision.cancelled() == asio::cancellation_type::terminal));
}

MANAGER_TEST_CASE(restart_after_replace_restarts_the_replacement)
{
    scene s(f);
    gate h(f.context);
    int asked = 0;
    const auto substitute = [&](journal& notes, transaction_context& context) -> task<int> {
        notes.note("substitute");
        co_await context.step(h.async_pass());
        co_return 9;
    };
    s.steal_in_step([&](error_code) -> recovery<int, journal> {
        if (++asked == 1)
            return replace(substitute);
        return restart();
    });
    s.other.stop();
    f.poll();
    s.other.steal();
    f.poll();
    s.other.stop();
    f.poll();
    BOOST_TEST(s.j.take() == "first, end, thief, substitute, thief, substitute");
    h.open();
    f.poll();
    CHECK_COMPLETED(s.o, success);
    BOOST_TEST(s.o.value == 9);
}

// Often.

/// How far the stack grew between calls of `look`, in bytes.
class stack_probe
{
public:
    void look() noexcept
    {
        const volatile char here = 0;
        const auto address = reinterpret_cast<std::uintptr_t>(&here);
        lowest_ = std::min<std::uintptr_t>(lowest_, address);
        highest_ = std::max<std::uintptr_t>(highest_, address);
    }
    [[nodiscard]] std::size_t extent() const noexcept { return highest_ - lowest_; }

private:
    std::uintptr_t lowest_ = UINTPTR_MAX;
    std::uintptr_t highest_ = 0;
};

/// The bytes of the heap that are in use, where that can be known.
std::size_t heap_in_use()
{
#if defined(__GLIBC__) && !defined(TEST_SANITIZER)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

constexpr std::size_t times = 10'000;

template <class Recovery>
void recover_often(locks& f, Recovery decide)
{
    // Without warnings, whose deadline would be looked at in every turn: the manual clock has no other way.
    f.manager.emplace(make_manager(f.context.get_executor(), f.kind, {.overrun_after = redlock::infinite}));
    journal j;
    synchronized work(*f.manager, "r", j);
    outcome o;
    stack_probe stack;
    std::size_t asked = 0, early = 0, late = 0;
    const auto transaction = [&](journal&, transaction_context& context) -> task<int> {
        while (context.attempt() <= times) {
            f.manager->async_acquire("r", {.priority = 1}, [](error_code, lock) {}); // takes it, and lets go at once
            co_await context.checkpoint();
        }
        co_return 1;
    };
    const auto handler = [&](error_code) {
        stack.look();
        ++asked;
        if (asked == 1000)
            early = heap_in_use();
        if (asked == times)
            late = heap_in_use();
        return decide(transaction);
    };
    work.async_run(transaction, handler, record(o));
    f.poll();
    CHECK_COMPLETED(o, success);
    BOOST_TEST(asked == times);
#if !defined(TEST_SANITIZER) // one of them puts variables elsewhere
    BOOST_TEST(stack.extent() < 4096u);
#endif
    BOOST_TEST(late <= early + 4096);
}

PLAIN_MANAGER_TEST_CASE(resumes_10_000_times)
{
    recover_often(f, [](const auto&) { return resume(); });
}

PLAIN_MANAGER_TEST_CASE(restarts_10_000_times)
{
    recover_often(f, [](const auto&) { return restart(); });
}

PLAIN_MANAGER_TEST_CASE(is_replaced_10_000_times)
{
    recover_often(f, [](const auto& transaction) { return replace(transaction); });
}

PLAIN_MANAGER_TEST_CASE(is_asked_a_coroutine_10_000_times)
{
    recover_often(f, [](const auto&) -> task<redlock::resume_t> { co_return resume(); });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
