// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_HEAP_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_HEAP_HPP

/// What the global operator new of a suite (heap_operators.hpp) counts, and when it fails; for the calling thread.
namespace test::heap {

inline thread_local long allocations = 0;
inline thread_local long fail_in = -1; // that many more succeed, the next throws std::bad_alloc; negative: none does

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
    explicit failure(long n) noexcept { fail_in = n; }
    failure(const failure&) = delete;
    failure& operator=(const failure&) = delete;
    ~failure() { fail_in = -1; }

    [[nodiscard]] static bool happened() noexcept { return fail_in < 0; }
};

} // namespace test::heap

#endif
