// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "scenario.hpp"

#include "presets.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

using namespace contention;

BOOST_AUTO_TEST_SUITE(scenarios)

namespace {

[[nodiscard]] std::string refusal(std::string_view text)
{
    try {
        (void)parse_scenario(text);
        return "accepted";
    } catch (const scenario_error& error) {
        return error.what();
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(every_preset_is_read_and_survives_being_copied)
{
    for (const preset& each : presets()) {
        BOOST_TEST_CONTEXT(each.name)
        {
            const scenario s = parse_scenario(each.text);
            BOOST_TEST(!s.title.empty());
            BOOST_TEST(to_json(s).at("clients").as_array().size() == s.groups.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(defaults_are_filled_in)
{
    const scenario s = parse_scenario(R"({"clients": [{"name": "all"}]})");
    BOOST_TEST(s.resources == 1U);
    BOOST_TEST(s.threads == 1U);
    BOOST_TEST(s.groups.front().clients == 1U);
    BOOST_TEST(!s.groups.front().open_loop());
    BOOST_CHECK(s.groups.front().ttl == priority_redlock::infinite);
    BOOST_CHECK(s.ageing == priority_redlock::infinite);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named_with_what_is_allowed)
{
    struct
    {
        std::string_view text;
        std::string_view message;
    } const cases[] = {
        {"{\n \"clients\": [}", "line 2, column 14: not JSON: "},
        {"[]", "the scenario: must be an object, not []"},
        {"{}", "clients: missing: a list of at least one group of clients"},
        {R"({"clients": []})", "line 1: clients: must be a list of at least one, not []"},
        {R"({"clients": [{}]})", "line 1: clients[0].name: missing: the name of the group"},
        {R"({"clients": [{"name": "a", "hold": -1}]})",
         "line 1: clients[0].hold: must be a number of milliseconds from 0 to 3600000, not -1"},
        {R"({"clients": [{"name": "a", "hold": {"exponential": "x"}}]})",
         "line 1: clients[0].hold.exponential: must be a number of milliseconds from 0 to 3600000, not \"x\""},
        {R"({"clients": [{"name": "a", "hold": {"normal": 1}}]})",
         "line 1: clients[0].hold.normal: unknown key; allowed here: constant, exponential"},
        {R"({"clients": [{"name": "a", "hold": {}}]})",
         "line 1: clients[0].hold: must have exactly one of constant, exponential"},
        {R"({"clients": [{"name": "a", "ttl": 0}]})",
         "line 1: clients[0].ttl: must be a number of milliseconds, more than 0 and at most 3600000, not 0"},
        {R"({"clients": [{"name": "a", "count": 0}]})",
         "line 1: clients[0].count: must be an integer from 1 to 100000, not 0"},
        {R"({"clients": [{"name": "a", "priority": 0.5}]})",
         "line 1: clients[0].priority: must be an integer from -2147483648 to 2147483647, not 0.5"},
        {R"({"clients": [{"name": "a", "rate": 0}]})",
         "line 1: clients[0].rate: must be a number from 0.001 to 10000000, not 0"},
        {R"({"clients": [{"name": "a", "rate": 5, "think": 1}]})",
         "line 1: clients[0].rate: cannot be combined with think: "},
        {R"({"clients": [{"name": "a", "choice": "random"}]})",
         "line 1: clients[0].choice: must be \"uniform\" or {\"zipf\": S}, not \"random\""},
        {R"({"clients": [{"name": "a", "choice": {"zipf": 11}}]})",
         "line 1: clients[0].choice.zipf: must be a number from 0 to 10, not 11"},
        {R"({"clients": [{"name": "a", "parts": 2}]})",
         "line 1: clients[0].parts: needs 2 different resources at once, and there are 1"},
        {R"({"clients": [{"name": "a"}, {"name": "a"}]})", "line 1: clients[0].name: another group has this name"},
        {R"({"clients": [{"name": "a"}], "lenght": 5})",
         "line 1: lenght: unknown key; allowed here: title, protocol, "},
        {R"({"clients": [{"name": "a"}], "threads": 65})", "line 1: threads: must be an integer from 1 to 64, not 65"},
        {R"({"clients": [{"name": "a"}], "resources": 1000001})",
         "line 1: resources: must be an integer from 1 to 1000000, not 1000001"},
        {R"({"clients": [{"name": "a"}], "duration": 0})",
         "line 1: duration: must be a number of milliseconds, more than 0 "},
        {R"({"clients": [{"name": "a"}], "ageing": 0.5})", "line 1: ageing: must be at least 1 ms"},
        {R"({"clients": [{"name": "a"}], "protocol": "paxos"})",
         "line 1: protocol: must be \"memory\" or \"redis\", not \"paxos\""},
        {R"({"clients": [{"name": "a"}], "faults": [{"at": 1, "node": 1, "do": "kill"}]})",
         "line 1: faults: only with protocol \"redis\": "},
        {R"({"clients": [{"name": "a"}], "protocol": "redis", "faults": [{"at": 1, "node": 1, "do": "burn"}]})",
         "line 1: faults[0].do: must be \"kill\", \"stop\" or \"resume\", not \"burn\""},
        {R"({"clients": [{"name": "a"}], "protocol": "redis", "faults": [{"at": 1, "node": 6, "do": "kill"}]})",
         "line 1: faults[0].node: must be one of the 5 nodes, not 6"},
        {R"({"clients": [{"name": "a"}], "protocol": "redis", "nodes": ["localhost"]})",
         "line 1: nodes[0]: must be \"host:port\", not \"localhost\""},
        {R"({"clients": [{"name": "a"}], "protocol": "redis", "ageing": 5})",
         "line 1: ageing: only with protocol \"memory\""},
        {"{\n \"clients\": [{\"name\": \"a\",\n  \"hold\": -1}]}", "line 3: clients[0].hold: must be a number of "},
        {"{\n \"clients\": [{\"name\": \"a\", \"hold\": 1,\n  \"hold\": 2}]}",
         "line 3: clients[0].hold: named before, on line 2"},
        {"\xef\xbb\xbf{}", "line 1, column 1: not JSON: a byte order mark"},
        {"{\n// for the demo\n}", "line 2, column 1: not JSON: a comment"},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.text)
        {
            const std::string said = refusal(each.text);
            BOOST_TEST(said.substr(0, each.message.size()) == each.message);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_format_is_described_key_by_key)
{
    const std::string description = describe_format();
    for (const char* key : {"think", "exponential", "zipf", "grace", "faults", "rate"})
        BOOST_TEST(description.find(key) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
