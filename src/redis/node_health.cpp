// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_health.hpp"

#include "deployment.hpp"
#include "error_replies.hpp"

#include <algorithm>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

/// Why a node is in quarantine, and what to do about it.
std::string_view reason_of(std::string_view word) noexcept
{
    if (word == "evicted")
        return "it has evicted keys, perhaps locks. Set its maxmemory-policy to noeviction";
    if (word == "changed")
        return "another server answered at its address before. An address has to be one server's";
    if (word == "empty")
        return "it is empty: it is new, or has lost its data by a restart, FLUSHALL or eviction (redis_options::guard)";
    return "it was (re)started and may have forgotten locks (redis_options::guard)";
}

} // namespace

node_health::node_health(std::vector<std::string> names, const redis_options& options, std::string deployment,
                         jitter& jittered, std::vector<call>& calls, std::vector<log_record>& log)
    : options_(options), deployment_(std::move(deployment)), jittered_(jittered), calls_(calls), log_(log),
      nodes_(names.size())
{
    for (std::size_t i = 0; i < names.size(); ++i)
        nodes_[i].name = std::move(names[i]);
}

bool node_health::votes(std::size_t node) const noexcept
{
    return nodes_[node].status == status::ready && !nodes_[node].silent;
}

std::size_t node_health::count_votes() const noexcept
{
    std::size_t result = 0;
    for (std::size_t i = 0; i < size(); ++i)
        result += votes(i);
    return result;
}

// --- connections -----------------------------------------------------------------------------------------------------

bool node_health::on_up(std::size_t node, std::string run_id, moment now)
{
    auto& n = nodes_[node];
    n.status = status::greeted;
    n.run_id = std::move(run_id);
    n.silent = false;
    for (std::size_t i = 0; i < size(); ++i)
        if (i != node && nodes_[i].status != status::down && nodes_[i].status != status::excluded
            && nodes_[i].run_id == n.run_id) {
            exclude(node, complaint("is the same server as " + nodes_[i].name + ": name every server once"), now);
            return false;
        }
    return true;
}

void node_health::on_down(std::size_t node, moment now)
{
    auto& n = nodes_[node];
    n.status = status::down;
    n.silent = false;
    n.unanswered.clear();
    n.greet_at = never;
    if (n.left_at == never)
        n.left_at = now.steady;
}

void node_health::exclude(std::size_t node, const complaint& why, moment now)
{
    nodes_[node].status = status::excluded;
    nodes_[node].greet_at = saturating_add(now.steady, pause_after_refusal(options_));
    complain(node, why, now);
}

// --- greetings -------------------------------------------------------------------------------------------------------

void node_health::greet(std::size_t node, moment now)
{
    auto& n = nodes_[node];
    std::string last_identity = n.last_identity; // before the call: a greeting without it would be another one
    call& c = send(node_command::greet, node, now);
    n.greet_at = never;
    c.last_identity = std::move(last_identity);
    c.left_ago = n.left_at == never ? 0 : micros(now.steady - n.left_at);
}

time_point node_health::next_greeting() const noexcept
{
    time_point next = never;
    for (const auto& n : nodes_)
        next = std::min(next, n.greet_at);
    return next;
}

bool node_health::is_greeting_due(std::size_t node, moment now) const noexcept
{
    return nodes_[node].greet_at <= now.steady;
}

node_health::change node_health::on_greeted(const call& c, const answer& a, moment now)
{
    using verdict = answer::verdict;

    const std::size_t node = c.node;
    auto& n = nodes_[node];
    if (n.status == status::down)
        return change::none;
    if (!a.identity.empty()) {
        n.last_identity = a.identity;
        n.left_at = never;
    }
    switch (a.what) {
    case verdict::ready:
        n.greet_at = saturating_add(c.sent, check_interval);
        if (n.wrong.have_ended(check_interval, now.steady))
            log_.push_back({.level = log_level::info,
                            .event = "node_votes",
                            .text = "redis: node " + n.name + ' ' + n.wrong.take_summary(),
                            .node = n.name});
        return std::exchange(n.status, status::ready) == status::ready ? change::none : change::votes_again;
    case verdict::quarantined:
        if (std::exchange(n.status, status::quarantined) != status::quarantined) {
            const std::string reason(reason_of(a.text));
            complaint why("does not vote for " + std::to_string(a.number / 1000) + " ms: " + reason);
            why.kind = "does not vote: " + reason;
            complain(node, why, now);
        }
        n.greet_at = now.steady + bounded(a.number, options_.max_ttl) + jittered_(1ms);
        return change::none;
    case verdict::mismatch:
        exclude(node,
                {"is of a deployment with other options", ": it says '" + a.text + "', this client '" + deployment_
                                                              + "'. All clients need the same nodes and max_ttl"},
                now);
        return change::excluded;
    case verdict::evicting:
        exclude(node, {"may evict locks", ": its maxmemory-policy is " + a.text + ", set noeviction"}, now);
        return change::excluded;
    case verdict::failed:
        n.greet_at = std::min(n.greet_at, saturating_add(now.steady, options_.retry_interval));
        return change::none;
    default: return change::none;
    }
}

// --- calls -----------------------------------------------------------------------------------------------------------

call& node_health::send(node_command command, std::size_t node, moment now)
{
    if ((command == node_command::obtain || command == node_command::write_back) && is_greeting_due(node, now))
        greet(node, now);
    auto& n = nodes_[node];
    make_room(calls_);
    n.unanswered.emplace_back(n.last_sequence + 1, now.steady);
    call& c = calls_.emplace_back();
    c.command = command;
    c.node = node;
    c.sequence = ++n.last_sequence;
    c.sent = now.steady;
    return c;
}

void node_health::on_answer(const call& c, const answer& a, moment now)
{
    auto& n = nodes_[c.node];
    if (a.what == answer::verdict::lost) {
        std::erase_if(n.unanswered, [&c](const auto& each) { return each.first == c.sequence; });
        return;
    }
    // They come in the order in which they were asked for.
    while (!n.unanswered.empty() && n.unanswered.front().first <= c.sequence)
        n.unanswered.pop_front();
    n.silent = false;
    if (a.what == answer::verdict::failed)
        on_error(c.node, a.text, now);
}

/// The node answers, but with an error.
void node_health::on_error(std::size_t node, const std::string& error, moment now)
{
    auto& n = nodes_[node];
    const error_reply* const known = find_error_reply(error);
    if (known && known->of_the_node) {
        if (n.status == status::ready)
            n.status = status::failing;
        n.greet_at = std::min(n.greet_at, saturating_add(now.steady, jittered_(options_.retry_interval)));
    }
    complain(node, complaint_about(error), now);
}

void node_health::check_silence(moment now)
{
    for (std::size_t i = 0; i < size(); ++i) {
        auto& n = nodes_[i];
        if (n.unanswered.empty())
            continue;
        const duration waited = now.steady - n.unanswered.front().second;
        // Said at the second look: after the first, what has arrived is read, which may be a lot if it was this process
        // that stood still.
        if (waited >= options_.retry_interval && std::exchange(n.silent, true))
            complain(i,
                     {"does not answer", ", for " + std::to_string(micros(waited) / 1000)
                                             + " ms: it is stopped, busy (see its SLOWLOG) or out of reach"},
                     now);
    }
}

void node_health::complain(std::size_t node, const complaint& what, moment now)
{
    auto& n = nodes_[node];
    if (n.wrong.add(what.kind, !votes(node), now.steady))
        log_.push_back({.level = log_level::warning,
                        .event = "node_complaint",
                        .text = "redis: node " + n.name + ' ' + what.text,
                        .node = n.name});
}

} // namespace priority_redlock::detail::redis
