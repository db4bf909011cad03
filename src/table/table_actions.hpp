// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What a step of the table leaves to be done: which acquires are settled, and whose end has to be told.
//
// The lists link what is in them, so that a step which releases something needs no memory.

#ifndef PRIORITY_REDLOCK_SRC_TABLE_ACTIONS_HPP
#define PRIORITY_REDLOCK_SRC_TABLE_ACTIONS_HPP

#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/waiter.hpp>

namespace priority_redlock::detail {

/// What a step of the table asks its owner to carry out, in order. Filled by every non-const member function.
struct table_actions
{
    waiter* settled = nullptr; // acquires that are granted or have failed (`waiter::result`), through `next_settled`
    waiter** settled_tail = &settled;
    hold* told = nullptr; // holds that have ended or are being revoked, through `next_told`
    hold** told_tail = &told;
    hold* overrunning = nullptr; // holds that should have gone, and keep somebody waiting; through `next_told`
    hold** overrunning_tail = &overrunning;

    table_actions() = default;
    table_actions(const table_actions&) = delete;
    table_actions& operator=(const table_actions&) = delete;
};

} // namespace priority_redlock::detail

#endif
