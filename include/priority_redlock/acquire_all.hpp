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
/// (In a coroutine, g++ 12 does not compile a braced list of requests within the co_await expression.)
///
/// The resources are acquired one after the other in the order of their names, so that several of these operations
/// never wait for each other in a circle, whatever the order of their requests. A resource that is named again is the
/// same part: it has the highest priority, the longest grace, the shortest timeout, the fewest attempts and the first
/// ttl of its requests, and preempts if any of them does.
///
/// When the first part has to be waited for, the holders of the parts behind are told to go as well, those that it
/// outranks: they unwind side by side (P12). Such a holder goes early. The resource is not kept for the composite until
/// it is the turn of that part, and who has got it by then is told in turn; `metrics::preemptions_in_vain` counts
/// holders that went for nothing. Over a `protocol` only holders of this manager are told early, so that the waits for
/// those of other managers add up.
///
/// Until all parts are granted none is delivered. A part that is lost meanwhile is let go at once and waited for again,
/// and so are the parts after it. Parts do not expire meanwhile: their ttl counts from the grant of the whole. As with
/// every re-entrant acquire, a part that the locker holds already keeps the ttl it has. `auto_extend` and `max_hold`
/// have no effect here: `lock::async_extend` extends the whole.
///
/// The composite is released, preempted, expires and is lost as one; see `lock`.
///
/// @par Completion signature
/// `void(error_code, lock)`
/// @par Completion condition
/// All parts were granted, or will not be. As for `async_acquire`, a grant whose completion has not run yet may end
/// meanwhile and is then delivered in the state of its end.
/// @par Errors
/// - none: the composite lock is in the second argument;
/// - `errc::acquire_timeout`: not all were granted within `timeout`, or a part was not within its own, all counted from
///   the start of the operation. Zero: all granted now or never, and no holder is told to go;
/// - `errc::already_acquired`: a part's `max_attempts` were used up. They count anew for a part that was lost;
/// - `errc::invalid_argument`: no requests, one that `async_acquire` would not accept, or a negative timeout; nothing
///   was changed;
/// - `errc::manager_closed`, `errc::no_quorum`, `errc::deadlock`, `boost::asio::error::operation_aborted`: as for
///   `async_acquire`.
///
/// After an error nothing is held.
/// @par Per-operation cancellation
/// Terminal, partial, total: leaves the queue and releases what was taken. A cancellation that comes after the grant
/// was decided has no effect.
/// @par Object lifetimes
/// As for `async_acquire`: the manager must exist until the operation is started.
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

/// The same for a fresh, unique locker.
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
