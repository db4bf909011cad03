// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_MUTEX_HPP
#define PRIORITY_REDLOCK_SRC_MUTEX_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/user_code.hpp>

#include <boost/core/yield_primitives.hpp>

#include <atomic>
#include <cstdint>

namespace priority_redlock::detail {

#ifdef NDEBUG

inline void count_mutex(int) noexcept {}

#else

/// Counts the mutexes of the library that this thread holds.
PRIORITY_REDLOCK_DECL void count_mutex(int change) noexcept;

/// Ends the program: two threads are in a manager that was promised one.
[[noreturn]] PRIORITY_REDLOCK_DECL void end_on_second_thread() noexcept;

#endif

/// The mutex of the library. What it protects takes less time than a thread needs to be put to sleep and woken, so that
/// a thread that finds it locked tries for about as long before it sleeps. It has four bytes, and lies beside the data.
/// A debug build can tell when code of the user is called under one.
///
/// The states and their changes are those of mutex3 in U. Drepper, "Futexes Are Tricky".
class mutex
{
public:
    void lock() noexcept
    {
        std::uint32_t found = unlocked;
        if (!state_.compare_exchange_strong(found, locked, std::memory_order_acquire, std::memory_order_relaxed))
            lock_slowly();
        count_mutex(1);
    }

    void unlock() noexcept
    {
        count_mutex(-1);
        // After that another thread may lock it and destroy it: of a mutex that is gone only the address is used.
        if (state_.exchange(unlocked, std::memory_order_release) == awaited)
            state_.notify_one();
    }

private:
    enum : std::uint32_t
    {
        unlocked,
        locked,
        awaited // locked, and somebody may sleep
    };

    void lock_slowly() noexcept
    {
        constexpr int tries = 100; // a few microseconds
        for (int i = 0; i < tries; ++i) {
            boost::core::sp_thread_pause();
            std::uint32_t found = state_.load(std::memory_order_relaxed);
            if (found == unlocked
                && state_.compare_exchange_weak(found, locked, std::memory_order_acquire, std::memory_order_relaxed))
                return;
        }
        while (state_.exchange(awaited, std::memory_order_acquire) != unlocked)
            state_.wait(awaited, std::memory_order_relaxed);
    }

    std::atomic<std::uint32_t> state_{unlocked};
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
