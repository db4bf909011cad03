// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_COUNTING_ALLOCATOR_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_COUNTING_ALLOCATOR_HPP

#include "common/user_code.hpp"

#include <cstddef>
#include <functional>
#include <new>

namespace test {

struct allocation_counts
{
    long allocated = 0;
    long live = 0;
    std::function<void()> on_call; // user code inside allocate and deallocate
};

/// An allocator that counts.
template <class T = void>
class counting_allocator
{
public:
    using value_type = T;

    explicit counting_allocator(allocation_counts& c) noexcept : counts(&c) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) noexcept : counts(other.counts)
    {
    }

    T* allocate(std::size_t n)
    {
        user_code::check();
        if (counts->on_call)
            counts->on_call();
        T* const p = static_cast<T*>(::operator new(n * sizeof(T)));
        ++counts->allocated;
        ++counts->live;
        return p;
    }

    void deallocate(T* p, std::size_t)
    {
        user_code::check();
        --counts->live;
        ::operator delete(p);
        if (counts->on_call)
            counts->on_call();
    }

    template <class U>
    friend bool operator==(const counting_allocator& a, const counting_allocator<U>& b) noexcept
    {
        return a.counts == b.counts;
    }
    template <class U>
    friend bool operator!=(const counting_allocator& a, const counting_allocator<U>& b) noexcept
    {
        return !(a == b);
    }

    allocation_counts* counts;
    [[no_unique_address]] user_code code_;
};

} // namespace test

#endif
