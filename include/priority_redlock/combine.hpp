// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_COMBINE_HPP
#define PRIORITY_REDLOCK_COMBINE_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/synchronized.hpp>

#include <memory>
#include <tuple>

namespace priority_redlock {

namespace detail {

/// The acquire specification of both together, with these options overriding theirs.
/// @throws std::invalid_argument they belong to different managers.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<const acquire_spec> combine(const acquire_spec& a,
                                                                                const acquire_spec& b,
                                                                                const acquire_options& options);

template <class... As, class... Bs>
[[nodiscard]] synchronized<As..., Bs...> join(const synchronized<As...>& a, const synchronized<Bs...>& b,
                                              const acquire_options& options = {})
{
    return access::make<synchronized<As..., Bs...>>(combine(access::spec(a), access::spec(b), options),
                                                    std::tuple_cat(access::resources(a), access::resources(b)));
}

} // namespace detail

/// Makes one `synchronized` over the objects of several. Its transactions run under all their locks and are called with
/// all the objects, in this order.
///
/// @code
/// synchronized both = combine(from, to);
/// co_await both.async_run([](account& a, account& b, transaction_context& transaction) -> asio::awaitable<void> {
///     ...
/// });
/// @endcode
///
/// The locks are acquired as by `async_acquire_all`, so acquires cannot deadlock with each other, whatever their order.
/// If one lock is lost, all are lost. Each resource keeps its options; the options of a run or a recovery apply to
/// every resource. If all the objects have the same locker id, the new object has it too and is re-entrant with them.
/// Otherwise each of its runs is a separate locker and excludes theirs.
///
/// @throws std::invalid_argument they belong to different managers.
/// @par Object lifetimes
/// The result refers to the manager and the objects, not to the `synchronized` objects that were combined.
template <class... As, class... Bs, class... Rest>
[[nodiscard]] auto combine(const synchronized<As...>& a, const synchronized<Bs...>& b, const Rest&... rest)
{
    if constexpr (sizeof...(Rest) == 0)
        return detail::join(a, b);
    else
        return combine(detail::join(a, b), rest...);
}

/// As above, with options that override those of the two.
template <class... As, class... Bs>
[[nodiscard]] auto combine(const synchronized<As...>& a, const synchronized<Bs...>& b, const acquire_options& options)
{
    return detail::join(a, b, options);
}

} // namespace priority_redlock

#endif
