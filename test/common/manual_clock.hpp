// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_MANUAL_CLOCK_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_MANUAL_CLOCK_HPP

#include <boost/asio/wait_traits.hpp>

#include <atomic>
#include <chrono>

namespace test {

/// Time that passes when a test says so.
struct manual_clock
{
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;

    static time_point now() noexcept { return time_point(duration(ticks.load())); }
    static void advance(duration d) noexcept { ticks += d.count(); }

private:
    static inline std::atomic<rep> ticks = duration(std::chrono::hours(1000)).count();
};

} // namespace test

/// Lets Asio look at the timers of the manual clock whenever it polls.
template <>
struct boost::asio::wait_traits<test::manual_clock>
{
    static test::manual_clock::duration to_wait_duration(const test::manual_clock::duration&) { return {}; }
    static test::manual_clock::duration to_wait_duration(const test::manual_clock::time_point&) { return {}; }
};

#endif
