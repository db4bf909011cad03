// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/json.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace {

namespace json = boost::json;
using namespace test;

/// By way of the text, which must be that of a JSON that says the same.
json::value sent(const json::object& o)
{
    json::parse_options options;
    options.numbers = json::number_precision::precise;
    const json::value received = json::parse(json::serialize(o), {}, options);
    BOOST_TEST((received == o));
    return received;
}

/// What a resource of this name is called.
std::string sent_name(std::string name)
{
    redlock::snapshot s;
    s.resources.emplace_back().resource = std::move(name);
    const json::value seen = sent(redlock::to_json(s));
    const json::string& arrived = seen.at("resources").at(0).at("resource").as_string();
    return {arrived.data(), arrived.size()};
}

BOOST_AUTO_TEST_SUITE(json_text, *boost::unit_test::timeout(60))

BOOST_AUTO_TEST_CASE(a_snapshot_has_all_that_is_known)
{
    locks f(manager_kind::thread_safe);
    f.manager = make_manager(f.context.get_executor(), f.kind, {.measure_all = true});
    lock held = f.get("printer", "alice", {.priority = 1, .ttl = 10s, .grace = 3s});
    f.advance(1s);
    acquired bob, eve;
    f.acquire(bob, "printer", "bob", {.priority = 2, .grace = redlock::infinite});
    f.acquire(eve, "printer", "eve", {.ttl = 2s, .grace = 250ms});
    f.advance(500ms);
    BOOST_TEST((sent(redlock::to_json(f.snapshot()))
                == json::value{{"resources",
                                {{{"resource", "printer"},
                                  {"holder",
                                   {{"locker_id", "alice"},
                                    {"priority", 1},
                                    {"state", "revoking"},
                                    {"handles", 1},
                                    {"fencing_token", held.fencing_token()},
                                    {"held_seconds", 1.5},
                                    {"expires_in_seconds", 8.5},
                                    {"grace_seconds", 3.},
                                    {"told_seconds_ago", 0.5},
                                    {"thief", {{"locker_id", "bob"}, {"priority", 2}}}}},
                                  {"waiters",
                                   {{{"locker_id", "bob"},
                                     {"priority", 2},
                                     {"rank", 2.},
                                     {"waiting_seconds", 0.5},
                                     {"ttl_seconds", nullptr},
                                     {"grace_seconds", nullptr}},
                                    {{"locker_id", "eve"},
                                     {"priority", 0},
                                     {"rank", 0.},
                                     {"waiting_seconds", 0.5},
                                     {"ttl_seconds", 2.},
                                     {"grace_seconds", 0.25}}}}}}}}));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_null)
{
    redlock::snapshot s;
    BOOST_TEST((sent(redlock::to_json(s)) == json::value{{"resources", json::array()}}));

    s.resources.emplace_back().resource = "free";
    auto& theirs = s.resources.emplace_back().holder;
    theirs.locker_id = "a";
    theirs.thief = redlock::thief_snapshot{"", 7};
    const json::value seen = sent(redlock::to_json(s));
    BOOST_TEST((seen.at("resources").at(0)
                == json::value{{"resource", "free"}, {"holder", nullptr}, {"waiters", json::array()}}));
    const json::value& holder = seen.at("resources").at(1).at("holder");
    for (const char* each : {"held_seconds", "expires_in_seconds", "told_seconds_ago"})
        BOOST_TEST(holder.at(each).is_null(), each);
    BOOST_TEST((holder.at("thief") == json::value{{"locker_id", nullptr}, {"priority", 7}}));
}

BOOST_AUTO_TEST_CASE(the_largest_numbers_arrive)
{
    redlock::snapshot s;
    auto& holder = s.resources.emplace_back().holder;
    holder.locker_id = "a";
    holder.fencing_token = ~std::uint64_t{0};
    holder.priority = std::numeric_limits<int>::min();
    const json::value seen = sent(redlock::to_json(s));
    BOOST_TEST(seen.at("resources").at(0).at("holder").at("fencing_token").to_number<std::uint64_t>()
               == holder.fencing_token);
    BOOST_TEST(seen.at("resources").at(0).at("holder").at("priority").to_number<int>() == holder.priority);
}

BOOST_AUTO_TEST_CASE(names_arrive_whatever_is_in_them)
{
    const std::string odd = "\"quoted\" \\ / \n\t\x01\x7f größer 鎖 \xf0\x9f\x94\x92 ";
    BOOST_TEST(sent_name(odd) == odd);
    BOOST_TEST(sent_name(std::string("a\0b", 3)) == std::string("a\0b", 3));
    BOOST_TEST(sent_name("\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf") == "\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf");
}

BOOST_AUTO_TEST_CASE(what_is_no_utf_8_in_a_name_is_replaced)
{
    const std::string instead = "\xef\xbf\xbd";
    BOOST_TEST(sent_name("a\xff"
                         "b")
               == "a" + instead + "b");
    BOOST_TEST(sent_name("\xc3") == instead);               // cut off
    BOOST_TEST(sent_name("\xe9\x8e") == instead + instead); //
    BOOST_TEST(sent_name("\xf0\x9f\x94!") == instead + instead + instead + "!");
    BOOST_TEST(sent_name("\x96") == instead);                             // begins in the middle
    BOOST_TEST(sent_name("\xc0\xaf") == instead + instead);               // longer than need be
    BOOST_TEST(sent_name("\xe0\x9f\xbf") == instead + instead + instead); //
    BOOST_TEST(sent_name("\xf0\x8f\xbf\xbf") == instead + instead + instead + instead);
    BOOST_TEST(sent_name("\xed\xa0\x80") == instead + instead + instead);               // a surrogate
    BOOST_TEST(sent_name("\xf4\x90\x80\x80") == instead + instead + instead + instead); // above U+10FFFF
}

BOOST_AUTO_TEST_CASE(metrics_have_all_their_members)
{
    redlock::metrics m;
    m.grants = 1;
    m.re_entrances = 2;
    m.releases = 3;
    m.preemptions = 4;
    m.expiries = 5;
    m.losses = 6;
    m.timeouts = 7;
    m.cancellations = 8;
    m.refusals = 9;
    m.preemptions_in_vain = 13;
    m.overruns = 10;
    m.held = 11;
    m.waiting = 12;
    m.wait_time.add(3us);
    m.wait_time.add(48h);
    m.wait_time.count = 130;
    m.hold_time.add(250ms);

    json::value seen = sent(redlock::to_json(m));
    const json::object waits = seen.at("wait_time").as_object();
    const json::object holds = seen.at("hold_time").as_object();
    seen.as_object().erase("wait_time");
    seen.as_object().erase("hold_time");
    BOOST_TEST((seen
                == json::value{{"grants", 1},
                               {"re_entrances", 2},
                               {"releases", 3},
                               {"preemptions", 4},
                               {"expiries", 5},
                               {"losses", 6},
                               {"timeouts", 7},
                               {"cancellations", 8},
                               {"refusals", 9},
                               {"preemptions_in_vain", 13},
                               {"overruns", 10},
                               {"held", 11},
                               {"waiting", 12}}));
    BOOST_TEST((waits.at("count") == 130));
    BOOST_TEST((waits.at("sampled") == 2));
    BOOST_TEST((waits.at("sum_seconds") == 172800.000003));
    const json::array& buckets = waits.at("buckets").as_array();
    BOOST_REQUIRE(buckets.size() == 28u);
    BOOST_TEST((buckets[0] == json::value{{"up_to_seconds", 1e-6}, {"count", 0}}));
    BOOST_TEST((buckets[2] == json::value{{"up_to_seconds", 4e-6}, {"count", 1}}));
    BOOST_TEST((buckets[3] == json::value{{"up_to_seconds", 8e-6}, {"count", 0}}));
    BOOST_TEST((buckets[27] == json::value{{"up_to_seconds", nullptr}, {"count", 1}}));
    BOOST_TEST((holds.at("count") == 1));
    BOOST_TEST((holds.at("sum_seconds") == 0.25));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
