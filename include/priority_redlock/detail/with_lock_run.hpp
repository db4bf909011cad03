// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_WITH_LOCK_RUN_HPP
#define PRIORITY_REDLOCK_DETAIL_WITH_LOCK_RUN_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/lock_receiver.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_state.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <atomic>
#include <exception>
#include <memory>

namespace priority_redlock::detail {

/// An error as coroutines report it; std::bad_alloc if there is no memory for that.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::exception_ptr exception_of(error_code ec) noexcept;

/// Whether it is `operation_aborted`.
[[nodiscard]] PRIORITY_REDLOCK_DECL bool is_aborted(const std::exception_ptr& e) noexcept;

/// One async_with_lock, without the types of its work and handler: acquires, and works under the lock, on a strand.
///
/// What is pending (the acquire, then the work) owns it.
class PRIORITY_REDLOCK_DECL with_lock_run : public lock_receiver,
                                            public std::enable_shared_from_this<with_lock_run>
{
public:
    with_lock_run(const asio::any_io_executor& strand, bool cancellable) : strand_(strand), cancellable_(cancellable) {}
    with_lock_run(const with_lock_run&) = delete;
    with_lock_run& operator=(const with_lock_run&) = delete;

    /// Cancels the acquire, or the work. From any thread.
    void cancel(asio::cancellation_type_t type);

    [[nodiscard]] const asio::any_io_executor& get_executor() const noexcept final { return strand_; }
    [[nodiscard]] asio::cancellation_slot acquire_slot() noexcept final { return slot(); }
    void on_acquired(error_code ec, lock granted) final;

    /// The work could not be started or ended for want of memory: completes the operation, if that is still to be done.
    void fail_for_memory() noexcept;

    /// Where the work is cancelled from outside.
    [[nodiscard]] asio::cancellation_slot slot() noexcept
    {
        return cancellable_ ? signal_.slot() : asio::cancellation_slot();
    }

protected:
    ~with_lock_run() = default;

    /// Starts the work.
    virtual void begin() = 0;

    /// Completes the operation: there was no lock to work under.
    virtual void fail(error_code why) = 0;

    /// The work was a coroutine. Completes the operation.
    virtual void complete(std::exception_ptr e) = 0;

    /// The work is a coroutine.
    void spawn(asio::awaitable<void> work);

    /// Why the work came to be aborted, if that is the end of the lock.
    [[nodiscard]] error_code cause_of_abort() const noexcept;

    [[nodiscard]] lock& current_lock() noexcept { return lock_; }

    bool finished_ = false; // the completion is on its way

private:
    class work_end_handler;

    /// Whether it was cancelled, although that may not have arrived on the strand.
    [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

    asio::any_io_executor strand_;
    lock lock_;
    asio::cancellation_signal signal_;
    std::atomic<bool> cancelled_ = false;
    const bool cancellable_;
};

extern template PRIORITY_REDLOCK_DECL void cancel_through(asio::cancellation_slot,
                                                          const std::shared_ptr<with_lock_run>&);

} // namespace priority_redlock::detail

#endif
