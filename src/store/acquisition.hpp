// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What a manager knows of its acquisitions in a store.
//
// To end a lock takes no memory. So these are made when an acquire is queued, before it is linked, and have room for
// all that becomes of it: the request that is to be sent, the time when it is sent again, and its end until the store
// has confirmed that.

#ifndef PRIORITY_REDLOCK_SRC_STORE_ACQUISITION_HPP
#define PRIORITY_REDLOCK_SRC_STORE_ACQUISITION_HPP

#include "owner_answer.hpp"
#include "table/intrusive.hpp"
#include "table/lock_table.hpp"

#include <priority_redlock/protocol.hpp>

#include <cstdint>
#include <functional>
#include <optional>

namespace priority_redlock::detail {

struct acquisition_tag;
struct lease_tag;
struct outbox_tag;

/// Which hold a request is to renew.
struct renewed_hold
{
    acquisition_id id;
    bool moves_end = false;       // or only tells of a priority
    std::uint32_t extensions = 0; // of the hold, when it was asked for
};

struct lease_request
{
    enum class operation : std::uint8_t
    {
        obtain,
        renew, // an obtain of what is held
        end,
    };

    operation op = operation::obtain;
    obtain_request obtain; // end: its id
    renewed_hold renewed;  // renew
};

struct lease;

/// What the store was asked for under one id, until it has confirmed the end of that.
struct acquisition : lease_deadline,
                     tree_links<acquisition_tag>,
                     list_links<outbox_tag>
{
    acquisition() noexcept : lease_deadline(purpose::repeat_end) {}

    acquisition_id id;
    lease* of = nullptr; // null: it is being given back
    lease_request::operation to_send = lease_request::operation::obtain;
    bool queued = false;     // to be sent
    bool moves_end = false;  // renew
    time_point until;        // renew
    std::uint32_t asked = 0; // renew: extensions of the hold so far
    owner_answers waiting;   // for the end: async_release
};

/// What a manager has of a resource in the store: what it holds there, and what it is registered for.
struct lease : lease_deadline,
               tree_links<lease_tag>
{
    lease() noexcept : lease_deadline(purpose::ask) {}

    resource* where = nullptr;
    acquisition* held = nullptr;
    std::uint64_t held_ticket = 0;
    int held_priority = 0;        // that the store was told
    std::optional<int> thief;     // the priority of one that is another manager's
    std::uint32_t extending = 0;  // by its owner
    std::uint32_t extensions = 0; // of the hold, by its owner, so far
    bool failing = false;         // its last renewal has failed
    acquisition* wanted = nullptr;
    std::uint64_t wanted_ticket = 0; // the waiter that it is wanted for
    std::uint64_t wanted_since = 0;  // the last ticket when it came to be wanted: who has one so low waits as long
    bool wanted_once = false;
};

struct by_acquisition_id
{
    bool operator()(const acquisition& a, const acquisition& b) const noexcept { return a.id < b.id; }
    bool operator()(const acquisition& a, const acquisition_id& b) const noexcept { return a.id < b; }
    bool operator()(const acquisition_id& a, const acquisition& b) const noexcept { return a < b.id; }
};

// Not keyed by the pointer itself, which converts to one to a node.
struct by_leased_resource
{
    bool operator()(const lease& a, const lease& b) const noexcept { return std::less<>()(a.where, b.where); }
    bool operator()(const lease& l, const resource& r) const noexcept { return std::less<>()(l.where, &r); }
    bool operator()(const resource& r, const lease& l) const noexcept { return std::less<>()(&r, l.where); }
};

using acquisition_set = set_of<acquisition, acquisition_tag, by_acquisition_id>;
using lease_set = set_of<lease, lease_tag, by_leased_resource>;

} // namespace priority_redlock::detail

#endif
