// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/simulation.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>

// Many clients on simulated nodes with everything going wrong.
//
// PRIORITY_REDLOCK_SEED=n runs seed n only, PRIORITY_REDLOCK_SCHEDULES=n more or fewer seeds of each world.
// PRIORITY_REDLOCK_TRACE=n has a failure print the last n events.

namespace {

using test::simulated_world;
using test::simulation;

constexpr std::uint64_t default_seeds = 1;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise)
{
    const char* const value = std::getenv(variable);
    return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

std::string tail(const std::vector<std::string>& lines, std::size_t count)
{
    std::string result;
    for (std::size_t i = lines.size() - std::min(count, lines.size()); i < lines.size(); ++i)
        result += "\n  " + lines[i];
    return result;
}

void run_seed(const simulated_world& world, std::uint64_t seed, std::vector<simulation::counts>& all)
{
    try {
        all.push_back(simulation(world, seed).run());
    } catch (const std::exception& broken) {
        std::vector<std::string> trace;
        try {
            simulation(world, seed, &trace).run();
        } catch (const std::exception&) {
        }
        BOOST_ERROR(world.name << ", seed " << seed << ": " << broken.what()
                               << tail(trace, number_in("PRIORITY_REDLOCK_TRACE", 40)));
    }
}

/// The sum over all seeds.
simulation::counts run_seeds(const simulated_world& world)
{
    std::vector<simulation::counts> all;
    const bool one = std::getenv("PRIORITY_REDLOCK_SEED") != nullptr;
    const auto first = number_in("PRIORITY_REDLOCK_SEED", 0);
    const auto seeds = one ? 1 : number_in("PRIORITY_REDLOCK_SCHEDULES", default_seeds);
    for (std::uint64_t seed = first; seed < first + seeds; ++seed)
        run_seed(world, seed, all);
    simulation::counts sum;
    for (const auto& each : all) {
        sum.grants += each.grants;
        sum.calls += each.calls;
        sum.notices += each.notices;
        sum.failures += each.failures;
        sum.extensions += each.extensions;
        sum.overtaken += each.overtaken;
        sum.unranked += each.unranked;
        sum.past_a_lenient += each.past_a_lenient;
        sum.shortages += each.shortages;
        sum.longest_wait = std::max(sum.longest_wait, each.longest_wait);
    }
    BOOST_TEST_MESSAGE(world.name << ": " << all.size() << " seeds, " << sum.grants << " grants, "
                                  << (sum.grants == 0 ? 0 : sum.calls / sum.grants) << " calls each, " << sum.notices
                                  << " notices, " << sum.failures << " failures, " << sum.extensions << " extensions, "
                                  << sum.overtaken << " overtaken, " << sum.unranked
                                  << " before a higher priority, longest wait " << sum.longest_wait / 1000 << " ms");
    return sum;
}

/// One world for every number of nodes from 1 to 5.
void run_all(simulated_world world)
{
    for (const std::size_t nodes : {5u, 3u, 4u, 2u, 1u}) {
        world.nodes = nodes;
        BOOST_TEST(run_seeds(world).grants > 0);
    }
}

/// Whatever goes wrong, this is not disturbed.
void expect_order(const simulated_world& world)
{
    const auto sum = run_seeds(world);
    BOOST_TEST_CONTEXT(world.name)
    {
        BOOST_TEST(sum.grants > 100);
        BOOST_TEST(sum.failures == 0);
        BOOST_TEST(sum.calls <= 4 * world.nodes * sum.grants);
        BOOST_TEST(sum.overtaken == 0);
        BOOST_TEST(sum.unranked == 0);
        BOOST_TEST(sum.past_a_lenient == 0);
        BOOST_TEST(sum.longest_wait < 1'500'000); // seven before it, and those of higher priority that come later
    }
}

BOOST_AUTO_TEST_SUITE(simulations)

BOOST_AUTO_TEST_CASE(nothing_goes_wrong)
{
    for (const std::size_t nodes : {5u, 3u, 4u, 2u, 1u})
        expect_order({.name = "nothing goes wrong", .nodes = nodes});
}

BOOST_AUTO_TEST_CASE(a_minority_does_not_answer)
{
    expect_order({.name = "one of five is silent", .nodes = 5, .silent_nodes = 1});
    expect_order({.name = "two of five are silent", .nodes = 5, .silent_nodes = 2});
    expect_order({.name = "one of four is dead", .nodes = 4, .dead_nodes = 1});
    expect_order({.name = "one of three is silent", .nodes = 3, .silent_nodes = 1});
    expect_order({.name = "one of three is dead", .nodes = 3, .dead_nodes = 1});
}

BOOST_AUTO_TEST_CASE(P10_some_leave_the_holder_alone)
{
    for (const std::size_t nodes : {5u, 3u, 1u})
        expect_order({.name = "some leave the holder alone", .nodes = nodes, .lenient = 0.3});
    expect_order({.name = "and one of three is silent", .nodes = 3, .silent_nodes = 1, .lenient = 0.3});
}

BOOST_AUTO_TEST_CASE(many_want_one_lock)
{
    const auto sum = run_seeds({.name = "fifty clients", .clients = 50, .workers = 1, .priorities = 1});
    BOOST_TEST(sum.overtaken == 0);
    BOOST_TEST(sum.calls <= 20 * sum.grants);
}

BOOST_AUTO_TEST_CASE(messages_are_slow_and_pushes_are_lost)
{
    run_all({.name = "slow messages", .slow_message = 0.03, .lost_push = 0.1});
}

BOOST_AUTO_TEST_CASE(scripts_fail_or_are_forgotten)
{
    run_all({.name = "failing scripts", .failed_call = 0.05, .impatient = true, .lenient = 0.2, .extend = true});
}

BOOST_AUTO_TEST_CASE(connections_are_lost_and_what_was_sent_arrives_late)
{
    run_all({.name = "lost connections",
             .slow_message = 0.05,
             .break_every = 20'000,
             .impatient = true,
             .lenient = 0.2,
             .extend = true});
}

BOOST_AUTO_TEST_CASE(clients_are_cut_off)
{
    run_all({.name = "partitions",
             .cut_every = 100'000,
             .isolate_every = 400'000,
             .impatient = true,
             .lenient = 0.2,
             .extend = true});
}

BOOST_AUTO_TEST_CASE(nodes_stop_and_crash)
{
    run_all({.name = "nodes stop", .stop_node_every = 200'000, .extend = true});
    run_all({.name = "nodes crash", .busy_for = 10'000'000, .crash_node_every = 1'500'000, .extend = true});
}

BOOST_AUTO_TEST_CASE(addresses_lead_to_other_servers)
{
    run_all({.name = "moved nodes", .busy_for = 20'000'000, .move_node_every = 3'000'000, .extend = true});
}

BOOST_AUTO_TEST_CASE(clients_stop_and_crash)
{
    run_all({.name = "clients stop", .stop_client_every = 100'000, .stubborn = true, .extend = true});
    run_all({.name = "clients stop, messages are slow",
             .slow_message = 0.1,
             .stop_client_every = 50'000,
             .stubborn = true});
    run_all({.name = "clients crash", .slow_message = 0.02, .crash_client_every = 300'000, .extend = true});
}

BOOST_AUTO_TEST_CASE(clocks_are_wrong)
{
    run_all({.name = "wrong clocks",
             .client_skew = 5'000'000,
             .node_skew = 180'000,
             .impatient = true,
             .lenient = 0.2,
             .extend = true});
}

BOOST_AUTO_TEST_CASE(nodes_are_new)
{
    run_all({.name = "new nodes", .busy_for = 8'000'000, .break_every = 100'000, .new_nodes = true});
    run_all({.name = "new nodes crash", .busy_for = 8'000'000, .crash_node_every = 1'500'000, .new_nodes = true});
}

BOOST_AUTO_TEST_CASE(I3_T43_memory_runs_out)
{
    for (const std::size_t nodes : {5u, 3u, 2u, 1u}) {
        const auto sum = run_seeds({.name = "memory runs out",
                                    .nodes = nodes,
                                    .failed_call = 0.01,
                                    .break_every = 300'000,
                                    .impatient = true,
                                    .lenient = 0.2,
                                    .extend = true,
                                    .shortage = 0.1});
        BOOST_TEST(sum.grants > 0);
        BOOST_TEST(sum.shortages > 0);
    }
    run_all({.name = "memory runs out all the time", .busy_for = 2'000'000, .extend = true, .shortage = 0.3});
    run_all({.name = "memory runs out where nodes crash",
             .busy_for = 8'000'000,
             .crash_node_every = 1'500'000,
             .crash_client_every = 1'500'000,
             .extend = true,
             .shortage = 0.02});
}

BOOST_AUTO_TEST_CASE(I3_T43_memory_runs_out_at_each_allocation)
{
    constexpr long most = 10'000;
    long allocations = 0;
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        simulated_world world{.name = "one allocation fails",
                              .nodes = 3,
                              .clients = 2,
                              .workers = 2,
                              .busy_for = 300'000,
                              .break_every = 100'000,
                              .impatient = true,
                              .lenient = 0.2,
                              .extend = true};
        std::vector<simulation::counts> all;
        do {
            ++world.fails_at;
            all.clear();
            run_seed(world, seed, all);
        } while ((all.empty() || all[0].shortages != 0) && world.fails_at < most);
        BOOST_TEST(world.fails_at < most);
        allocations += world.fails_at;
    }
    BOOST_TEST_MESSAGE("each of " << allocations << " allocations has failed once");
    BOOST_TEST(allocations > 1000);
}

BOOST_AUTO_TEST_CASE(everything_goes_wrong)
{
    run_all({.name = "everything",
             .resources = 2,
             .busy_for = 8'000'000,
             .slow_message = 0.03,
             .lost_push = 0.05,
             .failed_call = 0.01,
             .break_every = 100'000,
             .cut_every = 500'000,
             .isolate_every = 1'000'000,
             .stop_node_every = 1'000'000,
             .crash_node_every = 3'000'000,
             .stop_client_every = 1'000'000,
             .crash_client_every = 1'500'000,
             .client_skew = 5'000'000,
             .node_skew = 180'000,
             .stubborn = true,
             .impatient = true,
             .lenient = 0.2,
             .extend = true});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
