// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "mutex.hpp"

#include <cstdio>
#include <cstdlib>

namespace priority_redlock::detail {

#ifdef NDEBUG

bool is_under_mutex() noexcept
{
    return false;
}

#else

namespace {

thread_local int held_mutexes = 0;

} // namespace

void count_mutex(int change) noexcept
{
    held_mutexes += change;
}

void end_on_second_thread() noexcept
{
    std::fputs(
        "priority_redlock: two threads are in a single_threaded lock_manager at once; construct it without that, "
        "or use it and its locks on one strand\n",
        stderr);
    std::abort();
}

bool is_under_mutex() noexcept
{
    return held_mutexes != 0;
}

#endif

} // namespace priority_redlock::detail
