// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/redis_server.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/redis_protocol.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>

// Several managers over one protocol.

namespace {

using namespace std::chrono_literals;
using namespace test;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;

} // namespace

BOOST_AUTO_TEST_SUITE(managers)

// The subscription of a new manager and its first obtain leave together. Boost.Redis may read the reply to the obtain
// before it has noticed that both were written, and must not take it for a push then.
BOOST_AUTO_TEST_CASE(one_that_comes_later_loses_no_reply)
{
    const redis_nodes nodes(3);
    boost::asio::io_context context;
    priority_redlock::redis_options options;
    options.trust_fresh_nodes = true;
    const auto store =
        std::make_shared<priority_redlock::redis_protocol>(context.get_executor(), nodes.configs(), options);

    int granted = 0;
    for (int i = 0; i < 200; ++i) {
        lock_manager manager(context, store);
        bool over = false;
        manager.async_acquire("door", {.timeout = 1s}, [&](error_code error, lock) {
            granted += !error;
            over = true;
        });
        while (!over)
            context.run_one();
    }
    BOOST_TEST(granted == 200);
    store->close();
    context.run();
}

BOOST_AUTO_TEST_SUITE_END()
