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

/// A clock that only a test advances. An hour takes no real time, and a test that passes once passes every time.
///
/// It drives managers from `testing::make_manager`, protocols made with `manual_time`, and your own timers of the type
/// `asio::basic_waitable_timer<manual_clock>`: let the code that you test take its clock as a template argument. There
/// is one time for the whole process, and it is never reset: measure from `now()`.
///
/// Advancing the clock runs no handler. Handlers that are due run when their context is polled, e.g. by `run_ready`. Do
/// not call `run()` on a context with such a timer pending: it polls the timer in a busy loop, and returns only if
/// another thread advances the clock.
///
/// The manual clock does not affect `asio::steady_timer`s, the ttls of a store on other machines, or the times in the
/// log.
///
/// @par Thread safety
/// All functions may be called from any thread at the same time. But if the clock advances while other threads use
/// locks, the result depends on where these threads are. For a repeatable test, advance the clock while no handler
/// runs.
struct manual_clock
{
    /// Durations are those of `clock`.
    using duration = clock::duration;

    /// The representation of a duration.
    using rep = duration::rep;

    /// The period of a duration.
    using period = duration::period;

    /// Points in time are those of `clock`.
    using time_point = clock::time_point; // as in lock::expires_at()

    /// The clock never goes back.
    static constexpr bool is_steady = true;

    /// The epoch is arbitrary and unrelated to any other clock.
    [[nodiscard]] PRIORITY_REDLOCK_DECL static time_point now() noexcept;

    /// Lets this much time pass, which must not be negative. Timers due in between are late, as on a machine that was
    /// suspended: a lock with `auto_extend` ends if one step is longer than its ttl. See `run_for`.
    PRIORITY_REDLOCK_DECL static void advance(duration d) noexcept;
};

/// Tag: an object uses the manual clock.
struct manual_time_t
{
    explicit manual_time_t() = default;
};

/// The value of this tag.
inline constexpr manual_time_t manual_time{};

/// Runs all ready handlers of a context, and those that become ready in turn, until none is left: posted handlers and
/// timers that are due by the manual clock. Works also on a context that had run out of work.
///
/// It is like `context.restart(); context.poll();`, but `poll()` may miss a timer that has only just become due,
/// depending on the system. Exceptions of handlers are passed on.
///
/// @par Thread safety
/// No other thread may run the context meanwhile, and you must not call this from one of its handlers.
PRIORITY_REDLOCK_DECL void run_ready(boost::asio::io_context& context);

/// Advances the manual clock step by step, and runs all ready handlers of the context before the first step and after
/// each. So a timer is late by less than a step. The last step is shorter if necessary. If `step` is not positive, all
/// the time passes in one step.
///
/// @par Thread safety
/// As `run_ready`.
PRIORITY_REDLOCK_DECL void run_for(boost::asio::io_context& context, duration time, duration step = duration::zero());

} // namespace priority_redlock::testing

/// Lets Asio look at the timers of the manual clock whenever it polls.
template <>
struct boost::asio::wait_traits<priority_redlock::testing::manual_clock>
{
    /// The clock whose timers wait in this way.
    using clock_type = priority_redlock::testing::manual_clock;

    /// Zero: the timer looks at the clock in each turn of the context.
    static clock_type::duration to_wait_duration(const clock_type::duration&) { return {}; }

    /// Zero, likewise.
    static clock_type::duration to_wait_duration(const clock_type::time_point&) { return {}; }
};

#endif
