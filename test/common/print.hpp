// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_PRINT_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_PRINT_HPP

#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock_state.hpp>

#include <ostream>

// How BOOST_TEST prints the library's enumerations.

namespace priority_redlock {

inline std::ostream& boost_test_print_type(std::ostream& out, lock_state s)
{
    return out << to_string(s);
}

inline std::ostream& boost_test_print_type(std::ostream& out, errc e)
{
    return out << make_error_code(e);
}

} // namespace priority_redlock

#endif
