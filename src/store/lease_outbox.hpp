// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What is to be sent to a store. `lease_client` decides on requests under the mutex of its shard and puts them here.
// The store is not called under that mutex, so whoever ends a step takes them out one by one and sends them. That is
// one thread at a time: requests leave in the order in which they were decided.

#ifndef PRIORITY_REDLOCK_SRC_LEASE_OUTBOX_HPP
#define PRIORITY_REDLOCK_SRC_LEASE_OUTBOX_HPP

#include <priority_redlock/protocol.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace priority_redlock::detail {

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

/// Every function is called under the mutex of the shard.
class lease_outbox
{
public:
    void push(lease_request q) { requests_.push_back(std::move(q)); }

    /// True: the caller sends what `next` gives him, until it gives nothing.
    [[nodiscard]] bool begin_sending() noexcept
    {
        if (sending_ || requests_.empty())
            return false;
        return sending_ = true;
    }

    [[nodiscard]] std::optional<lease_request> next()
    {
        if (requests_.empty()) {
            sending_ = false;
            return std::nullopt;
        }
        std::optional<lease_request> first(std::move(requests_.front()));
        requests_.pop_front();
        return first;
    }

    void clear() noexcept { requests_.clear(); }

private:
    std::deque<lease_request> requests_;
    bool sending_ = false; // some thread is at it
};

} // namespace priority_redlock::detail

#endif
