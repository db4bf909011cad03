// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What a running transaction can ask for: its run does all of it.

#include <priority_redlock/detail/transaction_run.hpp>
#include <priority_redlock/transaction_context.hpp>

namespace priority_redlock {

transaction_context::executor_type transaction_context::get_executor() const noexcept
{
    return run_.get_executor();
}

const lock& transaction_context::lock() const noexcept
{
    return run_.current_lock();
}

std::size_t transaction_context::attempt() const noexcept
{
    return run_.attempt();
}

void transaction_context::on_resume(std::function<boost::asio::awaitable<void>()> handler)
{
    run_.on_resume(std::move(handler));
}

boost::asio::awaitable<void> transaction_context::checkpoint()
{
    return run_.checkpoint();
}

} // namespace priority_redlock
