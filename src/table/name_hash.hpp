// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The hash of what clients choose: names of resources, ids of lockers and of acquisitions. It has a key that they do
// not know, so that they cannot choose names of one hash, which would be compared with each other one by one (T45).
//
// It is SipHash, in which one round follows each word and three follow the last: J.-P. Aumasson and D. J. Bernstein,
// "SipHash: a fast short-input PRF", Indocrypt 2012.

#ifndef PRIORITY_REDLOCK_SRC_NAME_HASH_HPP
#define PRIORITY_REDLOCK_SRC_NAME_HASH_HPP

#include "table/work_count.hpp"

#include <priority_redlock/detail/config.hpp>

#include <boost/endian/conversion.hpp>

#include <bit>
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

/// The state of a SipHash, to which the text comes in words of eight bytes.
class sip_state
{
public:
    explicit sip_state(const hash_key& key) noexcept
        : v0_(key.first ^ 0x736f6d6570736575), v1_(key.second ^ 0x646f72616e646f6d),
          v2_(key.first ^ 0x6c7967656e657261), v3_(key.second ^ 0x7465646279746573)
    {
    }

    template <int Rounds>
    void add(std::uint64_t word) noexcept
    {
        v3_ ^= word;
        mix<Rounds>();
        v0_ ^= word;
    }

    template <int Rounds>
    [[nodiscard]] std::uint64_t finish() noexcept
    {
        v2_ ^= 0xff;
        mix<Rounds>();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    template <int Rounds>
    void mix() noexcept
    {
        for (int i = 0; i < Rounds; ++i) {
            v0_ += v1_;
            v2_ += v3_;
            v1_ = std::rotl(v1_, 13) ^ v0_;
            v3_ = std::rotl(v3_, 16) ^ v2_;
            v0_ = std::rotl(v0_, 32) + v3_;
            v2_ += v1_;
            v3_ = std::rotl(v3_, 21) ^ v0_;
            v1_ = std::rotl(v1_, 17) ^ v2_;
            v2_ = std::rotl(v2_, 32);
        }
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

/// The last bytes of a text that do not fill a word, with zeros above them. What overlaps is read twice: that is
/// quicker than a loop.
[[nodiscard]] inline std::uint64_t last_bytes(const unsigned char* text, std::size_t size) noexcept
{
    const std::size_t rest = size % 8;
    if (rest == 0)
        return 0;
    if (size > 8)
        return boost::endian::load_little_u64(text + size - 8) >> (64 - 8 * rest);
    const auto at = [text](std::size_t i) { return std::uint64_t{text[i]} << (8 * i); };
    if (rest < 4)
        return at(0) | at(rest / 2) | at(rest - 1);
    return boost::endian::load_little_u32(text)
           | std::uint64_t{boost::endian::load_little_u32(text + rest - 4)} << (8 * (rest - 4));
}

/// SipHash-c-d of a text.
template <int WordRounds, int LastRounds>
[[nodiscard]] inline std::uint64_t sip_hash(const hash_key& key, std::string_view text) noexcept
{
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    const std::size_t size = text.size();
    sip_state state(key);
    for (std::size_t i = 8; i <= size; i += 8)
        state.add<WordRounds>(boost::endian::load_little_u64(bytes + i - 8));
    state.add<WordRounds>(std::uint64_t{size} << 56 | last_bytes(bytes, size));
    return state.finish<LastRounds>();
}

[[nodiscard]] inline std::uint64_t hash_name(const hash_key& key, std::string_view name) noexcept
{
    return sip_hash<1, 3>(key, name);
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
        sip_state state(key_);
        state.add<1>(number);
        return static_cast<std::size_t>(state.finish<3>());
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
