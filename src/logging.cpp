// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "lock_table.hpp"
#include "log_lines.hpp"

#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_channel_logger.hpp>
#include <boost/log/trivial.hpp>

#include <atomic>
#include <chrono>

namespace priority_redlock::detail {

namespace {

using logger_type = boost::log::sources::severity_channel_logger_mt<boost::log::trivial::severity_level, std::string>;

logger_type& logger()
{
    static logger_type instance(boost::log::keywords::channel = "priority_redlock");
    return instance;
}

boost::log::trivial::severity_level severity_of(log_level level) noexcept
{
    return static_cast<boost::log::trivial::severity_level>(level);
}

std::string describe(const hold& h)
{
    std::string text = "resource=";
    text += h.where->name();
    text += " locker=";
    text += h.locker.view();
    text += " priority=" + std::to_string(h.priority.load(std::memory_order_relaxed));
    return text;
}

std::string describe(const thief& t)
{
    return " thief=" + (t.locker.empty() ? std::string("(of another manager)") : std::string(t.locker))
           + " thief_priority=" + std::to_string(t.priority);
}

} // namespace

std::atomic<log_level> current_log_level{log_level::warning};

void log(log_level level, std::string_view text) noexcept
{
    if (!log_enabled(level))
        return;
    try {
        BOOST_LOG_SEV(logger(), severity_of(level)) << text;
    } catch (...) { // a lock service does not fail because its log does
    }
}

void log_failure(std::string_view what) noexcept
{
    log(log_level::error, what);
}

void log_lines::add(std::string text, log_level level)
{
    if (!lines_)
        lines_ = std::make_unique<std::vector<line>>();
    lines_->push_back({level, std::move(text)});
}

void log_lines::add_grant(const hold& h) noexcept
try {
    add("granted " + describe(h) + " token=" + std::to_string(h.token));
} catch (...) {
}

void log_lines::add_wait(const hold& h) noexcept
try {
    add("waiting " + describe(h));
} catch (...) {
}

void log_lines::add_end(const hold& h, const std::optional<thief>& next) noexcept
try {
    const auto state = h.state.load(std::memory_order_relaxed);
    const bool preempted = state == lock_state::revoking || state == lock_state::preempted;
    // The other parts of a composite go although nobody outranks them.
    const bool named = preempted && next && next->priority > h.priority.load(std::memory_order_relaxed);
    add(std::string(to_string(state)) + " " + describe(h) + " token=" + std::to_string(h.token)
        + (named ? describe(*next) : std::string()));
} catch (...) {
}

void log_lines::add_overrun(const hold& h, const thief& next, duration since_told) noexcept
try {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_told).count();
    add("overrun " + describe(h) + " token=" + std::to_string(h.token) + describe(next)
            + " told_ms_ago=" + std::to_string(ms)
            + ": it keeps the resource after its preemption; does what it runs end when it is cancelled?",
        log_level::warning);
} catch (...) {
}

void log_lines::add_settled(const waiter& w) noexcept
try {
    if (!w.result)
        add_grant(*w.target);
    else
        add("refused " + describe(*w.target) + " reason=" + w.result.message());
} catch (...) {
}

void log_lines::add_deadlock(const std::string& cycle) noexcept
try {
    add("deadlock refused: " + cycle, log_level::warning);
} catch (...) {
}

void log_lines::write_all() noexcept
{
    for (const line& each : *lines_)
        log(each.level, each.text);
}

} // namespace priority_redlock::detail
