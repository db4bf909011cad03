// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_FAKE_SERVER_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_FAKE_SERVER_HPP

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/redis/config.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace test {

/// Something on a port of 127.0.0.1 that answers to whatever arrives. Its connections end with those who made them.
class fake_server
{
    using tcp = boost::asio::ip::tcp;
    using error_code = boost::system::error_code;

public:
    /// Takes from the input what it understands, and replies.
    using answer = std::function<std::string(std::string& input)>;

    fake_server(boost::asio::io_context& io, answer a, std::uint16_t port = 0)
        : acceptor_(io, {boost::asio::ip::address_v4::loopback(), port}), answer_(std::move(a))
    {
        accept();
    }

    [[nodiscard]] boost::redis::config config() const
    {
        boost::redis::config result;
        result.addr = {"127.0.0.1", std::to_string(acceptor_.local_endpoint().port())};
        return result;
    }

private:
    struct connection
    {
        connection(tcp::socket s, answer a) : socket(std::move(s)), reply_to(std::move(a)) {}

        tcp::socket socket;
        answer reply_to;
        std::array<char, 4096> buffer{};
        std::string input;
        std::string reply;
    };

    void accept()
    {
        acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
            if (ec)
                return;
            serve(std::make_shared<connection>(std::move(socket), answer_));
            accept();
        });
    }

    static void serve(const std::shared_ptr<connection>& c)
    {
        c->socket.async_read_some(boost::asio::buffer(c->buffer), [c](error_code ec, std::size_t n) {
            if (ec)
                return;
            c->input.append(c->buffer.data(), n);
            c->reply = c->reply_to(c->input);
            boost::asio::async_write(c->socket, boost::asio::buffer(c->reply), [c](error_code failed, std::size_t) {
                if (!failed)
                    serve(c);
            });
        });
    }

    tcp::acceptor acceptor_;
    answer answer_;
};

} // namespace test

#endif
