// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/lock.hpp>

namespace priority_redlock {

bool lock::is_held() const noexcept
{
    const detail::hold* h = hold_.get();
    if (!h || h->state.load(std::memory_order_acquire) != lock_state::held)
        return false;
    const auto end = h->expires_at();
    return end == detail::never || h->domain->now() < end;
}

lock_state lock::state() const noexcept
{
    return hold_ ? hold_->state.load(std::memory_order_acquire) : lock_state::empty;
}

clock::time_point lock::expires_at() const noexcept
{
    return hold_ ? hold_->expires_at() : clock::time_point::min();
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
    return hold_ ? hold_->priority.load(std::memory_order_relaxed) : 0;
}

std::uint64_t lock::fencing_token() const noexcept
{
    return hold_ ? hold_->token : 0;
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
