// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Other programs: those that draw, and those that are peers.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_PROCESS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_PROCESS_HPP

#include "run.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace contention {

/// Whether a program of this name is found.
[[nodiscard]] bool has_program(const std::string& name);

/// Runs a program to its end and returns what it printed.
/// @param interrupt is passed on to it; nullptr: none is
/// @throws std::runtime_error it cannot be started, or failed
std::string run_program(const std::vector<std::string>& command, interruption* interrupt = nullptr);

/// A directory for as long as the object lives.
class temporary_directory
{
public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();

    /// Writes a file into it, and returns its path.
    std::string add(std::string_view name, std::string_view text) const;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace contention

#endif
