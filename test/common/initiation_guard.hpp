// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_INITIATION_GUARD_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_INITIATION_GUARD_HPP

#include <utility>

namespace test {

/// While one lives, this thread is inside an initiating function (or another one that must not call handlers).
class initiation_guard
{
public:
    initiation_guard() noexcept { ++depth; }
    initiation_guard(const initiation_guard&) = delete;
    initiation_guard& operator=(const initiation_guard&) = delete;
    ~initiation_guard() { --depth; }

    [[nodiscard]] static bool active() noexcept { return depth != 0; }

private:
    static inline thread_local int depth = 0;
};

/// Calls f, which must not run a handler within.
template <class F>
decltype(auto) initiate(F&& f)
{
    const initiation_guard inside;
    return std::forward<F>(f)();
}

} // namespace test

#endif
