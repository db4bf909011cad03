// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/lock_state.hpp>

#include <boost/asio/error.hpp>

namespace priority_redlock::detail {

error_code reason_of(lock_state s) noexcept
{
    switch (s) {
    case lock_state::released: return {};
    case lock_state::revoking:
    case lock_state::preempted: return boost::asio::error::operation_aborted;
    case lock_state::expired: return errc::expired;
    case lock_state::lost: return errc::lost;
    case lock_state::empty:
    case lock_state::held: break;
    }
    return errc::not_held;
}

error_code loss_of(lock_state s) noexcept
{
    const error_code reason = reason_of(s);
    if (reason == boost::asio::error::operation_aborted)
        return errc::preempted;
    return reason == errc::expired || reason == errc::lost ? reason : error_code();
}

} // namespace priority_redlock::detail
