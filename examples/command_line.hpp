// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_COMMAND_LINE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_COMMAND_LINE_HPP

#include <boost/system/system_error.hpp>

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
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

namespace detail {

/// Output that nobody received is no success.
inline void check_output()
{
    std::cout.flush();
    if (!std::cout || std::fflush(stdout) != 0) {
        std::cerr << "the output could not be written\n";
        std::_Exit(1);
    }
}

inline void print_usage(std::ostream& out, std::string_view program, const usage& u)
{
    constexpr std::string_view redis[] = {"", " [--redis HOST:PORT,HOST:PORT,...]", " --redis HOST:PORT,HOST:PORT,..."};
    out << "usage: " << program << (u.operands.empty() ? "" : " ") << u.operands
        << redis[static_cast<std::size_t>(u.redis)] << '\n';
}

} // namespace detail

/// Reads the command line. Ends the program after `--help`, and if an argument is not as `u` says.
inline command_line read_command_line(int argc, char* argv[], const usage& u)
{
    std::atexit(detail::check_output);
    const std::string program = std::filesystem::path(argc > 0 ? argv[0] : "").filename().string();
    const auto refuse = [&](const std::string& why) {
        std::cerr << program << ": " << why << '\n';
        detail::print_usage(std::cerr, program, u);
        std::exit(2);
    };
    command_line result;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            std::cout << u.about << "\n\n";
            detail::print_usage(std::cout, program, u);
            if (u.redis == need::may)
                std::cout << "\nThe locks are in memory, or with --redis on these nodes.\n";
            std::cout << u.more;
            std::exit(0);
        }
        if (argument == "--redis" && u.redis != need::never) {
            if (++i == argc)
                refuse("--redis needs HOST:PORT,HOST:PORT,...");
            result.nodes = argv[i];
        } else if (argument.starts_with("--")) {
            refuse("there is no option '" + argument + "'");
        } else {
            result.operands.push_back(argument);
        }
    }
    if (result.operands.size() > u.most)
        refuse("does not take '" + result.operands[u.most] + "'");
    if (result.operands.size() < u.least)
        refuse("needs more arguments");
    if (u.redis == need::must && result.nodes.empty())
        refuse("needs the nodes");
    return result;
}

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
inline std::string message_of(const std::exception& failure)
{
    std::string text = failure.what();
    if (const auto* const error = dynamic_cast<const boost::system::system_error*>(&failure)) {
        const std::string code = '[' + error->code().to_string();
        if (const auto begin = text.find(code + " at "); begin != text.npos)
            text.erase(begin + code.size(), text.rfind(']') - begin - code.size());
    }
    return text;
}

} // namespace example

#endif
