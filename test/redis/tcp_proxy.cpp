// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/tcp_proxy.hpp"

#include "redis/support/redis_server.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace test;
using std::chrono::steady_clock;

struct fixture
{
    redis_server server{};
    tcp_proxy proxy{server.port()};

    // A command on a connection through the proxy: its reply, or why there is none.
    std::string through_proxy(std::vector<std::string> words, std::chrono::milliseconds timeout = 10s) const
    {
        try {
            return redis_connection(proxy.port(), {}, timeout).command(words).text;
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }
};

bool contains(const std::string& text, const char* part)
{
    return text.find(part) != text.npos;
}

BOOST_FIXTURE_TEST_SUITE(tcp_proxies, fixture)

BOOST_AUTO_TEST_CASE(passes_at_first)
{
    const std::string large(1'000'000, 'x');
    BOOST_TEST(through_proxy({"ECHO", large}) == large);
    BOOST_TEST(proxy.config(server.config()).addr.port == std::to_string(proxy.port()));
    BOOST_TEST(proxy.config(server.config()).addr.host == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(what_was_held_arrives_later)
{
    redis_connection connection(proxy.port());
    connection.command({"PING"});
    proxy.hold();
    auto reply = std::async(std::launch::async, [&] { return connection.command({"INCR", "n"}).integer; });
    BOOST_TEST(contains(through_proxy({"PING"}, 50ms), "no reply"));
    BOOST_TEST(server.command({"GET", "n"}).is_nil());
    BOOST_TEST((reply.wait_for(0s) == std::future_status::timeout));

    proxy.pass();
    BOOST_TEST(reply.get() == 1);
}

BOOST_AUTO_TEST_CASE(a_request_may_arrive_whose_reply_does_not)
{
    proxy.hold(tcp_proxy::to_client);
    BOOST_TEST(contains(through_proxy({"INCR", "n"}, 50ms), "no reply"));
    BOOST_TEST(server.command({"GET", "n"}).text == "1");

    proxy.pass();
    BOOST_TEST(through_proxy({"PING"}) == "PONG");
}

BOOST_AUTO_TEST_CASE(each_way_takes_the_delay)
{
    redis_connection connection(proxy.port());
    connection.command({"PING"});
    proxy.delay(20ms);
    const auto start = steady_clock::now();
    BOOST_TEST(connection.command({"PING"}).text == "PONG");
    BOOST_CHECK(steady_clock::now() - start >= 40ms);

    proxy.delay(0ms);
    BOOST_TEST(connection.command({"PING"}).text == "PONG");
}

BOOST_AUTO_TEST_CASE(connections_can_be_dropped)
{
    redis_connection connection(proxy.port());
    connection.command({"PING"});
    BOOST_TEST(proxy.connections() == 1);
    proxy.drop_connections();
    BOOST_TEST(proxy.connections() == 0);
    BOOST_CHECK_THROW(connection.command({"PING"}), std::runtime_error);
    BOOST_TEST(through_proxy({"PING"}) == "PONG");
}

BOOST_AUTO_TEST_CASE(what_is_held_when_connections_are_dropped_is_lost)
{
    redis_connection connection(proxy.port(), {}, 50ms);
    connection.command({"PING"});
    proxy.hold();
    BOOST_CHECK_THROW(connection.command({"INCR", "n"}), std::runtime_error);
    proxy.drop_connections();
    proxy.pass();
    BOOST_TEST(through_proxy({"GET", "n"}) == "");
}

BOOST_AUTO_TEST_CASE(a_server_that_is_gone_refuses)
{
    redis_connection connection(proxy.port());
    connection.command({"PING"});
    proxy.refuse();
    BOOST_CHECK_THROW(connection.command({"PING"}), std::runtime_error);
    BOOST_TEST(contains(through_proxy({"PING"}), "refused"));
    BOOST_TEST(server.command({"PING"}).text == "PONG");

    proxy.pass();
    BOOST_TEST(through_proxy({"PING"}) == "PONG");
}

BOOST_AUTO_TEST_CASE(a_server_that_dies_closes_the_client_too)
{
    redis_connection connection(proxy.port());
    connection.command({"PING"});
    server.kill();
    BOOST_CHECK_THROW(connection.command({"PING"}), std::runtime_error);
    server.restart(redis_data::keep);
    BOOST_TEST(through_proxy({"PING"}) == "PONG");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
