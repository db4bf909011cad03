// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_WAITER_QUEUE_HPP
#define PRIORITY_REDLOCK_SRC_WAITER_QUEUE_HPP

#include "links.hpp"

#include <priority_redlock/detail/hold.hpp>

#include <cstddef>
#include <iterator>

namespace priority_redlock::detail {

/// The waiters of a resource by rank: higher priority first, then lower ticket.
///
/// Most share a few priorities and come in the order of their tickets. So the waiters of one priority are a ring, and
/// only the first of each ring is in a tree: to append and to take the first costs a few pointers however many wait.
///
/// Where ranks rise with time, waiters of one priority come in any order. There each is a ring of its own.
class waiter_queue
{
    struct by_rank
    {
        bool operator()(const waiter& a, const waiter& b) const noexcept
        {
            return a.priority != b.priority ? a.priority > b.priority : a.ticket < b.ticket;
        }
    };
    struct by_priority
    {
        bool operator()(const waiter& w, int priority) const noexcept { return w.priority > priority; }
        bool operator()(int priority, const waiter& w) const noexcept { return priority > w.priority; }
    };
    using tree_type = multiset_of<waiter, rank_tag, by_rank>;

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

    [[nodiscard]] iterator begin() noexcept { return {&tree_, empty() ? nullptr : &*tree_.begin()}; }
    [[nodiscard]] iterator end() noexcept { return {}; }
    [[nodiscard]] const_iterator begin() const noexcept { return {&tree_, empty() ? nullptr : &*tree_.begin()}; }
    [[nodiscard]] const_iterator end() const noexcept { return {}; }

    void insert(waiter& w) noexcept
    {
        const auto lead = empty()                                 ? tree_.end()
                          : tree_.begin()->priority == w.priority ? tree_.begin()
                                                                  : tree_.find(w.priority, by_priority());
        if (lead == tree_.end()) {
            insert_alone(w);
            return;
        }
        waiter* after = lead->previous_in_rank; // the last
        while (after->ticket > w.ticket && !after->leads)
            after = after->previous_in_rank;
        if (after->ticket > w.ticket) { // before all of them
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

    /// As a ring of its own. Not together with `insert`.
    void insert_alone(waiter& w) noexcept
    {
        w.next_in_rank = w.previous_in_rank = &w;
        w.leads = true;
        tree_.insert(w);
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
