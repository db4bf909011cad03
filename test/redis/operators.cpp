// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/documented_user.hpp"
#include "redis/support/fake_server.hpp"
#include "redis/support/operator_scene.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// What the operators of the nodes do while locks are in use: nobody overlaps, tokens rise, the node's vote is all that
// is lost, the log says why and what to do, and all is well soon after it is undone. doc/redis.md has a table of them.
//
// Those that take long have the label `long`, and are run by tools/release.

namespace {

using namespace test;
namespace butf = boost::unit_test;

/// A connection of an operator's own, which stays whatever happens to new ones.
class operators_connection
{
public:
    explicit operators_connection(const redis_server& server) : connection_(server.port()) {}

    void operator()(const std::vector<std::string>& command)
    {
        const redis_reply reply = connection_.command(command);
        BOOST_TEST(!reply.is_error(), command[0] << ": " << reply);
    }

    void config(const std::string& name, const std::string& value) { (*this)({"CONFIG", "SET", name, value}); }

    /// The connections of the managers: each listens on a channel.
    void kill_clients() { (*this)({"CLIENT", "KILL", "TYPE", "pubsub"}); }

private:
    redis_connection connection_;
};

/// Servers that take DEBUG from clients, which newer ones have to be told.
redis_server_options debuggable()
{
    static const bool is_newer = !redis_server().command({"CONFIG", "GET", "enable-debug-command"}).elements.empty();
    return is_newer ? redis_server_options{.config = {"enable-debug-command yes"}} : redis_server_options();
}

/// The nodes behind a network of their own, the same for all.
struct behind_proxies
{
    explicit behind_proxies(operator_scene& scene)
    {
        for (redis_server& node : scene.nodes)
            addresses.push_back(network.emplace_back(node.port()).config(node.config()));
        scene.begin(addresses);
    }

    std::deque<tcp_proxy> network;
    node_configs addresses;
};

BOOST_AUTO_TEST_SUITE(redis_operators)

// --- settings ---

BOOST_AUTO_TEST_CASE(a_password_is_set)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act =
                      [&] {
                          op.config("requirepass", "secret");
                          op.kill_clients(); // those that have logged in stay
                      },
                  .said = "It wants a user and a password",
                  .undo = [&] { op.config("requirepass", ""); }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(memory_runs_out)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act = [&] { op.config("maxmemory", "1"); },
                  .said = "is out of memory: raise its maxmemory",
                  .undo = [&] { op.config("maxmemory", "0"); }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(eviction_is_switched_on, *butf::label("long") * butf::disabled())
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act = [&] { op.config("maxmemory-policy", "allkeys-lru"); },
                  .said = "may evict locks: its maxmemory-policy is allkeys-lru (maxmemory 0), set noeviction",
                  .undo = [&] { op.config("maxmemory-policy", "noeviction"); }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(all_connections_are_taken)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act =
                      [&] {
                          op.config("maxclients", "1");
                          op.kill_clients();
                      },
                  .said = "raise its maxclients",
                  .undo = [&] { op.config("maxclients", "1000"); }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(idle_clients_are_closed_after_a_second, *butf::label("long") * butf::disabled())
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    op.config("timeout", "1"); // subscribers are none
    BOOST_TEST(!run_until(scene.io, [&] { return !scene.log.records().empty(); }, 3s), scene.everything_said());
    scene.check();
}

BOOST_AUTO_TEST_CASE(an_output_buffer_of_one_byte)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act = [&] { op.config("client-output-buffer-limit", "pubsub 1 1 1"); },
                  .said = "The server has closed it: see its log",
                  .undo = [&] { op.config("client-output-buffer-limit", "pubsub 33554432 8388608 60"); }});
    scene.check();
}

// --- connections ---

BOOST_AUTO_TEST_CASE(connections_are_killed)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    op({"CLIENT", "KILL", "TYPE", "normal"}); // those of others
    BOOST_TEST(scene.get_on());
    BOOST_TEST(scene.log.records().empty(), scene.everything_said());
    for (int i = 0; i < 2; ++i) {
        scene.log.clear();
        scene.suffer({.act = [&] { op.kill_clients(); }, .said = i == 0 ? "is lost: " : ""});
    }
    scene.check();
}

BOOST_AUTO_TEST_CASE(connections_are_half_open, *butf::label("long") * butf::disabled())
{
    operator_scene scene;
    behind_proxies all(scene);
    scene.suffer({.act = [&] { all.network[0].hold(); },
                  .said = "does not answer",
                  .undo =
                      [&] {
                          all.network[0].drop_connections();
                          all.network[0].pass();
                      }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(an_address_leads_to_a_node_that_there_is_already)
{
    operator_scene scene;
    behind_proxies all(scene);
    scene.suffer({.act = [&] { all.network[0].lead_to(scene.nodes[1].port()); },
                  .said = "name every server once",
                  .undo = [&] { all.network[0].lead_to(scene.nodes[0].port()); }});
    scene.check();
}

// --- servers that stand still ---

BOOST_AUTO_TEST_CASE(a_server_sleeps)
{
    operator_scene scene(debuggable());
    scene.begin();
    scene.suffer({.act = [&] { scene.in_background(scene.nodes[0], {"DEBUG", "SLEEP", "1.5"}); },
                  .said = "does not answer, for "});
    scene.check();
}

BOOST_AUTO_TEST_CASE(clients_are_paused)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act = [&] { op({"CLIENT", "PAUSE", "60000", "WRITE"}); },
                  .said = "does not answer, for ",
                  .undo = [&] { op({"CLIENT", "UNPAUSE"}); }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(a_script_keeps_a_node_busy)
{
    operator_scene scene({.config = {"lua-time-limit 100"}});
    scene.begin();
    const std::string script = "local t = redis.call('TIME') local to = t[1] * 1e6 + t[2] + 1500000 "
                               "repeat t = redis.call('TIME') until t[1] * 1e6 + t[2] > to";
    scene.suffer({.act = [&] { scene.in_background(scene.nodes[0], {"EVAL", script, "0"}); },
                  .said = "is busy with somebody's script"});
    scene.check();
}

BOOST_AUTO_TEST_CASE(a_script_keeps_a_majority_busy_for_three_seconds, *butf::label("long") * butf::disabled())
{
    redis_options options = operator_scene::quickest_options();
    options.quorum_timeout = 10s;
    options.lease = options.max_ttl = 6s; // what is held outlasts it
    operator_scene scene({.config = {"lua-time-limit 100"}}, options);
    scene.begin();
    const std::string script = "local t = redis.call('TIME') local to = t[1] * 1e6 + t[2] + 3000000 "
                               "repeat t = redis.call('TIME') until t[1] * 1e6 + t[2] > to";
    for (const std::size_t i : {0u, 1u})
        scene.in_background(scene.nodes[i], {"EVAL", script, "0"});
    for (const std::size_t i : {0u, 1u})
        BOOST_TEST(run_until(scene.io, [&] { return scene.says(i, "is busy with somebody's script"); }),
                   scene.everything_said());
    const auto is_known = [&] { return scene.everything_said().find("can be asked: no quorum") != std::string::npos; };
    BOOST_TEST(run_until(scene.io, is_known), scene.everything_said());
    BOOST_TEST(scene.get_on(2, 5s));
    scene.check();
}

BOOST_AUTO_TEST_CASE(nodes_that_stand_still_keep_a_free_lock_waiting_as_long_as_they_do)
{
    redis_nodes nodes(3, debuggable());
    redis_options options = quick_options();
    options.retry_interval = 700ms;
    provision(nodes.configs(), options);
    asio::io_context io(1);
    client c(io, nodes.configs(), options);
    c.connected();
    std::vector<std::thread> sleepers;
    for (const std::size_t i : {0u, 1u})
        sleepers.emplace_back([&nodes, i] { nodes[i].command({"DEBUG", "SLEEP", "0.4"}); });
    BOOST_TEST(!run_until(io, [] { return false; }, 50ms)); // they have begun
    const auto start = redlock::clock::now();
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.granted(); }));
    BOOST_TEST((a.done_at() - start) / 1ms < 900); // it rests for 1.2 s where there is a rival
    for (std::thread& each : sleepers)
        each.join();
}

// --- servers that go ---

BOOST_AUTO_TEST_CASE(a_server_comes_back_on_another_port)
{
    operator_scene scene;
    scene.begin();
    std::optional<redis_server> elsewhere;
    scene.suffer({.act =
                      [&] {
                          scene.nodes[0].shut_down();
                          elsewhere.emplace();
                      },
                  .said = "cannot be used: Connection refused",
                  .undo = [&] { scene.nodes[0].restart(redis_data::keep); }});
    BOOST_TEST(scene.says(0, "does not vote for "), scene.everything_said()); // it is empty
    scene.check();
}

BOOST_AUTO_TEST_CASE(a_web_server_takes_the_port)
{
    operator_scene scene;
    scene.begin();
    const auto on_its_thread = [&](auto f) { asio::post(scene.io, asio::use_future(f)).get(); };
    std::optional<fake_server> web;
    const auto answer = [](std::string&) { return std::string("HTTP/1.1 400 Bad Request\r\n\r\n"); };
    scene.suffer({.act =
                      [&] {
                          scene.nodes[0].shut_down();
                          on_its_thread([&] { web.emplace(scene.io, answer, scene.nodes[0].port()); });
                      },
                  .said = "Is it a Redis server",
                  .undo =
                      [&] {
                          on_its_thread([&] { web.reset(); });
                          scene.nodes[0].restart(redis_data::keep);
                      }});
    scene.check();
}

BOOST_AUTO_TEST_CASE(T47_managers_that_have_lost_their_server_come_back_at_different_times)
{
    const quiet_log quiet;
    asio::io_context io(1);
    redis_options options = quick_options();
    options.idle_timeout = 20s; // they try on after the acquire has ended
    std::deque<asio::ip::tcp::acceptor> doors;
    std::deque<client> clients;
    std::deque<attempt> attempts;
    std::vector<std::size_t> knocks;
    std::size_t all = 0;
    std::function<void(std::size_t)> open = [&](std::size_t i) {
        doors[i].async_accept([&, i](error_code ec, asio::ip::tcp::socket) { // which closes it
            if (ec)
                return;
            ++knocks[i];
            ++all;
            open(i);
        });
    };
    for (std::size_t i = 0; i < 40; ++i) {
        doors.emplace_back(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        knocks.push_back(0);
        open(i);
        boost::redis::config address;
        address.addr = {"127.0.0.1", std::to_string(doors[i].local_endpoint().port())};
        attempts.push_back(clients.emplace_back(io, node_configs{address}, options).acquire("r"));
    }
    BOOST_TEST(run_until(io, [&] { return all >= 12 * doors.size(); }, 20s));
    // Side by side they would have knocked equally often.
    const auto [fewest, most] = std::ranges::minmax(knocks);
    BOOST_TEST(most - fewest >= 2, "from " << fewest << " to " << most << " times");
}

// --- data ---

BOOST_AUTO_TEST_CASE(a_node_is_emptied)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    scene.suffer({.act = [&] { op({"FLUSHALL"}); }, .said = "it is empty"});
    BOOST_TEST(!scene.says(0, "(re)started"), scene.everything_said());
    scene.check();
}

BOOST_AUTO_TEST_CASE(a_node_reloads_its_data)
{
    operator_scene scene(debuggable());
    scene.begin();
    operators_connection op(scene.nodes[0]);
    op({"DEBUG", "RELOAD"});
    BOOST_TEST(scene.get_on());
    BOOST_TEST(scene.grants_again(0, 1s));
    BOOST_TEST(scene.log.records().empty(), scene.everything_said());
    scene.check();
}

BOOST_AUTO_TEST_CASE(scripts_are_forgotten)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    op({"SCRIPT", "FLUSH"});
    BOOST_TEST(scene.get_on());
    BOOST_TEST(scene.grants_again(0, 1s));
    BOOST_TEST(scene.log.records().empty(), scene.everything_said());
    scene.check();
}

// --- this process ---

BOOST_AUTO_TEST_CASE(this_process_has_no_descriptors_left)
{
    operator_scene scene;
    scene.begin();
    operators_connection op(scene.nodes[0]);
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const auto limit = [&](rlim_t most) {
        const rlimit l{.rlim_cur = most, .rlim_max = before.rlim_max};
        BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &l) == 0);
    };
    scene.suffer({.act =
                      [&] {
                          limit(3); // what is open stays
                          op.kill_clients();
                      },
                  .said = "Too many open files",
                  .undo = [&] { limit(before.rlim_cur); }});
    scene.check();
}

// --- addresses ---

BOOST_AUTO_TEST_CASE(nodes_are_named_by_ipv6_and_by_unix_sockets)
{
    operator_scene scene({.config = {"bind 127.0.0.1 ::1", "unixsocket redis.sock"}});
    node_configs addresses = scene.nodes.configs();
    addresses[0].addr.host = "::1";
    addresses[1].unix_socket = scene.nodes[1].command({"CONFIG", "GET", "dir"}).elements.at(1).text + "/redis.sock";
    scene.begin(addresses);
    for (const std::size_t i : {0u, 1u}) {
        operators_connection op(scene.nodes[i]);
        scene.suffer({.act = [&] { op.kill_clients(); }, .said = "is lost: "}, i);
        scene.log.clear();
    }
    scene.check();
}

// --- rights ---

BOOST_AUTO_TEST_CASE(commands_are_renamed, *butf::label("long") * butf::disabled())
{
    for (const char* command : {"SUBSCRIBE", "EVAL", "EVALSHA", "TIME", "HSET", "ZADD", "PUBLISH"})
        BOOST_TEST_CONTEXT(command)
        {
            operator_scene scene;
            redis_server crippled({.config = {std::string("rename-command ") + command + " \"\""}});
            node_configs addresses = scene.nodes.configs();
            addresses[0] = crippled.config();
            scene.begin(addresses);
            const bool is_named = run_until(scene.io, [&] { return scene.says(0, "doc/redis.md, Access"); }, 5s);
            BOOST_TEST(is_named, scene.everything_said());
            scene.check();
        }
}

BOOST_AUTO_TEST_CASE(each_right_is_taken_in_turn, *butf::label("long") * butf::disabled())
{
    const auto level = redlock::get_log_level();
    redlock::set_log_level(redlock::log_level::info);
    redis_options options = operator_scene::quickest_options();
    options.max_ttl = 6s; // no node is restarted
    operator_scene scene({.users = {documented_user()}}, options);
    node_configs addresses = scene.nodes.configs();
    for (auto& each : addresses) {
        each.username = "locks";
        each.password = "PASSWORD";
    }
    scene.begin(addresses);
    operators_connection op(scene.nodes[0]);
    std::istringstream words(documented_user());
    std::string missed;
    for (std::string right; words >> right;) {
        const bool is_command = right[0] == '+';
        if (!is_command && right[0] != '~' && right[0] != '&')
            continue;
        BOOST_TEST_CONTEXT(right)
        {
            scene.log.clear();
            op({"ACL", "SETUSER", "locks",
                is_command        ? '-' + right.substr(1)
                : right[0] == '~' ? "resetkeys"
                                  : "resetchannels"});
            op({"SCRIPT", "FLUSH"});
            op.kill_clients();
            if (run_until(scene.io, [&] { return scene.says(0, "ee doc/redis.md, Access"); }, 2s))
                missed += right + ' ';
            BOOST_TEST(scene.get_on());
            op({"ACL", "SETUSER", "locks", right});
            const bool is_well = run_until(scene.io, [&] { return scene.count_said(0, "votes again") >= 3; }, 6s);
            BOOST_TEST(is_well, scene.everything_said());
            BOOST_TEST_REQUIRE(scene.is_kept(), scene.everything_said());
        }
    }
    // The others are for what is rare: a manager that goes, a lost message, a marker, an inspection.
    for (const char* needed : {"~redlock:*", "&redlock:*", "+info", "+eval", "+evalsha", "+subscribe", "+publish",
                               "+time", "+pexpire", "+hget", "+hmget", "+hset", "+hdel", "+zadd", "+zrange", "+zrem"})
        BOOST_TEST(missed.find(std::string(needed) + ' ') != missed.npos, needed << " is not missed, but " << missed);
    scene.check();
    redlock::set_log_level(level);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
