// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_LINKS_HPP
#define PRIORITY_REDLOCK_DETAIL_LINKS_HPP

#include <cstdint>

namespace priority_redlock::detail {

// What is linked is Boost.Intrusive's, whose headers are not for every user's translation unit: see
// src/table/intrusive.hpp.

/// The links of an object in a list of its domain.
template <class Tag>
struct list_links
{
    list_links* next = nullptr;
    list_links* previous = nullptr;
};

/// The links of an object in a tree of its domain.
template <class Tag>
struct tree_links
{
    std::uintptr_t parent_and_colour = 0;
    tree_links* left = nullptr;
    tree_links* right = nullptr;
};

} // namespace priority_redlock::detail

#endif
