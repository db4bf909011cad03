// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "acquisition.hpp"

#include <array>
#include <charconv>
#include <functional>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

/// What the clocks of two machines may differ by in the measurement of a ttl: 1 % and 2 ms, as in the Redlock text.
duration drift(duration ttl) noexcept
{
    return ttl / 100 + 2ms;
}

} // namespace

std::string to_text(acquisition_id id)
{
    std::array<char, 40> buffer{};
    char* end = std::to_chars(buffer.data(), buffer.data() + 16, id.client, 16).ptr;
    std::string result(16 - static_cast<std::size_t>(end - buffer.data()), '0');
    *end++ = '-';
    end = std::to_chars(end, buffer.data() + buffer.size(), id.number).ptr;
    return result.append(buffer.data(), end);
}

acquisition_id id_in(std::string_view text) noexcept
{
    acquisition_id id;
    const char* const end = text.data() + text.size();
    const auto [dash, bad] = std::from_chars(text.data(), end, id.client, 16);
    if (bad != std::errc() || dash == end || std::from_chars(dash + 1, end, id.number).ec != std::errc())
        return {};
    return id;
}

bool acquisition::is_kept_back() const noexcept
{
    return any([](const node_vote& v) { return v.kept_back; });
}

bool acquisition::has_rival() const noexcept
{
    return any([](const node_vote& v) {
        return v.has_answered && !v.yielded && (v.status == vote_status::waiting || v.status == vote_status::refused);
    });
}

bool acquisition::has_yielded() const noexcept
{
    return any([](const node_vote& v) { return v.yielded; });
}

std::optional<std::int64_t> acquisition::agreed_token(std::size_t quorum) const
{
    for (const node_vote& v : votes) {
        const auto agrees = [&v](const node_vote& w) { return w.status == vote_status::granted && w.token == v.token; };
        if (v.status == vote_status::granted && count(agrees) >= quorum)
            return v.token;
    }
    return {};
}

std::int64_t acquisition::largest_token() const noexcept
{
    std::int64_t largest = 0;
    for (const node_vote& v : votes)
        if (v.status == vote_status::granted)
            largest = std::max(largest, v.token);
    return largest;
}

std::size_t acquisition::notices_to_one_holder() const
{
    const auto has_told = [](const node_vote& v) { return v.status == vote_status::waiting && v.outranked; };
    std::size_t most = 0;
    for (const node_vote& v : votes)
        if (has_told(v))
            most = std::max(most, count([&](const node_vote& w) { return has_told(w) && w.holder == v.holder; }));
    return most;
}

std::optional<time_point> acquisition::validity_of(std::vector<time_point> sent, std::size_t quorum) const
{
    if (sent.size() < quorum)
        return {};
    std::sort(sent.begin(), sent.end(), std::greater<>());
    return sent[quorum - 1] + ttl - drift(ttl);
}

} // namespace priority_redlock::detail::redis
