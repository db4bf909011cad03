// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the table knows of one resource: who holds it, who waits for it, and when it has to be looked at next.
//
// There may be millions of them.
// So a resource is one block of memory with its name behind it, and its small fields are bits.

#ifndef PRIORITY_REDLOCK_SRC_RESOURCE_HPP
#define PRIORITY_REDLOCK_SRC_RESOURCE_HPP

#include "table/intrusive.hpp"
#include "table/ranking.hpp"
#include "table/waiter_queue.hpp"

#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/detail/waiter.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace priority_redlock::detail {

using hold_list = list_of<hold, holds_tag>;

enum class resource_status : std::uint8_t
{
    vacant,
    held,
    revoking
};

/// A resource that somebody holds, waits for, or held a moment ago.
struct resource : deadline
{
    static constexpr std::uint32_t nowhere = ~std::uint32_t{0};
    static constexpr unsigned max_waiters = (1u << 25) - 1;

    resource() noexcept : deadline(owner_kind::resource) {}

    /// The name follows the resource in its block.
    [[nodiscard]] std::string_view name() const noexcept
    {
        return {reinterpret_cast<const char*>(this + 1), std::size_t{name_size_less_1} + 1};
    }

    // The small ones first and in bits: they fit beside the deadline's owner, and a million resources are eight
    // megabytes less. Not so the size of the name, which is read without the mutex: neighbouring bits are one location.
    resource_status status : 2 = resource_status::vacant;
    bool grace_over : 1 = false;
    bool announced : 1 = false;           // the last holder was told to go for a composite that has not come yet
    bool touched : 1 = false;             // in lock_table::touched_
    bool has_renewal : 1 = false;         // in lock_table::renewals_
    bool indexed : 1 = false;             // its waiters are in the sibling_index
    bool outranked : 1 = false;           // revoking: also by a waiter that only the store knows
    std::uint16_t name_size_less_1 = 0;   // up to max_name_size
    std::uint32_t warnings : 6 = 0;       // revoking: that the holder overruns; their intervals double
    std::uint32_t remembered : 1 = false; // in lock_table::remembered_
    std::uint32_t waiters : 25 = 0;       // in `waiting`, up to max_waiters
    std::uint32_t hash = 0;               // the lower half
    std::uint32_t position = 0;           // in the resource_index
    hold_list holds; // the holder's handles; while revoking also those whose notice handlers still run
    waiter_queue waiting;
    time_point expires = never;
    duration grace{};
    std::uint64_t token = 0;
    int priority = 0;
    std::uint32_t pins = 0; // holds that point here
    std::uint32_t last_tries = 0;
    std::uint32_t place = nowhere; // in the hold_sampler, if it is measured
};
static_assert(sizeof(void*) != 8 || sizeof(resource) <= 128);

/// When the first in line has the holder go: its rank is above the holder's priority by a whole step.
/// Never: it does not, and so nobody does (P10).
[[nodiscard]] inline time_point preempts_at(const resource& r, const ranking& ranks) noexcept
{
    const waiter* const first = r.waiting.empty() ? nullptr : &*r.waiting.begin();
    return first && first->preempt ? ranks.reaches(first->rank, std::int64_t{r.priority} + 1) : never;
}

/// Whoever waits for the resource waits for its holder: it has not been told to go, nor will be for the first in line.
[[nodiscard]] inline bool holder_stays(const resource& r, const ranking& ranks, const step_time& now) noexcept
{
    return r.status == resource_status::held && !is_due(r.expires, now) && !is_due(preempts_at(r, ranks), now);
}

} // namespace priority_redlock::detail

#endif
