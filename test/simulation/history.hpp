// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_HISTORY_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_HISTORY_HPP

#include "simulation/virtual_time.hpp"

#include <cstdint>
#include <string_view>

namespace simulation {

/// Spreads the bits of a number: the last step of SplitMix64, as in `random_chooser`.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t z) noexcept
{
    z += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/// A hash of what a process or a node was told, in order. What it was told has in it what its sender had been told. So
/// two runs in which all have the same histories differ in nothing but times, and in these by less than `grain` at each
/// step.
class history
{
public:
    /// Times are told apart by this; zero: exactly.
    inline static duration grain{};

    void add(std::uint64_t what) noexcept
    {
        const auto now = virtual_clock::now().time_since_epoch();
        add_at(what, static_cast<std::uint64_t>(grain == duration::zero() ? now.count() : now / grain));
    }

    /// Something that is told apart by its time from all others.
    void add_fault(std::string_view name) noexcept
    {
        std::uint64_t what = name.size();
        for (const char c : name)
            what = mixed(what ^ static_cast<unsigned char>(c));
        add_at(what, static_cast<std::uint64_t>(virtual_clock::now().time_since_epoch().count()));
    }

    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

private:
    void add_at(std::uint64_t what, std::uint64_t when) noexcept { hash_ = mixed(mixed(hash_ ^ what) ^ when); }

    std::uint64_t hash_ = 0;
};

} // namespace simulation

#endif
