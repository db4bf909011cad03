// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/clients.hpp"
#include "redis/contenders.hpp"
#include "redis/lock_process.hpp"
#include "redis/redis_server.hpp"
#include "redis/tcp_proxy.hpp"

#include <boost/test/unit_test.hpp>

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
        a.lock().async_wait([this, id](error_code) { locks.ended(id); });
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

/// Two of five nodes are killed and come back, then two others are: only if the first ones vote again is there a
/// quorum.
void kill_and_restart_a_minority(const redis_server_options& servers, const redis_options& options, redis_data found)
{
    redis_nodes nodes(5, servers);
    contenders all(4, nodes.configs(), new_seed(), options);
    BOOST_REQUIRE(all.get_on());
    if (found == redis_data::snapshot)
        for (const std::size_t i : {0, 1})
            nodes[i].save_snapshot();
    BOOST_TEST(all.get_on());

    for (const std::size_t i : {0, 1})
        nodes[i].kill();
    BOOST_TEST(all.get_on());

    const auto restarted = redlock::clock::now();
    for (const std::size_t i : {0, 1})
        nodes[i].restart(found);
    const auto last_token = counter(nodes[4], contenders::resource);
    BOOST_TEST(all.get_on());
    for (const std::size_t i : {0, 1})
        BOOST_TEST((grants_again(nodes[i], last_token) >= restarted + options.max_ttl));
    for (const std::size_t i : {2, 3})
        nodes[i].kill();
    BOOST_TEST(all.get_on());
    check(all);
}

BOOST_AUTO_TEST_CASE(C18_a_minority_is_killed_and_restarted_empty)
{
    kill_and_restart_a_minority({}, quick_options(), redis_data::empty);
}

BOOST_AUTO_TEST_CASE(C23_a_minority_is_killed_and_restarted_with_an_old_snapshot)
{
    kill_and_restart_a_minority({.persistence = redis_persistence::snapshot}, quick_options(), redis_data::snapshot);
}

BOOST_AUTO_TEST_CASE(a_minority_is_killed_and_restarted_with_everything)
{
    redis_options options = quick_options();
    options.guard = redlock::restart_guard::durable;
    options.max_ttl = 60s; // nobody waits for so long
    redis_nodes nodes(3, {.persistence = redis_persistence::aof_always});
    contenders all(4, nodes.configs(), new_seed(), options);
    BOOST_REQUIRE(all.get_on());
    for (const std::size_t i : {0, 1, 2, 0}) {
        nodes[i].kill();
        BOOST_TEST(all.get_on());
        const auto last_token = counter(nodes[(i + 1) % 3], contenders::resource);
        nodes[i].restart(redis_data::keep);
        grants_again(nodes[i], last_token);
    }
    check(all);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
