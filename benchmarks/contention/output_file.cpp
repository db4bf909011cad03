// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace contention {
namespace {

constexpr off_t room = 8'000'000; // more than any result of a sensible scenario

} // namespace

output_file::output_file(std::string path) : path_(std::move(path))
{
    if (is_standard_output()) {
        descriptor_ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        if (descriptor_ < 0)
            fail(errno);
        return;
    }
    struct stat found = {};
    const bool special = stat(path_.c_str(), &found) == 0 && !S_ISREG(found.st_mode);
    if (!special)
        part_ = path_ + ".part";
    const std::string& opened = special ? path_ : part_;
    descriptor_ = open(opened.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0)
        fail(errno);
    if (special)
        return;
    if (const int error = posix_fallocate(descriptor_, 0, room)) {
        close(descriptor_);
        unlink(part_.c_str());
        fail(error);
    }
}

output_file::output_file(output_file&& other) noexcept
    : path_(std::move(other.path_)), part_(std::move(other.part_)), descriptor_(std::exchange(other.descriptor_, -1))
{
}

output_file::~output_file()
{
    if (descriptor_ < 0)
        return;
    close(descriptor_);
    if (!part_.empty())
        unlink(part_.c_str());
}

void output_file::write(std::string_view text)
{
    const auto size = static_cast<off_t>(text.size());
    while (!text.empty()) {
        const ssize_t n = ::write(descriptor_, text.data(), text.size());
        if (n >= 0)
            text.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail(errno);
    }
    if (!part_.empty() && (ftruncate(descriptor_, size) != 0 || std::rename(part_.c_str(), path_.c_str()) != 0))
        fail(errno);
    close(std::exchange(descriptor_, -1));
}

void output_file::fail(int error) const
{
    throw std::runtime_error((is_standard_output() ? "standard output" : path_)
                             + ": cannot be written: " + std::generic_category().message(error));
}

} // namespace contention
