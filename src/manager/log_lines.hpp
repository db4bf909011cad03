// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What the log says of a step. It is noted under the mutex, where the holds can be read, and handed to the log without
// it, since sinks are user code and text takes its time. Where the level is off this costs a relaxed load. The ends
// that are no releases, and overruns, also go to those who watch the manager.

#ifndef PRIORITY_REDLOCK_SRC_LOG_LINES_HPP
#define PRIORITY_REDLOCK_SRC_LOG_LINES_HPP

#include "event_feed.hpp"
#include "log_record.hpp"

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/waiter.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace priority_redlock::detail {

/// Whom a holder keeps waiting that was told to go.
struct thief
{
    std::string_view locker; // empty: not known, a locker of another manager
    int priority = 0;
};

/// The records of one step.
class PRIORITY_REDLOCK_DECL log_lines
{
public:
    void grant(const hold& h) noexcept
    {
        if (log_enabled(log_level::debug))
            note_grant(h);
    }
    void wait(const hold& h) noexcept
    {
        if (log_enabled(log_level::debug))
            note_wait(h);
    }
    void end(const hold& h, const std::optional<thief>& next, bool watched) noexcept
    {
        if (watched || log_enabled(level_of_end(h)))
            note_end(h, next);
    }
    /// The same for one that its owner has released: it is no loss, and most are.
    void release(const hold& h) noexcept
    {
        if (log_enabled(log_level::debug))
            note_end(h, {});
    }
    void overrun(const hold& h, const thief& next, duration since_told, bool watched) noexcept
    {
        if (watched || log_enabled(log_level::warning))
            note_overrun(h, next, since_told);
    }
    void settle(const waiter& w) noexcept
    {
        if (log_enabled(log_level::debug))
            note_settled(w);
    }
    void deadlock(const hold& refused, const std::string& cycle) noexcept
    {
        if (log_enabled(log_level::warning))
            note_deadlock(refused, cycle);
    }
    void renewal_failed(const hold& h, error_code why) noexcept
    {
        if (log_enabled(log_level::warning))
            note_renewal_failed(h, why);
    }
    /// `feed`: none, or that of the manager if it is watched.
    void write(event_feed* feed = nullptr) noexcept
    {
        if (records_)
            write_all(feed);
    }

private:
    /// A person should look at why a store could not keep a lock; the other ends are everyday.
    [[nodiscard]] static log_level level_of_end(const hold& h) noexcept
    {
        return h.state.load(std::memory_order_relaxed) == lock_state::lost ? log_level::warning : log_level::debug;
    }

    void note_grant(const hold& h) noexcept;
    void note_wait(const hold& h) noexcept;
    void note_end(const hold& h, const std::optional<thief>& next) noexcept;
    void note_overrun(const hold& h, const thief& next, duration since_told) noexcept;
    void note_settled(const waiter& w) noexcept;
    void note_deadlock(const hold& refused, const std::string& cycle) noexcept;
    void note_renewal_failed(const hold& h, error_code why) noexcept;
    log_record& add(std::string_view event, const hold& h, log_level level = log_level::debug);
    void write_all(event_feed* feed) noexcept;

    std::unique_ptr<std::vector<log_record>> records_;
};

} // namespace priority_redlock::detail

#endif
