// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_USER_CODE_HPP
#define PRIORITY_REDLOCK_DETAIL_USER_CODE_HPP

#include <priority_redlock/detail/config.hpp>

#include <boost/assert.hpp>

namespace priority_redlock::detail {

/// Whether this thread holds a mutex of the library. Always false if the library was built with NDEBUG.
[[nodiscard]] PRIORITY_REDLOCK_DECL bool is_under_mutex() noexcept;

/// Before a handler, an allocator or an executor is called, copied or destroyed: all three are code of the user, which
/// may call the library (I5).
inline void assert_user_code_may_run() noexcept
{
    BOOST_ASSERT_MSG(!is_under_mutex(), "code of the user would run under a mutex of the library");
}

} // namespace priority_redlock::detail

#endif
