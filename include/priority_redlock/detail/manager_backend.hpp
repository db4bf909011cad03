// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_MANAGER_BACKEND_HPP
#define PRIORITY_REDLOCK_DETAIL_MANAGER_BACKEND_HPP

#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/metrics.hpp>
#include <priority_redlock/snapshot.hpp>

#include <atomic>
#include <memory>

namespace priority_redlock::detail {

class acquire_operation;
class event_feed;

/// A snapshot under way, which may outlive its backend.
class snapshot_walk
{
public:
    virtual ~snapshot_walk() = default;

    /// Adds the resources that come next, a bounded number of them. False: these were the last.
    [[nodiscard]] virtual bool add_to(snapshot& result) = 0;
};

/// What a manager talks to: the front of one or more domains.
class PRIORITY_REDLOCK_DECL manager_backend
{
public:
    manager_backend();
    virtual ~manager_backend();

    /// Decides an acquire. Without an operation nothing is queued and nobody is told to go; see lock_table::acquire.
    /// The same request object may be used for both.
    ///
    /// An operation that is `waiting` belongs to the backend, until that calls its `complete` or `destroy_unrun`.
    virtual acquire_outcome acquire(acquire_request& request, acquire_operation* op) = 0;

    /// Has the holder go for a composite that will come to this resource in its turn (P12): a holder that would have to
    /// go for this request, if it were an acquire that came now. Queues nothing, and keeps the resource for nobody.
    virtual void announce(acquire_request& request) noexcept = 0;

    [[nodiscard]] virtual time_point now() const noexcept = 0;

    /// Whether an acquire that is not to wait is decided without an operation.
    [[nodiscard]] virtual bool answers_at_once() const noexcept = 0;

    /// Ends the waits for acquires.
    virtual void cancel() noexcept = 0;

    /// Ends them and refuses new ones.
    virtual void close() noexcept = 0;

    [[nodiscard]] virtual std::unique_ptr<snapshot_walk> begin_snapshot() const = 0;
    [[nodiscard]] virtual metrics take_metrics() const = 0;

    /// How often waits have been ended, the end of the backend included.
    /// Whoever acquires several locks, one after the other, may have been between two.
    [[nodiscard]] std::shared_ptr<const std::atomic<unsigned>> cancellations() const noexcept;

    /// What those read who watch the manager.
    [[nodiscard]] const std::shared_ptr<event_feed>& events() const noexcept { return events_; }

    /// Whether the last acquire had to wait.
    /// Then the next one will too, more often than not, and had better bring an operation at once.
    [[nodiscard]] bool is_crowded() const noexcept { return crowded_.load(std::memory_order_relaxed); }

protected:
    void set_crowded(bool crowded) noexcept
    {
        if (crowded != is_crowded())
            crowded_.store(crowded, std::memory_order_relaxed);
    }

    /// Before the waits are ended.
    void count_cancellation() noexcept;

private:
    const std::shared_ptr<std::atomic<unsigned>> cancellations_;
    const std::shared_ptr<event_feed> events_;
    // On a cache line of its own: threads that contend write it, and all of them read what is beside it.
    alignas(64) std::atomic<bool> crowded_{false};
};

} // namespace priority_redlock::detail

#endif
