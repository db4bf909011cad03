// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_TSAN_SUPPRESSIONS_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_TSAN_SUPPRESSIONS_HPP

// Include it in one source file of a suite. ThreadSanitizer does not see the fences of Asio's reference counts
// (chriskohlhoff/asio#1760), nor the counts of exceptions, which are in a libstdc++ that is not instrumented.

#ifdef TEST_SANITIZER
extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions()
{
    return "race:boost::asio::detail::ref_count_down\n"
           "race:boost::asio::execution::detail::any_executor_base::shared_target_executor\n"
           "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
#endif

#endif
