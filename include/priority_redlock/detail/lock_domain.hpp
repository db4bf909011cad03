// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_LOCK_DOMAIN_HPP
#define PRIORITY_REDLOCK_DETAIL_LOCK_DOMAIN_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace priority_redlock {
class lock;
}

namespace priority_redlock::detail {

struct hold;
struct owner_answer;
class notice;

/// Where holds live: what a lock, and every operation on it, talks to. Its functions may be called from any thread
/// (from one implicit strand where the manager is single-threaded) and call no user code but executors.
///
/// A hold keeps its domain alive.
class lock_domain
{
public:
    [[nodiscard]] virtual time_point now() const noexcept = 0;

    /// The default executor of the operations of a lock. Empty once the execution context has been shut down.
    [[nodiscard]] virtual boost::asio::any_io_executor executor() const = 0;

    /// Keeps the execution context from being destroyed, for a moment. Null once it has been shut down.
    [[nodiscard]] virtual std::shared_ptr<const void> borrow_context() const noexcept = 0;

    [[nodiscard]] virtual std::string_view resource_name(const hold& h) const noexcept = 0;

    // The handle.

    /// Ends the hold on behalf of its owner. False if it had ended already.
    virtual bool release(hold& h) noexcept = 0;

    /// The handle is gone: releases, and gives up the handle's reference.
    virtual void drop(hold& h) noexcept = 0;

    /// The completion that delivered the grant has run; gives up its reference.
    virtual void delivered(hold& h) noexcept = 0;

    // References that keep a hold from being reused.

    virtual void reference(hold& h) noexcept = 0;
    virtual void unreference(hold& h) noexcept = 0;

    // Waits for the end.

    /// Counts n as a notice handler and links it. False, and nothing done, if the hold has ended (or is revoking).
    virtual bool add_notice(hold& h, notice& n) noexcept = 0;

    /// Counts a notice handler that was started after the end, without linking it.
    virtual void count_notice(hold& h) noexcept = 0;

    /// Unlinks n. False if it is not linked: it has been told. It still counts as a notice handler.
    virtual bool remove_notice(hold& h, notice& n) noexcept = 0;

    /// Ends the wait of n with `operation_aborted`, if it is linked. It may be gone if it was told the end of h.
    virtual void cancel_notice(hold& h, notice& n) noexcept = 0;

    /// n has run, or never will: it counts no more, and its reference is given up.
    virtual void notice_done(hold& h) noexcept = 0;

    /// Gives a held lock a higher priority, if it is higher. False unless held.
    virtual bool raise(hold& h, int priority) noexcept = 0;

    /// Has a held lock go as if a higher priority had come, once its locker has no other handle that is to stay.
    virtual void revoke(hold& h) noexcept = 0;

    /// The locks that this one is made of; null if it is one by itself.
    [[nodiscard]] virtual const std::vector<lock>* parts(const hold&) const noexcept { return nullptr; }

    // Changes that may have to ask a store.

    /// Withdraws the acquire that waits for this hold, if it still does.
    virtual void cancel_acquire(hold& h) noexcept = 0;

    /// Gives up the reference of what may call `cancel_acquire`.
    virtual void cannot_cancel(hold& h) noexcept = 0;

    /// Whether the answers of `release` and `extend` are known at once. If not, the two functions below are used.
    [[nodiscard]] virtual bool answers_at_once() const noexcept = 0;
    virtual error_code extend(hold& h, duration d) = 0;
    virtual void async_release(hold& h, boost::asio::any_completion_handler<void(error_code)> handler) = 0;
    virtual void async_extend(hold& h, duration d, boost::asio::any_completion_handler<void(error_code)> handler) = 0;

    /// Posts the answer to an owner who has asked for one of them, now or, without memory, after a while.
    virtual void answer(std::shared_ptr<owner_answer> a) noexcept = 0;

protected:
    ~lock_domain() = default;
};

} // namespace priority_redlock::detail

#endif
