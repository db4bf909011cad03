// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Each text begins with common.lua. What it includes is put in, then the values of the options. A command on a lock is
// a script by itself or a function of the script that runs several: its keys and arguments are put in accordingly.

#include "script_texts.hpp"

#include "call.hpp"

#include <redis_scripts.hpp>

#include <cstdio>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace priority_redlock::detail::redis {

namespace {

/// How long the keys of a resource are kept after the last write, in milliseconds.
std::int64_t keep(const redis_options& o) noexcept
{
    return (micros(o.max_ttl) + 4 * micros(o.clock_skew) + 999) / 1000;
}

std::string_view name_of(restart_guard g) noexcept
{
    switch (g) {
    case restart_guard::on: break;
    case restart_guard::durable: return "durable";
    case restart_guard::off: return "off";
    }
    return "on";
}

void replace_all(std::string& text, std::string_view what, std::string_view with)
{
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

/// As a string of Lua, whatever is in it.
std::string lua_string(std::string_view text)
{
    std::string result = "'";
    for (const char c : text) {
        if (c >= ' ' && c <= '~' && c != '\'' && c != '\\') {
            result += c;
            continue;
        }
        std::array<char, 5> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\%03u", static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += escaped.data();
    }
    return result + '\'';
}

} // namespace

script_texts make_script_texts(const redis_options& o, const std::string& deployment)
{
    const std::array<std::pair<std::string_view, std::string>, 7> options{{
        {"options.deployment", lua_string(deployment)},
        {"options.guard", lua_string(name_of(o.guard))},
        {"options.max_ttl", std::to_string(micros(o.max_ttl))},
        {"options.skew", std::to_string(micros(o.clock_skew))},
        {"options.entry_lease", std::to_string(micros(entry_lease(o)))},
        {"options.keep", lua_string(std::to_string(keep(o)))},
        {"options.channels", lua_string(o.prefix + "client:")}, // the last, as it may have anything in it
    }};
    script_texts result;
    const auto compose = [&](script which, std::initializer_list<std::string_view> parts) {
        std::string& whole = result[static_cast<std::size_t>(which)] = common_source;
        for (const std::string_view part : parts)
            whole += part;
        replace_all(whole, "include('eviction')", eviction_source);
        replace_all(whole, "include('guard')", guard_source);
        replace_all(whole, "include('marker')", marker_source);
        replace_all(whole, "include('waiters')", waiters_source);
        for (const auto& [name, value] : options)
            replace_all(whole, name, value);
    };
    const auto body_of = [](std::string_view source, std::string_view arguments) {
        std::string text(source);
        replace_all(text, "arguments()", arguments);
        return text;
    };
    compose(script::greet, {greet_source});
    compose(script::scan, {scan_source});
    compose(script::provision, {provision_source});
    compose(script::inspect, {inspect_source});
    compose(script::force_release, {force_release_source});
    compose(script::obtain, {body_of(obtain_source, "KEYS[2], KEYS[3], KEYS[4], unpack(ARGV, 2)")});
    compose(script::release, {body_of(release_source, "KEYS[1], KEYS[2], KEYS[3], unpack(ARGV)")});
    std::string commands = "local commands = {}\n";
    for (const auto& [command, source] :
         {std::pair{node_command::obtain, obtain_source}, std::pair{node_command::yield, yield_source},
          std::pair{node_command::release, release_source}, std::pair{node_command::write_back, write_back_source}})
        commands += "function commands." + std::string(name_of(command)) + "(...)\n" + body_of(source, "...") + "end\n";
    compose(script::commands, {commands, commands_source});
    return result;
}

} // namespace priority_redlock::detail::redis
