// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_NAME_BUFFER_HPP
#define PRIORITY_REDLOCK_DETAIL_NAME_BUFFER_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace priority_redlock::detail {

/// Text that keeps its memory when it is assigned again. Short text is stored in place.
class name_buffer
{
    static constexpr std::uint32_t in_place = 20;

public:
    name_buffer() = default;
    name_buffer(const name_buffer&) = delete;
    name_buffer& operator=(const name_buffer&) = delete;
    ~name_buffer() { delete[] block(); }

    /// Has room for text of that size; forgets what it has if it had not.
    void reserve(std::size_t size)
    {
        if (size <= capacity_)
            return;
        char* const larger = new char[size];
        delete[] block();
        std::memcpy(bytes_, &larger, sizeof larger);
        capacity_ = static_cast<std::uint32_t>(size);
        size_ = 0;
    }

    void assign(std::string_view text)
    {
        reserve(text.size());
        size_ = static_cast<std::uint32_t>(text.size());
        if (size_ != 0)
            std::memcpy(capacity_ == in_place ? bytes_ : block(), text.data(), size_);
    }

    [[nodiscard]] std::string_view view() const noexcept { return {capacity_ == in_place ? bytes_ : block(), size_}; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    /// Where longer text is, if there ever was any.
    [[nodiscard]] char* block() const noexcept
    {
        char* p = nullptr;
        if (capacity_ != in_place)
            std::memcpy(&p, bytes_, sizeof p);
        return p;
    }

    char bytes_[in_place];
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = in_place;
};

} // namespace priority_redlock::detail

#endif
