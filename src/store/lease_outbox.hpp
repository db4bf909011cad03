// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What is to be sent to a store. `lease_client` decides on requests under the mutex of its shard and puts them here.
// The store is not called under that mutex, so whoever ends a step takes them out one by one and sends them. That is
// one thread at a time: requests leave in the order in which they were decided.
//
// A request is one of an acquisition, which is linked here and has one request at a time to send: the latest that was
// decided. So nothing is allocated. A request that could not be sent is put aside and sent again after a while.

#ifndef PRIORITY_REDLOCK_SRC_LEASE_OUTBOX_HPP
#define PRIORITY_REDLOCK_SRC_LEASE_OUTBOX_HPP

#include "store/acquisition.hpp"

namespace priority_redlock::detail {

/// Every function is called under the mutex of the shard.
class lease_outbox
{
public:
    /// Takes the place of a request of this acquisition that was not sent yet.
    void push(acquisition& a, lease_request::operation op) noexcept
    {
        remove(a);
        a.to_send = op;
        a.queued = true;
        requests_.push_back(a);
    }

    /// It was taken out and could not be sent. Nothing to do if something else is to be sent by now.
    void put_aside(acquisition& a, lease_request::operation op) noexcept
    {
        if (a.queued)
            return;
        a.to_send = op;
        a.queued = true;
        aside_.push_back(a);
    }

    /// What was put aside is to be sent again.
    void try_again() noexcept { requests_.splice(requests_.end(), aside_); }

    void remove(acquisition& a) noexcept
    {
        if (a.queued)
            list::node_algorithms::unlink(&a);
        a.queued = false;
    }

    /// True: the caller sends what `next` gives him, until it gives nothing.
    [[nodiscard]] bool begin_sending() noexcept
    {
        if (sending_ || requests_.empty())
            return false;
        return sending_ = true;
    }

    /// Null: nothing is left.
    [[nodiscard]] acquisition* next() noexcept
    {
        if (requests_.empty()) {
            sending_ = false;
            return nullptr;
        }
        acquisition& first = requests_.front();
        remove(first);
        return &first;
    }

private:
    using list = list_of<acquisition, outbox_tag>;

    list requests_;
    list aside_;
    bool sending_ = false; // some thread is at it
};

} // namespace priority_redlock::detail

#endif
