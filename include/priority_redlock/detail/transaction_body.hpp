// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_TRANSACTION_BODY_HPP
#define PRIORITY_REDLOCK_DETAIL_TRANSACTION_BODY_HPP

#include <priority_redlock/transaction_context.hpp>

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace priority_redlock {

/// A function that is called with the protected objects and a `transaction_context`, and returns an awaitable. It may
/// be called several times, one after the other.
template <class T, class... Resources>
concept transaction_for =
    std::invocable<std::decay_t<T>&, Resources&..., transaction_context&>
    && detail::is_plain_awaitable<
        std::decay_t<std::invoke_result_t<std::decay_t<T>&, Resources&..., transaction_context&>>>;

/// What a transaction's awaitable returns.
template <class T, class... Resources>
using transaction_result_t =
    typename std::invoke_result_t<std::decay_t<T>&, Resources&..., transaction_context&>::value_type;

namespace detail {

/// What becomes of a transaction that has lost its lock.
enum class recovery_kind : std::uint8_t
{
    resume,
    restart,
    replace,
    reject
};

/// Whether f is a function object or pointer without a function.
template <class F>
[[nodiscard]] bool is_null_function(const F& f) noexcept
{
    if constexpr (std::is_assignable_v<std::decay_t<F>&, std::nullptr_t>
                  && requires { static_cast<bool>(f == nullptr); })
        return f == nullptr;
    else
        return false;
}

/// A transaction without its own type.
template <class R, class... Resources>
class transaction_body
{
public:
    transaction_body() = default;
    transaction_body(const transaction_body&) = delete;
    transaction_body& operator=(const transaction_body&) = delete;
    virtual ~transaction_body() = default;

    virtual boost::asio::awaitable<R> begin(Resources&... resources, transaction_context& context) = 0;
};

template <class Transaction, class R, class... Resources>
class replacement_body final : public transaction_body<R, Resources...>
{
public:
    explicit replacement_body(Transaction transaction) : transaction_(std::move(transaction)) {}

    boost::asio::awaitable<R> begin(Resources&... resources, transaction_context& context) override
    {
        return std::invoke(transaction_, resources..., context);
    }

private:
    Transaction transaction_;
};

template <class R, class... Resources, class Transaction>
[[nodiscard]] std::shared_ptr<transaction_body<R, Resources...>> make_replacement(Transaction transaction)
{
    if (is_null_function(transaction))
        return nullptr;
    return std::make_shared<replacement_body<Transaction, R, Resources...>>(std::move(transaction));
}

template <class Handler, class Transaction, class Recovery, class... Resources>
class run_op;

} // namespace detail
} // namespace priority_redlock

#endif
