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

/// Exclusive use of a resource, until it is released, preempted, expires or is lost.
///
/// Delivered by `lock_manager::async_acquire`. Move-only; the destructor releases. Once a lock has ended it never
/// becomes held again: acquire anew.
///
/// A composite lock, as `async_acquire_all` delivers it, is made of the locks of several resources, its `parts()`. It
/// is held as long as all of them are, and ends as one with the reason of the part that ended first. When a part is
/// preempted, the others stay out of others' reach until its owner has let go or their grace is over, too; when a part
/// expires or is lost, the others are released at once.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: the accessors `is_held`, `state`, `expires_at`, `resource`, `locker_id`,
/// `priority`, `fencing_token` and the functions `release`, `async_*` and `guard` may be called from any thread at the
/// same time. Construction, assignment, swap and destruction may not overlap with anything else on the same object.
/// With a `single_threaded` manager everything but the accessors must be called on the manager's implicit strand.
///
/// @par Object lifetimes
/// A lock outlives its manager: it stays valid and can be released. It may outlive the execution context too; releasing
/// it then does nothing. It may also be released and destroyed while the context is destroyed on another thread. Names
/// returned as `string_view` are valid as long as the lock object is neither destroyed, assigned to nor moved from.
class [[nodiscard]] lock
{
public:
    using executor_type = boost::asio::any_io_executor;

    /// An empty lock, as an error delivers it.
    lock() noexcept = default;

    lock(lock&& other) noexcept = default;

    /// Releases the lock that is assigned to.
    lock& operator=(lock&& other) noexcept = default;

    /// Releases.
    ~lock() = default;

    void swap(lock& other) noexcept { hold_.swap(other.hold_); }
    friend void swap(lock& a, lock& b) noexcept { a.swap(b); }

    /// Whether the resource is this lock's at this moment: its state is `held` and its ttl has not run out. Compares
    /// the clock, so it turns false in time even if the process was stopped and no timer has run.
    [[nodiscard]] PRIORITY_REDLOCK_DECL bool is_held() const noexcept;

    /// Same as `is_held()`.
    [[nodiscard]] explicit operator bool() const noexcept { return is_held(); }

    /// Where the lock is in its life.
    /// `held` may be stale by the length of a timer's delay after the ttl ran out; `is_held()` is not.
    [[nodiscard]] PRIORITY_REDLOCK_DECL lock_state state() const noexcept;

    /// When the ttl ends; `clock::time_point::max()` if it is infinite, `clock::time_point::min()` if the lock is
    /// empty. Of a composite: the earliest end of its parts.
    [[nodiscard]] PRIORITY_REDLOCK_DECL clock::time_point expires_at() const noexcept;

    /// The name of the resource; empty if the lock is.
    /// Of a composite: the names of its parts, joined by ", " for people to read.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::string_view resource() const noexcept;

    /// The locker that acquired it; a generated id begins with '#'.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::string_view locker_id() const noexcept;

    /// What a preempting locker has to exceed: the highest priority among the handles of this locker. Of a composite:
    /// the lowest priority of its parts, since who takes one takes all.
    [[nodiscard]] PRIORITY_REDLOCK_DECL int priority() const noexcept;

    /// A number that is greater than that of every earlier grant of this resource (Kleppmann's fencing token). Handles
    /// of one re-entrant locker share it. It begins at the system clock in microseconds, so it rises over restarts as
    /// long as that clock does and a resource is granted less than a million times a second on average. 0 if empty, and
    /// for a composite, whose parts have one each.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::uint64_t fencing_token() const noexcept;

    /// The locks that this one is made of: for a composite those of its parts, in the order of their names; for any
    /// other lock itself; none for an empty one. Valid as long as the names are.
    [[nodiscard]] PRIORITY_REDLOCK_DECL std::span<const lock> parts() const noexcept;

    /// The executor that operations on this lock complete on by default: the manager's. An empty lock knows of none and
    /// returns `asio::system_executor`, but calls no handler there: `async_wait`, `async_release` and `async_extend` of
    /// an empty lock complete on the executor that the handler brings, as that of a coroutine or one that is bound
    /// does; if it brings none, the initiating function throws `boost::system::system_error` of `errc::not_held`.
    [[nodiscard]] PRIORITY_REDLOCK_DECL executor_type get_executor() const;

    /// Gives the resource to the next in line. Returns at once; never throws. Harmless if the lock is empty or has
    /// ended. For a lock in state `revoking` it tells the preempting locker that the way is free.
    ///
    /// A re-entrant locker's resource is freed with its last handle.
    PRIORITY_REDLOCK_DECL void release() noexcept;

    /// Releases, and completes when it has taken effect: in memory at once; over Redis when a quorum of nodes has
    /// confirmed it or, if they cannot be reached, when the ttl is over there, which is no error. Of a handle that is
    /// not its locker's last: at once.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Errors
    /// None: released (or, if it was `revoking`, acknowledged). `errc::not_held`: it was empty or had ended.
    /// @par Per-operation cancellation
    /// None: a release is not taken back.
    /// @par Object lifetimes
    /// The lock may be destroyed or moved while the operation is pending.
    template <boost::asio::completion_token_for<void(error_code)> Token = boost::asio::deferred_t>
    auto async_release(Token&& token = Token())
    {
        return boost::asio::async_initiate<Token, void(error_code)>(detail::initiate_release(get_executor()), token,
                                                                    detail::hold_pin(hold_.get()));
    }

    /// Gives a held lock a new end: `ttl` from now. All handles of the locker share it. Of a composite: all its parts.
    /// If that is earlier than the present end, this manager sees to it: should its process die, a store keeps the lock
    /// until its former end.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Errors
    /// None: extended. `errc::not_held`: it is empty, revoking or has ended, or the store has it no more: then it is
    /// `lost`. `errc::invalid_argument`: `ttl` is zero or negative, or longer than the store allows
    /// (`redis_options::max_ttl`). `errc::no_quorum` (over Redis): the nodes did not answer; the lock is as before.
    /// @par Per-operation cancellation
    /// None. In memory it completes at once, over Redis within `redis_options::node_timeout`, one after the other.
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
    /// The lock is released, preempted, expires or is lost. If it has already ended, or is revoking: at once.
    /// @par Errors
    /// None: released by its owner. `boost::asio::error::operation_aborted`: preempted (then `state()` is `revoking` or
    /// `preempted`), or the wait was cancelled (then it is not). `errc::expired`: the ttl ran out. `errc::lost`: the
    /// protocol could not keep it. `errc::not_held`: the lock is empty.
    ///
    /// This is a notice handler: after a preemption the next locker's grant waits until it has returned, even when the
    /// grace is zero.
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

    /// Adapts a completion token so that the operation it is given to is cancelled when this lock ends, by release too.
    ///
    /// @code
    /// co_await socket.async_read_some(buffer, lk.guard(asio::use_awaitable));
    /// @endcode
    ///
    /// The cancellation is terminal and is emitted on the handler's associated executor, else on that of the operation,
    /// else on the lock's; as for any cancellation slot that must be an implicit or explicit strand, and the operation
    /// must be started on it. The token's own cancellation slot keeps working. If the lock has already ended and the
    /// operation's signature begins with an error_code, the operation is not started and completes with
    /// `boost::asio::error::operation_aborted`.
    ///
    /// A guarded operation is a notice handler: after a preemption the next locker's grant waits until the operation's
    /// handler has returned, at most until the ttl ends. Guard only operations that can be cancelled.
    ///
    /// A handler must not take this lock along by moving it into itself, as in `lk.guard([held = std::move(lk)] ...)`:
    /// the argument is made first and leaves an empty lock to guard. Let it share the lock by a `shared_ptr`.
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
