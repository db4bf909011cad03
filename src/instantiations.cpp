// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/detail/coroutine_completion.hpp>
#include <priority_redlock/detail/initiate_with_lock.hpp>
#include <priority_redlock/detail/lock_receiver.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/detail/transaction_run.hpp>
#include <priority_redlock/detail/with_lock_run.hpp>
#include <priority_redlock/guard.hpp>
#include <priority_redlock/lock.hpp>

#include <boost/asio/use_awaitable.hpp>

// What the headers declare as instantiated here, so that their users need not compile it.

namespace priority_redlock::detail {

asio::any_io_executor work_on(const asio::any_io_executor& ex)
{
    if (const auto* context = ex.target<asio::io_context::executor_type>()) // the usual case, and quicker
        return asio::prefer(*context, asio::execution::outstanding_work.tracked);
    return asio::prefer(ex, asio::execution::outstanding_work.tracked);
}

tracked_executor<asio::any_io_executor>::tracked_executor(const asio::any_io_executor& ex) : executor_(work_on(ex)) {}

template PRIORITY_REDLOCK_DECL void clear_slot_and_call_with(coroutine_handler<std::exception_ptr>&,
                                                             std::tuple<std::exception_ptr>&);
template class handler_work<coroutine_handler<std::exception_ptr>, asio::any_io_executor>;

template PRIORITY_REDLOCK_DECL void start_acquire(coroutine_handler<error_code, lock>&, const asio::any_io_executor&,
                                                  manager_backend&, acquire_request&);
template PRIORITY_REDLOCK_DECL void start_acquire(received_handler&, const asio::any_io_executor&, manager_backend&,
                                                  acquire_request&);

template class guard_state<emission_on_any_executor>;
template PRIORITY_REDLOCK_DECL std::shared_ptr<guard_state<emission_on_any_executor>> make_guard_state(
    const emission_on_any_executor&, const asio::recycling_allocator<void>&);
template PRIORITY_REDLOCK_DECL void cancel_through(asio::cancellation_slot,
                                                   const std::shared_ptr<guard_state<emission_on_any_executor>>&);
template PRIORITY_REDLOCK_DECL void begins_with_error<void(error_code)>::complete_aborted(
    coroutine_handler<error_code>&&, const asio::any_io_executor&);
template PRIORITY_REDLOCK_DECL void begins_with_error<void(error_code, std::size_t)>::complete_aborted(
    coroutine_handler<error_code, std::size_t>&&, const asio::any_io_executor&);

template class with_lock_op<coroutine_handler<std::exception_ptr>, asio::any_io_executor, void(std::exception_ptr)>;
template PRIORITY_REDLOCK_DECL void cancel_through(asio::cancellation_slot, const std::shared_ptr<with_lock_run>&);
template PRIORITY_REDLOCK_DECL void cancel_through(asio::cancellation_slot, const std::shared_ptr<transaction_run>&);

} // namespace priority_redlock::detail
