// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "log_lines.hpp"
#include "table/lock_table.hpp"

#include <boost/log/attributes/attribute_set.hpp>
#include <boost/log/attributes/attribute_value_impl.hpp>
#include <boost/log/attributes/constant.hpp>
#include <boost/log/core/core.hpp>
#include <boost/log/core/record.hpp>
#include <boost/log/trivial.hpp>

#include <atomic>
#include <chrono>
#include <utility>

namespace priority_redlock::detail {

namespace {

namespace logging = boost::log;

/// The message of a record.
std::string message_of(const log_record& r)
{
    if (!r.is_described)
        return r.text;
    std::string result(r.event);
    result += " resource=" + r.resource + " locker=" + r.locker;
    if (r.priority)
        result += " priority=" + std::to_string(*r.priority);
    if (r.token != 0)
        result += " token=" + std::to_string(r.token);
    if (r.thief_priority)
        result += " thief=" + (r.thief.empty() ? "(of another manager)" : r.thief)
                  + " thief_priority=" + std::to_string(*r.thief_priority);
    if (r.milliseconds)
        result += " told_ms_ago=" + std::to_string(*r.milliseconds);
    return result + r.text;
}

/// Those that filters see: a record's are all there before it is opened.
logging::attribute_set attributes_of(const log_record& r)
{
    logging::attribute_set result;
    const auto add = [&result](const char* name, auto value) {
        result.insert(name, logging::attributes::make_constant(std::move(value)));
    };
    add("Severity", static_cast<logging::trivial::severity_level>(r.level));
    add("Channel", std::string("priority_redlock"));
    add("Event", std::string(r.event));
    if (!r.resource.empty())
        add("Resource", r.resource);
    if (!r.locker.empty())
        add("Locker", r.locker);
    if (r.priority)
        add("Priority", *r.priority);
    if (r.token != 0)
        add("Token", r.token);
    if (r.thief_priority) {
        add("Thief", r.thief);
        add("ThiefPriority", *r.thief_priority);
    }
    if (r.milliseconds)
        add("Milliseconds", *r.milliseconds);
    if (!r.node.empty())
        add("Node", r.node);
    return result;
}

} // namespace

std::atomic<log_level> current_log_level{log_level::warning};

void log(const log_record& record) noexcept
{
    if (!log_enabled(record.level))
        return;
    try {
        const auto core = logging::core::get();
        if (logging::record opened = core->open_record(attributes_of(record))) {
            opened.attribute_values().insert("Message", logging::attributes::make_attribute_value(message_of(record)));
            core->push_record(std::move(opened));
        }
    } catch (...) { // a lock service does not fail because its log does
    }
}

void log_failure(std::string_view what) noexcept
try {
    log({.level = log_level::error, .event = "failure", .text = std::string(what)});
} catch (...) {
}

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
    r.text = ": it keeps the resource after its preemption; does what it runs end when it is cancelled?";
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
    add("renewal_failed", h, log_level::warning).text = ": it is tried again until the lock ends: " + why.message();
} catch (...) {
}

void log_lines::write_all() noexcept
{
    for (const log_record& each : *records_)
        log(each);
}

} // namespace priority_redlock::detail
