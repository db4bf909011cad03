// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/heap.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_immediate_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>
#include <boost/version.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

// Where Asio itself cannot do without memory, whatever the library does: programs without any lock. The sweeps of the
// other files leave these places out, as they say. Should one of these tests fail, Asio has become better there, and
// the sweeps can be.

namespace {

namespace asio = boost::asio;
namespace heap = test::heap;

constexpr long most = 200; // allocations

/// Whether a program ends by a signal if one of its allocations fails.
template <class Program>
bool aborts(Program program, heap::reach reach)
{
    for (long n = 0; n < most; ++n) {
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            std::signal(SIGABRT, SIG_DFL);
            std::signal(SIGSEGV, SIG_DFL);
            std::freopen("/dev/null", "w", stderr);
            bool failed = false;
            try {
                const heap::failure failure(n, reach);
                program();
                failed = heap::failure::happened();
            } catch (const std::bad_alloc&) {
                failed = true;
            }
            ::_exit(failed ? 1 : 0);
        }
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        if (WIFSIGNALED(status))
            return true;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return false;
    }
    return false;
}

BOOST_AUTO_TEST_SUITE(memory_of_asio, *boost::unit_test::timeout(60))

// A strand whose executor has no memory for it keeps what was posted, and runs nothing any more.
BOOST_AUTO_TEST_CASE(a_strand_is_stuck)
{
    bool stuck = false;
    for (long n = 0; n < most; ++n) {
        asio::io_context context;
        auto strand = asio::make_strand(context);
        bool failed = false;
        {
            const heap::failure failure(n, heap::reach::with_recycled);
            try {
                asio::post(strand, [] {});
            } catch (const std::bad_alloc&) {
            }
            failed = heap::failure::happened();
        }
        if (!failed)
            break;
        bool called = false;
        asio::post(strand, [&] { called = true; });
        context.run();
        stuck = stuck || !called;
    }
    BOOST_TEST(stuck);
}

// A strand that has more to do posts itself anew in a destructor.
BOOST_AUTO_TEST_CASE(a_strand_ends_the_program)
{
    const auto program = [] {
        asio::io_context context;
        asio::any_io_executor strand = asio::make_strand(context);
        asio::post(strand, [&] {
            for (int i = 0; i < 3; ++i)
                asio::post(strand, [&] { asio::post(strand, [] {}); });
        });
        context.run();
    };
    BOOST_TEST(aborts(program, heap::reach::with_recycled));
}

// The handler of a coroutine is lost that ends while there is no memory to dispatch it.
BOOST_AUTO_TEST_CASE(a_coroutine_loses_its_handler)
{
    bool lost = false;
    for (long n = 0; n < most; ++n) {
        asio::io_context context;
        bool started = false, called = false, escaped = false, failed = false;
        {
            const heap::failure failure(n, heap::reach::with_recycled);
            try {
                asio::co_spawn(
                    context, []() -> asio::awaitable<void> { co_await asio::post(asio::use_awaitable); },
                    [&](std::exception_ptr) { called = true; });
                started = true;
                context.run();
            } catch (const std::bad_alloc&) {
                escaped = started;
            }
            failed = heap::failure::happened();
        }
        if (!failed)
            break;
        context.run();
        lost = lost || (escaped && !called);
    }
    BOOST_TEST(lost);
}

// A coroutine is lost that starts an operation for which there is no memory, although others would be told by a throw.
BOOST_AUTO_TEST_CASE(a_coroutine_is_lost)
{
    bool lost = false;
    for (long n = 0; n < most; ++n) {
        asio::io_context context;
        asio::steady_timer timer(context, asio::steady_timer::time_point::min());
        bool started = false, called = false, escaped = false, failed = false;
        {
            const heap::failure failure(n);
            try {
                asio::co_spawn(
                    context, [&]() -> asio::awaitable<void> { co_await timer.async_wait(asio::use_awaitable); },
                    [&](std::exception_ptr) { called = true; });
                started = true;
                context.run();
            } catch (const std::bad_alloc&) {
                escaped = started;
            }
            failed = heap::failure::happened();
        }
        if (!failed)
            break;
        context.run();
        lost = lost || (escaped && !called);
    }
    BOOST_TEST(lost);
}

// The executor of a handler without its type is empty if there is no memory for it, and throws when it is used.
BOOST_AUTO_TEST_CASE(an_executor_is_empty)
{
    asio::io_context context;
    const asio::any_io_executor candidate(context.get_executor());
    const asio::any_completion_handler<void()> handler([] {});
    const heap::failure failure(0);
    BOOST_TEST(!asio::get_associated_immediate_executor(handler, candidate));
    BOOST_TEST(heap::failure::happened());
}

// An executor without its type over another one needs memory for each copy, where nothing may throw.
BOOST_AUTO_TEST_CASE(an_executor_over_another_ends_the_program)
{
    const auto program = [] {
        asio::io_context context;
        const asio::any_io_executor inner = context.get_executor();
        const asio::any_io_executor ex = asio::make_strand(inner);
        asio::steady_timer timer(ex, asio::steady_timer::time_point::min());
        timer.async_wait([](boost::system::error_code) {});
        context.run();
    };
    BOOST_TEST(aborts(program, heap::reach::operators));
}

#ifndef TEST_SANITIZER

// A timer gives the memory of a wait back by the allocator of a handler that has gone.
BOOST_AUTO_TEST_CASE(a_handler_without_its_type_ends_the_program)
{
    const auto program = [] {
        asio::io_context context;
        asio::steady_timer timer(context, asio::steady_timer::time_point::min());
        timer.async_wait(
            asio::any_completion_handler<void(boost::system::error_code)>([](boost::system::error_code) {}));
        context.run();
    };
    BOOST_TEST(aborts(program, heap::reach::operators));
}

#endif

#if BOOST_VERSION < 109200

// A strand that finds no memory is destroyed before it belongs to anything.
BOOST_AUTO_TEST_CASE(a_strand_ends_the_program)
{
    const auto program = [] {
        asio::io_context context;
        (void)asio::make_strand(context);
    };
    BOOST_TEST(aborts(program, heap::reach::operators));
}

#endif

#if BOOST_VERSION >= 108800

// An error that is thrown into a coroutine is made an exception, with a text in memory, where nothing may throw.
BOOST_AUTO_TEST_CASE(an_error_in_a_coroutine_ends_the_program)
{
    const auto program = [] {
        asio::io_context context;
        asio::steady_timer timer(context, asio::steady_timer::time_point::max());
        asio::co_spawn(
            context, [&]() -> asio::awaitable<void> { co_await timer.async_wait(asio::use_awaitable); },
            [](std::exception_ptr) {});
        context.poll();
        timer.cancel();
        context.run();
    };
    BOOST_TEST(aborts(program, heap::reach::operators));
}

#endif

BOOST_AUTO_TEST_SUITE_END()

} // namespace
