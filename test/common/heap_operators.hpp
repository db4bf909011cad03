// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_HEAP_OPERATORS_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_HEAP_OPERATORS_HPP

#include "common/heap.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

// Replaces the global operator new of a suite, and where that can be done what Asio allocates with; include it in one
// source file.

namespace test::heap {

/// As std::aligned_alloc, which is one of those that fail.
inline void* aligned(std::size_t alignment, std::size_t size) noexcept
{
    void* p = nullptr;
    return posix_memalign(&p, alignment, size) == 0 ? p : nullptr;
}

inline void* allocate(std::size_t size, std::size_t alignment)
{
    if (fails_now())
        throw std::bad_alloc();
    ++allocations;
    void* p = alignment > alignof(std::max_align_t) ? aligned(alignment, size) : std::malloc(size == 0 ? 1 : size);
    if (!p)
        throw std::bad_alloc();
    ++live;
    return p;
}

inline void release(void* p) noexcept
{
    if (p)
        --live;
    std::free(p);
}

} // namespace test::heap

void* operator new(std::size_t size)
{
    return test::heap::allocate(size, 1);
}

void* operator new[](std::size_t size)
{
    return test::heap::allocate(size, 1);
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept // sanitizers have one of their own
{
    try {
        return test::heap::allocate(size, 1);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void* operator new(std::size_t size, std::align_val_t alignment)
{
    return test::heap::allocate(size, static_cast<std::size_t>(alignment));
}

void* operator new[](std::size_t size, std::align_val_t alignment)
{
    return test::heap::allocate(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* p) noexcept
{
    test::heap::release(p);
}

void operator delete[](void* p) noexcept
{
    test::heap::release(p);
}

void operator delete(void* p, std::size_t) noexcept
{
    test::heap::release(p);
}

void operator delete[](void* p, std::size_t) noexcept
{
    test::heap::release(p);
}

void operator delete(void* p, std::align_val_t) noexcept
{
    test::heap::release(p);
}

void operator delete[](void* p, std::align_val_t) noexcept
{
    test::heap::release(p);
}

void operator delete(void* p, std::size_t, std::align_val_t) noexcept
{
    test::heap::release(p);
}

void operator delete[](void* p, std::size_t, std::align_val_t) noexcept
{
    test::heap::release(p);
}

#ifdef __GLIBC__

/// What Asio's recycling allocators take their memory from.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    if (test::heap::fails == test::heap::reach::with_recycled && test::heap::fails_now())
        return nullptr;
    return test::heap::aligned(alignment, size);
}

#endif

#endif
