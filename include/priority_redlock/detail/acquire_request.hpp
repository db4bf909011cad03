// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_ACQUIRE_REQUEST_HPP
#define PRIORITY_REDLOCK_DETAIL_ACQUIRE_REQUEST_HPP

#include <priority_redlock/detail/acquire_settings.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace priority_redlock::detail {

/// The longest resource name or locker id.
inline constexpr std::size_t max_name_size = 64 * 1024;

/// The longest locker id that the library makes up.
inline constexpr std::size_t max_fresh_id_size = 32;

/// What an acquire asks for, checked and with names borrowed from the caller.
struct acquire_request
{
    std::string_view resource;
    std::string_view locker;
    bool anonymous = false; // a unique locker that never re-enters: `locker`, or a fresh one if that is empty
    acquire_settings options;
    std::uint64_t ticket = 0; // place among equal priorities, lower first; 0: after all before it
    std::uint64_t hash = 0;   // of `resource`, always the same for a name; filled in by the backend

    /// I8: what is refused before anything else is done.
    [[nodiscard]] bool is_valid() const noexcept
    {
        return !resource.empty() && resource.size() <= max_name_size
               && (anonymous || (!locker.empty() && locker.size() <= max_name_size)) && options.is_valid();
    }
};

} // namespace priority_redlock::detail

#endif
