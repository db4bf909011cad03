// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/describe.hpp"

#include "redis/acquisition.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace simulation {

using priority_redlock::detail::redis::answer;
using priority_redlock::detail::redis::call;
using priority_redlock::detail::redis::node_command;

namespace {

std::string_view name_of(answer::verdict v)
{
    using verdict = answer::verdict;
    switch (v) {
    case verdict::granted: return "granted";
    case verdict::waiting: return "waiting";
    case verdict::refused: return "refused";
    case verdict::gone: return "gone";
    case verdict::quarantined: return "quarantined";
    case verdict::mismatch: return "mismatch";
    case verdict::ready: return "ready";
    case verdict::evicting: return "evicting";
    case verdict::scanned: return "scanned";
    case verdict::occupied: return "occupied";
    case verdict::inspected: return "inspected";
    case verdict::done: return "done";
    case verdict::absent: return "absent";
    case verdict::unknown: return "unknown script";
    case verdict::failed: return "failed";
    case verdict::lost: return "lost";
    }
    return {};
}

std::string describe(const call& c)
{
    using priority_redlock::detail::redis::name_of;
    std::string result(name_of(c.command));
    if (!c.about)
        return result;
    result += ' ' + readable(c.about->id_text);
    if (c.command == node_command::obtain) {
        const auto brace = c.about->lock_key.find('{');
        result += ' ' + c.about->lock_key.substr(brace + 1, c.about->lock_key.size() - brace - 2);
        if (c.mode == priority_redlock::obtain_request::mode::once)
            result += " once";
        if (c.mode == priority_redlock::obtain_request::mode::now)
            result += " now";
    }
    return result;
}

} // namespace

std::string describe(const std::vector<call>& calls)
{
    std::string result;
    for (const call& each : calls)
        result += (result.empty() ? "" : ", ") + describe(each);
    return result;
}

std::string describe(const answer& a)
{
    std::string result(name_of(a.what));
    if (a.what == answer::verdict::granted)
        result += ", token " + std::to_string(a.number % 1'000'000'000);
    if (a.what == answer::verdict::waiting && !a.text.empty())
        result += " for " + readable(a.text) + (a.outranks ? ", which is told" : "");
    return result;
}

std::string describe(const call& c, const answer& a)
{
    return (c.about ? readable(c.about->id_text) + ' ' : std::string()) + describe(a);
}

std::string readable(std::string_view text)
{
    constexpr std::size_t digits = 16;
    std::string result;
    while (!text.empty()) {
        const bool is_id =
            text.size() > digits && text[digits] == '-' && std::all_of(text.begin(), text.begin() + digits, [](char c) {
                return std::string_view("0123456789abcdef").find(c) != std::string_view::npos;
            });
        if (!is_id) {
            result += text.front();
            text.remove_prefix(1);
            continue;
        }
        const std::uint64_t client = std::strtoull(std::string(text.substr(0, digits)).c_str(), nullptr, 16);
        result += 'p' + std::to_string(client / 0x100) + '.' + std::to_string(client % 0x100) + ':';
        text.remove_prefix(digits + 1);
    }
    return result;
}

} // namespace simulation
