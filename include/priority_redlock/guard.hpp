// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_GUARD_HPP
#define PRIORITY_REDLOCK_GUARD_HPP

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/guard_op.hpp>
#include <priority_redlock/detail/hold_ref.hpp>

#include <boost/asio/async_result.hpp>

#include <type_traits>
#include <utility>

namespace priority_redlock {

/// The completion token that `lock::guard` returns. Pass it to an asynchronous operation; it has no other public
/// interface.
template <class Token>
class guard_t
{
public:
    /// Only for `lock::guard`.
    template <class T>
    guard_t(T&& token, detail::hold_pin pin) : token_(std::forward<T>(token)), pin_(std::move(pin))
    {
    }

private:
    friend struct detail::access;

    Token token_;
    detail::hold_pin pin_;
};

} // namespace priority_redlock

/// @cond
template <class Token, boost::asio::completion_signature... Signatures>
class boost::asio::async_result<priority_redlock::guard_t<Token>, Signatures...>
{
    template <class Initiation>
    using initiation_type = priority_redlock::detail::initiate_guarded<std::decay_t<Initiation>, Signatures...>;

    template <class Guard>
    using token_type = std::conditional_t<std::is_const_v<std::remove_reference_t<Guard>>, const Token, Token>;

public:
    // The return type is spelled out so that asking for it does not instantiate the operation.
    template <class Initiation, class Guard, class... Args>
    static auto initiate(Initiation&& initiation, Guard&& guard, Args&&... args)
        -> decltype(boost::asio::async_initiate<token_type<Guard>, Signatures...>(
            std::declval<initiation_type<Initiation>>(), std::declval<token_type<Guard>&>(),
            std::declval<priority_redlock::detail::hold_pin>(), std::forward<Args>(args)...))
    {
        using access = priority_redlock::detail::access;
        return boost::asio::async_initiate<token_type<Guard>, Signatures...>(
            initiation_type<Initiation>(std::forward<Initiation>(initiation)), access::token(guard), access::pin(guard),
            std::forward<Args>(args)...);
    }
};
/// @endcond

#endif
