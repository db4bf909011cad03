// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_WAITER_HPP
#define PRIORITY_REDLOCK_DETAIL_WAITER_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/links.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/errc.hpp>

#include <compare>
#include <cstdint>
#include <memory>

namespace priority_redlock::detail {

struct deadline_tag;
struct everyone_tag;
struct locker_tag;
struct rank_tag;
struct renewal_tag;

struct hold;
struct resource;

/// An instant at which a resource or a waiter wants to be looked at again.
struct deadline : tree_links<deadline_tag>
{
    enum class owner_kind : std::uint8_t
    {
        resource,
        waiter,
        lease,
        renewal
    };

    explicit deadline(owner_kind k) noexcept : owner(k) {}

    time_point when = never; // never: not in the table's set of deadlines
    owner_kind owner;
};

/// What keeps a lock with a ttl alive. Made by the acquire, since a grant may not fail for want of memory.
struct renewal : deadline,
                 tree_links<renewal_tag>
{
    renewal(duration t, duration longest) noexcept : deadline(owner_kind::renewal), ttl(t), max_hold(longest) {}

    resource* where = nullptr; // once it is granted
    duration ttl;
    duration max_hold;
    time_point limit = never;         // the lock does not outlive it
    bool due = false;                 // leased: to be asked for
    bool last = false;                // what was asked for goes up to the limit
    bool stands_for_infinite = false; // a lease of the store, for a lock without a ttl
};

/// Where a waiter stands, the higher the further ahead: `whole` - `rest` / interval of ageing. It never changes.
struct rank_key
{
    std::int64_t whole = 0;
    duration rest{}; // less than the interval; without ageing zero

    friend bool operator==(const rank_key&, const rank_key&) = default;
    friend std::strong_ordering operator<=>(const rank_key& a, const rank_key& b) noexcept
    {
        return a.whole != b.whole ? a.whole <=> b.whole : b.rest <=> a.rest;
    }
};

/// An acquire that was not granted at once. Lives in the memory of the operation that waits.
struct waiter : deadline,
                tree_links<rank_tag>,
                tree_links<locker_tag>,
                list_links<everyone_tag>
{
    waiter() noexcept : deadline(owner_kind::waiter) {}

    hold* target = nullptr;
    waiter* next_in_rank = this; // ring of the waiters of one rank, by ticket
    waiter* previous_in_rank = this;
    waiter* next_sibling = this; // ring of the waiters of one locker for one resource
    waiter* previous_sibling = this;
    waiter* next_settled = nullptr;
    std::uint64_t ticket = 0;
    duration ttl = infinite;
    duration grace{};
    time_point since = never; // it waits; never: that is not measured
    time_point timeout_at = never;
    time_point last_attempt_at = never;
    rank_key rank;
    int priority = 0;          // as it was asked for
    bool preempt = true;       // or leaves the holder alone
    bool leads = false;        // its ring in rank
    bool last_try = false;     // waits for one hand-shake only
    bool now_or_never = false; // waits for a store's answer only
    bool indexed = false;      // stands for its siblings in the sibling_index
    std::unique_ptr<renewal> renews;
    error_code result;
};

} // namespace priority_redlock::detail

#endif
