// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TESTING_MAKE_MANAGER_HPP
#define PRIORITY_REDLOCK_TESTING_MAKE_MANAGER_HPP

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/manual_clock.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <utility>

namespace priority_redlock {

namespace detail {

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<manager_backend> make_manual_memory_backend(
    const asio::any_io_executor& ex, bool single_threaded, const manager_options& options);

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<manager_backend> make_manual_protocol_backend(
    const asio::any_io_executor& ex, std::shared_ptr<protocol> store, const manager_options& options);

} // namespace detail

namespace testing {

/// Makes a manager that uses the manual clock, and is otherwise like any other. The clock applies to ttls, timeouts,
/// graces and ageing, to `lock::is_held()` and `expires_at()`, and to the times in snapshots and metrics.
///
/// @code
/// asio::io_context context;
/// lock_manager manager = testing::make_manager(context);
/// subject under_test(manager);
/// under_test.start();
/// testing::run_for(context, 1h);
/// @endcode
///
/// @tparam Manager the type of the manager: `lock_manager`, or another `basic_lock_manager`.
/// @throws std::invalid_argument an option is outside its domain; the message names it.
template <class Manager = lock_manager>
[[nodiscard]] Manager make_manager(const typename Manager::executor_type& ex, const manager_options& options = {})
{
    return detail::access::make<Manager>(ex, detail::make_manual_memory_backend(ex, false, options),
                                         detail::resolve(options.defaults));
}

/// As above, for use on one implicit strand only.
template <class Manager = lock_manager>
[[nodiscard]] Manager make_manager(const typename Manager::executor_type& ex, single_threaded_t,
                                   const manager_options& options = {})
{
    return detail::access::make<Manager>(ex, detail::make_manual_memory_backend(ex, true, options),
                                         detail::resolve(options.defaults));
}

/// As above, for locks in the store behind a protocol. The store must use the manual clock, too, e.g. a
/// `memory_protocol` made with `manual_time`: the manager takes the ends of locks from it.
/// @throws std::invalid_argument the protocol is null, or an option is outside its domain or not for protocols.
template <class Manager = lock_manager>
[[nodiscard]] Manager make_manager(const typename Manager::executor_type& ex, std::shared_ptr<protocol> store,
                                   const manager_options& options = {})
{
    return detail::access::make<Manager>(ex, detail::make_manual_protocol_backend(ex, std::move(store), options),
                                         detail::resolve(options.defaults));
}

/// A manager for locks in memory, with the executor of an execution context.
template <class Manager = lock_manager, detail::execution_context_type ExecutionContext>
[[nodiscard]] Manager make_manager(ExecutionContext& context, const manager_options& options = {})
{
    return make_manager<Manager>(typename Manager::executor_type(context.get_executor()), options);
}

/// A `single_threaded` manager, with the executor of an execution context.
template <class Manager = lock_manager, detail::execution_context_type ExecutionContext>
[[nodiscard]] Manager make_manager(ExecutionContext& context, single_threaded_t tag,
                                   const manager_options& options = {})
{
    return make_manager<Manager>(typename Manager::executor_type(context.get_executor()), tag, options);
}

/// A manager for locks behind a protocol, with the executor of an execution context.
template <class Manager = lock_manager, detail::execution_context_type ExecutionContext>
[[nodiscard]] Manager make_manager(ExecutionContext& context, std::shared_ptr<protocol> store,
                                   const manager_options& options = {})
{
    return make_manager<Manager>(typename Manager::executor_type(context.get_executor()), std::move(store), options);
}

} // namespace testing
} // namespace priority_redlock

#endif
