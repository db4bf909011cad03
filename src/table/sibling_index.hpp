// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The waiters of one locker for one resource are siblings: when one is granted, all are (re-entrance).
//
// Siblings are linked in a ring, and a newcomer has to find it. A short queue is searched for one of the ring, which is
// quicker than an index. A queue that has grown longer has its rings in the index, until it is empty.

#ifndef PRIORITY_REDLOCK_SRC_SIBLING_INDEX_HPP
#define PRIORITY_REDLOCK_SRC_SIBLING_INDEX_HPP

#include "table/name_hash.hpp"
#include "table/resource.hpp"
#include "table/work_count.hpp"

#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/waiter.hpp>

#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <string_view>

namespace priority_redlock::detail {

/// Finds the siblings of a waiter.
class sibling_index
{
public:
    explicit sibling_index(const hash_key& of_lockers) : of_ring_(0, hash{of_lockers}) {}
    sibling_index(const sibling_index&) = delete;
    sibling_index& operator=(const sibling_index&) = delete;

    /// Links a waiter with its siblings, before it is in the queue. What throws changes nothing.
    void add(waiter& w)
    {
        if (w.target->anonymous)
            return;
        resource& r = *w.target->where;
        if (waiter* const sibling = find(r, w.target->locker.view())) {
            w.next_sibling = sibling;
            w.previous_sibling = sibling->previous_sibling;
            sibling->previous_sibling->next_sibling = &w;
            sibling->previous_sibling = &w;
        } else if (r.indexed) {
            enter(w);
        }
    }

    /// Takes a waiter from its siblings, after it has left the queue.
    void remove(waiter& w) noexcept
    {
        resource& r = *w.target->where;
        if (!w.target->anonymous) {
            if (w.indexed)
                leave(w);
            w.previous_sibling->next_sibling = w.next_sibling;
            w.next_sibling->previous_sibling = w.previous_sibling;
            w.next_sibling = w.previous_sibling = &w;
        }
        if (r.waiting.empty())
            r.indexed = false;
    }

private:
    /// Waiters of a short queue.
    static constexpr unsigned short_queue = 8;

    struct key
    {
        const resource* where;
        std::string_view locker;
    };

    [[nodiscard]] static key key_of(const waiter& w) noexcept { return {w.target->where, w.target->locker.view()}; }

    struct hash
    {
        using is_transparent = void;
        hash_key locker_key;

        std::size_t operator()(const key& k) const noexcept
        {
            std::size_t seed = static_cast<std::size_t>(hash_name(locker_key, k.locker));
            boost::hash_combine(seed, k.where);
            return seed;
        }
        std::size_t operator()(const waiter* w) const noexcept { return (*this)(key_of(*w)); }
    };

    struct equal
    {
        using is_transparent = void;
        bool operator()(const waiter* a, const waiter* b) const noexcept { return a == b; }
        bool operator()(const key& k, const waiter* w) const noexcept
        {
            count_work();
            return k.where == w->target->where && k.locker == w->target->locker.view();
        }
        bool operator()(const waiter* w, const key& k) const noexcept { return (*this)(k, w); }
    };

    /// A waiter of this locker for this resource, if there is one.
    [[nodiscard]] waiter* find(resource& r, std::string_view locker)
    {
        if (!r.indexed) {
            unsigned searched = 0;
            for (waiter& each : r.waiting) {
                if (++searched > short_queue)
                    break;
                count_work();
                if (!each.target->anonymous && each.target->locker.view() == locker)
                    return &each;
            }
            if (searched <= short_queue)
                return nullptr;
            for (waiter& each : r.waiting)
                if (!each.target->anonymous)
                    enter(each);
            r.indexed = true;
        }
        const auto it = of_ring_.find(key{&r, locker});
        return it == of_ring_.end() ? nullptr : *it;
    }

    /// Unless one of its siblings is in the index.
    void enter(waiter& w)
    {
        if (of_ring_.contains(key_of(w)))
            return;
        of_ring_.insert(&w);
        w.indexed = true;
    }

    void leave(waiter& w) noexcept
    {
        const auto it = of_ring_.find(key_of(w));
        if (w.next_sibling == &w) {
            of_ring_.erase(it);
        } else { // the next one stands for the ring now, in place: the key stays the same
            const_cast<waiter*&>(*it) = w.next_sibling;
            w.next_sibling->indexed = true;
        }
        w.indexed = false;
    }

    boost::unordered_flat_set<waiter*, hash, equal> of_ring_; // one of each ring
};

} // namespace priority_redlock::detail

#endif
