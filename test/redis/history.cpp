// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/history.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using test::history;
using rule = history::rule;

history::time_point at(int ms)
{
    return history::time_point(std::chrono::milliseconds(ms));
}

history::grant grant(const char* client, std::uint64_t token, int from, int until, const char* resource = "lights")
{
    return {.resource = resource, .client = client, .token = token, .acquired_at = at(from), .ended_at = at(until)};
}

std::vector<rule> broken(const history& h)
{
    std::vector<rule> result;
    for (const auto& v : h.check())
        result.push_back(v.broken);
    return result;
}

BOOST_AUTO_TEST_SUITE(history_of_locks)

BOOST_AUTO_TEST_CASE(holders_one_after_the_other_are_right)
{
    history h;
    const auto a = h.granted(grant("a", 1, 0, 100));
    h.ended(a, at(10));
    h.granted(grant("b", 2, 10, 20));
    h.granted(grant("c", 7, 30, 40));
    h.granted(grant("d", 1, 5, 100, "door"));
    BOOST_TEST(h.check().empty(), h.check());
    BOOST_TEST(h.grants().size() == 4);
}

BOOST_AUTO_TEST_CASE(an_overlap_is_found)
{
    history h;
    h.granted(grant("a", 1, 0, 100));
    h.granted(grant("b", 2, 99, 200));
    BOOST_REQUIRE(broken(h) == std::vector{rule::exclusion});
    BOOST_TEST(h.check()[0].first.client == "a");
    BOOST_TEST(h.check()[0].second.client == "b");

    std::ostringstream text;
    text << h.check();
    BOOST_TEST(text.str()
               == "\noverlap of lights: a token 1 from 0 us to 100000 us, then b token 2 from 99000 us to 200000 us");
}

BOOST_AUTO_TEST_CASE(an_overlap_is_found_whatever_the_order_of_the_records)
{
    history h;
    h.granted(grant("b", 2, 50, 60));
    h.granted(grant("a", 1, 0, 100));
    BOOST_CHECK(broken(h) == std::vector{rule::exclusion});
}

BOOST_AUTO_TEST_CASE(an_overlap_is_found_with_one_further_back)
{
    history h;
    h.granted(grant("a", 1, 0, 100));
    h.granted(grant("b", 2, 10, 20));
    h.granted(grant("c", 3, 30, 40));
    BOOST_CHECK((broken(h) == std::vector{rule::exclusion, rule::exclusion}));
}

BOOST_AUTO_TEST_CASE(a_holder_without_an_end_holds_for_ever)
{
    history h;
    h.granted({.resource = "lights", .client = "a", .token = 1, .acquired_at = at(0)});
    h.granted(grant("b", 2, 1'000'000, 1'000'001));
    BOOST_CHECK(broken(h) == std::vector{rule::exclusion});
}

BOOST_AUTO_TEST_CASE(an_extension_counts)
{
    history h;
    const auto a = h.granted(grant("a", 1, 0, 10));
    h.extended(a, at(30));
    h.granted(grant("b", 2, 20, 25));
    BOOST_CHECK(broken(h) == std::vector{rule::exclusion});
}

BOOST_AUTO_TEST_CASE(a_late_end_does_not_lengthen_a_lock_that_had_expired)
{
    history h;
    const auto a = h.granted(grant("a", 1, 0, 10));
    h.granted(grant("b", 2, 10, 20));
    h.ended(a, at(15));
    BOOST_TEST(h.check().empty(), h.check());
}

BOOST_AUTO_TEST_CASE(a_token_that_falls_or_repeats_is_found)
{
    history h;
    h.granted(grant("a", 5, 0, 10));
    h.granted(grant("b", 5, 20, 30));
    h.granted(grant("c", 4, 40, 50));
    BOOST_CHECK((broken(h) == std::vector{rule::fencing, rule::fencing}));
    BOOST_TEST(h.check()[1].first.token == 5);
    BOOST_TEST(h.check()[1].second.token == 4);
}

BOOST_AUTO_TEST_CASE(a_token_counts_for_its_resource)
{
    history h;
    h.granted(grant("a", 5, 0, 10));
    h.granted(grant("b", 1, 20, 30, "door"));
    BOOST_TEST(h.check().empty(), h.check());
}

BOOST_AUTO_TEST_CASE(any_thread_may_record)
{
    history h;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&h, t] {
            for (int i = 0; i < 1000; ++i) {
                const auto id =
                    h.granted(grant("x", static_cast<std::uint64_t>(i + 1), i, i + 1, t % 2 ? "odd" : "even"));
                h.extended(id, at(i + 2));
                h.ended(id, at(i + 1));
            }
        });
    for (auto& t : threads)
        t.join();
    BOOST_TEST(h.grants().size() == 4000);
    BOOST_TEST(!h.check().empty()); // two threads a resource
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
