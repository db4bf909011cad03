// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_HOLD_HPP
#define PRIORITY_REDLOCK_DETAIL_HOLD_HPP

#include <priority_redlock/detail/acquire_settings.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock_state.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set_hook.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

namespace priority_redlock::detail {

namespace intrusive = boost::intrusive;

class lock_domain;
struct resource;
struct waiter;

using time_point = clock::time_point;

inline constexpr time_point never = time_point::max();

/// t + d, where an infinite d gives never.
[[nodiscard]] constexpr time_point saturating_add(time_point t, duration d) noexcept
{
    return d >= never - t ? never : t + d;
}

/// The time of one step. Either known, or read from a clock when it is first asked for: most steps need none, and
/// reading a clock costs as much as the rest of them.
class step_time
{
public:
    step_time(time_point known) noexcept : time_(known) {}
    explicit step_time(time_point (*read)()) noexcept : read_(read) {}

    [[nodiscard]] time_point operator()() const
    {
        if (read_)
            time_ = std::exchange(read_, nullptr)();
        return time_;
    }

private:
    mutable time_point time_;
    mutable time_point (*read_)() = nullptr;
};

/// Text that keeps its memory when it is assigned again. Short text is stored in place.
class name_buffer
{
    static constexpr std::uint32_t in_place = 20;

public:
    name_buffer() = default;
    name_buffer(const name_buffer&) = delete;
    name_buffer& operator=(const name_buffer&) = delete;
    ~name_buffer() { delete[] block(); }

    void assign(std::string_view text)
    {
        if (text.size() > capacity_) {
            char* const larger = new char[text.size()];
            delete[] block();
            std::memcpy(bytes_, &larger, sizeof larger);
            capacity_ = static_cast<std::uint32_t>(text.size());
        }
        size_ = static_cast<std::uint32_t>(text.size());
        if (size_ != 0)
            std::memcpy(capacity_ == in_place ? bytes_ : block(), text.data(), size_);
    }

    [[nodiscard]] std::string_view view() const noexcept { return {capacity_ == in_place ? bytes_ : block(), size_}; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    /// Where longer text is, if there ever was any.
    [[nodiscard]] char* block() const noexcept
    {
        char* p = nullptr;
        if (capacity_ != in_place)
            std::memcpy(&p, bytes_, sizeof p);
        return p;
    }

    char bytes_[in_place];
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = in_place;
};

/// Something that is told when a hold ends: a pending async_wait, or an operation under guard.
class notice : public intrusive::list_base_hook<intrusive::link_mode<intrusive::normal_link>>
{
public:
    /// Keeps it alive until `tell` or `abandon`. Called under the domain's mutex when it is taken out of its list, with
    /// `reason` set.
    virtual void keep() noexcept = 0;

    /// Tells it `reason`. Called without any mutex, by whichever thread ended the hold.
    virtual void tell() = 0;

    /// Lets go of it untold, because its execution context goes away.
    virtual void abandon() noexcept = 0;

    error_code reason; // set when it is taken out of its list

protected:
    ~notice() = default;
};

using notice_list = intrusive::list<notice, intrusive::constant_time_size<false>>;

/// One handle's share of a lock, from the acquire to the end of the handle. What a `lock` points to.
///
/// Written by its domain under the domain's mutex; the atomics may be read from any thread, and the two counters may be
/// written without it too.
struct hold : intrusive::list_base_hook<intrusive::link_mode<intrusive::normal_link>>
{
    lock_domain* domain = nullptr;
    resource* where = nullptr;
    waiter* pending = nullptr; // the acquire that still waits for this hold
    hold* next_told = nullptr;
    notice_list notices;
    name_buffer locker;
    std::atomic<int> priority{0};
    std::uint64_t token = 0;
    std::atomic<duration::rep> expires{never.time_since_epoch().count()};
    time_point told_at{};                     // to go, once it is revoking
    std::atomic<std::uint32_t> references{0}; // the handle, the delivery, every notice handler, pins
    std::atomic<std::uint32_t> handlers{0};   // P3's notice handlers that have not run yet
    std::atomic<lock_state> state{lock_state::empty};
    bool anonymous = false; // its locker id is unique: never re-entrant
    bool joined = false;    // its locker held the resource already
    bool leaving = false;   // it goes with others that were revoked
    bool linked = false;    // in resource::holds
    bool handle_gone = false;

    [[nodiscard]] time_point expires_at() const noexcept
    {
        return time_point(duration(expires.load(std::memory_order_relaxed)));
    }
};
static_assert(sizeof(void*) != 8 || sizeof(hold) <= 136);

struct deadline_tag;
struct rank_tag;
struct everyone_tag;
struct locker_tag;

template <class Tag>
using tree_hook = intrusive::set_base_hook<intrusive::tag<Tag>, intrusive::link_mode<intrusive::normal_link>,
                                           intrusive::optimize_size<true>>;

/// An instant at which a resource or a waiter wants to be looked at again.
struct deadline : tree_hook<deadline_tag>
{
    enum class owner_kind : std::uint8_t
    {
        resource,
        waiter,
        lease,
        renewal
    };

    explicit deadline(owner_kind k) noexcept : owner(k) {}

    time_point when = never; // never: not in the table's set of deadlines
    owner_kind owner;
};

struct renewal_tag;

/// What keeps a lock with a ttl alive. Made by the acquire, since a grant may not fail for want of memory.
struct renewal : deadline,
                 tree_hook<renewal_tag>
{
    renewal(duration t, duration longest) noexcept : deadline(owner_kind::renewal), ttl(t), max_hold(longest) {}

    resource* where = nullptr; // once it is granted
    duration ttl;
    duration max_hold;
    time_point limit = never;         // the lock does not outlive it
    bool due = false;                 // leased: to be asked for
    bool last = false;                // what was asked for goes up to the limit
    bool stands_for_infinite = false; // a lease of the store, for a lock without a ttl
};

/// An acquire that was not granted at once. Lives in the memory of the operation that waits.
struct waiter : deadline,
                tree_hook<rank_tag>,
                intrusive::list_base_hook<intrusive::tag<everyone_tag>, intrusive::link_mode<intrusive::normal_link>>,
                intrusive::list_base_hook<intrusive::tag<locker_tag>, intrusive::link_mode<intrusive::normal_link>>
{
    waiter() noexcept : deadline(owner_kind::waiter) {}

    hold* target = nullptr;
    waiter* next_in_rank = this; // ring of the waiters of one priority, by ticket
    waiter* previous_in_rank = this;
    waiter* next_sibling = this; // ring of the waiters of one locker for one resource
    waiter* previous_sibling = this;
    waiter* next_settled = nullptr;
    std::uint64_t ticket = 0;
    duration ttl = infinite;
    duration grace{};
    time_point since = never; // it waits; never: that is not measured
    time_point timeout_at = never;
    time_point last_attempt_at = never;
    time_point rises_at = never; // with ageing
    int priority = 0;            // its rank, where ranks rise with time
    bool preempt = true;         // or leaves the holder alone
    bool leads = false;          // its ring in rank
    bool last_try = false;       // waits for one hand-shake only
    bool now_or_never = false;   // waits for a store's answer only
    bool indexed = false;        // stands for its siblings in lock_table::named_waiters_
    std::unique_ptr<renewal> renews;
    error_code result;
};

/// What an acquire asks for, checked and with names borrowed from the caller.
struct acquire_request
{
    std::string_view resource;
    std::string_view locker;
    bool anonymous = false; // a unique locker that never re-enters: `locker`, or a fresh one if that is empty
    acquire_settings options;
    std::uint64_t ticket = 0; // place among equal priorities, lower first; 0: after all before it
    std::size_t hash = 0;     // of the resource, filled in by the backend
};

/// The longest resource name or locker id.
inline constexpr std::size_t max_name_size = 64 * 1024;

} // namespace priority_redlock::detail

#endif
