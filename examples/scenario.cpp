// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "scenario.hpp"

#include <boost/json/parse_options.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <span>
#include <system_error>
#include <utility>

namespace demo {
namespace {

namespace json = boost::json;
using priority_redlock::duration;

constexpr std::size_t longest_title = 200;
constexpr std::size_t longest_name = 40;
constexpr double longest_time = 3'600'000; // an hour
constexpr std::size_t largest_file = 1'000'000;

struct key
{
    std::string_view name;
    bool required;
    std::string_view value;
};

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

[[noreturn]] void refuse(std::string_view where, std::string_view why)
{
    throw scenario_error(std::string(where).append(": ").append(why));
}

[[noreturn]] void refuse(std::string_view where, std::string_view wanted, const json::value& found)
{
    std::string text = json::serialize(found);
    if (text.size() > longest_name + 2)
        text = found.is_string() ? "a longer text" : found.is_array() ? "a list" : "an object";
    refuse(where, std::string("must be ").append(wanted).append(", not ").append(text));
}

[[nodiscard]] std::string in_steps(std::size_t i)
{
    return "steps[" + std::to_string(i) + "]";
}

[[nodiscard]] std::string at(std::string_view path, std::string_view name)
{
    return path.empty() ? std::string(name) : std::string(path).append(".").append(name);
}

/// The value, after checking that it is an object with all the keys it must have and none it cannot have.
[[nodiscard]] const json::object& read_object(const json::value& value, const std::string& path,
                                              std::span<const key> keys)
{
    const json::object* const object = value.if_object();
    if (!object)
        refuse(path.empty() ? "the scenario" : path, "an object", value);
    for (const json::key_value_pair& member : *object) {
        if (std::ranges::find(keys, std::string_view(member.key()), &key::name) == keys.end()) {
            std::string names;
            for (const key& k : keys)
                names.append(names.empty() ? "" : ", ").append(k.name);
            refuse(at(path, member.key()), "unknown key; allowed here: " + names);
        }
    }
    for (const key& k : keys) {
        if (k.required && !object->contains(k.name))
            refuse(at(path, k.name), std::string("missing: ").append(k.value));
    }
    return *object;
}

[[nodiscard]] std::string read_text(const json::value& value, const std::string& where,
                                    std::size_t longest = longest_name)
{
    // Control characters would garble the terminal.
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    const json::string* const text = value.if_string();
    if (!text || text->empty() || text->size() > longest || std::ranges::any_of(*text, is_control))
        refuse(where, "a text of 1 to " + std::to_string(longest) + " bytes without control characters", value);
    return std::string(*text);
}

[[nodiscard]] duration read_time(const json::value& value, const std::string& where, bool positive = false)
{
    boost::system::error_code not_a_number;
    const auto ms = value.is_number() ? value.to_number<double>(not_a_number) : -1;
    const auto time = std::chrono::duration_cast<duration>(
        std::chrono::duration<double, std::milli>(std::clamp(ms, 0.0, longest_time)));
    if (not_a_number || ms < 0 || ms > longest_time || (positive && time == duration::zero()))
        refuse(where,
               positive ? "a number of milliseconds, more than 0 and at most 3600000"
                        : "a number of milliseconds from 0 to 3600000",
               value);
    return time;
}

[[nodiscard]] int read_priority(const json::value& value, const std::string& where)
{
    const auto* const priority = value.if_int64();
    if (!priority || !std::in_range<int>(*priority))
        refuse(where, "an integer from -2147483648 to 2147483647", value);
    return static_cast<int>(*priority);
}

[[nodiscard]] step read_step(const json::value& value, const std::string& path)
{
    const json::object& object = read_object(value, path, step_keys);
    step s;
    s.locker = read_text(object.at("locker"), at(path, "locker"));
    s.resource = read_text(object.at("resource"), at(path, "resource"));
    s.start = read_time(object.at("start"), at(path, "start"));
    s.hold = read_time(object.at("hold"), at(path, "hold"));
    if (const json::value* v = object.if_contains("priority"))
        s.options.priority = read_priority(*v, at(path, "priority"));
    if (const json::value* v = object.if_contains("cleanup"))
        s.cleanup = read_time(*v, at(path, "cleanup"));
    if (const json::value* v = object.if_contains("grace"))
        s.options.grace = read_time(*v, at(path, "grace"));
    if (const json::value* v = object.if_contains("ttl"))
        s.options.ttl = read_time(*v, at(path, "ttl"), true);
    if (const json::value* v = object.if_contains("timeout"))
        s.options.timeout = read_time(*v, at(path, "timeout"));
    return s;
}

[[nodiscard]] const json::array& read_list(const json::value& value, std::string_view where)
{
    const json::array* const list = value.if_array();
    if (!list || list->empty())
        refuse(where, "a list of at least one", value);
    return *list;
}

[[nodiscard]] json::value read_json(std::string_view text)
{
    json::stream_parser parser;
    boost::system::error_code error;
    const std::size_t parsed = parser.write(text.data(), text.size(), error);
    if (!error)
        parser.finish(error);
    if (error) {
        const std::string_view before = text.substr(0, parsed);
        const auto line = 1 + std::ranges::count(before, '\n');
        const std::size_t column = before.size() - (before.rfind('\n') + 1); // npos + 1 is 0
        refuse("line " + std::to_string(line) + ", column " + std::to_string(column + 1),
               "not JSON: " + error.message());
    }
    return parser.release();
}

void append_keys(std::string& result, std::span<const key> keys)
{
    for (const key& k : keys) {
        result.append("  ").append(k.name).append(12 - k.name.size(), ' ');
        result.append(k.required ? "required  " : "          ").append(k.value).append("\n");
    }
}

} // namespace

std::string describe_format()
{
    std::string result = "A scenario is a JSON object:\n";
    append_keys(result, scenario_keys);
    result += "A step is an object; its times are numbers of milliseconds, up to 3600000:\n";
    append_keys(result, step_keys);
    return result;
}

scenario parse_scenario(std::string_view text)
{
    const json::value value = read_json(text);
    const json::object& object = read_object(value, "", scenario_keys);
    scenario result;
    if (const json::value* v = object.if_contains("title"))
        result.title = read_text(*v, "title", longest_title);

    const json::value* const allowed = object.if_contains("resources");
    if (allowed) {
        for (const json::value& name : read_list(*allowed, "resources"))
            result.resources.push_back(read_text(name, "resources[" + std::to_string(result.resources.size()) + "]"));
    }
    for (const json::value& v : read_list(object.at("steps"), "steps")) {
        const std::string path = in_steps(result.steps.size());
        step s = read_step(v, path);
        if (std::ranges::find(result.resources, s.resource) == result.resources.end()) {
            if (allowed)
                refuse(at(path, "resource"), "one of the resources " + json::serialize(*allowed),
                       json::value(s.resource));
            result.resources.push_back(s.resource);
        }
        result.steps.push_back(std::move(s));
    }
    return result;
}

scenario read_scenario(const std::string& path)
{
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text(largest_file + 1, '\0');
    if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && (!file.eof() || file.bad()))
        refuse(path, "cannot be read: " + std::generic_category().message(errno));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > largest_file)
        refuse(path, "is larger than a megabyte");
    try {
        return parse_scenario(text);
    } catch (const scenario_error& error) {
        refuse(path, error.what());
    }
}

} // namespace demo
