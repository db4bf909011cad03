// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A coroutine with a timer, without locks: what locks.cpp is compared with.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

asio::awaitable<void> work(asio::io_context& context)
{
    asio::steady_timer timer(context, std::chrono::seconds(1));
    co_await timer.async_wait(asio::use_awaitable);
}

int main()
{
    asio::io_context context;
    asio::co_spawn(context, work(context), asio::detached);
    context.run();
}
