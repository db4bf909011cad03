// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_LOCK_RECEIVER_HPP
#define PRIORITY_REDLOCK_DETAIL_LOCK_RECEIVER_HPP

#include <priority_redlock/detail/acquire_op.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <utility>

namespace priority_redlock::detail {

/// What acquires for its own sake, on a strand of its own.
class lock_receiver
{
public:
    [[nodiscard]] virtual const asio::any_io_executor& get_executor() const noexcept = 0;

    /// Where the acquire is cancelled.
    [[nodiscard]] virtual asio::cancellation_slot acquire_slot() noexcept = 0;

    /// On the strand.
    virtual void on_acquired(error_code ec, lock granted) = 0;

protected:
    ~lock_receiver() = default;
};

/// Delivers a lock to a receiver, which it keeps alive.
class received_handler
{
public:
    using executor_type = asio::any_io_executor;
    using cancellation_slot_type = asio::cancellation_slot;

    explicit received_handler(std::shared_ptr<lock_receiver> receiver) noexcept : receiver_(std::move(receiver)) {}

    [[nodiscard]] executor_type get_executor() const noexcept { return receiver_->get_executor(); }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return receiver_->acquire_slot(); }

    void operator()(error_code ec, lock granted) { receiver_->on_acquired(ec, std::move(granted)); }

private:
    std::shared_ptr<lock_receiver> receiver_;
};

extern template PRIORITY_REDLOCK_DECL void start_acquire(received_handler&, const asio::any_io_executor&,
                                                         manager_backend&, acquire_request&);

} // namespace priority_redlock::detail

#endif
