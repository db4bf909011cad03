// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/judges.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <utility>

namespace simulation {

namespace {

using namespace std::chrono_literals;
using priority_redlock::errc;
using priority_redlock::infinite;
using priority_redlock::lock_state;
using priority_redlock::unlimited;
using priority_redlock::detail::saturating_add;
using phase = usage::phase;

time_point now() noexcept
{
    return virtual_clock::now();
}

std::string name_of(std::size_t resource)
{
    return 'r' + std::to_string(resource);
}

bool is_of_one_locker(const usage& a, const usage& b)
{
    return a.manager == b.manager && a.locker == b.locker;
}

/// I1: between its grant and its end nobody else holds the resource.
class exclusion_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "exclusion"; }

    void on_granted(const court& c, const usage& u) override
    {
        if (!court::is_believed(u))
            return; // it ended on its way
        for (const std::size_t r : u.resources)
            for (const usage* const other : c.users(r))
                if (other != &u && !is_of_one_locker(*other, u) && court::is_believed(*other))
                    accuse(court::text(u) + " and " + court::text(*other) + " hold " + name_of(r));
    }

    void on_extended(const court& c, const usage& u) override { on_granted(c, u); }
};

/// I6
class token_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "tokens"; }

    void on_granted(const court& c, const usage& u) override
    {
        for (const priority_redlock::lock& part : u.lock->parts())
            check(c, u, std::stoul(std::string(part.resource().substr(1))), part.fencing_token());
    }

    void check(const court& c, const usage& u, std::size_t r, std::uint64_t token)
    {
        latest_.resize(c.resources());
        grant& latest = latest_[r];
        const bool same =
            latest.manager == u.manager && latest.locker == u.locker; // what it has again it has as before
        if (token < latest.token || (token == latest.token && !same))
            accuse(court::text(u) + " has token " + std::to_string(token) + " of " + name_of(r) + ", after "
                   + std::to_string(latest.token));
        if (token >= latest.token)
            latest = {token, u.manager, u.locker};
    }

    struct grant
    {
        std::uint64_t token = 0;
        std::uint32_t manager = 0;
        std::string locker;
    };

    std::vector<grant> latest_; // by resource
};

/// I7: the highest priority is next, then first come, first served: between managers, and for each waiter of a manager.
class order_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "order"; }

    void on_failed(const court&, const usage& u, error_code) override { note_next(u); }

    void on_granted(const court& c, const usage& u) override
    {
        check(c, u);
        note_next(u);
    }

private:
    void check(const court& c, const usage& u)
    {
        if (u.is_composite() || u.re_entrant || !c.calm_for(c.limits().recovery))
            return;
        const std::size_t r = u.resources.front();
        for (const usage* const other : c.users(r)) {
            if (other == &u || other->now != phase::waits || other->is_composite() || other->timeout == 0s
                || other->max_attempts == 1 || other->cancelled != never || is_of_one_locker(*other, u)
                || std::max(other->asked, next_since(*other)) + c.limits().known > now()
                || !c.is_served(*other, c.limits().known))
                continue;
            if (other->priority > u.priority)
                accuse(court::text(u) + " is granted " + name_of(r) + " before " + court::text(*other)
                       + ", which has a higher priority and has waited for " + court::text(now() - other->asked));
            else if (other->priority == u.priority && other->asked + c.limits().precision < u.asked)
                accuse(court::text(u) + " is granted " + name_of(r) + " before " + court::text(*other)
                       + ", which came first, by " + court::text(u.asked - other->asked));
        }
    }

    /// The nodes know of one waiter of each manager. When that is granted or gives up they are told of the next.
    void note_next(const usage& u)
    {
        for (const std::size_t r : u.resources)
            next_since_[{u.manager, r}] = now();
    }

    [[nodiscard]] time_point next_since(const usage& u) const
    {
        const auto it = next_since_.find({u.manager, u.resources.front()});
        return it == next_since_.end() ? time_point() : it->second;
    }

    std::map<std::pair<std::uint32_t, std::size_t>, time_point> next_since_;
};

/// Every error says what is so.
class error_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "errors"; }

    void on_failed(const court& c, const usage& u, error_code why) override
    {
        const duration took = now() - u.asked;
        const auto unjust = [&](const std::string& since) {
            accuse(court::text(u) + " ended after " + court::text(took) + " with '" + why.message() + "', though "
                   + since);
        };
        const reach& to = c.of(u.process);
        const bool limited = u.timeout != infinite || u.max_attempts != unlimited;
        if (why == errc::no_quorum) {
            const time_point from = std::max(u.asked, now() - c.limits().known);
            if (to.quorum_since <= from && to.quorum_since + c.limits().known <= now())
                unjust("a quorum has been answering for " + court::text(now() - to.quorum_since));
            if (!limited && took < c.limits().quorum_timeout)
                unjust("it was to wait for a quorum for longer");
        } else if (why == errc::acquire_timeout) {
            if (u.timeout == infinite)
                unjust("it has no timeout");
            if (took < u.timeout)
                unjust("its timeout is " + court::text(u.timeout));
            if (is_cut_off(c, u) && !is_busy_here(c, u))
                unjust("no quorum could be asked for " + court::text(now() - to.cut_off_since));
        } else if (why == errc::already_acquired) {
            if (u.max_attempts == unlimited)
                unjust("it has any number of attempts");
            if (is_cut_off(c, u) && !is_busy_here(c, u))
                unjust("no quorum could be asked for " + court::text(now() - to.cut_off_since));
        } else if (why == asio::error::operation_aborted) {
            if (u.cancelled == never)
                unjust("nobody has cancelled it");
        } else {
            unjust("nothing is the reason for that");
        }
        // What is not to wait is told at once, whatever it is told.
        if ((u.timeout == 0s || u.max_attempts == 1) && why != asio::error::operation_aborted && !may_wait(c, u)
            && took > c.limits().answer && c.calm_for(took + c.limits().recovery)
            && c.is_served(u, took + c.limits().recovery))
            unjust("it was not to wait, and a quorum answers");
    }

    /// A single attempt waits for the hand-shake that it causes.
    static bool may_wait(const court& c, const usage& u)
    {
        if (u.timeout == 0s)
            return u.is_composite();
        return u.is_composite() || std::ranges::any_of(c.users(u.resources.front()), [&](const usage* other) {
                   return other->priority < u.priority;
               });
    }

    static bool is_cut_off(const court& c, const usage& u)
    {
        const time_point since = c.of(u.process).cut_off_since;
        return since <= u.asked && since != never && since + c.limits().recovery <= u.asked;
    }

    /// Its own manager has it, and does not ask.
    static bool is_busy_here(const court& c, const usage& u)
    {
        return std::ranges::any_of(u.resources, [&](std::size_t r) {
            return std::ranges::any_of(c.users(r),
                                       [&](const usage* other) { return other != &u && other->manager == u.manager; });
        });
    }
};

/// Nobody waits without end: a free resource with a waiter is granted, and a time that is over ends a wait.
class progress_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "progress"; }

    void on_granted(const court& c, const usage& u) override
    {
        if (!u.re_entrant && !u.is_composite())
            look_at(c, u.resources.front(), &u);
    }

    void on_time(const court& c) override
    {
        for (std::size_t r = 0; r < c.resources(); ++r)
            look_at(c, r, nullptr);
    }

    void on_finished(const court& c) override
    {
        for (std::size_t r = 0; r < c.resources(); ++r)
            for (const usage* const each : c.users(r))
                if (each->now == phase::waits && c.of(each->process).alive)
                    accuse(court::text(*each) + " still waits for " + name_of(r) + ", after "
                           + court::text(now() - each->asked));
    }

    void look_at(const court& c, std::size_t r, const usage* granted)
    {
        time_point since = std::max(c.free_since(r), c.calm_since());
        for (const usage* const each : c.users(r)) {
            if (each == granted)
                continue;
            if (each->is_composite())
                return; // it may have a part
            if (each->now != phase::holds)
                continue;
            if (court::is_believed(*each))
                return;
            since = std::max(since, each->told == never
                                        ? each->lock->expires_at()
                                        : std::min(each->lock->expires_at(), saturating_add(each->told, each->grace)));
        }
        const duration bound = c.calm_for(2 * c.limits().recovery) ? c.limits().hand_over : c.limits().recovery;
        for (const usage* const each : c.users(r)) {
            if ((each->now != phase::waits && each != granted) || each->timeout == 0s || each->max_attempts == 1
                || each->is_composite())
                continue;
            const reach& to = c.of(each->process);
            if (to.quorum_since == never)
                continue;
            const time_point from = std::max({since, each->asked, to.quorum_since, to.paused_until});
            if (saturating_add(from, bound) < now())
                accuse(name_of(r) + " has been free for " + court::text(now() - from) + " while " + court::text(*each)
                       + (each == granted ? " waited, which is granted it now" : " waits"));
        }
    }
};

/// P1, P2, P10: a victim is told, once, for a reason, and before its thief is granted.
class victim_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "victims"; }

    void on_granted(const court& c, const usage& u) override
    {
        for (const std::size_t r : u.resources)
            for (const usage* const other : c.users(r))
                if (other != &u && other->now == phase::holds && other->lock->state() == lock_state::preempted
                    && other->told == never && c.of(other->process).paused_until <= now())
                    accuse(court::text(u) + " is granted " + name_of(r) + " before " + court::text(*other)
                           + " was told to go");
    }

    void on_told(const court& c, const usage& u) override
    {
        if (u.is_composite() || !c.calm_for(c.limits().recovery))
            return;
        const std::size_t r = u.resources.front();
        const int held_with = u.lock->priority();
        // P10: the first in line decides. One attempt is a thief, too.
        const auto is_thief_before = [&](const usage& w) {
            return std::ranges::any_of(c.users(r), [&](const usage* other) {
                return other->now == phase::waits && other->preempt && other->max_attempts == 1
                       && other->priority > held_with && other->priority >= w.priority;
            });
        };
        if (const usage* const first = first_in_line(c, r);
            first && !first->preempt && !is_thief_before(*first) && first->asked + 2 * c.limits().known < now()
            && c.is_served(*first, c.limits().recovery) && stood_first_for(r, *first, 2 * c.limits().known))
            accuse(court::text(u) + " was told to go, though " + court::text(*first) + " is the next for " + name_of(r)
                   + " and leaves the holder alone");
        if (std::ranges::any_of(c.users(r),
                                [&](const usage* other) {
                                    return other->now == phase::waits && other->preempt && other->priority > held_with;
                                })
            || latest_thief(r) + c.limits().recovery > now())
            return;
        accuse(court::text(u) + " was told to go though nobody with a higher priority waits for " + name_of(r));
    }

    void on_failed(const court& c, const usage& u, error_code) override { note_thief(c, u); }

    void note_thief(const court& c, const usage& u)
    {
        left_.resize(c.resources());
        for (const std::size_t r : u.resources)
            if (u.preempt)
                left_[r] = now();
    }

    [[nodiscard]] time_point latest_thief(std::size_t r) const { return r < left_.size() ? left_[r] : time_point(); }

    void on_time(const court& c) override
    {
        if (!c.calm_for(c.limits().recovery))
            return;
        for (std::size_t r = 0; r < c.resources(); ++r) {
            if (std::ranges::any_of(c.users(r), &usage::is_composite))
                continue;
            const usage* const best = first_in_line(c, r);
            const usage* holder = nullptr;
            for (const usage* const each : c.users(r))
                if (each->now == phase::holds && court::is_believed(*each))
                    holder = each;
            if (best)
                stood_first_for(r, *best, {});
            if (!best || !holder || !best->preempt || best->priority <= holder->lock->priority()
                || holder->told != never || best->cancelled != never)
                continue;
            const duration bound = c.limits().notice;
            if (c.is_served(*best, bound) && c.is_served(*holder, bound) && best->asked + bound < now()
                && holder->granted + bound < now() && stood_first_for(r, *best, bound))
                accuse(court::text(*holder) + " holds " + name_of(r) + " and was not told to go for "
                       + court::text(*best) + ", which has waited for " + court::text(now() - best->asked));
        }
    }

    static const usage* first_in_line(const court& c, std::size_t r)
    {
        const usage* best = nullptr;
        for (const usage* const each : c.users(r))
            if (each->now == phase::waits && each->timeout != 0s && each->max_attempts != 1
                && (!best || each->priority > best->priority
                    || (each->priority == best->priority && each->asked < best->asked)))
                best = each;
        return best;
    }

    /// Since how long it is the first in line, as far as was looked.
    bool stood_first_for(std::size_t r, const usage& u, duration d)
    {
        auto& [who, since] = first_[r];
        if (who != u.number) {
            who = u.number;
            since = now();
        }
        return since + d < now();
    }

    std::vector<time_point> left_; // a waiter that would have preempted
    std::map<std::size_t, std::pair<std::uint32_t, time_point>> first_;
};

/// P8, R8: a lock ends by its time, by its owner, by a thief, or because the store cannot keep it.
class keeping_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "keeping"; }

    void on_ended(const court& c, const usage& u, error_code why) override
    {
        if (!why)
            return;
        const duration held = now() - u.granted;
        if (why == errc::lost && c.calm_since() + c.limits().recovery <= u.granted && c.is_served(u, held))
            accuse(court::text(u) + " is lost after " + court::text(held) + ", though a quorum has been answering");
        if (why == errc::expired && !u.extended && !u.re_entrant) {
            const duration lasts = u.auto_extend ? u.max_hold : u.ttl;
            const duration round = std::min(c.limits().round, lasts / 3); // of which the first vote may be
            if (lasts == infinite)
                accuse(court::text(u) + " expires, though it has no end");
            else if (held < lasts - lasts / 50 - 5ms - round && c.calm_since() + c.limits().recovery <= u.granted)
                accuse(court::text(u) + " expires after " + court::text(held) + ", before its ttl of "
                       + court::text(lasts));
        }
        if (u.auto_extend && u.max_hold != infinite && u.granted + u.max_hold + 1s < now()
            && c.calm_since() < u.granted)
            accuse(court::text(u) + " is held for longer than it may be");
    }
};

/// I3: every handler is called, once.
class handler_judge final : public judge
{
    [[nodiscard]] std::string_view name() const noexcept override { return "handlers"; }

    void on_finished(const court& c) override
    {
        for (const auto& each : c.operations())
            if (!each.done && c.of(each.process).alive)
                accuse(std::string("a handler of ") + each.what + " was not called in process "
                       + std::to_string(each.process + 1));
    }
};

template <class... Judges>
std::vector<std::unique_ptr<judge>> make_judges()
{
    std::vector<std::unique_ptr<judge>> result;
    (result.push_back(std::make_unique<Judges>()), ...);
    return result;
}

std::vector<std::unique_ptr<judge>> all_judges()
{
    return make_judges<exclusion_judge, token_judge, order_judge, error_judge, progress_judge, victim_judge,
                       keeping_judge, handler_judge>();
}

} // namespace

bounds::bounds(const priority_redlock::redis_options& o, duration round_trip, duration clock_difference,
               bool some_are_silent)
    : known(2 * round_trip + 20ms), precision(20ms + round_trip + 2 * clock_difference),
      hand_over(3 * std::max<duration>(30ms, 4 * round_trip) + 3 * round_trip),
      recovery(o.retry_interval * 5 / 3 * 11 / 10 * 2), notice(known), quorum_timeout(o.quorum_timeout),
      answer(2 * round_trip + 20ms), round(o.node_timeout)
{
    if (some_are_silent) // all that are left have to agree: who let a turn lapse on one of them asks again after a rest
        hand_over = recovery;
}

// --- the court -------------------------------------------------------------------------------------------------------

court::court(std::size_t resources, const bounds& b)
    : bounds_(b), judges_(all_judges()), users_(resources), free_since_(resources, now())
{
}

court::~court() = default;

template <class... Arguments, class... Values>
void court::tell_all(void (judge::*what)(const court&, Arguments...), Values&&... values)
{
    for (const auto& each : judges_)
        ((*each).*what)(*this, values...);
}

void court::asked(usage& u)
{
    u.asked = now();
    for (const std::size_t r : u.resources)
        users_[r].push_back(&u);
    tell_all(&judge::on_asked, u);
}

void court::granted(usage& u, const priority_redlock::lock& l)
{
    u.lock = &l;
    u.token = l.fencing_token();
    u.granted = now();
    u.re_entrant = !u.is_composite() && std::ranges::any_of(users_[u.resources.front()], [&](const usage* other) {
        return other != &u && other->manager == u.manager && other->locker == u.locker && other->now == phase::holds
               && is_believed(*other);
    });
    u.now = phase::holds;
    tell_all(&judge::on_granted, u);
}

void court::extended(usage& u)
{
    for (const std::size_t r : u.resources) // for all handles of its locker
        for (usage* const each : users_[r])
            each->extended = each->extended || is_of_one_locker(*each, u);
    tell_all(&judge::on_extended, u);
}

void court::told(usage& u)
{
    u.told = now();
    tell_all(&judge::on_told, u);
}

void court::ended(usage& u, error_code why)
{
    u.over = now();
    tell_all(&judge::on_ended, u, why);
    for (const std::size_t r : u.resources)
        free_since_[r] = std::max(free_since_[r], now());
    forget(u);
}

void court::failed(usage& u, error_code why)
{
    u.over = now();
    tell_all(&judge::on_failed, u, why);
    forget(u);
}

void court::forget(usage& u)
{
    u.now = phase::over;
    u.lock = nullptr;
    for (const std::size_t r : u.resources)
        std::erase(users_[r], &u);
}

std::uint64_t court::started(std::uint32_t process, const char* what)
{
    operations_.push_back({process, what, false});
    return operations_.size() - 1;
}

void court::completed(std::uint64_t which)
{
    operations_[which].done = true;
}

void court::disturbed(time_point until)
{
    calm_since_ = std::max({calm_since_, until, now()});
}

void court::crashed(std::uint32_t process, time_point free_again)
{
    of(process).alive = false;
    for (std::size_t r = 0; r < users_.size(); ++r)
        std::erase_if(users_[r], [&](const usage* each) {
            if (each->process != process)
                return false;
            free_since_[r] = std::max(free_since_[r], free_again);
            return true;
        });
}

reach& court::of(std::uint32_t process)
{
    if (reaches_.size() <= process)
        reaches_.resize(process + 1);
    return reaches_[process];
}

void court::object(std::string_view name, std::string what)
{
    const auto it = std::ranges::find(judges_, name, [](const auto& each) { return each->name(); });
    (*it)->accuse(std::move(what));
}

void court::time_passed()
{
    tell_all(&judge::on_time);
}

void court::finished()
{
    tell_all(&judge::on_finished);
}

bool court::is_served(const usage& u, duration d) const noexcept
{
    const reach& to = reaches_[u.process];
    return to.alive && to.quorum_since != never && to.quorum_since + d <= now() && to.paused_until + d <= now();
}

bool court::is_believed(const usage& u) noexcept
{
    if (u.now != phase::holds || !u.lock || u.lock->expires_at() <= virtual_clock::now())
        return false;
    const lock_state s = u.lock->state();
    return s == lock_state::held || s == lock_state::revoking;
}

std::string court::text(const usage& u)
{
    return 'p' + std::to_string(u.process + 1) + '#' + std::to_string(u.number);
}

std::string court::text(duration d)
{
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.3f ms", std::chrono::duration<double, std::milli>(d).count());
    return buffer;
}

std::string court::wish(const usage& u)
{
    std::string result;
    for (const std::size_t each : u.resources)
        result += (result.empty() ? "" : "+") + name_of(each);
    result += " as " + u.locker + ", priority " + std::to_string(u.priority);
    const auto add = [&](const char* what, duration d) {
        if (d != infinite)
            result += what + text(d);
    };
    add(", ttl ", u.ttl);
    add(", timeout ", u.timeout);
    if (u.max_attempts != unlimited)
        result += ", attempts " + std::to_string(u.max_attempts);
    if (!u.preempt)
        result += ", does not preempt";
    if (u.auto_extend)
        result += ", renews itself";
    return result;
}

const judge* court::accuser() const noexcept
{
    for (const auto& each : judges_)
        if (!each->verdict().empty())
            return each.get();
    return nullptr;
}

std::vector<std::string> court::names()
{
    std::vector<std::string> result;
    for (const auto& each : all_judges())
        result.emplace_back(each->name());
    return result;
}

} // namespace simulation
