// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Where the end of a lock is told to those who wait for it: the pending `async_wait`s and the operations under guard of
// a victim, of a lock that has expired, and so on. That takes two steps, since what is told runs the user's executors
// and must not be called under a mutex. `take` takes the notices out of a hold, under the mutex of its domain; `tell`
// tells them their reason, without it.

#ifndef PRIORITY_REDLOCK_SRC_NOTICE_DELIVERY_HPP
#define PRIORITY_REDLOCK_SRC_NOTICE_DELIVERY_HPP

#include "log_record.hpp"

#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/errc.hpp>

namespace priority_redlock::detail {

/// A completion that cannot be posted for want of memory is destroyed, which hands a lock on (I3).
inline void tell(notice& n) noexcept
try {
    n.tell();
} catch (...) {
    log_failure("could not notify a handler of the end of a lock");
}

class notice_delivery
{
public:
    void take(notice_list& notices, error_code reason) noexcept
    {
        taken_.append(notices, [reason](notice& n) {
            n.reason = reason;
            n.keep();
        });
    }

    [[nodiscard]] bool empty() const noexcept { return taken_.empty(); }

    void tell() noexcept
    {
        taken_.take_all([](notice& n) { detail::tell(n); });
    }

    /// Instead, where the execution context goes away.
    void abandon() noexcept
    {
        taken_.take_all([](notice& n) { n.abandon(); });
    }

private:
    notice_list taken_;
};

} // namespace priority_redlock::detail

#endif
