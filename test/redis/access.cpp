// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "../src/redis/deployment.hpp"
#include "../src/redis/script_texts.hpp"
#include "redis/support/clients.hpp"
#include "redis/support/documented_user.hpp"
#include "redis/support/redis_server.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/redis_protocol.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <cctype>
#include <chrono>
#include <cstddef>
#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

// The user that doc/redis.md tells how to make.

namespace {

using namespace std::chrono_literals;
using namespace test;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;
namespace redis = priority_redlock::detail::redis;

} // namespace

BOOST_AUTO_TEST_SUITE(access_rights)

BOOST_AUTO_TEST_CASE(every_command_of_the_scripts_is_allowed)
{
    const std::string user = documented_user() + ' ';
    const std::regex call(R"(redis\.call\('(\w+)')");
    std::size_t calls = 0;
    const auto texts = redis::make_script_texts({}, redis::deployment_text(1, {}));
    for (const std::string& script : texts) {
        if (&script == &texts[static_cast<std::size_t>(redis::script::scan)])
            continue; // an operator's, for which there is another right
        for (std::sregex_iterator it(script.begin(), script.end(), call), end; it != end; ++it, ++calls) {
            std::string right = " +" + (*it)[1].str() + ' ';
            for (char& c : right)
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            BOOST_TEST(user.find(right) != user.npos, "the documented user lacks" << right);
        }
    }
    BOOST_TEST(calls > 0u);
}

BOOST_AUTO_TEST_CASE(the_documented_user_can_lock)
{
    const redis_server node({.password = "of the tests", .users = {documented_user()}});
    boost::asio::io_context context;
    priority_redlock::redis_options options;
    options.idle_timeout = 10ms;
    provision({node.config()}, options);
    const auto make_store = [&] {
        return std::make_shared<priority_redlock::redis_protocol>(
            context.get_executor(), std::vector{node.config("locks", "PASSWORD")}, options);
    };
    lock_manager low(context, make_store());
    lock_manager high(context, make_store());

    // One is preempted, and waits for it to be over.
    lock first;
    lock second;
    int grants = 0;
    low.async_acquire("door", {}, [&](error_code error, lock granted) {
        BOOST_TEST(!error, error.message());
        ++grants;
        first = std::move(granted);
        first.async_extend(5s, [](error_code e) { BOOST_TEST(!e, e.message()); });
        first.async_wait([&](error_code) {
            first.release();
            low.async_acquire("door", {}, [&](error_code e, lock) {
                BOOST_TEST(!e, e.message());
                ++grants;
            });
        });
        high.async_acquire("door", {.priority = 1}, [&](error_code e, lock taken) {
            BOOST_TEST(!e, e.message());
            ++grants;
            second = std::move(taken);
            boost::asio::post(context, [&] { second.release(); });
        });
    });
    context.run_for(20s);

    BOOST_TEST(grants == 3);
    BOOST_TEST(node.command({"ACL", "LOG"}).elements.size() == 0u, node.command({"ACL", "LOG"}));
}

BOOST_AUTO_TEST_SUITE_END()
