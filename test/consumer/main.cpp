// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/errc.hpp>

#include <iostream>

int main()
{
    const auto error = priority_redlock::make_error_code(priority_redlock::errc::acquire_timeout);
    std::cout << error << ": " << error.message() << '\n';
}
