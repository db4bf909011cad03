// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The search for a cycle. The graph is not stored: its edges are read from the queues and the holders of the table,
// while the lockers are searched breadth first. So the cycle that is found is a shortest one.

#include "table/wait_graph.hpp"

#include "table/ranking.hpp"
#include "table/resource.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <iterator>
#include <vector>

namespace priority_redlock::detail {

namespace {

/// A breadth-first search through the lockers that a locker waits for, directly and indirectly.
class cycle_search
{
public:
    cycle_search(std::string_view start, const ranking& ranks, const hash_key& key)
        : ranks_(ranks), known_(0, keyed_hash(key))
    {
        found_.push_back({start, 0, nullptr});
    }

    [[nodiscard]] bool at_end() const noexcept { return next_ == found_.size(); }
    [[nodiscard]] std::string_view next() noexcept { return found_[next_++].locker; }

    /// This is the best placed wait for a resource of the locker that was given last. True: it closes a cycle, which is
    /// in `text`.
    bool visit(const waiter& best, const step_time& now)
    {
        const resource& r = *best.target->where;
        if (holder_stays(r, ranks_, now) && reach(r.holds.front(), r))
            return true;
        // A part of the queue that was looked at once need not be again.
        auto& seen = queues_.try_emplace(&r, r.waiting.begin()).first->second;
        for (; seen != r.waiting.end() && is_before(*seen, best); ++seen)
            if (reach(*seen->target, r))
                return true;
        return false;
    }

    [[nodiscard]] std::string text() const
    {
        std::string result = via(*closing_) + name(found_.front().locker);
        for (std::size_t i = next_ - 1; i != 0; i = found_[i].from)
            result.insert(0, via(*found_[i].where) + name(found_[i].locker));
        return name(found_.front().locker) + result;
    }

private:
    struct reached
    {
        std::string_view locker;
        std::size_t from;
        const resource* where; // the one it was found from waits for it
    };

    static std::string name(std::string_view locker) { return "locker=" + std::string(locker); }
    static std::string via(const resource& r) { return " -> resource=" + std::string(r.name()) + " -> "; }

    bool reach(const hold& h, const resource& r)
    {
        count_work();
        const std::string_view locker = h.locker.view();
        if (locker == found_.front().locker) {
            closing_ = &r;
            return true;
        }
        if (known_.insert(locker).second)
            found_.push_back({locker, next_ - 1, &r});
        return false;
    }

    const ranking& ranks_;
    std::vector<reached> found_;
    std::size_t next_ = 0;
    const resource* closing_ = nullptr;
    boost::unordered_flat_set<std::string_view, keyed_hash, counted_equal> known_;
    boost::unordered_flat_map<const resource*, waiter_queue::const_iterator> queues_;
};

} // namespace

void wait_graph::add(const hold& h)
{
    const auto it = lockers_.try_emplace(std::string(h.locker.view())).first;
    try {
        it->second.holds.insert(&h);
    } catch (...) {
        if (it->second.holds.empty())
            lockers_.erase(it);
        throw;
    }
}

void wait_graph::remove(const hold& h) noexcept
{
    const auto it = lockers_.find(h.locker.view());
    it->second.holds.erase(&h);
    if (it->second.holds.empty())
        lockers_.erase(it);
}

void wait_graph::add(waiter& w) noexcept
{
    at(*w.target).waits.insert(w);
}

void wait_graph::remove(waiter& w) noexcept
{
    auto& waits = at(*w.target).waits;
    waits.erase(waits.iterator_to(w));
}

bool wait_graph::is_best(const wait_set& waits, wait_set::const_iterator at) noexcept
{
    return at == waits.begin() || std::prev(at)->target->where != at->target->where;
}

waiter* wait_graph::fallback(waiter& w) noexcept
{
    auto& waits = at(*w.target).waits;
    const auto at = waits.iterator_to(w);
    const auto next = std::next(at);
    return is_best(waits, at) && next != waits.end() && next->target->where == w.target->where ? &*next : nullptr;
}

/// False: nobody waits for what it holds, nor behind it.
bool wait_graph::may_be_waited_for(const locker& l) noexcept
{
    return std::any_of(l.holds.begin(), l.holds.end(), [](const hold* h) {
        count_work();
        waiter_queue& waiting = h->where->waiting;
        return !waiting.empty() && &waiting.back() != h->pending;
    });
}

std::string wait_graph::find_cycle(const waiter& w, const step_time& now) const
{
    const auto start = lockers_.find(w.target->locker.view());
    if (!is_best(start->second.waits, start->second.waits.iterator_to(w)))
        return {}; // it changes nothing for its locker, nor for those behind it
    if (!may_be_waited_for(start->second))
        return {}; // most lockers: what they have, nobody else wants
    cycle_search search(start->first, ranks_, key_);
    while (!search.at_end()) {
        const auto next = lockers_.find(search.next());
        if (next == lockers_.end())
            continue;
        const wait_set& waits = next->second.waits;
        for (auto best = waits.begin(); best != waits.end(); best = waits.upper_bound(best->target->where, by_place()))
            if (search.visit(*best, now))
                return search.text();
    }
    return {};
}

} // namespace priority_redlock::detail
