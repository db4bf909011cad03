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

/// What `resume()` returns.
struct resume_t
{
    acquire_options options;
};

/// What `restart()` returns.
struct restart_t
{
    acquire_options options;
};

/// What `reject()` returns.
struct reject_t
{
    error_code reason;
};

/// What `replace()` returns.
template <class Transaction>
struct replace_t
{
    Transaction transaction;
    acquire_options options;
};

/// Recovery: lets the step in flight finish, acquires the lock again and goes on from there, with all local variables
/// intact. Before a transaction has begun: begins it. One that has already been unwound, since it had guarded a step by
/// its lock, cannot resume; the run then ends with the reason of the loss.
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
/// transaction, of the same result, instead. From then on `restart` means that one.
template <class Transaction>
[[nodiscard]] replace_t<std::decay_t<Transaction>> replace(Transaction&& transaction,
                                                           const acquire_options& options = {})
{
    return {std::forward<Transaction>(transaction), options};
}

/// Recovery: cancels the step in flight, lets the transaction unwind and ends the run with this error; without one,
/// with the error that the recovery was asked about.
[[nodiscard]] inline reject_t reject(error_code reason = {}) noexcept
{
    return {reason};
}

/// Resumes after each loss of the lock, until the transaction has ended.
inline constexpr resume_t always_resume{};

/// Restarts after each loss of the lock, until the transaction has ended. One that is longer than the time between two
/// losses never ends.
inline constexpr restart_t always_restart{};

/// Any recovery of transactions that return R and work on these resources: for handlers that choose between several.
/// Converts from what `resume`, `restart`, `replace` and `reject` return; by default it rejects.
///
/// The options of a recovery override those of the acquire before, for this and all later ones of the run.
template <class R, class... Resources>
class recovery
{
public:
    recovery() noexcept = default;
    recovery(const resume_t& r) noexcept : kind_(detail::recovery_kind::resume), options_(r.options) {}
    recovery(const restart_t& r) noexcept : kind_(detail::recovery_kind::restart), options_(r.options) {}
    recovery(const reject_t& r) noexcept : reason_(r.reason) {}

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

    /// Whether it is to replace the transaction by a null function.
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

/// What a handler's answer is, or comes to.
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

/// What can recover transactions that return R: one of the recoveries; or a handler that is called with the error and
/// returns a recovery, or is a coroutine that does.
template <class T, class R, class... Resources>
concept recovery_for = detail::recovery_value<std::decay_t<T>, R, Resources...>
                       || detail::recovery_handler<std::decay_t<T>, R, Resources...>;

} // namespace priority_redlock

#endif
