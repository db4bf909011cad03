// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/clients.hpp"
#include "redis/support/redis_server.hpp"

#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/testing/conformance.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

// The rules of every protocol, on real servers.

namespace {

using namespace test;
using namespace std::chrono_literals;
namespace testing = priority_redlock::testing;

testing::conformance_subject on_nodes(std::size_t count, const redis_server_options& servers)
{
    // One set of servers for all cases; a prefix of its own makes the store of each an empty one.
    auto nodes = std::make_shared<std::unique_ptr<redis_nodes>>();
    auto cases = std::make_shared<int>(0);
    return {.make =
                [=](const boost::asio::any_io_executor& ex) {
                    if (!*nodes)
                        *nodes = std::make_unique<redis_nodes>(count, servers);
                    priority_redlock::redis_options options;
                    options.prefix = "case" + std::to_string(++*cases) + ":";
                    provision((*nodes)->configs(), options);
                    return std::make_shared<priority_redlock::redis_protocol>(ex, (*nodes)->configs(), options);
                },
            .unit = 100ms};
}

void add_suite(std::string_view name, const testing::conformance_subject& subject)
{
    using namespace boost::unit_test;
    auto* suite = BOOST_TEST_SUITE(std::string(name));
    for (const testing::conformance_case& rule : testing::conformance_cases())
        suite->add(make_test_case(
            [&rule, subject] {
                try {
                    rule.run(subject);
                } catch (const testing::conformance_failure& broken) {
                    BOOST_ERROR(rule.name << ": " << broken.what());
                }
            },
            std::string(rule.name), __FILE__, __LINE__));
    framework::master_test_suite().add(suite);
}

const bool added = [] {
    add_suite("redis_conformance_on_five_nodes", on_nodes(5, {}));
    add_suite("redis_conformance_on_one_node", on_nodes(1, {.persistence = redis_persistence::aof_always}));
    return true;
}();

} // namespace
