// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SOAK_CLOCK_HPP
#define PRIORITY_REDLOCK_TEST_SOAK_CLOCK_HPP

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace soak {

/// The environment variable that names the file with the offset, for clock_shim.cpp.
inline constexpr const char* clock_variable = "PRIORITY_REDLOCK_TEST_CLOCK";

/// The calendar of a process that runs under the shim: that of the machine and an offset, which is in a file that both
/// have mapped.
class shifted_clock
{
public:
    explicit shifted_clock(const std::filesystem::path& file);
    shifted_clock(const shifted_clock&) = delete;
    shifted_clock& operator=(const shifted_clock&) = delete;
    ~shifted_clock();

    [[nodiscard]] std::chrono::microseconds offset() const;
    void set(std::chrono::microseconds offset);

    /// Of the process: LD_PRELOAD and the variable, as NAME=VALUE.
    [[nodiscard]] std::string preload() const;
    [[nodiscard]] std::string file() const;

private:
    std::filesystem::path path_;
    std::int64_t* offset_;
};

} // namespace soak

#endif
