// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_LOG_LINES_HPP
#define PRIORITY_REDLOCK_SRC_LOG_LINES_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/logging.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace priority_redlock::detail {

[[nodiscard]] inline bool log_enabled(log_level level) noexcept
{
    return level >= get_log_level();
}

/// Hands a record to Boost.Log. Swallows what the sinks throw.
PRIORITY_REDLOCK_DECL void log(log_level level, std::string_view text) noexcept;

/// Reports that something could not be done for want of resources.
PRIORITY_REDLOCK_DECL void log_failure(std::string_view what) noexcept;

/// Whom a holder keeps waiting that was told to go.
struct thief
{
    std::string_view locker; // empty: not known, a locker of another manager
    int priority = 0;
};

/// The lines of one step: composed under the mutex, where the holds can be read, and written without it, since
/// sinks are user code. Costs a relaxed load where the level is off.
class PRIORITY_REDLOCK_DECL log_lines
{
public:
    void grant(const hold& h) noexcept
    {
        if (log_enabled(log_level::debug))
            add_grant(h);
    }
    void wait(const hold& h) noexcept
    {
        if (log_enabled(log_level::debug))
            add_wait(h);
    }
    void end(const hold& h, const std::optional<thief>& next = {}) noexcept
    {
        if (log_enabled(log_level::debug))
            add_end(h, next);
    }
    void overrun(const hold& h, const thief& next, duration since_told) noexcept
    {
        if (log_enabled(log_level::warning))
            add_overrun(h, next, since_told);
    }
    void settle(const waiter& w) noexcept
    {
        if (log_enabled(log_level::debug))
            add_settled(w);
    }
    void deadlock(const std::string& cycle) noexcept
    {
        if (log_enabled(log_level::warning))
            add_deadlock(cycle);
    }
    void write() noexcept
    {
        if (lines_)
            write_all();
    }

private:
    void add_grant(const hold& h) noexcept;
    void add_wait(const hold& h) noexcept;
    void add_end(const hold& h, const std::optional<thief>& next) noexcept;
    void add_overrun(const hold& h, const thief& next, duration since_told) noexcept;
    void add_settled(const waiter& w) noexcept;
    void add_deadlock(const std::string& cycle) noexcept;
    void add(std::string text, log_level level = log_level::debug);
    void write_all() noexcept;

    struct line
    {
        log_level level;
        std::string text;
    };

    std::unique_ptr<std::vector<line>> lines_;
};

} // namespace priority_redlock::detail

#endif
