// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_ACQUIRE_ALL_HPP
#define PRIORITY_REDLOCK_ACQUIRE_ALL_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/boost_compat.hpp>
#include <priority_redlock/detail/initiate_acquire_all.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/async_result.hpp>

#include <utility>
#include <vector>

namespace priority_redlock {

/// Acquires the locks of several resources for one locker: all of them or none, as one composite `lock`.
///
/// @code
/// std::vector<lock_request> lights{{"kitchen light"}, {"bedroom light", {.priority = 100}}};
/// auto both = co_await async_acquire_all(manager, std::move(lights));
/// for (const lock& each : both.parts())
///     std::cout << each.resource() << '\n';
/// @endcode
///
/// (In a coroutine, g++ 12 does not compile a braced list of requests inside the co_await expression.)
///
/// The resources are acquired one after the other in the order of their names. So these operations never deadlock with
/// each other, whatever the order of their requests. Requests that name the same resource are one part. It has the
/// highest priority, the longest grace, the shortest timeout, the fewest attempts and the first ttl of these requests,
/// and it preempts if any of them does.
///
/// If the first part has to wait, the holders of the later parts that the composite outranks are told to go as well, so
/// that they unwind in parallel (P12). The resource of such an early victim is not reserved for the composite. Another
/// locker may acquire it before the turn of that part, and is then told to go in turn. `metrics::preemptions_in_vain`
/// counts the holders that were preempted for nothing. Over a `protocol` holders are told one after the other, so
/// their graces add up: a manager does not know who waits in others, and may leave the holder alone (P10).
///
/// No part is delivered until all are granted. If a part is lost before that, it is released at once and acquired
/// again, behind the equals that have come meanwhile, and so are the parts after it. So a composite that is never
/// outranked waits no longer than its parts together, while higher priorities that keep coming may undo it again and
/// again: nothing bounds its wait then. A higher priority of the composite, or `acquire_options::preempt` false for
/// those who outrank it, prevents that. Parts do not expire before the grant of the whole: their ttl counts from then.
/// As with every re-entrant acquire, a part that the locker already holds keeps its ttl. `auto_extend` and `max_hold`
/// have no effect here: `lock::async_extend` extends the whole.
///
/// The composite is released, is preempted, expires and is lost as one lock; see `lock`.
///
/// @par Completion signature
/// `void(error_code, lock)`
/// @par Completion condition
/// All parts were granted, or the operation failed. As for `async_acquire`, a granted lock may end before its
/// completion runs. It is then delivered in the state of its end.
/// @par Errors
/// - none: the composite lock is in the second argument;
/// - `errc::acquire_timeout`: not all parts were granted within `timeout`, or a part was not granted within its own
///   timeout. All timeouts count from the start of the operation. With zero, all parts are granted now or never, and no
///   holder is told to go;
/// - `errc::already_acquired`: a part's `max_attempts` were used up. The count starts again for a part that was lost;
/// - `errc::invalid_argument`: the list is empty, `async_acquire` would not accept a request, or the timeout is
///   negative; nothing was changed;
/// - `errc::manager_closed`, `errc::no_quorum`, `errc::deadlock`, `boost::asio::error::operation_aborted`: as for
///   `async_acquire`;
/// - `boost::system::errc::not_enough_memory`: no memory for a part.
///
/// After an error nothing is held.
/// @par Per-operation cancellation
/// Terminal, partial, total: leaves the queue and releases the parts that were acquired. A cancellation after the grant
/// was decided has no effect.
/// @par Object lifetimes
/// As for `async_acquire`: the manager must exist until the operation has started.
template <
    class Executor, detail::name_like Locker,
    boost::asio::completion_token_for<void(error_code, lock)> Token = detail::default_completion_token_t<Executor>>
auto async_acquire_all(basic_lock_manager<Executor>& manager, Locker&& locker, std::vector<lock_request> requests,
                       duration timeout = infinite, Token&& token = Token())
{
    return boost::asio::async_initiate<Token, void(error_code, lock)>(
        detail::initiate_acquire_all<basic_lock_manager<Executor>>(&manager), token, std::forward<Locker>(locker),
        std::move(requests), timeout);
}

/// As above, for a fresh, unique locker.
template <class Executor, boost::asio::completion_token_for<void(error_code, lock)> Token =
                              detail::default_completion_token_t<Executor>>
auto async_acquire_all(basic_lock_manager<Executor>& manager, std::vector<lock_request> requests,
                       duration timeout = infinite, Token&& token = Token())
{
    return boost::asio::async_initiate<Token, void(error_code, lock)>(
        detail::initiate_acquire_all<basic_lock_manager<Executor>>(&manager), token, detail::fresh_locker(),
        std::move(requests), timeout);
}

} // namespace priority_redlock

#endif
