// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_ERROR_REPLIES_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_ERROR_REPLIES_HPP

#include "complaints.hpp"

#include <string_view>

namespace priority_redlock::detail::redis {

/// An error of a server that tells what is wrong, and what to do about it.
struct error_reply
{
    std::string_view word;
    std::string_view cure;
    bool of_the_node = true; // whatever it is asked; else about what was asked for
    bool passes = false;     // by itself
};

/// Null: another one.
[[nodiscard]] const error_reply* find_error_reply(std::string_view text) noexcept;

/// With the cure, if there is one.
[[nodiscard]] complaint complaint_about(std::string_view error);

} // namespace priority_redlock::detail::redis

#endif
