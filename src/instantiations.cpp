// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/detail/lock_receiver.hpp>
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

template class handler_work<coroutine_handler<std::exception_ptr>, asio::any_io_executor>;

template PRIORITY_REDLOCK_DECL void start_acquire(coroutine_handler<error_code, lock>&, const asio::any_io_executor&,
                                                  manager_backend&, acquire_request&);
template PRIORITY_REDLOCK_DECL void start_acquire(received_handler&, const asio::any_io_executor&, manager_backend&,
                                                  acquire_request&);

template class guard_state<emission_executor<asio::any_io_executor, asio::any_io_executor>>;
template PRIORITY_REDLOCK_DECL void begins_with_error<void(error_code)>::complete_aborted(
    coroutine_handler<error_code>&&, const asio::any_io_executor&);
template PRIORITY_REDLOCK_DECL void begins_with_error<void(error_code, std::size_t)>::complete_aborted(
    coroutine_handler<error_code, std::size_t>&&, const asio::any_io_executor&);

} // namespace priority_redlock::detail
