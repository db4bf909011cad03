// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The decisions of a lock service for one process: a state machine without threads, timers or clocks.
//
// Each step is a member function. It is given what happened and the time, changes the table, and leaves what has to be
// done in `table_actions`. Its owner (a shard) calls it under a mutex and carries the actions out.
//
// In a leased table somebody else decides who holds a resource: a store, behind a `protocol`. A vacant resource is not
// handed over but waits for `grant`. The owner is told which resources a step has touched, and sees to it that the
// store is asked for the first waiter of each.

#ifndef PRIORITY_REDLOCK_SRC_LOCK_TABLE_HPP
#define PRIORITY_REDLOCK_SRC_LOCK_TABLE_HPP

#include "table/hold_sampler.hpp"
#include "table/intrusive.hpp"
#include "table/locker_id_generator.hpp"
#include "table/ranking.hpp"
#include "table/resource.hpp"
#include "table/resource_index.hpp"
#include "table/sibling_index.hpp"
#include "table/table_actions.hpp"
#include "table/table_rules.hpp"
#include "table/wait_graph.hpp"
#include "table/work_count.hpp"

#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/waiter.hpp>
#include <priority_redlock/metrics.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

struct by_instant
{
    bool operator()(const deadline& a, const deadline& b) const noexcept
    {
        count_work();
        return a.when < b.when;
    }
};

using deadline_set = multiset_of<deadline, deadline_tag, by_instant, true>;
using waiter_list = list_of<waiter, everyone_tag>;

// Not keyed by the pointer itself, which converts to one to a node.
struct by_resource
{
    bool operator()(const renewal& a, const renewal& b) const noexcept { return std::less<>()(a.where, b.where); }
    bool operator()(const renewal& n, const resource& r) const noexcept { return std::less<>()(n.where, &r); }
    bool operator()(const resource& r, const renewal& n) const noexcept { return std::less<>()(&r, n.where); }
};

using renewal_set = set_of<renewal, renewal_tag, by_resource>;

/// An instant at which the owner of a leased table wants to do something. It is told by `take_due`.
struct lease_deadline : deadline
{
    enum class purpose : std::uint8_t
    {
        ask,         // the store, for what is wanted
        repeat_end,  // of what is being given back
        send_again,  // what could not be sent
        answer_again // owners, whose answers could not be posted
    };

    explicit lease_deadline(purpose p) noexcept : deadline(owner_kind::lease), why(p) {}

    const purpose why;
    lease_deadline* next_due = nullptr;
};

/// The decisions of a lock service: who holds, who waits, who is told to go and who comes next.
///
/// Not thread-safe. Holds and resources are its own; waiters belong to the caller and must stay where they are until
/// they are settled or withdrawn.
class PRIORITY_REDLOCK_DECL lock_table
{
public:
    /// `clock_offset`: what to add to a `time_point` to get the system clock, for fencing tokens.
    lock_table(lock_domain& domain, duration clock_offset, std::size_t idle_capacity, bool leased = false,
               std::string_view id_prefix = "#", const table_rules& rules = {});
    ~lock_table();

    lock_table(const lock_table&) = delete;
    lock_table& operator=(const lock_table&) = delete;

    /// Decides an acquire. Without a waiter nobody is told to go and nothing is queued: the verdict is `waiting` where
    /// a waiter is needed, and the caller comes back with one.
    acquire_outcome acquire(const acquire_request& request, waiter* w, const step_time& now, table_actions& out);

    /// Tells the holder to go if it would have to for this acquire (P12). Nothing is queued.
    void announce(const acquire_request& request, const step_time& now, table_actions& out);

    /// Takes a waiter out of the queue. False if it is settled already.
    bool withdraw(hold& target, const step_time& now, table_actions& out);

    /// The owner of a handle lets go. False if the hold had ended already.
    bool release(hold& h, const step_time& now, table_actions& out);

    /// Moves the end of a held lock to `until`. False unless held.
    bool extend(hold& h, time_point until, bool for_ever, const step_time& now, table_actions& out);

    /// Gives the lock of a held hold a higher priority, if it is higher. False unless held.
    bool raise(hold& h, int priority);

    /// A held hold has to go although nobody outranks it.
    /// The hand-shake begins when all the handles of its locker have to.
    void revoke(hold& h, const step_time& now, table_actions& out);

    // Leased tables.

    /// The resource of a waiter is granted to it, and with it to the others of its locker.
    void grant(waiter& w, std::uint64_t token, time_point until, const step_time& now, table_actions& out);

    /// A held resource has to go: everybody who has a handle is told.
    void revoke(resource& r, const step_time& now, table_actions& out);

    /// The same for a waiter that only the store knows; to be called also if it is revoking already.
    void outrank(resource& r, const step_time& now, table_actions& out);

    /// Somebody else has taken the resource away.
    void end(resource& r, lock_state reason, const step_time& now, table_actions& out);

    /// A waiter gets no grant.
    void refuse(waiter& w, error_code reason, const step_time& now, table_actions& out);

    /// What the store is to be asked for so that a hold lives on; null if nothing. Asked for again at `again`.
    [[nodiscard]] const renewal* take_renewal(resource& r, duration again, const step_time& now) noexcept;

    /// Whether the store could be asked of late: the reason of what ends by its time.
    void set_reachable(bool can) noexcept { reachable_ = can; }

    /// The store has renewed a hold.
    void renewed(resource& r, time_point until, const step_time& now, table_actions& out);

    /// The store could not be asked: it is asked again before long.
    void renew_soon(resource& r, const step_time& now) noexcept;

    /// How a hold ends whose time is over.
    [[nodiscard]] lock_state end_of_time(const resource& r) const noexcept;

    /// Has the owner look at the resource after this step.
    void touch(resource& r) noexcept
    {
        if (leased_)
            touch_leased(r);
    }

    /// Calls f(resource), which touches nothing, for each that was touched since the last call.
    template <class F>
    void take_touched(F f) noexcept
    {
        for (resource* const r : touched_) {
            r->touched = false;
            f(*r);
        }
        touched_.clear();
    }

    /// What has become due since the last call, through `next_due`.
    [[nodiscard]] lease_deadline* take_due() noexcept
    {
        due_tail_ = &due_;
        return std::exchange(due_, nullptr);
    }

    /// Keeps a resource from being forgotten.
    static void pin(resource& r) noexcept { ++r.pins; }
    void unpin(resource& r) noexcept;

    /// Who is next after a hold that was told to go, as far as the table knows: the best waiter, or in the step of the
    /// notice the one that has been granted the resource.
    [[nodiscard]] static const hold* successor(const hold& told) noexcept;

    /// The priority of a hold, or that with which it would be granted now.
    [[nodiscard]] int priority_of(const hold& h, const step_time& now) const noexcept
    {
        return h.pending ? ranks_.priority_at(h.pending->rank, now) : h.priority.load(std::memory_order_relaxed);
    }

    [[nodiscard]] double rank_of(const waiter& w, const step_time& now) const noexcept
    {
        return ranks_.rank_at(w.rank, now);
    }

    void set_deadline(deadline& d, time_point when) noexcept;

    /// `hold::handlers` has been decremented. True: `after_handler` must be called, since a hand-shake may have waited
    /// for that. Needs no mutex: `revoke` changes the state first and then looks at the handlers, this does it the
    /// other way round, so that one of the two sees the other.
    [[nodiscard]] static bool may_be_awaited(const hold& h) noexcept
    {
        const lock_state s = h.state.load();
        return s == lock_state::revoking || s == lock_state::preempted;
    }
    void after_handler(hold& h, const step_time& now, table_actions& out);

    /// A notice handler of the hold has run.
    void handler_done(hold& h, const step_time& now, table_actions& out)
    {
        h.handlers.fetch_sub(1);
        if (may_be_awaited(h))
            after_handler(h, now, out);
    }

    /// Nothing refers to the hold any more.
    void recycle(hold& h) noexcept;

    /// Carries out everything that is due.
    void advance(const step_time& now, table_actions& out);

    /// When `advance` wants to be called; `never` if not at all. It may turn out that nothing is due then.
    [[nodiscard]] time_point next_deadline() const noexcept
    {
        return nothing_to_come() ? never : deadlines_.begin()->when;
    }

    /// Withdraws every waiter; each is settled with `reason`.
    void fail_all(error_code reason, table_actions& out);

    /// Calls f(resource) for every resource that is held or waited for.
    template <class F>
    void for_each(F f) const
    {
        for (const resource* r : resources_)
            if (r->status != resource_status::vacant || !r->waiting.empty())
                f(*r);
    }

    /// Begins or goes on with a walk: calls f(resource) for the next ones that are held or waited for, and takes from
    /// `work` one for each that it comes to and what f says that it cost, until nothing is left of it. False: there are
    /// no more resources, and the walk has ended.
    template <class F>
    bool visit(resource_walk& walk, std::size_t& work, F f)
    {
        if (!walk.is_under_way())
            all_.begin(walk);
        while (work != 0) {
            const resource* const r = all_.next(walk);
            if (!r) {
                all_.end(walk);
                return false;
            }
            count_work();
            std::size_t cost = 1;
            if (r->status != resource_status::vacant || !r->waiting.empty())
                cost += f(*r);
            work -= std::min(cost, work);
        }
        return true;
    }

    /// Ends a walk before its end.
    void stop(resource_walk& walk) noexcept { all_.end(walk); }

    [[nodiscard]] std::size_t live_holds() const noexcept { return live_holds_; }

    void add_to(metrics& result) const noexcept;

    /// Since when a resource is held; never if it is not, or if that is not measured.
    [[nodiscard]] time_point since(const resource& r) const noexcept
    {
        return r.status == resource_status::vacant ? never : sampler_.since(r);
    }

    /// Which cycle the last acquire that failed with `errc::deadlock` would have closed.
    [[nodiscard]] std::string take_cycle() noexcept { return std::exchange(cycle_, {}); }

private:
    struct name_key
    {
        name_key(std::string_view n, std::uint64_t of_n) noexcept : name(n), hash(static_cast<std::uint32_t>(of_n)) {}

        std::string_view name;
        std::uint32_t hash; // the lower half
    };

    struct resource_hash
    {
        using is_transparent = void;
        std::size_t operator()(const resource* r) const noexcept { return r->hash; }
        std::size_t operator()(const name_key& k) const noexcept { return k.hash; }
    };

    struct resource_equal
    {
        using is_transparent = void;
        bool operator()(const resource* a, const resource* b) const noexcept { return a == b; }
        bool operator()(const name_key& k, const resource* r) const noexcept
        {
            count_work();
            return k.hash == r->hash && k.name == r->name();
        }
        bool operator()(const resource* r, const name_key& k) const noexcept { return (*this)(k, r); }
    };

    resource& find_or_create(std::string_view name, std::uint64_t hash, const step_time& now);
    [[nodiscard]] static bool is_used(const resource& r) noexcept;
    void retire_if_unused(resource& r) noexcept;
    void forget(resource& r) noexcept;
    void destroy(resource& r) noexcept;

    hold& make_hold(resource& r, const acquire_request& request);
    void start(resource& r, hold& h, time_point until, int priority, duration grace);
    void keep_alive(resource& r, std::unique_ptr<renewal> n, const step_time& now) noexcept;
    void renew(renewal& n, const step_time& now, table_actions& out);
    void renew_later(renewal& n, const step_time& now, duration rest) noexcept;
    void stop_renewal(resource& r) noexcept;
    void set_end(resource& r, time_point until) noexcept;
    void drop_deadline(resource& r) noexcept;
    [[nodiscard]] bool nothing_to_come() const noexcept { return deadlines_.size() == left_deadlines_; }

    [[nodiscard]] renewal& renewal_of(resource& r) noexcept { return *renewals_.find(r, by_resource()); }
    void join(resource& r, hold& h, int priority, duration grace);
    void raise(resource& r, int priority);
    void touch_leased(resource& r) noexcept;

    [[nodiscard]] bool outranks_waiters(const resource& r, int priority, const step_time& now) const noexcept;
    [[nodiscard]] bool outranks_last(const resource& r, int priority, const step_time& now) const noexcept;
    [[nodiscard]] bool take_place(const resource& r) noexcept;
    [[nodiscard]] bool replace_last(resource& r, const step_time& now, table_actions& out);
    void prepare(resource& r, waiter& w, const acquire_request& request);
    void discard(waiter& w) noexcept;
    void enqueue(resource& r, waiter& w, const acquire_request& request, std::unique_ptr<renewal> renews,
                 const step_time& now) noexcept;
    void remove(resource& r, waiter& w);
    [[nodiscard]] bool closes_cycle(resource& r, waiter& w, const step_time& now);
    [[nodiscard]] bool is_in_cycle(const waiter& w, const step_time& now) noexcept;
    void settle(waiter& w, error_code result, table_actions& out) noexcept;
    void fail(resource& r, waiter& w, error_code reason, const step_time& now, table_actions& out);
    void revoke_if_outranked(resource& r, const step_time& now, table_actions& out);
    void refuse_overtaken(resource& r, waiter& first, const step_time& now, table_actions& out);
    void line_changed(resource& r) noexcept;

    void revoke_if_leaving(resource& r, const step_time& now, table_actions& out);
    void check_handshake(resource& r, const step_time& now, table_actions& out);
    [[nodiscard]] time_point end_of_grace(const resource& r) const noexcept;
    [[nodiscard]] time_point next_warning(const resource& r) const noexcept;
    void await_handshake(resource& r) noexcept;
    [[nodiscard]] time_point ageing_preempts_at(const resource& r) const noexcept;
    void await_end(resource& r) noexcept;
    void warn_if_overrun(resource& r, const step_time& now, table_actions& out) noexcept;
    void vacate(resource& r, const step_time& now, table_actions& out);
    void hand_over(resource& r, const step_time& now, table_actions& out);
    void grant_ring(waiter& w, time_point until, const step_time& now, table_actions& out);
    static void append(hold& h, hold**& tail) noexcept;

    [[nodiscard]] acquire_outcome refused(errc why) noexcept;
    void count_failure(error_code why) noexcept;
    void count_hold(resource& r, const step_time& now) noexcept;
    void count_wait(const waiter& w, const step_time& now) noexcept;

    // What each acquire and release of a free resource changes or reads, together: these lines of the cache move
    // between cores that use other resources of this table. They follow the mutex.
    std::uint64_t grants_ = 0;
    std::uint64_t vacated_ = 0; // locks that have ended
    std::size_t live_holds_ = 0;
    std::vector<hold*> spare_holds_;
    std::size_t left_deadlines_ = 0; // of vacant resources
    deadline_set deadlines_;
    boost::unordered_flat_set<resource*, resource_hash, resource_equal> resources_;

    lock_domain& domain_;
    const duration clock_offset_;
    const std::size_t idle_capacity_;
    const bool leased_;
    const table_rules rules_;
    const ranking ranks_;
    bool reachable_ = true;
    resource_index all_; // of resources_
    sibling_index siblings_;
    renewal_set renewals_; // of what is held and renewed
    waiter_list everyone_;
    std::unique_ptr<wait_graph> graph_; // to detect deadlocks
    std::string cycle_;
    std::vector<resource*> touched_; // has room for every resource
    lease_deadline* due_ = nullptr;
    lease_deadline** due_tail_ = &due_;
    std::vector<resource*> remembered_; // when they are idle; one that is used leaves only in its turn
    std::size_t next_to_go_ = 0;
    std::uint64_t last_ticket_ = 0;
    locker_id_generator locker_ids_;
    std::uint64_t highest_evicted_token_ = 0;
    metrics counts_;           // but for what add_to works out
    std::uint64_t waits_ = 0;  // acquires that had to wait,
    std::uint64_t waited_ = 0; // and of them those that were granted
    std::uint64_t taken_ = 0;  // locks that have ended, but were not released by their owner
    hold_sampler sampler_;
};

} // namespace priority_redlock::detail

#endif
