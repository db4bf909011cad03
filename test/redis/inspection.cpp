// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/clients.hpp"
#include "redis/support/lock_process.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <priority_redlock/redis_inspection.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What an operator does in an incident: async_inspect and async_force_release, on real servers.

namespace {

using namespace test;
using redlock::redis_inspection;

struct incidents
{
    quiet_log quiet;
    asio::io_context io{1};

    redis_inspection inspect(const redis_protocol& store, std::string_view resource, error_code expected = {})
    {
        std::optional<redis_inspection> result;
        store.async_inspect(resource, [&](error_code ec, redis_inspection i) {
            BOOST_TEST(ec == expected, ec.message());
            result = std::move(i);
        });
        BOOST_TEST(!result); // never from within
        BOOST_REQUIRE(run_until(io, [&] { return result.has_value(); }));
        return *result;
    }

    error_code force_release(const redis_protocol& store, std::string_view resource, std::uint64_t token)
    {
        std::optional<error_code> result;
        store.async_force_release(resource, token, [&](error_code ec) { result = ec; });
        BOOST_TEST(!result);
        BOOST_REQUIRE(run_until(io, [&] { return result.has_value(); }));
        return *result;
    }

    bool is_granted(attempt& a, redlock::duration limit = 10s)
    {
        return run_until(io, [&] { return a.done(); }, limit) && a.granted();
    }

    static std::string text_of(const redis_inspection& i)
    {
        std::ostringstream text;
        text << i;
        return text.str();
    }
};

BOOST_FIXTURE_TEST_SUITE(redis_incidents, incidents)

BOOST_AUTO_TEST_CASE(who_holds_and_who_waits_is_told_as_the_nodes_say)
{
    voting_nodes nodes(3);
    client a(io, nodes.configs());
    client b(io, nodes.configs());
    const redis_protocol& operators = *b.protocol;

    const redis_inspection free = inspect(operators, "r");
    BOOST_TEST(free.holders.empty());
    BOOST_TEST(free.waiters.empty());
    BOOST_TEST(free.quorum == 2);
    BOOST_REQUIRE(free.nodes.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST(free.nodes[i].name == nodes[i].address());
        BOOST_TEST(free.nodes[i].answered);
        BOOST_TEST(free.nodes[i].trouble == "");
    }
    BOOST_TEST(text_of(free).find("held by nobody") != std::string::npos);

    const auto before = std::chrono::system_clock::now();
    lock held;
    a.manager.async_acquire("r", "alice", {.priority = 7, .ttl = 1s, .auto_extend = true},
                            [&](error_code, lock granted) { held = std::move(granted); });
    BOOST_REQUIRE(run_until(io, [&] { return held.is_held(); }));
    for (const auto& [name, priority] : {std::pair("bob", 1), std::pair("carol", 2), std::pair("dave\n", 1)}) {
        b.manager.async_acquire("r", name, {.priority = priority}, [](error_code, lock) {});
        BOOST_TEST(!run_until(io, [] { return false; }, 20ms)); // in this order
    }
    std::optional<redis_inspection> now;
    BOOST_TEST(run_until(io, [&] {
        now = inspect(operators, "r");
        return !now->waiters.empty() && now->waiters[0].nodes.size() == 3 && !now->holders.empty()
               && now->holders[0].nodes.size() == 3;
    }));
    BOOST_REQUIRE(now->holders.size() == 1);
    const redis_inspection::holder& h = now->holders[0];
    BOOST_TEST(h.locker_id == "alice");
    BOOST_TEST(h.priority == 7);
    BOOST_TEST(h.fencing_token == held.fencing_token());
    BOOST_TEST(h.has_quorum);
    BOOST_TEST((h.until > before));
    BOOST_TEST((h.until < std::chrono::system_clock::now() + 2s));
    BOOST_TEST(now->waiters[0].locker_id == "carol"); // of one manager the best waits on the nodes
    BOOST_TEST(now->waiters[0].priority == 2);
    BOOST_TEST((now->waiters[0].since > before - 100ms));
    const std::string text = text_of(*now);
    BOOST_TEST(text.find("held by 'alice', priority 7, token " + std::to_string(held.fencing_token()))
               != std::string::npos);
    BOOST_TEST(text.find("waits: 'carol', priority 2, since ") != std::string::npos);
    BOOST_TEST(text.find("on " + nodes[0].address() + ", " + nodes[1].address()) != std::string::npos);
    BOOST_TEST(inspect(operators, "another").holders.empty());
}

BOOST_AUTO_TEST_CASE(nodes_that_do_not_answer_are_named)
{
    voting_nodes nodes(3);
    client c(io, nodes.configs());
    attempt held = c.acquire("r");
    BOOST_REQUIRE(is_granted(held));
    BOOST_TEST(run_until(io, [&] { return inspect(*c.protocol, "r").holders.at(0).nodes.size() == 3; }));
    nodes[2].kill();
    const redis_inspection without_one = inspect(*c.protocol, "r");
    BOOST_REQUIRE(without_one.holders.size() == 1);
    BOOST_TEST(without_one.holders[0].has_quorum);
    BOOST_TEST(!without_one.nodes[2].answered);
    BOOST_TEST(without_one.nodes[2].trouble.find("cannot be used") != std::string::npos);

    nodes[1].stop(); // takes connections and says nothing
    const redis_inspection without_two = inspect(*c.protocol, "r", errc::no_quorum);
    BOOST_REQUIRE(without_two.holders.size() == 1);
    BOOST_TEST(!without_two.holders[0].has_quorum);
    BOOST_TEST(without_two.nodes[1].trouble == "does not answer");
    BOOST_TEST(text_of(without_two).find("node " + nodes[1].address() + ": does not answer") != std::string::npos);
    BOOST_TEST((force_release(*c.protocol, "r", held.lock().fencing_token()) == errc::no_quorum));
    nodes[1].resume();
}

BOOST_AUTO_TEST_CASE(nodes_that_do_not_vote_are_named)
{
    redis_nodes nodes(3);
    client c(io, nodes.configs());
    BOOST_TEST(inspect(*c.protocol, "r").nodes[0].trouble.find("was not provisioned") != std::string::npos);
    redis_options other = quick_options();
    other.max_ttl = 10s;
    provision(nodes.configs(), other);
    BOOST_TEST(inspect(*c.protocol, "r").nodes[0].trouble.find("other options") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(R13_a_hold_that_is_ended_by_force_is_lost_and_the_next_in_line_is_woken)
{
    voting_nodes nodes(3);
    client victim(io, nodes.configs());
    client other(io, nodes.configs());
    attempt held = victim.acquire("r", {.ttl = 1s, .auto_extend = true});
    attempt untouched = victim.acquire("s");
    BOOST_REQUIRE(is_granted(held));
    BOOST_REQUIRE(is_granted(untouched));
    const std::uint64_t token = held.lock().fencing_token();
    attempt next = other.acquire("r");
    BOOST_TEST(run_until(io, [&] { return inspect(*other.protocol, "r").waiters.size() == 1; }));

    // Another token hits nobody.
    for (const std::uint64_t wrong : {token + 1, token - 1, std::uint64_t{0}, untouched.lock().fencing_token()})
        BOOST_TEST((force_release(*other.protocol, "r", wrong) == errc::not_held), wrong << " for " << token);
    BOOST_TEST((force_release(*other.protocol, "nobody's", token) == errc::not_held));
    BOOST_TEST(!run_until(io, [&] { return held.end() || next.done(); }, 500ms));
    BOOST_TEST(held.lock().is_held());

    const auto before = redlock::clock::now();
    BOOST_TEST(!force_release(*other.protocol, "r", token));
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    BOOST_TEST((held.end() == error_code(errc::lost)));
    BOOST_TEST((held.lock().state() == lock_state::lost));
    BOOST_TEST(is_granted(next));
    BOOST_TEST((next.done_at() < before + 900ms)); // it did not wait for the ttl
    BOOST_TEST(next.lock().fencing_token() > token);

    // Again: it has ended, and whoever has the lock now keeps it.
    BOOST_TEST(!force_release(*other.protocol, "r", token));
    BOOST_TEST(inspect(*other.protocol, "r").ended_by_force == token);
    BOOST_TEST(!run_until(io, [&] { return next.end().has_value(); }, 1500ms)); // longer than a ttl
    BOOST_TEST(next.lock().is_held());
    BOOST_TEST(untouched.lock().is_held());
}

BOOST_AUTO_TEST_CASE(R13_a_holder_that_is_stopped_is_ended_by_force_and_knows_when_it_goes_on)
{
    voting_nodes nodes(3);
    lock_process holder({.nodes = nodes.addresses(), .resource = "r", .ttl = 1400ms});
    BOOST_REQUIRE(holder.next().has_value());
    const auto granted = holder.next();
    BOOST_REQUIRE(granted.has_value());
    holder.stop();
    client other(io, nodes.configs());
    attempt next = other.acquire("r");
    BOOST_TEST(!force_release(*other.protocol, "r", granted->token));
    BOOST_TEST(is_granted(next));
    BOOST_TEST(next.lock().fencing_token() > granted->token);
    holder.resume();
    const auto ended = holder.next();
    BOOST_REQUIRE(ended.has_value());
    BOOST_TEST(ended->state == "lost");
    BOOST_TEST(!run_until(io, [&] { return next.end().has_value(); }, 500ms));
}

BOOST_AUTO_TEST_CASE(R13_a_victim_that_was_not_told_finds_out_with_its_next_renewal)
{
    voting_nodes nodes(3);
    std::deque<tcp_proxy> network;
    node_configs behind;
    for (redis_server& node : nodes)
        behind.push_back(network.emplace_back(node.port()).config(node.config()));
    client victim(io, behind);
    client other(io, nodes.configs());
    attempt held = victim.acquire("r", {.ttl = 1500ms, .auto_extend = true});
    BOOST_REQUIRE(is_granted(held));
    const std::uint64_t token = held.lock().fencing_token();
    for (tcp_proxy& link : network)
        link.refuse(); // it comes back when the messages have been sent
    BOOST_TEST(!force_release(*other.protocol, "r", token));
    for (tcp_proxy& link : network)
        link.pass(); // and nobody else has it: the nodes have to know that it must not come back
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }, 3s));
    BOOST_TEST((held.end() == error_code(errc::lost)));
    BOOST_TEST(inspect(*other.protocol, "r").holders.empty());
    attempt next = other.acquire("r");
    BOOST_TEST(is_granted(next));
    BOOST_TEST(next.lock().fencing_token() > token);
}

BOOST_AUTO_TEST_CASE(bad_names_and_cancellation)
{
    voting_nodes nodes(2);
    client c(io, nodes.configs());
    for (const std::string& name : {std::string(), std::string(65537, 'x')}) {
        inspect(*c.protocol, name, errc::invalid_argument);
        BOOST_TEST((force_release(*c.protocol, name, 1) == errc::invalid_argument));
    }
    nodes[1].stop();
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signals[2];
        std::vector<error_code> ends;
        c.protocol->async_inspect(
            "r", asio::bind_cancellation_slot(signals[0].slot(),
                                              [&](error_code ec, const redis_inspection&) { ends.push_back(ec); }));
        c.protocol->async_force_release(
            "r", 1, asio::bind_cancellation_slot(signals[1].slot(), [&](error_code ec) { ends.push_back(ec); }));
        BOOST_TEST(!run_until(io, [&] { return !ends.empty(); }, 50ms));
        for (auto& each : signals)
            each.emit(type);
        BOOST_TEST(run_until(io, [&] { return ends.size() == 2; }));
        for (const error_code& ec : ends)
            BOOST_TEST((ec == asio::error::operation_aborted));
    }
    nodes[1].resume();
}

BOOST_AUTO_TEST_CASE(the_protocol_may_go_and_the_context_runs_dry)
{
    voting_nodes nodes(3);
    int done = 0;
    {
        const redis_protocol store(io.get_executor(), nodes.configs(), quick_options());
        store.async_inspect("r", [&](error_code ec, const redis_inspection&) { done += !ec; });
        store.async_force_release("r", 1, [&](error_code ec) { done += ec == errc::not_held; });
    }
    io.run_for(20s);
    BOOST_TEST(io.stopped());
    BOOST_TEST(done == 2);
}

BOOST_AUTO_TEST_CASE(a_context_is_destroyed_at_any_moment_of_a_forced_release)
{
    voting_nodes nodes(1);
    client holder(io, nodes.configs());
    bool completed = false;
    for (int steps = 0; !completed; ++steps) {
        attempt held = holder.acquire("r");
        BOOST_REQUIRE(is_granted(held));
        auto context = std::make_unique<asio::io_context>(1);
        {
            const redis_protocol store(context->get_executor(), nodes.configs(), quick_options());
            store.async_force_release("r", held.lock().fencing_token(),
                                      [&, lives = std::make_shared<int>()](error_code) { completed = true; });
        }
        for (int i = 0; i < steps; ++i)
            context->run_one_for(100ms);
        context.reset();
        held.lock().release();
        BOOST_REQUIRE(steps < 1000);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
