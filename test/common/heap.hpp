// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_HEAP_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_HEAP_HPP

#include <atomic>
#include <cstdint>
#include <utility>

/// What the global operator new of a suite (heap_operators.hpp) counts, and when it fails; for the calling thread.
namespace test::heap {

/// Which allocations fail.
enum class reach : std::uint8_t
{
    operators,    // those of operator new
    with_recycled // and those of Asio, which keeps memory for reuse and takes it from elsewhere
};

inline thread_local long allocations = 0;
inline thread_local long fail_in = -1; // that many more succeed, the next throws std::bad_alloc; negative: none does
inline thread_local reach fails = reach::operators;
inline std::atomic<long> live = 0; // of all threads, by operator new

/// The allocations of this thread while it lives.
class meter
{
public:
    [[nodiscard]] long count() const noexcept { return allocations - before_; }

private:
    long before_ = allocations;
};

/// Lets the allocation after n more fail, once.
class failure
{
public:
    explicit failure(long n, reach r = reach::operators) noexcept
    {
        fail_in = n;
        fails = r;
    }
    failure(const failure&) = delete;
    failure& operator=(const failure&) = delete;
    ~failure() { fail_in = -1; }

    [[nodiscard]] static bool happened() noexcept { return fail_in < 0; }
};

/// No allocation fails, or counts for the next failure, while it lives: for what belongs to a test itself.
class pause
{
public:
    pause() = default;
    pause(const pause&) = delete;
    pause& operator=(const pause&) = delete;
    ~pause() { fail_in = before_; }

private:
    long before_ = std::exchange(fail_in, -1);
};

/// Whether the allocation that is asked for is the one to fail.
[[nodiscard]] inline bool fails_now() noexcept
{
    return fail_in >= 0 && fail_in-- == 0;
}

} // namespace test::heap

#endif
