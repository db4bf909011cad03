// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/node/redis_store.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <tuple>

namespace test {

namespace {

constexpr auto field_of = [](const auto& each) -> std::string_view { return each.first; };

[[noreturn]] void fail_for_type()
{
    throw redis_error("WRONGTYPE Operation against a key holding the wrong kind of value");
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept
{
    a = (a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccd;
    return a ^ (a >> 32);
}

std::uint64_t mixed(std::uint64_t a, std::string_view text) noexcept
{
    return mixed(a, redis_store::text_hash()(text));
}

/// Of what is in brackets, without these.
bool is_in_set(std::string_view set, char c) noexcept
{
    const bool inverted = set.starts_with('^');
    if (inverted)
        set.remove_prefix(1);
    bool found = false;
    while (!set.empty()) {
        if (set[0] == '\\' && set.size() > 1) {
            found = found || set[1] == c;
            set.remove_prefix(2);
        } else if (set.size() > 2 && set[1] == '-') {
            found = found || (std::min(set[0], set[2]) <= c && c <= std::max(set[0], set[2]));
            set.remove_prefix(3);
        } else {
            found = found || set[0] == c;
            set.remove_prefix(1);
        }
    }
    return found != inverted;
}

/// The length of what one character has to match at the front of a pattern.
std::size_t length_of_first(std::string_view pattern) noexcept
{
    if (pattern[0] == '\\')
        return std::min<std::size_t>(2, pattern.size());
    if (pattern[0] != '[')
        return 1;
    for (std::size_t at = 1; at < pattern.size(); ++at)
        if (pattern[at] == '\\')
            ++at;
        else if (pattern[at] == ']')
            return at + 1;
    return pattern.size();
}

bool first_matches(std::string_view first, char c) noexcept
{
    if (first[0] == '\\' && first.size() == 2)
        return first[1] == c;
    if (first[0] == '[')
        return is_in_set(first.substr(1, first.size() - (first.ends_with(']') ? 2 : 1)), c);
    return first[0] == '?' || first[0] == c;
}

} // namespace

std::optional<std::int64_t> redis_integer(std::string_view text) noexcept
{
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.starts_with('0') && text != "0")
        return {};
    std::int64_t n = 0;
    const char* const end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, n);
    if (ec != std::errc() || at != end)
        return {};
    return n;
}

bool matches(std::string_view pattern, std::string_view text) noexcept
{
    // The latest star may stand for one character more, whenever what comes after it does not match.
    std::optional<std::pair<std::string_view, std::string_view>> again;
    for (;;) {
        if (pattern.starts_with('*')) {
            pattern.remove_prefix(1);
            again = {pattern, text};
            continue;
        }
        if (pattern.empty() ? text.empty()
                            : !text.empty() && first_matches(pattern.substr(0, length_of_first(pattern)), text[0])) {
            if (text.empty())
                return true;
            pattern.remove_prefix(length_of_first(pattern));
            text.remove_prefix(1);
            continue;
        }
        if (!again || again->second.empty())
            return false;
        again->second.remove_prefix(1);
        std::tie(pattern, text) = *again;
    }
}

// --- keys ------------------------------------------------------------------------------------------------------------

void redis_store::set_clock(std::int64_t ms)
{
    clock_ = ms;
    if (ms <= expires_)
        return;
    expires_ = never;
    for (auto it = keys_.begin(); it != keys_.end();)
        if (it->second.expires_at < ms) {
            it = keys_.erase(it);
        } else {
            expires_ = std::min(expires_, it->second.expires_at);
            ++it;
        }
}

redis_store::value* redis_store::find(std::string_view key)
{
    const auto it = keys_.find(key);
    return it == keys_.end() ? nullptr : &it->second;
}

const redis_store::value* redis_store::find(std::string_view key) const
{
    const auto it = keys_.find(key);
    return it == keys_.end() ? nullptr : &it->second;
}

template <class Data>
Data* redis_store::data_of(std::string_view key)
{
    value* const found = find(key);
    if (!found)
        return nullptr;
    if (Data* const data = std::get_if<Data>(&found->data))
        return data;
    fail_for_type();
}

template <class Data>
const Data* redis_store::data_of(std::string_view key) const
{
    return const_cast<redis_store&>(*this).data_of<Data>(key);
}

template <class Data>
Data& redis_store::make(std::string_view key)
{
    if (Data* const data = data_of<Data>(key))
        return *data;
    return std::get<Data>(keys_.emplace(key, value{Data{}}).first->second.data);
}

bool redis_store::erase(std::string_view key)
{
    const auto it = keys_.find(key);
    if (it == keys_.end())
        return false;
    keys_.erase(it);
    return true;
}

void redis_store::put(std::string_view key, value v)
{
    expires_ = std::min(expires_, v.expires_at);
    if (value* const found = find(key))
        *found = std::move(v);
    else
        keys_.emplace(key, std::move(v));
}

bool redis_store::expire_at(std::string_view key, std::int64_t ms)
{
    value* const found = find(key);
    if (!found)
        return false;
    if (ms <= clock_)
        return erase(key);
    found->expires_at = ms;
    expires_ = std::min(expires_, ms);
    return true;
}

std::pair<std::uint64_t, std::vector<std::string>> redis_store::scan(std::uint64_t cursor, std::size_t count) const
{
    std::vector<std::pair<std::uint64_t, const std::string*>> rest;
    for (const auto& [key, v] : keys_)
        if (const std::uint64_t place = text_hash()(key); place >= cursor)
            rest.emplace_back(place, &key);
    std::sort(rest.begin(), rest.end(),
              [](const auto& a, const auto& b) { return std::tie(a.first, *a.second) < std::tie(b.first, *b.second); });
    std::vector<std::string> found;
    for (const auto& [place, key] : rest) {
        if (found.size() >= count && place != rest[found.size() - 1].first)
            return {place, std::move(found)};
        found.push_back(*key);
    }
    return {0, std::move(found)};
}

std::uint64_t redis_store::digest() const noexcept
{
    std::uint64_t sum = keys_.size();
    for (const auto& [key, v] : keys_) {
        std::uint64_t each = mixed(mixed(static_cast<std::uint64_t>(v.expires_at), key), v.data.index());
        if (const auto* const text = std::get_if<std::string>(&v.data))
            each = mixed(each, *text);
        else if (const auto* const fields = std::get_if<hash>(&v.data))
            for (const auto& [field, content] : *fields)
                each = mixed(mixed(each, field), content);
        else if (const auto* const members = std::get_if<sorted_set>(&v.data))
            for (const auto& member : *members)
                each = mixed(each, member);
        sum += each; // in whatever order
    }
    return sum;
}

// --- hashes ----------------------------------------------------------------------------------------------------------

const std::string* redis_store::get_field(std::string_view key, std::string_view field) const
{
    const hash* const h = data_of<hash>(key);
    if (!h)
        return nullptr;
    const auto it = std::ranges::lower_bound(*h, field, {}, field_of);
    return it != h->end() && it->first == field ? &it->second : nullptr;
}

bool redis_store::set_field(std::string_view key, std::string_view field, std::string_view content)
{
    hash& h = make<hash>(key);
    const auto it = std::ranges::lower_bound(h, field, {}, field_of);
    if (it != h.end() && it->first == field) {
        it->second = content;
        return false;
    }
    h.emplace(it, field, content);
    return true;
}

bool redis_store::erase_field(std::string_view key, std::string_view field)
{
    hash* const h = data_of<hash>(key);
    if (!h)
        return false;
    const auto it = std::ranges::lower_bound(*h, field, {}, field_of);
    if (it == h->end() || it->first != field)
        return false;
    h->erase(it);
    if (h->empty())
        erase(key);
    return true;
}

// --- sorted sets -----------------------------------------------------------------------------------------------------

bool redis_store::add_member(std::string_view key, std::string_view member)
{
    sorted_set& s = make<sorted_set>(key);
    const auto it = std::ranges::lower_bound(s, member);
    if (it != s.end() && *it == member)
        return false;
    s.emplace(it, member);
    return true;
}

bool redis_store::erase_member(std::string_view key, std::string_view member)
{
    sorted_set* const s = data_of<sorted_set>(key);
    if (!s)
        return false;
    const auto it = std::ranges::lower_bound(*s, member);
    if (it == s->end() || *it != member)
        return false;
    s->erase(it);
    if (s->empty())
        erase(key);
    return true;
}

std::size_t redis_store::count_members(std::string_view key) const
{
    const sorted_set* const s = data_of<sorted_set>(key);
    return s ? s->size() : 0;
}

std::span<const std::string> redis_store::members(std::string_view key, std::int64_t first, std::int64_t last) const
{
    const sorted_set* const s = data_of<sorted_set>(key);
    if (!s)
        return {};
    const auto size = static_cast<std::int64_t>(s->size());
    const auto from_front = [size](std::int64_t at) { return at < 0 ? std::max<std::int64_t>(at + size, -1) : at; };
    first = std::max<std::int64_t>(from_front(first), 0);
    last = std::min(from_front(last), size - 1);
    if (first > last)
        return {};
    return std::span(*s).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1));
}

} // namespace test
