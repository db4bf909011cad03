// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "../src/redis/quorum_client.hpp"
#include "common/log_capture.hpp"
#include "redis/support/clients.hpp"
#include "redis/support/contenders.hpp"
#include "redis/support/lock_process.hpp"
#include "redis/support/redis_server.hpp"
#include "redis/support/tcp_proxy.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

// Real servers and processes that die, stop, forget and are cut off, while locks are held and waited for. What was
// granted is checked as a whole: no two holders at a time, rising tokens, and everybody gets on.

namespace {

using namespace test;

struct faults
{
    quiet_log quiet;
    asio::io_context io{1};
    history locks;

    /// The attempt has been granted; it is written down and its end will be.
    bool is_granted(attempt& a, const std::string& name, redlock::duration limit = 10s)
    {
        if (!run_until(io, [&] { return a.done(); }, limit) || !a.granted())
            return false;
        const auto id = locks.granted(grant_of(a.lock(), name));
        a.lock().async_wait([this, id, of = a.watch()](error_code) {
            if (const auto lk = of.lock())
                note_end(locks, id, *lk);
            else
                locks.ended(id);
        });
        return true;
    }

    void let_go(attempt& a)
    {
        a.lock().release();
        BOOST_TEST(run_until(io, [&] { return a.end().has_value(); }));
    }
};

std::uint64_t new_seed()
{
    return std::random_device()();
}

/// The largest token that a node has given for a resource.
std::int64_t counter(const redis_server& node, std::string_view resource)
{
    const std::string text = node.command({"HGET", "redlock:{" + std::string(resource) + "}", "n"}).text;
    return text.empty() ? 0 : std::stoll(text);
}

std::int64_t waiters(const redis_server& node, std::string_view resource)
{
    return node.command({"ZCARD", "redlock:{" + std::string(resource) + "}:q"}).integer;
}

/// The node grants a contended lock anew; when it did.
time_point grants_again(const redis_server& node, std::int64_t last_token)
{
    BOOST_TEST(eventually([&] { return counter(node, contenders::resource) > last_token; }));
    return redlock::clock::now();
}

void check(contenders& all)
{
    BOOST_TEST(all.finish());
    BOOST_TEST(all.locks().check().empty(), all.locks().check());
    for (const error_code& ec : all.errors())
        BOOST_ERROR("an acquire failed: " << ec.message());
}

BOOST_FIXTURE_TEST_SUITE(redis_faults, faults)

// --- nodes that die ---

/// Two of five nodes are killed and come back. Then two others are killed: there is a quorum only if the first two
/// vote again.
void kill_and_restart_a_minority(const redis_server_options& servers, const redis_options& options, redis_data found)
{
    voting_nodes nodes(5, servers, options);
    contenders all(4, nodes.configs(), new_seed(), options);
    BOOST_REQUIRE(all.get_on());
    if (found == redis_data::snapshot)
        for (const std::size_t i : {0u, 1u})
            nodes[i].save_snapshot();
    BOOST_TEST(all.get_on());

    for (const std::size_t i : {0u, 1u})
        nodes[i].kill();
    BOOST_TEST(all.get_on());

    const auto restarted = redlock::clock::now();
    for (const std::size_t i : {0u, 1u})
        nodes[i].restart(found);
    const auto last_token = counter(nodes[4], contenders::resource);
    BOOST_TEST(all.get_on());
    for (const std::size_t i : {0u, 1u})
        BOOST_TEST((grants_again(nodes[i], last_token) >= restarted + options.max_ttl));
    for (const std::size_t i : {2u, 3u})
        nodes[i].kill();
    BOOST_TEST(all.get_on());
    check(all);
}

BOOST_AUTO_TEST_CASE(R9_a_minority_is_killed_and_restarted_empty)
{
    kill_and_restart_a_minority({}, quick_options(), redis_data::empty);
}

BOOST_AUTO_TEST_CASE(R9_a_minority_is_killed_and_restarted_with_an_old_snapshot)
{
    kill_and_restart_a_minority({.persistence = redis_persistence::snapshot}, quick_options(), redis_data::snapshot);
}

BOOST_AUTO_TEST_CASE(a_minority_is_killed_and_restarted_with_everything)
{
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::durable;
    options.max_ttl = 60s; // nobody waits for so long
    voting_nodes nodes(3, {.persistence = redis_persistence::aof_always}, options);
    contenders all(4, nodes.configs(), new_seed(), options);
    BOOST_REQUIRE(all.get_on());
    for (const std::size_t i : {0u, 1u, 0u}) {
        nodes[i].kill();
        BOOST_TEST(all.get_on());
        const auto last_token = counter(nodes[(i + 1) % 3], contenders::resource);
        nodes[i].restart(redis_data::keep);
        grants_again(nodes[i], last_token);
    }
    check(all);
}

BOOST_AUTO_TEST_CASE(R10_T41_the_majority_is_down)
{
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::durable;
    voting_nodes nodes(5, {.persistence = redis_persistence::aof_always});
    client holder(io, nodes.configs(), options);
    client waiter(io, nodes.configs(), options);
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held, "holder"));

    // Contention says what it is.
    attempt busy = waiter.connected().acquire("r", {.timeout = 200ms});
    BOOST_TEST(run_until(io, [&] { return busy.done(); }));
    BOOST_TEST(busy.error() == errc::acquire_timeout);
    attempt refused = waiter.acquire("r", {.max_attempts = 1});
    BOOST_TEST(run_until(io, [&] { return refused.done(); }));
    BOOST_TEST(refused.error() == errc::already_acquired);

    const auto killed = redlock::clock::now();
    attempt pending = waiter.acquire("r");
    for (const std::size_t i : {0u, 1u, 2u})
        nodes[i].kill();
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    BOOST_TEST((*held.end() == errc::lost));
    BOOST_TEST((redlock::clock::now() < killed + options.lease + 500ms));
    BOOST_TEST(run_until(io, [&] { return pending.done(); }));
    BOOST_TEST(pending.error() == errc::no_quorum);

    // And so does one that is in a hurry.
    for (const acquire_options& quick : {acquire_options{.timeout = 100ms}, acquire_options{.max_attempts = 1}}) {
        attempt a = waiter.acquire("r", quick);
        BOOST_TEST(run_until(io, [&] { return a.done(); }));
        BOOST_TEST(a.error() == errc::no_quorum);
    }

    for (const std::size_t i : {0u, 1u, 2u})
        nodes[i].restart(redis_data::keep);
    attempt after = waiter.acquire("r", {.timeout = 10s});
    BOOST_TEST(is_granted(after, "waiter"));
    let_go(after);
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(R9_T60_a_node_that_is_restarted_empty_does_not_vote)
{
    const redis_options options = quick_options();
    voting_nodes nodes(5);
    std::deque<tcp_proxy> network; // of the second client
    node_configs behind;
    for (redis_server& node : nodes)
        behind.push_back(network.emplace_back(node.port()).config(node.config()));
    for (const std::size_t i : {0u, 1u})
        network[i].refuse();
    for (const std::size_t i : {3u, 4u})
        nodes[i].stop(); // so that the holder has the lock on 0, 1 and 2
    client holder(io, nodes.configs(), options);
    attempt held = holder.acquire("r", {.ttl = options.max_ttl});
    BOOST_REQUIRE(is_granted(held, "holder"));
    nodes[2].restart(redis_data::empty);
    const auto restarted = redlock::clock::now();
    for (const std::size_t i : {3u, 4u})
        nodes[i].resume();

    client other(io, behind, options);
    attempt next;
    for (error_code ec = errc::no_quorum; ec == errc::no_quorum; ec = next.error()) {
        next = other.acquire("r", {.timeout = 1s});
        BOOST_REQUIRE(run_until(io, [&] { return next.done(); }));
        BOOST_REQUIRE((redlock::clock::now() < restarted + 10s));
    }
    BOOST_TEST(is_granted(next, "other"));
    BOOST_TEST((next.done_at() >= restarted + options.max_ttl));
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(a_renewed_lease_survives_a_restart_of_every_node)
{
    redis_options options = quick_options();
    options.max_ttl = 1100ms; // more than twice the skew
    voting_nodes nodes(3, {}, options);
    client holder(io, nodes.configs(), options);
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held, "holder"));
    const auto token = held.lock().fencing_token();
    for (redis_server& node : nodes) {
        node.restart(redis_data::empty);
        // Only when it votes again and has the lock may the next one be restarted.
        BOOST_TEST(run_until(io, [&] { return counter(node, "r") != 0; }));
        BOOST_TEST(held.lock().is_held());
    }
    BOOST_TEST(held.lock().fencing_token() == token);
    client other(io, nodes.configs(), options);
    attempt refused = other.acquire("r", {.max_attempts = 1});
    BOOST_TEST(run_until(io, [&] { return refused.done(); }));
    BOOST_TEST(refused.error() == errc::already_acquired);
    let_go(held);
    attempt next = other.acquire("r");
    BOOST_TEST(is_granted(next, "other"));
    BOOST_TEST(next.lock().fencing_token() > token);
    BOOST_TEST(locks.check().empty(), locks.check());
}

// --- nodes that change ---

/// Is told what the log says, which nobody else is.
struct listener_to_the_log
{
    log_capture log;
    const redlock::log_level before = redlock::get_log_level();

    listener_to_the_log() { redlock::set_log_level(redlock::log_level::info); }
    listener_to_the_log(const listener_to_the_log&) = delete;
    listener_to_the_log& operator=(const listener_to_the_log&) = delete;
    ~listener_to_the_log() { redlock::set_log_level(before); }

    [[nodiscard]] bool said(const std::string& address, std::string_view what) const
    {
        return std::any_of(log.records().begin(), log.records().end(), [&](const auto& r) {
            return r.text.find(address) != r.text.npos && r.text.find(what) != r.text.npos;
        });
    }
};

BOOST_AUTO_TEST_CASE(R9_T36_eviction_that_is_switched_on_is_found_out_in_the_documented_time)
{
    constexpr auto window = priority_redlock::detail::redis::node_health::check_interval; // of doc/redis.md, Eviction
    BOOST_TEST((window == 2s));
    const listener_to_the_log log;
    const redis_options options = quick_options();
    voting_nodes nodes(3);
    client holder(io, nodes.configs(), options);
    client other(io, nodes.configs(), options);
    attempt held = holder.acquire("r");
    attempt kept = other.acquire("s"); // they have greeted the nodes before
    BOOST_REQUIRE(run_until(io, [&] { return held.granted() && kept.granted(); }));

    // Locks end before what is in the cache, and go first.
    const auto switched_on = redlock::clock::now();
    for (const auto& node : nodes) {
        const std::string memory = node.command({"INFO", "memory"}).text;
        const auto used = std::stoll(memory.substr(memory.find("used_memory:") + 12));
        node.command({"CONFIG", "SET", "maxmemory-policy", "volatile-ttl"});
        node.command({"CONFIG", "SET", "maxmemory", std::to_string(used + 200'000)});
    }
    int written = 0;
    auto last_grant = switched_on;
    int overlaps = 0;
    while (redlock::clock::now() < switched_on + window + 1500ms) {
        for (const auto& node : nodes)
            node.command({"SET", "cached" + std::to_string(written++), std::string(20'000, 'x'), "EX", "1000"});
        attempt a = other.acquire("r", {.timeout = 0ms});
        BOOST_REQUIRE(run_until(io, [&] { return a.done(); }));
        if (a.granted()) {
            last_grant = a.done_at();
            overlaps += held.lock().is_held();
        }
    }
    BOOST_TEST_MESSAGE("eviction: " << overlaps << " overlaps, the last grant " << (last_grant - switched_on) / 1ms
                                    << " ms after it was switched on");
    BOOST_TEST((last_grant < switched_on + window + 250ms));
    for (const auto& node : nodes)
        BOOST_TEST(log.said(node.address(), "may evict locks: its maxmemory-policy is volatile-ttl"));

    // It votes again when what it has evicted has ended.
    const auto cured = redlock::clock::now();
    for (const auto& node : nodes) {
        node.command({"CONFIG", "SET", "maxmemory", "0"});
        node.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    }
    attempt next;
    do {
        next = other.acquire("r");
        BOOST_REQUIRE(run_until(io, [&] { return next.done(); }));
    } while (!next.granted() && redlock::clock::now() < cured + 15s);
    BOOST_TEST(next.granted());
    for (const auto& node : nodes)
        BOOST_TEST(log.said(node.address(), "it has evicted keys"));
    BOOST_TEST(!held.lock().is_held());
}

BOOST_AUTO_TEST_CASE(R9_keys_that_were_evicted_between_two_looks)
{
    const listener_to_the_log log;
    redis_options options = quick_options();
    voting_nodes nodes(1);
    client c(io, nodes.configs(), options);
    attempt held = c.acquire("r");
    BOOST_REQUIRE(run_until(io, [&] { return held.granted(); }));
    const redis_server& node = nodes[0];
    node.command({"CONFIG", "SET", "maxmemory-policy", "volatile-ttl"});
    node.command({"CONFIG", "SET", "maxmemory", "1"});
    node.command({"SET", "more", "x"});
    node.command({"CONFIG", "SET", "maxmemory", "0"});
    node.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    BOOST_TEST(node.command({"EXISTS", "redlock:{r}"}).integer == 0);
    const auto is_found_out = [&] { return log.said(node.address(), "it has evicted keys, perhaps locks"); };
    BOOST_TEST(run_until(io, is_found_out, 3s));
    client other(io, nodes.configs(), options); // it is quarantined for all
    attempt next = other.acquire("r");
    BOOST_TEST(!run_until(io, [&] { return next.granted(); }, 500ms));
}

BOOST_AUTO_TEST_CASE(R9_T39_an_address_that_leads_to_another_master)
{
    for (const auto guard : {redlock::restart_guard::on, redlock::restart_guard::durable}) {
        const listener_to_the_log log;
        redis_options options = quick_options();
        options.guard = guard;
        voting_nodes nodes(3);
        redis_server another;
        tcp_proxy address(nodes[0].port()); // as the second client sees it
        tcp_proxy to_second(nodes[1].port());
        const node_configs seen{address.config(nodes[0].config()), to_second.config(nodes[1].config()),
                                nodes[2].config()};
        client holder(io, nodes.configs(), options);
        client second(io, seen, options);
        attempt warm = second.acquire("other");
        BOOST_REQUIRE(is_granted(warm, "second"));
        let_go(warm);
        {
            client sets_it_up(io, {another.config(), nodes[1].config(), nodes[2].config()}, options);
            attempt waits = sets_it_up.acquire("other"); // from now on it is in quarantine
            BOOST_TEST(run_until(io, [&] { return !another.command({"HGET", "redlock:node", "run"}).is_nil(); }));
        }
        another.command({"HSET", "redlock:node", "since", "0"}); // and now it has been up for long
        to_second.refuse();
        nodes[2].stop(); // so that the holder has the lock on the other two
        attempt held = holder.acquire("r", {.ttl = options.max_ttl});
        BOOST_REQUIRE(is_granted(held, "holder"));
        nodes[2].resume();

        // It would vote, and so does the third node: a quorum.
        address.lead_to(another.port());
        attempt next = second.acquire("r");
        const auto is_found_out = [&] {
            return log.said(seen[0].addr.host + ':' + seen[0].addr.port,
                            "another server answered at its address before");
        };
        BOOST_TEST(run_until(io, is_found_out, 3s));
        client newcomer(io, {another.config(), seen[1], seen[2]}, options); // for all
        attempt third = newcomer.acquire("r");
        BOOST_TEST(!run_until(io, [&] { return next.granted() || third.granted(); }, 500ms));
        BOOST_TEST(held.lock().is_held());
        BOOST_TEST(run_until(io, [&] { return next.done() && third.done(); }));
        BOOST_TEST(locks.check().empty(), locks.check());
    }
}

BOOST_AUTO_TEST_CASE(R1_a_demoted_replica_does_not_vote)
{
    const redis_options options = quick_options();
    redis_server master;
    voting_nodes nodes(3);
    client holder(io, nodes.configs(), options);
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held, "holder"));

    client other(io, nodes.configs(), options);
    attempt with_three = other.acquire("s");
    BOOST_REQUIRE(is_granted(with_three, "other"));
    let_go(with_three);
    nodes[2].command({"REPLICAOF", "127.0.0.1", std::to_string(master.port())});
    attempt with_two = other.acquire("s");
    BOOST_TEST(is_granted(with_two, "other"));
    let_go(with_two);
    BOOST_TEST(held.lock().is_held());

    // One master and one replica are no quorum, for a renewal neither.
    nodes[1].kill();
    attempt with_one = other.acquire("s");
    BOOST_TEST(run_until(io, [&] { return with_one.done() && held.end().has_value(); }));
    BOOST_TEST(with_one.error() == errc::no_quorum);
    BOOST_TEST((*held.end() == errc::lost));

    nodes[2].command({"REPLICAOF", "NO", "ONE"});
    attempt again;
    const auto deadline = redlock::clock::now() + 10s;
    do {
        again = other.acquire("s");
        BOOST_REQUIRE(run_until(io, [&] { return again.done(); }));
    } while (!again.granted() && redlock::clock::now() < deadline);
    BOOST_TEST(is_granted(again, "other"));
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(T3_a_minority_is_stopped_and_goes_on)
{
    voting_nodes nodes(5);
    contenders all(4, nodes.configs(), new_seed());
    BOOST_REQUIRE(all.get_on());
    for (const std::size_t first : {0u, 2u}) {
        for (const std::size_t i : {first, first + 1})
            nodes[i].stop();
        BOOST_TEST(all.get_on(10));
        for (const std::size_t i : {first, first + 1})
            nodes[i].resume();
        const auto last_token = counter(nodes[4], contenders::resource);
        for (const std::size_t i : {first, first + 1})
            grants_again(nodes[i], last_token);
    }
    check(all);
}

BOOST_AUTO_TEST_CASE(T4_an_even_number_of_nodes)
{
    for (const std::size_t count : {2u, 4u}) {
        voting_nodes nodes(count);
        {
            contenders all(4, nodes.configs(), new_seed());
            BOOST_TEST(all.get_on(10)); // though 2:2 is no quorum for anybody
            check(all);
        }
        client c(io, nodes.configs());
        attempt with_all = c.acquire("r" + std::to_string(count));
        BOOST_TEST(is_granted(with_all, "all"));
        let_go(with_all);
        nodes[0].kill();
        attempt one_down = c.acquire("s" + std::to_string(count));
        if (count == 4) {
            BOOST_TEST(is_granted(one_down, "one down"));
            let_go(one_down);
            nodes[1].kill();
            one_down = c.acquire("t");
        }
        BOOST_TEST(run_until(io, [&] { return one_down.done(); }));
        BOOST_TEST(one_down.error() == errc::no_quorum);
    }
    BOOST_TEST(locks.check().empty(), locks.check());
}

// --- clients that die, stop or are cut off ---

BOOST_AUTO_TEST_CASE(P6_a_holder_is_killed)
{
    voting_nodes nodes(3);
    lock_process holder({.nodes = nodes.addresses(), .resource = "r", .ttl = 700ms});
    BOOST_REQUIRE(holder.next().has_value());
    const auto held = holder.next();
    BOOST_REQUIRE(held.has_value());
    client c(io, nodes.configs());
    attempt next = c.acquire("r");
    BOOST_TEST(!run_until(io, [&] { return next.done(); }, 100ms));
    holder.kill();
    const auto killed = redlock::clock::now();
    BOOST_TEST(is_granted(next, "next"));
    BOOST_TEST((next.done_at() < killed + 700ms + 200ms));
    locks.granted({"r", "holder", held->token, held->at, held->expires_at});
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(T49_the_thief_is_killed_between_its_notice_and_its_grant)
{
    voting_nodes nodes(5);
    client victim(io, nodes.configs());
    client other(io, nodes.configs());
    for (const bool before : {true, false}) {
        const std::string resource = before ? "a waiter was there before" : "a waiter comes after";
        attempt held = victim.acquire(resource, {.grace = 5s});
        BOOST_REQUIRE(is_granted(held, "victim"));
        attempt next;
        if (before) {
            next = other.acquire(resource);
            BOOST_TEST(
                run_until(io, [&] { return waiters(nodes[0], resource) == 1 && waiters(nodes[4], resource) == 1; }));
        }
        lock_process thief({.nodes = nodes.addresses(), .resource = resource, .priority = 5});
        BOOST_REQUIRE(thief.next().has_value());
        BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
        BOOST_TEST(held.lock().state() == lock_state::revoking);
        thief.kill();
        BOOST_TEST(!thief.next().has_value());

        // The lock is reserved for the dead one, but not for long.
        held.lock().release();
        const auto released = redlock::clock::now();
        if (!before)
            next = other.acquire(resource);
        BOOST_TEST(is_granted(next, "other"));
        BOOST_TEST((next.done_at() - released) / 1ms < 400);
    }
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(T50_T62_the_victim_is_stopped_for_longer_than_its_ttl)
{
    voting_nodes nodes(3);
    lock_process victim({.nodes = nodes.addresses(), .resource = "r", .ttl = 700ms});
    BOOST_REQUIRE(victim.next().has_value());
    const auto held = victim.next();
    BOOST_REQUIRE(held.has_value());
    victim.stop();
    const auto stopped = redlock::clock::now();
    const auto id = locks.granted({"r", "victim", held->token, held->at, held->expires_at});

    client c(io, nodes.configs());
    attempt thief = c.acquire("r", {.priority = 5});
    BOOST_TEST(is_granted(thief, "thief"));
    BOOST_TEST((thief.done_at() < stopped + 700ms + 200ms));
    BOOST_TEST(thief.lock().fencing_token() > held->token);

    victim.resume();
    const auto end = victim.next();
    BOOST_REQUIRE(end.has_value());
    BOOST_TEST(end->what == "ended");
    BOOST_TEST(!end->held);
    BOOST_TEST((end->state == "expired" || end->state == "lost"));
    locks.ended(id, end->at);
    BOOST_TEST(thief.lock().is_held());
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(T57_both_are_cut_off_from_a_minority)
{
    redis_options options = quick_options();
    options.lease = options.max_ttl = 3s; // so long the victim's nodes that it cannot tell keep the thief waiting
    voting_nodes nodes(5, {}, options);
    std::deque<tcp_proxy> network;
    std::vector<node_configs> behind(2);
    for (node_configs& each : behind)
        for (redis_server& node : nodes)
            each.push_back(network.emplace_back(node.port()).config(node.config()));
    client victim(io, behind[0], options);
    client thief(io, behind[1], options);
    attempt held = victim.acquire("r");
    BOOST_REQUIRE(is_granted(held, "victim"));
    for (const redis_server& node : nodes)
        BOOST_TEST(run_until(io, [&] { return counter(node, "r") != 0; }));
    // The two have only node 2 in common then.
    for (const std::size_t cut : {0u, 1u, 5u + 3, 5u + 4})
        network[cut].hold();
    attempt stolen = thief.acquire("r", {.priority = 5, .timeout = 5s});
    BOOST_TEST(run_until(io, [&] { return held.end().has_value(); }));
    BOOST_TEST((*held.end() == asio::error::operation_aborted));
    held.lock().release();
    BOOST_TEST(is_granted(stolen, "thief"));
    let_go(stolen);
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(a_thief_cut_off_with_a_minority_evicts_nobody)
{
    voting_nodes nodes(5);
    std::deque<tcp_proxy> network;
    node_configs behind;
    for (redis_server& node : nodes)
        behind.push_back(network.emplace_back(node.port()).config(node.config()));
    client victim(io, nodes.configs());
    client thief(io, behind);
    attempt warm = thief.acquire("other");
    BOOST_REQUIRE(is_granted(warm, "thief"));
    let_go(warm);
    attempt held = victim.acquire("r");
    BOOST_REQUIRE(is_granted(held, "victim"));
    for (const std::size_t cut : {0u, 1u, 2u})
        network[cut].hold();
    attempt stolen = thief.acquire("r", {.priority = 5});
    BOOST_TEST(run_until(io, [&] { return stolen.done(); }));
    BOOST_TEST(stolen.error() == errc::no_quorum);
    BOOST_TEST(held.lock().is_held());
    // Nor does it block anybody.
    let_go(held);
    attempt next = victim.acquire("r");
    BOOST_TEST(is_granted(next, "victim", 500ms));
    let_go(next);

    for (tcp_proxy& link : network)
        link.pass();
    stolen = thief.acquire("r");
    BOOST_TEST(is_granted(stolen, "thief"));
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_CASE(a_holder_cut_off_with_a_minority_loses_the_lock)
{
    voting_nodes nodes(5);
    std::deque<tcp_proxy> network;
    node_configs behind;
    for (redis_server& node : nodes)
        behind.push_back(network.emplace_back(node.port()).config(node.config()));
    client holder(io, behind);
    client other(io, nodes.configs());
    attempt held = holder.acquire("r");
    BOOST_REQUIRE(is_granted(held, "holder"));
    attempt next = other.acquire("r");
    for (const std::size_t cut : {0u, 1u, 2u})
        network[cut].hold();
    const auto cut_off = redlock::clock::now();
    BOOST_TEST(is_granted(next, "other"));
    BOOST_TEST((next.done_at() < cut_off + quick_options().lease + 300ms));
    BOOST_TEST(held.end().has_value());
    BOOST_TEST((held.end() == error_code(errc::lost)));
    for (tcp_proxy& link : network)
        link.pass();
    BOOST_TEST(!run_until(io, [&] { return !next.lock().is_held(); }, 1500ms)); // whatever arrives late
    BOOST_TEST(locks.check().empty(), locks.check());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
