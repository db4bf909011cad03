// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/errc.hpp>
#include <priority_redlock/testing/manual_clock.hpp>

#include <boost/asio/basic_waitable_timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

namespace priority_redlock::testing {

namespace {

// Far from zero, so that a test may subtract from it.
std::atomic<manual_clock::rep> ticks = manual_clock::duration(std::chrono::hours(1000)).count();

} // namespace

manual_clock::time_point manual_clock::now() noexcept
{
    return time_point(duration(ticks.load()));
}

void manual_clock::advance(duration d) noexcept
{
    ticks += d.count();
}

void run_ready(boost::asio::io_context& context)
{
    // Asio looks at all timers that are due when it looks at one of them.
    boost::asio::basic_waitable_timer<manual_clock> due(context);
    std::size_t others = 0;
    do {
        others = 0;
        const auto looked = std::make_shared<bool>(false); // a handler may throw, and the wait end later
        due.expires_at(manual_clock::now());
        due.async_wait([looked](error_code) { *looked = true; });
        context.restart();
        while (!*looked) {
            if (context.run_one() == 0)
                return; // a handler has stopped it
            ++others;
        }
        others += context.poll();
    } while (others > 1 && !context.stopped()); // that wait is one
}

void run_for(boost::asio::io_context& context, duration time, duration step)
{
    run_ready(context);
    while (time > duration::zero()) {
        const duration passes = step > duration::zero() ? std::min(step, time) : time;
        manual_clock::advance(passes);
        time -= passes;
        run_ready(context);
    }
}

} // namespace priority_redlock::testing
