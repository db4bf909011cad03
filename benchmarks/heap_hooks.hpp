// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_HEAP_HOOKS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_HEAP_HOOKS_HPP

#include <cerrno>
#include <cstddef>

// Every allocation of the program from the global heap passes through here: operator new, and the aligned_alloc with
// which Asio fills its recycled blocks. glibc lets a program replace these functions and keeps its own under these
// names. Include it in one translation unit, which defines the two hooks.

namespace bench {

void on_allocation(void* p) noexcept;
void on_free(void* p) noexcept;

inline void* seen(void* p) noexcept
{
    if (p)
        on_allocation(p);
    return p;
}

} // namespace bench

extern "C" {

void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t n, std::size_t size) noexcept;
void* __libc_realloc(void* p, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;
void __libc_free(void* p) noexcept;

void* malloc(std::size_t size) noexcept
{
    return bench::seen(__libc_malloc(size));
}

void* calloc(std::size_t n, std::size_t size) noexcept
{
    return bench::seen(__libc_calloc(n, size));
}

void* realloc(void* p, std::size_t size) noexcept
{
    if (p)
        bench::on_free(p);
    return bench::seen(__libc_realloc(p, size));
}

void* memalign(std::size_t alignment, std::size_t size) noexcept
{
    return bench::seen(__libc_memalign(alignment, size));
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    return bench::seen(__libc_memalign(alignment, size));
}

int posix_memalign(void** result, std::size_t alignment, std::size_t size) noexcept
{
    *result = bench::seen(__libc_memalign(alignment, size));
    return *result ? 0 : ENOMEM;
}

void free(void* p) noexcept
{
    if (p)
        bench::on_free(p);
    __libc_free(p);
}

} // extern "C"

#endif
