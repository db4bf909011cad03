// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// priority-redlock: what an operator does with the nodes of locks over Redis.

#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace redlock = priority_redlock;
using namespace std::chrono_literals;

constexpr std::string_view usage = R"(usage: priority-redlock COMMAND [OPTION VALUE]... NODES [ARGUMENT]...

  provision NODES       sets up new nodes, so that they vote at once. Refuses if one of them holds anything already,
                        and then changes none
  inspect NODES RESOURCE
                        says who holds a resource and who waits, on which nodes, until when
  force-release NODES RESOURCE TOKEN
                        ends the hold that has this fencing token, which inspect tells, and no other

NODES: HOST:PORT,HOST:PORT,... or redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// over TLS

Options, which have to be those of the clients (redis_options):

  --prefix TEXT         what the keys begin with; redlock: unless named
  --max-ttl TIME        the longest ttl: 60s unless named, or e.g. 1500ms, 5min
  --ca FILE             the certificate authorities that are trusted, --certificate FILE and --key FILE: one's own (PEM)
)";

struct wrong_usage : std::runtime_error
{
    using runtime_error::runtime_error;
};

redlock::duration parse_duration(std::string_view text)
{
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (ec == std::errc() && 0 <= n && n <= 1'000'000'000) {
        if (unit == "ms")
            return std::chrono::milliseconds(n);
        if (unit == "s")
            return std::chrono::seconds(n);
        if (unit == "min")
            return std::chrono::minutes(n);
    }
    throw wrong_usage("'" + std::string(text) + "' is no time: write e.g. 1500ms, 60s or 5min");
}

struct command_line
{
    std::string command;
    std::vector<std::string> arguments;
    redlock::redis_options options;
};

command_line parse(const std::vector<std::string>& words)
{
    command_line result;
    redlock::redis_options& options = result.options;
    for (auto word = words.begin(); word != words.end(); ++word) {
        if (!word->starts_with("--")) {
            (result.command.empty() ? result.command : result.arguments.emplace_back()) = *word;
            continue;
        }
        const std::string& name = *word;
        if (++word == words.end())
            throw wrong_usage(name + " needs a value");
        if (name == "--prefix")
            options.prefix = *word;
        else if (name == "--max-ttl")
            options.max_ttl = parse_duration(*word);
        else if (name == "--ca")
            options.tls_ca_file = *word;
        else if (name == "--certificate")
            options.tls_certificate_file = *word;
        else if (name == "--key")
            options.tls_key_file = *word;
        else
            throw wrong_usage("there is no option " + name);
    }
    // These are for clients, and have to go with it.
    options.lease = std::min(options.lease, options.max_ttl);
    options.clock_skew = std::min(options.clock_skew, options.max_ttl / 3);
    return result;
}

/// What an operation brings, or throws.
template <class Start>
auto run(Start start)
{
    asio::io_context context(1);
    auto result = start(context.get_executor());
    context.run();
    return result.get();
}

void provision(const command_line& line)
{
    const auto nodes = redlock::parse_redis_nodes(line.arguments.at(0));
    run([&](const auto& ex) { return redlock::async_provision(ex, nodes, line.options, asio::use_future); });
    std::cout << nodes.size() << (nodes.size() == 1 ? " node is" : " nodes are") << " set up\n";
}

redlock::redis_protocol connected_to(const asio::any_io_executor& ex, const command_line& line)
{
    return {ex, redlock::parse_redis_nodes(line.arguments.at(0)), line.options};
}

void inspect(const command_line& line)
{
    const auto [error, found] = run([&](const asio::any_io_executor& ex) {
        return connected_to(ex, line).async_inspect(line.arguments.at(1), asio::as_tuple(asio::use_future));
    });
    std::cout << found << '\n';
    if (error)
        throw boost::system::system_error(error);
}

void force_release(const command_line& line)
{
    const std::string& text = line.arguments.at(2);
    std::uint64_t token = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), token);
    if (bad != std::errc() || end != text.data() + text.size())
        throw wrong_usage("'" + text + "' is no fencing token: inspect tells that of the holder");
    const auto [error] = run([&](const asio::any_io_executor& ex) {
        return connected_to(ex, line).async_force_release(line.arguments.at(1), token,
                                                          asio::as_tuple(asio::use_future));
    });
    if (error == redlock::errc::not_held)
        throw std::runtime_error("no node has a hold of '" + line.arguments.at(1) + "' with token " + text
                                 + ": nothing was changed. inspect tells who holds it now");
    if (error)
        throw boost::system::system_error(error);
    std::cout << "the hold with token " << token << " has ended\n";
}

struct command
{
    std::string_view name;
    std::size_t arguments;
    void (*run)(const command_line&);
};

constexpr command commands[] = {{"provision", 1, provision},
                                {"inspect", 2, inspect},
                                {"force-release", 3, force_release}};

} // namespace

int main(int argc, char* argv[])
try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (std::ranges::any_of(words, [](const std::string& w) { return w == "--help" || w == "-h" || w == "help"; })) {
        std::cout << usage;
        return 0;
    }
    const command_line line = parse(words);
    const auto it = std::ranges::find(commands, line.command, &command::name);
    if (it == std::end(commands))
        throw wrong_usage(line.command.empty() ? "no command is named" : "there is no command '" + line.command + '\'');
    if (line.arguments.size() != it->arguments)
        throw wrong_usage(line.command + " takes " + std::to_string(it->arguments)
                          + (it->arguments == 1 ? " argument" : " arguments") + " besides its options");
    it->run(line);
    return 0;
} catch (const wrong_usage& error) {
    std::cerr << "priority-redlock: " << error.what() << "\n\n" << usage;
    return 2;
} catch (const boost::system::system_error& error) {
    const std::string_view text = error.what(); // ends with the code, and where in the sources it was thrown
    std::cerr << "priority-redlock: " << text.substr(0, text.find(" [" + error.code().to_string())) << '\n';
    return 1;
} catch (const std::exception& error) {
    std::cerr << "priority-redlock: " << error.what() << '\n';
    return 1;
}
