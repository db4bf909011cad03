// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_NODE_REDIS_STORE_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_NODE_REDIS_STORE_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace test {

/// An error reply to a command, without the '-'.
struct redis_error : std::runtime_error
{
    using runtime_error::runtime_error;
};

/// Decimal as Redis takes it: no space, no '+', no zero in front.
[[nodiscard]] std::optional<std::int64_t> redis_integer(std::string_view text) noexcept;

/// The keys of a Redis server, with what the scripts ask of them. A key of another type makes a command throw
/// `redis_error`.
///
/// It is copied for snapshots and compared; both see only the keys that have not expired.
class redis_store
{
public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    using hash = std::vector<std::pair<std::string, std::string>>; // ordered by field
    using sorted_set = std::vector<std::string>;                   // all scores are 0: ordered by member, as bytes
    struct foreign                                                 // of a type that the scripts do not use
    {
        friend bool operator==(const foreign&, const foreign&) = default;
    };

    struct value
    {
        std::variant<std::string, hash, sorted_set, foreign> data{};
        std::int64_t expires_at = never; // ms: it is gone when the clock shows more

        friend bool operator==(const value&, const value&) = default;
    };

    struct text_hash
    {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    using keys = std::unordered_map<std::string, value, text_hash, std::equal_to<>>;

    /// The server's clock shows this, in ms. What expires goes.
    void set_clock(std::int64_t ms);

    [[nodiscard]] bool exists(std::string_view key) const { return keys_.contains(key); }
    bool erase(std::string_view key);
    void clear() noexcept { keys_.clear(); }
    [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

    /// What is put under a key, whatever was there.
    void put(std::string_view key, value v);

    /// Null: there is none.
    [[nodiscard]] const std::string* get_field(std::string_view key, std::string_view field) const;

    /// Whether it is new.
    bool set_field(std::string_view key, std::string_view field, std::string_view content);

    /// Whether it was there. The key goes with the last one.
    bool erase_field(std::string_view key, std::string_view field);

    bool add_member(std::string_view key, std::string_view member);
    bool erase_member(std::string_view key, std::string_view member);
    [[nodiscard]] std::size_t count_members(std::string_view key) const;

    /// From the first to the last, which count from 0, or from the end if they are negative.
    [[nodiscard]] std::span<const std::string> members(std::string_view key, std::int64_t first,
                                                       std::int64_t last) const;

    /// Whether there is such a key, which then goes at this time: at once, if it is over.
    bool expire_at(std::string_view key, std::int64_t ms);

    /// The keys from a cursor on, about so many, and where it goes on (0: it is complete). What is there all the time
    /// is found, whatever else comes and goes.
    [[nodiscard]] std::pair<std::uint64_t, std::vector<std::string>> scan(std::uint64_t cursor,
                                                                          std::size_t count) const;

    [[nodiscard]] const keys& all() const noexcept { return keys_; }

    /// Of all keys, their contents and their ends: different for different ones, as far as a hash can be.
    [[nodiscard]] std::uint64_t digest() const noexcept;

    friend bool operator==(const redis_store& a, const redis_store& b) { return a.keys_ == b.keys_; }

private:
    [[nodiscard]] value* find(std::string_view key);
    [[nodiscard]] const value* find(std::string_view key) const;

    template <class Data>
    [[nodiscard]] Data* data_of(std::string_view key);
    template <class Data>
    [[nodiscard]] const Data* data_of(std::string_view key) const;
    template <class Data>
    [[nodiscard]] Data& make(std::string_view key);

    keys keys_;
    std::int64_t clock_ = 0;
    std::int64_t expires_ = never; // nothing goes before
};

/// Whether a pattern of Redis (`*`, `?`, `[a-z]`, `[^a]`, `\` before what is special) is that of a whole text.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text) noexcept;

} // namespace test

#endif
