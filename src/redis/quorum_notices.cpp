// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What nodes tell by themselves, on the manager's channel. They wake a waiter, or tell it when to ask. They give notice
// to a holder that is outranked, which goes when a quorum of them says so, or when one says that a quorum has answered
// the thief. And they say that an operator has ended a hold.

#include "quorum_client.hpp"
#include "words.hpp"

#include <algorithm>
#include <iterator>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;

} // namespace

void quorum_client::pushed(std::size_t node, std::string_view message, moment now)
{
    const auto what = take_word(message);
    const pointer known = find(id_in(take_word(message)));
    if (!known)
        return;
    acquisition& a = *known;
    node_vote& v = a.votes[node];
    if (what == "wake") {
        on_wake(a, node, now);
    } else if (what == "standby") {
        std::int64_t window = 0;
        if (a.phase == phase::open && v.status == status::waiting && read_number(take_word(message), window)) {
            v.ends_at = std::min(v.ends_at, now.steady + bounded(window, options_.max_ttl) + jittered_(2ms));
            reschedule(a);
        }
    } else if (what == "notice") {
        const auto thief = id_in(take_word(message));
        int priority = 0;
        if (thief && read_number(take_word(message), priority))
            on_notice(a, node, thief, priority, take_word(message) == "1", now);
    } else if (what == "ended") {
        on_force_released(a, node, now);
    }
}

/// The node has become free for it.
void quorum_client::on_wake(acquisition& a, std::size_t node, moment now)
{
    node_vote& v = a.votes[node];
    if (!votes(node) || v.status == status::granted || a.cut_off)
        return;
    if (a.phase == phase::open) {
        if (v.status == status::asked) {
            v.woken = true; // its reply may be older
            return;
        }
        ask_again(a, node, now);
        ask_yielded(a, now);
        reschedule(a);
    } else if (a.phase == phase::held && v.status != status::asked) {
        ask(a, node, true, now);
    }
}

/// Somebody outranks a holder, or what is about to become one.
void quorum_client::on_notice(acquisition& a, std::size_t node, acquisition_id thief, int priority, bool answered,
                              moment now)
{
    if (priority <= a.priority)
        return;
    if (a.phase == phase::open) {
        if (a.votes[node].status == status::granted) {
            yield(a, node, now);
            decide_round(a, now);
        }
        return;
    }
    if (a.phase != phase::held && a.phase != phase::writing_back)
        return;
    auto it = std::find_if(a.notices.begin(), a.notices.end(), [&](const auto& each) { return each.thief == thief; });
    if (it == a.notices.end())
        it = a.notices.insert(a.notices.end(), {thief, priority, {}});
    std::erase_if(it->seen, [&](const auto& each) {
        return each.first == node || each.second + options_.retry_interval * 5 / 4 < now.steady;
    });
    it->seen.emplace_back(node, now.steady);
    it->quorum_answered = it->quorum_answered || answered;
    heed_notices(a, now);
}

void quorum_client::heed_notices(acquisition& a, moment now)
{
    if (a.phase != phase::held)
        return;
    for (auto& each : a.notices) {
        const bool is_heeded = each.seen.size() >= quorum_ || each.quorum_answered;
        if (!is_heeded || each.priority <= a.priority) // which may have risen since
            continue;
        make_room(out_.told);
        each.seen.clear();
        each.quorum_answered = false;
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

/// An operator has ended it there. It is lost when so many nodes say so that no quorum can be left.
void quorum_client::on_force_released(acquisition& a, std::size_t node, moment now)
{
    a.votes[node].force_released = true;
    if (a.phase != phase::held || !is_force_released(a))
        return;
    say([&] {
        return log_record{.level = log_level::warning,
                          .event = "force_released",
                          .text = "redis: the lock " + a.lock_key + " of '" + a.locker + "', token "
                                  + std::to_string(a.token) + ", was ended by async_force_release",
                          .resource = resource_of(a),
                          .locker = a.locker,
                          .token = static_cast<std::uint64_t>(a.token)};
    });
    lose(a, now);
}

bool quorum_client::is_force_released(const acquisition& a) const noexcept
{
    return rules_out_quorum(a.count([](const node_vote& v) { return v.force_released; }));
}

/// The name in the key, '<prefix>{<resource>}'.
std::string quorum_client::resource_of(const acquisition& a) const
{
    const std::size_t before = options_.prefix.size() + 1;
    return a.lock_key.substr(before, a.lock_key.size() - before - 1);
}

} // namespace priority_redlock::detail::redis
