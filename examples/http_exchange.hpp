// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_HTTP_EXCHANGE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_HTTP_EXCHANGE_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

// What the HTTP servers among the examples have in common: one request a connection, from clients that may be anybody.

namespace example {

namespace http = boost::beast::http;

using stream = boost::beast::tcp_stream; // a socket with timeouts
using request = http::request<http::empty_body>;
using response = http::response<http::string_body>;

constexpr std::size_t longest_header = 8192;

/// Sends an answer, and no more on this connection.
boost::asio::awaitable<void> answer(stream& client, const request& asked, response reply);

/// The request, a GET or a HEAD. None: the client has sent nothing for `patience`, or something else, and was told so.
boost::asio::awaitable<std::optional<request>> read_request(stream& client, std::chrono::milliseconds patience);

// For clients.

/// An answer, which may come in parts.
struct incoming
{
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
};

/// Reads the header of an answer.
boost::asio::awaitable<boost::system::error_code> read_header(boost::asio::ip::tcp::socket& server, incoming& answer);

/// Reads the answer, or the rest of it.
boost::asio::awaitable<boost::system::error_code> read(boost::asio::ip::tcp::socket& server, incoming& answer);

/// What a server answers to a request, as it is sent.
boost::asio::awaitable<response> ask(boost::asio::ip::tcp::endpoint server, std::string sent);

} // namespace example

#endif
