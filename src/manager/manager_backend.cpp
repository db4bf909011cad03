// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "event_feed.hpp"

#include <priority_redlock/detail/manager_backend.hpp>

// Here, and not in the header, so that users do not compile it.

namespace priority_redlock::detail {

manager_backend::manager_backend()
    : cancellations_(std::make_shared<std::atomic<unsigned>>(0)), events_(std::make_shared<event_feed>())
{
}

manager_backend::~manager_backend() = default;

std::shared_ptr<const std::atomic<unsigned>> manager_backend::cancellations() const noexcept
{
    return cancellations_;
}

void manager_backend::count_cancellation() noexcept
{
    cancellations_->fetch_add(1);
}

} // namespace priority_redlock::detail
