// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_TELL_HPP
#define PRIORITY_REDLOCK_SRC_TELL_HPP

#include "log_record.hpp"

#include <priority_redlock/detail/notice.hpp>

namespace priority_redlock::detail {

/// A completion that cannot be posted for want of memory is destroyed, which hands a lock on (I3).
inline void tell(notice& n) noexcept
try {
    n.tell();
} catch (...) {
    log_failure("the end of a lock could not be told");
}

} // namespace priority_redlock::detail

#endif
