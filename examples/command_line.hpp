// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_COMMAND_LINE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_COMMAND_LINE_HPP

#include <boost/system/system_error.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

// What all examples say and take alike: `--help`, `--redis NODES`, and an end with a status that tells whether it went
// well. Status 2: the program was called wrongly.

namespace example {

/// What a program says of itself.
struct usage
{
    std::string_view about;         ///< one sentence
    std::string_view operands = ""; ///< as in "usage: NAME OPERANDS"
    std::size_t least = 0;          ///< so many operands there must be
    std::size_t most = 0;           ///< and so many there may be
    bool takes_redis = true;
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
    out << "usage: " << program << (u.operands.empty() ? "" : " ") << u.operands
        << (u.takes_redis ? " [--redis HOST:PORT,HOST:PORT,...]" : "") << '\n';
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
            if (u.takes_redis)
                std::cout << "\nThe locks are in memory, or with --redis on these nodes.\n";
            std::cout << u.more;
            std::exit(0);
        }
        if (argument == "--redis" && u.takes_redis) {
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
    return result;
}

/// What went wrong. That of Boost's errors would name a source file of the machine it was built on.
inline std::string message_of(const std::exception& failure)
{
    const auto* const error = dynamic_cast<const boost::system::system_error*>(&failure);
    return error ? error->code().message() + " (" + error->code().to_string() + ")" : failure.what();
}

} // namespace example

#endif
