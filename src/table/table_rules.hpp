// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the table's owner chooses: the rules that a manager may opt in to, and the limits of its queues.

#ifndef PRIORITY_REDLOCK_SRC_TABLE_RULES_HPP
#define PRIORITY_REDLOCK_SRC_TABLE_RULES_HPP

#include "table/name_hash.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <atomic>
#include <cstddef>
#include <memory>

namespace priority_redlock::detail {

/// How many may wait in several tables in all.
class waiter_limit
{
public:
    explicit waiter_limit(unsigned limit) noexcept : limit_(limit) {}

    [[nodiscard]] bool enter() noexcept
    {
        if (waiting_.fetch_add(1, std::memory_order_relaxed) < limit_)
            return true;
        leave();
        return false;
    }
    void leave() noexcept { waiting_.fetch_sub(1, std::memory_order_relaxed); }

private:
    const unsigned limit_;
    std::atomic<std::size_t> waiting_ = 0;
};

/// What a manager may opt in to.
struct table_rules
{
    duration ageing = infinite;    // a waiter's rank rises by one each time
    bool detect_deadlocks = false; // a wait that would close a cycle of lockers is refused
    bool measure_all = false;      // every hold and wait, as a leased table does
    duration lease = infinite;     // the store's, for what has no ttl

    // A holder that was told to go overruns after its grace; after this, if that is unlimited or none. Infinite: never.
    duration overrun_after = infinite;

    hash_key key = process_hash_key(); // of the hashes of lockers' ids

    unsigned max_waiters_per_resource = unlimited;
    std::shared_ptr<waiter_limit> max_waiters = nullptr; // of several tables in all; null: no limit
};

} // namespace priority_redlock::detail

#endif
