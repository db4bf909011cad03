// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_ACQUIRE_OUTCOME_HPP
#define PRIORITY_REDLOCK_DETAIL_ACQUIRE_OUTCOME_HPP

#include <priority_redlock/errc.hpp>

#include <cstdint>

namespace priority_redlock::detail {

struct hold;

/// How an acquire stands, in a table as in a store.
enum class acquire_verdict : std::uint8_t
{
    /// It holds the resource.
    granted,

    /// It is queued, and will be granted or fail.
    waiting,

    /// It is not queued and holds nothing.
    refused,
};

/// What a step of an acquire came to.
struct acquire_outcome
{
    acquire_verdict what = acquire_verdict::refused;
    hold* granted = nullptr;
    error_code why;
};

} // namespace priority_redlock::detail

#endif
