// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Text for a terminal, whose columns are not bytes: a Chinese character has three bytes of UTF-8 and takes two columns.

#ifndef PRIORITY_REDLOCK_EXAMPLES_TERMINAL_HPP
#define PRIORITY_REDLOCK_EXAMPLES_TERMINAL_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace terminal {

constexpr std::size_t longest_name = 24;

/// The columns that UTF-8 text takes, as the C library's `wcwidth` says.
[[nodiscard]] std::size_t width(std::string_view text);

/// The text, or as much of it as there is room for and an ellipsis.
[[nodiscard]] std::string capped(std::string_view text, std::size_t columns = longest_name);

/// The same, and spaces up to so many columns.
[[nodiscard]] std::string padded(std::string_view text, std::size_t columns);

/// A fencing token by its last digits, which tell those of a minute apart.
[[nodiscard]] std::string short_token(std::uint64_t token);

/// Whether the standard output is a terminal whose user has not asked for NO_COLOR.
[[nodiscard]] bool wants_colour();

} // namespace terminal

#endif
