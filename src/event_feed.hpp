// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_EVENT_FEED_HPP
#define PRIORITY_REDLOCK_SRC_EVENT_FEED_HPP

#include "log_record.hpp"
#include "mutex.hpp"

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace priority_redlock::detail {

/// The locks of a manager that end otherwise than by release, and the victims that overrun, for those who watch. Memory
/// is bounded: the oldest events go first, and each watcher is told how many it has missed. While nobody watches,
/// nothing is noted. Safe from any thread.
class PRIORITY_REDLOCK_DECL event_feed
{
public:
    struct event
    {
        log_record what;
        clock::time_point at;
    };

    static constexpr std::size_t most_events = 1024;
    static constexpr std::size_t most_bytes = std::size_t{1} << 20; // of names

    [[nodiscard]] bool is_watched() const noexcept { return watchers_.load(std::memory_order_relaxed) != 0; }

    /// An event for which there is no memory counts as missed.
    void add(const log_record& record) noexcept;

private:
    friend class event_watch;

    void forget_oldest() noexcept;

    std::atomic<unsigned> watchers_ = 0;
    mutex mutex_;
    std::deque<event> events_;
    std::size_t bytes_ = 0;
    std::uint64_t added_ = 0; // all that were ever noted; the last of them are in `events_`
};

/// Keeps a feed watched, and reads it.
class PRIORITY_REDLOCK_DECL event_watch
{
public:
    explicit event_watch(std::shared_ptr<event_feed> feed) noexcept;
    event_watch(const event_watch&) = delete;
    event_watch& operator=(const event_watch&) = delete;
    ~event_watch();

    /// Appends the events since the last call, or since the construction. Returns how many there were besides, which
    /// are forgotten.
    std::uint64_t read(std::vector<event_feed::event>& result);

private:
    const std::shared_ptr<event_feed> feed_;
    std::uint64_t seen_;
};

} // namespace priority_redlock::detail

#endif
