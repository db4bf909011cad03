// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Which requests a client makes. Drawn from the scenario's seed alone, so that every contender is asked the same, and
// asked the same again in the next run. benchmarks/peers/schedule.js draws the same in JavaScript: change both.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_SCHEDULE_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_SCHEDULE_HPP

#include "scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <vector>

namespace contention {

/// Mulberry32: a generator of 32 bits, so that JavaScript draws the same numbers at the same speed.
class random_numbers
{
public:
    explicit random_numbers(std::uint32_t seed) noexcept : state_(seed) {}

    [[nodiscard]] std::uint32_t next() noexcept;

    /// From 0 to less than 1.
    [[nodiscard]] double unit() noexcept;

    [[nodiscard]] duration draw(const random_time& t) noexcept;

private:
    std::uint32_t state_;
};

struct request
{
    duration gap{};                     ///< closed loop: how long the client thinks; open loop: since the last request
    std::vector<std::size_t> resources; ///< different ones, in rising order
    duration hold{};
    duration cleanup{};
};

/// How the clients of a group choose their resources.
class chooser
{
public:
    chooser(std::size_t resources, double zipf);

    [[nodiscard]] std::size_t operator()(random_numbers& random) const;

private:
    std::size_t resources_;
    std::vector<double> cumulative_; // empty: uniform
};

/// The requests of one client, one after the other.
class request_stream
{
public:
    /// @param client the number of the client among those of all groups
    request_stream(const scenario& s, const group& g, std::size_t client, std::shared_ptr<const chooser> choose);

    [[nodiscard]] const request& next();

private:
    const group& group_;
    random_numbers random_;
    std::shared_ptr<const chooser> choose_;
    random_time gap_;
    request request_;
};

/// Writes the first `count` requests of each client as lines of CSV.
void write_schedule(std::ostream& out, const scenario& s, std::size_t count);

} // namespace contention

#endif
