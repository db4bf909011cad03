// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/user.hpp"

#include "simulation/process.hpp"

#include <priority_redlock/acquire_all.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <chrono>
#include <utility>
#include <vector>

namespace simulation {

using priority_redlock::infinite;
using priority_redlock::lock_state;
using priority_redlock::unlimited;
using phase = usage::phase;

user::user(process& p, priority_redlock::lock_manager& m, std::uint32_t manager, std::uint32_t index)
    : process_(p), manager_(m), manager_number_(manager), index_(index), habits_(p.where().options().behaviour)
{
}

decision user::about(const char* what) const
{
    return {what, process_.index(), index_};
}

bool user::chance(double probability, const char* what)
{
    return process_.where().choices().chance(probability, about(what));
}

/// A handler whose call the judges hear of.
template <class Function>
auto user::recorded(const char* what, Function f)
{
    court& judges = process_.where().judges();
    return [&judges, operation = judges.started(process_.index(), what), f = std::move(f)](auto&&... results) mutable {
        judges.completed(operation);
        f(std::forward<decltype(results)>(results)...);
    };
}

void user::note(const pointer& e, const std::string& what)
{
    process_.note([&] { return '#' + std::to_string(e->facts.number) + ' ' + what; });
}

void user::rest()
{
    if (!process_.where().options().errands.empty())
        return;
    const duration d = process_.where().choices().less_than(habits_.rest, about("how long a user rests"));
    process_.after(d, [this] { begin(); });
}

void user::begin()
{
    if (process_.where().is_busy())
        acquire(plan());
}

void user::run(const errand& wanted)
{
    const auto e = std::make_shared<engagement>();
    e->plan = &wanted;
    usage& u = e->facts;
    u.number = process_.where().next_usage();
    u.process = process_.index();
    u.manager = manager_number_;
    u.locker = 'p' + std::to_string(process_.index() + 1) + '.' + std::to_string(u.number);
    u.resources.push_back(wanted.resource);
    if (wanted.composite)
        u.resources.push_back(wanted.resource + 1);
    const priority_redlock::acquire_options& o = wanted.options;
    u.priority = o.priority.value_or(0);
    u.preempt = o.preempt.value_or(true);
    u.ttl = o.ttl.value_or(infinite);
    u.timeout = o.timeout.value_or(infinite);
    u.max_attempts = o.max_attempts.value_or(unlimited);
    u.grace = o.grace.value_or(1s);
    u.auto_extend = o.auto_extend.value_or(false);
    u.max_hold = o.max_hold.value_or(infinite);
    acquire(e);
}

// --- what it wants ---------------------------------------------------------------------------------------------------

user::pointer user::plan()
{
    chooser& choices = process_.where().choices();
    const auto e = std::make_shared<engagement>();
    usage& u = e->facts;
    u.number = process_.where().next_usage();
    u.process = process_.index();
    u.manager = manager_number_;
    u.locker =
        'p' + std::to_string(process_.index() + 1) + '.' + std::to_string(manager_number_) + '.'
        + (chance(habits_.shared_locker, "whether a locker is shared") ? std::string("all") : std::to_string(index_));
    const std::size_t first = choices.index(habits_.resources, about("which resource"));
    u.resources.push_back(first);
    if (habits_.resources > 1 && chance(habits_.composite, "whether it is a composite"))
        u.resources.push_back((first + 1 + choices.index(habits_.resources - 1, about("which other resource")))
                              % habits_.resources);
    u.priority = static_cast<int>(choices.index(static_cast<std::size_t>(habits_.priorities), about("which priority")));
    u.preempt = !chance(habits_.lenient, "whether it leaves the holder alone");
    u.grace = choices.less_than(habits_.grace, about("which grace"));
    if (!chance(habits_.leased, "whether it has no ttl")) {
        u.ttl = choices.between(habits_.least_ttl, habits_.longest_ttl, about("which ttl"));
        u.auto_extend = chance(habits_.renewed, "whether it renews itself");
        if (u.auto_extend)
            u.max_hold = u.ttl * 5;
    }
    if (chance(habits_.at_once, "whether it waits"))
        u.timeout = duration::zero();
    else if (chance(habits_.once, "whether it has one attempt"))
        u.max_attempts = 1;
    else if (chance(habits_.attempts, "whether it has some attempts"))
        u.max_attempts = 2 + static_cast<unsigned>(choices.choose(8, about("how many attempts")));
    else if (chance(habits_.timeout, "whether it has a timeout"))
        u.timeout = choices.between(1ms, habits_.longest_timeout, about("which timeout"));
    return e;
}

priority_redlock::acquire_options user::options_of(const usage& u) const
{
    return {.priority = u.priority,
            .preempt = u.preempt,
            .ttl = u.ttl,
            .timeout = u.is_composite() ? infinite : u.timeout,
            .max_attempts = u.max_attempts,
            .grace = u.grace,
            .auto_extend = u.auto_extend,
            .max_hold = u.max_hold};
}

void user::acquire(const pointer& e)
{
    process_.where().judges().asked(e->facts);
    note(e, "asks for " + process_.where().judges().wish(e->facts));
    auto handler = asio::bind_cancellation_slot(
        e->stop.slot(), recorded("async_acquire", [this, e](error_code ec, priority_redlock::lock l) {
            on_acquired(e, ec, std::move(l));
        }));
    const auto options = options_of(e->facts);
    if (e->facts.is_composite()) {
        std::vector<priority_redlock::lock_request> parts;
        for (const std::size_t each : e->facts.resources)
            parts.push_back({'r' + std::to_string(each), options});
        priority_redlock::async_acquire_all(manager_, std::string(e->facts.locker), std::move(parts), e->facts.timeout,
                                            std::move(handler));
    } else {
        manager_.async_acquire('r' + std::to_string(e->facts.resources.front()), std::string(e->facts.locker), options,
                               std::move(handler));
    }
    if (chance(habits_.cancelled, "whether it is cancelled"))
        process_.after(process_.where().choices().less_than(400ms, about("when it is cancelled")), [this, e] {
            if (e->facts.now != phase::waits)
                return;
            e->facts.cancelled = virtual_clock::now();
            note(e, "is cancelled");
            e->stop.emit(asio::cancellation_type::terminal);
        });
}

/// What it holds, once more.
void user::acquire_deeper(const pointer& below)
{
    const auto e = plan();
    e->is_deeper = true;
    e->facts.locker = below->facts.locker;
    e->facts.resources = below->facts.resources;
    e->facts.timeout = duration::zero();
    e->facts.max_attempts = unlimited;
    acquire(e);
}

// --- what it gets ----------------------------------------------------------------------------------------------------

void user::on_acquired(const pointer& e, error_code ec, priority_redlock::lock l)
{
    world& w = process_.where();
    if (ec) {
        note(e, "ends: " + ec.message());
        ++w.counts().failures;
        w.judges().failed(e->facts, ec);
        if (!e->is_deeper)
            rest();
        return;
    }
    e->held = std::move(l);
    ++w.counts().grants;
    note(e, "HOLDS " + std::string(e->held.resource()) + ", token " + std::to_string(e->held.fencing_token()));
    w.judges().granted(e->facts, e->held);
    wait(e);
    duration d = e->plan ? e->plan->hold : w.choices().less_than(habits_.hold, about("how long a lock is used"));
    if (chance(habits_.long_hold, "whether it is used for longer"))
        d *= 20;
    process_.after(d, [this, e] { let_go(e); });
    if (chance(habits_.extended, "whether it is extended"))
        extend(e);
    if (!e->is_deeper && chance(habits_.deeper, "whether it is acquired again"))
        process_.after(w.choices().less_than(d, about("when it is acquired again")), [this, e] {
            if (e->facts.now == phase::holds && e->facts.told == never)
                acquire_deeper(e);
        });
}

void user::wait(const pointer& e)
{
    e->held.async_wait(recorded("async_wait", [this, e](error_code ec) {
        world& w = process_.where();
        if (e->facts.now != phase::holds || !ec)
            return;
        if (ec == asio::error::operation_aborted) {
            note(e, "is told to go");
            ++w.counts().notices;
            w.judges().told(e->facts);
            duration d = e->plan ? e->plan->cleanup : w.choices().less_than(20ms, about("how long it cleans up"));
            if (chance(habits_.stubborn, "whether it goes"))
                d += 2 * habits_.grace;
            process_.after(d, [this, e] { let_go(e); });
            return;
        }
        note(e, "has ended: " + ec.message());
        w.judges().ended(e->facts, ec);
        e->held = {};
        if (!e->is_deeper)
            rest();
    }));
}

void user::extend(const pointer& e)
{
    const duration pause = process_.where().choices().between(10ms, 110ms, about("when it is extended"));
    process_.after(pause, [this, e] {
        if (e->facts.now != phase::holds || e->facts.told != never)
            return;
        const duration ttl =
            process_.where().choices().between(habits_.least_ttl, habits_.longest_ttl, about("how far it is extended"));
        note(e, "is to be extended to " + court::text(ttl));
        e->facts.extended = true;
        e->held.async_extend(ttl, recorded("async_extend", [this, e](error_code ec) {
                                 if (e->facts.now != phase::holds)
                                     return;
                                 note(e, ec ? "is not extended: " + ec.message() : std::string("is extended"));
                                 if (ec)
                                     return;
                                 ++process_.where().counts().extensions;
                                 process_.where().judges().extended(e->facts);
                                 extend(e);
                             }));
    });
}

void user::let_go(const pointer& e)
{
    if (e->facts.now != phase::holds)
        return;
    note(e, e->facts.told == never ? "releases" : "lets go");
    process_.where().judges().ended(e->facts, {});
    switch (process_.where().choices().choose(3, about("how it is released"))) {
    case 0: e->held = {}; break;
    case 1: e->held.release(); break;
    default: e->held.async_release(recorded("async_release", [e](error_code) {}));
    }
    if (!e->is_deeper)
        rest();
}

} // namespace simulation
