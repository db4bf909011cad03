// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/node/simulated_node.hpp"

#include <boost/redis/request.hpp>

#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

namespace test {

namespace {

constexpr std::string_view line_end = "\r\n";

/// The number of a line that begins with this character.
std::size_t take_size(std::string_view& bytes, char kind)
{
    const std::size_t end = bytes.find(line_end);
    std::size_t n = 0;
    if (end == bytes.npos || bytes[0] != kind
        || std::from_chars(bytes.data() + 1, bytes.data() + end, n).ptr != bytes.data() + end)
        throw std::logic_error("no command: " + std::string(bytes.substr(0, 40)));
    bytes.remove_prefix(end + line_end.size());
    return n;
}

} // namespace

std::vector<std::string_view> take_command(std::string_view& bytes)
{
    std::vector<std::string_view> result(take_size(bytes, '*'));
    for (auto& word : result) {
        word = bytes.substr(0, take_size(bytes, '$')); // which takes the line of the size away first
        bytes.remove_prefix(word.size() + line_end.size());
    }
    return result;
}

// --- the node --------------------------------------------------------------------------------------------------------

std::string simulated_node::run(std::string_view commands, std::int64_t now, std::vector<published_message>& published)
{
    std::string replies;
    while (!commands.empty())
        run_one(take_command(commands), now, published, replies);
    return replies;
}

void simulated_node::restart(std::string run_id)
{
    state.run_id = std::move(run_id);
    state.evicted_keys = 0;
    scripts_.clear();
}

void simulated_node::run_one(const std::vector<std::string_view>& command, std::int64_t now,
                             std::vector<published_message>& published, std::string& reply)
{
    auto& host = script_host::of_this_thread();
    const auto is = [&](std::size_t at, std::string_view word) { return command.size() > at && command[at] == word; };
    if (is(0, "EVALSHA") && command.size() >= 3) {
        const auto* const script = host.find(command[1]);
        if (script && scripts_.contains(script))
            eval(*script, command, now, published, reply);
        else
            add_error(reply, "NOSCRIPT No matching script. Please use EVAL.");
    } else if ((is(0, "EVAL") && command.size() >= 3) || (is(0, "SCRIPT") && is(1, "LOAD") && command.size() == 3)) {
        const bool runs = is(0, "EVAL");
        const auto script = host.load(command[runs ? 1 : 2]);
        if (!script.ready) {
            add_error(reply, script.error);
            return;
        }
        scripts_.insert(script.ready);
        if (runs)
            eval(*script.ready, command, now, published, reply);
        else
            add_bulk(reply, script_host::sha_of(*script.ready));
    } else if (is(0, "SCRIPT") && is(1, "FLUSH")) {
        scripts_.clear();
        add_status(reply, "OK");
    } else if (is(0, "INFO") && command.size() == 2) {
        add_bulk(reply, state.info(command[1]));
    } else if (is(0, "PING") && command.size() == 1) {
        add_status(reply, "PONG");
    } else {
        throw std::logic_error("a node is sent a command that is not simulated: " + std::string(command.at(0)));
    }
}

void simulated_node::eval(const script_host::script& what, const std::vector<std::string_view>& command,
                          std::int64_t now, std::vector<published_message>& published, std::string& reply)
{
    const std::span<const std::string_view> rest = std::span(command).subspan(3);
    const auto keys = redis_integer(command[2]);
    if (!keys)
        add_error(reply, "ERR value is not an integer or out of range");
    else if (*keys < 0)
        add_error(reply, "ERR Number of keys can't be negative");
    else if (static_cast<std::uint64_t>(*keys) > rest.size())
        add_error(reply, "ERR Number of keys can't be greater than number of args");
    else
        script_host::of_this_thread().run(what, rest.first(static_cast<std::size_t>(*keys)),
                                          rest.subspan(static_cast<std::size_t>(*keys)), state, now, published, reply);
}

// --- the link --------------------------------------------------------------------------------------------------------

void simulated_link::connect(simulated_node& node, std::int64_t now)
{
    using priority_redlock::detail::redis::loaded_scripts;

    boost::redis::request request;
    for (std::size_t i = 0; i < loaded_scripts; ++i)
        request.push("SCRIPT", "LOAD", (*texts_)[i]);
    std::vector<published_message> none;
    const std::string replies = node.run(request.payload(), now, none);
    std::array<std::string, loaded_scripts> shas;
    std::size_t at = 0;
    read_replies(replies, [&](const boost::redis::resp3::node_view& part) { shas.at(at) = part.value; }, [&] { ++at; });
    scripts_.begin(node.state.run_id, std::move(shas));
}

sent_calls simulated_link::send(std::vector<call> calls)
{
    sent_calls result{std::move(calls), {}, {}};
    boost::redis::request request;
    for (std::span<const call> rest = result.calls; !rest.empty(); rest = rest.subspan(result.runs.back()))
        result.runs.push_back(scripts_.add_run(rest, request));
    result.bytes = request.payload();
    return result;
}

std::vector<simulated_link::answer> simulated_link::answers(const sent_calls& sent, std::string_view replies)
{
    std::vector<answer> result;
    result.reserve(sent.calls.size());
    priority_redlock::detail::redis::answer_reader reader;
    auto run = sent.runs.begin();
    read_replies(
        replies, [&](const boost::redis::resp3::node_view& part) { reader.add(part); },
        [&] {
            if (run == sent.runs.end())
                return;
            const auto calls = std::span(sent.calls).subspan(result.size(), *run++);
            for (answer& each : scripts_.take(reader, calls))
                result.push_back(std::move(each));
        });
    result.resize(sent.calls.size());
    return result;
}

} // namespace test
