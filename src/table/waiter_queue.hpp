// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The queue of a resource: who is served first (I7), and a container in that order.
//
// Without ageing most waiters share a few ranks and come in the order of their tickets. So the waiters of one rank are
// a ring, and only the first of each ring is in a tree. To append a waiter and to take the first costs a few pointers,
// however many wait. With ageing nearly every waiter has a rank of its own, and the tree does the work.

#ifndef PRIORITY_REDLOCK_SRC_WAITER_QUEUE_HPP
#define PRIORITY_REDLOCK_SRC_WAITER_QUEUE_HPP

#include "table/intrusive.hpp"
#include "table/work_count.hpp"

#include <priority_redlock/detail/waiter.hpp>

#include <cstddef>
#include <iterator>

namespace priority_redlock::detail {

/// The order of I7: the higher rank first, and of one rank the lower ticket.
[[nodiscard]] inline bool is_before(const waiter& a, const waiter& b) noexcept
{
    count_work();
    return a.rank != b.rank ? a.rank > b.rank : a.ticket < b.ticket;
}

/// The same for one that comes now, whose ticket is the highest.
[[nodiscard]] inline bool is_before(const rank_key& newcomer, const waiter& w) noexcept
{
    return newcomer > w.rank;
}

/// The waiters of a resource in the order of `is_before`.
class waiter_queue
{
    struct by_rank
    {
        static bool above(const rank_key& a, const rank_key& b) noexcept
        {
            count_work();
            return a > b;
        }
        bool operator()(const waiter& a, const waiter& b) const noexcept { return above(a.rank, b.rank); }
        bool operator()(const waiter& w, const rank_key& k) const noexcept { return above(w.rank, k); }
        bool operator()(const rank_key& k, const waiter& w) const noexcept { return above(k, w.rank); }
    };
    using tree_type = set_of<waiter, rank_tag, by_rank>;

public:
    template <class Waiter>
    class basic_iterator
    {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = waiter;
        using difference_type = std::ptrdiff_t;
        using pointer = Waiter*;
        using reference = Waiter&;

        basic_iterator() = default;
        basic_iterator(const tree_type* tree, Waiter* at) noexcept : tree_(tree), at_(at) {}

        reference operator*() const noexcept { return *at_; }
        pointer operator->() const noexcept { return at_; }
        basic_iterator& operator++() noexcept
        {
            count_work();
            at_ = at_->next_in_rank;
            if (at_->leads) { // round once
                const auto next = std::next(tree_->iterator_to(*at_));
                at_ = next == tree_->end() ? nullptr : const_cast<Waiter*>(&*next);
            }
            return *this;
        }
        basic_iterator operator++(int) noexcept
        {
            const auto before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const basic_iterator& a, const basic_iterator& b) noexcept { return a.at_ == b.at_; }

    private:
        const tree_type* tree_ = nullptr;
        Waiter* at_ = nullptr;
    };

    using iterator = basic_iterator<waiter>;
    using const_iterator = basic_iterator<const waiter>;

    [[nodiscard]] bool empty() const noexcept { return tree_.empty(); }

    /// The one that is served last. Not of an empty queue.
    [[nodiscard]] waiter& back() noexcept { return *tree_.rbegin()->previous_in_rank; }
    [[nodiscard]] const waiter& back() const noexcept { return *tree_.rbegin()->previous_in_rank; }

    [[nodiscard]] iterator begin() noexcept { return {&tree_, empty() ? nullptr : &*tree_.begin()}; }
    [[nodiscard]] iterator end() noexcept { return {}; }
    [[nodiscard]] const_iterator begin() const noexcept { return {&tree_, empty() ? nullptr : &*tree_.begin()}; }
    [[nodiscard]] const_iterator end() const noexcept { return {}; }

    [[nodiscard]] iterator iterator_to(waiter& w) noexcept { return {&tree_, &w}; }

    void insert(waiter& w) noexcept
    {
        tree_type::insert_commit_data place;
        auto lead = tree_.begin();
        if (empty() || lead->rank != w.rank) {
            const auto [at, is_new] = tree_.insert_check(w.rank, by_rank(), place);
            if (is_new) {
                w.next_in_rank = w.previous_in_rank = &w;
                w.leads = true;
                tree_.insert_commit(w, place);
                return;
            }
            lead = at;
        }
        waiter* after = lead->previous_in_rank; // the last
        while (!after->leads && is_before(w, *after))
            after = after->previous_in_rank;
        if (after->leads && is_before(w, *after)) { // before all of them
            lead->leads = false;
            w.leads = true;
            after = lead->previous_in_rank;
            tree_.replace_node(lead, w);
        } else {
            w.leads = false;
        }
        w.previous_in_rank = after;
        w.next_in_rank = after->next_in_rank;
        after->next_in_rank->previous_in_rank = &w;
        after->next_in_rank = &w;
    }

    void erase(waiter& w) noexcept
    {
        waiter& next = *w.next_in_rank;
        if (w.leads) {
            if (&next == &w) {
                tree_.erase(tree_.iterator_to(w));
                return;
            }
            next.leads = true;
            tree_.replace_node(tree_.iterator_to(w), next);
        }
        w.previous_in_rank->next_in_rank = &next;
        next.previous_in_rank = w.previous_in_rank;
    }

    /// Forgets all of them, without touching them.
    void clear() noexcept { tree_.clear(); }

private:
    tree_type tree_;
};

} // namespace priority_redlock::detail

#endif
