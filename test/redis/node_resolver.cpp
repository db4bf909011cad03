// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "../src/redis/node_resolver.hpp"

#include "common/log_capture.hpp"
#include "redis/support/clients.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// Nodes whose names are looked up, and lookups that hang.

namespace {

using namespace test;
using priority_redlock::detail::redis::addresses;
using priority_redlock::detail::redis::lookup_in_use;
using tcp = asio::ip::tcp;

/// The name service of a test. Names that end with `.slow` are not answered while it hangs.
class name_service
{
public:
    name_service() : before_(lookup_in_use().exchange(&look_up)) { state() = {}; }
    name_service(const name_service&) = delete;
    name_service& operator=(const name_service&) = delete;

    ~name_service()
    {
        hang(false);
        BOOST_TEST(eventually([] {
            const std::lock_guard guard(mutex());
            return state().under_way == 0;
        }));
        lookup_in_use() = before_;
    }

    void hang(bool yes)
    {
        const std::lock_guard guard(mutex());
        state().hangs = yes;
        changed().notify_all();
    }

    /// All names, from now on.
    void lead_to(const std::string& address)
    {
        const std::lock_guard guard(mutex());
        state().address = address;
    }

    void fail_with(error_code ec)
    {
        const std::lock_guard guard(mutex());
        state().failure = ec;
    }

    [[nodiscard]] int under_way() const
    {
        const std::lock_guard guard(mutex());
        return state().under_way;
    }

    [[nodiscard]] int most_at_once() const
    {
        const std::lock_guard guard(mutex());
        return state().most_at_once;
    }

private:
    struct state_t
    {
        bool hangs = false;
        error_code failure;
        std::string address;
        int under_way = 0;
        int most_at_once = 0;
    };

    static state_t& state()
    {
        static state_t s;
        return s;
    }

    static std::mutex& mutex()
    {
        static std::mutex m;
        return m;
    }

    static std::condition_variable& changed()
    {
        static std::condition_variable c;
        return c;
    }

    static addresses look_up(const std::string& host, const std::string& service, error_code& ec)
    {
        std::unique_lock guard(mutex());
        state_t& s = state();
        s.most_at_once = std::max(s.most_at_once, ++s.under_way);
        if (host.ends_with(".slow"))
            changed().wait(guard, [&] { return !s.hangs; });
        --s.under_way;
        ec = s.failure;
        const auto port = static_cast<asio::ip::port_type>(std::stoi(service));
        // As of localhost, where nobody listens at the first.
        std::vector<tcp::endpoint> all{{asio::ip::make_address("::1"), port},
                                       {asio::ip::make_address("127.0.0.1"), port}};
        if (!s.address.empty())
            all = {{asio::ip::make_address(s.address), port}};
        return ec ? addresses() : addresses::create(all.begin(), all.end(), host, service);
    }

    priority_redlock::detail::redis::lookup_function before_;
};

struct names_fixture
{
    name_service names;
    log_capture log;
    asio::io_context io{1};

    [[nodiscard]] bool said(std::string_view what) const
    {
        return std::any_of(log.records().begin(), log.records().end(),
                           [&](const auto& r) { return r.text.find(what) != r.text.npos; });
    }

    [[nodiscard]] std::string everything_said() const
    {
        std::string result;
        for (const auto& each : log.records())
            result += each.text + '\n';
        return result;
    }

    bool acquires(client& c, std::string_view resource = "r", redlock::duration limit = 5s)
    {
        attempt a = c.acquire(resource);
        return run_until(io, [&] { return a.done(); }, limit) && a.granted();
    }
};

boost::redis::config named(boost::redis::config config, const std::string& host)
{
    config.addr.host = host;
    return config;
}

redis_options unguarded()
{
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::off;
    return options;
}

BOOST_FIXTURE_TEST_SUITE(redis_names_of_nodes, names_fixture)

BOOST_AUTO_TEST_CASE(T37_a_lookup_that_hangs_costs_one_vote)
{
    redis_nodes nodes(3);
    std::deque<tcp_proxy> network;
    node_configs configs{named(nodes[0].config(), "a.slow")};
    for (const std::size_t i : {1u, 2u})
        configs.push_back(network.emplace_back(nodes[i].port()).config(nodes[i].config()));
    names.hang(true);
    client c(io, configs, unguarded());
    const auto asked = redlock::clock::now();
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }, 900ms));
    BOOST_TEST(names.under_way() == 1);

    // The others come back without it.
    for (tcp_proxy& each : network)
        each.drop_connections();
    BOOST_TEST(!run_until(io, [&] { return held.end().has_value(); }, 1500ms)); // longer than a lease
    BOOST_TEST(held.lock().is_held());
    BOOST_TEST((redlock::clock::now() > asked + 1s));
    BOOST_TEST(names.most_at_once() == 1);

    names.hang(false);
    const auto is_known = [&] { return nodes[0].command({"EXISTS", "redlock:{r}"}).integer == 1; };
    BOOST_TEST(run_until(io, is_known, 3s));
    // Asio's lookups are those of the user too, and are made one after the other.
    BOOST_TEST(!asio::has_service<asio::detail::resolver_service<tcp>>(io));
}

BOOST_AUTO_TEST_CASE(several_lookups_hang_side_by_side_and_a_third_does_not_wait)
{
    redis_nodes nodes(3);
    names.hang(true);
    client c(io,
             {named(nodes[0].config(), "a.slow"), named(nodes[1].config(), "b.slow"), named(nodes[2].config(), "c")},
             unguarded());
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return names.under_way() == 2; }));
    const auto is_connected = [&] {
        return !nodes[2].command({"PUBSUB", "CHANNELS", "redlock:client:*"}).elements.empty();
    };
    BOOST_TEST(run_until(io, is_connected, 900ms));
    names.hang(false);
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
}

BOOST_AUTO_TEST_CASE(the_last_address_is_used_while_a_lookup_hangs_or_fails)
{
    redis_nodes nodes(1);
    tcp_proxy network(nodes[0].port());
    const auto config = network.config(nodes[0].config());
    client c(io, {named(config, "a.slow")}, unguarded());
    attempt held = c.acquire("held");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    for (const bool hangs : {true, false}) {
        names.hang(hangs);
        names.fail_with(hangs ? error_code() : error_code(asio::error::host_not_found_try_again));
        network.drop_connections();
        BOOST_TEST(run_until(io, [&] { return network.connections() == 0; }));
        log.clear();
        BOOST_TEST(acquires(c), everything_said());
        BOOST_TEST(said(hangs ? "takes long: its last address is used" : "cannot be looked up"), everything_said());
        BOOST_TEST(said("a.slow"));
    }
    BOOST_TEST(names.most_at_once() == 1);
    BOOST_TEST(held.lock().is_held());

    // A name that is known to be none is not connected to.
    names.fail_with(asio::error::host_not_found);
    network.drop_connections();
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
}

BOOST_AUTO_TEST_CASE(a_server_moves_and_its_name_with_it)
{
    redis_nodes nodes(1, {.config = {"bind 127.0.0.1 127.0.0.2"}});
    names.lead_to("127.0.0.2");
    client c(io, {named(nodes[0].config(), "moving")}, unguarded());
    attempt held = c.acquire("held");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    names.lead_to("127.0.0.1");
    nodes[0].command({"CONFIG", "SET", "bind", "127.0.0.1"});
    nodes[0].command({"CLIENT", "KILL", "TYPE", "pubsub"});
    BOOST_TEST(run_until(io, [&] { return said("is lost"); }));
    BOOST_TEST(acquires(c));
    BOOST_TEST(held.lock().is_held());
    BOOST_TEST(!said("cannot be used"), everything_said());
}

BOOST_AUTO_TEST_CASE(the_name_is_what_a_certificate_is_checked_for)
{
    redis_nodes nodes(1, {.tls = true});
    redis_options options = unguarded();
    options.tls_ca_file = nodes[0].certificate_file();
    client named_well(io, {named(nodes[0].config(), "localhost")}, options);
    BOOST_TEST(acquires(named_well), everything_said());
    client misled(io, {named(nodes[0].config(), "elsewhere")}, options); // leads to the same address
    BOOST_TEST(!acquires(misled));
    BOOST_TEST(said("certificate"), everything_said());
}

BOOST_AUTO_TEST_CASE(closing_does_not_wait_for_a_lookup_and_nor_does_the_context)
{
    redis_nodes nodes(1);
    names.hang(true);
    for (const bool close : {true, false}) {
        auto context = std::make_unique<asio::io_context>(1);
        auto c = std::make_unique<client>(*context, node_configs{named(nodes[0].config(), "a.slow")}, unguarded());
        attempt a = c->acquire("r");
        for (int i = 0; i < 5; ++i)
            context->poll_one();
        BOOST_TEST(eventually([&] { return names.under_way() > 0; }));
        const auto before = redlock::clock::now();
        if (close) {
            c->protocol->close();
            context->run();
            BOOST_TEST(a.done());
        }
        c.reset();
        context.reset();
        BOOST_TEST((redlock::clock::now() < before + 1s));
        BOOST_TEST(names.under_way() > 0); // its thread goes on, for itself
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
