// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_PLAY_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_PLAY_HPP

#include "simulation/world.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace simulation {

/// Plays a world with everything decided at random from a seed. The same seed plays the same.
[[nodiscard]] outcome play(const world_options& w, std::uint64_t seed, trace* t = nullptr);

/// All seeds of a world, added up.
struct tally
{
    std::size_t seeds = 0;
    std::size_t found = 0; // seeds in which a judge found something
    std::string first;     // of these: seed, judge and verdict
    outcome sum;

    void add(std::uint64_t seed, const outcome& o);
};

/// Whether the judges have said what they have to: nothing; or of a world that has to go wrong, that it does, in most
/// of the seeds.
[[nodiscard]] bool is_as_it_should_be(const world_options& w, const tally& t);

} // namespace simulation

#endif
