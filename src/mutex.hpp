// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_MUTEX_HPP
#define PRIORITY_REDLOCK_SRC_MUTEX_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/user_code.hpp>

#include <atomic>
#include <mutex>

namespace priority_redlock::detail {

#ifdef NDEBUG

inline void count_mutex(int) noexcept {}

#else

/// Counts the mutexes of the library that this thread holds.
PRIORITY_REDLOCK_DECL void count_mutex(int change) noexcept;

/// Ends the program: two threads are in a manager that was promised one.
[[noreturn]] PRIORITY_REDLOCK_DECL void end_on_second_thread() noexcept;

#endif

/// Every mutex of the library is one of these, so that a debug build can tell when it calls code of the user under one.
class mutex
{
public:
    void lock()
    {
        mutex_.lock();
        count_mutex(1);
    }

    void unlock() noexcept
    {
        count_mutex(-1);
        mutex_.unlock();
    }

private:
    std::mutex mutex_;
};

/// A mutex for those who promised not to need one. A debug build holds them to it.
class null_mutex
{
public:
#ifdef NDEBUG
    void lock() noexcept {}
    void unlock() noexcept {}
#else
    void lock() noexcept
    {
        if (held_.exchange(true, std::memory_order_relaxed)) // relaxed: it is no synchronisation, as in a release build
            end_on_second_thread();
        count_mutex(1);
    }

    void unlock() noexcept
    {
        count_mutex(-1);
        held_.store(false, std::memory_order_relaxed);
    }

private:
    std::atomic<bool> held_ = false;
#endif
};

} // namespace priority_redlock::detail

#endif
