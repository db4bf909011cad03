// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_LOCK_TABLE_HPP
#define PRIORITY_REDLOCK_SRC_LOCK_TABLE_HPP

#include "table/intrusive.hpp"
#include "table/ranking.hpp"
#include "table/wait_graph.hpp"
#include "table/waiter_queue.hpp"

#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/waiter.hpp>
#include <priority_redlock/metrics.hpp>

#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <atomic>
#include <bit>
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
    bool operator()(const deadline& a, const deadline& b) const noexcept { return a.when < b.when; }
};

using deadline_set = multiset_of<deadline, deadline_tag, by_instant, true>;
using hold_list = list_of<hold, holds_tag>;
using waiter_list = list_of<waiter, everyone_tag>;

// Not keyed by the pointer itself, which converts to one to a node.
struct by_resource
{
    bool operator()(const renewal& a, const renewal& b) const noexcept { return std::less<>()(a.where, b.where); }
    bool operator()(const renewal& n, const resource& r) const noexcept { return std::less<>()(n.where, &r); }
    bool operator()(const resource& r, const renewal& n) const noexcept { return std::less<>()(&r, n.where); }
};

using renewal_set = set_of<renewal, renewal_tag, by_resource>;

static_assert(std::has_single_bit(metrics::sampling));

enum class resource_status : std::uint8_t
{
    vacant,
    held,
    revoking
};

/// A resource that somebody holds, waits for, or held a moment ago.
struct resource : deadline
{
    static constexpr std::uint32_t nowhere = ~std::uint32_t{0};
    static constexpr unsigned max_waiters = (1u << 26) - 1;

    resource() noexcept : deadline(owner_kind::resource) {}

    /// The name follows the resource in its block.
    [[nodiscard]] std::string_view name() const noexcept
    {
        return {reinterpret_cast<const char*>(this + 1), std::size_t{name_size_less_1} + 1};
    }

    // The small ones first and in bits: they fit beside the deadline's owner, and a million resources are eight
    // megabytes less. Not so the size of the name, which is read without the mutex: neighbouring bits are one location.
    resource_status status : 3 = resource_status::vacant;
    bool grace_over : 1 = false;
    bool touched : 1 = false;           // in lock_table::touched_
    bool renewed : 1 = false;           // in lock_table::renewals_
    bool indexed : 1 = false;           // its waiters are in lock_table::named_waiters_
    bool outranked : 1 = false;         // revoking: also by a waiter that only the store knows
    std::uint16_t name_size_less_1 = 0; // up to max_name_size
    std::uint32_t warnings : 6 = 0;     // revoking: that the holder overruns; their intervals double
    std::uint32_t waiters : 26 = 0;     // in `waiting`, up to max_waiters
    std::size_t hash = 0;
    hold_list holds; // the holder's handles; while revoking also those whose notice handlers still run
    waiter_queue waiting;
    time_point expires = never;
    duration grace{};
    std::uint64_t token = 0;
    int priority = 0;
    std::uint32_t pins = 0; // holds that point here
    std::uint32_t last_tries = 0;
    std::uint32_t place = nowhere; // vacant: in lock_table::idle_; otherwise in lock_table::samples_, if it is measured
};
static_assert(sizeof(void*) != 8 || sizeof(resource) <= 128);

/// When the first in line has the holder go: its rank is above the holder's priority by a whole step. Never: it does
/// not, and so nobody does (P10).
[[nodiscard]] inline time_point eviction_of(const resource& r, const ranking& ranks) noexcept
{
    const waiter* const first = r.waiting.empty() ? nullptr : &*r.waiting.begin();
    return first && first->preempt ? ranks.reaches(first->rank, std::int64_t{r.priority} + 1) : never;
}

/// How many may wait in several tables in all.
class waiter_limit
{
public:
    explicit waiter_limit(unsigned limit) noexcept : limit_(limit) {}

    [[nodiscard]] bool enter() noexcept
    {
        if (waiting_.fetch_add(1, std::memory_order_relaxed) < limit_)
            return true;
        leave();
        return false;
    }
    void leave() noexcept { waiting_.fetch_sub(1, std::memory_order_relaxed); }

private:
    const unsigned limit_;
    std::atomic<std::size_t> waiting_ = 0;
};

/// What a manager may opt in to.
struct table_rules
{
    duration ageing = infinite;    // a waiter's rank rises by one each time
    bool detect_deadlocks = false; // a wait that would close a cycle of lockers is refused
    bool measure_all = false;      // every hold and wait, as a leased table does
    duration lease = infinite;     // the store's, for what has no ttl

    // A holder that was told to go overruns after its grace; after this, if that is unlimited or none. Infinite: never.
    duration overrun_after = infinite;

    unsigned max_waiters_per_resource = unlimited;
    std::shared_ptr<waiter_limit> max_waiters = nullptr; // of several tables in all; null: no limit
};

/// What a step of the table asks its owner to carry out, in order. Filled by every non-const member function.
struct table_actions
{
    waiter* settled = nullptr; // acquires that are granted or have failed (`waiter::result`), through `next_settled`
    waiter** settled_tail = &settled;
    hold* told = nullptr; // holds that have ended or are being revoked, through `next_told`
    hold** told_tail = &told;
    hold* overrunning = nullptr; // holds that should have gone, and keep somebody waiting; through `next_told`
    hold** overrunning_tail = &overrunning;

    table_actions() = default;
    table_actions(const table_actions&) = delete;
    table_actions& operator=(const table_actions&) = delete;
};

/// The locker ids that the library makes up: a prefix, which begins with '#', and a number.
class generated_name
{
public:
    explicit generated_name(std::string_view prefix) : prefix_(prefix.substr(0, 8)) { place_prefix(); }

    [[nodiscard]] std::string_view next() noexcept
    {
        char* digit = end() - 1;
        while (digit >= first_ && *digit == '9')
            *digit-- = '0';
        if (digit >= first_) {
            ++*digit;
        } else { // one digit more
            *--first_ = '1';
            place_prefix();
        }
        char* const begin = first_ - prefix_.size();
        return {begin, static_cast<std::size_t>(end() - begin)};
    }

private:
    [[nodiscard]] char* end() noexcept { return text_ + sizeof text_; }
    void place_prefix() noexcept { prefix_.copy(first_ - prefix_.size(), prefix_.size()); }

    std::string prefix_;
    char text_[32] = {};
    char* first_ = text_ + sizeof text_;
};

/// The decisions of a lock service for one process, without threads, timers or clocks: who holds, who waits, who is
/// told to go and who comes next. Time is an argument; effects are `table_actions`.
///
/// In a leased table somebody else decides who holds a resource: a vacant one is not handed over but waits for `grant`.
/// Its owner is told of the resources that a step has touched and sees to it that the first waiter of each is asked
/// for.
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

    /// Takes a waiter out of the queue. False if it is settled already.
    bool withdraw(hold& target, const step_time& now, table_actions& out);

    /// The owner of a handle lets go. False if the hold had ended already.
    bool release(hold& h, const step_time& now, table_actions& out);

    /// Moves the end of a held lock to `until`. False unless held.
    bool extend(hold& h, time_point until, bool for_ever, const step_time& now, table_actions& out);

    /// Gives the lock of a held hold a higher priority, if it is higher. False unless held.
    bool raise(hold& h, int priority);

    /// A held hold has to go although nobody outranks it: the hand-shake begins when all the handles of its locker have
    /// to.
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
    void touch(resource& r)
    {
        if (leased_)
            touch_leased(r);
    }

    /// The resources that were touched, and the leases that have become due, since the last call.
    [[nodiscard]] std::vector<resource*> take_touched() noexcept { return std::exchange(touched_, {}); }
    [[nodiscard]] std::vector<deadline*> take_due() noexcept { return std::exchange(due_, {}); }

    /// Keeps a resource from being forgotten.
    void pin(resource& r) noexcept;
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

    [[nodiscard]] std::size_t live_holds() const noexcept { return live_holds_; }

    void add_to(metrics& result) const noexcept;

    /// Since when a resource is held; never if it is not, or if that is not measured.
    [[nodiscard]] time_point since(const resource& r) const noexcept
    {
        return r.status == resource_status::vacant || r.place == resource::nowhere ? never : samples_[r.place];
    }

    /// Which cycle the last acquire that failed with `errc::deadlock` would have closed.
    [[nodiscard]] std::string take_cycle() noexcept { return std::exchange(cycle_, {}); }

private:
    struct name_key
    {
        std::string_view name;
        std::size_t hash;
    };

    struct resource_hash
    {
        using is_transparent = void;
        using is_avalanching = std::true_type;
        std::size_t operator()(const resource* r) const noexcept { return r->hash; }
        std::size_t operator()(const name_key& k) const noexcept { return k.hash; }
    };

    struct resource_equal
    {
        using is_transparent = void;
        bool operator()(const resource* a, const resource* b) const noexcept { return a == b; }
        bool operator()(const name_key& k, const resource* r) const noexcept
        {
            return k.hash == r->hash && k.name == r->name();
        }
        bool operator()(const resource* r, const name_key& k) const noexcept { return (*this)(k, r); }
    };

    struct locker_key
    {
        const resource* where;
        std::string_view locker;
    };

    struct locker_hash
    {
        using is_transparent = void;
        std::size_t operator()(const locker_key& k) const noexcept
        {
            std::size_t seed = boost::hash<std::string_view>()(k.locker);
            boost::hash_combine(seed, k.where);
            return seed;
        }
        std::size_t operator()(const waiter* w) const noexcept
        {
            return (*this)(locker_key{w->target->where, w->target->locker.view()});
        }
    };

    struct locker_equal
    {
        using is_transparent = void;
        bool operator()(const waiter* a, const waiter* b) const noexcept { return a == b; }
        bool operator()(const locker_key& k, const waiter* w) const noexcept
        {
            return k.where == w->target->where && k.locker == w->target->locker.view();
        }
        bool operator()(const waiter* w, const locker_key& k) const noexcept { return (*this)(k, w); }
    };

    resource& find_or_create(std::string_view name, std::size_t hash, const step_time& now);
    void retire_if_unused(resource& r) noexcept;
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
    void touch_leased(resource& r);

    bool make_place(resource& r, int priority, const step_time& now, table_actions& out);
    void enqueue(resource& r, waiter& w, const acquire_request& request, std::unique_ptr<renewal> renews,
                 const step_time& now);
    [[nodiscard]] waiter* find_sibling(resource& r, std::string_view locker);
    void index_waiter(waiter& w);
    void leave_siblings(resource& r, waiter& w);
    void remove(resource& r, waiter& w);
    [[nodiscard]] bool closes_cycle(resource& r, waiter& w, const step_time& now);
    [[nodiscard]] bool is_in_cycle(const waiter& w, const step_time& now) noexcept;
    void settle(waiter& w, error_code result, table_actions& out) noexcept;
    void fail(resource& r, waiter& w, error_code reason, const step_time& now, table_actions& out);
    void evict_if_outranked(resource& r, const step_time& now, table_actions& out);
    void line_changed(resource& r) noexcept;

    void revoke_if_leaving(resource& r, const step_time& now, table_actions& out);
    void check_handshake(resource& r, const step_time& now, table_actions& out);
    [[nodiscard]] time_point end_of_grace(const resource& r) const noexcept;
    [[nodiscard]] time_point next_warning(const resource& r) const noexcept;
    void await_handshake(resource& r) noexcept;
    [[nodiscard]] time_point next_eviction(const resource& r) const noexcept;
    void await_end(resource& r) noexcept;
    void warn_if_overrun(resource& r, const step_time& now, table_actions& out) noexcept;
    void vacate(resource& r, const step_time& now, table_actions& out);
    void hand_over(resource& r, const step_time& now, table_actions& out);
    void grant_ring(waiter& w, time_point until, const step_time& now, table_actions& out);
    static void append(hold& h, hold**& tail) noexcept;

    [[nodiscard]] acquire_outcome refused(errc why) noexcept;
    void count_failure(error_code why) noexcept;
    void count_wait(const waiter& w, const step_time& now) noexcept;
    [[nodiscard]] bool is_sampled(std::uint64_t count) const noexcept { return (count & unsampled_) == 0; }
    void make_room_for_samples(std::uint64_t grants) noexcept;
    void begin_sample(resource& r, const step_time& now) noexcept;
    void end_sample(resource& r, const step_time& now) noexcept;

    lock_domain& domain_;
    const duration clock_offset_;
    const std::size_t idle_capacity_;
    const bool leased_;
    const std::uint64_t unsampled_; // the bits of a count that are 0 where it is measured: none if everything is
    const table_rules rules_;
    const ranking ranks_;
    bool reachable_ = true;
    boost::unordered_flat_set<resource*, resource_hash, resource_equal> resources_;
    boost::unordered_flat_set<waiter*, locker_hash, locker_equal> named_waiters_; // one of each ring, of long queues
    deadline_set deadlines_;
    std::size_t left_deadlines_ = 0; // of vacant resources
    renewal_set renewals_;           // of what is held and renewed
    waiter_list everyone_;
    std::unique_ptr<wait_graph> graph_; // to detect deadlocks
    std::string cycle_;
    std::vector<resource*> touched_;
    std::vector<deadline*> due_;
    std::vector<resource*> idle_;
    std::size_t next_eviction_ = 0;
    std::vector<hold*> spare_holds_;
    std::uint64_t last_ticket_ = 0;
    generated_name generated_name_;
    std::uint64_t highest_evicted_token_ = 0;
    std::size_t live_holds_ = 0;
    metrics counts_;            // but for what add_to works out
    std::uint64_t waits_ = 0;   // acquires that had to wait,
    std::uint64_t waited_ = 0;  // and of them those that were granted
    std::uint64_t vacated_ = 0; // locks that have ended,
    std::uint64_t taken_ = 0;   // and of them those that were not released by their owner
    std::vector<time_point> samples_;
    std::vector<std::uint32_t> free_samples_; // has room for all
};

} // namespace priority_redlock::detail

#endif
