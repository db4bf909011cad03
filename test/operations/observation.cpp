// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"
#include "common/log_capture.hpp"

#include <priority_redlock/logging.hpp>
#include <priority_redlock/snapshot.hpp>
#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

MANAGER_TEST_CASE(a_snapshot_says_since_when_and_on_which_terms)
{
    f.manager = make_manager(f.context.get_executor(), f.kind, {.measure_all = true});
    const auto start = manual_clock::now();
    lock first = f.get("r", "holder", {.priority = 3, .ttl = 1h, .grace = 2s});
    f.advance(1s);
    lock second = f.get("r", "holder", {.grace = 5s});
    acquired a, b;
    f.acquire(a, "r", "a", {.priority = 1, .ttl = 10s, .grace = 3s});
    f.advance(1s);
    f.acquire(b, "r", "b", {.priority = 2, .grace = redlock::infinite});
    f.advance(1s);
    {
        const auto seen = f.snapshot();
        BOOST_TEST((seen.taken_at == start + 3s));
        BOOST_REQUIRE(seen.resources.size() == 1u);
        const auto& r = seen.resources[0];
        BOOST_TEST((r.holder.since == start));
        BOOST_TEST((r.holder.expires_at == start + 1h));
        BOOST_TEST((r.holder.grace == 5s));
        BOOST_REQUIRE(r.waiters.size() == 2u);
        BOOST_TEST((r.waiters[0].since == start + 2s));
        BOOST_TEST(r.waiters[0].rank == 2.);
        BOOST_TEST((r.waiters[0].ttl == redlock::infinite));
        BOOST_TEST((r.waiters[0].grace == redlock::infinite));
        BOOST_TEST((r.waiters[1].since == start + 1s));
        BOOST_TEST(r.waiters[1].rank == 1.);
        BOOST_TEST((r.waiters[1].ttl == 10s));
        BOOST_TEST((r.waiters[1].grace == 3s));
    }
    first.release();
    second.release();
    f.poll();
    const auto seen = f.snapshot();
    BOOST_TEST((seen.resources.at(0).holder.since == start + 3s)); // b was granted it
    BOOST_TEST((seen.resources.at(0).holder.grace == redlock::infinite));
    BOOST_TEST((seen.resources.at(0).waiters.at(0).since == start + 1s));
}

MANAGER_TEST_CASE(a_snapshot_does_not_say_since_when_where_that_is_not_measured)
{
    lock held = f.get("r", "holder");
    acquired waits;
    f.acquire(waits, "r", "a");
    const auto seen = f.snapshot();
    BOOST_TEST((seen.resources.at(0).holder.since == redlock::clock::time_point::max()));
    BOOST_TEST((seen.resources.at(0).waiters.at(0).since == redlock::clock::time_point::max()));
}

BOOST_AUTO_TEST_CASE(over_a_protocol_a_snapshot_always_says_since_when)
{
    asio::io_context context;
    const auto store =
        std::make_shared<redlock::testing::memory_protocol>(context.get_executor(), redlock::testing::manual_time);
    lock_manager manager = redlock::testing::make_manager(context, store);
    const auto start = manual_clock::now();
    acquired held, waits;
    manager.async_acquire("r", "holder", record(held));
    redlock::testing::run_for(context, 1s);
    manager.async_acquire("r", "a", record(waits));
    redlock::testing::run_for(context, 1s);
    redlock::snapshot seen;
    manager.async_snapshot([&](error_code, redlock::snapshot s) { seen = std::move(s); });
    poll(context);
    BOOST_TEST((seen.taken_at == start + 2s));
    BOOST_TEST((seen.resources.at(0).holder.since == start));
    BOOST_TEST((seen.resources.at(0).waiters.at(0).since == start + 1s));
    manager.cancel();
    poll(context);
}

namespace {

/// A snapshot of more than one turn holds in one.
constexpr int many = 1000;

std::vector<lock> hold_many(locks& f, const char* prefix, int n = many)
{
    std::vector<lock> held;
    for (int i = 0; i < n; ++i)
        held.push_back(f.manager->try_acquire(prefix + std::to_string(i), "holder"));
    return held;
}

/// How often each resource whose name begins so is in a snapshot.
std::map<std::string, int> counted(const redlock::snapshot& s, std::string_view prefix)
{
    std::map<std::string, int> result;
    for (const auto& each : s.resources)
        if (each.resource.starts_with(prefix))
            ++result[each.resource];
    return result;
}

} // namespace

MANAGER_TEST_CASE(a_snapshot_of_many_resources_takes_turns_with_others)
{
    const auto held = hold_many(f, "r");
    bool done = false;
    int others = 0;
    std::function<void()> other = [&] {
        ++others;
        if (!done)
            asio::post(f.manager->get_executor(), other);
    };
    f.manager->async_snapshot([&](error_code ec, const redlock::snapshot& s) {
        done = true;
        BOOST_TEST(!ec);
        BOOST_TEST(s.resources.size() == held.size());
        BOOST_TEST((s.taken_at == manual_clock::now()));
    });
    BOOST_TEST(!done);
    other();
    f.poll();
    BOOST_TEST(done);
    BOOST_TEST(others >= 4);
}

MANAGER_TEST_CASE(a_snapshot_has_what_stays_once_while_others_come_and_go)
{
    auto stay = hold_many(f, "stays"), go = hold_many(f, "goes");
    std::optional<redlock::snapshot> seen;
    std::size_t turn = 0;
    std::vector<lock> come;
    std::function<void()> change = [&] {
        ++turn;
        for (std::size_t i = 0; i < 50; ++i) {
            come.push_back(f.manager->try_acquire("comes" + std::to_string(come.size()), "holder"));
            if (!go.empty())
                std::swap(go[turn * 7919 % go.size()], go.back()), go.pop_back();
        }
        if (!seen)
            asio::post(f.manager->get_executor(), change);
    };
    f.manager->async_snapshot([&](error_code, redlock::snapshot s) { seen = std::move(s); });
    change();
    f.poll();
    BOOST_TEST_REQUIRE(seen.has_value());
    BOOST_TEST(turn > 4u);
    const auto stayed = counted(*seen, "stays");
    BOOST_TEST(stayed.size() == stay.size());
    std::size_t rest = 0;
    for (const auto& all : {stayed, counted(*seen, "goes"), counted(*seen, "comes")})
        for (const auto& [resource, times] : all) {
            BOOST_TEST(times == 1, resource << " is there " << times << " times");
            ++rest;
        }
    BOOST_TEST(rest == seen->resources.size());
}

MANAGER_TEST_CASE(a_snapshot_goes_on_when_its_manager_is_gone)
{
    auto held = hold_many(f, "r");
    acquired waits;
    f.acquire(waits, "r0", "a");
    std::size_t seen = 0;
    f.manager->async_snapshot([&](error_code ec, const redlock::snapshot& s) {
        BOOST_TEST(!ec);
        seen = s.resources.size();
    });
    f.manager.reset();
    f.poll();
    BOOST_TEST(waits.is(aborted));
    BOOST_TEST(seen == held.size());
}

MANAGER_TEST_CASE(several_snapshots_are_under_way_at_once)
{
    auto held = hold_many(f, "r");
    std::vector<std::size_t> seen;
    for (int i = 0; i < 3; ++i)
        f.manager->async_snapshot([&](error_code, const redlock::snapshot& s) { seen.push_back(s.resources.size()); });
    f.poll();
    BOOST_TEST(seen == std::vector(3, held.size()), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_snapshot_under_way_is_destroyed_with_its_context)
{
    std::vector<lock> held; // outlive the context
    bool called = false;
    const auto token = std::make_shared<int>();
    {
        asio::io_context context;
        lock_manager manager = redlock::testing::make_manager(context);
        for (int i = 0; i < many; ++i)
            held.push_back(manager.try_acquire(std::to_string(i)));
        manager.async_snapshot([&called, token](error_code, const redlock::snapshot&) { called = true; });
        BOOST_TEST(context.poll_one() == 1u);
    }
    BOOST_TEST(!called);
    BOOST_TEST(token.use_count() == 1);
}

// --- victims that do not go ------------------------------------------------------------------------------------------

/// Work that ignores its cancellation, until the test lets it end.
class deaf_work
{
public:
    template <class Token>
    auto async_do(Token&& token)
    {
        return asio::async_initiate<Token, void(error_code)>([this](auto handler) { pending_ = std::move(handler); },
                                                             token);
    }

    void end() { std::move(pending_)(error_code()); }

private:
    asio::any_completion_handler<void(error_code)> pending_;
};

/// The lines of the log that are warnings.
std::vector<std::string> warnings(const log_capture& log)
{
    std::vector<std::string> result;
    for (const auto& record : log.records())
        if (record.severity == boost::log::trivial::warning)
            result.push_back(record.text);
    return result;
}

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

/// Checks what is seen of a victim "slow" of resource "r" that keeps "thief" waiting from now on.
void check_overrun(locks& f, deaf_work& work, const completion& done)
{
    log_capture log;
    const auto told = manual_clock::now();
    acquired thief;
    f.acquire(thief, "r", "thief", {.priority = 3});
    f.poll();
    BOOST_TEST(f.snapshot().resources.at(0).holder.state == lock_state::revoking);
    BOOST_TEST((f.snapshot().resources.at(0).holder.told_at == told));
    BOOST_REQUIRE(f.snapshot().resources.at(0).holder.thief.has_value());
    BOOST_TEST(f.snapshot().resources.at(0).holder.thief->locker_id == "thief");
    BOOST_TEST(f.snapshot().resources.at(0).holder.thief->priority == 3);
    f.advance(999ms);
    BOOST_TEST(warnings(log).empty());
    BOOST_TEST(f.manager->metrics().overruns == 0u);
    f.advance(1ms);
    BOOST_REQUIRE(warnings(log).size() == 1u);
    for (const char* part : {"resource=r", "locker=slow", "thief=thief", "thief_priority=3", "told_ms_ago=1000"})
        BOOST_TEST(has(warnings(log)[0], part), part << " is not in: " << warnings(log)[0]);
    for (int i = 0; i < 14; ++i)
        f.advance(1s);
    BOOST_REQUIRE(warnings(log).size() == 4u); // 1, 3, 7, 15 s
    BOOST_TEST(has(warnings(log)[3], "told_ms_ago=15000"));
    BOOST_TEST(f.manager->metrics().overruns == 1u);
    CHECK_PENDING(thief);

    work.end();
    f.poll();
    CHECK_COMPLETED(thief, success);
    BOOST_TEST(done.done());
    BOOST_TEST((f.snapshot().resources.at(0).holder.told_at == redlock::clock::time_point::max()));
    BOOST_TEST(!f.snapshot().resources.at(0).holder.thief);
    f.advance(1h);
    BOOST_TEST(warnings(log).size() == 4u);
    BOOST_TEST(f.manager->metrics().overruns == 1u);
}

MANAGER_TEST_CASE(T48_a_function_of_async_with_lock_that_ignores_its_cancellation_is_warned_of)
{
    deaf_work work;
    completion done;
    redlock::async_with_lock(
        *f.manager, "r", "slow", {.grace = 5ms}, [&](lock&) { return work.async_do(asio::deferred); }, record(done));
    f.poll();
    check_overrun(f, work, done);
}

MANAGER_TEST_CASE(a_step_of_async_run_that_ignores_its_cancellation_is_warned_of)
{
    deaf_work work;
    completion done;
    int object = 0;
    redlock::synchronized slow(*f.manager, "r", object, {}, "slow");
    slow.async_run(
        [&](int&, redlock::transaction_context& context) -> asio::awaitable<void> {
            co_await context.step(work.async_do(asio::use_awaitable));
        },
        [&](const std::exception_ptr&) { done.note({}); });
    f.poll();
    check_overrun(f, work, done);
}

MANAGER_TEST_CASE(a_guarded_operation_that_ignores_its_cancellation_is_warned_of_after_the_grace)
{
    deaf_work work;
    completion done;
    lock held = f.get("r", "slow", {.grace = 1s});
    work.async_do(held.guard(record(done)));
    check_overrun(f, work, done);
}

MANAGER_TEST_CASE(parts_of_a_composite_are_warned_of_where_somebody_waits)
{
    log_capture log;
    deaf_work work;
    completion done;
    redlock::async_with_lock(
        *f.manager, "slow", {{"a"}, {"r"}, {"s"}}, redlock::infinite,
        [&](lock&) { return work.async_do(asio::deferred); }, record(done));
    f.poll();
    acquired thief, waits;
    f.acquire(thief, "r", "thief", {.priority = 3});
    f.acquire(waits, "s", "equal");
    f.poll();
    f.advance(1s);
    BOOST_REQUIRE(warnings(log).size() == 2u);
    const bool first = has(warnings(log)[0], "resource=r");
    BOOST_TEST(has(warnings(log)[first ? 0 : 1], "thief=thief"));
    BOOST_TEST(has(warnings(log)[first ? 1 : 0], "thief=equal"));
    work.end();
    f.poll();
    CHECK_COMPLETED(thief, success);
    CHECK_COMPLETED(waits, success);
}

// I4: a victim that keeps nobody waiting is no work.
MANAGER_TEST_CASE(a_victim_whose_thief_has_given_up_is_not_warned_of_and_keeps_no_context_alive)
{
    log_capture log;
    lock held = f.get("r", "slow", {.grace = redlock::infinite});
    acquired thief;
    f.acquire(thief, "r", "thief", {.priority = 3, .timeout = 1500ms});
    f.advance(1s);
    BOOST_TEST(warnings(log).size() == 1u);
    f.advance(500ms);
    CHECK_COMPLETED(thief, errc::acquire_timeout);
    BOOST_TEST(!f.snapshot().resources.at(0).holder.thief);
    f.advance(1s); // the timer lingers
    BOOST_TEST(f.context.stopped());
    f.advance(1h);
    BOOST_TEST(warnings(log).size() == 1u);
}

MANAGER_TEST_CASE(warnings_can_be_turned_off)
{
    f.manager = make_manager(f.context.get_executor(), f.kind, {.overrun_after = redlock::infinite});
    log_capture log;
    lock held = f.get("r", "slow", {.grace = redlock::infinite});
    acquired thief;
    f.acquire(thief, "r", "thief", {.priority = 3});
    f.advance(1h);
    CHECK_PENDING(thief);
    BOOST_TEST(log.records().empty());
    BOOST_TEST(f.manager->metrics().overruns == 0u);
    held.release();
    f.poll();
}

BOOST_AUTO_TEST_CASE(over_a_protocol_a_victim_is_warned_of_too)
{
    asio::io_context context;
    const auto store =
        std::make_shared<redlock::testing::memory_protocol>(context.get_executor(), redlock::testing::manual_time);
    lock_manager one = redlock::testing::make_manager(context, store);
    lock_manager two = redlock::testing::make_manager(context, store);
    for (lock_manager* const thiefs : {&one, &two}) {
        const bool same = thiefs == &one;
        const level_scope level(log_level::debug);
        log_capture log;
        acquired victim, thief;
        one.async_acquire("r", "slow", {.priority = 1, .grace = redlock::infinite}, record(victim));
        poll(context);
        CHECK_COMPLETED(victim, success);
        const auto told = manual_clock::now();
        thiefs->async_acquire("r", "thief", {.priority = 7}, record(thief));
        poll(context);
        BOOST_TEST(victim.lk.state() == lock_state::revoking);
        redlock::snapshot seen;
        one.async_snapshot([&](error_code, redlock::snapshot s) { seen = std::move(s); });
        poll(context);
        BOOST_TEST((seen.resources.at(0).holder.told_at == told));
        BOOST_REQUIRE(seen.resources.at(0).holder.thief.has_value());
        BOOST_TEST(seen.resources.at(0).holder.thief->locker_id == (same ? "thief" : ""));
        BOOST_TEST(seen.resources.at(0).holder.thief->priority == 7);
        const std::string name = same ? "thief=thief thief_priority=7" : "thief=(of another manager) thief_priority=7";
        const auto named = [&](std::string_view word) {
            return std::count_if(log.records().begin(), log.records().end(), [&](const auto& each) {
                return each.text.starts_with(word) && has(each.text, "locker=slow") && has(each.text, name);
            });
        };
        BOOST_TEST(named("revoking") == 1);
        BOOST_TEST(log.count("overrun") == 0u);
        const auto overruns = one.metrics().overruns;
        manual_clock::advance(1s);
        poll(context);
        BOOST_TEST(named("overrun") == 1);
        BOOST_TEST(log.count("overrun") == 1u); // the store says nothing of its own
        BOOST_TEST(one.metrics().overruns == overruns + 1);
        BOOST_TEST(two.metrics().overruns == 0u);
        victim.lk.release();
        poll(context);
        CHECK_COMPLETED(thief, success);
        manual_clock::advance(1h);
        poll(context);
        BOOST_TEST(log.count("overrun") == 1u);
        thief.lk.release();
        poll(context);
    }
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

MANAGER_TEST_CASE(the_line_of_a_preemption_names_the_thief_be_it_granted_at_once_or_not)
{
    const level_scope level(log_level::debug);
    for (const redlock::duration grace : {redlock::duration(1s), redlock::duration(0s)}) {
        log_capture log;
        lock low = f.get("lights", "motion", {.priority = 1, .grace = grace});
        acquired high;
        f.acquire(high, "lights", "alarm", {.priority = 2});
        low.release();
        f.poll();
        CHECK_COMPLETED(high, success);
        int named = 0;
        for (const auto& record : log.records()) {
            const bool told = record.text.starts_with("revoking") || record.text.starts_with("preempted");
            BOOST_TEST(has(record.text, "thief=") == told, record.text);
            named += has(record.text, "locker=motion") && has(record.text, "thief=alarm thief_priority=2") ? 1 : 0;
        }
        BOOST_TEST(named == 1);
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
