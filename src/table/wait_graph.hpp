// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Deadlock detection: which lockers wait for which, to refuse a wait that would close a cycle.
//
// A locker waits for the holder of a resource, unless that has been told to go or will be for the first in line. It
// also waits for every locker that waits for the resource and is ranked before it, since those will hold it first. So a
// hand-over makes nobody wait for anybody for whom he did not wait already.
//
// Only two things can close a cycle. One is a new wait. The other is a locker with several waits for one resource that
// gives up the best of them, and falls back. Both cycles are ones that this locker is part of, so the search begins
// with it. Ageing changes nothing, as the order of those who wait never changes.

#ifndef PRIORITY_REDLOCK_SRC_WAIT_GRAPH_HPP
#define PRIORITY_REDLOCK_SRC_WAIT_GRAPH_HPP

#include "table/intrusive.hpp"
#include "table/name_hash.hpp"
#include "table/waiter_queue.hpp"
#include "table/work_count.hpp"

#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/detail/waiter.hpp>

#include <boost/unordered/unordered_flat_set.hpp>
#include <boost/unordered/unordered_map.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace priority_redlock::detail {

class ranking;

/// The waits of each locker.
class wait_graph
{
public:
    wait_graph(const ranking& ranks, const hash_key& key) : ranks_(ranks), key_(key), lockers_(0, keyed_hash(key)) {}
    wait_graph(const wait_graph&) = delete;
    wait_graph& operator=(const wait_graph&) = delete;

    /// A hold has got its locker's name, or is about to lose it.
    void add(const hold& h);
    void remove(const hold& h) noexcept;

    /// A waiter whose hold is here is in its queue, or was.
    void add(waiter& w) noexcept;
    void remove(waiter& w) noexcept;

    /// The wait that its locker falls back to in the queue of a waiter when that is given up; null if there is none, or
    /// if another one is placed better.
    [[nodiscard]] waiter* fallback(waiter& w) noexcept;

    /// The shortest cycle that a waiter has its locker be part of, for people to read; empty if there is none.
    [[nodiscard]] std::string find_cycle(const waiter& w, const step_time& now) const;

private:
    /// The waits for one resource are together, the best placed first.
    struct by_place
    {
        bool operator()(const waiter& a, const waiter& b) const noexcept
        {
            count_work();
            return a.target->where != b.target->where ? std::less<>()(a.target->where, b.target->where)
                                                      : is_before(a, b);
        }
        bool operator()(const resource* r, const waiter& w) const noexcept { return std::less<>()(r, w.target->where); }
    };
    using wait_set = multiset_of<waiter, locker_tag, by_place>;

    struct locker
    {
        boost::unordered_flat_set<const hold*> holds; // its handles, waits and what is left of them
        wait_set waits;
    };

    [[nodiscard]] static bool is_best(const wait_set& waits, wait_set::const_iterator at) noexcept;
    [[nodiscard]] static bool may_be_waited_for(const locker& l) noexcept;
    [[nodiscard]] locker& at(const hold& h) noexcept { return lockers_.find(h.locker.view())->second; }

    const ranking& ranks_;
    const hash_key key_;
    boost::unordered_map<std::string, locker, keyed_hash, counted_equal> lockers_;
};

} // namespace priority_redlock::detail

#endif
