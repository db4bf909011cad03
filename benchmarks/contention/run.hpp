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

#include <functional>

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

/// @param where the store that the contender uses; nullptr: none
[[nodiscard]] run_result run(const scenario& s, const contender_kind& kind, store* where, interruption& interrupt,
                             const watcher& watch);

} // namespace contention

#endif
