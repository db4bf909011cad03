// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_PROGRAM_OPTIONS_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_PROGRAM_OPTIONS_HPP

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace test {

/// Says what is allowed. The programs then end with 2.
struct wrong_options : std::runtime_error
{
    using runtime_error::runtime_error;
};

/// The value of an option. `what` says which are allowed.
template <class Number>
[[nodiscard]] Number number(std::string_view option, std::string_view text, Number least, Number most,
                            const std::string& what)
{
    Number n{};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size() || !(n >= least && n <= most))
        throw wrong_options(std::string(option) + " must be " + what + ", not \"" + std::string(text) + '"');
    return n;
}

[[nodiscard]] inline std::uint64_t integer(std::string_view option, std::string_view text, std::uint64_t least,
                                           std::uint64_t most)
{
    return number(option, text, least, most,
                  "an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

} // namespace test

#endif
