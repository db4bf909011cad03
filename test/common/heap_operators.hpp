// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_HEAP_OPERATORS_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_HEAP_OPERATORS_HPP

#include "common/heap.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

// Replaces the global operator new of a suite; include it in one source file.

namespace test::heap {

inline void* allocate(std::size_t size, std::size_t alignment)
{
    if (fail_in >= 0 && fail_in-- == 0)
        throw std::bad_alloc();
    ++allocations;
    void* p = alignment > alignof(std::max_align_t)
                  ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                  : std::malloc(size == 0 ? 1 : size);
    if (!p)
        throw std::bad_alloc();
    return p;
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

void* operator new(std::size_t size, const std::nothrow_t&) noexcept // std::stable_sort's
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
    std::free(p);
}

void operator delete[](void* p) noexcept
{
    std::free(p);
}

void operator delete(void* p, std::size_t) noexcept
{
    std::free(p);
}

void operator delete[](void* p, std::size_t) noexcept
{
    std::free(p);
}

void operator delete(void* p, std::align_val_t) noexcept
{
    std::free(p);
}

void operator delete[](void* p, std::align_val_t) noexcept
{
    std::free(p);
}

void operator delete(void* p, std::size_t, std::align_val_t) noexcept
{
    std::free(p);
}

void operator delete[](void* p, std::size_t, std::align_val_t) noexcept
{
    std::free(p);
}

#endif
