// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_OUTPUT_FILE_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_OUTPUT_FILE_HPP

#include <string>
#include <string_view>

namespace contention {

/// A file to write results to at the end of a run. That it can be written, and that the disk has room for it, is found
/// out at the start. What was there before stays until the results replace it.
class output_file
{
public:
    /// @param path - is the standard output
    /// @throws std::runtime_error it cannot be written; the message begins with the path
    explicit output_file(std::string path);
    output_file(output_file&& other) noexcept;
    output_file& operator=(output_file&&) = delete;
    ~output_file();

    /// @throws std::runtime_error
    void write(std::string_view text);

    [[nodiscard]] bool is_standard_output() const noexcept { return path_ == "-"; }

private:
    [[noreturn]] void fail(int error) const;

    std::string path_;
    std::string part_; // what is written first; empty: path_ itself, which is not a regular file
    int descriptor_ = -1;
};

} // namespace contention

#endif
