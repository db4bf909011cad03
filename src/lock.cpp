// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/lock.hpp>

#include <boost/asio/system_executor.hpp>

#include <algorithm>

namespace priority_redlock {

boost::asio::any_io_executor detail::hold_pin::executor() const
{
    if (hold_)
        if (auto ex = hold_->domain->executor())
            return ex;
    return boost::asio::system_executor(); // an empty lock belongs to no context
}

bool lock::is_held() const noexcept
{
    if (state() != lock_state::held)
        return false;
    const auto end = expires_at();
    return end == detail::never || hold_->domain->now() < end;
}

lock_state lock::state() const noexcept
{
    if (!hold_)
        return lock_state::empty;
    const auto own = hold_->state.load(std::memory_order_acquire);
    // A composite is not told when the grace of one of its parts is over.
    if (const auto* all = hold_->domain->parts(*hold_.get()); all && own == lock_state::revoking)
        for (const lock& each : *all)
            if (each.state() == lock_state::preempted)
                return lock_state::preempted;
    return own;
}

clock::time_point lock::expires_at() const noexcept
{
    if (!hold_)
        return clock::time_point::min();
    auto end = hold_->expires_at();
    if (const auto* all = hold_->domain->parts(*hold_.get()))
        for (const lock& each : *all)
            end = std::min(end, each.expires_at());
    return end;
}

std::string_view lock::resource() const noexcept
{
    return hold_ ? hold_->domain->resource_name(*hold_.get()) : std::string_view();
}

std::string_view lock::locker_id() const noexcept
{
    return hold_ ? hold_->locker.view() : std::string_view();
}

int lock::priority() const noexcept
{
    if (!hold_)
        return 0;
    if (const auto* all = hold_->domain->parts(*hold_.get()))
        return std::min_element(all->begin(), all->end(),
                                [](const lock& a, const lock& b) { return a.priority() < b.priority(); })
            ->priority();
    return hold_->priority.load(std::memory_order_relaxed);
}

std::uint64_t lock::fencing_token() const noexcept
{
    return hold_ ? hold_->token : 0;
}

std::span<const lock> lock::parts() const noexcept
{
    if (!hold_)
        return {};
    const auto* all = hold_->domain->parts(*hold_.get());
    return all ? std::span(*all) : std::span(this, 1);
}

lock::executor_type lock::get_executor() const
{
    return detail::hold_pin(hold_.get()).executor();
}

void lock::release() noexcept
{
    if (hold_)
        hold_->domain->release(*hold_.get());
}

} // namespace priority_redlock
