// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TESTING_MANUAL_CLOCK_HPP
#define PRIORITY_REDLOCK_TESTING_MANUAL_CLOCK_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/config.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/wait_traits.hpp>

#include <chrono>

namespace priority_redlock::testing {

/// Time that passes when a test says so: an hour of it takes no time at all, and a test that passes once passes always.
///
/// Managers go by it that `testing::make_manager` makes, protocols that are given `manual_time`, and timers of your own
/// of the type `asio::basic_waitable_timer<manual_clock>`: let the code that you test take its clock as a template
/// argument. All of them see the same time, which is one for the whole process, and which no test sets back: measure
/// from its `now()`.
///
/// To advance it runs nothing. What is due runs when its context is polled, e.g. by `run_ready`. Do not call `run()` of
/// a context that has such a timer pending: it looks at the timer all the time, and returns only if another thread
/// advances the clock.
///
/// What goes by other clocks stays there: `asio::steady_timer`s, a store on other machines with its ttls, the times in
/// the log.
///
/// @par Thread safety
/// All functions may be called from any thread at the same time. But a time that is advanced while other threads use
/// locks meets them wherever they are: a test that is to be repeatable advances it while no handler runs.
struct manual_clock
{
    using duration = clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = clock::time_point; // as in lock::expires_at()
    static constexpr bool is_steady = true;

    /// Begins at some time that is not that of any other clock.
    [[nodiscard]] PRIORITY_REDLOCK_DECL static time_point now() noexcept;

    /// Lets this much time pass, which must not be negative. Timers that are passed by are late, as on a machine that
    /// was suspended: a lock with `auto_extend` ends if its ttl is passed in one step. See `run_for`.
    PRIORITY_REDLOCK_DECL static void advance(duration d) noexcept;
};

/// Tag: something goes by the manual clock.
struct manual_time_t
{
    explicit manual_time_t() = default;
};

inline constexpr manual_time_t manual_time{};

/// Runs what is ready on a context, and what becomes ready by that, until nothing is: posted handlers and timers that
/// are due by the manual clock. Also on a context that had run out of work.
///
/// It is `context.restart(); context.poll();`, but for its promise: `poll()` may overlook a timer that only just became
/// due, depending on the system. Passes on what handlers throw.
///
/// @par Thread safety
/// The context must not be run by another thread meanwhile, nor this be called from within one of its handlers.
PRIORITY_REDLOCK_DECL void run_ready(boost::asio::io_context& context);

/// Lets time pass by the manual clock, a step at a time, and runs what is ready on the context before the first step
/// and after each. So a timer is late by less than a step; the last step is shorter if need be. A `step` that is not
/// positive is one step of all the time.
///
/// @par Thread safety
/// As `run_ready`.
PRIORITY_REDLOCK_DECL void run_for(boost::asio::io_context& context, duration time, duration step = duration::zero());

} // namespace priority_redlock::testing

/// Lets Asio look at the timers of the manual clock whenever it polls.
template <>
struct boost::asio::wait_traits<priority_redlock::testing::manual_clock>
{
    using clock_type = priority_redlock::testing::manual_clock;

    static clock_type::duration to_wait_duration(const clock_type::duration&) { return {}; }
    static clock_type::duration to_wait_duration(const clock_type::time_point&) { return {}; }
};

#endif
