// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/redis_url.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace {

using namespace priority_redlock;

struct expected
{
    std::string host;
    std::string port = "6379";
    std::string username = "default";
    std::string password{};
    int database = 0;
    bool use_ssl = false;
};

void check(std::string_view url, const expected& e)
{
    BOOST_TEST_CONTEXT(url)
    {
        error_code error = errc::lost;
        const boost::redis::config config = parse_redis_url(url, error);
        BOOST_TEST(!error, error.message());
        BOOST_TEST(config.addr.host == e.host);
        BOOST_TEST(config.addr.port == e.port);
        BOOST_TEST(config.username == e.username);
        BOOST_TEST(config.password == e.password);
        BOOST_TEST(config.database_index.value_or(0) == e.database);
        BOOST_TEST(config.use_ssl == e.use_ssl);
    }
}

void check_refused(std::string_view url, redis_url_errc e)
{
    BOOST_TEST_CONTEXT(url)
    {
        error_code error;
        const boost::redis::config config = parse_redis_url(url, error);
        BOOST_TEST(error == make_error_code(e), "told: " << error.message());
        BOOST_TEST(config.addr.host == boost::redis::config().addr.host);
        BOOST_TEST(!config.use_ssl);
    }
}

std::string text_of_error(auto&& f)
{
    try {
        f();
    } catch (const boost::system::system_error& error) {
        return error.what();
    }
    return "no error";
}

BOOST_AUTO_TEST_SUITE(redis_url)

BOOST_AUTO_TEST_CASE(a_host_and_a_port_are_enough)
{
    check("localhost:7000", {.host = "localhost", .port = "7000"});
    check("10.0.0.1:7000", {.host = "10.0.0.1", .port = "7000"});
    check("localhost", {.host = "localhost"});
    check("[::1]:7000", {.host = "::1", .port = "7000"});
}

BOOST_AUTO_TEST_CASE(every_part_of_a_url_is_read)
{
    check("redis://node-1.example.com", {.host = "node-1.example.com"});
    check("redis://node_1:65535/", {.host = "node_1", .port = "65535"});
    check("redis://:secret@h:1/15", {.host = "h", .port = "1", .password = "secret", .database = 15});
    check("redis://alice:secret@h:1/2",
          {.host = "h", .port = "1", .username = "alice", .password = "secret", .database = 2});
    check("redis://alice@h", {.host = "h", .username = "alice"});
    check("rediss://alice:secret@h:6380",
          {.host = "h", .port = "6380", .username = "alice", .password = "secret", .use_ssl = true});
    check("alice:secret@h:1", {.host = "h", .port = "1", .username = "alice", .password = "secret"});
}

BOOST_AUTO_TEST_CASE(ipv6_addresses_stand_in_brackets)
{
    check("redis://[2001:db8::7]:7000/1", {.host = "2001:db8::7", .port = "7000", .database = 1});
    check("rediss://u:p@[::1]", {.host = "::1", .username = "u", .password = "p", .use_ssl = true});
    check("redis://[fe80::1%25eth0]:7000", {.host = "fe80::1%eth0", .port = "7000"});
}

BOOST_AUTO_TEST_CASE(user_and_password_are_percent_decoded)
{
    check("redis://a%40b:p%3Aq%2Fr%2Cs%25@h", {.host = "h", .username = "a@b", .password = "p:q/r,s%"});
    check("redis://a:%D1%8F@h", {.host = "h", .username = "a", .password = "\xD1\x8F"});
    check("redis://a:b:c@h", {.host = "h", .username = "a", .password = "b:c"});
}

BOOST_AUTO_TEST_CASE(the_part_at_fault_is_named)
{
    check_refused("", redis_url_errc::empty);

    for (const auto* url : {"http://h", "redis+unix://h", "://h", "Redis://h", "unix:///run/redis.sock"})
        check_refused(url, redis_url_errc::scheme);

    for (const auto* url : {"redis://u:p/q@h", "redis://u:p?q@h", "redis://u:p#q@h", "redis://u:p@q@h",
                            "redis://u:100%@h", "redis://u:p q@h:1"})
        check_refused(url, redis_url_errc::user_or_password);

    for (const auto* url :
         {"redis://", "redis://:7000", "redis:///1", "redis://u:p@", "redis://::1", "::1:7000", "redis://[::1",
          "redis://[::1]7000", "redis://[:::1]:7000", "redis://[v1.a]", "redis://a b", "redis://a b:7000", "[]"})
        check_refused(url, redis_url_errc::host);

    for (const auto* url :
         {"h:0", "h:65536", "h:99999999999999999999", "h:-1", "h:abc", "redis://u:p@h:7000x/1", "redis://[::1]:x"})
        check_refused(url, redis_url_errc::port);

    for (const auto* url : {"redis://h/x", "redis://h/-1", "redis://h/+1", "redis://h/1/2", "redis://h/1/",
                            "redis://h/99999999999", "redis://h:1/ 1", "redis://h//"})
        check_refused(url, redis_url_errc::database);

    for (const auto* url : {"redis://h?db=1", "redis://h/1#x", "redis://h:1?a b"})
        check_refused(url, redis_url_errc::query);
}

BOOST_AUTO_TEST_CASE(the_text_of_an_error_tells_where_and_what_is_allowed_but_no_password)
{
    const std::string text = text_of_error([] { (void)parse_redis_url("redis://alice:secret@h:99999"); });
    BOOST_TEST(text.find("h:99999") != text.npos, text);
    BOOST_TEST(text.find("from 1 to 65535") != text.npos, text);
    BOOST_TEST(text.find("secret") == text.npos, text);
    BOOST_TEST(text.find("alice") == text.npos, text);
}

BOOST_AUTO_TEST_CASE(a_list_has_commas_in_between)
{
    const auto nodes = parse_redis_nodes("a:1, redis://u:p%2Cq@b:2/3 ,rediss://[::1]:3");
    BOOST_REQUIRE(nodes.size() == 3);
    BOOST_TEST(nodes[0].addr.host == "a");
    BOOST_TEST(nodes[1].addr.host == "b");
    BOOST_TEST(nodes[1].password == "p,q");
    BOOST_TEST(nodes[1].database_index.value() == 3);
    BOOST_TEST(nodes[2].addr.host == "::1");
    BOOST_TEST(nodes[2].addr.port == "3");
    BOOST_TEST(nodes[2].use_ssl);

    BOOST_TEST(parse_redis_nodes("a").size() == 1);
}

BOOST_AUTO_TEST_CASE(a_list_without_a_node_somewhere_is_refused)
{
    for (const auto* list : {"", " ", "a:1,", ",a:1", "a:1,,b:2", "a:1, ,b:2"})
        BOOST_TEST_CONTEXT(list)
        {
            const std::string text = text_of_error([&] { (void)parse_redis_nodes(list); });
            BOOST_TEST(text.find("missing") != text.npos, text);
        }
}

BOOST_AUTO_TEST_CASE(codes_and_texts)
{
    BOOST_TEST(redis_url_category().name() == std::string_view("priority_redlock.redis_url"));
    for (int value = 1; value <= 7; ++value)
        BOOST_TEST(redis_url_category().message(value) != redis_url_category().message(0));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
