// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "model_reference.hpp"
#include "table_fixture.hpp"

#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

// Random schedules against the reference, with invariants that neither of them knows of.
//
// PRIORITY_REDLOCK_SEED=n runs the schedule of seed n only, PRIORITY_REDLOCK_SCHEDULES=n more or fewer of them.

namespace priority_redlock::test {

namespace {

using detail::acquire_settings;

constexpr int default_schedules = 3000;
constexpr int steps_each = 60;
constexpr std::size_t most_resources = 3;

struct mismatch : std::runtime_error
{
    using runtime_error::runtime_error;
};

// --- schedules -------------------------------------------------------------------------------------------------------

struct planned_step
{
    enum class kind
    {
        acquire,
        announce,
        release,
        drop,
        deliver,
        wait,
        handler_returns,
        cancel_wait,
        withdraw,
        extend,
        raise,
        fail_all,
        to_next_deadline, // and `by` further
        pass,             // `by`, with the timer
        pass_late,        // `by`, without it
    };

    kind what = kind::acquire;
    std::size_t which = 0; // of those to whom it can happen,
    std::string who;       // or, in a schedule that has been run, he alone
    std::string locker;
    std::string resource;
    acquire_settings options;
    duration by{};
};

struct schedule
{
    std::size_t idle_capacity = 0;
    duration ageing = infinite;
    unsigned max_waiters_per_resource = unlimited;
    unsigned max_waiters = unlimited;
    duration overrun_after = infinite; // of which the reference knows nothing: it decides nothing
    std::vector<planned_step> steps;
};

class planner
{
public:
    explicit planner(std::uint64_t seed) : random_(seed), warns_(seed % 2 == 0) {}

    schedule plan()
    {
        schedule result;
        if (warns_)
            result.overrun_after = 1ms;
        result.idle_capacity = pick(4);
        const bool late_timer = pick(4) == 0;
        const std::size_t lockers = 1 + pick(4);
        const std::size_t resources = 1 + pick(most_resources);
        const int priorities = static_cast<int>(1 + pick(5));
        const bool orders_only = pick(2) == 0;
        if (pick(3) == 0)
            result.ageing = 1ms + some_time(12);
        if (pick(4) == 0)
            result.max_waiters_per_resource = static_cast<unsigned>(1 + pick(4));
        if (pick(4) == 0)
            result.max_waiters = static_cast<unsigned>(1 + pick(6));
        for (int i = 0; i < steps_each; ++i) {
            planned_step s;
            s.what = kind_of(late_timer);
            s.which = pick(1000);
            s.locker = pick(10) == 0 ? "?" : std::string(1, static_cast<char>('a' + pick(lockers)));
            s.resource = "r" + std::to_string(pick(resources));
            s.options.priority = priority(priorities);
            s.options.preempt = !orders_only || pick(3) != 0;
            s.options.ttl = pick(2) == 0 ? infinite : some_time(20);
            s.options.grace = pick(3) == 0 ? duration::zero() : some_time(10);
            s.options.timeout = pick(2) == 0 ? infinite : pick(8) == 0 ? duration::zero() : some_time(20);
            // Which of two limits has passed first is not asked of a timer that is late.
            if (pick(3) == 0 && !(late_timer && s.options.timeout != infinite))
                s.options.max_attempts = static_cast<unsigned>(1 + pick(5));
            s.by = some_time(6);
            if (s.what == planned_step::kind::to_next_deadline) {
                const duration offsets[] = {0ns, 0ns, 0ns, -1ns, 1ns};
                s.by = late_timer && pick(3) == 0 ? some_time(15) : offsets[pick(5)];
            }
            result.steps.push_back(s);
        }
        return result;
    }

private:
    std::size_t pick(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

    /// Up to so many milliseconds, and never the same twice: no two deadlines coincide.
    duration some_time(std::size_t ms)
    {
        return std::chrono::milliseconds(pick(ms)) + std::chrono::microseconds(1 + pick(900))
               + std::chrono::nanoseconds(++unique_);
    }

    int priority(int range)
    {
        switch (pick(40)) {
        case 0: return std::numeric_limits<int>::min();
        case 1: return std::numeric_limits<int>::max();
        default: return static_cast<int>(pick(static_cast<std::size_t>(range))) - 1;
        }
    }

    planned_step::kind kind_of(bool late_timer)
    {
        using enum planned_step::kind;
        const std::size_t n = pick(100);
        if (n < 31)
            return acquire;
        if (n < 34)
            return announce;
        if (n < 42)
            return release;
        if (n < 48)
            return drop;
        if (n < 63)
            return deliver;
        if (n < 69)
            return wait;
        if (n < 76)
            return handler_returns;
        if (n < 78)
            return cancel_wait;
        if (n < 82)
            return withdraw;
        if (n < 85)
            return extend;
        if (n < 86)
            return raise;
        if (n < 87)
            return pick(3) == 0 ? fail_all : acquire;
        if (n < 94)
            return to_next_deadline;
        return late_timer && pick(2) == 0 ? pass_late : pass;
    }

    std::mt19937_64 random_;
    const bool warns_;
    int unique_ = 0;
};

// --- invariants ------------------------------------------------------------------------------------------------------

/// What must hold of the table alone, whatever the reference says.
class invariants
{
public:
    void check(const table_driver& table)
    {
        const time_point now = table.now();
        std::vector<const actor*> granted;
        std::map<std::string, const actor*> holder;
        for (const auto& a : table.actors()) {
            seen& before = seen_[a->name];
            const lock_state state = a->state();
            if (!legal(before.state, state))
                throw mismatch("P4: " + a->name + " went from " + std::string(to_string(before.state)) + " to "
                               + std::string(to_string(state)));
            if (!a->waits() && !a->outcome && !before.granted) {
                granted.push_back(a.get());
                before.granted = true;
                auto& grace = longest_grace_[{a->resource, a->token}];
                grace = std::max(grace, a->options.grace);
            }
            if (state == lock_state::revoking || (state == lock_state::preempted && !before.told)) {
                if (!before.told)
                    before.told_at = now;
                before.told = true;
            }
            before.state = state;

            // I1
            if (state == lock_state::held || state == lock_state::revoking) {
                const actor*& other = holder[a->resource];
                if (other && (other->locker != a->locker || a->anonymous || other->anonymous))
                    throw mismatch("I1: " + other->name + " and " + a->name + " hold " + a->resource);
                if (other && other->token != a->token)
                    throw mismatch("I6: " + other->name + " and " + a->name + " have different tokens");
                other = a.get();
            }
        }
        for (const actor* a : granted)
            check_grant(table, *a, granted, now);
        for (const actor* a : granted)
            last_token_[a->resource] = std::max(last_token_[a->resource], a->token);
        for (const auto& a : table.actors())
            seen_[a->name].waited = a->waits();
    }

private:
    struct seen
    {
        lock_state state = lock_state::empty;
        bool granted = false;
        bool told = false;
        bool waited = false; // after the step before
        time_point told_at{};
    };

    static bool legal(lock_state from, lock_state to)
    {
        switch (from) {
        case lock_state::empty: return true;
        case lock_state::held: return to != lock_state::empty;
        case lock_state::revoking: return to == lock_state::revoking || to == lock_state::preempted;
        default: return from == to;
        }
    }

    void check_grant(const table_driver& table, const actor& a, const std::vector<const actor*>& granted,
                     time_point now)
    {
        // The others that were granted with it, or before it.
        const actor* best = &a;
        bool re_entrant = false;
        bool overtaken = false; // and ended in the same step
        for (const auto& each : table.actors()) {
            if (each.get() == &a || each->resource != a.resource || each->waits() || each->outcome)
                continue;
            if (each->token > a.token)
                overtaken = true;
            if (each->token != a.token)
                continue;
            if (each->locker != a.locker || a.anonymous)
                throw mismatch("I6: " + each->name + " and " + a.name + " share a token");
            if (std::find(granted.begin(), granted.end(), each.get()) == granted.end())
                re_entrant = true;
            else if (each->target && (!best->target || is_before(*each, *best))) // re-entrant ones have not waited
                best = each.get();
        }

        // I6
        const std::uint64_t last = last_token_[a.resource]; // before this step
        if (re_entrant ? a.token != last : a.token <= last)
            throw mismatch("I6: " + a.name + " has token " + std::to_string(a.token) + " after "
                           + std::to_string(last));

        if (re_entrant || overtaken)
            return;

        for (const auto& each : table.actors()) {
            if (each->resource != a.resource || each->token == a.token)
                continue;
            // I7, among those who were there before this step
            if (each->waits() && seen_[each->name].waited && (!best->target || is_before(*each, *best)))
                throw mismatch("I7: " + a.name + " was granted before " + each->name);
            // P3
            const seen& before = seen_[each->name];
            if (each->state() != lock_state::preempted || each->token >= a.token || each->expires() <= now)
                continue;
            if (each->running() != 0)
                throw mismatch("P3: " + a.name + " was granted while handlers of " + each->name + " ran");
            if (!each->let_go
                && now < detail::saturating_add(before.told_at, longest_grace_[{each->resource, each->token}]))
                throw mismatch("P3: " + a.name + " was granted in the grace of " + each->name);
        }
    }

    std::map<std::string, seen> seen_;
    std::map<std::string, std::uint64_t> last_token_;
    std::map<std::pair<std::string, std::uint64_t>, duration> longest_grace_;
};

// --- the comparison --------------------------------------------------------------------------------------------------

class comparison
{
public:
    explicit comparison(const schedule& plan)
        : plan_(plan),
          table_(plan.idle_capacity, {.ageing = plan.ageing,
                                      .overrun_after = plan.overrun_after,
                                      .max_waiters_per_resource = plan.max_waiters_per_resource,
                                      .max_waiters = std::make_shared<detail::waiter_limit>(plan.max_waiters)})
    {
        model_.ageing = plan.ageing;
        model_.max_waiters_per_resource = plan.max_waiters_per_resource;
        model_.max_waiters = plan.max_waiters;
        table_.delivers_at_once = false;
    }

    /// Empty, or what went wrong.
    std::string run()
    try {
        for (const planned_step& s : plan_.steps)
            if (take(s))
                compare();
        log_ << "wind up\n";
        table_.wind_up();
        compare_violations();
        return {};
    } catch (const mismatch& e) {
        return log_.str() + "=> " + e.what() + '\n';
    }

    std::vector<planned_step> executed; // those that could be, with whom they were about

    unsigned grants = 0;
    unsigned preemptions = 0;
    unsigned expiries = 0;
    unsigned refusals = 0;
    unsigned overruns = 0;
    unsigned announced = 0; // and somebody was told

private:
    template <class Predicate>
    actor* choose(const planned_step& s, Predicate suits)
    {
        std::vector<actor*> candidates;
        for (const auto& a : table_.actors())
            if (suits(*a) && (s.who.empty() || s.who == a->name))
                candidates.push_back(a.get());
        if (candidates.empty())
            return nullptr;
        actor* const chosen = candidates[s.which % candidates.size()];
        executed.push_back(s);
        executed.back().who = chosen->name;
        return chosen;
    }

    std::ostream& say(const char* what)
    {
        return log_ << "  " << std::chrono::nanoseconds(table_.elapsed()).count() << " ns: " << what << ' ';
    }

    /// False if there is nobody to whom it can happen.
    bool take(const planned_step& s)
    {
        using enum planned_step::kind;
        const time_point now = table_.now();
        actor* a = nullptr;
        switch (s.what) {
        case acquire: {
            const std::string name = s.who.empty() ? s.locker + '/' + std::to_string(++acquires_) : s.who;
            executed.push_back(s);
            executed.back().who = name;
            const auto& o = s.options;
            say("acquire") << name << " on " << s.resource << " priority=" << o.priority
                           << (o.preempt ? "" : " without preempting") << " ttl=" << o.ttl.count()
                           << " grace=" << o.grace.count() << " timeout=" << o.timeout.count()
                           << " attempts=" << o.max_attempts << '\n';
            table_.acquire(name, o, s.resource);
            model_.acquire(name, s.locker == "?" ? name : s.locker, s.resource, o, now);
            return true;
        }
        case announce: {
            const std::string name = s.locker + "/announces";
            executed.push_back(s);
            say("announce") << s.locker << " on " << s.resource << " priority=" << s.options.priority
                            << (s.options.preempt ? "" : " without preempting") << '\n';
            table_.announce(name, s.options, s.resource);
            model_.announce(s.locker, s.resource, s.options, now);
            announced += !model_.told.empty();
            return true;
        }
        case release:
            a = choose(s, [](const actor& x) { return x.has_handle && (!x.let_go || x.arrival % 3 == 0); });
            if (!a)
                return false;
            say("release") << a->name << '\n';
            table_.release(a->name);
            model_.release(a->name, now);
            return true;
        case drop:
            a = choose(s, [](const actor& x) { return x.has_handle; });
            if (!a)
                return false;
            say("drop") << a->name << '\n';
            table_.drop(a->name);
            model_.drop(a->name, now);
            return true;
        case deliver:
            a = choose(s, [](const actor& x) { return x.undelivered; });
            if (!a)
                return false;
            say("deliver") << a->name << '\n';
            table_.deliver(a->name);
            model_.handler_returns(a->name, now);
            return true;
        case wait:
            // One that is started after a hand-shake is over would look like one that has held it up.
            a = choose(s,
                       [](const actor& x) { return x.has_handle && !x.let_go && x.state() != lock_state::preempted; });
            if (!a)
                return false;
            say("wait") << a->name << '\n';
            table_.wait(a->name);
            model_.wait(a->name);
            return false; // nothing to compare: the events are those of the step before
        case handler_returns:
            a = choose(s, [](const actor& x) { return x.find_notice(true) != nullptr; });
            if (!a)
                return false;
            say("handler returns of") << a->name << '\n';
            table_.handler_returns(a->name);
            model_.handler_returns(a->name, now);
            return true;
        case cancel_wait:
            a = choose(s, [](const actor& x) { return x.find_notice(false) != nullptr; });
            if (!a)
                return false;
            say("cancel a wait of") << a->name << '\n';
            table_.cancel_wait(a->name);
            model_.cancel_wait(a->name, now);
            return true;
        case withdraw:
            a = choose(s, [](const actor& x) { return x.waits() || (x.h && x.arrival % 4 == 0); });
            if (!a)
                return false;
            say("withdraw") << a->name << '\n';
            table_.withdraw(a->name);
            model_.withdraw(a->name, now);
            return true;
        case extend:
            a = choose(s, [](const actor& x) { return x.has_handle; });
            if (!a)
                return false;
            say("extend") << a->name << " by " << s.options.ttl.count() << '\n';
            table_.extend(a->name, s.options.ttl);
            model_.extend(a->name, s.options.ttl, now);
            return true;
        case raise:
            a = choose(s, [](const actor& x) { return x.has_handle; });
            if (!a)
                return false;
            say("raise") << a->name << " to " << s.options.priority << '\n';
            table_.raise(a->name, s.options.priority);
            model_.raise(a->name, s.options.priority);
            return true;
        case fail_all:
            executed.push_back(s);
            say("fail all") << '\n';
            table_.fail_all();
            model_.fail_all();
            return true;
        case to_next_deadline:
            if (table_.next_deadline() == never)
                return false;
            executed.push_back(s);
            if (const duration to = table_.next_deadline() - table_.start + s.by; to > table_.elapsed())
                return advance_to(to);
            return advance_to(table_.elapsed());
        case pass: {
            // The timer is in time: it runs at every deadline on the way.
            executed.push_back(s);
            const duration target = table_.elapsed() + s.by;
            while (table_.next_deadline() < table_.start + target) {
                advance_to(std::max(table_.elapsed(), table_.next_deadline() - table_.start));
                compare();
            }
            return advance_to(target);
        }
        case pass_late:
            executed.push_back(s);
            table_.clock_at(table_.elapsed() + s.by);
            say("the timer is late") << '\n';
            return false;
        }
        return false;
    }

    bool advance_to(duration t)
    {
        if (++advances_ > 100 * steps_each)
            throw mismatch("deadlines without end");
        const time_point before = table_.next_deadline();
        table_.at_time(t);
        say("timer") << '\n';
        model_.advance(table_.now());
        if (before > table_.now() && !(model_.told.empty() && model_.settled.empty()))
            throw mismatch("something was due before the next deadline");
        return true;
    }

    using list = std::vector<events::event>;

    static list listed(const reference::record& r, bool with_reason = true)
    {
        list result;
        for (const auto& [who, what] : r)
            result.push_back({who, with_reason ? what : std::string()});
        return result;
    }

    /// Neither the order in which the handles of a locker are told nor that in which several acquires fail at the same
    /// instant is part of the contract; the order of the grants of one resource is. (Where ranks rise, those of several
    /// may fall on one instant.)
    list in_order(const list& l)
    {
        std::map<std::string, list> granted;
        list failed;
        for (const events::event& e : l)
            (e.what == "granted" ? granted[table_.at(e.who).resource] : failed).push_back(e);
        std::sort(failed.begin(), failed.end());
        list result;
        for (const auto& each : granted)
            result.insert(result.end(), each.second.begin(), each.second.end());
        result.insert(result.end(), failed.begin(), failed.end());
        return result;
    }

    static std::string text(const list& l)
    {
        std::string result = "[";
        for (const auto& e : l)
            result += ' ' + e.who + ' ' + e.what + ';';
        return result + " ]";
    }

    void expect_equal(const char* what, const list& table, const list& model)
    {
        if (table != model)
            throw mismatch(std::string(what) + ": the table " + text(table) + ", the reference " + text(model));
    }

    void compare()
    {
        const events& seen = table_.last_events();
        list told = seen.told;
        for (auto& e : told) {
            preemptions += e.what == "revoking" || e.what == "preempted";
            expiries += e.what == "expired";
            e.what.clear(); // the states are compared below
        }
        for (const auto* l : {&seen.settled, &seen.answered})
            for (const auto& e : *l)
                ++(e.what == "granted" ? grants : refusals);
        list expected = listed(model_.told, false);
        std::sort(told.begin(), told.end());
        std::sort(expected.begin(), expected.end());
        expect_equal("told", told, expected);
        expect_equal("settled", in_order(seen.settled), in_order(listed(model_.settled)));
        expect_equal("answered", seen.answered, listed(model_.answered));

        for (const auto& h : model_.handles()) {
            const actor& a = table_.at(h->name);
            if (a.state() != h->state)
                throw mismatch(h->name + " is " + std::string(to_string(a.state())) + " and should be "
                               + std::string(to_string(h->state)));
            if (a.waits() != h->waiting)
                throw mismatch(h->name + (a.waits() ? " waits and should not" : " does not wait and should"));
            if (const auto terms = model_.terms_of(*h)) {
                if (a.expires() != terms->first)
                    throw mismatch(h->name + " ends at the wrong time");
                if (a.h->priority.load() != terms->second)
                    throw mismatch(h->name + " has the wrong priority");
            }
        }

        overruns += static_cast<unsigned>(seen.overrunning.size());
        // A table that has forgotten a resource has forgotten who left it, too.
        if (const auto counted = table_.counted().preemptions_in_vain;
            plan_.idle_capacity >= most_resources ? counted != model_.in_vain : counted > model_.in_vain)
            throw mismatch(std::to_string(counted) + " preemptions in vain, and not " + std::to_string(model_.in_vain));

        // The timer is wanted when something is due, and not at all when nothing ever is, but for warnings.
        const time_point wanted = table_.next_deadline();
        const time_point due = model_.next_event();
        if (wanted > due)
            throw mismatch("the next deadline is too late");
        const bool warns = plan_.overrun_after != infinite;
        if (!warns && due == never && wanted != never)
            throw mismatch("there is no deadline, and yet the timer is wanted");
        if (!warns && wanted < due && ++early_ > steps_each)
            throw mismatch("the timer is wanted again and again for nothing");

        invariants_.check(table_);
        compare_violations();
    }

    void compare_violations()
    {
        if (!table_.violations.empty())
            throw mismatch(table_.violations.front());
    }

    const schedule& plan_;
    table_driver table_;
    reference::model model_;
    invariants invariants_;
    std::ostringstream log_;
    int acquires_ = 0;
    int advances_ = 0;
    int early_ = 0;
};

/// The same failure, or another, in as few steps as can be had by leaving out.
std::string shrink(schedule plan)
{
    comparison first(plan);
    std::string failure = first.run();
    plan.steps = first.executed;
    for (bool again = true; again;) {
        again = false;
        for (std::size_t i = plan.steps.size(); i-- > 0;) {
            schedule shorter = plan;
            shorter.steps.erase(shorter.steps.begin() + static_cast<std::ptrdiff_t>(i));
            if (std::string still = comparison(shorter).run(); !still.empty()) {
                plan = std::move(shorter);
                failure = std::move(still);
                again = true;
            }
        }
    }
    return failure;
}

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise)
{
    const char* text = std::getenv(name);
    return text ? std::stoull(text) : otherwise;
}

} // namespace

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(random_schedules_agree_with_the_reference)
{
    std::uint64_t first = 1;
    std::uint64_t last = number_from_environment("PRIORITY_REDLOCK_SCHEDULES", default_schedules);
    const bool one_only = std::getenv("PRIORITY_REDLOCK_SEED") != nullptr;
    if (one_only)
        first = last = number_from_environment("PRIORITY_REDLOCK_SEED", 0);

    std::uint64_t grants = 0;
    std::uint64_t preemptions = 0;
    std::uint64_t expiries = 0;
    std::uint64_t refusals = 0;
    std::uint64_t overruns = 0;
    std::uint64_t announced = 0;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const schedule plan = planner(seed).plan();
        comparison c(plan);
        const std::string failure = c.run();
        if (!failure.empty())
            BOOST_FAIL("seed " << seed << " (PRIORITY_REDLOCK_SEED=" << seed << " runs it alone); the whole of it:\n"
                               << failure << "and in fewer steps:\n"
                               << shrink(plan));
        grants += c.grants;
        preemptions += c.preemptions;
        expiries += c.expiries;
        refusals += c.refusals;
        overruns += c.overruns;
        announced += c.announced;
    }
    if (one_only)
        return;
    // A schedule in which nothing happens proves nothing.
    BOOST_TEST(grants > 5 * last);
    BOOST_TEST(preemptions > last / 2);
    BOOST_TEST(expiries > last);
    BOOST_TEST(refusals > last);
    BOOST_TEST(overruns > last / 10);
    BOOST_TEST(announced > last / 20);
    BOOST_TEST_MESSAGE(grants << " grants, " << preemptions << " preemptions, " << expiries << " expiries, " << refusals
                              << " refusals, " << overruns << " warnings, " << announced << " told for one to come");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
