// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/testing/make_manager.hpp>
#include <priority_redlock/testing/manual_clock.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

// What users test with, used as they do: nothing of this repository's own tests is below it.

namespace {

namespace asio = boost::asio;
using namespace priority_redlock;
using namespace priority_redlock::testing;
using namespace std::chrono_literals;
using manual_timer = asio::basic_waitable_timer<manual_clock>;

BOOST_AUTO_TEST_SUITE(clock_of_tests)

BOOST_AUTO_TEST_CASE(nothing_runs_while_time_passes)
{
    asio::io_context context;
    manual_timer timer(context, 1h);
    bool rang = false;
    timer.async_wait([&](error_code) { rang = true; });
    const auto start = manual_clock::now();
    manual_clock::advance(1h);
    BOOST_TEST((manual_clock::now() == start + 1h));
    BOOST_TEST(!rang);
    run_ready(context);
    BOOST_TEST(rang);
}

BOOST_AUTO_TEST_CASE(what_becomes_ready_by_a_handler_is_run_too)
{
    asio::io_context context;
    manual_timer timer(context, 1min);
    int steps = 0;
    timer.async_wait([&](error_code) {
        asio::post(context, [&] {
            ++steps;
            timer.expires_at(manual_clock::now());
            timer.async_wait([&](error_code) { ++steps; });
        });
    });
    run_ready(context);
    BOOST_TEST(steps == 0);
    manual_clock::advance(1min);
    run_ready(context);
    BOOST_TEST(steps == 2);
}

BOOST_AUTO_TEST_CASE(a_context_that_has_run_out_of_work_goes_on)
{
    asio::io_context context;
    run_ready(context);
    bool ran = false;
    asio::post(context, [&] { ran = true; });
    run_ready(context);
    BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(a_handler_may_stop_the_context_or_throw)
{
    asio::io_context context;
    bool later = false;
    asio::post(context, [&] { context.stop(); });
    asio::post(context, [&] { later = true; });
    run_ready(context);
    BOOST_TEST(!later);

    asio::post(context, [] { throw std::runtime_error("expected"); });
    BOOST_CHECK_THROW(run_ready(context), std::runtime_error);
    BOOST_TEST(later);
    run_ready(context);
}

BOOST_AUTO_TEST_CASE(time_passes_in_steps)
{
    asio::io_context context;
    manual_timer timer(context);
    int minutes = 0;
    std::function<void(error_code)> next = [&](error_code) {
        ++minutes;
        timer.expires_after(1min);
        timer.async_wait([&](error_code ec) { next(ec); });
    };
    asio::post(context, [&] { next({}); });
    const auto start = manual_clock::now();
    testing::run_for(context, 1h, 1min);
    BOOST_TEST(minutes == 61);
    BOOST_TEST((manual_clock::now() == start + 1h));

    testing::run_for(context, 1h); // in one step: the timer is late, and rings once
    BOOST_TEST(minutes == 62);
    testing::run_for(context, 100s, 45s);
    BOOST_TEST((manual_clock::now() == start + 2h + 100s));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(managers_of_tests)

/// Acquires a lock with a ttl of an hour, which ends after that.
template <class Manager>
void check_ttl(asio::io_context& context, Manager& manager)
{
    lock lk;
    manager.async_acquire("r", "holder", {.ttl = 1h}, [&](error_code ec, lock granted) {
        BOOST_TEST(!ec);
        lk = std::move(granted);
    });
    run_ready(context);
    BOOST_TEST(lk.is_held());
    BOOST_TEST((lk.expires_at() == manual_clock::now() + 1h));

    std::optional<error_code> end;
    lk.async_wait([&](error_code ec) { end = ec; });
    testing::run_for(context, 1h - 1ns);
    BOOST_TEST(lk.is_held());
    BOOST_TEST(!end.has_value());
    manual_clock::advance(1ns);
    BOOST_TEST(!lk.is_held()); // no handler has run
    run_ready(context);
    BOOST_TEST((end == error_code(errc::expired)));
}

BOOST_AUTO_TEST_CASE(every_kind_goes_by_the_manual_clock)
{
    asio::io_context context;
    {
        lock_manager manager = make_manager(context);
        check_ttl(context, manager);
    }
    {
        lock_manager manager = make_manager(context.get_executor(), single_threaded, {.shards = 1});
        check_ttl(context, manager);
    }
    {
        using strand = asio::strand<asio::io_context::executor_type>;
        auto manager = make_manager<basic_lock_manager<strand>>(asio::make_strand(context));
        check_ttl(context, manager);
    }
    {
        using executor = asio::io_context::executor_type;
        auto manager = make_manager<basic_lock_manager<executor>>(context, single_threaded);
        check_ttl(context, manager);
    }
    {
        const auto store = std::make_shared<memory_protocol>(context.get_executor(), manual_time);
        lock_manager manager = make_manager(context, store);
        check_ttl(context, manager);
    }
}

BOOST_AUTO_TEST_CASE(their_options_are_checked_as_everywhere)
{
    asio::io_context context;
    const manager_options bad{.overrun_after = 0ms};
    BOOST_CHECK_THROW((void)make_manager(context, bad), std::invalid_argument);
    BOOST_CHECK_THROW((void)make_manager(context, single_threaded, bad), std::invalid_argument);
    BOOST_CHECK_THROW((void)make_manager(context, std::shared_ptr<protocol>()), std::invalid_argument);
    const auto store = std::make_shared<memory_protocol>(context.get_executor(), manual_time);
    BOOST_CHECK_THROW((void)make_manager(context, store, {.ageing = 1s}), std::invalid_argument);
    for (const unreliable_options& unfit :
         {unreliable_options{.min_delay = 2ms, .max_delay = 1ms}, unreliable_options{.min_delay = -1ms},
          unreliable_options{.loss = 0.95}, unreliable_options{.resend_after = 0ms}})
        BOOST_CHECK_THROW(unreliable_protocol(context.get_executor(), store, unfit, manual_time),
                          std::invalid_argument);
    bool ran = false;
    lock_manager manager = make_manager(context, {.defaults = {.priority = 3}});
    manager.async_acquire("r", [&](error_code, const lock& granted) {
        ran = true;
        BOOST_TEST(granted.priority() == 3);
    });
    run_ready(context);
    BOOST_TEST(ran);
}

/// How a victim hears of a higher priority over a network that loses a third of what it transmits.
struct outcome
{
    std::uint64_t lost = 0;
    manual_clock::duration told{};
    manual_clock::duration taken_over{};

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome preempt_over_a_bad_network(std::uint64_t seed)
{
    asio::io_context context;
    const auto network = std::make_shared<unreliable_protocol>(
        context.get_executor(), std::make_shared<memory_protocol>(context.get_executor(), manual_time),
        unreliable_options{.max_delay = 100ms, .loss = 0.3, .resend_after = 1s, .seed = seed}, manual_time);
    lock_manager one = make_manager(context, network);
    lock_manager two = make_manager(context, network);
    const auto start = manual_clock::now();
    outcome result;

    const auto until = [&](const auto& condition) {
        for (int steps = 0; !condition(); ++steps) {
            BOOST_REQUIRE(steps < 10000);
            testing::run_for(context, 10ms);
        }
        return manual_clock::now() - start;
    };
    lock low, high;
    one.async_acquire("r", {.grace = infinite}, [&](error_code, lock granted) { low = std::move(granted); });
    until([&] { return low.is_held(); });
    bool told = false;
    low.async_wait([&](error_code ec) { told = ec == asio::error::operation_aborted; });
    two.async_acquire("r", {.priority = 1}, [&](error_code, lock granted) { high = std::move(granted); });
    result.told = until([&] { return told; });
    low.release();
    result.taken_over = until([&] { return high.is_held(); });
    high.release();
    testing::run_for(context, 10s, 100ms); // until the store has heard of it
    result.lost = network->lost();
    return result;
}

BOOST_AUTO_TEST_CASE(a_bad_network_is_as_bad_in_the_next_run)
{
    const outcome first = preempt_over_a_bad_network(1);
    const outcome second = preempt_over_a_bad_network(2);
    BOOST_TEST(first.lost + second.lost > 0u);
    BOOST_TEST(!(first == second));
    BOOST_TEST((first == preempt_over_a_bad_network(1)));
    BOOST_TEST((second == preempt_over_a_bad_network(2)));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
