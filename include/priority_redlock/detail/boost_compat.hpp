// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_BOOST_COMPAT_HPP
#define PRIORITY_REDLOCK_DETAIL_BOOST_COMPAT_HPP

// All in which Boost 1.81 to 1.92 differ, and all that has no public name in Asio. No other header names
// `asio::detail`.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detail/config.hpp>
#if __has_include(<boost/asio/associated_immediate_executor.hpp>)
#include <boost/asio/associated_immediate_executor.hpp>
#endif
#if __has_include(<boost/asio/default_completion_token.hpp>)
#include <boost/asio/default_completion_token.hpp> // in async_result.hpp before
#endif

#include <type_traits>

#ifndef BOOST_ASIO_INLINE_NAMESPACE_BEGIN
#define BOOST_ASIO_INLINE_NAMESPACE_BEGIN
#define BOOST_ASIO_INLINE_NAMESPACE_END
#endif

namespace boost::asio {
BOOST_ASIO_INLINE_NAMESPACE_BEGIN
namespace detail {

// Declared here, so that not everybody pays for the headers that define them.

template <typename T, typename Blocking>
class promise_executor;

template <typename Executor, typename... Ts>
class awaitable_handler;

} // namespace detail
BOOST_ASIO_INLINE_NAMESPACE_END
} // namespace boost::asio

namespace priority_redlock::detail {

/// Whether an executor is that of use_future: the system's threads, of which the user of a future knows nothing. What
/// is bound to it runs where the operation does. Asio has no trait that tells it from others.
template <class Executor>
inline constexpr bool is_of_future = false;

template <class T, class Blocking>
inline constexpr bool is_of_future<boost::asio::detail::promise_executor<T, Blocking>> = true;

/// The handler that an operation gets from `co_await operation(asio::use_awaitable)`. What many translation units would
/// instantiate for it is instantiated once, in the library, which has to name it.
template <class... Results>
using coroutine_handler = boost::asio::detail::awaitable_handler<boost::asio::any_io_executor, Results...>;

/// The token of operations that are given none: what the executor's type names, else `deferred`, which older ones do
/// not say by themselves.
template <class Executor>
using default_completion_token_t =
    std::conditional_t<std::is_void_v<boost::asio::default_completion_token_t<Executor>>, boost::asio::deferred_t,
                       boost::asio::default_completion_token_t<Executor>>;

#if __has_include(<boost/asio/associated_immediate_executor.hpp>)
using boost::asio::associated_immediate_executor_t;
using boost::asio::get_associated_immediate_executor;
#else // no handler had one before 1.82
template <class Handler, class Executor>
using associated_immediate_executor_t = Executor;

template <class Handler, class Executor>
Executor get_associated_immediate_executor(const Handler&, const Executor& ex) noexcept
{
    return ex;
}
#endif

} // namespace priority_redlock::detail

#endif
