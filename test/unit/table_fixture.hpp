// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_UNIT_TABLE_FIXTURE_HPP
#define PRIORITY_REDLOCK_TEST_UNIT_TABLE_FIXTURE_HPP

#include "common/print.hpp"
#include "table/lock_table.hpp"

#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/detail/waiter.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace priority_redlock::test {

using namespace std::chrono_literals;
using detail::acquire_settings;
using detail::hold;
using detail::lock_table;
using detail::never;
using detail::table_actions;
using detail::time_point;
using detail::waiter;

/// A pending async_wait, or an operation under guard.
class test_notice final : public detail::notice
{
public:
    void keep() noexcept override {}
    void tell() override {}
    void abandon() noexcept override {}

    bool told = false;
};

/// An acquire and the handle that it delivers.
struct actor : waiter
{
    std::string name;
    std::string locker;
    std::string resource;
    bool anonymous = false;
    acquire_settings options;
    std::size_t arrival = 0;
    hold* h = nullptr; // while anything refers to it
    std::vector<std::unique_ptr<test_notice>> notices;
    bool undelivered = false; // granted, and the completion has not run
    bool has_handle = false;
    bool let_go = false; // released by its owner, whatever came of it
    int settlements = 0;
    int ends_told = 0;
    error_code outcome;
    std::uint64_t token = 0;
    lock_state last_state = lock_state::empty;
    time_point last_expires = never;

    [[nodiscard]] bool waits() const noexcept { return settlements == 0; }
    [[nodiscard]] lock_state state() const noexcept { return h ? h->state.load() : last_state; }
    [[nodiscard]] time_point expires() const noexcept { return h ? h->expires_at() : last_expires; }
    [[nodiscard]] std::uint32_t running() const noexcept { return h ? h->handlers.load() : 0; }
    [[nodiscard]] test_notice* find_notice(bool told) const noexcept
    {
        const auto it = std::find_if(notices.begin(), notices.end(), [told](const auto& n) { return n->told == told; });
        return it == notices.end() ? nullptr : it->get();
    }
};

/// What one step brought about.
struct events
{
    struct event
    {
        std::string who;
        std::string what;
        friend bool operator==(const event&, const event&) = default;
        friend auto operator<=>(const event&, const event&) = default;
    };

    std::vector<event> told;
    std::vector<event> overrunning;
    std::vector<event> settled;
    std::vector<event> answered; // to the caller of the step

    [[nodiscard]] std::string text() const
    {
        std::string result;
        for (const auto* list : {&told, &overrunning, &settled, &answered})
            for (const event& e : *list)
                result += (result.empty() ? "" : ", ") + e.who + ' ' + e.what;
        return result;
    }
};

[[nodiscard]] inline std::string name_of(error_code ec)
{
    if (!ec)
        return "granted";
    if (ec == boost::asio::error::operation_aborted)
        return "aborted";
    if (ec == errc::acquire_timeout)
        return "acquire_timeout";
    if (ec == errc::already_acquired)
        return "already_acquired";
    if (ec == errc::deadlock)
        return "deadlock";
    if (ec == errc::queue_full)
        return "queue_full";
    return ec.message();
}

/// Drives a table as a shard does, with a manual clock and without executors.
///
/// Actors go by names. The locker id of "a" and of "a/2" is "a"; a name that begins with '?' has a generated one. Every
/// step returns what it brought about, in the order in which a shard carries it out, e.g. "a revoking, b granted".
/// What never may happen, whatever the step, goes into `violations`.
class table_driver
{
public:
    static constexpr std::size_t default_idle_capacity = 16;

    explicit table_driver(std::size_t idle_capacity = default_idle_capacity, const detail::table_rules& rules = {})
        : table_(reinterpret_cast<detail::lock_domain&>(domain_), wall_clock - start.time_since_epoch(), idle_capacity,
                 false, "#", rules)
    {
        clock_ = start;
    }

    table_driver(const table_driver&) = delete;
    table_driver& operator=(const table_driver&) = delete;

    /// The completion of a grant runs right after the step that granted it.
    bool delivers_at_once = true;

    /// The ticket of the next acquire, where it comes with one.
    std::uint64_t next_ticket = 0;

    std::vector<std::string> violations;

    // --- steps ---

    std::string acquire(const std::string& name, const acquire_settings& options = {},
                        const std::string& resource = "r")
    {
        actor& a = add(name, options, resource);
        const detail::acquire_request request{.resource = a.resource,
                                              .locker = a.anonymous ? std::string_view() : a.locker,
                                              .anonymous = a.anonymous,
                                              .options = options,
                                              .ticket = std::exchange(next_ticket, 0),
                                              .hash = std::hash<std::string_view>()(resource)};
        events happened;
        auto decided = decide(request, nullptr, happened);
        if (decided.what == detail::acquire_verdict::waiting) {
            if (std::any_of(happened.told.begin(), happened.told.end(),
                            [](const auto& e) { return e.what != "expired"; }))
                violations.push_back(name + ": an acquire without a waiter told somebody to go");
            decided = decide(request, &a, happened);
        }
        switch (decided.what) {
        case detail::acquire_verdict::granted:
            settle(a, {}, decided.granted);
            happened.answered.push_back({name, "granted"});
            break;
        case detail::acquire_verdict::refused:
            settle(a, decided.why, nullptr);
            happened.answered.push_back({name, name_of(a.outcome)});
            break;
        case detail::acquire_verdict::waiting:
            if (a.waits()) {
                a.h = a.target;
                owners_[a.h] = &a;
            }
            break;
        }
        return finish(happened);
    }

    /// A composite of the locker in `name` will come to the resource in its turn.
    std::string announce(const std::string& name, const acquire_settings& options, const std::string& resource = "r")
    {
        const std::string locker = name.substr(0, name.find('/'));
        const detail::acquire_request request{.resource = resource,
                                              .locker = locker,
                                              .anonymous = name.starts_with('?'),
                                              .options = options,
                                              .hash = std::hash<std::string_view>()(resource)};
        events happened;
        table_actions actions;
        table_.announce(request, time(), actions);
        carry_out(actions, happened);
        return finish(happened);
    }

    std::string release(const std::string& name)
    {
        actor& a = at(name);
        events happened;
        table_actions actions;
        release_in(a, actions, happened);
        carry_out(actions, happened);
        return finish(happened);
    }

    /// Destroys the handle.
    std::string drop(const std::string& name)
    {
        actor& a = at(name);
        events happened;
        table_actions actions;
        if (std::exchange(a.has_handle, false)) {
            release_in(a, actions, happened);
            happened.answered.clear();
            unreference(a);
        }
        carry_out(actions, happened);
        return finish(happened);
    }

    /// The completion of the grant has run.
    std::string deliver(const std::string& name)
    {
        events happened;
        deliver_in(at(name), happened);
        return finish(happened);
    }

    /// Starts an async_wait, or an operation under guard. After the end of the lock it is counted, but not linked.
    void wait(const std::string& name)
    {
        actor& a = at(name);
        auto& n = *a.notices.emplace_back(std::make_unique<test_notice>());
        if (a.state() == lock_state::held)
            a.h->notices.push_back(n);
        else
            n.told = true;
        a.h->handlers.fetch_add(1);
        a.h->references.fetch_add(1);
    }

    /// A notice handler that has been told returns.
    std::string handler_returns(const std::string& name) { return end_notice(at(name), true); }

    /// A notice that has not been told is cancelled, and its handler has run.
    std::string cancel_wait(const std::string& name) { return end_notice(at(name), false); }

    std::string withdraw(const std::string& name)
    {
        actor& a = at(name);
        events happened;
        table_actions actions;
        if (!a.h || !table_.withdraw(*a.h, time(), actions))
            happened.answered.push_back({name, "settled already"});
        carry_out(actions, happened);
        return finish(happened);
    }

    std::string extend(const std::string& name, duration ttl)
    {
        actor& a = at(name);
        events happened;
        table_actions actions;
        if (!table_.extend(*a.h, detail::saturating_add(now(), ttl), ttl == infinite, time(), actions))
            happened.answered.push_back({name, "not held"});
        carry_out(actions, happened);
        return finish(happened);
    }

    std::string raise(const std::string& name, int priority)
    {
        actor& a = at(name);
        events happened;
        if (!table_.raise(*a.h, priority))
            happened.answered.push_back({name, "not held"});
        return finish(happened);
    }

    /// The holder has to go although nobody outranks it.
    std::string revoke(const std::string& name)
    {
        events happened;
        table_actions actions;
        table_.revoke(*at(name).h, time(), actions);
        carry_out(actions, happened);
        return finish(happened);
    }

    std::string fail_all(error_code reason = boost::asio::error::operation_aborted)
    {
        events happened;
        table_actions actions;
        table_.fail_all(reason, actions);
        carry_out(actions, happened);
        return finish(happened);
    }

    /// It is `t` after the start, and the timer runs.
    std::string at_time(duration t)
    {
        clock_at(t);
        events happened;
        table_actions actions;
        table_.advance(time(), actions);
        carry_out(actions, happened);
        return finish(happened);
    }

    /// It is `t` after the start, and the timer is late.
    void clock_at(duration t) { clock_ = start + t; }

    // --- what can be seen ---

    [[nodiscard]] time_point now() const noexcept { return clock_; }
    [[nodiscard]] duration elapsed() const noexcept { return now() - start; }
    [[nodiscard]] time_point next_deadline() const noexcept { return table_.next_deadline(); }
    [[nodiscard]] std::size_t live_holds() const noexcept { return table_.live_holds(); }
    template <class F>
    void for_each(F f) const
    {
        table_.for_each(f);
    }
    template <class F>
    void for_each_since(F f) const
    {
        table_.for_each([&](const detail::resource& r) { f(r.name(), table_.since(r)); });
    }
    [[nodiscard]] std::string take_cycle() noexcept { return table_.take_cycle(); }
    [[nodiscard]] metrics counted() const noexcept
    {
        metrics result;
        table_.add_to(result);
        return result;
    }
    [[nodiscard]] const std::vector<std::unique_ptr<actor>>& actors() const noexcept { return actors_; }
    [[nodiscard]] const events& last_events() const noexcept { return last_events_; }
    [[nodiscard]] actor& at(const std::string& name) { return *by_name_.at(name); }
    [[nodiscard]] lock_state state(const std::string& name) { return at(name).state(); }
    [[nodiscard]] std::uint64_t token(const std::string& name) { return at(name).token; }
    /// Of a waiter: that with which it would be granted now.
    [[nodiscard]] int priority(const std::string& name) { return table_.priority_of(*at(name).h, now()); }

    /// When the timer is wanted, in milliseconds since the start; -1 if not at all.
    [[nodiscard]] std::int64_t due() const noexcept
    {
        if (next_deadline() == never)
            return -1;
        return std::chrono::duration_cast<std::chrono::milliseconds>(next_deadline() - start).count();
    }

    /// When the handle's lock ends, likewise.
    [[nodiscard]] std::int64_t expires(const std::string& name)
    {
        if (at(name).expires() == never)
            return -1;
        return std::chrono::duration_cast<std::chrono::milliseconds>(at(name).expires() - start).count();
    }

    /// The handles that hold a resource, e.g. "a a/2", or "revoking a"; then those who wait: "a <- b c".
    [[nodiscard]] std::string who(const std::string& resource = "r") const
    {
        std::string result;
        table_.for_each([&](const detail::resource& r) {
            if (r.name() != resource)
                return;
            if (r.status == detail::resource_status::revoking)
                result = "revoking";
            for (const hold& h : r.holds)
                result += (result.empty() ? "" : " ") + owners_.at(&h)->name;
            if (!r.waiting.empty())
                result += " <-";
            for (const waiter& w : r.waiting)
                result += ' ' + static_cast<const actor&>(w).name;
        });
        return result;
    }

    [[nodiscard]] std::size_t resources() const
    {
        std::size_t n = 0;
        table_.for_each([&n](const detail::resource&) { ++n; });
        return n;
    }

    /// Lets everything come to its end; then nothing may be left.
    void wind_up()
    {
        fail_all();
        for (const auto& a : actors_) {
            if (a->has_handle)
                drop(a->name);
            if (a->undelivered)
                deliver(a->name);
            while (!a->notices.empty())
                end_notice(*a, a->notices.front()->told);
            if (a->settlements != 1)
                violations.push_back(a->name + ": settled " + std::to_string(a->settlements) + " times");
        }
        if (live_holds() != 0)
            violations.push_back(std::to_string(live_holds()) + " holds are left");
        if (resources() != 0)
            violations.push_back("a resource is left that is held or waited for");
        if (next_deadline() != never)
            violations.push_back("a deadline is left");
    }

    static inline int clock_reads = 0;

    static constexpr time_point start = time_point(1h);
    static constexpr duration wall_clock = std::chrono::hours(24 * 365 * 50);

private:
    [[nodiscard]] static detail::step_time time() noexcept
    {
        return detail::step_time([] {
            ++clock_reads;
            return clock_;
        });
    }

    actor& add(const std::string& name, const acquire_settings& options, const std::string& resource)
    {
        auto& a = *actors_.emplace_back(std::make_unique<actor>());
        if (!by_name_.emplace(name, &a).second)
            throw std::logic_error("there is an actor of this name already: " + name);
        a.name = name;
        a.locker = name.substr(0, name.find('/'));
        a.anonymous = name.starts_with('?');
        a.resource = resource;
        a.options = options;
        a.arrival = actors_.size();
        return a;
    }

    detail::acquire_outcome decide(const detail::acquire_request& request, waiter* w, events& happened)
    {
        table_actions actions;
        const auto result = table_.acquire(request, w, time(), actions);
        if (w && result.what != detail::acquire_verdict::refused && w->target)
            owners_[w->target] = static_cast<actor*>(w);
        carry_out(actions, happened);
        return result;
    }

    void settle(actor& a, error_code result, hold* h)
    {
        ++a.settlements;
        a.outcome = result;
        if (!h)
            return;
        a.h = h;
        owners_[h] = &a;
        if (result) {
            unreference(a);
            return;
        }
        a.token = h->token;
        a.has_handle = a.undelivered = true;
        fresh_.push_back(&a);
        if (h->state.load() == lock_state::empty)
            violations.push_back(a.name + ": granted an empty lock");
    }

    void carry_out(table_actions& actions, events& happened)
    {
        std::size_t count = 0;
        for (hold* h = actions.told; h; h = h->next_told) {
            const auto it = owners_.find(h);
            if (it == owners_.end() || ++count > owners_.size()) {
                violations.push_back("told somebody unknown, or without end");
                break;
            }
            actor& a = *it->second;
            happened.told.push_back({a.name, std::string(to_string(a.state()))});
            if (++a.ends_told != 1)
                violations.push_back(a.name + ": told twice (P8)");
            if (a.state() == lock_state::held || a.state() == lock_state::empty)
                violations.push_back(a.name + ": told while " + std::string(to_string(a.state())));
            h->notices.take_all([](const detail::notice&) {});
            for (auto& n : a.notices)
                n->told = true;
        }
        count = 0;
        for (hold* h = actions.overrunning; h; h = h->next_told) {
            const auto it = owners_.find(h);
            if (it == owners_.end() || ++count > owners_.size()) {
                violations.push_back("somebody unknown overruns, or without end");
                break;
            }
            const actor& a = *it->second;
            if (!lock_table::successor(*h))
                continue; // whoever waited has given up in the same step
            happened.overrunning.push_back({a.name, "overruns"});
            if (a.state() != lock_state::revoking && a.state() != lock_state::preempted)
                violations.push_back(a.name + ": overruns while " + std::string(to_string(a.state())));
            if (!h->linked)
                violations.push_back(a.name + ": overruns, and has gone");
        }
        for (waiter* w = actions.settled; w;) {
            auto& a = static_cast<actor&>(*w);
            w = w->next_settled;
            if (!a.waits()) {
                violations.push_back(a.name + ": settled twice (P7)");
                break;
            }
            happened.settled.push_back({a.name, name_of(a.result)});
            settle(a, a.result, a.target);
        }
    }

    void release_in(actor& a, table_actions& actions, events& happened)
    {
        a.let_go = true;
        if (!table_.release(*a.h, time(), actions))
            happened.answered.push_back({a.name, "not held"});
    }

    void deliver_in(actor& a, events& happened)
    {
        if (!std::exchange(a.undelivered, false))
            return;
        std::erase(fresh_, &a);
        handler_done(a, happened);
    }

    std::string end_notice(actor& a, bool told)
    {
        events happened;
        test_notice* n = a.find_notice(told);
        if (!n)
            throw std::logic_error("no such notice of " + a.name);
        if (!told)
            a.h->notices.remove(*n);
        std::erase_if(a.notices, [n](const auto& each) { return each.get() == n; });
        handler_done(a, happened);
        return finish(happened);
    }

    void handler_done(actor& a, events& happened)
    {
        table_actions actions;
        table_.handler_done(*a.h, time(), actions);
        unreference(a);
        carry_out(actions, happened);
    }

    void unreference(actor& a)
    {
        if (a.h->references.fetch_sub(1) != 1)
            return;
        a.last_state = a.state();
        a.last_expires = a.expires();
        if (a.h->linked || a.h->pending || a.h->handlers.load() != 0)
            violations.push_back(a.name + ": recycled while in use");
        owners_.erase(a.h);
        table_.recycle(*std::exchange(a.h, nullptr));
    }

    std::string finish(events& happened)
    {
        if (delivers_at_once)
            while (!fresh_.empty())
                deliver_in(*fresh_.front(), happened);
        else
            fresh_.clear();
        last_events_ = std::move(happened);
        return last_events_.text();
    }

    // A table only passes the address of its domain on.
    alignas(detail::lock_domain) std::byte domain_[sizeof(detail::lock_domain)];
    lock_table table_;
    static inline time_point clock_; // as a step of the table reads it, through a plain function
    std::vector<std::unique_ptr<actor>> actors_;
    std::unordered_map<std::string, actor*> by_name_;
    std::unordered_map<const hold*, actor*> owners_;
    std::vector<actor*> fresh_; // granted in this step
    events last_events_;
};

/// The driver as a fixture of a test case, which ends with nothing left.
struct table_fixture : table_driver
{
    using table_driver::table_driver;

    void teardown()
    {
        wind_up();
        for (const std::string& each : violations)
            BOOST_ERROR(each);
    }
};

template <std::size_t IdleCapacity>
struct table_fixture_with_idle : table_fixture
{
    table_fixture_with_idle() : table_fixture(IdleCapacity) {}
};

} // namespace priority_redlock::test

#endif
