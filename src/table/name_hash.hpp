// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The hash of what clients choose: names of resources, ids of lockers and of acquisitions. It has a key that they do
// not know, so that they cannot choose names of one hash, which would be compared with each other one by one (T45).
//
// A text is taken as a polynomial, its words of seven bytes as coefficients, and evaluated at a random point modulo the
// prime 2^61 - 1: J. L. Carter and M. N. Wegman, "Universal classes of hash functions", 1979. Two texts of n words have
// the same value at no more than n of the 2^60 odd points. So whoever does not know the point cannot find two texts
// that collide with a chance above n / 2^60, whatever is computed: about 10^-14 for the longest names, and 3 * 10^-18
// for 20 bytes. (Hashes are not told to anybody. To those who learn many of them the point would be no secret.) The
// value is then mixed, since hash tables look at some bits of it only.

#ifndef PRIORITY_REDLOCK_SRC_NAME_HASH_HPP
#define PRIORITY_REDLOCK_SRC_NAME_HASH_HPP

#include "table/work_count.hpp"

#include <priority_redlock/detail/config.hpp>

#include <boost/config.hpp>
#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace priority_redlock::detail {

struct hash_key
{
    std::uint64_t first = 0;
    std::uint64_t second = 0;

    friend bool operator==(const hash_key&, const hash_key&) = default;
};

/// The key of this process: a random one, which is drawn when it is needed first.
[[nodiscard]] PRIORITY_REDLOCK_DECL hash_key process_hash_key();

/// Gives the process another key, for tests and simulations that are to repeat themselves. Only while there is no
/// manager and no store.
PRIORITY_REDLOCK_DECL void set_process_hash_key(const hash_key& key);

/// The value of a polynomial at a point, whose coefficients come in words below 2^60.
class polynomial
{
public:
    static constexpr std::uint64_t prime = (std::uint64_t{1} << 61) - 1;

    /// The point is made odd: at 0 all texts would have one value.
    polynomial(std::uint64_t point, std::uint64_t first) noexcept : point_((point & prime) | 1), value_(first) {}

    void add(std::uint64_t word) noexcept
    {
        // The value stays below 2^61 + 2, so that the sum does below 2^62, and the product below 2^123.
        const auto [high, low] = multiply(value_ + word, point_);
        const std::uint64_t sum = (low & prime) + (high << 3 | low >> 61);
        value_ = (sum & prime) + (sum >> 61);
    }

    /// Every value is the same number modulo the prime, but some have two of them.
    [[nodiscard]] std::uint64_t value() const noexcept { return value_ < prime ? value_ : value_ - prime; }

private:
    struct product
    {
        std::uint64_t high, low;
    };

    static product multiply(std::uint64_t a, std::uint64_t b) noexcept
    {
#if defined(BOOST_HAS_INT128)
        const boost::uint128_type p = boost::uint128_type{a} * b;
        return {static_cast<std::uint64_t>(p >> 64), static_cast<std::uint64_t>(p)};
#else
        constexpr std::uint64_t half = 0xffffffff;
        const std::uint64_t ll = (a & half) * (b & half), lh = (a & half) * (b >> 32), hl = (a >> 32) * (b & half);
        const std::uint64_t middle = (ll >> 32) + (lh & half) + (hl & half);
        return {(a >> 32) * (b >> 32) + (lh >> 32) + (hl >> 32) + (middle >> 32), middle << 32 | (ll & half)};
#endif
    }

    std::uint64_t point_, value_;
};

/// Spreads what is in some bits to all others: one to one, so that nothing collides by it.
[[nodiscard]] inline std::uint64_t spread(std::uint64_t value) noexcept
{
    value = (value ^ value >> 32) * 0x9e3779b97f4a7c15;
    return value ^ value >> 32;
}

/// Up to seven bytes as a number. What overlaps is read twice: that is quicker than a loop.
[[nodiscard]] inline std::uint64_t few_bytes(const unsigned char* text, std::size_t size) noexcept
{
    const auto at = [text](std::size_t i) { return std::uint64_t{text[i]} << (8 * i); };
    if (size == 0)
        return 0;
    if (size < 4)
        return at(0) | at(size / 2) | at(size - 1);
    return boost::endian::load_little_u32(text)
           | std::uint64_t{boost::endian::load_little_u32(text + size - 4)} << (8 * (size - 4));
}

[[nodiscard]] inline std::uint64_t hash_name(const hash_key& key, std::string_view name) noexcept
{
    const auto* const bytes = reinterpret_cast<const unsigned char*>(name.data());
    const std::size_t size = name.size();
    polynomial p(key.first, size + 1); // so that no text is another one with words of zeros in front
    if (size < 8) {
        p.add(few_bytes(bytes, size));
    } else {
        std::size_t at = 0;
        for (; size - at > 7; at += 7)
            p.add(boost::endian::load_little_u64(bytes + at) & 0xffffffffffffff);
        p.add(boost::endian::load_little_u64(bytes + size - 8) >> (64 - 8 * (size - at)));
    }
    return spread(p.value() + key.second);
}

/// Of several numbers, always as many.
template <class... Numbers>
[[nodiscard]] std::uint64_t hash_numbers(const hash_key& key, Numbers... numbers) noexcept
{
    polynomial p(key.first, 0);
    (p.add(numbers >> 32), ...);
    (p.add(numbers & 0xffffffff), ...);
    return spread(p.value() + key.second);
}

/// For hash tables of names, and of numbers that clients choose.
class keyed_hash
{
public:
    using is_transparent = void;
    using is_avalanching = std::true_type;

    explicit keyed_hash(const hash_key& key) noexcept : key_(key) {}

    std::size_t operator()(std::string_view name) const noexcept
    {
        return static_cast<std::size_t>(hash_name(key_, name));
    }

    std::size_t operator()(std::uint64_t number) const noexcept
    {
        return static_cast<std::size_t>(hash_numbers(key_, number));
    }

private:
    hash_key key_;
};

/// The other half of such a table: counted, since what a look-up costs are its comparisons.
struct counted_equal
{
    using is_transparent = void;

    bool operator()(std::string_view a, std::string_view b) const noexcept
    {
        count_work();
        return a == b;
    }
};

} // namespace priority_redlock::detail

#endif
