// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/play.hpp"

#include "table/name_hash.hpp"

#include <priority_redlock/logging.hpp>

#include <chrono>

namespace simulation {

outcome play(const world_options& w, std::uint64_t seed, trace* t)
{
    priority_redlock::set_log_level(priority_redlock::log_level::off); // a diagram has the lines of the store
    priority_redlock::detail::set_process_hash_key({seed, ~seed});
    virtual_clock::present = time_point(std::chrono::hours(1));
    random_chooser choices(seed);
    world here(w, choices, t);
    return here.run();
}

void tally::add(std::uint64_t seed, const outcome& o)
{
    ++seeds;
    if (!o.judge.empty() && ++found == 1)
        first = "seed " + std::to_string(seed) + ", judge of " + o.judge + ": " + o.verdict;
    sum.grants += o.grants;
    sum.failures += o.failures;
    sum.calls += o.calls;
    sum.notices += o.notices;
    sum.extensions += o.extensions;
    sum.events += o.events;
    sum.lasted += o.lasted;
}

bool is_as_it_should_be(const world_options& w, const tally& t)
{
    if (w.must_find.empty())
        return t.found == 0;
    return 2 * t.found > t.seeds && t.first.find("judge of " + std::string(w.must_find) + ':') != std::string::npos;
}

} // namespace simulation
