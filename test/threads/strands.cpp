// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"
#include "manager/sharded_backend.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>

// Which thread may do what: nothing that the library runs for a user is run by two at once, and no strand that a user
// brings makes it less safe.

namespace {

using namespace test;

using pool_strand = asio::strand<asio::thread_pool::executor_type>;

const pool_strand& strand_of(const pool_strand& strand)
{
    return strand;
}

const pool_strand& strand_of(const asio::any_io_executor& ex)
{
    return *ex.target<pool_strand>();
}

/// Used from anywhere; its timer, notices and completions stay on the strand.
template <class Strand>
void acquire_over_a_strand(asio::thread_pool& pool, const Strand& strand)
{
    redlock::basic_lock_manager<Strand> manager(strand);
    std::atomic<long> wrong = 0, completed = 0;
    long inside = 0; // of the strand
    constexpr long tasks = 64;
    constexpr int rounds = 40;
    const auto on_strand = [&] { return strand_of(strand).running_in_this_thread(); };
    std::function<void(int)> start = [&](int left) {
        manager.async_acquire("r" + std::to_string(left % 3), {.ttl = left % 2 ? 1h : redlock::infinite},
                              [&, left](error_code ec, lock lk) {
                                  if (ec || !on_strand() || inside++ != 0)
                                      ++wrong;
                                  lk.async_wait([&](error_code) {
                                      if (!on_strand() || inside++ != 0)
                                          ++wrong;
                                      --inside;
                                  });
                                  --inside;
                                  asio::post(pool, [&, left, shared = std::make_shared<lock>(std::move(lk))] {
                                      shared->release(); // on any thread
                                      if (left == 0)
                                          ++completed;
                                      else
                                          start(left - 1);
                                  });
                              });
    };
    for (long i = 0; i < tasks; ++i)
        asio::post(pool, [&] { start(rounds); });
    pool.join();
    BOOST_TEST(completed == tasks);
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE(strands, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(T33_a_manager_over_a_typed_strand_is_used_from_all_threads_of_a_pool)
{
    asio::thread_pool pool(2);
    acquire_over_a_strand(pool, asio::make_strand(pool));
}

BOOST_AUTO_TEST_CASE(a_manager_over_an_erased_strand_is_used_from_all_threads_of_a_pool)
{
    asio::thread_pool pool(4);
    acquire_over_a_strand(pool, asio::any_io_executor(asio::make_strand(pool)));
}

/// Works until it is cancelled, in steps that a cancellation can meet anywhere.
asio::awaitable<void> work_for_ever(std::atomic<long>& steps)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        timer.expires_after(10us);
        co_await timer.async_wait(asio::use_awaitable);
        ++steps;
    }
}

BOOST_AUTO_TEST_CASE(T32_work_under_a_lock_on_a_pool_without_a_strand_is_preempted)
{
    asio::thread_pool pool(4);
    lock_manager manager(pool);
    std::atomic<long> steps = 0, preempted = 0, other = 0;
    constexpr int rounds = 300;
    for (int round = 0; round < rounds; ++round) {
        std::atomic<bool> entered = false, ended = false;
        redlock::async_with_lock(
            manager, "r", {},
            [&](lock&) -> asio::awaitable<void> {
                entered = true;
                co_await work_for_ever(steps);
            },
            [&](const std::exception_ptr& e) {
                try {
                    std::rethrow_exception(e);
                } catch (const boost::system::system_error& error) {
                    ++(error.code() == errc::preempted ? preempted : other);
                }
                ended = true;
            });
        while (!entered)
            std::this_thread::yield();
        (void)manager.async_acquire("r", {.priority = 1}, asio::use_future).get();
        while (!ended)
            std::this_thread::yield();
    }
    pool.join();
    BOOST_TEST(preempted == rounds);
    BOOST_TEST(other == 0);
    BOOST_TEST(steps > 0);
}

/// Has the lock of "r" released and its next owner's run cancelled at the same moment, until that came often enough
/// between the grant and the start of the work. `start(signal, on_end)` starts the run, whose work goes on for ever.
template <class Start>
void cancel_before_the_work(lock_manager& manager, std::atomic<long>& begun, Start start)
{
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    long between = 0;
    while (between < 20) {
        BOOST_TEST_REQUIRE((std::chrono::steady_clock::now() < deadline), between << " were in between, and no more");
        lock holder = manager.async_acquire("r", {}, asio::use_future).get();
        const auto grants = manager.metrics().grants;
        begun = 0;
        asio::cancellation_signal signal;
        std::promise<error_code> end;
        start(signal, [&](error_code ec) { end.set_value(ec); });
        std::latch ready(2);
        std::thread other([&] {
            ready.arrive_and_wait();
            holder.release();
        });
        ready.arrive_and_wait();
        signal.emit(asio::cancellation_type::terminal);
        other.join();
        auto ended = end.get_future();
        const bool lost = ended.wait_for(10s) != std::future_status::ready;
        BOOST_TEST(!lost, "the cancellation is lost");
        if (lost)
            signal.emit(asio::cancellation_type::terminal);
        BOOST_TEST(ended.get() == asio::error::operation_aborted);
        if (lost)
            break;
        between += manager.metrics().grants == grants + 1 && begun == 0;
    }
    BOOST_TEST(manager.async_acquire("r", {}, asio::use_future).get().is_held());
}

BOOST_AUTO_TEST_CASE(P7_work_is_cancelled_on_another_thread_after_the_grant_and_before_it_starts)
{
    asio::thread_pool pool(2);
    lock_manager manager(pool);
    std::atomic<long> begun = 0, steps = 0;
    const auto code_of = [](const std::exception_ptr& e) -> error_code {
        try {
            std::rethrow_exception(e);
        } catch (const boost::system::system_error& error) {
            return error.code();
        }
    };
    cancel_before_the_work(manager, begun, [&](asio::cancellation_signal& signal, auto on_end) {
        redlock::async_with_lock(
            manager, "r", {},
            [&](lock&) -> asio::awaitable<void> {
                ++begun;
                co_await work_for_ever(steps);
            },
            asio::bind_cancellation_slot(signal.slot(), [=](const std::exception_ptr& e) { on_end(code_of(e)); }));
    });
    asio::steady_timer timer(pool, 1h);
    cancel_before_the_work(manager, begun, [&](asio::cancellation_signal& signal, auto on_end) {
        redlock::async_with_lock(
            manager, "r", {},
            [&](lock&) {
                ++begun;
                return timer.async_wait(asio::deferred);
            },
            asio::bind_cancellation_slot(signal.slot(), on_end));
    });
    pool.join();
}

#ifndef NDEBUG

/// A clock that goes where no second thread may be: it is read within a step.
struct intruding_clock : manual_clock
{
    static time_point now() noexcept
    {
        if (const auto intrude = std::exchange(intrusion, nullptr))
            intrude();
        return manual_clock::now();
    }

    static inline std::function<void()> intrusion;
};

// Two threads in a single-threaded manager at the same moment, which a test on one thread can only play.
BOOST_AUTO_TEST_CASE(a_debug_build_notices_a_second_thread_in_a_single_threaded_manager)
{
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        std::signal(SIGABRT, SIG_DFL);
        asio::io_context context;
        using namespace redlock::detail;
        lock_manager manager =
            access::make<lock_manager>(context.get_executor(),
                                       std::make_unique<sharded_backend<null_mutex, intruding_clock>>(
                                           context.get_executor(), redlock::manager_options{}, 1),
                                       acquire_settings{});
        intruding_clock::intrusion = [&] { manager.cancel(); };
        manager.async_acquire("r", {.ttl = 1h}, [](error_code, lock) {});
        ::_exit(0);
    }
    int status = 0;
    BOOST_TEST(::waitpid(child, &status, 0) == child);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(WTERMSIG(status) == SIGABRT);
}

#endif

BOOST_AUTO_TEST_SUITE_END()

} // namespace
