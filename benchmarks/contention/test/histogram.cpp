// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "histogram.hpp"

#include "table.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>

using namespace contention;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(histograms)

BOOST_AUTO_TEST_CASE(buckets_follow_each_other_and_are_narrow)
{
    for (std::size_t i = 0; i + 1 < histogram::buckets; ++i) {
        const std::uint64_t bound = histogram::bound_of(i);
        BOOST_REQUIRE(histogram::bucket_of(bound) == i);
        BOOST_REQUIRE(histogram::bucket_of(bound + 1) == i + 1);
        const double width = static_cast<double>(histogram::bound_of(i + 1) - bound);
        BOOST_REQUIRE(width <= 1 || width / static_cast<double>(bound + 1) <= 1.0 / 64);
    }
    BOOST_TEST(histogram::bucket_of(~std::uint64_t(0)) == histogram::buckets - 1);
}

BOOST_AUTO_TEST_CASE(percentiles_are_what_they_should_be)
{
    histogram h;
    for (int i = 1; i <= 1000; ++i)
        h.add(std::chrono::microseconds(i));
    histogram::merger m;
    m.add(h);
    m.add(h);
    const spread s = m.result();
    BOOST_TEST(s.count == 2000U);
    BOOST_TEST(s.mean_us == 500.5);
    BOOST_TEST(s.p50_us == 500, boost::test_tools::tolerance(0.016));
    BOOST_TEST(s.p99_us == 990, boost::test_tools::tolerance(0.016));
    BOOST_TEST(s.p999_us == 999, boost::test_tools::tolerance(0.016));
    BOOST_TEST(s.max_us == 1000);
    BOOST_TEST(s.percentile(1) == 1000);
}

BOOST_AUTO_TEST_CASE(nothing_counted_is_nothing)
{
    const spread s = histogram::merger().result();
    BOOST_TEST(s.count == 0U);
    BOOST_TEST(s.p99_us == 0);
    BOOST_TEST(s.mean_us == 0);
}

BOOST_AUTO_TEST_CASE(figures_are_written_with_three_digits_and_their_unit)
{
    BOOST_TEST(format_time(0) == "0 ns");
    BOOST_TEST(format_time(0.8124) == "812 ns");
    BOOST_TEST(format_time(12.34) == "12.3 µs");
    BOOST_TEST(format_time(999.9) == "1.00 ms");
    BOOST_TEST(format_time(1.2e6) == "1.20 s");
    BOOST_TEST(format_count(812) == "812");
    BOOST_TEST(format_count(12'340) == "12.3 k");
    BOOST_TEST(format_count(999'900) == "1.00 M");
}

BOOST_AUTO_TEST_SUITE_END()
