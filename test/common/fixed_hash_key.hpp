// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_FIXED_HASH_KEY_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_FIXED_HASH_KEY_HPP

#include "table/name_hash.hpp"

// A program of tests repeats itself: which shard a resource belongs to, and in which order a hash table has its
// entries.

namespace test {

inline const bool has_fixed_hash_key = [] {
    priority_redlock::detail::set_process_hash_key({0x0706050403020100, 0x0f0e0d0c0b0a0908});
    return true;
}();

} // namespace test

#endif
