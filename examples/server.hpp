// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_SERVER_HPP
#define PRIORITY_REDLOCK_EXAMPLES_SERVER_HPP

#include "command_line.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>

// What the servers among the examples have in common.

namespace example {

/// The number in `text`, if it is one and nothing else.
template <class Number>
[[nodiscard]] bool read_number(std::string_view text, Number& number)
{
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc() && end == text.data() + text.size();
}

/// The PORT of a command line; 0, which lets the system choose, if there is none.
inline std::uint16_t port_of(const command_line& line)
{
    std::uint16_t port = 0;
    if (!line.operands.empty() && (!read_number(line.operands[0], port) || port == 0)) {
        std::cerr << "the PORT must be a number from 1 to 65535, not '" << line.operands[0] << "'\n";
        std::exit(2);
    }
    return port;
}

/// Listens on the loopback interface. @throws std::runtime_error names the port.
template <class Executor>
boost::asio::ip::tcp::acceptor listen_on(Executor&& executor, std::uint16_t port)
try {
    return {executor, {boost::asio::ip::address_v4::loopback(), port}};
} catch (const boost::system::system_error& error) {
    throw std::runtime_error("port " + std::to_string(port) + " of 127.0.0.1: " + message_of(error));
}

constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable); // errors as values

/// Ends a connection to a client that may still be sending: a socket that is closed with something unread resets the
/// connection, and what it was told last may be lost.
inline boost::asio::awaitable<void> part_from(boost::asio::ip::tcp::socket& socket)
{
    using namespace std::chrono_literals;
    boost::system::error_code error;
    (void)socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
    std::array<char, 4096> rest{};
    for (const auto end = std::chrono::steady_clock::now() + 1s; !error && std::chrono::steady_clock::now() < end;)
        std::tie(error, std::ignore) =
            co_await socket.async_read_some(boost::asio::buffer(rest), boost::asio::cancel_after(1s, as_result));
}

} // namespace example

#endif
