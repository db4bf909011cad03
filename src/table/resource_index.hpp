// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// All resources of a table one after the other, so that a snapshot can walk through them in slices. Between two slices
// resources come and go. A walk visits each that is there from its beginning to its end exactly once, and none twice.
//
// It begins with the last one. A new resource comes after all others, where no walk gets any more. The place of one
// that goes is filled from where each walk has the same before it: by the next one that a walk would visit, while the
// walk has not been there, and then by the last of all.

#ifndef PRIORITY_REDLOCK_SRC_RESOURCE_INDEX_HPP
#define PRIORITY_REDLOCK_SRC_RESOURCE_INDEX_HPP

#include "table/resource.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace priority_redlock::detail {

/// How far somebody has come who walks through a table. Stays where it is while it is under way.
class resource_walk
{
public:
    resource_walk() = default;
    resource_walk(const resource_walk&) = delete;
    resource_walk& operator=(const resource_walk&) = delete;

    [[nodiscard]] bool is_under_way() const noexcept { return under_way_; }

private:
    friend class resource_index;

    bool under_way_ = false;
    std::size_t left_ = 0; // positions that it has not come to
};

/// Where all resources are. It has places for 2^32.
class resource_index
{
public:
    void add(resource& r)
    {
        r.position = static_cast<std::uint32_t>(all_.size());
        all_.push_back(&r);
    }

    /// Costs a step for each walk that is under way.
    void remove(const resource& r) noexcept
    {
        std::size_t hole = r.position;
        // Those that have come furthest first: what a walk has before it, those behind it have before them, too.
        if (walks_.size() > 1)
            std::sort(walks_.begin(), walks_.end(),
                      [](const resource_walk* a, const resource_walk* b) { return a->left_ < b->left_; });
        for (resource_walk* const each : walks_)
            if (hole < each->left_)
                hole = fill(hole, --each->left_);
        fill(hole, all_.size() - 1);
        all_.pop_back();
    }

    void begin(resource_walk& w)
    {
        walks_.push_back(&w);
        w.under_way_ = true;
        w.left_ = all_.size();
    }

    void end(resource_walk& w) noexcept
    {
        walks_.erase(std::find(walks_.begin(), walks_.end(), &w));
        w.under_way_ = false;
    }

    /// Null: there are no more.
    [[nodiscard]] const resource* next(resource_walk& w) const noexcept
    {
        return w.left_ == 0 ? nullptr : all_[--w.left_];
    }

private:
    std::size_t fill(std::size_t hole, std::size_t from) noexcept
    {
        if (hole != from) { // or it would be one that has been moved away
            all_[hole] = all_[from];
            all_[hole]->position = static_cast<std::uint32_t>(hole);
        }
        return from;
    }

    std::deque<resource*> all_; // not a vector, which copies all of them when it grows
    std::vector<resource_walk*> walks_;
};

} // namespace priority_redlock::detail

#endif
