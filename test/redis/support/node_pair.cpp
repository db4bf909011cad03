// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/node_pair.hpp"

#include <boost/redis/request.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <sstream>

namespace test {

namespace {

constexpr std::string_view clock_key = "clock";

/// On the server, keys end so much later than by the clock of the test, in ms: that is far from now, whatever the
/// latter shows. What ends before `far` was set by the latest command.
constexpr std::int64_t shift = 8'000'000'000'000;
constexpr std::int64_t far = 5'000'000'000'000;

/// All keys of the server but the clock. Those that end soon are kept from it.
const std::string keys_script = R"(
    local all = {}
    for _, key in ipairs(redis.call('KEYS', '*')) do
        local what = redis.call('TYPE', key).ok
        local content = what == 'string' and { redis.call('GET', key) }
            or what == 'hash' and redis.call('HGETALL', key)
            or what == 'zset' and redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') or {}
        local ends = redis.call('PEXPIRETIME', key)
        if ends >= 0 and ends < tonumber(ARGV[1]) then
            redis.call('PERSIST', key)
        end
        all[#all + 1] = { key, what, ends, content }
    end
    return all)";

/// The text with the clock of the test for the server's.
std::string with_clock_of_test(std::string text)
{
    constexpr std::string_view servers_clock = "redis.call('TIME')";
    if (const auto at = text.find(servers_clock); at != text.npos)
        text.replace(at, servers_clock.size(), "redis.call('HMGET', 'clock', 's', 'us')");
    return text;
}

/// Errors name the script that they are of.
std::string_view sha_of(const std::string& text)
{
    const auto loaded = script_host::of_this_thread().load(text);
    return loaded.ready ? script_host::sha_of(*loaded.ready) : std::string_view();
}

node_pair::words for_server(node_pair::words command)
{
    command[1] = with_clock_of_test(std::move(command[1]));
    return command;
}

/// To a command as it ships.
std::string reply_of_server(const node_pair::words& command, const redis_reply& reply)
{
    std::string result = resp_of(reply);
    const std::string_view sha = sha_of(with_clock_of_test(command[1]));
    if (const auto at = result.find(sha); !sha.empty() && at != result.npos)
        result.replace(at, sha.size(), sha_of(command[1]));
    return result;
}

std::string printable(std::string_view text)
{
    std::string result;
    for (const char c : text)
        if (c >= ' ' && c <= '~')
            result += c;
        else if (c == '\n')
            result += "\\n";
        else if (c != '\r')
            result += '?';
    return result;
}

std::string printable(const redis_store::value& v)
{
    std::string result;
    if (const auto* const text = std::get_if<std::string>(&v.data))
        result = printable(*text);
    else if (const auto* const fields = std::get_if<redis_store::hash>(&v.data))
        for (const auto& [field, content] : *fields)
            result += printable(field) + " = " + printable(content) + ", ";
    else if (const auto* const members = std::get_if<redis_store::sorted_set>(&v.data))
        for (const auto& member : *members)
            result += printable(member) + ", ";
    else
        result = "(of another type)";
    return result;
}

} // namespace

std::string resp_of(const redis_reply& reply)
{
    std::string result;
    switch (reply.type) {
    case redis_reply::type_t::nil: return "_\r\n";
    case redis_reply::type_t::status: add_status(result, reply.text); break;
    case redis_reply::type_t::error: add_error(result, reply.text); break;
    case redis_reply::type_t::integer: return ':' + std::to_string(reply.integer) + "\r\n";
    case redis_reply::type_t::bulk: add_bulk(result, reply.text); break;
    case redis_reply::type_t::array:
        result = '*' + std::to_string(reply.elements.size()) + "\r\n";
        for (const auto& each : reply.elements)
            result += resp_of(each);
    }
    return result;
}

node_pair::node_pair(redis_server& server) : connection_(server.port()), subscriber_(server.port())
{
    connection_.command({"FLUSHALL"});
    connection_.command({"CONFIG", "RESETSTAT"});
    subscriber_.command({"PSUBSCRIBE", "*"});
    make_as_server();
}

// --- what both are asked ---------------------------------------------------------------------------------------------

std::string node_pair::eval(const words& command)
{
    log_ += printable(command[0]);
    for (std::size_t i = 2; i < command.size(); ++i)
        log_ += ' ' + printable(command[i]);
    end_what_is_over();
    set_clock_of_server();
    const std::int64_t before = time_of_server();
    connection_.command({"MULTI"});
    if (refuses_)
        connection_.command({"CONFIG", "SET", "min-replicas-to-write", "1"});
    connection_.command(for_server(command));
    if (refuses_)
        connection_.command({"CONFIG", "SET", "min-replicas-to-write", "0"});
    connection_.command({"EVAL", keys_script, "0", std::to_string(far)});
    const auto replies = connection_.command({"EXEC"}).elements;
    const std::int64_t after = time_of_server();
    const std::string real = reply_of_server(command, replies.at(refuses_ ? 1 : 0));
    const std::string simulated = eval_on_node(command);
    log_ += " -> " + printable(real) + '\n';
    if (real != simulated)
        differs("the server says " + printable(real) + ", the node " + printable(simulated));
    compare_keys(store_of(replies.back()), before, after);
    return real;
}

std::string node_pair::eval_on_server(const words& command)
{
    set_clock_of_server();
    return reply_of_server(command, connection_.command(for_server(command)));
}

void node_pair::set_clock_of_server()
{
    connection_.command({"HSET", std::string(clock_key), "s", std::to_string(clock / 1'000'000), "us",
                         std::to_string(clock % 1'000'000)});
}

std::string node_pair::eval_on_node(const words& command)
{
    boost::redis::request request;
    request.push_range(command[0], command.begin() + 1, command.end());
    return node_.run(request.payload(), clock, published_by_node_);
}

redis_reply node_pair::command(const words& command)
{
    for (const auto& word : command)
        log_ += printable(word) + ' ';
    log_ += '\n';
    redis_reply reply = connection_.command(command);
    make_as_server();
    return reply;
}

void node_pair::refuse_writes(bool yes)
{
    log_ += yes ? "no writes\n" : "writes\n";
    refuses_ = yes;
    node_.state.refuses = yes ? write_refusal::noreplicas : write_refusal::none;
}

void node_pair::make_as_server()
{
    const redis_store keys = store_of(connection_.command({"EVAL", keys_script, "0", std::to_string(far)}));
    const std::int64_t now = time_of_server();
    node_.state.data.clear();
    for (const auto& [key, v] : keys.all()) {
        auto copy = v;
        if (copy.expires_at != redis_store::never) {
            copy.expires_at -= copy.expires_at >= far ? shift : now - clock / 1000;
            set_end(key, copy.expires_at);
        }
        node_.state.data.put(key, std::move(copy));
    }
    node_.state.policy = config_of_server("maxmemory-policy");
    node_.state.maxmemory = std::stoull(config_of_server("maxmemory"));
    const std::string stats = connection_.command({"INFO", "stats"}).text;
    constexpr std::string_view evicted = "\nevicted_keys:";
    node_.state.evicted_keys = std::stoull(stats.substr(stats.find(evicted) + evicted.size()));
}

std::vector<published_message> node_pair::published()
{
    connection_.command({"PUBLISH", "end", "that is all"});
    std::vector<published_message> by_server;
    for (;;) {
        const auto m = subscriber_.read().elements;
        if (m.size() != 4 || m[0].text != "pmessage")
            continue;
        if (m[2].text == "end")
            break;
        by_server.push_back({m[2].text, m[3].text});
    }
    if (by_server != published_by_node_) {
        std::string what = "the server publishes";
        for (const auto& each : by_server)
            what += ' ' + printable(each.text);
        what += ", the node";
        for (const auto& each : published_by_node_)
            what += ' ' + printable(each.text);
        differs(what);
    }
    published_by_node_.clear();
    return by_server;
}

// --- their keys ------------------------------------------------------------------------------------------------------

std::int64_t node_pair::time_of_server()
{
    const auto time = connection_.command({"TIME"}).elements;
    return std::stoll(time.at(0).text) * 1000 + std::stoll(time.at(1).text) / 1000;
}

std::string node_pair::config_of_server(const std::string& name)
{
    return connection_.command({"CONFIG", "GET", name}).elements.at(1).text;
}

/// From what `keys_script` tells.
redis_store node_pair::store_of(const redis_reply& keys)
{
    redis_store result;
    for (const auto& each : keys.elements) {
        if (each.elements[0].text == clock_key)
            continue;
        const std::string& what = each.elements[1].text;
        const auto& content = each.elements[3].elements;
        redis_store::value v;
        if (what == "string") {
            v.data = content.at(0).text;
        } else if (what == "hash") {
            redis_store::hash fields;
            for (std::size_t i = 0; i < content.size(); i += 2)
                fields.emplace_back(content[i].text, content[i + 1].text);
            std::sort(fields.begin(), fields.end());
            v.data = std::move(fields);
        } else if (what == "zset") {
            redis_store::sorted_set members;
            for (std::size_t i = 0; i < content.size(); i += 2) {
                members.push_back(content[i].text);
                if (content[i + 1].text != "0")
                    differs("a score is " + content[i + 1].text);
            }
            v.data = std::move(members);
        } else {
            v.data = redis_store::foreign{};
        }
        if (each.elements[2].integer >= 0)
            v.expires_at = each.elements[2].integer;
        result.put(each.elements[0].text, std::move(v));
    }
    return result;
}

/// On the server, where nothing ends by itself.
void node_pair::end_what_is_over()
{
    for (const auto& [key, v] : node_.state.data.all())
        if (v.expires_at < clock / 1000)
            connection_.command({"DEL", key});
}

void node_pair::set_end(const std::string& key, std::int64_t end)
{
    connection_.command({"PEXPIREAT", key, std::to_string(end + shift)});
}

/// After both have been asked, by the server's clock between these.
void node_pair::compare_keys(const redis_store& real, std::int64_t before, std::int64_t after)
{
    const auto& simulated = node_.state.data;
    for (const auto& [key, v] : simulated.all())
        if (!real.exists(key))
            differs("the server does not have the key " + key);
    for (const auto& [key, theirs] : real.all()) {
        const auto it = simulated.all().find(key);
        if (it == simulated.all().end()) {
            differs("the node does not have the key " + key);
            continue;
        }
        const auto& ours = it->second;
        if (ours.data != theirs.data)
            differs(key + " of the server is " + printable(theirs) + "; of the node it is " + printable(ours));
        if ((ours.expires_at == redis_store::never) != (theirs.expires_at == redis_store::never)) {
            differs(key + " ends on one of them alone");
            continue;
        }
        if (ours.expires_at == redis_store::never || theirs.expires_at == ours.expires_at + shift)
            continue;
        const std::int64_t set_at = theirs.expires_at - (ours.expires_at - clock / 1000);
        if (set_at < before || set_at > after)
            differs(key + " lasts " + std::to_string(theirs.expires_at - after) + " ms on the server, on the node "
                    + std::to_string(ours.expires_at - clock / 1000));
        set_end(key, ours.expires_at);
    }
}

void node_pair::differs(const std::string& what)
{
    if (!std::exchange(agrees_, false))
        return;
    constexpr std::size_t tail = 6000;
    BOOST_ERROR(what << ", after\n" << log_.substr(log_.size() - std::min(tail, log_.size())));
}

} // namespace test
