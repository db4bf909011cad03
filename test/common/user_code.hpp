// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_USER_CODE_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_USER_CODE_HPP

#include <priority_redlock/detail/user_code.hpp>

#include <boost/test/unit_test.hpp>

namespace test {

/// A member of the handlers, allocators and executors of the tests: none may be made, copied, called or destroyed while
/// a mutex of the library is held (I5).
class user_code
{
public:
    user_code() noexcept { check(); }
    user_code(const user_code&) noexcept { check(); }
    user_code& operator=(const user_code&) noexcept
    {
        check();
        return *this;
    }
    ~user_code() { check(); }

    friend bool operator==(const user_code&, const user_code&) noexcept { return true; }

    static void check() noexcept
    {
        if (priority_redlock::detail::is_under_mutex())
            BOOST_ERROR("code of the user runs under a mutex of the library");
    }
};

} // namespace test

#endif
