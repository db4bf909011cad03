// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_UNIT_MODEL_REFERENCE_HPP
#define PRIORITY_REDLOCK_TEST_UNIT_MODEL_REFERENCE_HPP

#include <priority_redlock/detail/acquire_settings.hpp>
#include <priority_redlock/lock_state.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The contract of the lock table once more, as naive as can be: vectors that are searched, everything looked at after
/// every step. Shares no code with the table.
namespace priority_redlock::test::reference {

using detail::acquire_settings;
using instant = clock::time_point;

inline constexpr instant forever = instant::max();

[[nodiscard]] inline instant after(instant t, duration d)
{
    return d == infinite ? forever : t + d;
}

struct handle
{
    std::string name;
    std::string locker; // of its own where it is generated
    std::string resource;
    acquire_settings options;
    instant since{};
    bool waiting = false;
    bool only_this_hand_shake = false;
    instant timeout = forever;
    instant last_attempt = forever;
    lock_state state = lock_state::empty;
    bool let_go = false;
    int untold = 0;  // pending waits for the end
    int running = 0; // those, the ones that have been told, and the completion of the grant
};

/// What happened to whom, in order.
using record = std::vector<std::pair<std::string, std::string>>;

struct resource
{
    std::string name;
    std::vector<handle*> holders;
    bool revoking = false;
    bool grace_over = false;
    instant grace_end = forever;
    instant expires = forever;
    int priority = 0;
    duration grace{};
    bool announced = false; // its last holder was told for one that had not come yet
};

class model
{
public:
    record told;
    record settled;
    record answered;
    duration ageing = infinite;
    std::size_t max_waiters_per_resource = unlimited;
    std::size_t max_waiters = unlimited;
    unsigned in_vain = 0; // holders that were told for one that had not come, and whom none of more priority followed

    void acquire(const std::string& name, const std::string& locker, const std::string& where,
                 const acquire_settings& o, instant now)
    {
        begin();
        resource& r = find(where);
        if (!r.holders.empty() && r.expires <= now)
            finish(r, lock_state::expired, now);

        handles_.push_back(std::make_unique<handle>());
        handle& h = *handles_.back();
        h.name = name;
        h.locker = locker;
        h.resource = where;
        h.options = o;
        h.since = now;

        if (r.holders.empty() || (!r.revoking && r.holders.front()->locker == locker)) {
            grant(r, h, now);
            answered.emplace_back(name, "granted");
            return;
        }
        if (o.timeout == duration::zero()) {
            answered.emplace_back(name, "acquire_timeout");
            return;
        }
        const bool outranks = o.preempt && o.priority > r.priority;
        if (o.max_attempts == 1) {
            const handle* best = best_waiter(r);
            if (!outranks || (best && !is_ahead(h, *best))) {
                answered.emplace_back(name, "already_acquired");
                return;
            }
            h.only_this_hand_shake = true;
        }
        if (waiters_of(r) >= max_waiters_per_resource || waiters() >= max_waiters) {
            handle* const last = worst_waiter(r);
            if (!last || !is_ahead(h, *last)) {
                answered.emplace_back(name, "queue_full");
                return;
            }
            settle(*last, "queue_full");
        }
        h.waiting = true;
        h.timeout = after(now, o.timeout);
        if (o.max_attempts != 1 && o.max_attempts != unlimited) {
            duration gap = std::chrono::milliseconds(1);
            h.last_attempt = now;
            for (unsigned attempt = 2; attempt <= o.max_attempts; ++attempt) {
                h.last_attempt += gap;
                gap = std::min<duration>(gap * 2, std::chrono::milliseconds(128));
            }
        }
        revoke_if_outranked(r, now);
    }

    void announce(const std::string& locker, const std::string& where, const acquire_settings& o, instant now)
    {
        begin();
        resource& r = find(where);
        if (r.holders.empty() || r.revoking || r.expires <= now || r.holders.front()->locker == locker || !o.preempt
            || o.priority <= r.priority)
            return;
        handle h;
        h.options = o;
        h.since = now;
        const handle* const best = best_waiter(r);
        if (best && !is_ahead(h, *best))
            return;
        r.announced = true;
        revoke(r, now);
    }

    void release(const std::string& name, instant now)
    {
        begin();
        if (!let_go(at(name), now))
            answered.emplace_back(name, "not held");
    }

    void drop(const std::string& name, instant now)
    {
        begin();
        let_go(at(name), now);
    }

    void wait(const std::string& name)
    {
        handle& h = at(name);
        ++h.running;
        if (h.state == lock_state::held)
            ++h.untold;
    }

    /// A completion, or a notice that has been told.
    void handler_returns(const std::string& name, instant now)
    {
        begin();
        handle& h = at(name);
        --h.running;
        look_at_hand_shake(find(h.resource), now);
    }

    void cancel_wait(const std::string& name, instant now)
    {
        --at(name).untold;
        handler_returns(name, now);
    }

    void withdraw(const std::string& name, instant now)
    {
        begin();
        handle& h = at(name);
        if (h.waiting)
            fail(h, "aborted", now);
        else
            answered.emplace_back(name, "settled already");
    }

    void extend(const std::string& name, duration ttl, instant now)
    {
        begin();
        handle& h = at(name);
        resource& r = find(h.resource);
        if (h.state == lock_state::held && r.expires <= now)
            finish(r, lock_state::expired, now);
        if (h.state == lock_state::held)
            r.expires = after(now, ttl);
        else
            answered.emplace_back(name, "not held");
    }

    void raise(const std::string& name, int priority)
    {
        begin();
        handle& h = at(name);
        resource& r = find(h.resource);
        if (h.state == lock_state::held)
            r.priority = std::max(r.priority, priority);
        else
            answered.emplace_back(name, "not held");
    }

    void fail_all()
    {
        begin();
        for (const auto& h : handles_)
            if (h->waiting)
                settle(*h, "aborted");
    }

    void advance(instant now)
    {
        begin();
        while (next_event(now) <= now) {
            const instant at = next_event(now);
            for (const auto& r : resources_)
                if (due_of(*r, now) == at) {
                    if (r->expires == at) {
                        finish(*r, lock_state::expired, now);
                    } else if (r->revoking) {
                        r->grace_over = true;
                        look_at_hand_shake(*r, now);
                    } else {
                        revoke(*r, now);
                    }
                }
            for (const auto& h : handles_)
                if (h->waiting && due_of(*h) == at)
                    look_at_waiter(*h, now);
        }
    }

    /// A lock whose end has passed by `now` is left alone until then.
    [[nodiscard]] instant next_event(instant now = instant::min()) const
    {
        instant result = forever;
        for (const auto& r : resources_)
            result = std::min(result, due_of(*r, now));
        for (const auto& h : handles_)
            if (h->waiting)
                result = std::min(result, due_of(*h));
        return result;
    }

    [[nodiscard]] handle& at(const std::string& name) const
    {
        return **std::find_if(handles_.begin(), handles_.end(), [&](const auto& h) { return h->name == name; });
    }

    [[nodiscard]] const std::vector<std::unique_ptr<handle>>& handles() const { return handles_; }

    /// The end and the priority of the lock that a handle shares, if it is held.
    [[nodiscard]] std::optional<std::pair<instant, int>> terms_of(const handle& h)
    {
        if (h.state != lock_state::held)
            return {};
        const resource& r = find(h.resource);
        return std::pair(r.expires, r.priority);
    }

    /// Nothing of these can happen any more.
    void forget(const std::string& name)
    {
        std::erase_if(handles_, [&](const auto& h) { return h->name == name; });
    }

private:
    void begin()
    {
        told.clear();
        settled.clear();
        answered.clear();
    }

    resource& find(const std::string& name)
    {
        for (const auto& r : resources_)
            if (r->name == name)
                return *r;
        resources_.push_back(std::make_unique<resource>());
        resources_.back()->name = name;
        return *resources_.back();
    }

    [[nodiscard]] static instant due_of(const handle& h) { return std::min(h.timeout, h.last_attempt); }

    // Ranks in units of which `unit` are one priority.
    [[nodiscard]] std::int64_t unit() const { return ageing == infinite ? 1 : ageing.count(); }
    [[nodiscard]] std::int64_t rank_of(const handle& h, instant t) const
    {
        return h.options.priority * unit() + (ageing == infinite ? 0 : (t - h.since).count());
    }

    /// Rounded up.
    [[nodiscard]] int priority_of(const handle& h, instant t) const
    {
        const std::int64_t rank = rank_of(h, t);
        const std::int64_t whole = rank / unit() + (rank % unit() > 0);
        return static_cast<int>(std::min<std::int64_t>(whole, std::numeric_limits<int>::max()));
    }

    /// When the first in line has the holder go.
    [[nodiscard]] instant preempts_at(const resource& r) const
    {
        const handle* const first = best_waiter(r);
        if (!first || !first->options.preempt)
            return forever;
        const std::int64_t levels = std::int64_t{r.priority} + 1 - first->options.priority;
        if (ageing == infinite)
            return levels > 0 ? forever : instant::min();
        return first->since + levels * ageing;
    }

    void revoke_if_outranked(resource& r, instant now)
    {
        if (!r.holders.empty() && !r.revoking && preempts_at(r) <= now && r.expires > now)
            revoke(r, now);
    }

    void look_at_waiter(handle& h, instant now)
    {
        resource& r = find(h.resource);
        if (h.timeout <= now)
            fail(h, "acquire_timeout", now);
        else if (r.revoking && h.options.preempt && best_waiter(r) == &h)
            h.only_this_hand_shake = true, h.last_attempt = forever;
        else
            fail(h, "already_acquired", now);
    }

    [[nodiscard]] instant due_of(const resource& r, instant now) const
    {
        if (r.holders.empty())
            return forever;
        if (r.revoking)
            return r.grace_over ? r.expires : std::min(r.expires, r.grace_end);
        return r.expires <= now ? r.expires : std::min(r.expires, preempts_at(r));
    }

    [[nodiscard]] std::size_t waiters() const
    {
        return static_cast<std::size_t>(
            std::count_if(handles_.begin(), handles_.end(), [](const auto& h) { return h->waiting; }));
    }

    [[nodiscard]] std::size_t waiters_of(const resource& r) const
    {
        return static_cast<std::size_t>(std::count_if(
            handles_.begin(), handles_.end(), [&r](const auto& h) { return h->waiting && h->resource == r.name; }));
    }

    /// Handles are in the order of their arrival, so the first of equals is ahead. At any time: all rise alike.
    [[nodiscard]] bool is_ahead(const handle& later, const handle& earlier) const
    {
        return rank_of(later, {}) > rank_of(earlier, {});
    }

    [[nodiscard]] handle* worst_waiter(const resource& r) const
    {
        handle* worst = nullptr;
        for (const auto& h : handles_)
            if (h->waiting && h->resource == r.name && (!worst || !is_ahead(*h, *worst)))
                worst = h.get();
        return worst;
    }

    [[nodiscard]] handle* best_waiter(const resource& r) const
    {
        handle* best = nullptr;
        for (const auto& h : handles_)
            if (h->waiting && h->resource == r.name && (!best || is_ahead(*h, *best)))
                best = h.get();
        return best;
    }

    void settle(handle& h, const char* result)
    {
        h.waiting = false;
        settled.emplace_back(h.name, result);
    }

    void fail(handle& h, const char* reason, instant now)
    {
        settle(h, reason);
        revoke_if_outranked(find(h.resource), now);
    }

    void grant(resource& r, handle& h, instant now)
    {
        h.waiting = false;
        h.state = lock_state::held;
        h.running = 1;
        if (r.holders.empty()) {
            r.expires = after(now, h.options.ttl);
            if (std::exchange(r.announced, false) && priority_of(h, now) <= r.priority)
                ++in_vain;
            r.priority = priority_of(h, now);
            r.grace = h.options.grace;
        } else {
            r.priority = std::max(r.priority, priority_of(h, now));
            r.grace = std::max(r.grace, h.options.grace);
        }
        r.holders.push_back(&h);
    }

    void tell(handle& h)
    {
        h.untold = 0;
        told.emplace_back(h.name, std::string());
    }

    bool let_go(handle& h, instant now)
    {
        resource& r = find(h.resource);
        if (h.state == lock_state::held) {
            h.state = lock_state::released;
            if (h.untold != 0)
                tell(h);
            std::erase(r.holders, &h);
            if (r.holders.empty())
                next(r, now);
            return true;
        }
        if (h.state == lock_state::revoking) {
            h.state = lock_state::preempted;
            h.let_go = true;
            look_at_hand_shake(r, now);
            return true;
        }
        return false;
    }

    void revoke(resource& r, instant now)
    {
        r.revoking = true;
        r.grace_over = r.grace == duration::zero();
        r.grace_end = after(now, r.grace);
        for (handle* h : r.holders) {
            h->state = lock_state::revoking;
            tell(*h);
        }
        look_at_hand_shake(r, now);
    }

    void look_at_hand_shake(resource& r, instant now)
    {
        if (!r.revoking)
            return;
        bool all_gone = true;
        for (const handle* h : r.holders) {
            if (h->running != 0)
                return;
            all_gone = all_gone && h->let_go;
        }
        if (all_gone || r.grace_over)
            finish(r, lock_state::preempted, now);
    }

    void finish(resource& r, lock_state reason, instant now)
    {
        for (handle* h : r.holders) {
            if (!r.revoking) {
                h->state = reason;
                tell(*h);
            } else {
                h->state = lock_state::preempted;
            }
        }
        r.holders.clear();
        next(r, now);
    }

    void next(resource& r, instant now)
    {
        r.revoking = false;
        r.expires = forever;
        handle* const best = best_waiter(r);
        if (!best)
            return;
        const std::string locker = best->locker;
        for (handle* h = best; h;) {
            grant(r, *h, now);
            settled.emplace_back(h->name, "granted");
            h = nullptr;
            for (const auto& each : handles_)
                if (each->waiting && each->resource == r.name && each->locker == locker && (!h || is_ahead(*each, *h)))
                    h = each.get();
        }
        for (const auto& each : handles_)
            if (each->waiting && each->resource == r.name && each->only_this_hand_shake)
                settle(*each, "already_acquired");
    }

    std::vector<std::unique_ptr<handle>> handles_;
    std::vector<std::unique_ptr<resource>> resources_;
};

} // namespace priority_redlock::test::reference

#endif
