// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "event_feed.hpp"

#include <iterator>
#include <mutex>
#include <utility>

namespace priority_redlock::detail {

namespace {

std::size_t size_of(const log_record& r) noexcept
{
    return r.resource.size() + r.locker.size() + r.thief.size();
}

} // namespace

void event_feed::add(const log_record& record) noexcept
{
    const std::lock_guard lock(mutex_);
    if (!is_watched())
        return;
    ++added_;
    try {
        events_.push_back({record, clock::now()});
        bytes_ += size_of(record);
    } catch (...) { // the events in memory stay the last ones: those before it are missed as well
        events_.clear();
        bytes_ = 0;
    }
    while (events_.size() > most_events || (bytes_ > most_bytes && events_.size() > 1))
        forget_oldest();
}

void event_feed::forget_oldest() noexcept
{
    bytes_ -= size_of(events_.front().what);
    events_.pop_front();
}

event_watch::event_watch(std::shared_ptr<event_feed> feed) noexcept : feed_(std::move(feed))
{
    const std::lock_guard lock(feed_->mutex_);
    feed_->watchers_.fetch_add(1, std::memory_order_relaxed);
    seen_ = feed_->added_;
}

event_watch::~event_watch()
{
    std::deque<event_feed::event> forgotten; // freed without the mutex
    const std::lock_guard lock(feed_->mutex_);
    if (feed_->watchers_.fetch_sub(1, std::memory_order_relaxed) == 1) {
        forgotten.swap(feed_->events_);
        feed_->bytes_ = 0;
    }
}

std::uint64_t event_watch::read(std::vector<event_feed::event>& result)
{
    const std::lock_guard lock(feed_->mutex_);
    const std::uint64_t news = feed_->added_ - seen_;
    const auto kept = static_cast<std::uint64_t>(feed_->events_.size());
    const std::uint64_t there = news < kept ? news : kept;
    result.insert(result.end(), feed_->events_.end() - static_cast<std::ptrdiff_t>(there), feed_->events_.end());
    seen_ = feed_->added_;
    return news - there;
}

} // namespace priority_redlock::detail
