// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_CHOOSER_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_CHOOSER_HPP

// Everything in a world that is not determined: how long a message takes, who fails and when, what users want. All of
// it is asked of one chooser. The same choices give the same run.

#include <priority_redlock/acquire_options.hpp>

#include <chrono>
#include <cstdint>

namespace simulation {

using priority_redlock::duration;
using std::chrono::microseconds;

/// Names a decision: what is decided, about whom, and with whom. The name is the same in each run of a world.
struct decision
{
    const char* what;
    std::uint32_t about = 0;
    std::uint32_t with = 0;
};

class chooser
{
public:
    chooser() = default;
    chooser(const chooser&) = delete;
    chooser& operator=(const chooser&) = delete;
    virtual ~chooser() = default;

    /// One of 0 ... alternatives - 1, of which there is at least one.
    virtual std::uint64_t choose(std::uint64_t alternatives, const decision& d) = 0;

    /// Whether something happens that has this chance. What has none is not asked for.
    virtual bool happens(double probability, const decision& d) = 0;

    /// Asked between two events: whether the rest of the run matters.
    [[nodiscard]] virtual bool goes_on() { return true; }

    // What is made of these.

    [[nodiscard]] bool chance(double probability, const decision& d)
    {
        return probability > 0 && happens(probability, d);
    }

    [[nodiscard]] std::size_t index(std::size_t size, const decision& d)
    {
        return static_cast<std::size_t>(choose(size, d));
    }

    /// Less than `most`, in whole microseconds; zero if that is not positive.
    [[nodiscard]] duration less_than(duration most, const decision& d)
    {
        const auto count = std::chrono::duration_cast<microseconds>(most).count();
        return count <= 0
                   ? duration::zero()
                   : duration(microseconds(static_cast<std::int64_t>(choose(static_cast<std::uint64_t>(count), d))));
    }

    [[nodiscard]] duration between(duration least, duration most, const decision& d)
    {
        return least + less_than(most - least, d);
    }

    /// Between -most and most.
    [[nodiscard]] duration around_zero(duration most, const decision& d)
    {
        return less_than(2 * most + microseconds(1), d) - most;
    }
};

/// Decides at random, the same for the same seed, with every standard library.
class random_chooser final : public chooser
{
public:
    explicit random_chooser(std::uint64_t seed) : state_(seed) {}

    std::uint64_t choose(std::uint64_t alternatives, const decision&) override { return next() % alternatives; }

    bool happens(double probability, const decision&) override
    {
        return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
    }

private:
    /// SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", 2014.
    std::uint64_t next() noexcept
    {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    std::uint64_t state_;
};

} // namespace simulation

#endif
