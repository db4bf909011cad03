// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/quorum_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

// Which nodes vote, and when they are greeted.

namespace {

using namespace std::chrono_literals;
using test::quorum_driver;
using verdict = quorum_driver::verdict;

BOOST_AUTO_TEST_SUITE(node_health)

BOOST_AUTO_TEST_CASE(a_node_is_greeted_and_votes_when_it_is_ready)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    BOOST_TEST(d.up(0) == "greet 0");
    BOOST_TEST(d.obtain() == "");
    BOOST_TEST(d.reply(0, {.what = verdict::ready}) == "");
    d.up(1);
    BOOST_TEST(d.reply(1, {.what = verdict::ready}) == "obtain 0 1");
    d.up(2);
    BOOST_TEST(d.reply(2, {.what = verdict::ready}) == "obtain 2");
    d.granted(0);
    BOOST_TEST(d.granted(1) == "1 granted until 988 ms");
}

BOOST_AUTO_TEST_CASE(R9_a_quarantined_node_does_not_vote_until_its_time_has_passed)
{
    quorum_driver d(1, quorum_driver::plain_options(), false);
    d.up(0);
    d.reply(0, {.what = verdict::quarantined, .number = 2'500'000});
    BOOST_TEST(d.log.size() == 1);
    BOOST_TEST(d.obtain() == "");
    BOOST_TEST(d.after(2499ms) == "");
    BOOST_TEST(d.after(3ms) == "greet 0");
    d.log.clear();
    BOOST_TEST(d.reply(0, {.what = verdict::ready}) == "obtain 0");
    BOOST_TEST_REQUIRE(!d.log.empty());
    BOOST_TEST(d.log[0] == "redis: node n0 votes again");
}

BOOST_AUTO_TEST_CASE(R9_a_node_that_turns_out_to_be_quarantined_is_unreachable)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(0, {.what = verdict::quarantined, .number = 60'000'000});
    BOOST_TEST(d.client().has_quorum());
    d.granted(1);
    BOOST_TEST(d.granted(2) == "1 granted until 988 ms");
    BOOST_TEST(d.extend(1s) == "obtain 1 2");
}

BOOST_AUTO_TEST_CASE(R9_a_node_of_another_deployment_is_excluded_by_name)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(1, {.what = verdict::mismatch, .text = "version=5 nodes=5"});
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(d.log[0].find("n1") != std::string::npos);
    BOOST_TEST(d.log[0].find("nodes=5") != std::string::npos);
    BOOST_TEST(d.log[0].find("nodes=3 max_ttl_us=60000000") != std::string::npos);
    d.granted(0);
    BOOST_TEST(d.granted(2) == "1 granted until 988 ms");
    BOOST_TEST(d.after(5s) == "greet 1"); // it may have been corrected
}

BOOST_AUTO_TEST_CASE(the_same_server_twice_has_one_vote)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.up(0, "same");
    BOOST_TEST(d.up(1, "same") == "");
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(d.log[0].find("same server as n0") != std::string::npos);
    d.reply(0, {.what = verdict::ready});
    BOOST_TEST(!d.client().has_quorum());
    // The name of the first is corrected.
    d.down(0);
    BOOST_TEST(d.after(5s).ends_with("greet 1"));
}

BOOST_AUTO_TEST_CASE(R9_a_node_that_votes_is_greeted_again_before_it_is_asked)
{
    quorum_driver d(3);
    d.shows_greetings = true;
    BOOST_TEST(d.obtain(1) == "obtain 0 1 2");
    d.granted(0);
    d.granted(1);
    d.granted(2);
    BOOST_TEST(d.after(1999ms) == "");
    BOOST_TEST(d.after(1ms) == "greet 0 1 2");
    BOOST_TEST(d.after(10s) == ""); // one at a time
    for (std::size_t i = 0; i < 3; ++i)
        d.reply(i, {.what = verdict::ready});
    d.without_timer(5s); // the process was stopped
    BOOST_TEST(d.obtain(2).starts_with("greet 0; obtain 0; greet 1; obtain 1; greet 2; obtain 2"));

    // Before it is greeted again, a node that begins to evict may be wrong; not after.
    d.reply(0, {.what = verdict::evicting, .text = "volatile-ttl (maxmemory 0)"});
    BOOST_TEST_REQUIRE(!d.log.empty());
    BOOST_TEST(d.log.back().find("n0 may evict locks: its maxmemory-policy is volatile-ttl") != std::string::npos);
    BOOST_TEST(d.log.back().find("set noeviction") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R9_a_node_is_told_who_was_met_last_at_its_address_and_when)
{
    quorum_driver d(1, quorum_driver::plain_options(), false);
    d.up(0);
    BOOST_TEST(d.last_call(0).last_identity == "");
    d.reply(0, {.what = verdict::ready, .identity = "a"});
    d.down(0);
    d.after(3s);
    for (const int more : {0, 2}) { // those that nobody answers leave it at that
        d.after(std::chrono::seconds(more));
        d.up(0);
        BOOST_TEST(d.last_call(0).last_identity == "a");
        BOOST_TEST(d.last_call(0).left_ago == 3'000'000 + more * 1'000'000);
        d.down(0);
    }
    d.up(0);
    d.reply(0, {.what = verdict::quarantined, .number = 500'000, .text = "changed", .identity = "b"});
    BOOST_TEST_REQUIRE(!d.log.empty());
    BOOST_TEST(d.log.back().find("n0 does not vote for 500 ms: another server answered at its address before")
               != std::string::npos);
    BOOST_TEST(d.after(1s) == "greet 0");
    BOOST_TEST(d.last_call(0).last_identity == "b");
    BOOST_TEST(d.last_call(0).left_ago == 0);
}

BOOST_AUTO_TEST_CASE(R2_a_node_that_does_not_answer_is_not_asked_until_it_does)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.after(50ms);
    d.obtain(2);
    d.waiting(0);
    d.waiting(1);
    d.after(750ms);
    BOOST_TEST(d.obtain(3) == "obtain 0 1"); // 2 is silent
    BOOST_TEST(d.client().has_quorum());
    d.granted(2);
    BOOST_TEST(d.obtain(4) == "obtain 0 1 2");
}

BOOST_AUTO_TEST_CASE(a_kind_of_complaint_is_said_once_and_in_the_end_how_often_it_came)
{
    quorum_driver d(3, quorum_driver::plain_options(), false);
    d.up(1);
    d.reply(1, {.what = verdict::ready});
    d.up(0);
    for (int i = 0; i < 4; ++i) { // they alternate, and one quotes what it was sent
        d.reply(0, {.what = verdict::failed, .text = "OOM command not allowed script: 0123, on @user_script:1."});
        d.after(800ms);
        d.reply(0, {.what = verdict::failed, .text = "ERR no such thing as '" + std::to_string(i) + '\''});
        d.after(800ms);
    }
    d.reply(0, {.what = verdict::failed, .text = "ERR of another kind"});
    const std::vector<std::string> said{
        "redis: node n0 is out of memory: raise its maxmemory (OOM command not allowed)",
        "redis: node n0 answers with an error (ERR no such thing as '0')",
        "redis: node n0 answers with an error (ERR of another kind)",
    };
    BOOST_TEST(d.log == said, boost::test_tools::per_element());
    d.log.clear();

    d.after(800ms);
    d.reply(0, {.what = verdict::ready});
    d.log.clear(); // a quorum
    d.after(1100ms);
    BOOST_TEST(d.log.empty()); // not yet: there may be more
    d.after(1s);
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(
        d.log[0]
        == "redis: node n0 votes again (4 times: is out of memory: raise its maxmemory; 4 times: answers with an "
           "error: ERR no such thing as )");
    d.log.clear();
    d.after(2s); // it is said again when it comes again
    d.obtain();
    d.reply(0, {.what = verdict::failed, .text = "OOM command not allowed"});
    BOOST_TEST_REQUIRE(d.log.size() >= 1);
    BOOST_TEST(d.log[0] == said[0]);
}

BOOST_AUTO_TEST_CASE(an_error_about_one_lock_costs_no_vote)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(0, {.what = verdict::failed, .text = "WRONGTYPE Operation against a key"});
    BOOST_TEST(d.client().has_quorum());
    d.granted(1);
    d.granted(2);
    BOOST_TEST(d.after(2s) == "greet 0");
    d.reply(0, {.what = verdict::ready});
    BOOST_TEST_REQUIRE(d.log.size() == 2);
    BOOST_TEST(d.log[1] == "redis: node n0 gives no more errors");
}

BOOST_AUTO_TEST_CASE(T40_a_node_of_a_cluster_is_named)
{
    for (const char* error : {"MOVED 866 127.0.0.1:7001", "CROSSSLOT Keys in request don't hash to the same slot",
                              "CLUSTERDOWN Hash slot not served"}) {
        quorum_driver d(3);
        d.obtain();
        d.reply(0, {.what = verdict::failed, .text = error});
        BOOST_TEST_REQUIRE(d.log.size() == 1);
        BOOST_TEST(d.log[0].find("n0 is part of a cluster: name independent servers") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(what_an_error_quotes_says_nothing)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(0, {.what = verdict::failed, .text = "ERR unknown command 'X', with args beginning with: 'BUSY' 'OOM' "});
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(d.log[0].find("n0 lacks a command: see rename-command") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_answer_is_named_unless_it_was_this_process_that_stood_still)
{
    quorum_driver d(3);
    d.obtain();
    d.granted(0);
    d.granted(1);
    d.without_timer(10s); // the answer of the last has arrived, and is read after the timer has rung
    d.after(0ms);
    d.granted(2);
    BOOST_TEST(d.log.empty());

    d.obtain(2);
    d.after(5s);
    BOOST_TEST(
        std::ranges::count_if(
            d.log, [](const std::string& line) { return line.starts_with("redis: node n2 does not answer, for "); })
        == 1);
}

BOOST_AUTO_TEST_CASE(a_node_that_has_lost_its_data_was_not_restarted)
{
    quorum_driver d(3);
    d.obtain();
    d.reply(0, {.what = verdict::quarantined, .number = 60'000'000, .text = "empty"});
    BOOST_TEST_REQUIRE(d.log.size() == 1);
    BOOST_TEST(d.log[0].find("it is empty") != std::string::npos);
    BOOST_TEST(d.log[0].find("(re)started") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
