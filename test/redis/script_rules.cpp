// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/acquisition.hpp"
#include "redis/deployment.hpp"
#include "redis/support/node_pair.hpp"
#include "redis/support/redis_server.hpp"

#include <boost/redis/request.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

// The nodes of the simulations run scripts by the rules of Redis: for numbers, replies, errors, missing keys, and ends.

namespace {

using namespace test;
namespace redis = priority_redlock::detail::redis;

redis_server& server()
{
    static redis_server one;
    return one;
}

/// Older servers have other errors, newer ones write some numbers with fewer digits.
bool has_the_numbers_of_7_0()
{
    const std::string info = server().command({"INFO", "server"}).text;
    return info.find("redis_version:7.0") != info.npos;
}

struct rule
{
    const char* text;
    std::vector<std::string> keys{};
    std::vector<std::string> arguments{};
};

/// Beside what the scripts of this library do: each case has a server and a node with the same keys, one after the
/// other.
const std::vector<rule>& rules()
{
    static const std::vector<rule> all{
        // replies
        {"return nil"},
        {"return {}"},
        {"return {1, 'two', {3, {'four'}}, false, true, 5}"},
        {"return {1, nil, 3}"},
        {"return {1.9, -1.9, 2^52 + 0.5, -0.5}"},
        {"return {2^53, -2^53, 2^53 + 2, 2^62, 2^63, -2^63, -2^64}"},
        {"local zero = 0 return {1 / zero, -1 / zero, zero / zero}"},
        {"return {1e17, 123456789012345678, 1e300}"},
        {"return '1.50'"},
        {"return ARGV[1] + 1", {}, {"9007199254740992"}},
        {"return ARGV[1] * 1", {}, {" 0x10 "}},
        {"return tostring(ARGV[1] + 0)", {}, {"123456789012345678"}},
        {"return string.format('%.0f', ARGV[1])", {}, {"9007199254740993"}},
        {"return {ok = 'fine'}"},
        {"return {err = 'WRONG in some way'}"},
        {"return {err = 'in\r\ntwo lines\n'}"},
        {"return {1, {err = 'ONE of several'}, {ok = 'two'}}"},
        {"return {err = 12, ok = 12}"},
        {"return {err = 'first', ok = 'second', 3}"},
        {"return function() end"},
        {"return {#KEYS, #ARGV, KEYS[1], ARGV[2]}", {"a", "b"}, {"c", std::string("d\0e\r\n", 5)}},
        {"return KEYS[3]", {"a"}},

        // arguments of commands
        {"redis.call('HSET', 'numbers', 'a', 1, 'b', -1, 'c', 2^53, 'd', 1.5, 'e', 999999999999999, 'f', 1e15, 'g', 0)"},
        {"return redis.call('HMGET', 'numbers', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'none')"},
        {"return redis.call('HSET', 'numbers', 1, 2)"},
        {"return redis.call('hget', 'numbers', 1)"},
        {"return redis.call('HSET', 'numbers', 'a', nil)"},
        {"return redis.call('HSET', 'numbers', 'a', true)"},
        {"return redis.call('HSET', 'numbers', 'a', {})"},
        {"return redis.call()"},
        {"return redis.call('HGET', 'numbers')"},
        {"return redis.call('HGET', 'numbers', 'a', 'b')"},
        {"return redis.call('HSET', 'numbers', 'a', 1, 'b')"},
        {"return redis.call('TIME', 1)"},
        {"return redis.call('HSET', 'bytes', ARGV[1], ARGV[2])",
         {},
         {std::string("\0\xff", 2), std::string("\r\n\0", 3)}},
        {"return redis.call('HGET', 'bytes', ARGV[1])", {}, {std::string("\0\xff", 2)}},

        // missing keys and fields
        {"return {redis.call('HGET', 'none', 'a'), 'after'}"},
        {"return redis.call('HGET', 'none', 'a') == false"},
        {"return redis.call('HMGET', 'none', 'a', 'b')"},
        {"return {redis.call('HDEL', 'none', 'a'), redis.call('ZREM', 'none', 'a'), redis.call('DEL', 'none'), "
         "redis.call('PEXPIRE', 'none', 5), redis.call('EXISTS', 'none'), redis.call('ZCARD', 'none')}"},
        {"return redis.call('ZRANGE', 'none', 0, -1)"},

        // hashes
        {"return redis.call('HSET', 'h', 'a', 1, 'b', 2, 'a', 3)"},
        {"return redis.call('HSET', 'h', 'b', 4, '', 5)"},
        {"return redis.call('HDEL', 'h', 'a', 'none', 'a')"},
        {"return redis.call('HDEL', 'h', 'b', '')"},
        {"return redis.call('EXISTS', 'h', 'numbers', 'numbers')"},

        // sorted sets
        {"return redis.call('ZADD', 'z', 0, 'b')"},
        {"return redis.call('ZADD', 'z', 0, 'b')"},
        {"for _, m in ipairs(ARGV) do redis.call('ZADD', 'z', '0', m) end return redis.call('ZRANGE', 'z', 0, -1)",
         {},
         {"a", "B", "bb", "", "\xff", "\x7f", "10", "9", std::string("b\0", 2)}},
        {"return redis.call('ZRANGE', 'z', 1, 2)"},
        {"return redis.call('ZRANGE', 'z', -2, 100)"},
        {"return redis.call('ZRANGE', 'z', -100, 1)"},
        {"return redis.call('ZRANGE', 'z', 3, 2)"},
        {"return redis.call('ZRANGE', 'z', 100, 200)"},
        {"return redis.call('ZRANGE', 'z', 0, -100)"},
        {"return redis.call('ZRANGE', 'z', 0, 'x')"},
        {"return redis.call('ZCARD', 'z')"},
        {"return redis.call('ZREM', 'z', 'a', 'b', 'none')"},
        {"for _, m in ipairs(redis.call('ZRANGE', 'z', 0, -1)) do redis.call('ZREM', 'z', m) end "
         "return redis.call('EXISTS', 'z')"},

        // strings and ends
        {"return redis.call('SET', 's', 'x')"},
        {"return redis.call('SET', 's', 'y', 'PX', 5000)"},
        {"return redis.call('SET', 's', 'y', 'px', '1', 'PX', '7000')"},
        {"return redis.call('PEXPIRE', 's', 123456)"},
        {"return redis.call('SET', 's', 'z')"},
        {"return redis.call('PEXPIRE', 's', '123456.5')"},
        {"return redis.call('PEXPIRE', 's', 1.5)"},
        {"return redis.call('PEXPIRE', 's', '+1')"},
        {"return redis.call('PEXPIRE', 's', '01')"},
        {"return redis.call('PEXPIRE', 's', '')"},
        {"return redis.call('PEXPIRE', 's', '9223372036854775807')"},
        {"return redis.call('PEXPIRE', 's', '9223372036854775808')"},
        {"return redis.call('PEXPIRE', 'none', '9223372036854775807')"},
        {"return redis.call('PEXPIRE', 's', 0)"},
        {"return redis.call('EXISTS', 's')"},
        {"redis.call('SET', 's', 'x') return redis.call('PEXPIRE', 's', -5)"},
        {"return redis.call('SET', 's', 'x', 'PX', 0)"},
        {"return redis.call('SET', 's', 'x', 'PX', -1)"},
        {"return redis.call('SET', 's', 'x', 'PX', 'soon')"},
        {"return redis.call('SET', 's', 'x', 'PX', '9223372036854775807')"},
        {"return redis.call('SET', 's', 'x', 'PX')"},
        {"redis.call('PEXPIRE', 'numbers', 60000) return redis.call('HSET', 'numbers', 'a', 2)"}, // it still ends
        {"redis.call('PEXPIRE', 'numbers', 30000) return redis.call('HDEL', 'numbers', 'a')"},

        // keys of another type
        {"return redis.call('SET', 's', 'x')"},
        {"return redis.call('HGET', 's', 'a')"},
        {"return redis.call('HSET', 's', 'a', 'b')"},
        {"return redis.call('ZADD', 'numbers', 0, 'a')"},
        {"return redis.call('ZRANGE', 's', 0, -1)"},
        {"return redis.call('ZRANGE', 's', 'x', -1)"}, // what is said first
        {"return redis.call('SET', 'numbers', 'x')"},
        {"return redis.call('DEL', 's', 'numbers', 'none')"},

        // errors
        {"error('in vain')"},
        {"error({err = 'OURS it is'})"},
        {"error(12)"},
        {"local t\nreturn t.x"},
        {"local function f()\nreturn redis.call('HGET')\nend\nlocal result = f()\nreturn result"},
        {"return string.match(nil, 'x')"},
        {"return string.match('x', '(')"},
        {"return 'x' + 1"},
        {"return 'x' < 1"},
        {"return {} .. 'x'"},
        {"return math.max(nil, 1)"},
        {"return unpack({1, 2, 3})"},
        {"redis.call('SET', 's', 'x') return {pcall(redis.call, 'HGET', 's', 'a')}"},
        {"local done, e = pcall(redis.call, 'HGET', 's', 'a') return {done, type(e), e}"},
        {"local done, e = pcall(error, {err = 'OURS'}) return {done, type(e), e}"},
        {"local done, e = pcall(error, {}) return {done, type(e)}"},
        {"local done, e = pcall(function() local t return t.x end) return {done, e}"},
        {"local done, a, b = pcall(function(...) return ... end, 1, 2) return {done, a, b}"},
        {"local e = redis.pcall('HGET', 's', 'a') return {type(e), e.err}"},
        {"return redis.pcall('HGET', 's', 'a')"},
        {"redis.call('DEL', 's') return 1 +"},
        {"x = 1"},
        {"return x"},
        {"return print"},
        {"return setfenv"},

        // what is told to others
        {"redis.call('PUBLISH', 'one', 'a') redis.call('PUBLISH', 'two', ARGV[1])", {}, {std::string("b\0\r\n", 4)}},
        {"redis.call('PUBLISH', 'one', 12)"},
        {"return #redis.call('TIME') .. type(redis.call('HMGET', 'none', 'x')[1])"},
    };
    return all;
}

void run(node_pair& pair, const rule& each)
{
    node_pair::words command{"EVAL", each.text, std::to_string(each.keys.size())};
    command.insert(command.end(), each.keys.begin(), each.keys.end());
    command.insert(command.end(), each.arguments.begin(), each.arguments.end());
    pair.eval(command);
    pair.published();
    BOOST_TEST(pair.agrees());
}

BOOST_AUTO_TEST_SUITE(script_rules)

BOOST_AUTO_TEST_CASE(a_simulated_node_is_as_a_server_to_the_letter)
{
    node_pair pair(server());
    for (const rule& each : rules())
        run(pair, each);
}

BOOST_AUTO_TEST_CASE(numbers_are_written_as_by_redis_7_0)
{
    if (!has_the_numbers_of_7_0()) {
        BOOST_TEST_MESSAGE("the server is of another version");
        return;
    }
    node_pair pair(server());
    run(pair,
        {"redis.call('HSET', 'n', 'a', 1e17, 'b', 2^63, 'c', 0.1, 'd', 1e300, 'e', 123456789012345678, 'f', 1 / 3, 'g', -1e15)"});
    run(pair, {"local zero = 0 redis.call('HSET', 'n', 'a', 1 / zero, 'b', -1 / zero, 'c', zero / zero, 'd', -zero)"});
    run(pair, {"return redis.call('PEXPIRE', 'n', 1e17)"});
}

BOOST_AUTO_TEST_CASE(a_server_that_takes_no_writes_says_why)
{
    node_pair pair(server());
    run(pair, {"return redis.call('HSET', 'h', 'a', 'b')"});
    pair.refuse_writes(true);
    for (const char* text : {"return redis.call('HGET', 'h', 'a')", "return redis.call('HSET', 'h', 'a', 'c')",
                             "return redis.call('HSET', 'h', 'a')", "return redis.call('HSET', 'h', 'a', 'b', 'c')",
                             "return redis.call('PEXPIRE', 'h', 5)", "return redis.call('DEL', 'h')",
                             "redis.call('PUBLISH', 'h', 'a')", "return {pcall(redis.call, 'HDEL', 'h', 'a')}"})
        run(pair, {text});
    pair.refuse_writes(false);
    run(pair, {"return redis.call('HSET', 'h', 'a', 'c')"});
}

/// The server is asked, and then the node in the state that corresponds.
void compare_refusal(const char* text, write_refusal why)
{
    simulated_node node("simulated");
    node.state.refuses = why;
    boost::redis::request request;
    request.push("EVAL", text, "0");
    std::vector<published_message> none;
    BOOST_TEST(node.run(request.payload(), 1'000'000, none) == resp_of(server().command({"EVAL", text, "0"})));
}

BOOST_AUTO_TEST_CASE(a_server_without_memory_and_a_replica_say_so)
{
    const std::vector<const char*> texts{"return redis.call('HSET', 'h', 'a', 'b')",
                                         "redis.call('HDEL', 'h', 'x') return redis.call('HSET', 'h', 'a', 'b')",
                                         "redis.call('EXISTS', 'h') return redis.call('SET', 'h', 'b')",
                                         "return redis.call('ZADD', 'z', 0, 'b')",
                                         "return redis.call('PEXPIRE', 'none', 5)",
                                         "return redis.call('PUBLISH', 'h', 'b')"};
    server().command({"FLUSHALL"});
    server().command({"CONFIG", "SET", "maxmemory", "1"});
    for (const char* text : texts)
        compare_refusal(text, write_refusal::oom);
    server().command({"CONFIG", "SET", "maxmemory", "0"});
    server().command({"FLUSHALL"});
    server().command({"REPLICAOF", "127.0.0.1", "1"});
    for (const char* text : texts)
        compare_refusal(text, write_refusal::readonly);
    server().command({"REPLICAOF", "NO", "ONE"});
}

BOOST_AUTO_TEST_CASE(a_key_ends_when_the_clock_shows_more_than_its_end)
{
    // As a server has it: a key that ends at this ms is there in it, and not in the next.
    server().command({"FLUSHALL"});
    const std::string text = "local t = redis.call('PTTL', KEYS[1]) return {redis.call('EXISTS', KEYS[1]), t}";
    for (int i = 0; i < 20; ++i) {
        server().command({"SET", "s", "x", "PX", "2"});
        for (;;) {
            const auto reply = server().command({"EVAL", text, "1", "s"}).elements;
            BOOST_REQUIRE(reply.size() == 2u);
            BOOST_TEST((reply[0].integer == 1) == (reply[1].integer >= 0)); // 0 in the last ms
            if (reply[0].integer == 0)
                break;
        }
    }
    redis_store store;
    store.set_clock(1000);
    store.put("s", {std::string("x")});
    BOOST_TEST(store.expire_at("s", 1002));
    store.set_clock(1002);
    BOOST_TEST(store.exists("s"));
    store.set_clock(1003);
    BOOST_TEST(!store.exists("s"));
    store.set_clock(1000); // it does not come back
    BOOST_TEST(!store.exists("s"));
    BOOST_TEST(!store.expire_at("s", 2000));
}

BOOST_AUTO_TEST_CASE(a_script_that_asks_for_more_than_is_simulated_fails_loudly)
{
    simulated_node node("simulated");
    std::vector<published_message> none;
    const auto run = [&](std::string_view text) {
        boost::redis::request request;
        request.push("EVAL", text, "0");
        return node.run(request.payload(), 1, none);
    };
    for (const char* text : {"return redis.call('SADD', 's', 'a')", "pcall(redis.call, 'SADD', 's', 'a') return 1",
                             "return redis.call('ZADD', 'z', 1, 'a')", "return redis.call('ZRANGE', 'z', 0, 1, 'REV')",
                             "return redis.call('SET', 's', 'a', 'NX')", "return redis.call('PEXPIRE', 's', 5, 'NX')",
                             "return redis.call('INFO', 'clients')", "error({})"})
        BOOST_CHECK_THROW(run(text), std::logic_error);
    BOOST_TEST(run("return 1") == ":1\r\n"); // nothing is left of them
    boost::redis::request other;
    other.push("GET", "s");
    BOOST_CHECK_THROW(node.run(other.payload(), 1, none), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_store_is_copied_compared_and_told_from_others)
{
    redis_store a;
    a.set_field("h", "x", "1");
    a.add_member("z", "m");
    const redis_store snapshot = a;
    BOOST_TEST((a == snapshot));
    BOOST_TEST(a.digest() == snapshot.digest());
    const auto differs = [&](auto change) {
        redis_store b = snapshot;
        change(b);
        BOOST_TEST(!(b == snapshot));
        BOOST_TEST(b.digest() != snapshot.digest());
    };
    differs([](redis_store& s) { s.set_field("h", "x", "2"); });
    differs([](redis_store& s) { s.set_field("h", "y", "1"); });
    differs([](redis_store& s) { s.add_member("z", "n"); });
    differs([](redis_store& s) { s.expire_at("z", 5); });
    differs([](redis_store& s) { s.erase("z"); });
    differs([](redis_store& s) { s.put("z", {std::string("m")}); });
    redis_store other_order;
    other_order.add_member("z", "m");
    other_order.set_field("h", "x", "1");
    BOOST_TEST(other_order.digest() == snapshot.digest());
}

BOOST_AUTO_TEST_CASE(patterns_are_those_of_redis)
{
    redis_connection c(server().port());
    c.command({"FLUSHALL"});
    std::vector<std::string> names{"a", "ab", "abc", "a*c", "a?c", "[a]", "a-c", "b", "^", "\\", "a\\", "aXbXc"};
    for (const auto& name : names)
        c.command({"SET", name, "x"});
    for (const char* pattern :
         {"*",     "a*",    "*c",      "a*c",   "a\\*c", "a?c", "a\\?c", "?",     "??", "[ab]", "[^a]",
          "[a-b]", "[b-a]", "\\[a\\]", "[\\^]", "a*b*c", "*X*", "",      "a\\\\", "[a", "**",   "*a*"}) {
        std::set<std::string> found;
        for (const auto& each : c.command({"KEYS", pattern}).elements)
            found.insert(each.text);
        for (const auto& name : names)
            BOOST_TEST(matches(pattern, name) == found.contains(name), pattern << " and " << name);
    }
}

BOOST_AUTO_TEST_CASE(a_scan_finds_what_is_there_all_the_time)
{
    redis_store store;
    for (int i = 0; i < 1000; ++i)
        store.put("k" + std::to_string(i), {std::string()});
    std::set<std::string> found;
    std::uint64_t cursor = 0;
    int scans = 0;
    do {
        auto [next, keys] = store.scan(cursor, 100);
        found.insert(keys.begin(), keys.end());
        cursor = next;
        store.erase("k" + std::to_string(scans)); // others come and go
        store.put("new" + std::to_string(scans++), {std::string()});
    } while (cursor != 0);
    BOOST_TEST(scans >= 10);
    for (int i = scans; i < 1000; ++i)
        BOOST_TEST(found.contains("k" + std::to_string(i)));
}

// --- over a link -----------------------------------------------------------------------------------------------------

struct link_fixture
{
    redis::call obtain(const std::string& id)
    {
        const auto a = std::make_shared<redis::acquisition>();
        a->id_text = id;
        a->lock_key = options.prefix + "{r}";
        a->locker = "locker";
        a->ticket = now;
        redis::call c;
        c.command = redis::node_command::obtain;
        c.sequence = ++sequence;
        c.about = a;
        c.ttl = 10'000'000;
        c.token = now;
        return c;
    }

    std::vector<redis::answer> run(std::vector<redis::call> calls)
    {
        const sent_calls sent = link.send(std::move(calls));
        return link.answers(sent, node.run(sent.bytes, ++now, published));
    }

    priority_redlock::redis_options options;
    redis::script_texts texts = redis::make_script_texts(options, redis::deployment_text(1, options));
    std::int64_t now = 1'800'000'000'000'000;
    std::uint64_t sequence = 0;
    simulated_node node{"first"};
    simulated_link link{texts, options.prefix};
    std::vector<published_message> published;

    link_fixture()
    {
        link.connect(node);
        boost::redis::request load;
        for (std::size_t i = 0; i < redis::hashed_scripts; ++i)
            load.push("SCRIPT", "LOAD", texts[i]);
        node.run(load.payload(), now, published);
        redis::call c;
        c.command = redis::node_command::provision;
        run({c});
    }
};

using verdict = redis::answer::verdict;

BOOST_FIXTURE_TEST_CASE(a_link_sends_the_text_once_where_a_script_was_forgotten, link_fixture)
{
    BOOST_TEST((run({obtain("a-1")}).front().what == verdict::granted));
    node.restart("first");
    BOOST_TEST((run({obtain("b-1")}).front().what == verdict::unknown));
    BOOST_TEST(link.send({obtain("b-1")}).bytes.find("EVALSHA") == std::string::npos);
    BOOST_TEST((run({obtain("b-1")}).front().what == verdict::unknown)); // the text was on its way, and was lost
    BOOST_TEST((run({obtain("b-1")}).front().what == verdict::waiting));
    BOOST_TEST(link.send({obtain("b-1")}).bytes.find("EVALSHA") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(calls_that_are_sent_together_are_answered_each_and_lost_with_the_connection, link_fixture)
{
    redis::call greet;
    const auto answers = run({obtain("a-1"), obtain("b-1"), greet, obtain("c-1")});
    BOOST_REQUIRE(answers.size() == 4u);
    BOOST_TEST((answers[0].what == verdict::granted));
    BOOST_TEST((answers[1].what == verdict::waiting));
    BOOST_TEST((answers[2].what == verdict::ready));
    BOOST_TEST((answers[3].what == verdict::waiting));

    const sent_calls sent = link.send({obtain("a-1"), obtain("b-1"), greet, obtain("c-1")});
    BOOST_TEST(sent.runs.size() == 3u);
    const std::string replies = node.run(sent.bytes, ++now, published);
    for (std::size_t size = 0; size <= replies.size(); ++size) {
        const auto some = link.answers(sent, std::string_view(replies).substr(0, size));
        BOOST_REQUIRE(some.size() == 4u);
        BOOST_TEST((some[0].what == verdict::lost) == (some[1].what == verdict::lost)); // they share a run
        BOOST_TEST((some[3].what == verdict::lost) == (size < replies.size()));
    }
}

BOOST_FIXTURE_TEST_CASE(how_fast_scripts_run, link_fixture)
{
    const auto a = obtain("a-1");
    redis::call release = a;
    release.command = redis::node_command::release;
    release.ttl = 0;
    constexpr int runs = 20'000;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < runs / 2; ++i) {
        run({a});
        run({release});
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    BOOST_TEST((run({a}).front().what == verdict::granted));
    BOOST_TEST_MESSAGE(static_cast<int>(runs / took.count())
                       << " runs of scripts a second, with what is sent and read for them");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
