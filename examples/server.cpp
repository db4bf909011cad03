// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <tuple>

namespace example {

std::uint16_t port_of(const command_line& line)
{
    return line.operands.empty() ? std::uint16_t(0) : number_of<std::uint16_t>("PORT", line.operands[0], 1, UINT16_MAX);
}

namespace {

/// Reads what nobody wants, until the client is done.
boost::asio::awaitable<void> discard(boost::asio::ip::tcp::socket& socket)
{
    std::array<char, 4096> rest{};
    for (boost::system::error_code error; !error;)
        std::tie(error, std::ignore) = co_await socket.async_read_some(boost::asio::buffer(rest), as_result);
}

} // namespace

boost::asio::awaitable<void> part_from(boost::asio::ip::tcp::socket& socket)
{
    using namespace boost::asio::experimental::awaitable_operators;
    boost::system::error_code ignored;
    (void)socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    boost::asio::steady_timer patience(socket.get_executor(), std::chrono::seconds(1));
    (void)co_await (discard(socket) || patience.async_wait(as_result));
}

} // namespace example
