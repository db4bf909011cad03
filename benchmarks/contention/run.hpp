// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Lets the clients of a scenario loose on a contender, and watches.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_RUN_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_RUN_HPP

#include "contender.hpp"
#include "recorder.hpp"
#include "result.hpp"
#include "scenario.hpp"
#include "stores.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

namespace contention {

/// Ctrl-C ends the run, with the results so far. A second one ends the program.
class interruption
{
public:
    interruption();

    [[nodiscard]] bool happened() const noexcept { return happened_; }

    /// Waits on the calling thread; what else is to happen meanwhile runs on `context()`.
    /// @return false if interrupted
    bool wait_until(clock::time_point when);

    [[nodiscard]] asio::io_context& context() noexcept { return context_; }

    /// Calls it when interrupted, or at once if that has happened.
    void on_interrupt(std::function<void()> f);

private:
    asio::io_context context_{1};
    asio::signal_set signals_;
    bool happened_ = false;
    std::function<void()> hook_;
};

/// Called twice a second while a run goes on.
using watcher = std::function<void(duration elapsed, const progress& p)>;

/// Lets the faults of a scenario happen in time, while the interruption waits.
/// @return the timers, which call it off when they go
[[nodiscard]] std::deque<asio::steady_timer> schedule_faults(const scenario& s, store* where, interruption& interrupt);

/// Counts the commands that a store is sent for each acquisition of a run.
class command_count
{
public:
    explicit command_count(store* where) : store_(where), before_(where ? where->commands() : std::nullopt) {}

    void fill(run_result& r) const;

private:
    store* store_;
    std::optional<std::uint64_t> before_;
};

/// @param where the store that the contender uses; nullptr: none
[[nodiscard]] run_result run(const scenario& s, const contender_kind& kind, store* where, interruption& interrupt,
                             const watcher& watch);

} // namespace contention

#endif
