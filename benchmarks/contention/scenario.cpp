// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "scenario.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <numeric>
#include <utility>

namespace contention {
namespace {

using json_input::at;
using json_input::key;
using json_input::read_integer;
using json_input::read_list;
using json_input::read_number;
using json_input::read_object;
using json_input::read_text;
using json_input::read_time;
using json_input::refuse;
using priority_redlock::infinite;
namespace json = boost::json;

constexpr std::int64_t most_clients = 100'000;
constexpr std::int64_t most_resources = 1'000'000;
constexpr std::int64_t most_threads = 64;
constexpr std::int64_t most_nodes = 15;
constexpr std::int64_t most_parts = 16;
constexpr double highest_rate = 10'000'000;

constexpr std::array scenario_keys{
    key{"title", false, "a text, printed above the results"},
    key{"protocol", false, "\"memory\" or \"redis\" (default: \"memory\")"},
    key{"nodes", false, "redis: how many servers to start (default: 5), or a list of \"host:port\" to use"},
    key{"threads", false, "how many threads run the clients, 1 to 64 (default: 1)"},
    key{"resources", false, "how many resources there are, 1 to 1000000 (default: 1)"},
    key{"duration", false, "how long the run takes, in ms (default: 5000)"},
    key{"seed", false, "an integer from 0; the same one draws the same requests (default: 1)"},
    key{"ageing", false, "memory: after how long a waiter's rank rises by one, in ms (default: never)"},
    key{"clients", true, "a list of at least one group of clients"},
    key{"faults", false, "redis, with own nodes: a list of what happens to them"},
};

constexpr std::array group_keys{
    key{"name", true, "the name of the group"},
    key{"count", false, "how many clients it has, 1 to 100000 (default: 1)"},
    key{"priority", false, "an integer; a strictly higher one takes the lock away (default: 0)"},
    key{"think", false, "a time: from the end of a visit until the client asks again (default: 0)"},
    key{"rate", false, "instead of think: how often the group asks in a second, at random, served or not"},
    key{"hold", false, "a time: how long it keeps the lock; 0: over one turn of the event loop (default: 0)"},
    key{"cleanup", false, "a time: how long it takes to let go after it was told to (default: 0)"},
    key{"grace", false, "how long the next one waits for that at most, in ms (default: 1000)"},
    key{"ttl", false, "how long it may hold the lock at most, in ms, more than 0 (default: no limit)"},
    key{"timeout", false, "how long it waits for the lock at most, in ms (default: no limit)"},
    key{"choice", false, "\"uniform\", or {\"zipf\": S} with S from 0 to 10 (default: \"uniform\")"},
    key{"parts", false, "how many different resources it needs at once, 1 to 16 (default: 1)"},
};

constexpr std::array random_time_keys{
    key{"constant", false, "always this long, in ms"},
    key{"exponential", false, "exponentially distributed with this mean, in ms"},
};

constexpr std::array choice_keys{key{"zipf", true, "the exponent, 0 to 10; 0 is uniform"}};

constexpr std::array fault_keys{
    key{"at", true, "when it happens, in ms from the start of the run"},
    key{"node", true, "which node, counted from 1"},
    key{"do", true, "\"kill\", \"stop\" or \"resume\""},
};

constexpr std::array<std::pair<std::string_view, fault::action>, 3> actions{{
    {"kill", fault::action::kill},
    {"stop", fault::action::stop},
    {"resume", fault::action::resume},
}};

template <class T>
void read_count(T& result, const json::object& object, std::string_view name, const std::string& path,
                std::int64_t least, std::int64_t most)
{
    if (const json::value* v = object.if_contains(name))
        result = static_cast<T>(read_integer(*v, at(path, name), least, most));
}

void read_random_time(random_time& result, const json::object& object, std::string_view name, const std::string& path)
{
    const json::value* const v = object.if_contains(name);
    if (!v)
        return;
    const std::string here = at(path, name);
    if (!v->is_object()) {
        result.mean = read_time(*v, here);
        return;
    }
    const json::object& shape = read_object(*v, here, random_time_keys);
    if (shape.size() != 1)
        refuse(here, "must have exactly one of constant, exponential");
    result.exponential = shape.begin()->key() == "exponential";
    result.mean = read_time(shape.begin()->value(), at(here, shape.begin()->key()));
}

[[nodiscard]] group read_group(const json::value& value, const std::string& path)
{
    const json::object& object = read_object(value, path, group_keys);
    group g;
    g.name = read_text(object.at("name"), at(path, "name"));
    read_count(g.clients, object, "count", path, 1, most_clients);
    read_count(g.priority, object, "priority", path, std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
    read_random_time(g.think, object, "think", path);
    read_random_time(g.hold, object, "hold", path);
    read_random_time(g.cleanup, object, "cleanup", path);
    if (const json::value* v = object.if_contains("rate")) {
        if (object.contains("think"))
            refuse(at(path, "rate"), "cannot be combined with think: clients either ask at a rate, or after thinking");
        g.rate = read_number(*v, at(path, "rate"), 0.001, highest_rate);
    }
    if (const json::value* v = object.if_contains("grace"))
        g.grace = read_time(*v, at(path, "grace"));
    if (const json::value* v = object.if_contains("ttl"))
        g.ttl = read_time(*v, at(path, "ttl"), true);
    if (const json::value* v = object.if_contains("timeout"))
        g.timeout = read_time(*v, at(path, "timeout"));
    if (const json::value* v = object.if_contains("choice"); v && *v != "uniform") {
        const std::string here = at(path, "choice");
        if (!v->is_object())
            refuse(here, "\"uniform\" or {\"zipf\": S}", *v);
        g.zipf = read_number(read_object(*v, here, choice_keys).at("zipf"), at(here, "zipf"), 0, 10);
    }
    read_count(g.parts, object, "parts", path, 1, most_parts);
    return g;
}

[[nodiscard]] fault read_fault(const json::value& value, const std::string& path)
{
    const json::object& object = read_object(value, path, fault_keys);
    fault f;
    f.at = read_time(object.at("at"), at(path, "at"));
    read_count(f.node, object, "node", path, 1, most_nodes);
    const json::value& what = object.at("do");
    const auto found = std::ranges::find_if(
        actions, [&](const auto& each) { return what.is_string() && what.as_string() == each.first; });
    if (found == actions.end())
        refuse(at(path, "do"), "\"kill\", \"stop\" or \"resume\"", what);
    f.what = found->second;
    return f;
}

void read_nodes(scenario& s, const json::value& value)
{
    if (!value.is_array()) {
        s.own_nodes = static_cast<std::size_t>(read_integer(value, "nodes", 1, most_nodes));
        return;
    }
    for (const json::value& node : read_list(value, "nodes")) {
        const std::string here = at("nodes", s.nodes.size());
        s.nodes.push_back(read_text(node, here, 300));
        if (const auto colon = s.nodes.back().rfind(':');
            colon == 0 || colon == std::string::npos || colon + 1 == s.nodes.back().size())
            refuse(here, "\"host:port\"", node);
    }
}

[[nodiscard]] double milliseconds(duration d)
{
    return std::chrono::duration<double, std::milli>(d).count();
}

[[nodiscard]] json::value limit(duration d)
{
    return d == infinite ? json::value(nullptr) : json::value(milliseconds(d));
}

[[nodiscard]] json::object to_json(const random_time& t)
{
    return {{t.exponential ? "exponential" : "constant", milliseconds(t.mean)}};
}

} // namespace

std::size_t scenario::clients() const noexcept
{
    return std::transform_reduce(groups.begin(), groups.end(), std::size_t(0), std::plus(),
                                 [](const group& g) { return g.clients; });
}

std::string_view name_of(fault::action what) noexcept
{
    return std::ranges::find(actions, what, [](const auto& each) { return each.second; })->first;
}

std::string describe_format()
{
    std::string result = "A scenario is a JSON object:\n";
    json_input::describe_keys(result, scenario_keys);
    result += "A group of clients is an object:\n";
    json_input::describe_keys(result, group_keys);
    result += "A fault is an object:\n";
    json_input::describe_keys(result, fault_keys);
    result += "Times are numbers of milliseconds, up to 3600000. \"A time\" may also be an object with one of:\n";
    json_input::describe_keys(result, random_time_keys);
    return result;
}

namespace {

[[nodiscard]] scenario read_scenario(const json::value& value)
{
    const json::object& object = read_object(value, "", scenario_keys);
    scenario s;
    if (const json::value* v = object.if_contains("title"))
        s.title = read_text(*v, "title", 200);
    if (const json::value* v = object.if_contains("protocol")) {
        if (*v != "memory" && *v != "redis")
            refuse("protocol", "\"memory\" or \"redis\"", *v);
        s.protocol = read_text(*v, "protocol");
    }
    if (const json::value* v = object.if_contains("nodes"))
        read_nodes(s, *v);
    read_count(s.threads, object, "threads", "", 1, most_threads);
    read_count(s.resources, object, "resources", "", 1, most_resources);
    read_count(s.seed, object, "seed", "", 0, std::numeric_limits<std::uint32_t>::max());
    if (const json::value* v = object.if_contains("duration"))
        s.length = read_time(*v, "duration", true);
    if (const json::value* v = object.if_contains("ageing"))
        s.ageing = read_time(*v, "ageing", true);
    for (const json::value& v : read_list(object.at("clients"), "clients"))
        s.groups.push_back(read_group(v, at("clients", s.groups.size())));
    if (const json::value* v = object.if_contains("faults"))
        for (const json::value& each : read_list(*v, "faults"))
            s.faults.push_back(read_fault(each, at("faults", s.faults.size())));
    check(s);
    return s;
}

} // namespace

scenario parse_scenario(std::string_view text)
{
    const json_input::document document = json_input::read_document(text);
    try {
        return read_scenario(document.value);
    } catch (const scenario_error& error) {
        document.refuse(error);
    }
}

void check(const scenario& s)
{
    using std::to_string;
    for (std::size_t i = 0; i < s.groups.size(); ++i) {
        const group& g = s.groups[i];
        const std::string path = at("clients", i);
        if (g.parts > s.resources)
            refuse(at(path, "parts"), "needs " + to_string(g.parts) + " different resources at once, and there are "
                                          + to_string(s.resources));
        if (std::ranges::count(s.groups, g.name, &group::name) > 1)
            refuse(at(path, "name"), "another group has this name");
    }
    if (s.clients() > most_clients)
        refuse("clients", "are " + to_string(s.clients()) + " in all; at most " + to_string(most_clients));
    if (s.ageing < std::chrono::milliseconds(1))
        refuse("ageing", "must be at least 1 ms");
    if (s.protocol == "memory") {
        if (!s.faults.empty())
            refuse("faults", "only with protocol \"redis\": \"memory\" has no nodes");
        return;
    }
    if (s.ageing != infinite)
        refuse("ageing", "only with protocol \"memory\"");
    if (!s.faults.empty() && !s.nodes.empty())
        refuse("faults", "only with own nodes, so that no server of yours is killed: let nodes be a number");
    for (std::size_t i = 0; i < s.faults.size(); ++i)
        if (s.faults[i].node > s.own_nodes)
            refuse(at(at("faults", i), "node"),
                   "must be one of the " + to_string(s.own_nodes) + " nodes, not " + to_string(s.faults[i].node));
}

json::object to_json(const scenario& s)
{
    json::array groups;
    for (const group& g : s.groups)
        groups.push_back({{"name", g.name},
                          {"count", g.clients},
                          {"priority", g.priority},
                          {"think", to_json(g.think)},
                          {"rate", g.open_loop() ? json::value(g.rate) : json::value(nullptr)},
                          {"hold", to_json(g.hold)},
                          {"cleanup", to_json(g.cleanup)},
                          {"grace", limit(g.grace)},
                          {"ttl", limit(g.ttl)},
                          {"timeout", limit(g.timeout)},
                          {"choice", {{"zipf", g.zipf}}},
                          {"parts", g.parts}});
    json::array faults;
    for (const fault& f : s.faults)
        faults.push_back({{"at", milliseconds(f.at)}, {"node", f.node}, {"do", name_of(f.what)}});
    json::value nodes(s.own_nodes);
    if (!s.nodes.empty())
        nodes = json::array(s.nodes.begin(), s.nodes.end());
    return {{"title", s.title},
            {"protocol", s.protocol},
            {"nodes", std::move(nodes)},
            {"threads", s.threads},
            {"resources", s.resources},
            {"duration", milliseconds(s.length)},
            {"seed", s.seed},
            {"ageing", limit(s.ageing)},
            {"clients", std::move(groups)},
            {"faults", std::move(faults)}};
}

} // namespace contention
