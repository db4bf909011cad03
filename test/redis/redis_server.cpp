// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/redis_server.hpp"

#include <priority_redlock/redis_url.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/verify_mode.hpp>
#include <boost/redis/connection.hpp>
#include <boost/redis/logger.hpp>
#include <boost/redis/request.hpp>
#include <boost/redis/response.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace test;
using type_t = redis_reply::type_t;

const redis_server_options with_aof{.persistence = redis_persistence::aof_always};
const redis_server_options with_snapshots{.persistence = redis_persistence::snapshot};

std::string value_of(const redis_server& server, const std::string& key)
{
    return server.command({"GET", key}).text;
}

std::string text_of_error(auto&& f)
{
    try {
        f();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "no error";
}

// Sends a PING as a client of the library would; the reply, or the error.
std::string ping(const boost::redis::config& config,
                 asio::ssl::context tls = asio::ssl::context(asio::ssl::context::tls))
{
    asio::io_context context;
    boost::redis::connection connection(context, std::move(tls),
                                        boost::redis::logger(boost::redis::logger::level::crit));
    boost::redis::request request;
    request.push("PING", "hello");
    boost::redis::response<std::string> response;
    std::string result;
    connection.async_run(config, asio::detached);
    connection.async_exec(request, response, [&](boost::system::error_code error, std::size_t) {
        result = error ? error.message() : std::get<0>(response).value();
        connection.cancel();
    });
    context.run_for(10s);
    return result;
}

BOOST_AUTO_TEST_SUITE(redis_servers)

BOOST_AUTO_TEST_CASE(a_server_answers_in_every_kind_of_reply)
{
    const redis_server server;
    BOOST_TEST(server.running());
    BOOST_TEST(server.command({"PING"}).text == "PONG");
    BOOST_TEST((server.command({"SET", "key", "a\r\nb"}).type == type_t::status));
    BOOST_TEST(value_of(server, "key") == "a\r\nb");
    BOOST_TEST(server.command({"GET", "none"}).is_nil());
    BOOST_TEST(server.command({"INCR", "n"}).integer == 1);
    BOOST_TEST(server.command({"NONSENSE"}).is_error());

    const redis_reply reply = server.command({"EVAL", "return {1, 'x', {false}, redis.status_reply('OK')}", "0"});
    BOOST_REQUIRE(reply.elements.size() == 4);
    std::ostringstream text;
    text << reply;
    BOOST_TEST(text.str() == "[1, \"x\", [nil], OK]");
}

BOOST_AUTO_TEST_CASE(a_server_ends_with_its_object_and_takes_its_directory_along)
{
    pid_t process = 0;
    std::filesystem::path directory;
    {
        const redis_server server;
        process = server.process();
        directory = server.certificate_file().parent_path();
        BOOST_TEST(std::filesystem::exists(directory));
    }
    BOOST_TEST(::kill(process, 0) == -1);
    BOOST_TEST(!std::filesystem::exists(directory));
}

BOOST_AUTO_TEST_CASE(a_stopped_server_ends_with_its_object)
{
    pid_t process = 0;
    {
        redis_server server;
        process = server.process();
        server.stop();
    }
    BOOST_TEST(::kill(process, 0) == -1);
}

BOOST_AUTO_TEST_CASE(a_server_does_not_outlive_who_started_it)
{
    std::unique_ptr<redis_server> server;
    std::thread([&] { server = std::make_unique<redis_server>(); }).join();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    std::string text;
    while (text.find("refused") == text.npos && std::chrono::steady_clock::now() < deadline)
        text = text_of_error([&] { (void)server->command({"PING"}); });
    BOOST_TEST(text.find("refused") != text.npos, text);
}

BOOST_AUTO_TEST_CASE(a_killed_server_refuses_until_it_is_restarted_on_its_port)
{
    redis_server server;
    const auto port = server.port();
    server.kill();
    BOOST_TEST(!server.running());
    BOOST_TEST(text_of_error([&] { (void)server.command({"PING"}); }).find("refused") != std::string::npos);
    server.kill(); // harmless

    server.restart(redis_data::keep);
    BOOST_TEST(server.port() == port);
    BOOST_TEST(server.command({"PING"}).text == "PONG");
}

BOOST_AUTO_TEST_CASE(a_stopped_server_takes_connections_but_does_not_answer)
{
    redis_server server;
    server.stop();
    server.stop(); // harmless
    BOOST_TEST(text_of_error([&] { redis_connection(server.port(), {}, 50ms).command({"PING"}); }).find("no reply")
               != std::string::npos);
    server.resume();
    server.resume();
    BOOST_TEST(server.command({"PING"}).text == "PONG");
}

BOOST_AUTO_TEST_CASE(without_persistence_a_restart_forgets)
{
    redis_server server;
    server.command({"SET", "key", "1"});
    server.restart(redis_data::keep);
    BOOST_TEST(server.command({"GET", "key"}).is_nil());
    BOOST_TEST(text_of_error([&] { server.save_snapshot(); }).find("needs a persistence") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_append_only_file_keeps_everything)
{
    for (const auto p : {redis_persistence::aof_always, redis_persistence::aof_every_sec}) {
        redis_server server({.persistence = p});
        server.command({"SET", "key", "1"});
        // The system survives a kill, and has the file.
        server.restart(redis_data::keep);
        BOOST_TEST(value_of(server, "key") == "1");
        const bool always = p == redis_persistence::aof_always;
        BOOST_TEST(server.command({"CONFIG", "GET", "appendfsync"}).elements.at(1).text
                   == (always ? "always" : "everysec"));
    }
}

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_what_was_there_when_it_was_taken)
{
    redis_server server(with_snapshots);
    server.command({"SET", "key", "1"});
    server.save_snapshot();
    server.command({"SET", "key", "2"});
    server.restart(redis_data::keep);
    BOOST_TEST(value_of(server, "key") == "1");
}

BOOST_AUTO_TEST_CASE(a_server_that_is_shut_down_saves_what_it_should)
{
    redis_server server(with_snapshots);
    server.command({"SET", "key", "2"});
    server.stop();
    server.shut_down();
    BOOST_TEST(!server.running());
    server.restart(redis_data::keep);
    BOOST_TEST(value_of(server, "key") == "2");
}

BOOST_AUTO_TEST_CASE(a_server_can_be_restarted_empty_or_with_an_old_snapshot)
{
    for (const auto& options : {with_aof, with_snapshots}) {
        redis_server server(options);
        BOOST_TEST(text_of_error([&] { server.restart(redis_data::snapshot); }).find("save_snapshot")
                   != std::string::npos);
        server.restart(redis_data::keep);

        server.command({"SET", "key", "old"});
        server.save_snapshot();
        server.command({"SET", "key", "new"});
        server.restart(redis_data::snapshot);
        BOOST_TEST(value_of(server, "key") == "old");

        server.restart(redis_data::empty);
        BOOST_TEST(server.command({"DBSIZE"}).integer == 0);

        server.restart(redis_data::snapshot);
        BOOST_TEST(value_of(server, "key") == "old");
    }
}

BOOST_AUTO_TEST_CASE(a_password_is_asked_for)
{
    const redis_server server({.password = "a \"secret\""});
    BOOST_TEST(server.command({"PING"}).text == "PONG");
    BOOST_TEST(redis_connection(server.port()).command({"PING"}).text.find("NOAUTH") == 0U);
    BOOST_TEST(text_of_error([&] { redis_connection(server.port(), "wrong"); }).find("WRONGPASS") != std::string::npos);
    BOOST_TEST(ping(server.config()) == "hello");
}

BOOST_AUTO_TEST_CASE(users_and_lines_of_configuration_are_passed_on)
{
    const redis_server server(
        {.users = {"user alice on resetchannels >pass ~mine:* &mine:* +@all"}, .config = {"maxmemory 100mb"}});
    redis_connection alice(server.port());
    BOOST_TEST(alice.command({"AUTH", "alice", "pass"}).text == "OK");
    BOOST_TEST(alice.command({"SET", "mine:1", "x"}).text == "OK");
    BOOST_TEST(alice.command({"SET", "yours:1", "x"}).text.find("NOPERM") == 0U);
    BOOST_TEST(server.command({"CONFIG", "GET", "maxmemory"}).elements.at(1).text == "104857600");
    BOOST_TEST(ping(server.config("alice", "pass")) == "hello");
}

BOOST_AUTO_TEST_CASE(a_replica_follows_its_master)
{
    redis_server master({.password = "secret"});
    redis_server replica({.password = "secret", .replica_of = &master});
    BOOST_TEST(replica.command({"ROLE"}).elements.at(0).text == "slave");
    master.command({"SET", "key", "1"});
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (value_of(replica, "key") != "1" && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(1ms);
    BOOST_TEST(value_of(replica, "key") == "1");
    BOOST_TEST(replica.command({"SET", "key", "2"}).text.find("READONLY") == 0U);
}

BOOST_AUTO_TEST_CASE(clients_are_served_over_tls)
{
    const redis_server server({.password = "secret", .tls = true});
    BOOST_TEST(server.config().use_ssl);
    BOOST_TEST(server.command({"PING"}).text == "PONG");

    asio::ssl::context context(asio::ssl::context::tls_client);
    context.load_verify_file(server.certificate_file());
    context.set_verify_mode(asio::ssl::verify_peer);
    BOOST_TEST(ping(server.config(), std::move(context)) == "hello");
}

BOOST_AUTO_TEST_CASE(a_message_is_read_as_it_comes)
{
    const redis_server server;
    redis_connection subscriber(server.port());
    subscriber.command({"SUBSCRIBE", "news"});
    server.command({"PUBLISH", "news", "hello"});
    BOOST_TEST(subscriber.read().elements.at(2).text == "hello");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_start_says_why)
{
    const std::string text = text_of_error([] { redis_server({.config = {"no-such-directive 1"}}); });
    BOOST_TEST(text.find("no-such-directive") != text.npos, text);
}

BOOST_AUTO_TEST_CASE(a_machine_without_a_server_is_told_the_cure)
{
    const char* variable = "PRIORITY_REDLOCK_REDIS_SERVER";
    const char* before = std::getenv(variable);
    const std::string kept = before ? before : "";
    ::setenv(variable, "no-such-server", 1);
    const std::string text = text_of_error([] { redis_server(); });
    if (before)
        ::setenv(variable, kept.c_str(), 1);
    else
        ::unsetenv(variable);
    BOOST_TEST(text.find("there is no no-such-server") != text.npos, text);
    BOOST_TEST(text.find("install") != text.npos, text);
}

BOOST_AUTO_TEST_CASE(nodes_are_independent_servers)
{
    redis_nodes nodes(3, with_aof);
    BOOST_TEST(nodes.size() == 3);
    std::set<std::uint16_t> ports;
    for (redis_server& node : nodes)
        ports.insert(node.port());
    BOOST_TEST(ports.size() == 3);
    nodes[0].command({"SET", "key", "1"});
    BOOST_TEST(nodes[1].command({"GET", "key"}).is_nil());

    const auto configs = nodes.configs();
    const auto parsed = priority_redlock::parse_redis_nodes(nodes.addresses());
    BOOST_REQUIRE(configs.size() == 3);
    BOOST_REQUIRE(parsed.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_CHECK(configs[i].addr == parsed[i].addr);
        BOOST_TEST(ping(configs[i]) == "hello");
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
