// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_HOLD_HPP
#define PRIORITY_REDLOCK_DETAIL_HOLD_HPP

#include <priority_redlock/detail/links.hpp>
#include <priority_redlock/detail/name_buffer.hpp>
#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/lock_state.hpp>

#include <atomic>
#include <cstdint>

namespace priority_redlock::detail {

class lock_domain;
struct holds_tag;
struct resource;
struct waiter;

/// One handle's share of a lock, from the acquire to the end of the handle. What a `lock` points to.
///
/// Written by its domain under the domain's mutex; the atomics may be read from any thread, and the two counters may be
/// written without it too.
struct hold : list_links<holds_tag>
{
    lock_domain* domain = nullptr;
    resource* where = nullptr;
    waiter* pending = nullptr; // the acquire that still waits for this hold
    hold* next_told = nullptr;
    notice_list notices;
    name_buffer locker;
    std::atomic<int> priority{0};
    std::uint64_t token = 0;
    std::atomic<duration::rep> expires{never.time_since_epoch().count()};
    time_point told_at{};                     // to go, once it is revoking
    std::atomic<std::uint32_t> references{0}; // the handle, the delivery, every notice handler, pins
    std::atomic<std::uint32_t> handlers{0};   // P3's notice handlers that have not run yet
    std::atomic<lock_state> state{lock_state::empty};
    bool anonymous = false; // its locker id is unique: never re-entrant
    bool joined = false;    // its locker held the resource already
    bool leaving = false;   // it goes with others that were revoked
    bool linked = false;    // in resource::holds
    bool handle_gone = false;

    [[nodiscard]] time_point expires_at() const noexcept
    {
        return time_point(duration(expires.load(std::memory_order_relaxed)));
    }
};
static_assert(sizeof(void*) != 8 || sizeof(hold) <= 136);

} // namespace priority_redlock::detail

#endif
