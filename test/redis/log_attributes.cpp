// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/log_capture.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_url.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/log/expressions.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

// Filters choose among the records over Redis as well: no server is needed for those that it takes.

namespace {

using namespace std::chrono_literals;
namespace redlock = priority_redlock;

BOOST_AUTO_TEST_SUITE(redis_log_attributes, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(a_ttl_that_is_refused_is_said_of_its_resource)
{
    const test::log_capture of_printer(boost::log::expressions::attr<std::string>("Resource") == "printer");
    const test::log_capture of_scanner(boost::log::expressions::attr<std::string>("Resource") == "scanner");

    boost::asio::io_context context;
    redlock::lock_manager manager(
        context, std::make_shared<redlock::redis_protocol>(
                     context.get_executor(), redlock::parse_redis_nodes("localhost:1"), redlock::redis_options{}));
    redlock::error_code result;
    manager.async_acquire("printer", "a", {.ttl = 1h}, [&](redlock::error_code ec, redlock::lock) {
        result = ec;
        context.stop();
    });
    context.run();
    BOOST_TEST((result == redlock::errc::invalid_argument));

    BOOST_REQUIRE(of_printer.count("redis: a ttl of 3600000 ms is refused") == 1u);
    BOOST_TEST(of_scanner.records().empty());
    const auto& record = of_printer.records().front();
    BOOST_TEST(record.get<std::string>("Event") == "ttl_refused");
    BOOST_TEST(record.get<std::string>("Locker") == "a");
    BOOST_TEST(record.get<std::int64_t>("Milliseconds") == 3600000);
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_be_used_is_an_attribute)
{
    const test::log_capture of_node(boost::log::expressions::attr<std::string>("Node") == "localhost:1");

    boost::asio::io_context context;
    redlock::lock_manager manager(
        context, std::make_shared<redlock::redis_protocol>(
                     context.get_executor(), redlock::parse_redis_nodes("localhost:1"), redlock::redis_options{}));
    manager.async_acquire("printer", "a", {}, [](redlock::error_code, redlock::lock) {});
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (of_node.records().empty() && std::chrono::steady_clock::now() < deadline)
        context.run_one_for(1s);
    BOOST_REQUIRE(!of_node.records().empty());
    // The error once, without what the connection says of its address and TLS.
    BOOST_TEST(of_node.records().front().text == "redis: node localhost:1 cannot be used: Connection refused");
    BOOST_TEST(of_node.records().front().get<std::string>("Event") == "node_complaint");
    BOOST_TEST(of_node.records().front().get<std::string>("Resource") == "");
    manager.close();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
