// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "environment.hpp"

#include <boost/version.hpp>

#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace contention {
namespace {

[[nodiscard]] std::string processor()
{
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "an unknown processor";
}

} // namespace

std::string describe_environment()
{
    utsname system = {};
    uname(&system);
#ifdef __clang__
    const char* const compiler = "";
#else
    const char* const compiler = "g++ ";
#endif
#ifdef NDEBUG
    const char* const build = "";
#else
    const char* const build = " (not optimised: figures mean nothing)";
#endif
    return std::to_string(std::thread::hardware_concurrency()) + " cores of " + processor() + ", " + system.sysname
           + ' ' + system.release + ", " + compiler + __VERSION__ + build + ", Boost "
           + std::to_string(BOOST_VERSION / 100000) + '.' + std::to_string(BOOST_VERSION / 100 % 1000);
}

} // namespace contention
