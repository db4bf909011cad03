// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SOAK_NEMESES_HPP
#define PRIORITY_REDLOCK_TEST_SOAK_NEMESES_HPP

#include "soak/stage.hpp"

#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace soak {

/// Something that goes wrong for a while.
struct fault
{
    std::vector<std::size_t> nodes;     // nothing else may strike these meanwhile
    std::vector<std::size_t> workers;   // likewise
    std::function<void()> tick = [] {}; // called each few milliseconds
    std::function<void()> undo;
};

/// Who brings it about, and to whom.
struct nemesis
{
    std::string_view name;
    std::string_view says;

    enum target
    {
        minority,      // one or two nodes
        majority,      // three
        worker,        // any
        mortal_worker, // not one of those that live all the time
    } hits = minority;

    /// Does what the documents exclude: only by its name, and the checker has to see it.
    bool is_control = false;

    void (*begin)(stage& s, fault& f, std::mt19937_64& random) = nullptr;
};

[[nodiscard]] std::span<const nemesis> nemeses();

/// Null if there is none of that name.
[[nodiscard]] const nemesis* find_nemesis(std::string_view name);

} // namespace soak

#endif
