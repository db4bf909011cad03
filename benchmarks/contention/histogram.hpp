// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_HISTOGRAM_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_HISTOGRAM_HPP

#include "result.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace contention {

/// A counter with one writer, which any thread may read: no read-modify-write, so it costs what a plain one does.
class counter
{
public:
    void add(std::uint64_t n = 1) noexcept { value_.store(value() + n, std::memory_order_relaxed); }
    void raise(std::uint64_t n) noexcept { value_.store(std::max(value(), n), std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

/// Counts durations in buckets as HdrHistogram's: 64 in each power of two, so that no duration is off by more than 1.6
/// %. (HdrHistogram_c is not packaged for Debian 12.) One thread writes, any thread reads.
class histogram
{
    static constexpr unsigned sub_bits = 6;
    static constexpr unsigned longest_bits = 43; // two hours of nanoseconds

public:
    static constexpr std::size_t buckets = ((longest_bits - sub_bits) << sub_bits) + (std::size_t(1) << sub_bits);

    [[nodiscard]] static std::size_t bucket_of(std::uint64_t ns) noexcept
    {
        const std::uint64_t v = std::min(ns, (std::uint64_t(1) << longest_bits) - 1);
        const auto width = static_cast<unsigned>(std::bit_width(v));
        const unsigned shift = width > sub_bits + 1 ? width - sub_bits - 1 : 0;
        return (std::size_t(shift) << sub_bits) + static_cast<std::size_t>(v >> shift);
    }

    /// The longest duration of a bucket.
    [[nodiscard]] static std::uint64_t bound_of(std::size_t bucket) noexcept
    {
        if (bucket < std::size_t(2) << sub_bits)
            return bucket;
        const std::size_t shift = (bucket >> sub_bits) - 1;
        const std::size_t within = bucket - (shift << sub_bits);
        return ((within + 1) << shift) - 1;
    }

    void add(priority_redlock::duration observed) noexcept
    {
        const auto ns = static_cast<std::uint64_t>(std::max<priority_redlock::duration::rep>(observed.count(), 0));
        counts_[bucket_of(ns)].add();
        sum_.add(ns);
        max_.raise(ns);
    }

    /// Adds what this one counted to a spread, whose buckets are kept by their number meanwhile.
    class merger
    {
    public:
        void add(const histogram& h)
        {
            for (std::size_t i = 0; i < buckets; ++i)
                counts_[i] += h.counts_[i].value();
            sum_ += h.sum_.value();
            max_ = std::max(max_, h.max_.value());
        }

        [[nodiscard]] spread result() const
        {
            spread s;
            for (std::size_t i = 0; i < buckets; ++i) {
                if (counts_[i] == 0)
                    continue;
                s.count += counts_[i];
                s.buckets.push_back({static_cast<double>(bound_of(i)) / 1e3, static_cast<double>(counts_[i])});
            }
            s.max_us = static_cast<double>(max_) / 1e3;
            s.mean_us = s.count ? static_cast<double>(sum_) / 1e3 / static_cast<double>(s.count) : 0;
            s.summarise();
            return s;
        }

    private:
        std::array<std::uint64_t, buckets> counts_{};
        std::uint64_t sum_ = 0;
        std::uint64_t max_ = 0;
    };

private:
    std::array<counter, buckets> counts_;
    counter sum_;
    counter max_;
};

} // namespace contention

#endif
