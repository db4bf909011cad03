// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"
#include "common/log_capture.hpp"

#include <priority_redlock/logging.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

// What people who debug see: snapshots and the log.

namespace {

using namespace test;
using redlock::log_level;

/// Sets the log level for a test.
class level_scope
{
public:
    explicit level_scope(log_level l) { redlock::set_log_level(l); }
    level_scope(const level_scope&) = delete;
    level_scope& operator=(const level_scope&) = delete;
    ~level_scope() { redlock::set_log_level(before_); }

private:
    log_level before_ = redlock::get_log_level();
};

BOOST_AUTO_TEST_SUITE(observation, *boost::unit_test::timeout(60))

// --- snapshots -------------------------------------------------------------------------------------------------------

MANAGER_TEST_CASE(a_snapshot_shows_holder_and_waiters_in_order)
{
    BOOST_TEST(f.vacant());
    lock first = f.get("r", "holder", {.priority = 3, .ttl = 10s});
    lock second = f.get("r", "holder");
    lock alone = f.get("s", "other");
    acquired a, b, c, d;
    f.acquire(a, "r", "a", {.priority = 1});
    f.acquire(b, "r", "b", {.priority = 2});
    f.acquire(c, "r", "c", {.priority = 1});
    f.manager->async_acquire("r", {.priority = -1}, record(d));

    auto all = f.snapshot().resources;
    BOOST_REQUIRE(all.size() == 2u);
    std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.resource < y.resource; });
    const auto& r = all[0];
    BOOST_TEST(r.resource == "r");
    BOOST_TEST(r.holder.locker_id == "holder");
    BOOST_TEST(r.holder.priority == 3);
    BOOST_TEST(r.holder.state == lock_state::held);
    BOOST_TEST(r.holder.handles == 2u);
    BOOST_TEST(r.holder.fencing_token == first.fencing_token());
    BOOST_TEST((r.holder.expires_at == first.expires_at()));
    BOOST_REQUIRE(r.waiters.size() == 4u);
    BOOST_TEST(r.waiters[0].locker_id == "b");
    BOOST_TEST(r.waiters[0].priority == 2);
    BOOST_TEST(r.waiters[1].locker_id == "a");
    BOOST_TEST(r.waiters[2].locker_id == "c");
    BOOST_TEST(r.waiters[3].locker_id.substr(0, 1) == "#");
    BOOST_TEST(r.waiters[3].priority == -1);
    BOOST_TEST(all[1].resource == "s");
    BOOST_TEST(all[1].holder.locker_id == "other");
    BOOST_TEST((all[1].holder.expires_at == redlock::clock::time_point::max()));
    BOOST_TEST(all[1].waiters.empty());

    second.release();
    acquired thief;
    f.acquire(thief, "s", "thief", {.priority = 9});
    all = f.snapshot().resources;
    std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.resource < y.resource; });
    BOOST_TEST(all[0].holder.handles == 1u);
    BOOST_TEST(all[1].holder.state == lock_state::revoking);
    BOOST_TEST(all[1].waiters.size() == 1u);
}

MANAGER_TEST_CASE(a_snapshot_forgets_what_is_over)
{
    {
        lock lk = f.get("r", "a");
        lock expires = f.get("s", "a", {.ttl = 1s});
        acquired waits;
        f.acquire(waits, "r", "b", {.timeout = 1s});
        f.advance(1s);
        CHECK_COMPLETED(waits, errc::acquire_timeout);
        BOOST_TEST(f.snapshot().resources.size() == 1u);
    }
    BOOST_TEST(f.vacant());
}

// --- the log ---------------------------------------------------------------------------------------------------------

void grant_preempt_and_expire(test::locks& f)
{
    lock low = f.get("lights", "motion", {.priority = 1, .ttl = 100s});
    acquired high;
    f.acquire(high, "lights", "alarm", {.priority = 2, .ttl = 10s});
    f.poll();
    low.release();
    f.poll();
    CHECK_COMPLETED(high, success);
    f.advance(10s);
    BOOST_TEST(high.lk.state() == lock_state::expired);
}

MANAGER_TEST_CASE(nothing_is_logged_at_the_default_level)
{
    log_capture log;
    BOOST_TEST((redlock::get_log_level() == log_level::warning));
    grant_preempt_and_expire(f);
    BOOST_TEST(log.records().empty());
}

MANAGER_TEST_CASE(one_line_a_grant_preemption_and_expiry_at_debug_level)
{
    const level_scope level(log_level::debug);
    log_capture log;
    grant_preempt_and_expire(f);
    BOOST_TEST(log.count("granted") == 2u);
    BOOST_TEST(log.count("revoking") + log.count("preempted") == 1u);
    BOOST_TEST(log.count("expired") == 1u);
    BOOST_TEST(log.count("waiting") == 1u);
    for (const auto& record : log.records()) {
        BOOST_TEST((record.severity == boost::log::trivial::debug));
        BOOST_TEST(record.text.find("resource=lights") != std::string::npos);
        BOOST_TEST(record.text.find("locker=") != std::string::npos);
        BOOST_TEST(record.text.find("priority=") != std::string::npos);
    }
}

MANAGER_TEST_CASE(grants_of_every_kind_are_logged)
{
    const level_scope level(log_level::debug);
    log_capture log;
    lock first = f.get("r", "a", {.grace = 0s});
    lock again = f.get("r", "a", {.grace = 0s});
    BOOST_TEST(log.count("granted") == 2u);
    acquired queued, thief;
    f.acquire(queued, "r", "b", {.grace = 0s});
    first.release();
    again.release();
    f.poll();
    BOOST_TEST(log.count("granted") == 3u);
    f.acquire(thief, "r", "c", {.priority = 2}); // preempts at once
    f.poll();
    BOOST_TEST(log.count("granted") == 4u);
}

MANAGER_TEST_CASE(a_refusal_is_logged_with_its_reason)
{
    const level_scope level(log_level::debug);
    log_capture log;
    lock lk = f.get("r", "a");
    acquired late;
    f.acquire(late, "r", "b", {.timeout = 1s});
    f.advance(1s);
    BOOST_TEST(log.count("refused") == 1u);
    BOOST_TEST(log.records().back().text.find("timeout") != std::string::npos);
}

// logging.hpp: "One line a grant, wait, preemption, expiry and release."
MANAGER_TEST_CASE(one_line_a_release_at_debug_level)
{
    const level_scope level(log_level::debug);
    log_capture log;
    lock lk = f.get("r", "a"), waited_for = f.get("s", "a");
    completion told;
    f.wait(told, waited_for);
    waited_for.release();
    BOOST_TEST(log.count("released") == 1u);
    lk.release();
    BOOST_TEST(log.count("released") == 2u);
    f.poll();
}

MANAGER_TEST_CASE(the_level_can_be_set_at_any_time)
{
    log_capture log;
    for (const auto level : {log_level::info, log_level::warning, log_level::error, log_level::off}) {
        const level_scope set(level);
        BOOST_TEST((redlock::get_log_level() == level));
        lock lk = f.get("r", "a");
    }
    BOOST_TEST(log.records().empty());
    {
        const level_scope set(log_level::debug);
        lock lk = f.get("r", "a");
    }
    BOOST_TEST(!log.records().empty());
}

MANAGER_TEST_CASE(a_throwing_sink_does_no_harm)
{
    const level_scope level(log_level::debug);
    log_capture log;
    log.on_record([] { throw std::runtime_error("sink"); });
    grant_preempt_and_expire(f);
    BOOST_TEST(log.count("granted") == 2u);
    BOOST_TEST(log.count("expired") == 1u);
}

// I5: a sink is user code.
MANAGER_TEST_CASE(I5_a_sink_may_use_the_manager)
{
    const level_scope level(log_level::debug);
    log_capture log;
    lock mine = f.get("mine", "sink", {.ttl = 1h});
    int snapshots = 0;
    log.on_record([&] {
        f.manager->async_snapshot([&](error_code, redlock::snapshot) { ++snapshots; });
        BOOST_TEST(mine.is_held());
        mine.async_extend(1h, [](error_code) {});
    });
    grant_preempt_and_expire(f);
    log.on_record(nullptr);
    f.poll();
    BOOST_TEST(snapshots >= 5);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
