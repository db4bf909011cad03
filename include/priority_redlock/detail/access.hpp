// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_ACCESS_HPP
#define PRIORITY_REDLOCK_DETAIL_ACCESS_HPP

#include <utility>

namespace priority_redlock::detail {

/// Friend of the public classes: what the library does with them, and their users do not.
struct access
{
    template <class T, class... Arguments>
    [[nodiscard]] static T make(Arguments&&... arguments)
    {
        return T(std::forward<Arguments>(arguments)...);
    }

    // Of a manager, or of an `any_manager`, which has functions for that.

    template <class Manager>
    [[nodiscard]] static decltype(auto) executor(const Manager& m) noexcept
    {
        if constexpr (requires { m.executor_; })
            return (m.executor_);
        else
            return m.get_executor();
    }

    template <class Manager>
    [[nodiscard]] static const auto& backend(const Manager& m) noexcept
    {
        if constexpr (requires { m.backend_; })
            return m.backend_;
        else
            return m.backend();
    }

    template <class Manager>
    [[nodiscard]] static const auto& defaults(const Manager& m) noexcept
    {
        if constexpr (requires { m.defaults_; })
            return m.defaults_;
        else
            return m.defaults();
    }

    // Of a `guard_t`.

    template <class Guard>
    [[nodiscard]] static auto& token(Guard& g) noexcept
    {
        return g.token_;
    }

    template <class Guard>
    [[nodiscard]] static auto pin(Guard& g) noexcept
    {
        return g.pin_;
    }

    // Of a `synchronized`.

    template <class Synchronized>
    [[nodiscard]] static const auto& spec(const Synchronized& s) noexcept
    {
        return *s.spec_;
    }

    template <class Synchronized>
    [[nodiscard]] static const auto& resources(const Synchronized& s) noexcept
    {
        return s.resources_;
    }
};

} // namespace priority_redlock::detail

#endif
