// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOCK_REQUEST_HPP
#define PRIORITY_REDLOCK_LOCK_REQUEST_HPP

#include <priority_redlock/acquire_options.hpp>

#include <string>

namespace priority_redlock {

/// One part of what `async_acquire_all` acquires.
struct lock_request
{
    /// The name of the resource.
    std::string resource;

    /// How this part is acquired.
    /// Its timeout counts from the start of the whole operation, its ttl from the grant of the whole.
    acquire_options options = {};
};

} // namespace priority_redlock

#endif
