// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_NOTICE_HPP
#define PRIORITY_REDLOCK_DETAIL_NOTICE_HPP

#include <priority_redlock/errc.hpp>

#include <utility>

namespace priority_redlock::detail {

/// Something that is told when a hold ends: a pending async_wait, or an operation under guard.
class notice
{
public:
    notice() = default;
    notice(const notice&) = delete;
    notice& operator=(const notice&) = delete;

    /// Keeps it alive until `tell` or `abandon`.
    /// Called under the domain's mutex when it is taken out of its list, with `reason` set.
    virtual void keep() noexcept = 0;

    /// Tells it `reason`. Called without any mutex, by whichever thread ended the hold.
    virtual void tell() = 0;

    /// Lets go of it untold, because its execution context goes away.
    virtual void abandon() noexcept = 0;

    error_code reason; // set when it is taken out of its list

protected:
    ~notice() = default;

private:
    friend class notice_list;

    notice* next_ = nullptr;
    notice** link_ = nullptr; // where its list points to it; null if it cannot be removed
};

/// Notices in the order in which they came. One leaves at the same cost however many there are.
class notice_list
{
public:
    notice_list() = default;
    notice_list(const notice_list&) = delete;
    notice_list& operator=(const notice_list&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void push_back(notice& n) noexcept
    {
        n.next_ = nullptr;
        n.link_ = end_;
        *end_ = &n;
        end_ = &n.next_;
    }

    /// False if it is not there. Of an empty list it may be gone: nothing is asked of it.
    bool remove(notice& n) noexcept
    {
        if (empty() || !n.link_)
            return false;
        *n.link_ = n.next_;
        (n.next_ ? n.next_->link_ : end_) = n.link_;
        n.link_ = nullptr;
        return true;
    }

    /// Takes those of another list, which cannot be removed any more, and calls f with each.
    template <class Function>
    void append(notice_list& other, Function f)
    {
        if (other.empty())
            return;
        for (notice* n = other.first_; n; n = n->next_) {
            n->link_ = nullptr;
            f(*n);
        }
        *end_ = other.first_;
        end_ = std::exchange(other.end_, &other.first_);
        other.first_ = nullptr;
    }

    /// Calls f with each, which may be gone afterwards, and is empty then.
    template <class Function>
    void take_all(Function f)
    {
        end_ = &first_;
        for (notice* n = std::exchange(first_, nullptr); n;)
            f(*std::exchange(n, n->next_));
    }

private:
    notice* first_ = nullptr;
    notice** end_ = &first_; // where the next one is linked
};

} // namespace priority_redlock::detail

#endif
