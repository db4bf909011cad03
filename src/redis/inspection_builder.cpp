// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "inspection_builder.hpp"

#include "words.hpp"

#include <algorithm>
#include <utility>

namespace priority_redlock::detail::redis {

namespace {

using inspection = redis_inspection;

inspection::time_point time_of(std::int64_t us)
{
    return inspection::time_point(microseconds(us));
}

} // namespace

inspection_builder::inspection_builder(std::string resource, std::vector<std::string> names, std::string deployment,
                                       std::size_t quorum)
    : deployment_(std::move(deployment))
{
    result_.resource = std::move(resource);
    result_.quorum = quorum;
    for (std::string& each : names)
        result_.nodes.push_back({.name = std::move(each)});
}

void inspection_builder::add(std::size_t node, const answer& a)
{
    constexpr std::size_t fixed = 7;
    if (a.rest.size() < fixed)
        return;
    inspection::node& n = result_.nodes[node];
    n.answered = true;
    n.trouble = trouble_of(number_in<std::int64_t>(a.rest[0]), a.rest[1], a.rest[2]);
    add_holder(n.name, a.rest[3], number_in<std::uint64_t>(a.rest[4]), a.time);
    result_.ended_by_force = std::max(result_.ended_by_force, number_in<std::uint64_t>(a.rest[5]));
    n.waiting = number_in<std::size_t>(a.rest[6]);
    for (std::size_t i = fixed; i < a.rest.size(); ++i)
        add_waiter(n.name, a.rest[i], a.time);
}

void inspection_builder::fail(std::size_t node, const std::string& why)
{
    result_.nodes[node].answered = false;
    result_.nodes[node].trouble = why;
}

std::string inspection_builder::holder_with(std::uint64_t token) const
{
    std::string best;
    std::size_t most = 0;
    for (const auto& [acquisition, tokens] : tokens_) {
        const auto named = static_cast<std::size_t>(std::count(tokens.begin(), tokens.end(), token));
        if (named == 0 || named < most)
            continue;
        best = named == most ? std::string() : acquisition;
        most = named;
    }
    return best;
}

inspection inspection_builder::take()
{
    for (inspection::holder& each : result_.holders) {
        const auto& tokens = tokens_[each.acquisition];
        std::size_t most = 0;
        for (const std::uint64_t token : tokens) // of as many the first, which is the oldest
            if (const auto n = static_cast<std::size_t>(std::count(tokens.begin(), tokens.end(), token));
                n > most || (n == most && token < each.fencing_token)) {
                most = n;
                each.fencing_token = token;
            }
        each.has_quorum = each.nodes.size() >= result_.quorum;
        put_in_order(each.nodes);
    }
    std::ranges::sort(result_.holders, [](const auto& a, const auto& b) {
        return a.nodes.size() != b.nodes.size() ? a.nodes.size() > b.nodes.size() : a.acquisition < b.acquisition;
    });
    for (auto& [place, each] : waiters_) {
        put_in_order(each.nodes);
        result_.waiters.push_back(std::move(each));
    }
    return std::move(result_);
}

std::string inspection_builder::trouble_of(std::int64_t left, std::string_view why, const std::string& deployment) const
{
    if (!deployment.empty() && deployment != deployment_)
        return "is of a deployment with other options: it says '" + deployment + "', this client '" + deployment_
               + '\'';
    if (left <= 0)
        return {};
    if (why == "new")
        return "is new, and was not provisioned: no client has asked it yet";
    return "does not vote for " + std::to_string(left / 1000) + " ms: " + std::string(why);
}

/// As the deployment names them, not as they answered.
void inspection_builder::put_in_order(std::vector<std::string>& names) const
{
    std::ranges::sort(names, {}, [this](const std::string& name) {
        return std::ranges::find(result_.nodes, name, &inspection::node::name);
    });
}

/// '<acquisition> <end> <call> <priority> <locker>'
void inspection_builder::add_holder(const std::string& node, std::string_view text, std::uint64_t token,
                                    std::int64_t now)
{
    const auto acquisition = take_word(text);
    const auto ends = number_in<std::int64_t>(take_word(text));
    static_cast<void>(take_word(text));
    const auto priority = number_in<int>(take_word(text));
    if (acquisition.empty() || ends <= now)
        return;
    auto& holders = result_.holders;
    auto it = std::ranges::find(holders, acquisition, &inspection::holder::acquisition);
    if (it == holders.end())
        it = holders.insert(holders.end(), {.locker_id = std::string(text), .acquisition = std::string(acquisition)});
    it->priority = std::max(it->nodes.empty() ? priority : it->priority, priority);
    it->until = std::max(it->until, time_of(ends));
    it->nodes.push_back(node);
    tokens_[it->acquisition].push_back(token);
}

/// '<end> <window> <member> <preempts> <locker>'. A member is 10 digits of the priority, 16 of the ticket, and the
/// acquisition.
void inspection_builder::add_waiter(const std::string& node, std::string_view text, std::int64_t now)
{
    const auto ends = number_in<std::int64_t>(take_word(text));
    static_cast<void>(take_word(text));
    const auto member = take_word(text);
    static_cast<void>(take_word(text));
    constexpr std::size_t rank = 26;
    if (member.size() <= rank || ends <= now)
        return;
    const std::string acquisition(member.substr(rank));
    auto it = std::ranges::find(waiters_, acquisition, [](const auto& w) { return w.second.acquisition; });
    if (it == waiters_.end())
        it = waiters_
                 .emplace(std::string(member),
                          inspection::waiter{.locker_id = std::string(text), .acquisition = acquisition})
                 .first;
    it->second.priority = static_cast<int>(2147483647 - number_in<std::int64_t>(member.substr(0, 10)));
    it->second.since = time_of(number_in<std::int64_t>(member.substr(10, 16)));
    it->second.until = std::max(it->second.until, time_of(ends));
    it->second.nodes.push_back(node);
}

} // namespace priority_redlock::detail::redis
