// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_RECOVERY_HPP
#define PRIORITY_REDLOCK_RECOVERY_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/transaction_body.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace priority_redlock {

/// The result of `resume()`.
struct resume_t
{
    /// Options of the next acquire.
    acquire_options options;
};

/// The result of `restart()`.
struct restart_t
{
    /// Options of the next acquire.
    acquire_options options;
};

/// The result of `reject()`.
struct reject_t
{
    /// The error that the run completes with.
    error_code reason;
};

/// The result of `replace()`.
template <class Transaction>
struct replace_t
{
    /// The transaction that runs instead.
    Transaction transaction;

    /// Options of its acquire.
    acquire_options options;
};

/// Recovery: lets the step in flight finish, acquires the lock again and continues from there, with all local variables
/// intact. A transaction that has not begun yet is started. A transaction that guarded a step with its lock may already
/// have been unwound. It cannot resume, and the run ends with the reason of the loss.
[[nodiscard]] inline resume_t resume(const acquire_options& options = {}) noexcept
{
    return {options};
}

/// Recovery: cancels the step in flight, lets the transaction unwind, acquires the lock again and runs the transaction
/// from its start.
[[nodiscard]] inline restart_t restart(const acquire_options& options = {}) noexcept
{
    return {options};
}

/// Recovery: cancels the step in flight, lets the transaction unwind, acquires the lock again and runs another
/// transaction with the same result type instead. From then on `restart` means the replacement.
template <class Transaction>
[[nodiscard]] replace_t<std::decay_t<Transaction>> replace(Transaction&& transaction,
                                                           const acquire_options& options = {})
{
    return {std::forward<Transaction>(transaction), options};
}

/// Recovery: cancels the step in flight, lets the transaction unwind and ends the run with this error. Without an
/// error, the run ends with the error that was passed to the recovery.
[[nodiscard]] inline reject_t reject(error_code reason = {}) noexcept
{
    return {reason};
}

/// Resumes after each loss of the lock, until the transaction has ended.
inline constexpr resume_t always_resume{};

/// Restarts after each loss of the lock, until the transaction has ended. A transaction that takes longer than the time
/// between two losses never ends.
inline constexpr restart_t always_restart{};

/// Holds any recovery of transactions that return R and work on these resources, for handlers that choose between
/// several. Converts from the results of `resume`, `restart`, `replace` and `reject`. A default constructed recovery
/// rejects.
///
/// The options of a recovery override those of the previous acquire, for the next and all later acquires of the run.
template <class R, class... Resources>
class recovery
{
public:
    recovery() noexcept = default;

    /// Resumes.
    recovery(const resume_t& r) noexcept : kind_(detail::recovery_kind::resume), options_(r.options) {}

    /// Restarts.
    recovery(const restart_t& r) noexcept : kind_(detail::recovery_kind::restart), options_(r.options) {}

    /// Rejects.
    recovery(const reject_t& r) noexcept : reason_(r.reason) {}

    /// Replaces the transaction by another one with the same result.
    template <transaction_for<Resources...> Transaction>
        requires std::same_as<transaction_result_t<Transaction, Resources...>, R>
    recovery(replace_t<Transaction> r)
        : kind_(detail::recovery_kind::replace), options_(r.options),
          replacement_(detail::make_replacement<R, Resources...>(std::move(r.transaction)))
    {
    }

private:
    template <class, class, class, class...>
    friend class detail::run_op;

    /// Whether this replaces the transaction by a null function.
    [[nodiscard]] bool lacks_replacement() const noexcept
    {
        return kind_ == detail::recovery_kind::replace && !replacement_;
    }

    detail::recovery_kind kind_ = detail::recovery_kind::reject;
    acquire_options options_{};
    error_code reason_{};
    std::shared_ptr<detail::transaction_body<R, Resources...>> replacement_; // null if it was a null function
};

namespace detail {

/// The type of a handler's answer, awaited if need be.
template <class T>
struct recovery_answer
{
    using type = T;
    static constexpr bool is_awaited = false;
};

template <class T>
struct recovery_answer<boost::asio::awaitable<T>>
{
    using type = T;
    static constexpr bool is_awaited = true;
};

template <class Handler>
using recovery_answer_of = recovery_answer<std::decay_t<std::invoke_result_t<Handler&, error_code>>>;

template <class T, class R, class... Resources>
concept recovery_value = std::convertible_to<T, recovery<R, Resources...>>;

template <class T, class R, class... Resources>
concept recovery_handler = std::invocable<T&, error_code>
                           && std::convertible_to<typename recovery_answer_of<T>::type, recovery<R, Resources...>>;

} // namespace detail

/// A recovery of transactions that return R: one of the recoveries above, or a handler. A handler is called with the
/// error and returns a recovery, or is a coroutine that does.
template <class T, class R, class... Resources>
concept recovery_for = detail::recovery_value<std::decay_t<T>, R, Resources...>
                       || detail::recovery_handler<std::decay_t<T>, R, Resources...>;

} // namespace priority_redlock

#endif
