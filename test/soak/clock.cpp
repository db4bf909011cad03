// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/clock.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace soak {

shifted_clock::shifted_clock(const std::filesystem::path& file) : path_(file)
{
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void* mapped = MAP_FAILED;
    if (descriptor >= 0) {
        if (::ftruncate(descriptor, sizeof *offset_) == 0)
            mapped = ::mmap(nullptr, sizeof *offset_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        ::close(descriptor);
    }
    if (mapped == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "cannot map " + file.string());
    offset_ = static_cast<std::int64_t*>(mapped);
}

shifted_clock::~shifted_clock()
{
    ::munmap(offset_, sizeof *offset_);
}

std::chrono::microseconds shifted_clock::offset() const
{
    return std::chrono::microseconds(std::atomic_ref(*offset_).load());
}

void shifted_clock::set(std::chrono::microseconds offset)
{
    std::atomic_ref(*offset_).store(offset.count());
}

std::string shifted_clock::preload() const
{
    return std::string("LD_PRELOAD=") + SOAK_CLOCK_SHIM;
}

std::string shifted_clock::file() const
{
    return std::string(clock_variable) + '=' + path_.string();
}

} // namespace soak
