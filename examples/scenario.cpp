// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "scenario.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>

namespace demo {
namespace {

using json_input::at;
using json_input::key;
using json_input::read_list;
using json_input::read_object;
using json_input::read_text;
using json_input::read_time;
using json_input::refuse;
namespace json = boost::json;

constexpr std::size_t longest_title = 200;
constexpr std::array scenario_keys{
    key{"title", false, "a text, printed above the timeline"},
    key{"resources", false, "the names that the steps may use, in the order of the chart"},
    key{"steps", true, "a list of at least one step"},
};

constexpr std::array step_keys{
    key{"locker", true, "the name of who wants it"},
    key{"resource", true, "the name of what it wants"},
    key{"start", true, "when it asks, in ms from the start of the demo"},
    key{"hold", true, "how long it keeps the lock, in ms from the grant"},
    key{"priority", false, "an integer; a strictly higher one takes the lock away (default: 0)"},
    key{"cleanup", false, "how long it takes to let go after it was told to, in ms (default: 0)"},
    key{"grace", false, "how long the next one waits for that at most, in ms (default: 1000)"},
    key{"ttl", false, "how long it may hold the lock at most, in ms, more than 0 (default: no limit)"},
    key{"timeout", false, "how long it waits for the lock at most, in ms (default: no limit)"},
};

[[nodiscard]] step read_step(const json::value& value, const std::string& path)
{
    const json::object& object = read_object(value, path, step_keys);
    step s;
    s.locker = read_text(object.at("locker"), at(path, "locker"));
    s.resource = read_text(object.at("resource"), at(path, "resource"));
    s.start = read_time(object.at("start"), at(path, "start"));
    s.hold = read_time(object.at("hold"), at(path, "hold"));
    if (const json::value* v = object.if_contains("priority"))
        s.priority = static_cast<int>(json_input::read_integer(
            *v, at(path, "priority"), std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
    if (const json::value* v = object.if_contains("cleanup"))
        s.cleanup = read_time(*v, at(path, "cleanup"));
    if (const json::value* v = object.if_contains("grace"))
        s.grace = read_time(*v, at(path, "grace"));
    if (const json::value* v = object.if_contains("ttl"))
        s.ttl = read_time(*v, at(path, "ttl"), true);
    if (const json::value* v = object.if_contains("timeout"))
        s.timeout = read_time(*v, at(path, "timeout"));
    return s;
}

} // namespace

std::string describe_format()
{
    std::string result = "A scenario is a JSON object:\n";
    json_input::describe_keys(result, scenario_keys);
    result += "A step is an object; its times are numbers of milliseconds, up to 3600000:\n";
    json_input::describe_keys(result, step_keys);
    return result;
}

namespace {

[[nodiscard]] scenario read(const json::value& value)
{
    const json::object& object = read_object(value, "", scenario_keys);
    scenario result;
    if (const json::value* v = object.if_contains("title"))
        result.title = read_text(*v, "title", longest_title);

    const json::value* const allowed = object.if_contains("resources");
    if (allowed) {
        for (const json::value& name : read_list(*allowed, "resources"))
            result.resources.push_back(read_text(name, at("resources", result.resources.size())));
    }
    std::set<std::string> known(result.resources.begin(), result.resources.end());
    for (const json::value& v : read_list(object.at("steps"), "steps")) {
        const std::string path = at("steps", result.steps.size());
        step s = read_step(v, path);
        if (known.insert(s.resource).second) {
            if (allowed)
                refuse(at(path, "resource"), "one of the resources " + json::serialize(*allowed),
                       json::value(s.resource));
            result.resources.push_back(s.resource);
        }
        result.steps.push_back(std::move(s));
    }
    return result;
}

} // namespace

scenario parse_scenario(std::string_view text)
{
    const json_input::document document = json_input::read_document(text);
    try {
        return read(document.value);
    } catch (const scenario_error& error) {
        document.refuse(error);
    }
}

scenario read_scenario(const std::string& path)
{
    const std::string text = json_input::read_file(path);
    try {
        return parse_scenario(text);
    } catch (const scenario_error& error) {
        refuse(path, error.what());
    }
}

} // namespace demo
