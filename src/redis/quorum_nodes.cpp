// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_errors.hpp"
#include "quorum_client.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

// What the nodes say: answers, messages to a holder or a waiter, their health, whether they vote, and their clocks.

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

constexpr duration shortest_window = 30ms;

constexpr duration smallest_correction = 10ms;

acquisition_id id_of(std::string_view text) noexcept
{
    acquisition_id id;
    const char* const end = text.data() + text.size();
    const auto [dash, bad] = std::from_chars(text.data(), end, id.client, 16);
    if (bad != std::errc() || dash == end || std::from_chars(dash + 1, end, id.number).ec != std::errc())
        return {};
    return id;
}

std::string_view next_word(std::string_view& rest) noexcept
{
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

/// Why a node is in quarantine, and what to do about it.
std::string_view reason_of(std::string_view word) noexcept
{
    if (word == "evicted")
        return "it has evicted keys, perhaps locks. Set its maxmemory-policy to noeviction";
    if (word == "changed")
        return "another server answered at its address before. An address has to be one server's";
    return "it was (re)started and may have forgotten locks (redis_options::guard)";
}

template <class Number>
bool read(std::string_view text, Number& n) noexcept
{
    return std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc();
}

} // namespace

// --- what comes from the nodes ---------------------------------------------------------------------------------------

void quorum_client::on_answer(const call& c, const answer& a, moment now)
{
    using verdict = answer::verdict;

    node_state& n = nodes_[c.node];
    const pointer kept = c.about;
    if (a.what == verdict::lost) {
        std::erase_if(n.unanswered, [&c](const auto& each) { return each.first == c.sequence; });
    } else {
        // They come in the order in which they were asked for.
        while (!n.unanswered.empty() && n.unanswered.front().first <= c.sequence)
            n.unanswered.pop_front();
        n.silent = false;
        learn_clock(c.node, c, a, now);
    }
    if (a.what == verdict::failed)
        on_failed(c.node, a.text, now);
    if (c.what != step::hello && (a.what == verdict::quarantined || a.what == verdict::mismatch))
        on_hello(c, a, now);
    if (a.what == verdict::unknown) {
        repeat(c, now);
        return;
    }
    switch (c.what) {
    case step::hello: on_hello(c, a, now); break;
    case step::obtain: on_obtain(c, a, now); break;
    case step::settle: on_settled(c, a, now); break;
    case step::release: on_released(c, a, now); break;
    case step::yield:
    case step::look:
    case step::provision:
    case step::inspect:
    case step::force_release: break;
    }
    count_voting(now);
}

/// The node answers, but with an error.
void quorum_client::on_failed(std::size_t node, const std::string& error, moment now)
{
    node_state& n = nodes_[node];
    const known_error* const known = find_known_error(error);
    complain(node, std::string(known ? known->cure : "answers with an error") + " ("
                       + error.substr(0, error.find(" script:")) + ')');
    if (!known || !known->of_the_node)
        return;
    if (n.is == node_state::status::ready)
        n.is = node_state::status::ailing;
    n.hello_at = std::min(n.hello_at, saturating_add(now.steady, jittered(options_.retry_interval)));
}

void quorum_client::on_push(std::size_t node, std::string_view message, moment now)
{
    const auto what = next_word(message);
    const pointer known = find(id_of(next_word(message)));
    if (!known)
        return;
    acquisition& a = *known;
    at_node& n = a.nodes[node];
    if (what == "wake") {
        if (!votes(node) || n.is == status::granted || a.cut_off)
            return;
        if (a.now == phase::open) {
            if (n.is == status::asked) {
                n.woken = true; // its reply may be older
                return;
            }
            if (a.round_ends == never)
                start_round(a, now);
            ask(a, node, false, now);
            ask_yielded(a, now);
            reschedule(a);
        } else if (a.now == phase::held && n.is != status::asked) {
            ask(a, node, true, now);
        }
    } else if (what == "standby") {
        std::int64_t window = 0;
        if (a.now == phase::open && n.is == status::waiting && read(next_word(message), window)) {
            n.ends_at = std::min(n.ends_at, now.steady + bounded(window) + jittered(2ms));
            reschedule(a);
        }
    } else if (what == "notice") {
        const auto thief = id_of(next_word(message));
        int priority = 0;
        if (thief && read(next_word(message), priority))
            note(a, node, thief, priority, next_word(message) == "1", now);
    } else if (what == "ended") {
        note_taken(a, node, now);
    }
}

/// A yielder that asks somewhere asks again where it yielded.
void quorum_client::ask_yielded(acquisition& a, moment now)
{
    for (std::size_t i = 0; i < size(); ++i)
        if (a.nodes[i].yielded && votes(i))
            ask(a, i, false, now);
}

/// Somebody outranks a holder, or what is about to become one.
void quorum_client::note(acquisition& a, std::size_t node, acquisition_id thief, int priority, bool answered,
                         moment now)
{
    if (priority <= a.priority)
        return;
    if (a.now == phase::open) {
        if (a.nodes[node].is == status::granted) {
            yield(a, node, now);
            judge(a, now);
        }
        return;
    }
    if (a.now != phase::held && a.now != phase::settling)
        return;
    auto it = std::find_if(a.notices.begin(), a.notices.end(), [&](const auto& each) { return each.thief == thief; });
    if (it == a.notices.end())
        it = a.notices.insert(a.notices.end(), {thief, priority, {}});
    std::erase_if(it->seen, [&](const auto& each) {
        return each.first == node || each.second + options_.retry_interval * 5 / 4 < now.steady;
    });
    it->seen.emplace_back(node, now.steady);
    it->answered = it->answered || answered;
    heed_notices(a, now);
}

void quorum_client::heed_notices(acquisition& a, moment now)
{
    if (a.now != phase::held)
        return;
    for (auto& each : a.notices) {
        if (each.seen.size() < quorum_ && !each.answered)
            continue;
        each.seen.clear();
        each.answered = false;
        protocol_event e;
        e.what = protocol_event::kind::notice;
        e.id = a.id;
        e.thief = each.thief;
        e.thief_priority = each.priority;
        out_.told.emplace_back(std::move(e));
    }
    // Thieves that have gone are forgotten.
    std::erase_if(a.notices, [&](const auto& each) {
        return std::all_of(each.seen.begin(), each.seen.end(), [&](const auto& seen) {
            return seen.second + options_.retry_interval * 5 / 4 < now.steady;
        });
    });
}

/// The name in the key, '<prefix>{<resource>}'.
std::string quorum_client::resource_of(const acquisition& a) const
{
    const std::size_t before = options_.prefix.size() + 1;
    return a.lock_key.substr(before, a.lock_key.size() - before - 1);
}

/// An operator has ended it there. It is lost when so many nodes say so that no quorum can be left.
void quorum_client::note_taken(acquisition& a, std::size_t node, moment now)
{
    a.nodes[node].taken = true;
    const auto taken = std::count_if(a.nodes.begin(), a.nodes.end(), [](const at_node& n) { return n.taken; });
    if (a.now != phase::held || static_cast<std::size_t>(taken) <= size() - quorum_)
        return;
    out_.log.push_back({.level = log_level::warning,
                        .event = "force_released",
                        .text = "redis: the lock " + a.lock_key + " of '" + a.locker + "', token "
                                + std::to_string(a.token) + ", was ended by async_force_release",
                        .resource = resource_of(a),
                        .locker = a.locker,
                        .token = static_cast<std::uint64_t>(a.token)});
    protocol_event e;
    e.what = protocol_event::kind::ended;
    e.id = a.id;
    e.reason = errc::lost;
    out_.told.emplace_back(std::move(e));
    start_ending(a, now);
}

// --- nodes -----------------------------------------------------------------------------------------------------------

void quorum_client::on_up(std::size_t node, std::string run_id, moment now)
{
    node_state& n = nodes_[node];
    n.is = node_state::status::greeting;
    n.run_id = std::move(run_id);
    n.silent = false;
    for (std::size_t i = 0; i < size(); ++i)
        if (i != node && nodes_[i].is != node_state::status::down && nodes_[i].is != node_state::status::excluded
            && nodes_[i].run_id == n.run_id) {
            exclude(node, "is the same server as " + nodes_[i].name + ": name every server once", now);
            return;
        }
    // What was not given back before the connection was lost.
    for (const auto& each : std::vector(acquisitions_.begin(), acquisitions_.end())) {
        acquisition& a = *each.second;
        if (a.now == phase::ending && a.nodes[node].may_exist)
            release(a, node, now);
    }
    send_hello(node, now);
    count_voting(now);
}

void quorum_client::on_down(std::size_t node, moment now)
{
    node_state& n = nodes_[node];
    n.is = node_state::status::down;
    n.silent = false;
    n.unanswered.clear();
    n.hello_at = never;
    if (n.left_at == never)
        n.left_at = now.steady;
    count_voting(now);
}

void quorum_client::exclude(std::size_t node, std::string why, moment now)
{
    nodes_[node].is = node_state::status::excluded;
    nodes_[node].hello_at = now.steady + 5s;
    complain(node, std::move(why));
    count_voting(now);
}

void quorum_client::send_hello(std::size_t node, moment now)
{
    node_state& n = nodes_[node];
    n.hello_at = never;
    call& c = send(step::hello, node, nullptr, now);
    c.met = n.identity;
    c.met_ago = n.left_at == never ? 0 : micros(now.steady - n.left_at);
}

void quorum_client::on_hello(const call& c, const answer& a, moment now)
{
    using verdict = answer::verdict;

    const std::size_t node = c.node;
    node_state& n = nodes_[node];
    if (n.is == node_state::status::down)
        return;
    if (!a.identity.empty()) {
        n.identity = a.identity;
        n.left_at = never;
    }
    switch (a.what) {
    case verdict::ready:
        n.hello_at = saturating_add(c.sent, check_interval);
        on_ready(node, now);
        break;
    case verdict::quarantined:
        if (n.is != node_state::status::quarantined)
            complain(node,
                     "does not vote for " + std::to_string(a.number / 1000) + " ms: " + std::string(reason_of(a.text)));
        n.is = node_state::status::quarantined;
        n.hello_at = now.steady + bounded(a.number) + jittered(1ms);
        break;
    case verdict::mismatch:
        exclude(node,
                "is of a deployment with other options: it says '" + a.text + "', this client '" + deployment_
                    + "'. All clients need the same nodes and max_ttl",
                now);
        break;
    case verdict::evicting:
        exclude(node, "may evict locks: its maxmemory-policy is " + a.text + ", set noeviction", now);
        break;
    case verdict::failed: n.hello_at = std::min(n.hello_at, saturating_add(now.steady, options_.retry_interval)); break;
    default: break;
    }
}

void quorum_client::on_ready(std::size_t node, moment now)
{
    node_state& n = nodes_[node];
    if (n.is == node_state::status::ready)
        return;
    n.is = node_state::status::ready;
    if (!std::exchange(n.last_complaint, {}).empty())
        out_.log.push_back({.level = log_level::info,
                            .event = "node_votes",
                            .text = "redis: node " + n.name + " votes again",
                            .node = n.name});
    count_voting(now);
    // Those that wait are queued there too; what was asked for while there was no quorum has just begun.
    for_each_open([&](acquisition& a) {
        at_node& at = a.nodes[node];
        if (a.cut_off || !has_quorum() || at.is == status::asked || at.is == status::granted || a.round == 0)
            return;
        if (a.round_ends == never)
            start_round(a, now);
        ask(a, node, false, now);
        reschedule(a);
    });
}

bool quorum_client::votes(std::size_t node) const noexcept
{
    return nodes_[node].is == node_state::status::ready && !nodes_[node].silent;
}

void quorum_client::note_silence(moment now)
{
    for (node_state& n : nodes_)
        if (!n.unanswered.empty() && n.unanswered.front().second + options_.retry_interval <= now.steady)
            n.silent = true;
    count_voting(now);
}

void quorum_client::count_voting(moment now)
{
    std::size_t votes_now = 0;
    for (std::size_t i = 0; i < size(); ++i)
        votes_now += votes(i);
    const auto how_many_vote = [this] {
        return "redis: " + std::to_string(voting_) + " of " + std::to_string(size()) + " nodes can be asked: ";
    };
    const bool had = has_quorum();
    voting_ = votes_now;
    if (had == has_quorum())
        return;
    if (had) {
        if (!idle()) // else nobody needs one, and the connections are closed for that
            out_.log.push_back(
                {.level = log_level::warning, .event = "no_quorum", .text = how_many_vote() + "no quorum"});
        for_each_open([&](acquisition& a) {
            a.without_quorum = now.steady;
            reschedule(a);
        });
        return;
    }
    out_.log.push_back({.level = log_level::info, .event = "quorum", .text = how_many_vote() + "a quorum"});
    for_each_open([&](acquisition& a) {
        a.without_quorum = never;
        a.cut_off = false;
        if (a.round_ends == never)
            ask_all(a, now);
    });
}

template <class Function>
void quorum_client::for_each_open(Function f)
{
    std::vector<pointer> open;
    for (const auto& each : acquisitions_)
        if (each.second->now == phase::open)
            open.push_back(each.second);
    for (const pointer& each : open)
        if (each->now == phase::open)
            f(*each);
}

void quorum_client::complain(std::size_t node, std::string what, log_level level)
{
    node_state& n = nodes_[node];
    if (n.last_complaint == what)
        return;
    n.last_complaint = what;
    out_.log.push_back(
        {.level = level, .event = "node_complaint", .text = "redis: node " + n.name + ' ' + what, .node = n.name});
}

void quorum_client::learn_clock(std::size_t node, const call& c, const answer& a, moment now)
{
    if (a.time == 0)
        return;
    node_state& n = nodes_[node];
    const duration took = now.steady - c.sent;
    // The quickest answers tell the most.
    if (!n.has_offset || took <= 2 * n.round_trip)
        n.offset = a.time - (now.wall - micros(took) / 2);
    n.round_trip = n.has_offset ? (n.round_trip * 7 + took) / 8 : took;
    n.has_offset = true;
}

/// The system's clock, corrected by the median of the nodes'. What the measurement itself may be wrong by is no reason
/// to correct it anew: tickets of one manager rise.
std::int64_t quorum_client::corrected(moment now)
{
    std::vector<std::int64_t> offsets;
    for (const node_state& n : nodes_)
        if (n.has_offset)
            offsets.push_back(n.offset);
    if (!offsets.empty()) {
        const auto middle = offsets.begin() + static_cast<std::ptrdiff_t>(offsets.size() / 2);
        std::nth_element(offsets.begin(), middle, offsets.end());
        if (std::abs(*middle - correction_) > micros(smallest_correction))
            correction_ = *middle;
    }
    return now.wall + correction_;
}

/// A time that a message gives, which may be anything.
duration quorum_client::bounded(std::int64_t us) const noexcept
{
    return microseconds(std::clamp(us, std::int64_t{0}, micros(options_.max_ttl)));
}

duration quorum_client::window(std::size_t node) const noexcept
{
    return std::max(shortest_window, 4 * nodes_[node].round_trip);
}

} // namespace priority_redlock::detail::redis
