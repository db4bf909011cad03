// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/clients.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

// Traps of doc/traps.md, each on real servers.

namespace {

using namespace test;

std::string key(std::string_view resource)
{
    return "redlock:{" + std::string(resource) + "}";
}

std::string field(const redis_server& node, std::string_view resource, const std::string& name)
{
    return node.command({"HGET", key(resource), name}).text;
}

/// The acquisition that holds it.
std::string holder(const redis_server& node, std::string_view resource)
{
    const std::string text = field(node, resource, "h");
    return text.substr(0, text.find(' '));
}

/// How often a node has carried out these commands, those of scripts included.
std::int64_t calls_of(const redis_server& node, std::initializer_list<std::string_view> commands)
{
    const std::string stats = node.command({"INFO", "commandstats"}).text;
    std::int64_t sum = 0;
    for (const std::string_view name : commands) {
        const std::string key = "cmdstat_" + std::string(name) + ":calls=";
        if (const auto at = stats.find(key); at != stats.npos)
            sum += std::stoll(stats.substr(at + key.size()));
    }
    return sum;
}

std::int64_t scripts_run(const redis_server& node)
{
    return calls_of(node, {"evalsha", "eval"});
}

/// A waiter that asks renews its entry in the queue.
std::int64_t asked_by_waiters(const redis_server& node)
{
    return calls_of(node, {"zadd"});
}

struct three_nodes
{
    quiet_log quiet;
    asio::io_context io{1};
    voting_nodes nodes{3};
    std::deque<tcp_proxy> network;

    /// The nodes as one client sees them, whose links are the next ones of the network.
    node_configs behind_a_network()
    {
        node_configs result;
        for (redis_server& node : nodes)
            result.push_back(network.emplace_back(node.port()).config(node.config()));
        return result;
    }

    bool is_granted(attempt& a, redlock::duration limit = 10s)
    {
        return run_until(io, [&] { return a.done(); }, limit) && a.granted();
    }

    bool is_refused(attempt a, const error_code& why)
    {
        return run_until(io, [&] { return a.done(); }) && a.error() == why;
    }

    /// Nothing changes for this long.
    template <class Condition>
    bool stays(Condition holds, redlock::duration d)
    {
        return !run_until(io, [&] { return !holds(); }, d);
    }

    bool is_free_everywhere(std::string_view resource)
    {
        return run_until(io, [&] {
            for (redis_server& node : nodes)
                if (node.command({"HEXISTS", key(resource), "h"}).integer == 1)
                    return false;
            return true;
        });
    }
};

BOOST_FIXTURE_TEST_SUITE(redis_traps, three_nodes)

BOOST_AUTO_TEST_CASE(T1_an_extension_does_not_count_a_node_that_another_holds)
{
    client c(io, nodes.configs());
    attempt held = c.acquire("r", {.ttl = 600ms, .auto_extend = true});
    BOOST_REQUIRE(is_granted(held));
    for (const std::size_t i : {0u, 1u})
        nodes[i].command({"HSET", key("r"), "h", "0123456789abcdef-1 9000000000000000 1 0 locker"});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }, 2s));
    BOOST_TEST((held.end() == error_code(errc::lost)));
}

BOOST_AUTO_TEST_CASE(T2_T6_a_node_that_was_asked_and_did_not_answer_is_released_as_well)
{
    client c(io, behind_a_network());
    attempt first = c.acquire("other");
    BOOST_REQUIRE(is_granted(first));
    network[0].hold(tcp_proxy::to_client); // it hears and does not answer
    network[1].hold(tcp_proxy::to_server); // it hears later
    {
        attempt a = c.acquire("r", {.timeout = 300ms});
        BOOST_TEST(is_refused(a, errc::acquire_timeout));
    }
    network[0].pass();
    network[1].pass();
    BOOST_TEST(is_free_everywhere("r"));
    BOOST_TEST(stays([&] { return field(nodes[1], "r", "h").empty(); }, 200ms));
}

BOOST_AUTO_TEST_CASE(T5_a_lock_whose_validity_has_passed_is_not_granted)
{
    client c(io, behind_a_network());
    attempt first = c.acquire("other");
    BOOST_REQUIRE(is_granted(first));
    for (tcp_proxy& link : network)
        link.delay(40ms); // 80 there and back
    attempt a = c.acquire("r", {.ttl = 60ms, .timeout = 700ms});
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST(!a.granted());
    attempt b = c.acquire("r", {.ttl = 500ms});
    BOOST_REQUIRE(is_granted(b));
    // Counted from when it was asked for, less the drift.
    BOOST_TEST((b.lock().expires_at() - b.done_at()) / 1ms <= 500 - 80 - 5 - 2);
    BOOST_TEST((b.lock().expires_at() - b.done_at()) / 1ms > 200);
}

BOOST_AUTO_TEST_CASE(T7_what_it_got_of_a_minority_does_not_block_its_next_try)
{
    client c(io, nodes.configs());
    attempt first = c.acquire("other");
    BOOST_REQUIRE(is_granted(first));
    const auto now = nodes[0].command({"TIME"}).elements.at(0).text;
    for (const std::size_t i : {0u, 1u}) // somebody holds a majority for a second or two
        nodes[i].command({"HSET", key("r"), "n", "1", "h",
                          "0123456789abcdef-1 " + std::to_string(std::stoll(now) + 2) + "000000 1 0 locker"});
    attempt a = c.acquire("r");
    BOOST_TEST(run_until(io, [&] { return !field(nodes[2], "r", "n").empty(); })); // granted
    BOOST_TEST(run_until(io, [&] { return field(nodes[2], "r", "h").empty(); }));  // and given back
    BOOST_TEST(is_granted(a, 3s));
}

BOOST_AUTO_TEST_CASE(T21_a_release_leaves_what_is_anothers)
{
    client c(io, nodes.configs());
    attempt held = c.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    BOOST_TEST(run_until(io, [&] { return !field(nodes[0], "r", "h").empty(); }));
    const std::string others = "0123456789abcdef-1 9000000000000000 1 0 locker";
    nodes[0].command({"HSET", key("r"), "h", others});
    std::optional<error_code> released;
    held.lock().async_release([&](error_code ec) { released = ec; });
    BOOST_TEST(run_until(io, [&] { return released.has_value(); }));
    BOOST_TEST(run_until(io, [&] { return field(nodes[1], "r", "h").empty() && field(nodes[2], "r", "h").empty(); }));
    BOOST_TEST(field(nodes[0], "r", "h") == others);
}

BOOST_AUTO_TEST_CASE(T3_a_release_is_done_though_a_node_is_down)
{
    client c(io, nodes.configs());
    attempt held = c.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    nodes[0].kill();
    std::optional<error_code> released;
    held.lock().async_release([&](error_code ec) { released = ec; });
    BOOST_TEST(run_until(io, [&] { return released.has_value(); }, 1s));
    BOOST_TEST(!released->failed());
    attempt next = c.acquire("r");
    BOOST_TEST(is_granted(next, 1s));
}

BOOST_AUTO_TEST_CASE(T16_a_blocked_waiter_asks_a_node_less_than_twice_a_second)
{
    redis_options options = quick_options();
    options.max_ttl = 60s;
    for (const redis_server& node : nodes)
        node.command({"DEL", "redlock:node"}); // another deployment
    provision(nodes.configs(), options);
    client holder(io, nodes.configs(), options);
    client waiter(io, nodes.configs(), options);
    attempt held = holder.acquire("r", {.ttl = 60s});
    BOOST_REQUIRE(is_granted(held));
    attempt a = waiter.acquire("r");
    BOOST_TEST(run_until(io, [&] { return nodes[2].command({"ZCARD", key("r") + ":q"}).integer == 1; }));
    std::vector<std::int64_t> before, asked_before;
    for (redis_server& node : nodes) {
        before.push_back(scripts_run(node));
        asked_before.push_back(asked_by_waiters(node));
    }
    BOOST_TEST(stays([&] { return !a.done(); }, 3s));
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto asked = asked_by_waiters(nodes[i]) - asked_before[i];
        BOOST_TEST(asked <= 6);
        BOOST_TEST(asked >= 2); // or it would miss a lost message
        const auto looks = scripts_run(nodes[i]) - before[i] - asked;
        BOOST_TEST(looks <= 4); // of two clients, every 2 s
    }
}

BOOST_AUTO_TEST_CASE(T18_a_renewal_does_not_outlive_the_release)
{
    client c(io, nodes.configs());
    for (int i = 0; i < 20; ++i) {
        attempt a = c.acquire("r", {.ttl = 100ms, .auto_extend = true});
        BOOST_REQUIRE(is_granted(a));
        (void)run_until(io, [] { return false; }, std::chrono::milliseconds(25 + i)); // about when it is renewed
        a.lock().release();
    }
    BOOST_TEST(is_free_everywhere("r"));
    const auto before = scripts_run(nodes[0]);
    BOOST_TEST(stays([&] { return field(nodes[0], "r", "h").empty(); }, 300ms));
    BOOST_TEST(scripts_run(nodes[0]) <= before + 2);
}

BOOST_AUTO_TEST_CASE(T19_a_renewal_goes_on_after_a_failure)
{
    client c(io, nodes.configs());
    attempt held = c.acquire("r", {.ttl = 900ms, .auto_extend = true});
    BOOST_REQUIRE(is_granted(held));
    for (int i = 0; i < 3; ++i) {
        for (redis_server& node : nodes) {
            node.command({"SCRIPT", "FLUSH"});
            node.command({"CLIENT", "KILL", "TYPE", "pubsub"}); // the connection that everything goes over
        }
        BOOST_TEST(stays([&] { return held.lock().is_held(); }, 600ms));
    }
}

BOOST_AUTO_TEST_CASE(T25_a_lock_is_dropped_when_all_nodes_have_gone)
{
    client c(io, nodes.configs());
    {
        attempt held = c.acquire("r");
        BOOST_REQUIRE(is_granted(held));
        for (redis_server& node : nodes)
            node.kill();
    }
    io.restart();
    io.run_for(5s); // what it held has ended by then, and nothing is left to do
    BOOST_TEST(io.stopped());
}

BOOST_AUTO_TEST_CASE(T26_a_waiter_that_missed_its_wake_up_asks_again)
{
    client holder(io, nodes.configs());
    client waiter(io, nodes.configs());
    attempt held = holder.acquire("r", {.ttl = 1500ms});
    BOOST_REQUIRE(is_granted(held));
    attempt a = waiter.acquire("r");
    BOOST_TEST(run_until(io, [&] { return nodes[2].command({"ZCARD", key("r") + ":q"}).integer == 1; }));
    // The connections break when the wake-up is on its way.
    held.lock().release();
    const auto released = redlock::clock::now();
    io.poll();
    for (redis_server& node : nodes)
        node.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    BOOST_TEST(is_granted(a));
    BOOST_TEST((a.done_at() - released) / 1ms < 1500);
}

BOOST_AUTO_TEST_CASE(T28_tokens_rise_over_different_quorums)
{
    client first(io, behind_a_network());
    client second(io, behind_a_network());
    for (client* c : {&first, &second}) {
        attempt a = c->acquire("other" + std::to_string(c == &first));
        BOOST_REQUIRE(is_granted(a));
    }
    network[2].refuse(); // one sees 0 and 1, the other 1 and 2
    network[3].refuse();
    std::uint64_t last = 0;
    for (int i = 0; i < 10; ++i) {
        // The counter of a node that only the first one sees is ahead: what it gives has to be written to the others.
        if (i % 2 == 0)
            nodes[0].command({"HINCRBY", key("r"), "n", "10000000"});
        attempt a = (i % 2 == 0 ? first : second).acquire("r");
        BOOST_REQUIRE(is_granted(a));
        BOOST_TEST(a.lock().fencing_token() > last);
        last = a.lock().fencing_token();
        a.lock().release();
    }
}

BOOST_AUTO_TEST_CASE(T29_nothing_is_left_of_waiters_that_gave_up)
{
    client holder(io, nodes.configs());
    client waiter(io, nodes.configs());
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    waiter.connected();
    for (int i = 0; i < 10; ++i)
        BOOST_TEST(is_refused(waiter.acquire("r", {.timeout = 100ms}), errc::acquire_timeout));
    for (redis_server& node : nodes) {
        BOOST_TEST(run_until(io, [&] { return node.command({"EXISTS", key("r") + ":q"}).integer == 0; }));
        const auto fields = node.command({"HKEYS", key("r")});
        for (const auto& each : fields.elements)
            BOOST_TEST(each.text[0] != 'l');
    }
    held.lock().release();
    BOOST_TEST(is_free_everywhere("r"));
    for (redis_server& node : nodes)
        for (const auto& each : node.command({"KEYS", "*{r}*"}).elements)
            BOOST_TEST(node.command({"PTTL", each.text}).integer > 0); // it goes in time
}

BOOST_AUTO_TEST_CASE(T8_what_a_cancelled_acquire_left_is_taken_back)
{
    client holder(io, nodes.configs());
    client waiter(io, nodes.configs());
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    asio::cancellation_signal signal;
    std::optional<error_code> waited;
    waiter.manager.async_acquire(
        "r", {}, asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, lock) { waited = ec; }));
    const auto has_queue = [&](redis_server& node) { return node.command({"EXISTS", key("r") + ":q"}).integer == 1; };
    BOOST_TEST(run_until(io, [&] { return std::all_of(nodes.begin(), nodes.end(), has_queue); }));
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(run_until(io, [&] { return waited.has_value(); }));
    BOOST_TEST((waited == error_code(asio::error::operation_aborted)));
    BOOST_TEST(run_until(io, [&] { return std::none_of(nodes.begin(), nodes.end(), has_queue); }));
}

BOOST_AUTO_TEST_CASE(T15_a_waiter_asks_until_its_timeout_however_often)
{
    redis_options often = quick_options();
    often.retry_interval = 5ms;
    client holder(io, nodes.configs());
    client waiter(io, nodes.configs(), often);
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    const auto start = redlock::clock::now();
    attempt a = waiter.acquire("r", {.timeout = 400ms});
    BOOST_TEST(run_until(io, [&] { return a.done(); }));
    BOOST_TEST((a.error() == error_code(errc::acquire_timeout)));
    BOOST_TEST((a.done_at() - start) / 1ms >= 400);
}

BOOST_AUTO_TEST_CASE(T22_T23_a_ttl_shorter_than_the_wait_is_kept_by_all_in_turn)
{
    constexpr auto ttl = 80ms;
    std::deque<client> clients;
    std::deque<attempt> attempts; // none is released
    for (int i = 0; i < 4; ++i)
        attempts.push_back(clients.emplace_back(io, nodes.configs()).acquire("r", {.ttl = ttl}));
    std::map<time_point, time_point> holds;
    for (attempt& a : attempts) {
        BOOST_REQUIRE(is_granted(a));
        BOOST_TEST((a.lock().expires_at() - a.done_at() <= ttl));
        holds[a.done_at()] = a.lock().expires_at();
    }
    time_point end{};
    for (const auto& [from, until] : holds) {
        BOOST_TEST((from >= end));
        end = until;
    }
}

BOOST_AUTO_TEST_CASE(T30_the_id_of_a_locker_is_not_what_a_lock_is_held_by)
{
    client one(io, nodes.configs());
    client two(io, nodes.configs());
    lock held;
    one.manager.async_acquire("r", "the same", {}, [&](error_code, lock granted) { held = std::move(granted); });
    BOOST_REQUIRE(run_until(io, [&] { return held.is_held(); }));
    std::optional<error_code> second;
    two.connected().manager.async_acquire("r", "the same", {.timeout = 200ms},
                                          [&](error_code ec, lock) { second = ec; });
    BOOST_TEST(run_until(io, [&] { return second.has_value(); }));
    BOOST_TEST((second == error_code(errc::acquire_timeout)));
    const auto on_a_quorum = [&] {
        return std::count_if(nodes.begin(), nodes.end(), [](auto& node) { return !field(node, "r", "h").empty(); })
               >= 2;
    };
    BOOST_TEST(stays(on_a_quorum, 50ms)); // its withdrawal released nothing
    BOOST_TEST(held.is_held());
}

BOOST_AUTO_TEST_CASE(T61_a_clock_that_jumps_frees_a_lock_early_and_its_token_tells)
{
    client slow(io, nodes.configs());
    client next(io, nodes.configs());
    attempt held = slow.acquire("r", {.ttl = 1400ms});
    BOOST_REQUIRE(is_granted(held));
    for (redis_server& node : nodes) { // as if their clocks had jumped: the end lies in the past
        std::istringstream parts(field(node, "r", "h"));
        std::string id, end, rest;
        if (parts >> id >> end && std::getline(parts, rest))
            node.command({"HSET", key("r"), "h", id + ' ' + std::to_string(std::stoll(end) - 20'000'000) + rest});
    }
    attempt a = next.acquire("r");
    BOOST_REQUIRE(is_granted(a));
    BOOST_TEST(held.lock().is_held()); // no protocol of times can do anything about that
    BOOST_TEST(a.lock().fencing_token() > held.lock().fencing_token());
}

// --- priorities ---

BOOST_AUTO_TEST_CASE(T52_a_chain_of_thieves)
{
    client victim(io, nodes.configs());
    client second(io, nodes.configs());
    client third(io, nodes.configs());
    attempt held = victim.acquire("r", {.priority = 1, .grace = 5s});
    BOOST_REQUIRE(is_granted(held));
    attempt thief = second.acquire("r", {.priority = 2});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    attempt higher = third.acquire("r", {.priority = 3});
    BOOST_TEST(run_until(io, [&] { return nodes[0].command({"ZCARD", key("r") + ":q"}).integer == 2; }));
    held.lock().release();
    BOOST_TEST(is_granted(higher));
    BOOST_TEST(stays([&] { return !thief.done(); }, 100ms));
    higher.lock().release();
    BOOST_TEST(is_granted(thief));
}

BOOST_AUTO_TEST_CASE(T53_a_lower_one_that_comes_later_does_not_displace_a_higher_one)
{
    client victim(io, nodes.configs());
    client second(io, nodes.configs());
    client third(io, nodes.configs());
    attempt held = victim.acquire("r", {.priority = 1, .grace = 5s});
    BOOST_REQUIRE(is_granted(held));
    attempt thief = second.acquire("r", {.priority = 3});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    attempt lower = third.acquire("r", {.priority = 2});
    BOOST_TEST(run_until(io, [&] { return nodes[0].command({"ZCARD", key("r") + ":q"}).integer == 2; }));
    held.lock().release();
    BOOST_TEST(is_granted(thief));
    BOOST_TEST(stays([&] { return !lower.done() && thief.lock().is_held(); }, 100ms));
    thief.lock().release();
    BOOST_TEST(is_granted(lower));
}

BOOST_AUTO_TEST_CASE(T55_equals_do_not_preempt_and_every_int_is_a_priority)
{
    client a(io, nodes.configs());
    client b(io, nodes.configs());
    a.connected();
    for (const int priority : {INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX - 1, INT_MAX}) {
        attempt next = b.acquire("r", {.priority = priority});
        BOOST_REQUIRE(is_granted(next)); // the last one's has been told
        attempt equal = a.acquire("r", {.priority = priority, .timeout = 100ms});
        BOOST_TEST(is_refused(equal, errc::acquire_timeout));
        BOOST_TEST(next.lock().is_held());
        if (priority != INT_MIN)
            BOOST_TEST(
                is_refused(a.acquire("r", {.priority = priority - 1, .max_attempts = 1}), errc::already_acquired));
        BOOST_TEST(next.lock().is_held());
        next.lock().release();
    }
}

BOOST_AUTO_TEST_CASE(T56_T58_who_was_preempted_is_told_so_and_has_its_turn_again)
{
    client low(io, nodes.configs());
    client high(io, nodes.configs());
    attempt held = low.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    attempt thief = high.acquire("r", {.priority = 5});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    BOOST_TEST((held.end() == error_code(asio::error::operation_aborted)));
    BOOST_TEST(held.lock().state() == lock_state::revoking);
    attempt again = low.acquire("r");
    held.lock().release();
    BOOST_TEST(held.lock().state() == lock_state::preempted);
    BOOST_TEST(is_granted(thief));
    BOOST_TEST(stays([&] { return !again.done(); }, 50ms));
    thief.lock().release();
    BOOST_TEST(thief.lock().state() == lock_state::released);
    BOOST_TEST(is_granted(again));

    attempt short_one = high.acquire("s", {.ttl = 100ms});
    BOOST_REQUIRE(is_granted(short_one));
    BOOST_TEST(run_until(io, [&] { return short_one.end().has_value(); }));
    BOOST_TEST((short_one.end() == error_code(errc::expired)));
}

BOOST_AUTO_TEST_CASE(T59_a_notice_to_a_holder_of_before_does_not_hit_the_next)
{
    client c(io, nodes.configs());
    attempt before = c.acquire("r");
    BOOST_REQUIRE(is_granted(before));
    BOOST_TEST(run_until(io, [&] { return !field(nodes[0], "r", "h").empty(); }));
    const std::string id = holder(nodes[0], "r");
    const std::string channel = "redlock:client:" + id.substr(0, id.find('-'));
    before.lock().release();
    attempt held = c.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    for (redis_server& node : nodes)
        BOOST_TEST(node.command({"PUBLISH", channel, "notice " + id + " 0123456789abcdef-1 5 1"}).integer == 1);
    BOOST_TEST(stays([&] { return held.lock().is_held(); }, 100ms));

    // Nor does one node alone preempt anybody, nor one of a thief that does not outrank it.
    BOOST_TEST(run_until(io, [&] { return !field(nodes[0], "r", "h").empty(); }));
    const std::string current = holder(nodes[0], "r");
    nodes[0].command({"PUBLISH", channel, "notice " + current + " 0123456789abcdef-1 5 0"});
    for (redis_server& node : nodes)
        node.command({"PUBLISH", channel, "notice " + current + " 0123456789abcdef-1 0 1"});
    for (redis_server& node : nodes) // and nonsense
        for (const char* text : {"", "notice", "notice x y z", "wake", "wake 1-1", "standby 0-0 x", "\r\n$5"})
            node.command({"PUBLISH", channel, text});
    BOOST_TEST(stays([&] { return held.lock().is_held(); }, 100ms));
    for (redis_server& node : nodes)
        node.command({"PUBLISH", channel, "notice " + current + " 0123456789abcdef-1 5 0"});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }, 1s));
}

BOOST_AUTO_TEST_CASE(R5_T54_a_victim_that_does_not_answer_keeps_the_lock_until_its_ttl_ends)
{
    client victim(io, behind_a_network());
    client thief(io, nodes.configs());
    attempt held = victim.acquire("r", {.ttl = 1200ms, .grace = 2s});
    BOOST_REQUIRE(is_granted(held));
    attempt stolen = thief.acquire("r", {.priority = 5});
    BOOST_TEST(is_granted(stolen));
    BOOST_TEST(stolen.lock().fencing_token() > held.lock().fencing_token());
    const auto waited = (stolen.done_at() - held.done_at()) / 1ms;
    BOOST_TEST(waited > 1100, "after " << waited << " ms");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
