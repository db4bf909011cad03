// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "command_line.hpp"

#include <boost/system/system_error.hpp>

#include <cstdio>
#include <filesystem>

namespace example {

namespace {

/// Output that nobody received is no success.
void check_output()
{
    std::cout.flush();
    if (!std::cout || std::fflush(stdout) != 0) {
        std::cerr << "the output could not be written\n";
        std::_Exit(1);
    }
}

void print_usage(std::ostream& out, std::string_view program, const usage& u)
{
    constexpr std::string_view redis[] = {"", " [--redis HOST:PORT,HOST:PORT,...]", " --redis HOST:PORT,HOST:PORT,..."};
    out << "usage: " << program << (u.operands.empty() ? "" : " ") << u.operands
        << redis[static_cast<std::size_t>(u.redis)] << '\n';
}

} // namespace

command_line read_command_line(int argc, char* argv[], const usage& u)
{
    std::atexit(check_output);
    const std::string program = std::filesystem::path(argc > 0 ? argv[0] : "").filename().string();
    const auto refuse = [&](const std::string& why) {
        std::cerr << program << ": " << why << '\n';
        print_usage(std::cerr, program, u);
        std::exit(2);
    };
    command_line result;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            std::cout << u.about << "\n\n";
            print_usage(std::cout, program, u);
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

std::string message_of(const std::exception& failure)
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
