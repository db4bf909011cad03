// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_COMMAND_LINE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_COMMAND_LINE_HPP

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

// What all examples say and take alike: `--help`, `--redis NODES`, and an end with a status that tells whether it went
// well. Status 2: the program was called wrongly.

namespace example {

/// Whether a program takes `--redis`.
enum class need
{
    never,
    may,
    must,
};

/// What a program says of itself.
struct usage
{
    std::string_view about;         ///< one sentence
    std::string_view operands = ""; ///< as in "usage: NAME OPERANDS"
    std::size_t least = 0;          ///< so many operands there must be
    std::size_t most = 0;           ///< and so many there may be
    need redis = need::may;
    std::string more = ""; ///< for --help
};

struct command_line
{
    std::string nodes; ///< of --redis; empty: none
    std::vector<std::string> operands;
};

/// Reads the command line. Ends the program after `--help`, and if an argument is not as `u` says.
command_line read_command_line(int argc, char* argv[], const usage& u);

/// Reads the number that `text` is, if it is one and nothing else.
template <class Number>
[[nodiscard]] bool read_number(std::string_view text, Number& number)
{
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc() && end == text.data() + text.size();
}

/// The number that the operand `name` is. Ends the program if it is none from `least` to `most`.
template <class Number>
[[nodiscard]] Number number_of(std::string_view name, std::string_view text, Number least, Number most)
{
    Number result = 0;
    if (!read_number(text, result) || result < least || result > most) {
        std::cerr << name << " must be a number from " << least << " to " << most << ", not '" << text << "'\n";
        std::exit(2);
    }
    return result;
}

/// What went wrong. In that of Boost's errors the code would be followed by a source file of the machine that built the
/// program.
std::string message_of(const std::exception& failure);

} // namespace example

#endif
