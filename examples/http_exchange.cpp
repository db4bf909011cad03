// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "http_exchange.hpp"

#include "server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace example {

boost::asio::awaitable<void> answer(stream& client, const request& asked, response reply)
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

boost::asio::awaitable<std::optional<request>> read_request(stream& client, std::chrono::milliseconds patience)
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

boost::asio::awaitable<boost::system::error_code> read_header(boost::asio::ip::tcp::socket& server, incoming& answer)
{
    const auto [error, size] = co_await http::async_read_header(server, answer.buffer, answer.parser, as_result);
    co_return error;
}

boost::asio::awaitable<boost::system::error_code> read(boost::asio::ip::tcp::socket& server, incoming& answer)
{
    const auto [error, size] = co_await http::async_read(server, answer.buffer, answer.parser, as_result);
    co_return error;
}

boost::asio::awaitable<response> ask(boost::asio::ip::tcp::endpoint server, std::string sent)
{
    namespace asio = boost::asio;
    asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(sent), asio::use_awaitable);
    incoming answer;
    answer.parser.skip(sent.starts_with("HEAD")); // there is no body
    if (const auto error = co_await read(socket, answer))
        throw boost::system::system_error(error);
    co_return answer.parser.release();
}

} // namespace example
