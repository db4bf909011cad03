// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_COMBINE_HPP
#define PRIORITY_REDLOCK_COMBINE_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/locker.hpp>

#include <memory>
#include <tuple>

namespace priority_redlock {

namespace detail {

/// The recipe of a locker of all parts of both.
/// @throws std::invalid_argument they belong to different managers.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<const lock_recipe> combine(const lock_recipe& a,
                                                                               const lock_recipe& b);

/// Takes lockers apart and makes others.
struct locker_access
{
    template <class... As, class... Bs>
    [[nodiscard]] static locker<As..., Bs...> join(const locker<As...>& a, const locker<Bs...>& b)
    {
        return {combine(*a.recipe_, *b.recipe_), std::tuple_cat(a.resources_, b.resources_)};
    }
};

} // namespace detail

/// One locker over the resources of several: its transactions run under all their locks, and are called with all their
/// objects, in this order.
///
/// @code
/// locker both = combine(from, to);
/// co_await both.async_run([](account& a, account& b, transaction_context& transaction) -> asio::awaitable<void> {
///     ...
/// });
/// @endcode
///
/// The locks are acquired as by `async_acquire_all`: such lockers cannot deadlock with each other, whatever their
/// order. Losing one of the locks is losing them all. Each resource keeps the options of its locker; those of a run or
/// a recovery apply to every one of them. Lockers that have the same locker id give it to the new one, which is then
/// re-entrant with them; otherwise each of its runs is a locker of its own, and excludes theirs.
///
/// @throws std::invalid_argument the lockers belong to different managers.
/// @par Object lifetimes
/// The combined locker refers to the manager and the objects, not to the lockers.
template <class... As, class... Bs, class... Rest>
[[nodiscard]] auto combine(const locker<As...>& a, const locker<Bs...>& b, const Rest&... rest)
{
    if constexpr (sizeof...(Rest) == 0)
        return detail::locker_access::join(a, b);
    else
        return combine(detail::locker_access::join(a, b), rest...);
}

} // namespace priority_redlock

#endif
