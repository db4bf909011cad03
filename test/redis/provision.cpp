// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/clients.hpp"
#include "redis/support/documented_user.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// async_provision, on real servers.

namespace {

using namespace test;
using redlock::async_provision;
using redlock::provision_errc;

struct provisioning
{
    quiet_log quiet;
    asio::io_context io{1};

    /// What it completes with, if it does.
    std::optional<std::exception_ptr> done;

    void start(const node_configs& nodes, const redis_options& options = patient_options())
    {
        done.reset();
        async_provision(io.get_executor(), nodes, options, [this](std::exception_ptr e) { done = e; });
        BOOST_TEST(!done); // never from within
    }

    void run()
    {
        io.restart();
        io.run_for(20s);
        BOOST_TEST(io.stopped()); // ran out of work: the connections are closed
        BOOST_REQUIRE(done.has_value());
    }

    /// The error, whose text has these parts.
    error_code error_that_says(std::initializer_list<std::string> parts = {})
    {
        try {
            if (*done)
                std::rethrow_exception(*done);
        } catch (const boost::system::system_error& e) {
            for (const std::string& part : parts)
                BOOST_TEST(std::string_view(e.what()).find(part) != std::string_view::npos, e.what());
            return e.code();
        }
        return {};
    }

    static bool has_marker(const redis_server& node) { return node.command({"EXISTS", "redlock:node"}).integer == 1; }

    template <class Nodes>
    static auto markers(Nodes& nodes)
    {
        return std::count_if(nodes.begin(), nodes.end(), has_marker);
    }

    /// Nobody waits for so long as these say.
    static redis_options patient_options()
    {
        redis_options result = quick_options();
        result.max_ttl = 60s;
        result.quorum_timeout = 10s;
        return result;
    }

    bool votes_at_once(const node_configs& nodes)
    {
        client c(io, nodes, patient_options());
        attempt a = c.acquire("r");
        return run_until(io, [&] { return a.done(); }, 20s) && a.granted();
    }
};

BOOST_FIXTURE_TEST_SUITE(redis_provision, provisioning)

BOOST_AUTO_TEST_CASE(R9_nodes_that_are_provisioned_vote_at_once)
{
    redis_nodes nodes(3);
    nodes[0].command({"SET", "somebody", "else's"});
    start(nodes.configs());
    run();
    BOOST_TEST((*done == nullptr));
    BOOST_TEST(votes_at_once(nodes.configs()));
}

BOOST_AUTO_TEST_CASE(R9_a_node_that_holds_anything_under_the_prefix_is_named_and_no_other_changed)
{
    for (const char* key : {"redlock:node", "redlock:{r}", "redlock:"}) {
        redis_nodes nodes(3);
        nodes[1].command({"HSET", key, "x", "y"});
        start(nodes.configs());
        run();
        BOOST_TEST(error_that_says({nodes[1].address(), "holds '" + std::string(key) + '\'', "delete these keys"})
                   == make_error_code(provision_errc::occupied));
        BOOST_TEST(!has_marker(nodes[0]));
        BOOST_TEST(!has_marker(nodes[2]));
    }
}

BOOST_AUTO_TEST_CASE(R9_a_deployment_is_provisioned_once)
{
    redis_nodes nodes(3);
    start(nodes.configs());
    run();
    BOOST_TEST((*done == nullptr));
    start(nodes.configs());
    run();
    BOOST_TEST(error_that_says({"holds 'redlock:node'"}) == make_error_code(provision_errc::occupied));
    BOOST_TEST(votes_at_once(nodes.configs())); // it did no harm
}

BOOST_AUTO_TEST_CASE(R9_two_who_provision_at_once_do_not_harm_each_other)
{
    redis_nodes nodes(3);
    std::vector<std::exception_ptr> results;
    for (int i = 0; i < 2; ++i)
        async_provision(io.get_executor(), nodes.configs(), patient_options(),
                        [&](std::exception_ptr e) { results.push_back(e); });
    io.run();
    BOOST_REQUIRE(results.size() == 2);
    BOOST_TEST(std::count(results.begin(), results.end(), nullptr) <= 1);
    BOOST_TEST(votes_at_once(nodes.configs()));
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_take_part_is_named_and_no_other_changed)
{
    redis_nodes nodes(2);
    const auto refused = [&](const boost::redis::config& bad, const std::string& why) {
        node_configs all = nodes.configs();
        all.push_back(bad);
        start(all);
        run();
        const std::string address = bad.addr.host + ':' + bad.addr.port;
        BOOST_TEST(error_that_says({address, why}) == make_error_code(provision_errc::unusable));
        BOOST_TEST(markers(nodes) == 0);
    };
    boost::redis::config nobody;
    nobody.addr = {"127.0.0.1", std::to_string(free_port())};
    refused(nobody, "cannot be used");
    redis_server secret({.password = "secret"});
    refused(secret.config("default", ""), "password");
    redis_server evicting({.config = {"maxmemory-policy volatile-ttl"}});
    refused(evicting.config(), "set noeviction");
    redis_server limited({.users = {documented_user()}}); // clients need not know the names of all keys
    refused(limited.config("locks", "PASSWORD"), "forbids a command");
}

BOOST_AUTO_TEST_CASE(the_same_server_twice)
{
    redis_nodes nodes(1);
    node_configs all = nodes.configs();
    all.push_back(nodes[0].config());
    start(all);
    run();
    BOOST_TEST(error_that_says({"is the same server as " + nodes[0].address()})
               == make_error_code(provision_errc::unusable));
    BOOST_TEST(markers(nodes) == 0);
}

BOOST_AUTO_TEST_CASE(bad_options_end_the_operation)
{
    const auto named = [&](const node_configs& nodes, const redis_options& options, std::string_view what) {
        start(nodes, options);
        run();
        try {
            std::rethrow_exception(*done);
        } catch (const std::invalid_argument& e) {
            return std::string_view(e.what()).find(what) != std::string_view::npos;
        }
    };
    BOOST_TEST(named({}, {}, "node"));
    BOOST_TEST(named(node_configs(1), {.prefix = "{a}"}, "prefix"));
    boost::redis::config tls;
    tls.use_ssl = true;
    redis_options without_file;
    without_file.tls_ca_file = "/nowhere";
    start({tls}, without_file);
    run();
    BOOST_TEST(error_that_says({"tls_ca_file '/nowhere'"}).failed());
}

BOOST_AUTO_TEST_CASE(it_can_be_cancelled_while_it_waits_for_a_node)
{
    redis_nodes nodes(2);
    nodes[1].stop(); // takes the connection and says nothing
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        done.reset();
        async_provision(io.get_executor(), nodes.configs(), quick_options(),
                        asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr e) { done = e; }));
        BOOST_TEST(!run_until(io, [&] { return done.has_value(); }, 50ms));
        signal.emit(type);
        run();
        BOOST_TEST(error_that_says() == error_code(asio::error::operation_aborted));
        BOOST_TEST(!has_marker(nodes[0]));
    }
    async_provision(io.get_executor(), nodes.configs(), quick_options(),
                    asio::cancel_after(50ms, [this](std::exception_ptr e) { done = e; }));
    done.reset();
    run();
    BOOST_TEST(error_that_says() == error_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(tokens_and_executors_of_all_kinds)
{
    redis_nodes nodes(1);
    redis_options options = quick_options();
    const auto ex = io.get_executor();
    const auto strand = asio::make_strand(io);
    bool on_strand = false;
    async_provision(ex, nodes.configs(), options, asio::bind_executor(strand, [&](std::exception_ptr e) {
                        on_strand = strand.running_in_this_thread() && !e;
                    }));
    BOOST_TEST(run_until(io, [&] { return on_strand; }));

    std::string said;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            options.prefix = "second:";
            co_await async_provision(ex, nodes.configs(), options, asio::use_awaitable);
            options.prefix = "third:";
            co_await async_provision(ex, nodes.configs(), options); // deferred
            try {
                co_await async_provision(ex, nodes.configs(), options);
            } catch (const boost::system::system_error& e) {
                said = e.what();
            }
        },
        asio::detached);
    io.restart();
    io.run();
    BOOST_TEST(said.find("node " + nodes[0].address() + " holds 'third:node'") != said.npos, said);
    BOOST_TEST(nodes[0].command({"EXISTS", "second:node", "third:node"}).integer == 2);
}

BOOST_AUTO_TEST_CASE(a_context_is_destroyed_at_any_moment)
{
    redis_nodes nodes(2);
    bool completed = false;
    for (int steps = 0; !completed; ++steps) {
        redis_options options = quick_options();
        options.prefix = "context" + std::to_string(steps) + ':';
        auto context = std::make_unique<asio::io_context>(1);
        async_provision(context->get_executor(), nodes.configs(), options,
                        [&, lives = std::make_shared<int>()](std::exception_ptr) { completed = true; });
        for (int i = 0; i < steps; ++i)
            context->run_one_for(100ms);
        context.reset();
        BOOST_REQUIRE(steps < 1000);
    }
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_lost_says_which_nodes_are_set_up_already)
{
    redis_nodes nodes(2);
    tcp_proxy network(nodes[1].port());
    network.delay(100ms); // both are set up at the same time
    start({nodes[0].config(), network.config(nodes[1].config())});
    BOOST_TEST(run_until(io, [&] { return has_marker(nodes[0]); }));
    network.hold(tcp_proxy::to_client);
    BOOST_TEST(!run_until(io, [&] { return done.has_value(); }, 50ms));
    network.drop_connections();
    run();
    BOOST_TEST(error_that_says({"is lost", "(set up already: " + nodes[0].address() + ')'})
               == make_error_code(provision_errc::unusable));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
