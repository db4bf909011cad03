// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What becomes of a shard when its execution context is shut down, which shutdown_service.hpp tells it: it gives up the
// acquires that wait and lets go of everybody who waits for the end of a lock. Their handlers are destroyed, not
// called. Locks that are held stay valid. Others may be at the shard at this moment; the context waits for those who
// have borrowed its executor.

#ifndef PRIORITY_REDLOCK_SRC_SHARD_SHUTDOWN_HPP
#define PRIORITY_REDLOCK_SRC_SHARD_SHUTDOWN_HPP

#include "manager/shard.hpp"
#include "notice_delivery.hpp"

#include <boost/asio/error.hpp>

#include <mutex>

namespace priority_redlock::detail {

template <class Mutex, class Clock>
void shard<Mutex, Clock>::shut_down() noexcept
{
    table_actions actions;
    notice_delivery notices;
    lease_client::remains of_leases; // go without the mutex, as everything of the user's
    std::shared_ptr<shard> last;
    {
        const std::lock_guard guard(mutex_);
        shut_down_ = closed_ = true;
        timer_.stop();
        table_.fail_all(asio::error::operation_aborted, actions);
        table_.for_each([&notices](const struct resource& r) {
            for (const hold& h : r.holds)
                notices.take(const_cast<hold&>(h).notices, {});
        });
        if (leases_)
            of_leases = leases_->abandon();
        if (is_finished())
            last.swap(kept_);
    }
    notices.abandon();
    for (waiter* w = actions.settled; w;) {
        auto* op = static_cast<acquire_operation*>(w);
        w = w->next_settled;
        op->destroy_unrun();
    }
}

} // namespace priority_redlock::detail

#endif
