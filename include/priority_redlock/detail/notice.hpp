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
};

/// Notices in the order in which they came.
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
        *end_ = &n;
        end_ = &n.next_;
    }

    /// False if it is not there. Looked up rather than asked, since a late cancellation may name one that is gone.
    bool remove(const notice& n) noexcept
    {
        for (notice** at = &first_; *at; at = &(*at)->next_)
            if (*at == &n) {
                if (end_ == &n.next_)
                    end_ = at;
                *at = n.next_;
                return true;
            }
        return false;
    }

    /// Takes those of another list.
    void append(notice_list& other) noexcept
    {
        if (other.empty())
            return;
        *end_ = other.first_;
        end_ = std::exchange(other.end_, &other.first_);
        other.first_ = nullptr;
    }

    template <class Function>
    void for_each(Function f) const
    {
        for (notice* n = first_; n; n = n->next_)
            f(*n);
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
