// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_PROTOCOL_HPP
#define PRIORITY_REDLOCK_PROTOCOL_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace priority_redlock {

/// Names one attempt of one manager to hold one resource, from `obtain` to `release`. Never used again.
struct acquisition_id
{
    /// The manager: a random number that differs between managers, processes and machines.
    std::uint64_t client = 0;

    /// Counts the acquisitions of that manager from 1. 0: no acquisition.
    std::uint64_t number = 0;

    friend auto operator<=>(const acquisition_id&, const acquisition_id&) = default;

    [[nodiscard]] explicit operator bool() const noexcept { return number != 0; }
};

/// What `protocol::obtain` asks for.
struct obtain_request
{
    /// How far an obtain goes if the resource is not free.
    enum class mode : std::uint8_t
    {
        /// Queue until granted or withdrawn, and have a holder of lower priority told.
        wait,

        /// If it outranks the holder and every waiter: as `wait`, for that one hand-shake. Otherwise refuse.
        once,

        /// Refuse; tell nobody.
        now,
    };

    acquisition_id id;
    std::string resource;

    /// For people who look into the store; re-entrance is the manager's affair.
    std::string locker;

    /// Rank: the higher priority first, then the lower ticket, then the lower id.
    int priority = 0;

    /// Microseconds of the system clock at the start of the acquire, rising within a manager.
    std::uint64_t ticket = 0;

    /// How long the grant is valid, from the grant on; `infinite` if the store ends it by itself never.
    duration ttl = infinite;

    mode how = mode::wait;
};

/// How an obtain stands.
struct obtain_reply
{
    enum class verdict : std::uint8_t
    {
        /// It holds the resource, until `valid_until`.
        granted,

        /// It is queued; a `granted` or `failed` event will follow.
        waiting,

        /// It is not queued and holds nothing.
        refused,
    };

    verdict what = verdict::refused;

    /// granted: the instant before which the store gives the resource to nobody else. Allows for what the answer took.
    clock::time_point valid_until = clock::time_point::max();

    /// granted: greater than that of every earlier grant of this resource.
    std::uint64_t fencing_token = 0;
};

/// Something that happens to an acquisition without its manager having asked.
struct protocol_event
{
    enum class kind : std::uint8_t
    {
        /// A waiting obtain holds the resource now: `valid_until`, `fencing_token`.
        granted,

        /// A waiter of priority `thief_priority` outranks this holder: it should go. Repeated while that is so.
        notice,

        /// The holder lost the resource in the store: `reason` is `errc::expired` or `errc::lost`.
        ended,

        /// A waiting obtain is given up by the store: `reason`, e.g. `errc::already_acquired` (mode `once` lost its
        /// hand-shake) or `errc::no_quorum`.
        failed,
    };

    kind what = kind::granted;
    acquisition_id id;
    clock::time_point valid_until = clock::time_point::max();
    std::uint64_t fencing_token = 0;
    acquisition_id thief;
    int thief_priority = 0;
    error_code reason;
};

/// A store of locks that a `lock_manager` can work on: the five functions of the original's LockingProtocol, made
/// asynchronous. Derive from it to put locks into a database of your own.
///
/// The queue of waiters lives in the store, so that managers of different processes meet there. What it must supply, by
/// the numbers of doc/rules.md:
/// - I1: at most one acquisition holds a resource, from its grant to its `release`, `acknowledge` or the end of its
/// ttl;
/// - P1, I7: waiters are granted in order of rank; a holder is noticed for as long as a waiter has a strictly higher
///   priority, and nobody is granted past a better-ranked waiter;
/// - P5: a better-ranked waiter that arrives during a hand-shake is the one that is granted;
/// - I6: fencing tokens of a resource rise with every grant, also over a restart of the store;
/// - idempotence: a request that is repeated with the same id has no further effect and gives the current answer. An
///   `obtain` that is repeated while it waits has its notice repeated;
/// - finality: after `withdraw`, `release` or `acknowledge` an id holds nothing and waits for nothing, whatever arrives
///   late for it.
///
/// What the manager adds: P2, grace and notice handlers (P3), P4, P7 to P9, re-entrance, timeouts and attempts, guard,
/// completion tokens (I2 to I5), the checks of I8, and the local end of a grant at its `valid_until` (P6). It registers
/// one acquisition a resource at a time, that of its best waiter.
///
/// `testing/conformance.hpp`, of the library priority_redlock::testing, runs any protocol through these rules.
///
/// @par Completion
/// Every function calls its handler exactly once, or destroys it with the store. It may do so on any thread, and from
/// within the function, but not under a mutex that another function of the protocol takes. Handlers and listeners do
/// not block and do not throw.
///
/// @par Thread safety
/// All functions may be called from any thread at the same time.
class protocol
{
public:
    /// Receives the events of one client's acquisitions, in the order in which they happen to an acquisition.
    class listener
    {
    public:
        virtual void on_event(const protocol_event& event) = 0;

    protected:
        ~listener() = default;
    };

    template <class... Results>
    using handler = boost::asio::any_completion_handler<void(error_code, Results...)>;

    using done_handler = boost::asio::any_completion_handler<void(error_code)>;

    virtual ~protocol() = default;

    /// Sends the events of a client's acquisitions to `sink`, as long as it exists. Called once, before the first
    /// `obtain` of that client.
    virtual void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) = 0;

    /// Asks for a resource. An error means that the store could not be asked: `errc::no_quorum`.
    virtual void obtain(obtain_request request, handler<obtain_reply> on_reply) = 0;

    /// Gives up a waiting obtain; if it has been granted meanwhile, releases it.
    virtual void withdraw(acquisition_id id, done_handler on_done) = 0;

    /// Ends a hold on behalf of its owner. The best waiter is next.
    virtual void release(acquisition_id id, done_handler on_done) = 0;

    /// Ends the hold of a victim whose hand-shake is over, by its grace or because it has let go. As `release`, for
    /// stores that tell the two apart.
    virtual void acknowledge(acquisition_id id, done_handler on_done) = 0;

    /// Gives a hold a new ttl from now; delivers when it ends. `errc::not_held` if it is gone.
    virtual void extend(acquisition_id id, duration ttl, handler<clock::time_point> on_reply) = 0;

    /// A re-entrant acquire gave the holder a higher priority.
    virtual void raise(acquisition_id id, int priority, done_handler on_done) = 0;

    /// How long the manager waits before it repeats a request that was not answered, or an obtain that waits. A
    /// protocol that loses no message needs no repetition.
    [[nodiscard]] virtual duration retry_interval() const noexcept { return infinite; }

    /// For how long a hold without a ttl is granted. The manager extends it each time a third of this has passed, for
    /// as long as it is held, and takes its end for a loss. Infinite: the store ends such a hold by itself never.
    [[nodiscard]] virtual duration lease() const noexcept { return infinite; }

    /// Whether the store can be asked at present. While it cannot, an acquire that ends by its timeout or its last
    /// attempt says `errc::no_quorum`.
    [[nodiscard]] virtual bool reachable() const noexcept { return true; }
};

} // namespace priority_redlock

template <>
struct std::hash<priority_redlock::acquisition_id>
{
    std::size_t operator()(const priority_redlock::acquisition_id& id) const noexcept
    {
        return static_cast<std::size_t>(id.client ^ (id.number * 0x9e3779b97f4a7c15));
    }
};

#endif
