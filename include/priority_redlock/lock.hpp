// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_LOCK_HPP
#define PRIORITY_REDLOCK_LOCK_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold_ref.hpp>
#include <priority_redlock/detail/initiate_lock.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/guard.hpp>
#include <priority_redlock/lock_state.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace priority_redlock {

namespace detail {
struct access;
}

/// Exclusive use of a resource, until the lock is released, is preempted, expires or is lost.
///
/// Delivered by `lock_manager::async_acquire`. Move-only; the destructor releases. A lock that has ended never becomes
/// held again: acquire a new one.
///
/// `async_acquire_all` delivers a composite lock, which is made of the locks of several resources, its `parts()`. It is
/// held as long as all its parts are held, and ends as a whole with the reason of the part that ended first. When a
/// part is preempted, the other parts stay unavailable to other lockers until the owner has let go or their grace is
/// over, too. When a part expires or is lost, the other parts are released at once.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: the accessors `is_held`, `state`, `expires_at`, `resource`, `locker_id`,
/// `priority`, `fencing_token` and the functions `release`, `async_*` and `guard` may be called from any thread at the
/// same time. Construction, assignment, swap and destruction may not overlap with anything else on the same object.
/// With a `single_threaded` manager everything but the accessors must be called on the manager's implicit strand.
///
/// @par Object lifetimes
/// A lock may outlive its manager: it stays valid and can be released. It may also outlive the execution context;
/// release then does nothing. You may release and destroy it while another thread destroys the context. Names returned
/// as `string_view` are valid until the lock object is destroyed, assigned to or moved from.
class [[nodiscard]] lock
{
public:
    /// The type of the executor of a lock.
    using executor_type = boost::asio::any_io_executor;

    /// Makes an empty lock, as delivered with an error.
    lock() noexcept = default;

    /// Moves the lock; `other` is empty afterwards.
    lock(lock&& other) noexcept = default;

    /// Releases the lock on the left-hand side first.
    lock& operator=(lock&& other) noexcept = default;

    /// Releases.
    ~lock() = default;

    /// Exchanges two locks.
    void swap(lock& other) noexcept { hold_.swap(other.hold_); }

    /// Exchanges two locks.
    friend void swap(lock& a, lock& b) noexcept { a.swap(b); }

    /// Whether the lock holds the resource at this moment: its state is `held` and its ttl has not run out. Reads the
    /// clock, so it turns false on time even if the process was stopped and no timer has run.
    [[nodiscard]] PRIORITY_REDLOCK_DECL bool is_held() const noexcept;

    /// Same as `is_held()`.
    [[nodiscard]] explicit operator bool() const noexcept { return is_held(); }

    /// The state of the lock. After the ttl has run out, `held` may be stale by the delay of a timer; `is_held()` is
    /// never stale.
    [[nodiscard]] PRIORITY_REDLOCK_DECL lock_state state() const noexcept;

    /// When the ttl ends; `clock::time_point::max()` if it is infinite, `clock::time_point::min()` if the lock is
    /// empty. For a composite: the earliest end of its parts.
    [[nodiscard]] PRIORITY_REDLOCK_DECL clock::time_point expires_at() const noexcept;

    /// The name of the resource; empty if the lock is empty. For a composite: the names of its parts, joined by ", "
    /// for display.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::string_view resource() const noexcept;

    /// The locker that acquired it; a generated id begins with '#'.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::string_view locker_id() const noexcept;

    /// The priority that a preempting locker has to exceed: the highest priority among the handles of this locker. For
    /// a composite: the lowest priority of its parts, since a preemption of one part preempts all.
    [[nodiscard]] PRIORITY_REDLOCK_DECL int priority() const noexcept;

    /// A number that is greater than that of every earlier grant of this resource (Kleppmann's fencing token). Handles
    /// of one re-entrant locker share it. Tokens start at the system clock in microseconds. So they also rise over
    /// restarts, provided that this clock rises and a resource is granted less than a million times a second on
    /// average. 0 if the lock is empty, and for a composite: each of its parts has its own token.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::uint64_t fencing_token() const noexcept;

    /// The locks of which this lock is made: for a composite its parts, in the order of their names; for any other lock
    /// the lock itself; none for an empty lock. Valid as long as the names are.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::span<const lock> parts() const noexcept;

    /// The executor on which operations on this lock complete by default: the manager's. An empty lock has no manager.
    /// It returns `asio::system_executor`, but calls no handler there: its `async_wait`, `async_release` and
    /// `async_extend` complete on the handler's associated executor, such as that of a coroutine or a bound one. If the
    /// handler has none, the initiating function throws `boost::system::system_error` with `errc::not_held`.
    [[nodiscard]] PRIORITY_REDLOCK_DECL executor_type get_executor() const;

    /// Hands the resource to the next in line. Returns at once; never throws. Has no effect if the lock is empty or has
    /// ended. In state `revoking` it acknowledges the preemption, so that the preempting locker need not wait for the
    /// end of the grace.
    ///
    /// A re-entrant locker's resource is freed with its last handle.
    PRIORITY_REDLOCK_DECL void release() noexcept;

    /// Releases, and completes when the release has taken effect. In memory this is at once. Over Redis it is when a
    /// quorum of nodes has confirmed it; if the nodes cannot be reached, it is when the ttl has ended there, which is
    /// not an error. If the locker has other handles, it completes at once.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Errors
    /// None: released (or acknowledged, if the lock was `revoking`). `errc::not_held`: the lock was empty or had ended.
    /// @par Per-operation cancellation
    /// None: a release cannot be undone.
    /// @par Object lifetimes
    /// The lock may be destroyed or moved while the operation is pending.
    template <boost::asio::completion_token_for<void(error_code)> Token = boost::asio::deferred_t>
    auto async_release(Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(error_code)>(detail::initiate_release(get_executor()), token,
                                                                    detail::hold_pin(hold_.get()));
    }

    /// Moves the end of a held lock to `ttl` from now. All handles of the locker share it. For a composite it applies
    /// to all parts. An end that is earlier than the current one is enforced by this manager only: if its process dies,
    /// a store keeps the lock until the former end.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Errors
    /// None: extended. `errc::not_held`: the lock is empty, revoking or has ended, or the store no longer has it, and
    /// then it is `lost`. `errc::invalid_argument`: `ttl` is zero or negative, or longer than the store allows
    /// (`redis_options::max_ttl`). `errc::no_quorum` (over Redis): the nodes did not answer; the lock is as before.
    /// @par Per-operation cancellation
    /// None. In memory it completes at once. Over Redis it completes within `redis_options::node_timeout`; calls for
    /// one lock run one after the other.
    /// @par Object lifetimes
    /// The lock may be destroyed or moved while the operation is pending.
    template <boost::asio::completion_token_for<void(error_code)> Token = boost::asio::deferred_t>
    auto async_extend(duration ttl, Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(error_code)>(detail::initiate_extend(get_executor()), token,
                                                                    detail::hold_pin(hold_.get()), ttl);
    }

    /// Waits for the end of the lock.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Completion condition
    /// The lock is released, is preempted, expires or is lost. If it has already ended or is revoking: at once.
    /// @par Errors
    /// None: released by its owner. `boost::asio::error::operation_aborted`: preempted (then `state()` is `revoking` or
    /// `preempted`), or the wait was cancelled (then it is not). `errc::expired`: the ttl ran out. `errc::lost`: the
    /// protocol could not keep it. `errc::not_held`: the lock is empty.
    ///
    /// The handler of this operation is a notice handler: after a preemption the next grant waits until the handler has
    /// returned, even if the grace is zero.
    /// @par Per-operation cancellation
    /// Terminal, partial, total: ends the wait with `operation_aborted` and leaves the lock unchanged.
    /// @par Object lifetimes
    /// The lock may be destroyed (which completes the wait) or moved while the operation is pending.
    /// A pending wait counts as work.
    template <boost::asio::completion_token_for<void(error_code)> Token = boost::asio::deferred_t>
    auto async_wait(Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(error_code)>(detail::initiate_wait(get_executor()), token,
                                                                    detail::hold_pin(hold_.get()));
    }

    /// Adapts a completion token: the operation that uses it is cancelled when this lock ends, also by release.
    ///
    /// @code
    /// co_await socket.async_read_some(buffer, lk.guard(asio::use_awaitable));
    /// @endcode
    ///
    /// The cancellation is terminal. It is emitted on the handler's associated executor; without one, on the executor
    /// of the operation; without that, on the lock's. As for any cancellation slot, this executor must be an implicit
    /// or explicit strand, and you must start the operation on it. The token's own cancellation slot keeps working. If
    /// the lock has already ended and the operation's signature begins with an error_code, the operation is not started
    /// and completes with `boost::asio::error::operation_aborted`.
    ///
    /// The handler of a guarded operation is a notice handler: after a preemption the next grant waits until the
    /// handler has returned, at most until the ttl ends. Guard only operations that can be cancelled.
    ///
    /// Do not move this lock into the handler, as in `lk.guard([held = std::move(lk)] ...)`: the argument is evaluated
    /// first and leaves an empty lock to guard. Let the handler share the lock through a `shared_ptr`.
    template <class Token = boost::asio::deferred_t>
    [[nodiscard]] guard_t<std::decay_t<Token>> guard(Token&& token = Token()) const
    {
        return {std::forward<Token>(token), detail::hold_pin(hold_.get())};
    }

private:
    friend struct detail::access;

    explicit lock(detail::hold_ref h) noexcept : hold_(std::move(h)) {}

    detail::hold_ref hold_;
};

} // namespace priority_redlock

#endif
