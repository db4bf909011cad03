// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <numeric>
#include <sstream>

namespace priority_redlock::test {

namespace {

/// Those that are not 0, in the order of their declaration.
std::string text(const metrics& m)
{
    const std::pair<const char*, std::uint64_t> all[] = {
        {"grants", m.grants},     {"re_entrances", m.re_entrances},
        {"releases", m.releases}, {"preemptions", m.preemptions},
        {"expiries", m.expiries}, {"losses", m.losses},
        {"timeouts", m.timeouts}, {"cancellations", m.cancellations},
        {"refusals", m.refusals}, {"overruns", m.overruns},
        {"held", m.held},         {"waiting", m.waiting},
    };
    std::ostringstream result;
    for (const auto& [name, value] : all)
        if (value != 0)
            result << (result.tellp() == 0 ? "" : " ") << name << ' ' << value;
    return result.str();
}

/// Those buckets that are not empty: "bound in us: count".
std::string text(const duration_histogram& h)
{
    BOOST_TEST(std::accumulate(h.counts.begin(), h.counts.end(), std::uint64_t{0}) == h.sampled);
    BOOST_TEST(h.sampled <= h.count);
    std::ostringstream result;
    for (std::size_t i = 0; i < h.buckets; ++i)
        if (h.counts[i] != 0) {
            result << (result.tellp() == 0 ? "" : ", ");
            if (h.bound(i) == infinite)
                result << "more";
            else
                result << std::chrono::duration_cast<std::chrono::microseconds>(h.bound(i)).count();
            result << ": " << h.counts[i];
        }
    return result.str();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(lock_table_metrics, table_fixture)

BOOST_AUTO_TEST_CASE(nothing_has_happened)
{
    BOOST_TEST(text(counted()) == "");
    BOOST_TEST(text(counted().wait_time) == "");
}

BOOST_AUTO_TEST_CASE(grants_releases_and_what_is_held)
{
    acquire("a");
    acquire("b", {}, "other");
    BOOST_TEST(text(counted()) == "grants 2 held 2");
    acquire("a/2");
    release("a");
    BOOST_TEST(text(counted()) == "grants 2 re_entrances 1 held 2");
    release("a/2");
    release("a/2"); // again
    BOOST_TEST(text(counted()) == "grants 2 re_entrances 1 releases 1 held 1");
}

BOOST_AUTO_TEST_CASE(a_hand_over)
{
    acquire("a");
    acquire("b");
    acquire("b/2");
    BOOST_TEST(text(counted()) == "grants 1 held 1 waiting 2");
    release("a");
    BOOST_TEST(text(counted()) == "grants 2 re_entrances 1 releases 1 held 1");
}

BOOST_AUTO_TEST_CASE(preemption)
{
    acquire("a");
    acquire("b", {.priority = 1});
    BOOST_TEST(text(counted()) == "grants 1 preemptions 1 held 1 waiting 1");
    release("a");
    BOOST_TEST(text(counted()) == "grants 2 preemptions 1 held 1");
    release("b");
    BOOST_TEST(text(counted()) == "grants 2 releases 1 preemptions 1");
}

BOOST_AUTO_TEST_CASE(a_preempted_lock_whose_grace_or_ttl_ends_has_not_expired)
{
    acquire("a", {.grace = 1ms});
    acquire("b", {.priority = 1, .ttl = 5ms});
    at_time(1ms);
    acquire("c", {.priority = 2});
    at_time(6ms);
    BOOST_TEST(text(counted()) == "grants 3 preemptions 2 held 1");
}

BOOST_AUTO_TEST_CASE(expiry)
{
    acquire("a", {.ttl = 1ms});
    acquire("a/2");
    at_time(1ms);
    BOOST_TEST(text(counted()) == "grants 1 re_entrances 1 expiries 1");
}

BOOST_AUTO_TEST_CASE(acquires_that_fail)
{
    acquire("a");
    acquire("b", {.timeout = 1ms});
    acquire("c", {.timeout = 0ms});
    acquire("d", {.max_attempts = 1});
    acquire("e", {.max_attempts = 2});
    acquire("f");
    at_time(1ms);
    withdraw("f");
    BOOST_TEST(text(counted()) == "grants 1 timeouts 2 cancellations 1 refusals 2 held 1");
}

BOOST_AUTO_TEST_CASE(one_wait_of_so_many_is_measured_if_it_is_granted)
{
    constexpr int each = static_cast<int>(metrics::sampling);
    acquire("holder");
    for (int i = 1; i <= 3 * each; ++i)
        acquire(std::to_string(i), {.timeout = i == each ? duration(1ms) : infinite});
    at_time(1ms); // the first that would have been measured is not granted
    release("holder");
    for (int i = 1; i <= 3 * each; ++i)
        if (i != each) {
            clock_at(elapsed() + 10us);
            release(std::to_string(i));
        }
    const auto h = counted().wait_time;
    BOOST_TEST(text(h) == "4096: 2");
    BOOST_TEST(h.count == 3u * each); // but for the one that was not granted, and with the holder, which did not wait
    BOOST_TEST(h.sum.count() == 2 * 0.001 + (126 + 190) * 1e-5, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(one_of_so_many_that_did_not_wait_counts_as_a_wait_of_0)
{
    constexpr int each = static_cast<int>(metrics::sampling);
    for (int i = 1; i <= each; ++i)
        acquire(std::to_string(i), {}, "r" + std::to_string(i));
    for (int i = 1; i <= each; ++i)
        acquire(std::to_string(i) + "/2", {}, "r" + std::to_string(i));
    BOOST_TEST(text(counted().wait_time) == "1: 2");
    BOOST_TEST(counted().wait_time.count == 2u * each);
    BOOST_TEST(counted().wait_time.sum.count() == 0.);
}

BOOST_AUTO_TEST_CASE(one_hold_of_so_many_is_measured)
{
    constexpr auto each = static_cast<int>(metrics::sampling);
    for (int i = 1; i <= 3 * each; ++i) {
        acquire(std::to_string(i));
        clock_at(elapsed() + i * 1us);
        release(std::to_string(i));
    }
    const auto h = counted().hold_time;
    BOOST_TEST(text(h) == "64: 1, 128: 1, 256: 1"); // the 64th, 128th and 192nd
    BOOST_TEST(h.count == 3u * each);
    BOOST_TEST(h.sum.count() == (64 + 128 + 192) * 1e-6, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_measured_hold_ends_with_its_last_handle_or_with_the_hand_shake)
{
    acquire("first");
    const int each = static_cast<int>(metrics::sampling);
    for (int i = 2; i < each; ++i) {
        acquire(std::to_string(i));
        withdraw(std::to_string(i));
    }
    BOOST_TEST(counted().grants == 1u);
    release("first");
    for (int i = 2; i < each; ++i)
        acquire("?" + std::to_string(i)), release("?" + std::to_string(i));
    acquire("z"); // the 64th
    acquire("z/2");
    clock_at(1ms);
    release("z");
    acquire("thief", {.priority = 1});
    clock_at(4ms);
    BOOST_TEST(counted().hold_time.sampled == 0u);
    release("z/2");
    BOOST_TEST(text(counted().hold_time) == "4096: 1");
}

BOOST_AUTO_TEST_CASE(the_clock_is_read_for_one_lock_in_so_many)
{
    acquire("warm");
    release("warm");
    const int before = clock_reads;
    constexpr int rounds = 640;
    for (int i = 0; i < rounds; ++i)
        acquire(std::to_string(i)), release(std::to_string(i));
    BOOST_TEST(clock_reads - before <= 2 * rounds / static_cast<int>(metrics::sampling));
    BOOST_TEST(counted().hold_time.sampled == 10u);
    BOOST_TEST(counted().hold_time.count == rounds + 1u);
}

BOOST_AUTO_TEST_CASE(counts_are_of_all_and_say_how_many_were_measured)
{
    for (unsigned i = 0; i < 50; ++i) {
        const std::string name = std::to_string(i);
        acquire(name);
        acquire(name + "/2");
        acquire("?" + name);
        release(name);
        BOOST_TEST(counted().hold_time.count == 2 * i); // nothing has ended
        release(name + "/2");
        release("?" + name);
    }
    acquire("holds");
    BOOST_TEST(counted().hold_time.count == 100u);
    BOOST_TEST(counted().hold_time.sampled == 1u); // the 64th
    BOOST_TEST(counted().wait_time.count == 151u);
    BOOST_TEST(counted().wait_time.sampled == 101u / metrics::sampling); // of 50 that waited none
}

BOOST_AUTO_TEST_CASE(many_measured_holds_at_once)
{
    constexpr int all = 64 * 40;
    for (int i = 0; i < all; ++i)
        acquire(std::to_string(i), {}, "r" + std::to_string(i));
    clock_at(3us);
    for (int i = 0; i < all; ++i)
        release(std::to_string(i));
    BOOST_TEST(text(counted().hold_time) == "4: 40");
}

struct table_that_measures_all : table_fixture
{
    table_that_measures_all() : table_fixture(default_idle_capacity, {.measure_all = true}) {}

    /// When the lock of a resource was granted, in milliseconds since the start; -1 if that is not known.
    [[nodiscard]] std::int64_t since(const std::string& resource) const
    {
        time_point result = never;
        for_each_since([&](std::string_view name, time_point when) {
            if (name == resource)
                result = when;
        });
        return result == never ? -1 : std::chrono::duration_cast<std::chrono::milliseconds>(result - start).count();
    }
};

BOOST_FIXTURE_TEST_CASE(all_is_measured_if_asked_for, table_that_measures_all)
{
    constexpr int all = 50;
    for (int i = 0; i < all; ++i) {
        const std::string name = std::to_string(i);
        acquire("held " + name, {}, name);
        acquire("next " + name, {}, name);
    }
    clock_at(5ms);
    acquire("late", {}, "0");
    acquire("alone", {}, "x");
    for (int i = 0; i < all; ++i)
        release("held " + std::to_string(i));
    BOOST_TEST(text(counted().hold_time) == "8192: 50");
    BOOST_TEST(text(counted().wait_time) == "1: 51, 8192: 50");
    BOOST_TEST(counted().wait_time.sampled == counted().wait_time.count);
    clock_at(7ms);
    release("next 0");
    BOOST_TEST(text(counted().hold_time) == "2048: 1, 8192: 50");
    BOOST_TEST(since("0") == 7);
    BOOST_TEST(since("1") == 5);
    BOOST_TEST(since("x") == 5);
    acquire("thief", {.priority = 1}, "1");
    clock_at(8ms);
    BOOST_TEST(since("1") == 5); // while it is told to go
    release("next 1");
    BOOST_TEST(since("1") == 8);
    release("thief");
    acquire("waits", {}, "x");
    withdraw("waits");
    release("alone");
    BOOST_TEST(since("1") == -1);
    BOOST_TEST(since("x") == -1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(histograms)

BOOST_AUTO_TEST_CASE(bounds_belong_to_the_bucket_below)
{
    duration_histogram h;
    for (const duration d :
         {duration(0ns), duration(1ns), duration(1us), duration(1us + 1ns), duration(2us), duration(2001ns),
          duration(4us), duration(67108864us), duration(67108864us + 1ns), duration(24h * 365)})
        h.add(d);
    BOOST_TEST(text(h) == "1: 3, 2: 2, 4: 2, 67108864: 1, more: 2");
    BOOST_TEST(h.count == 10u);
    BOOST_TEST(h.sampled == 10u);
    duration_histogram both;
    both += h;
    both.count += 5;
    both += both;
    BOOST_TEST(both.count == 30u);
    BOOST_TEST(both.sampled == 20u);
    for (std::size_t i = 1; i < h.buckets; ++i)
        BOOST_TEST((h.bound(i - 1) < h.bound(i)));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
