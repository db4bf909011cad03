// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_NODE_MODEL_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_NODE_MODEL_HPP

#include "redis/acquisition.hpp"
#include "redis/script_texts.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace test {

using priority_redlock::detail::redis::micros;

/// A call as it travels: what the scripts are given of it, taken when it was sent.
struct request_to_node
{
    priority_redlock::detail::redis::call call;
    std::string id; // of the acquisition, as the nodes know it
    std::string lock;
    std::string locker;
    int priority = 0;
    bool preempt = true;
    std::int64_t ticket = 0;
    std::int64_t entry_lease = 0;
    std::string run_id;
    std::string deployment;
    bool ends = false; // the acquisition has been given up

    static request_to_node of(const priority_redlock::detail::redis::call& c,
                              const priority_redlock::redis_options& options, std::string deployment,
                              std::string run_id)
    {
        request_to_node q;
        q.call = c;
        if (c.about) {
            q.id = c.about->id_text;
            q.lock = c.about->lock_key;
            q.locker = c.about->locker;
            q.priority = c.about->priority;
            q.preempt = c.about->preempt;
            q.ticket = c.about->ticket;
            q.ends = c.about->phase == priority_redlock::detail::redis::acquisition_phase::ending;
        }
        q.entry_lease = micros(priority_redlock::detail::redis::entry_lease(options));
        q.run_id = std::move(run_id);
        q.deployment = std::move(deployment);
        return q;
    }
};

/// What the scripts make of a node, said once more in C++. A test compares the two.
class node_model
{
public:
    using answer = priority_redlock::detail::redis::answer;
    using mode = priority_redlock::obtain_request::mode;
    using node_command = priority_redlock::detail::redis::node_command;
    using verdict = answer::verdict;

    struct message
    {
        std::string client; // whose channel it is for
        std::string text;

        friend bool operator==(const message&, const message&) = default;
    };

    struct hold
    {
        std::string id;
        std::string locker;
        int priority = 0;
        std::int64_t ends = 0;
        std::uint64_t call = 0; // the latest that it was granted by
        std::int64_t token = 0;
    };

    /// Something of an acquisition, and a time.
    struct mark
    {
        std::string id;
        std::int64_t at = 0;
    };

    /// The best is the least.
    struct rank
    {
        std::int64_t priority = 0; // turned round
        std::int64_t ticket = 0;
        std::string id;

        friend auto operator<=>(const rank&, const rank&) = default;
    };

    struct entry
    {
        std::int64_t ends = 0;
        std::int64_t window = 0;
        rank place;
        bool preempt = true;
    };

    struct resource
    {
        std::optional<hold> holder;
        std::optional<mark> reserved; // for whom, until when
        std::int64_t counter = 0;
        std::map<std::string, entry> waiters;
        std::int64_t forgotten_at = std::numeric_limits<std::int64_t>::max();
    };

    struct marker
    {
        std::string run_id;
        std::int64_t since = 0;
        std::string deployment;
        std::string id;                      // made with it
        std::string before;                  // who had been met at its address
        std::optional<std::int64_t> evicted; // when a client last looked
        std::string why = "restarted";       // it is in quarantine
    };

    explicit node_model(const priority_redlock::redis_options& options)
        : guard_(options.guard), max_ttl_(micros(options.max_ttl)), skew_(micros(options.clock_skew))
    {
    }

    answer run(const request_to_node& q, std::int64_t now, std::vector<message>& published)
    {
        now_ = now;
        published_ = &published;
        answer a = dispatch(q);
        a.time = now;
        return a;
    }

    [[nodiscard]] const std::map<std::string, resource>& resources() const noexcept { return resources_; }

    std::optional<marker> born;
    std::string policy = "noeviction";
    std::int64_t evicted = 0; // keys, since the server's start

private:
    answer dispatch(const request_to_node& q)
    {
        std::erase_if(tombstones_, [this](const auto& each) { return each.second <= now_; });
        if (q.call.command == node_command::greet)
            return greet(q);
        if (q.call.command == node_command::provision)
            return provision(q);
        resource& r = resources_[q.lock];
        if (r.forgotten_at <= now_)
            r = {};
        switch (q.call.command) {
        case node_command::obtain: return obtain(q, r);
        case node_command::yield: return yield(q, r);
        case node_command::release: return release(q, r);
        case node_command::write_back: return write_back(q, r);
        case node_command::greet:
        case node_command::scan:
        case node_command::provision:
        case node_command::inspect:
        case node_command::force_release: break;
        }
        return {};
    }

    answer greet(const request_to_node& q)
    {
        const answer evicting{.what = verdict::evicting, .text = policy + " (maxmemory 0)"};
        if (guard_ != priority_redlock::restart_guard::off) {
            const bool restarted = born && born->run_id != q.run_id;
            look_at_marker(q);
            if (born->deployment == q.deployment) {
                std::int64_t counted = born->evicted.value_or(evicted);
                if ((restarted && guard_ == priority_redlock::restart_guard::durable) || counted > evicted)
                    counted = 0;
                born->evicted = evicted;
                const std::int64_t left_at = now_ - q.call.left_ago;
                const bool changed = !q.call.last_identity.empty() && q.call.last_identity != identity()
                                     && left_at + max_ttl_ > now_
                                     && !(born->before == q.call.last_identity && born->since >= left_at);
                if (changed)
                    born->before = q.call.last_identity;
                if (changed || evicted > counted) {
                    if (born->since + max_ttl_ <= now_)
                        born->why = changed ? "changed" : "evicted";
                    born->since = now_;
                }
            }
        }
        if (policy != "noeviction")
            return evicting;
        return refusal(q).value_or(answer{.what = verdict::ready, .identity = born ? identity() : std::string()});
    }

    answer provision(const request_to_node& q)
    {
        if (born)
            return {.what = verdict::occupied};
        born = marker{q.run_id, 0, q.deployment, q.run_id + '-' + std::to_string(now_), {}, evicted};
        return {.what = verdict::done};
    }

    void look_at_marker(const request_to_node& q)
    {
        if (!born || (born->run_id != q.run_id && guard_ != priority_redlock::restart_guard::durable)) {
            born = marker{q.run_id,
                          now_,
                          born ? born->deployment : q.deployment,
                          q.run_id + '-' + std::to_string(now_),
                          born ? born->run_id : std::string(),
                          {},
                          born ? "restarted" : "empty"};
        }
        born->run_id = q.run_id;
    }

    [[nodiscard]] std::string identity() const
    {
        return guard_ == priority_redlock::restart_guard::durable ? born->id : born->run_id;
    }

    std::optional<answer> refusal(const request_to_node& q)
    {
        if (guard_ == priority_redlock::restart_guard::off)
            return {};
        look_at_marker(q);
        if (born->deployment != q.deployment)
            return answer{.what = verdict::mismatch, .text = born->deployment};
        const auto left = born->since + max_ttl_ - now_;
        if (left > 0)
            return answer{.what = verdict::quarantined, .number = left, .text = born->why, .identity = identity()};
        return {};
    }

    answer obtain(const request_to_node& q, resource& r)
    {
        if (auto no = refusal(q))
            return *no;
        if (tombstones_.contains(q.id))
            return {.what = verdict::gone};
        const std::int64_t ends = now_ + std::min(q.call.ttl, max_ttl_);
        const bool held = r.holder && r.holder->ends > now_;
        if (held && r.holder->id == q.id) {
            r.holder->ends = std::max(r.holder->ends, ends);
            r.holder->call = std::max(r.holder->call, q.call.sequence);
            r.holder->priority = std::max(r.holder->priority, q.priority);
            keep(r);
            return {.what = verdict::granted, .number = r.holder->token};
        }
        if (r.reserved && r.reserved->at <= now_) {
            if (r.reserved->id != q.id)
                r.waiters.erase(r.reserved->id);
            r.reserved.reset();
        }
        const auto best = best_waiter(r);
        const bool first = !best || place_of(q, r) <= r.waiters[*best].place;
        const bool outranks = held && q.preempt && q.priority > r.holder->priority;
        const bool revokes = outranks && (first || r.waiters[*best].preempt);
        if (!held && first) {
            const std::int64_t floor = (born ? born->since : 0) + 2 * skew_;
            r.counter = std::max({r.counter + 1, floor + 1, std::min(q.call.token, now_ + skew_), now_ - skew_});
            r.waiters.erase(q.id);
            r.reserved.reset();
            r.holder = hold{q.id, q.locker, q.priority, ends, q.call.sequence, r.counter};
            keep(r);
            return {.what = verdict::granted, .number = r.counter};
        }
        if (q.call.mode == mode::now || (q.call.mode == mode::once && !(outranks && first))) {
            r.waiters.erase(q.id);
            return {.what = verdict::refused};
        }
        r.waiters[q.id] = {now_ + q.entry_lease, q.call.window, place_of(q, r), q.preempt};
        keep(r);
        if (revokes) {
            tell(r.holder->id, "notice " + r.holder->id + ' ' + q.id + ' ' + std::to_string(q.priority)
                                   + (q.call.quorum_answered ? " 1" : " 0"));
        }
        // When to ask again, for the one that is next: at the end of the hold, or of a reservation.
        bool next = first;
        std::int64_t left = held ? r.holder->ends - now_ : 0;
        if (!held && r.reserved) {
            next = best == r.reserved->id && after(r, *best) == q.id;
            left = r.reserved->at - now_;
        } else if (!held) {
            hand_over(r, {});
        }
        return {.what = verdict::waiting,
                .number = left,
                .best = next,
                .outranks = revokes,
                .kept_back = outranks && !revokes,
                .text = held ? r.holder->id : std::string()};
    }

    answer yield(const request_to_node& q, resource& r)
    {
        if (!r.holder || r.holder->id != q.id || r.holder->call > q.call.sequence)
            return {.what = verdict::absent};
        r.holder.reset();
        if (!tombstones_.contains(q.id)) {
            r.waiters[q.id] = {now_ + q.entry_lease, q.call.window, new_place(q), q.preempt};
            keep(r);
        }
        hand_over(r, q.id);
        return {.what = verdict::done};
    }

    answer release(const request_to_node& q, resource& r)
    {
        const bool held = r.holder && r.holder->id == q.id && r.holder->call <= q.call.sequence;
        if (held) {
            r.holder.reset();
        }
        const bool waited = r.waiters.erase(q.id) != 0;
        const bool was_reserved = r.reserved.has_value();
        if (was_reserved && r.reserved->id == q.id)
            r.reserved.reset();
        if (q.call.ttl != 0) {
            tombstones_[q.id] = now_ + (q.call.ttl + 999) / 1000 * 1000;
            keep(r);
        }
        const bool free = !r.holder || r.holder->ends <= now_;
        const bool reserved = r.reserved && r.reserved->at > now_;
        if (free && !reserved && (held || was_reserved || waited))
            hand_over(r, {});
        return {.what = held || waited ? verdict::done : verdict::absent};
    }

    answer write_back(const request_to_node& q, resource& r)
    {
        if (auto no = refusal(q))
            return *no;
        if (!r.holder || r.holder->id != q.id || r.holder->ends <= now_)
            return {.what = verdict::refused};
        r.holder->token = std::max(r.holder->token, q.call.token);
        r.counter = std::max(r.counter, q.call.token);
        keep(r);
        return {.what = verdict::done};
    }

    std::optional<std::string> best_waiter(resource& r)
    {
        while (!r.waiters.empty()) {
            const auto best = std::min_element(r.waiters.begin(), r.waiters.end(), by_place);
            if (best->second.ends > now_)
                return best->first;
            r.waiters.erase(best);
        }
        return {};
    }

    void hand_over(resource& r, const std::string& yielder)
    {
        const auto id = best_waiter(r);
        if (!id || *id == yielder)
            return;
        const auto window = r.waiters[*id].window;
        r.reserved = mark{*id, now_ + window};
        tell(*id, "wake " + *id);
        if (const auto second = after(r, *id); !second.empty())
            tell(second, "standby " + second + ' ' + std::to_string(window));
    }

    /// Who is next after the best.
    [[nodiscard]] static std::string after(const resource& r, const std::string& best)
    {
        auto others = r.waiters;
        others.erase(best);
        return others.empty() ? std::string() : std::min_element(others.begin(), others.end(), by_place)->first;
    }

    [[nodiscard]] rank new_place(const request_to_node& q) const
    {
        const std::int64_t started = now_ - q.call.waited;
        return {-std::int64_t{q.priority}, std::max(started - skew_, std::min(q.ticket, started + skew_)), q.id};
    }

    [[nodiscard]] rank place_of(const request_to_node& q, const resource& r) const
    {
        const auto it = r.waiters.find(q.id);
        return it == r.waiters.end() ? new_place(q) : std::min(it->second.place, new_place(q));
    }

    static bool by_place(const std::pair<const std::string, entry>& a, const std::pair<const std::string, entry>& b)
    {
        return a.second.place < b.second.place;
    }

    void keep(resource& r) const { r.forgotten_at = now_ + (max_ttl_ + 4 * skew_ + 999) / 1000 * 1000; }

    void tell(const std::string& id, std::string text)
    {
        published_->push_back({id.substr(0, id.find('-')), std::move(text)});
    }

    priority_redlock::restart_guard guard_;
    std::int64_t max_ttl_;
    std::int64_t skew_;
    std::map<std::string, resource> resources_;
    std::map<std::string, std::int64_t> tombstones_;
    std::int64_t now_ = 0;
    std::vector<message>* published_ = nullptr;
};

} // namespace test

#endif
