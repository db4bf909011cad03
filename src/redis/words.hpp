// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_WORDS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_WORDS_HPP

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

// What nodes keep and say is text: words with a space between them.

namespace priority_redlock::detail::redis {

/// The first word, which is taken away: what is left.
[[nodiscard]] inline std::string_view take_word(std::string_view& rest) noexcept
{
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

/// False: it is no number.
template <class Number>
[[nodiscard]] bool read_number(std::string_view text, Number& n) noexcept
{
    return std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc();
}

/// Zero: it is none.
template <class Number>
[[nodiscard]] Number number_in(std::string_view text) noexcept
{
    Number n{};
    return read_number(text, n) ? n : Number{};
}

} // namespace priority_redlock::detail::redis

#endif
