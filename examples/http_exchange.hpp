// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_HTTP_EXCHANGE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_HTTP_EXCHANGE_HPP

#include "server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

// What the HTTP servers among the examples have in common: one request a connection, from clients that may be anybody.

namespace example {

namespace http = boost::beast::http;

using stream = boost::beast::tcp_stream; // a socket with timeouts
using request = http::request<http::empty_body>;
using response = http::response<http::string_body>;

constexpr std::size_t longest_header = 8192;

/// Sends an answer, and no more on this connection.
inline boost::asio::awaitable<void> answer(stream& client, const request& asked, response reply)
{
    reply.keep_alive(false);
    reply.prepare_payload(); // a HEAD gets the header of what a GET would get
    http::response_serializer<http::string_body> serializer(reply);
    client.expires_after(std::chrono::seconds(10));
    if (asked.method() == http::verb::head)
        (void)co_await http::async_write_header(client, serializer, as_result);
    else
        (void)co_await http::async_write(client, serializer, as_result);
    co_await part_from(client.socket());
}

/// The request, a GET or a HEAD. None: the client has sent nothing for `patience`, or something else, and was told so.
inline boost::asio::awaitable<std::optional<request>> read_request(stream& client, std::chrono::milliseconds patience)
{
    boost::beast::flat_buffer buffer;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(longest_header);
    client.expires_after(patience);
    const auto [error, size] = co_await http::async_read_header(client, buffer, parser, as_result);
    client.expires_never();
    const request& asked = parser.get();
    if (error == boost::beast::error::timeout || error == http::error::end_of_stream)
        co_return std::nullopt;
    if (error) {
        co_await answer(client, asked, response(http::status::bad_request, 11, error.message() + "\n"));
        co_return std::nullopt;
    }
    if (asked.method() != http::verb::get && asked.method() != http::verb::head) {
        response refusal(http::status::method_not_allowed, 11, "GET or HEAD\n");
        refusal.set(http::field::allow, "GET, HEAD");
        co_await answer(client, asked, std::move(refusal));
        co_return std::nullopt;
    }
    co_return asked;
}

} // namespace example

#endif
