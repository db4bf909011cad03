// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The records that each event of a table is noted as. A record that finds no memory is left out.

#include "manager/log_lines.hpp"

#include "table/resource.hpp"

#include <chrono>
#include <string>

namespace priority_redlock::detail {

namespace {

/// Whether a record is that of a lock that ends otherwise than by release, or overruns.
bool is_for_watchers(const log_record& r) noexcept
{
    for (const std::string_view each : {"revoking", "preempted", "expired", "lost", "overrun"})
        if (r.event == each)
            return true;
    return false;
}

} // namespace

log_record& log_lines::add(std::string_view event, const hold& h, log_level level)
{
    if (!records_)
        records_ = std::make_unique<std::vector<log_record>>();
    return records_->emplace_back(log_record{.level = level,
                                             .event = event,
                                             .text = {},
                                             .resource = std::string(h.where->name()),
                                             .locker = std::string(h.locker.view()),
                                             .priority = h.priority.load(std::memory_order_relaxed),
                                             .token = h.token,
                                             .is_described = true});
}

void log_lines::note_grant(const hold& h) noexcept
try {
    add("granted", h);
} catch (...) {
}

void log_lines::note_wait(const hold& h) noexcept
try {
    add("waiting", h);
} catch (...) {
}

void log_lines::note_end(const hold& h, const std::optional<thief>& next) noexcept
try {
    const auto state = h.state.load(std::memory_order_relaxed);
    log_record& r = add(to_string(state), h, level_of_end(h));
    const bool preempted = state == lock_state::revoking || state == lock_state::preempted;
    // The other parts of a composite go although nobody outranks them.
    if (preempted && next && next->priority > *r.priority) {
        r.thief = next->locker;
        r.thief_priority = next->priority;
    }
} catch (...) {
}

void log_lines::note_overrun(const hold& h, const thief& next, duration since_told) noexcept
try {
    log_record& r = add("overrun", h, log_level::warning);
    r.milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(since_told).count();
    r.thief = next.locker;
    r.thief_priority = next.priority;
    r.text = ": it keeps the resource after its preemption; does its work end when it is cancelled?";
} catch (...) {
}

void log_lines::note_settled(const waiter& w) noexcept
try {
    if (!w.result)
        add("granted", *w.target);
    else
        add("refused", *w.target).text = " reason=" + w.result.message();
} catch (...) {
}

void log_lines::note_deadlock(const hold& refused, const std::string& cycle) noexcept
try {
    log_record& r = add("deadlock", refused, log_level::warning);
    r.is_described = false;
    r.text = "deadlock refused: " + cycle;
} catch (...) {
}

void log_lines::note_renewal_failed(const hold& h, error_code why) noexcept
try {
    add("renewal_failed", h, log_level::warning).text =
        ": the renewal is repeated until the lock ends: " + why.message();
} catch (...) {
}

void log_lines::write_all(event_feed* feed) noexcept
{
    for (const log_record& each : *records_) {
        if (feed && is_for_watchers(each))
            feed->add(each);
        log(each);
    }
}

} // namespace priority_redlock::detail
