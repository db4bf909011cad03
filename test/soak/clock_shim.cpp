// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A library that is loaded into a server before all others: its calendar is that of the machine plus an offset, which
// a file has that the environment names. Monotonic clocks stay as they are.

#include "soak/clock.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

using clock_function = int (*)(clockid_t, timespec*);

std::int64_t zero = 0;

std::int64_t* map_offset()
{
    const char* name = std::getenv(soak::clock_variable);
    const int descriptor = name ? ::open(name, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0)
        return &zero;
    void* mapped = ::mmap(nullptr, sizeof zero, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    return mapped == MAP_FAILED ? &zero : static_cast<std::int64_t*>(mapped);
}

int real_time(clockid_t id, timespec* t)
{
    static const auto next = reinterpret_cast<clock_function>(::dlsym(RTLD_NEXT, "clock_gettime"));
    return next ? next(id, t) : static_cast<int>(::syscall(SYS_clock_gettime, id, t));
}

} // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* t) noexcept
{
    const int result = real_time(id, t);
    if (result != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return result;
    constexpr std::int64_t second = 1'000'000'000;
    static std::int64_t* const offset = map_offset();
    const std::int64_t now =
        static_cast<std::int64_t>(t->tv_sec) * second + t->tv_nsec + std::atomic_ref(*offset).load() * 1000;
    t->tv_sec = static_cast<std::time_t>(now / second);
    t->tv_nsec = static_cast<long>(now % second);
    return 0;
}

int gettimeofday(timeval* __restrict t, void* __restrict) noexcept
{
    timespec now{};
    const int result = clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return result;
}

std::time_t time(std::time_t* t) noexcept
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (t)
        *t = now.tv_sec;
    return now.tv_sec;
}
}
