// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/heap.hpp"
#include "common/log_capture.hpp"
#include "redis/support/clients.hpp"
#include "redis/support/documented_user.hpp"
#include "redis/support/fake_server.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <priority_redlock/redis_url.hpp>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Nodes of every kind: those that cannot take part, those that ask for something, and what becomes of connections.

namespace {

using namespace test;

std::string bulk(std::string_view text)
{
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// A command in RESP, an array of bulk strings, taken from the input; nothing if it has not arrived as a whole.
std::vector<std::string> take_command(std::string& input)
{
    std::size_t at = 0;
    bool whole = true;
    const auto number = [&] {
        const auto end = input.find("\r\n", at);
        whole = whole && end != input.npos;
        const std::size_t result = whole ? std::stoul(input.substr(at + 1, end - at - 1)) : 0;
        at = end + 2;
        return result;
    };
    std::vector<std::string> words(number());
    for (std::string& word : words) {
        const std::size_t size = number();
        whole = whole && input.size() >= at + size + 2;
        if (!whole)
            return {};
        word = input.substr(at, size);
        at += size + 2;
    }
    if (whole)
        input.erase(0, at);
    return words;
}

/// What the first questions to a server, and scripts, bring.
struct imitation
{
    std::string info = "redis_version:7.0.0\r\nrun_id:0123456789abcdef\r\nrole:master\r\nmaxmemory:0\r\n";
    std::string to_run = "+OK\r\n";
};

std::string answer_as(const imitation& server, std::string& input)
{
    std::string result;
    for (auto words = take_command(input); !words.empty(); words = take_command(input)) {
        if (words[0] == "HELLO")
            result += "%1\r\n+server\r\n+redis\r\n";
        else if (words[0] == "INFO")
            result += bulk(server.info);
        else if (words[0] == "EVALSHA")
            result += server.to_run;
        else if (words[0] == "SUBSCRIBE")
            result += ">3\r\n+subscribe\r\n+channel\r\n:1\r\n";
        else
            result += "+OK\r\n";
    }
    return result;
}

struct nodes_fixture
{
    log_capture log;
    asio::io_context io{1};

    /// A line of the log names this node and says that.
    [[nodiscard]] bool said(const boost::redis::config& node, std::string_view what)
    {
        return std::any_of(log.records().begin(), log.records().end(), [&](const log_capture::record& r) {
            return r.text.find(node.addr.host + ':' + node.addr.port) != r.text.npos
                   && r.text.find(what) != r.text.npos;
        });
    }

    [[nodiscard]] std::string everything_said() const
    {
        std::string result;
        for (const auto& each : log.records())
            result += each.text + '\n';
        return result;
    }

    bool acquires(client& c, std::string_view resource = "r")
    {
        attempt a = c.acquire(resource, {.timeout = 5s});
        return run_until(io, [&] { return a.done(); }) && a.granted();
    }

    /// With two good nodes a bad one costs its vote only, and is named with the cure; two bad ones are too many.
    void check_bad_node(const boost::redis::config& bad, std::string_view cure, redis_options options = quick_options())
    {
        options.guard = redlock::restart_guard::off;
        options.quorum_timeout = 300ms;
        redis_nodes good(2);
        node_configs nodes = good.configs();
        nodes.push_back(bad);
        client c(io, nodes, options);
        BOOST_TEST(acquires(c));
        BOOST_TEST(run_until(io, [&] { return said(bad, cure); }, 5s), everything_said());
        BOOST_TEST(acquires(c));

        good[0].kill();
        attempt a = c.acquire("r");
        BOOST_TEST(run_until(io, [&] { return a.done(); }));
        BOOST_TEST(a.error() == errc::no_quorum);
    }
};

BOOST_FIXTURE_TEST_SUITE(redis_nodes_of_all_kinds, nodes_fixture)

// --- bad nodes ---

BOOST_AUTO_TEST_CASE(a_node_that_answers_garbage)
{
    fake_server web(io, [](std::string&) { return "HTTP/1.1 400 Bad Request\r\n\r\n<html></html>"; });
    check_bad_node(web.config(), "Is it a Redis server");
}

BOOST_AUTO_TEST_CASE(a_node_that_answers_nothing)
{
    fake_server silent(io, [](std::string&) { return std::string(); });
    boost::redis::config config = silent.config();
    config.health_check_interval = 300ms;
    check_bad_node(config, "cannot be used");
}

BOOST_AUTO_TEST_CASE(T3_a_node_that_is_not_there)
{
    boost::redis::config nobody;
    nobody.addr = {"127.0.0.1", std::to_string(free_port())};
    check_bad_node(nobody, "refused");
}

BOOST_AUTO_TEST_CASE(a_node_that_needs_a_password)
{
    redis_server server({.password = "secret"});
    check_bad_node(server.config("default", ""), "password");
}

BOOST_AUTO_TEST_CASE(a_node_with_another_password)
{
    redis_server server({.password = "secret"});
    check_bad_node(server.config("default", "wrong"), "WRONGPASS");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_a_replica)
{
    redis_server master;
    redis_server replica({.replica_of = &master});
    check_bad_node(replica.config(), "name a master");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_out_of_memory)
{
    redis_server full({.config = {"maxmemory 100kb", "maxmemory-policy noeviction"}});
    check_bad_node(full.config(), "raise its maxmemory");
}

BOOST_AUTO_TEST_CASE(a_node_that_lets_nobody_subscribe)
{
    redis_server mute({.users = {"user mute on resetchannels >pass ~* +@all -subscribe"}});
    check_bad_node(mute.config("mute", "pass"), "ACL that its user needs");
}

BOOST_AUTO_TEST_CASE(nodes_that_let_a_second_manager_not_subscribe)
{
    voting_nodes nodes(1, {.users = {"user mute on resetchannels &* >pass ~* +@all"}});
    client first(io, {nodes[0].config("mute", "pass")});
    attempt held = first.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    nodes[0].command({"ACL", "SETUSER", "mute", "-subscribe"});
    lock_manager second(io, first.protocol);
    std::vector<error_code> ends;
    for (const char* resource : {"s", "t", "r"}) // none may be taken for another's grant
        second.async_acquire(resource, {.timeout = 2s}, [&](error_code ec, lock) { ends.push_back(ec); });
    BOOST_TEST(run_until(io, [&] { return said(nodes[0].config(), "refuses SUBSCRIBE"); }), everything_said());
    BOOST_TEST(run_until(io, [&] { return ends.size() == 3; }));
    for (const error_code& ec : ends)
        BOOST_TEST(ec == errc::no_quorum);
}

BOOST_AUTO_TEST_CASE(nodes_that_have_something_else_under_the_key_of_a_lock)
{
    voting_nodes nodes(3);
    redis_options options = quick_options();
    options.quorum_timeout = 300ms;
    for (const auto& node : nodes)
        node.command({"SET", options.prefix + "{r}", "somebody else's"});
    client c(io, nodes.configs(), options);
    attempt a = c.acquire("r"); // without a timeout
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST((a.error() == errc::no_quorum));
    BOOST_TEST(said(nodes[0].config(), "has something else under a key of a lock"));
    attempt b = c.acquire("s");
    BOOST_TEST(run_until(io, [&] { return b.granted(); }));
}

BOOST_AUTO_TEST_CASE(a_node_that_may_evict)
{
    redis_server evicting({.config = {"maxmemory 100mb", "maxmemory-policy allkeys-lru"}});
    check_bad_node(evicting.config(), "set noeviction");
    redis_server without_limit({.config = {"maxmemory-policy volatile-ttl"}}); // which can be set at any time
    check_bad_node(without_limit.config(), "its maxmemory-policy is volatile-ttl (maxmemory 0), set noeviction");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_too_old)
{
    const imitation of_old{.info = "redis_version:6.0.16\r\nrun_id:0123456789abcdef\r\nrole:master\r\n"};
    fake_server old(io, [&](std::string& input) { return answer_as(of_old, input); });
    check_bad_node(old.config(), "6.2 or newer");
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_say_who_it_is)
{
    const imitation of_other{.info = "other_version:1\r\n"};
    fake_server other(io, [&](std::string& input) { return answer_as(of_other, input); });
    check_bad_node(other.config(), "does not say who it is");
}

BOOST_AUTO_TEST_CASE(a_node_whose_scripts_bring_anything)
{
    for (const std::string& reply : {std::string("+OK\r\n"), "*2\r\n" + bulk("granted") + ":9223372036854775807\r\n",
                                     "*2\r\n" + bulk("ready") + ":-9223372036854775808\r\n",
                                     "*3\r\n" + bulk("quarantined") + ":1\r\n:9223372036854775807\r\n",
                                     "*2\r\n" + bulk("ready") + "*1\r\n:1\r\n"}) {
        fake_server odd(io, [&](std::string& input) { return answer_as({.to_run = reply}, input); });
        check_bad_node(odd.config(), "a reply that is none of a lock");
    }
}

BOOST_AUTO_TEST_CASE(a_node_that_is_loading)
{
    bool loading = true;
    const imitation of_loading{.to_run = "-LOADING Redis is loading the dataset in memory\r\n"};
    fake_server node(io, [&](std::string& input) { return answer_as(loading ? of_loading : imitation(), input); });
    check_bad_node(node.config(), "is loading its data");

    client c(io, {node.config()});
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    loading = false; // it is asked again before long
    attempt b = c.acquire("r");
    const auto is_asked = [&] { return said(node.config(), "a reply that is none of a lock"); };
    BOOST_TEST(run_until(io, is_asked, 3s), everything_said());
}

BOOST_AUTO_TEST_CASE(a_node_of_another_deployment)
{
    voting_nodes nodes(3);
    client first(io, nodes.configs());
    BOOST_TEST(acquires(first));
    redis_options options = quick_options();
    options.max_ttl = 10s;
    client other(io, nodes.configs(), options);
    attempt a = other.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST(a.error() == errc::no_quorum);
    for (redis_server& node : nodes)
        BOOST_TEST(said(node.config(), "max_ttl"), everything_said());
}

BOOST_AUTO_TEST_CASE(R9_a_new_deployment_that_nobody_has_provisioned)
{
    redis_nodes nodes(3);
    redis_options options = quick_options();
    options.quorum_timeout = 10s;
    options.max_ttl = 1100ms;
    client c(io, nodes.configs(), options);
    attempt a = c.acquire("r", {.ttl = 500ms});
    BOOST_TEST(run_until(io, [&] { return a.done(); }, 9s));
    BOOST_TEST(a.granted(), everything_said());
    BOOST_TEST(said(nodes[0].config(), "does not vote for"));
}

BOOST_AUTO_TEST_CASE(R10_all_who_wait_for_one_resource_are_told_that_there_is_no_quorum)
{
    voting_nodes nodes(3);
    redis_options options = quick_options();
    options.quorum_timeout = 400ms;
    client c(io, nodes.configs(), options);
    attempt held = c.acquire("r", {.ttl = 1s});
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    std::vector<attempt> waiters;
    for (int i = 0; i < 20; ++i)
        waiters.push_back(c.acquire("r"));
    for (redis_server& node : nodes)
        node.kill();
    const auto all_done = [&] {
        return std::all_of(waiters.begin(), waiters.end(), [](const attempt& a) { return a.done(); });
    };
    BOOST_TEST(run_until(io, all_done, 5s)); // not one after the other
    for (const attempt& a : waiters)
        BOOST_TEST((a.done() && a.error() == errc::no_quorum));
}

BOOST_AUTO_TEST_CASE(R2_the_same_server_twice)
{
    redis_nodes nodes(2);
    node_configs configs = nodes.configs();
    configs.push_back(nodes[0].config());
    configs.back().addr.host = "localhost";
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::off;
    client c(io, configs, options);
    BOOST_TEST(acquires(c));
    const auto is_named = [&] { return everything_said().find("is the same server as") != std::string::npos; };
    BOOST_TEST(run_until(io, is_named), everything_said()); // the third may connect after the grant

    // It has one vote: with the other one down there is no quorum.
    nodes[1].kill();
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST(a.error() == errc::no_quorum);
}

BOOST_AUTO_TEST_CASE(a_node_that_says_no_is_no_reason_to_repeat_oneself)
{
    redis_server evicting({.config = {"maxmemory 100mb", "maxmemory-policy allkeys-lru"}});
    redis_nodes good(2);
    node_configs nodes = good.configs();
    nodes.push_back(evicting.config());
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::off;
    client c(io, nodes, options);
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(acquires(c));
    BOOST_TEST(log.records().size() == 1, everything_said());
}

BOOST_AUTO_TEST_CASE(T40_a_node_that_is_part_of_a_cluster)
{
    redis_server member({.config = {"cluster-enabled yes"}});
    check_bad_node(member.config(), "is part of a cluster: name independent servers");
    const imitation of_proxy{.to_run = "-MOVED 866 127.0.0.1:7001\r\n"}; // it does not say what it is
    fake_server proxy(io, [&](std::string& input) { return answer_as(of_proxy, input); });
    check_bad_node(proxy.config(), "is part of a cluster: name independent servers");
}

// --- what nodes may ask for ---

BOOST_AUTO_TEST_CASE(nodes_over_tls)
{
    redis_nodes nodes(1, {.password = "secret", .tls = true});
    redis_options options = quick_options();
    options.tls_ca_file = nodes[0].certificate_file();
    provision(nodes.configs(), options);
    {
        client c(io, nodes.configs(), options);
        BOOST_TEST(acquires(c));
    }
    // The same by URL.
    client by_url(io, redlock::parse_redis_nodes("rediss://:secret@" + nodes.addresses()), options);
    BOOST_TEST(acquires(by_url));
    BOOST_TEST(log.records().empty(), everything_said());

    // A certificate that nobody vouches for, and one for another name.
    client trusting_nobody(io, nodes.configs());
    attempt a = trusting_nobody.acquire("r");
    auto elsewhere = nodes.configs();
    elsewhere[0].addr.host = "127.0.0.2";
    client misled(io, elsewhere, options);
    attempt b = misled.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.done() && b.done(); }));
    BOOST_TEST(a.error() == errc::no_quorum);
    BOOST_TEST(b.error() == errc::no_quorum);
    BOOST_TEST(said(nodes[0].config(), "certificate"), everything_said());
}

BOOST_AUTO_TEST_CASE(a_client_certificate_is_shown)
{
    redis_nodes nodes(1, {.config = {"tls-auth-clients yes"}, .tls = true});
    redis_options options = quick_options();
    options.tls_ca_file = options.tls_certificate_file = nodes[0].certificate_file();
    options.tls_key_file = nodes[0].certificate_file().parent_path() / "key.pem";
    provision(nodes.configs(), options);
    client c(io, nodes.configs(), options);
    BOOST_TEST(acquires(c));
}

BOOST_AUTO_TEST_CASE(certificates_that_vanish)
{
    redis_nodes nodes(1, {.tls = true});
    const auto file = nodes[0].certificate_file().parent_path() / "of_the_client.pem";
    std::filesystem::copy_file(nodes[0].certificate_file(), file);
    redis_options options = quick_options();
    options.tls_ca_file = file;
    provision(nodes.configs(), options);
    client c(io, nodes.configs(), options);
    std::filesystem::remove(file);
    BOOST_CHECK_THROW(client(io, nodes.configs(), options), boost::system::system_error);
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST((a.done() && a.error() == errc::no_quorum));
    BOOST_TEST(said(nodes[0].config(), "cannot be used: "), everything_said());
    io.restart();
    io.run_for(10s);
    BOOST_TEST(io.stopped()); // nor does it keep the context at work
}

BOOST_AUTO_TEST_CASE(T38_certificates_that_are_rotated_while_locks_are_in_use)
{
    redis_nodes nodes(1, {.config = {"tls-auth-clients yes"}, .tls = true});
    const auto directory = nodes[0].certificate_file().parent_path();
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::off;
    options.quorum_timeout = 10s;
    options.tls_ca_file = directory / "ca_of_client.pem";
    options.tls_certificate_file = directory / "certificate_of_client.pem";
    options.tls_key_file = directory / "key_of_client.pem";
    const auto hand_out = [](const std::filesystem::path& from, const std::string& to) {
        std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
    };
    hand_out(nodes[0].certificate_file(), options.tls_ca_file);
    hand_out(nodes[0].certificate_file(), options.tls_certificate_file);
    hand_out(directory / "key.pem", options.tls_key_file);
    client c(io, nodes.configs(), options);
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));

    // Everybody has new ones, but for the key, which is late.
    nodes[0].renew_certificate();
    hand_out(nodes[0].certificate_file(), options.tls_ca_file);
    hand_out(nodes[0].certificate_file(), options.tls_certificate_file);
    std::filesystem::remove(options.tls_key_file);
    attempt waiting = c.acquire("s"); // it is never idle
    nodes[0].restart(redis_data::empty);
    BOOST_TEST(run_until(io, [&] { return said(nodes[0].config(), "tls_key_file '" + options.tls_key_file); }),
               everything_said());
    attempt next = c.acquire("t");
    BOOST_TEST(!run_until(io, [&] { return next.done(); }, 300ms));
    hand_out(directory / "key.pem", options.tls_key_file);
    BOOST_TEST(run_until(io, [&] { return next.done(); }, 5s), everything_said());
    BOOST_TEST(next.granted());
}

BOOST_AUTO_TEST_CASE(a_user_limited_to_the_prefix)
{
    voting_nodes nodes(3, {.users = {documented_user()}});
    node_configs configs;
    for (redis_server& node : nodes)
        configs.push_back(node.config("locks", "PASSWORD"));

    // Waiting, preemption, hand-over, a renewal, a manager that goes.
    client a(io, configs);
    lock_manager(io, a.protocol).close();
    lock_manager another(io, a.protocol);
    client b(io, configs);
    attempt held = a.acquire("r", {.ttl = 300ms, .auto_extend = true});
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    attempt next = b.acquire("r");
    BOOST_TEST(!run_until(io, [&] { return next.done(); }, 800ms));
    attempt thief = b.acquire("r", {.priority = 1});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    held.lock().release();
    BOOST_TEST(run_until(io, [&] { return thief.granted(); }));
    thief.lock().release();
    BOOST_TEST(run_until(io, [&] { return next.granted(); }));
    for (redis_server& node : nodes)
        BOOST_TEST(node.command({"ACL", "LOG"}).elements.size() == 0);
    BOOST_TEST(log.records().empty(), everything_said());

    // Not outside of the prefix.
    redis_options options = quick_options();
    options.prefix = "other:";
    client outside(io, configs, options);
    attempt forbidden = outside.acquire("r");
    BOOST_TEST(run_until(io, [&] { return forbidden.done(); }));
    BOOST_TEST(forbidden.error() == errc::no_quorum);
    BOOST_TEST(everything_said().find("ACL") != std::string::npos, everything_said());
}

BOOST_AUTO_TEST_CASE(a_database_and_a_password_by_url)
{
    redis_nodes nodes(3, {.password = "a@b/c"});
    std::string urls;
    for (redis_server& node : nodes)
        urls += (urls.empty() ? "" : ",") + ("redis://:a%40b%2Fc@" + node.address() + "/3");
    provision(redlock::parse_redis_nodes(urls));
    client c(io, redlock::parse_redis_nodes(urls));
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    for (redis_server& node : nodes) {
        redis_connection connection(node.port(), "a@b/c");
        BOOST_TEST(connection.command({"EXISTS", "redlock:{r}"}).integer == 0);
        connection.command({"SELECT", "3"});
        BOOST_TEST(run_until(io, [&] { return connection.command({"EXISTS", "redlock:{r}"}).integer == 1; }));
    }
}

BOOST_AUTO_TEST_CASE(T17_nodes_that_have_forgotten_the_scripts)
{
    voting_nodes nodes(3);
    client c(io, nodes.configs());
    for (int i = 0; i < 5; ++i) {
        BOOST_TEST(acquires(c));
        for (redis_server& node : nodes)
            node.command({"SCRIPT", "FLUSH"});
    }
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    for (redis_server& node : nodes)
        node.command({"SCRIPT", "FLUSH"});
    std::optional<error_code> released;
    held.lock().async_release([&](error_code ec) { released = ec; });
    BOOST_TEST(run_until(io, [&] { return released.has_value(); }));
    for (redis_server& node : nodes)
        BOOST_TEST(run_until(io, [&] { return node.command({"HEXISTS", "redlock:{r}", "h"}).integer == 0; }));

    // They are sent each text once.
    for (redis_server& node : nodes)
        node.command({"CONFIG", "RESETSTAT"});
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(acquires(c));
    for (redis_server& node : nodes) {
        const std::string commands = node.command({"INFO", "commandstats"}).text;
        const std::string_view evals = "cmdstat_eval:calls=";
        const auto at = commands.find(evals);
        BOOST_TEST((at == commands.npos || std::stoi(commands.substr(at + evals.size())) <= 3));
    }
    BOOST_TEST(log.records().empty(), everything_said());
}

// --- managers and connections ---

BOOST_AUTO_TEST_CASE(managers_of_one_protocol_and_of_two_exclude_each_other)
{
    voting_nodes nodes(3);
    const auto shared = std::make_shared<redis_protocol>(io.get_executor(), nodes.configs(), quick_options());
    lock_manager first(io, shared);
    lock_manager second(io, shared);
    client third(io, nodes.configs());
    history locks;
    std::size_t grants = 0;
    std::function<void(lock_manager&, const std::string&)> work = [&](lock_manager& m, const std::string& name) {
        m.async_acquire("r", acquire_options(), [&, name](error_code ec, lock held) {
            BOOST_TEST(!ec);
            if (ec || ++grants > 60)
                return;
            const auto id = locks.granted(grant_of(held, name));
            asio::post(io, [&, id, name, lk = std::make_shared<lock>(std::move(held))] {
                locks.ended(id);
                lk->release();
                work(m, name);
            });
        });
    };
    work(first, "first");
    work(second, "second");
    work(third.manager, "third");
    BOOST_TEST(run_until(io, [&] { return grants > 62; }));
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(the_context_runs_dry_when_nothing_is_left_to_do)
{
    voting_nodes nodes(3);
    redis_options options = quick_options();
    options.idle_timeout = 50ms;
    client c(io, nodes.configs(), options);
    for (int i = 0; i < 3; ++i) {
        attempt a = c.acquire("r", {.ttl = 1s});
        BOOST_REQUIRE(run_until(io, [&] { return a.granted(); }));
        a.lock().release();
        const auto before = redlock::clock::now();
        io.restart();
        io.run_for(10s);
        BOOST_TEST(io.stopped()); // ran out of work, not of time
        BOOST_TEST((redlock::clock::now() - before) / 1ms < 2000);
    }
}

BOOST_AUTO_TEST_CASE(connections_are_closed_when_they_have_been_idle_and_made_again)
{
    voting_nodes nodes(3);
    redis_options options = quick_options();
    options.idle_timeout = 50ms;
    client c(io, nodes.configs(), options);
    const auto connections = [&] { // subscribers, since the test has a connection of its own
        int sum = 0;
        for (const auto& node : nodes)
            sum += static_cast<int>(node.command({"PUBSUB", "CHANNELS", options.prefix + "client:*"}).elements.size());
        return sum;
    };
    for (int i = 0; i < 3; ++i) {
        attempt a = c.acquire("r", {.ttl = 1s});
        BOOST_REQUIRE(run_until(io, [&] { return a.granted(); }));
        BOOST_TEST(connections() >= 2);
        a.lock().release();
        BOOST_TEST(run_until(io, [&] { return connections() == 0; }));
    }
    attempt a = c.acquire("r", {.ttl = 1s});
    BOOST_REQUIRE(run_until(io, [&] { return a.granted(); }));
    c.protocol->close();
    BOOST_TEST(run_until(io, [&] { return connections() == 0; }));
}

BOOST_AUTO_TEST_CASE(an_acquire_at_any_moment_of_closing_idle_connections)
{
    voting_nodes nodes(3);
    redis_options options = quick_options();
    options.idle_timeout = 0ms;
    client c(io, nodes.configs(), options);
    for (int i = 0; i < 40; ++i) {
        attempt a = c.acquire("r", {.timeout = 0ms}); // has the time to connect
        BOOST_REQUIRE(run_until(io, [&] { return a.done(); }));
        BOOST_TEST_REQUIRE(!a.error(), i << " handlers after a release: " << a.error().message());
        bool released = false;
        a.lock().async_release([&](error_code) { released = true; });
        BOOST_REQUIRE(run_until(io, [&] { return released; }));
        for (int k = 0; k < i; ++k)
            io.run_one_for(5ms);
    }
    BOOST_TEST(log.records().empty(), everything_said());
}

BOOST_AUTO_TEST_CASE(the_channels_of_managers_that_are_gone)
{
    voting_nodes nodes(3);
    client c(io, nodes.configs());
    const auto channels = [&](redis_server& node) {
        return node.command({"PUBSUB", "CHANNELS", quick_options().prefix + "client:*"}).elements.size();
    };
    std::optional<lock_manager> last;
    for (int i = 0; i < 10; ++i) {
        last.emplace(io, c.protocol); // while there are no connections yet, and while there are
        if (i % 2 == 1) {
            BOOST_TEST(acquires(c));
        }
    }
    for (auto& node : nodes)
        BOOST_TEST(run_until(io, [&] { return channels(node) == 2; }), channels(node));
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    bool told = false; // the one that came last is not forgotten
    last->async_acquire("r", {}, [&](error_code ec, lock) { told = !ec; });
    held.lock().release();
    BOOST_TEST(run_until(io, [&] { return told; }));
    BOOST_TEST(log.records().empty(), everything_said());
}

BOOST_AUTO_TEST_CASE(the_context_runs_dry_though_a_node_is_not_there)
{
    voting_nodes nodes(3);
    nodes[1].kill();
    nodes[2].stop();
    redis_options options = quick_options();
    options.idle_timeout = 50ms;
    client c(io, nodes.configs(), options);
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST(a.error() == errc::no_quorum);
    io.restart();
    io.run_for(10s);
    BOOST_TEST(io.stopped());
}

BOOST_AUTO_TEST_CASE(closing_the_protocol_ends_everything)
{
    voting_nodes nodes(3);
    client c(io, nodes.configs());
    client other(io, nodes.configs());
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    attempt waiting = c.acquire("s");
    attempt blocked = other.acquire("r");
    BOOST_TEST(run_until(io, [&] { return waiting.done(); }));
    attempt pending = c.acquire("r");
    BOOST_TEST(!run_until(io, [&] { return pending.done() || blocked.done(); }, 50ms));

    c.protocol->close();
    BOOST_TEST(run_until(io, [&] { return held.end() && pending.done(); }));
    BOOST_TEST((held.end() == error_code(errc::lost)));
    BOOST_TEST((pending.error() == asio::error::operation_aborted));
    attempt late = c.acquire("t");
    BOOST_TEST(run_until(io, [&] { return late.done(); }));
    BOOST_TEST((late.error() == asio::error::operation_aborted));
    c.protocol->close(); // harmless

    // What it held ends with its ttl.
    BOOST_TEST(run_until(io, [&] { return blocked.granted(); }, 3s));
}

BOOST_AUTO_TEST_CASE(closing_the_protocol_at_any_moment)
{
    redis_nodes nodes(3);
    int grants = 0;
    std::size_t lost = 0;
    for (int i = 0; i < 100; ++i) {
        redis_options options = quick_options(); // with the guard on: the nodes are looked at first
        options.prefix = "close" + std::to_string(i) + ':';
        provision(nodes.configs(), options);
        client c(io, nodes.configs(), options);
        attempt first = c.acquire("r", {.ttl = 1s});
        attempt second = c.acquire("r", {.priority = 1, .ttl = 1s});
        bool released = false;
        io.restart();
        for (int k = 0; k < 3 * i; ++k) {
            io.run_one_for(1ms);
            if (first.granted() && !std::exchange(released, true))
                first.lock().release();
        }
        c.protocol->close();
        BOOST_TEST_CONTEXT("after " << 3 * i << " handlers")
        {
            io.restart();
            io.run_for(10s);
            BOOST_TEST(io.stopped()); // nothing is left to do
            BOOST_TEST(first.done());
            BOOST_TEST(second.done());
            BOOST_TEST((!second.granted() || second.lock().state() == lock_state::lost));
        }
        grants += second.granted();
        for (attempt* each : {&first, &second})
            lost += each->granted() && each->lock().state() == lock_state::lost;
    }
    BOOST_TEST(grants > 0); // from before the first connection to after the last grant
    BOOST_TEST(grants < 100);
    for (const log_capture::record& each : log.records())
        BOOST_TEST(each.get<std::string>("Event") == "lost", everything_said());
    BOOST_TEST(log.records().size() == lost, everything_said());
}

BOOST_AUTO_TEST_CASE(a_context_is_destroyed_at_any_moment)
{
    redis_nodes nodes(3);
    const auto seed = std::random_device()();
    BOOST_TEST_CONTEXT("seed " << seed)
    {
        std::minstd_rand random(seed);
        std::size_t grants = 0;
        for (int i = 0; i < 30; ++i) {
            auto context = std::make_unique<asio::io_context>(1);
            auto clients = std::make_unique<std::deque<client>>();
            redis_options options = quick_options();
            options.prefix = "context" + std::to_string(i) + ':';
            options.guard = redlock::restart_guard::off;
            for (int n = 0; n < 3; ++n)
                clients->emplace_back(*context, nodes.configs(), options);
            std::function<void(client&)> work = [&](client& c) {
                c.manager.async_acquire(std::to_string(random() % 2),
                                        {.priority = static_cast<int>(random() % 3), .ttl = 500ms, .auto_extend = true},
                                        [&](error_code ec, lock held) {
                                            if (ec || !clients)
                                                return;
                                            ++grants;
                                            work(c);
                                            if (random() % 2 == 0)
                                                held.async_wait([](error_code) {});
                                        });
            };
            for (client& c : *clients)
                for (int n = 0; n < 4; ++n)
                    work(c);
            attempt kept = clients->front().acquire("kept"); // outlives its context
            const auto steps = random() % 2000;
            for (unsigned n = 0; n < steps; ++n)
                context->run_one_for(1ms);
            std::exchange(clients, nullptr).reset();
            if (random() % 2 == 0)
                context->poll();
            context.reset();
        }
        BOOST_TEST(grants > 50);
    }
}

BOOST_AUTO_TEST_CASE(a_prefix_may_have_any_characters_but_braces)
{
    redis_nodes nodes(3);
    redis_options options = quick_options();
    options.prefix = "it's \\ a \"prefix\"]] options.guard %d \n\x01\xff:";
    provision(nodes.configs(), options);
    client one(io, nodes.configs(), options);
    client two(io, nodes.configs(), options);
    attempt a = one.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return a.granted(); }));
    BOOST_TEST(run_until(io, [&] { return nodes[0].command({"EXISTS", options.prefix + "{r}"}).integer == 1; }));
    attempt b = two.acquire("r", {.priority = 1});
    BOOST_TEST(run_until(io, [&] { return a.lock().state() == redlock::lock_state::revoking; })); // told on the channel
    a.lock().release();
    BOOST_TEST(run_until(io, [&] { return b.granted(); }));
}

BOOST_AUTO_TEST_CASE(bad_options_are_named)
{
    const auto refused = [this](node_configs nodes, const redis_options& options, std::string_view name) {
        try {
            redis_protocol(io.get_executor(), std::move(nodes), options);
        } catch (const std::invalid_argument& error) {
            return std::string_view(error.what()).find(name) != std::string_view::npos;
        }
        return false;
    };
    const node_configs one(1);
    BOOST_TEST(refused({}, {}, "node"));
    BOOST_TEST(refused(one, {.lease = 0s}, "lease"));
    BOOST_TEST(refused(one, {.lease = 2min}, "lease"));
    BOOST_TEST(refused(one, {.lease = 1s, .max_ttl = 2s, .clock_skew = 1s}, "max_ttl"));
    BOOST_TEST(refused(one, {.node_timeout = 0s}, "node_timeout"));
    BOOST_TEST(refused(one, {.prefix = "{a}"}, "prefix"));
    const redlock::duration longer = 24h * 365 + 1ns;
    BOOST_TEST(refused(one, {.max_ttl = longer}, "max_ttl"));
    BOOST_TEST(refused(one, {.node_timeout = longer}, "node_timeout"));
    BOOST_TEST(refused(one, {.retry_interval = longer}, "retry_interval"));
    BOOST_TEST(refused(one, {.quorum_timeout = redlock::infinite}, "quorum_timeout"));
    BOOST_TEST(refused(one, {.clock_skew = redlock::infinite}, "clock_skew"));
    BOOST_TEST(refused(one, {.idle_timeout = redlock::infinite}, "idle_timeout"));
}

BOOST_AUTO_TEST_CASE(I3_a_manager_for_which_there_is_no_memory_to_subscribe_is_not_made)
{
    bool failed = true;
    for (long n = 0; failed; ++n)
        BOOST_TEST_CONTEXT("allocation " << n << " fails")
        {
            const auto protocol = std::make_shared<redis_protocol>(io.get_executor(), node_configs(3));
            std::optional<redlock::lock_manager> manager, other;
            {
                const heap::failure failure(n);
                try {
                    manager.emplace(io.get_executor(), protocol);
                    manager.reset();
                    other.emplace(io.get_executor(), protocol); // in place of the first
                } catch (const std::bad_alloc&) {
                }
                BOOST_CHECK_NO_THROW(io.poll());
                failed = heap::failure::happened();
            }
            io.restart();
            io.poll();
        }
}

BOOST_AUTO_TEST_CASE(a_ttl_above_the_deployments_is_refused)
{
    voting_nodes nodes(1);
    client c(io, nodes.configs());
    attempt a = c.acquire("r", {.ttl = 1h});
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST(a.error() == errc::invalid_argument);
    BOOST_TEST(everything_said().find("max_ttl") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
