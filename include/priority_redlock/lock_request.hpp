// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOCK_REQUEST_HPP
#define PRIORITY_REDLOCK_LOCK_REQUEST_HPP

#include <priority_redlock/acquire_options.hpp>

#include <string>

namespace priority_redlock {

/// One part of an `async_acquire_all`.
struct lock_request
{
    /// The name of the resource.
    std::string resource;

    /// The options of this part. The timeout counts from the start of the whole operation, the ttl from the grant of
    /// the whole.
    acquire_options options = {};
};

} // namespace priority_redlock

#endif
