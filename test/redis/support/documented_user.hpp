// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_DOCUMENTED_USER_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_DOCUMENTED_USER_HPP

#include <string>

namespace test {

/// The user that doc/redis.md tells how to make, as a server's configuration has it: `locks`, whose password is
/// PASSWORD.
[[nodiscard]] std::string documented_user();

} // namespace test

#endif
