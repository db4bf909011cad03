// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "log_record.hpp"

#include <boost/log/attributes/attribute_set.hpp>
#include <boost/log/attributes/attribute_value_impl.hpp>
#include <boost/log/attributes/constant.hpp>
#include <boost/log/core/core.hpp>
#include <boost/log/core/record.hpp>
#include <boost/log/trivial.hpp>

#include <atomic>
#include <string>
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

} // namespace priority_redlock::detail
