// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Locker ids for those who bring none.
//
// The number is counted up as text, in place: nothing is formatted or allocated for an id.

#ifndef PRIORITY_REDLOCK_SRC_LOCKER_ID_GENERATOR_HPP
#define PRIORITY_REDLOCK_SRC_LOCKER_ID_GENERATOR_HPP

#include <priority_redlock/detail/acquire_request.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace priority_redlock::detail {

/// The locker ids that the library makes up: a prefix, which begins with '#', and a number.
class locker_id_generator
{
public:
    explicit locker_id_generator(std::string_view prefix) : prefix_(prefix.substr(0, 8)) { place_prefix(); }

    [[nodiscard]] std::string_view next() noexcept
    {
        char* digit = end() - 1;
        while (digit >= first_ && *digit == '9')
            *digit-- = '0';
        if (digit >= first_) {
            ++*digit;
        } else { // one digit more
            *--first_ = '1';
            place_prefix();
        }
        char* const begin = first_ - prefix_.size();
        return {begin, static_cast<std::size_t>(end() - begin)};
    }

private:
    [[nodiscard]] char* end() noexcept { return text_ + sizeof text_; }
    void place_prefix() noexcept { prefix_.copy(first_ - prefix_.size(), prefix_.size()); }

    std::string prefix_;
    char text_[max_fresh_id_size] = {};
    char* first_ = text_ + sizeof text_;
};

} // namespace priority_redlock::detail

#endif
