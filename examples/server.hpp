// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_SERVER_HPP
#define PRIORITY_REDLOCK_EXAMPLES_SERVER_HPP

#include "command_line.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

// What the servers among the examples have in common.

namespace example {

/// The PORT of a command line; 0, which lets the system choose, if there is none.
std::uint16_t port_of(const command_line& line);

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
boost::asio::awaitable<void> part_from(boost::asio::ip::tcp::socket& socket);

} // namespace example

#endif
