// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_PROTOCOL_HPP
#define PRIORITY_REDLOCK_PROTOCOL_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace priority_redlock {

/// Identifies one attempt of one manager to hold one resource, from its first `obtain` to its `end`. Never reused.
struct acquisition_id
{
    /// Identifies the manager: a random number that differs between managers, processes and machines.
    std::uint64_t client = 0;

    /// Counts the acquisitions of that manager from 1. 0: no acquisition.
    std::uint64_t number = 0;

    /// Compares all members in turn: an order without a meaning, for containers.
    friend auto operator<=>(const acquisition_id&, const acquisition_id&) = default;

    /// Whether this is the id of an acquisition; a default-constructed id is not.
    [[nodiscard]] explicit operator bool() const noexcept { return number != 0; }
};

/// The request of `protocol::obtain`.
struct obtain_request
{
    /// How to proceed if the resource is not free.
    enum class mode : std::uint8_t
    {
        /// Queue until granted or ended, and notify a holder of lower priority.
        wait,

        /// As `wait` for one hand-shake, if the request preempts and outranks the holder and every waiter. Otherwise
        /// refuse.
        once,

        /// Refuse and notify nobody. A manager renews its holds in this mode, since it does not wait for a hold that it
        /// has lost.
        now,
    };

    /// The acquisition that this request is for.
    acquisition_id id;

    /// The name of the resource.
    std::string resource;

    /// For people who inspect the store. The manager handles re-entrance.
    std::string locker;

    /// Waiters are ranked by higher priority first, then lower ticket, then lower id.
    int priority = 0;

    /// Whether the request preempts a holder that it outranks. A request that does not preempt waits in its place and
    /// causes no notice.
    bool preempt = true;

    /// Microseconds of the system clock at the start of the acquire, rising within a manager.
    std::uint64_t ticket = 0;

    /// The same moment by `clock`: an acquire may wait in its manager before the store is asked. A store that corrects
    /// the tickets of wrong clocks uses this to tell a wrong clock from a long wait. `max()`: now.
    clock::time_point since = clock::time_point::max();

    /// The least time for which the hold lasts, counted from now if the acquisition already holds the resource,
    /// otherwise from the grant. `infinite` means `lease()`.
    duration ttl = infinite;

    /// What the store does with the request if it cannot grant it.
    mode how = mode::wait;
};

/// The reply to an obtain.
struct obtain_reply
{
    /// `granted`: the acquisition holds the resource until `valid_until`. `waiting`: it is queued, and a `granted` or
    /// `failed` event will follow. `refused`: it is not queued and holds nothing.
    using verdict = detail::acquire_verdict;

    /// The answer of the store.
    verdict what = verdict::refused;

    /// granted: the store gives the resource to nobody else before this instant of the caller's clock. It allows for
    /// the time that the answer took.
    clock::time_point valid_until = clock::time_point::max();

    /// granted: greater than that of every earlier grant of this resource.
    std::uint64_t fencing_token = 0;
};

/// Reports a change of an acquisition that its manager did not ask for.
struct protocol_event
{
    /// The kinds of events.
    enum class kind : std::uint8_t
    {
        /// A waiting obtain holds the resource now: `valid_until`, `fencing_token`.
        granted,

        /// A waiter of priority `thief_priority` preempts this holder, which should let go. Repeated for as long as
        /// this is the case.
        notice,

        /// The holder lost the resource in the store: `reason` is `errc::expired` or `errc::lost`.
        ended,

        /// The store gave up a waiting obtain. `reason` is, for example, `errc::already_acquired` (mode `once` lost its
        /// hand-shake) or `errc::no_quorum`.
        failed,
    };

    /// The kind of this event.
    kind what = kind::granted;

    /// The acquisition that the event is about.
    acquisition_id id;

    /// `granted`: the end of the grant, by `steady_clock`.
    clock::time_point valid_until = clock::time_point::max();

    /// `granted`: the fencing token.
    std::uint64_t fencing_token = 0;

    /// `notice`: the acquisition that preempts this one.
    acquisition_id thief;

    /// `notice`: the priority of that acquisition.
    int thief_priority = 0;

    /// `ended`, `failed`: why.
    error_code reason;
};

/// The interface of a store of locks for a `lock_manager`: the five functions of the original's LockingProtocol, made
/// asynchronous. Derive from it to put locks into your own database. It has three main functions. A manager asks for a
/// resource and keeps it with `obtain`, gives it up with `end`, and receives events through the listener that it passes
/// to `subscribe`.
///
/// For each resource the store keeps the holder, with its id, priority, token and end; the waiters, each with its
/// request; and the last fencing token. The queue lives in the store, so that managers of different processes meet
/// there. Per resource a manager has at most one waiting acquisition at a time, that of its best waiter. It may also
/// have one that holds the resource.
///
/// @par What the store must supply
/// The numbers are those of doc/rules.md. The conformance suite checks these rules, except for restarts of the store:
/// - I1: at most one acquisition holds a resource, from its grant to its `end` or the end of its ttl, whichever comes
///   first. The store reports the end of a ttl (`ended`), or it relies on the manager, which goes by `valid_until`.
/// - I7: a free resource goes to the waiter with the best rank, which receives `granted`. An obtain is granted at once
///   if the resource is free and no waiter ranks before it.
/// - P1, P10: a holder receives a notice if the first in line has a strictly higher priority and preempts, and for no
///   other reason. The first in line decides: while it does not preempt, no waiter behind it does. When it has gone,
///   the next in line decides. The holder keeps the resource until its hold ends.
/// - P5: if a waiter with a better rank arrives during a hand-shake, it is granted the resource. A notice names it or
///   the earlier thief.
/// - I6: the fencing tokens of a resource rise with every grant, also over a restart of the store. A store that has
///   forgotten its last token can continue from the system clock in microseconds.
/// - Keeping: an `obtain` of an acquisition that holds the resource is a renewal, an extension and a rise of priority
///   in one. It moves the end to `ttl` from now and the priority to the requested one, each only if the new value is
///   greater. The token stays the same. For an earlier end a manager calls `end` at that time; it does so for an
///   `async_extend` that shortens the hold.
/// - Idempotence: a repeated request, however late, has no further effect and gives the current answer. This needs no
///   request numbers, since keeping only adds. An `obtain` that is repeated while it waits keeps its place with its
///   present mode, and its notice is repeated.
/// - Finality: after `end` an id holds nothing and waits for nothing, whatever arrives late for it. An `obtain` that
///   the `end` has overtaken is refused.
///
/// @par What the manager adds
/// P2, grace and notice handlers (P3), P4, P7 to P9, re-entrance, timeouts and attempts, guard, completion tokens (I2
/// to I5), the checks of I8, renewal at a third of the ttl (R8), and the local end of a grant at its `valid_until`
/// (P6). It calls `end` for every acquisition that it ever asked for, whatever the outcome, and repeats it until it is
/// confirmed without an error. It also ends grants that it did not ask for or no longer wants. If a renewal is refused,
/// or comes back with another token, it treats the lock as lost.
///
/// @par How to write one
/// - Make each request one transaction of the store: read the resource, decide, write, and notify the managers
///   concerned.
/// - `valid_until` uses the clock of the calling process: `ttl` after the moment when the request was sent, minus the
///   possible difference between clocks. The store may end the hold later, never earlier.
/// - If the store cannot send events, poll it for the state of the acquisitions of this process.
/// - If messages can be lost, return a `retry_interval`: the manager then repeats unanswered requests and waiting
///   obtains.
/// - A manager may die. Return a `lease`, unless a lock without a ttl may stay for ever. Drop a waiter that has not
///   asked for several `retry_interval`s.
///
/// examples/file_protocol.hpp is a protocol in less than 250 lines: locks in a file, for the processes of one machine.
/// `testing/conformance.hpp`, in the library priority_redlock::testing, tests any protocol against the rules.
///
/// @par Completion
/// Every function calls its handler exactly once, or destroys it with the store. It may call the handler on any thread
/// and from within the function, but not under a mutex that another function of the protocol takes: the handler or
/// listener may make the next request. Handlers and listeners do not block and do not throw. A function that throws,
/// e.g. std::bad_alloc, does not call its handler. The manager then asks again after `retry_interval`, or after a
/// second.
///
/// @par Thread safety
/// All functions may be called from any thread at the same time. A manager makes its requests for one acquisition one
/// after the other, except those for `async_extend`.
class protocol
{
public:
    /// Receives the events of one client's acquisitions, in order for each acquisition.
    class listener
    {
    public:
        /// Receives one event.
        virtual void on_event(const protocol_event& event) = 0;

    protected:
        ~listener() = default;
    };

    /// The handler of a request that has results.
    template <class... Results>
    using handler = boost::asio::any_completion_handler<void(error_code, Results...)>;

    /// The handler of a request without results.
    using done_handler = boost::asio::any_completion_handler<void(error_code)>;

    /// Protocols are deleted through this class.
    virtual ~protocol() = default;

    /// Sends the events of a client's acquisitions to `sink` for as long as it exists. Called once, before the first
    /// `obtain` of that client.
    virtual void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) = 0;

    /// Asks for a resource. If this acquisition already holds it, asks to keep it for longer or with a higher priority.
    /// An error means that the store could not be reached, e.g. `errc::no_quorum`, or rejected the request, e.g.
    /// `errc::invalid_argument` for a ttl that is too long.
    virtual void obtain(obtain_request request, handler<obtain_reply> on_reply) = 0;

    /// Ends the acquisition for good: it no longer holds or waits for anything. Called for a release by the owner, a
    /// victim that lets go, an acquire that gave up, or a grant that nobody wanted. The best waiter is next. After an
    /// error the manager tries again.
    virtual void end(acquisition_id id, done_handler on_done) = 0;

    /// How long the manager waits before it repeats an unanswered request or a waiting obtain. A protocol that loses no
    /// messages needs no repetition.
    [[nodiscard]] virtual duration retry_interval() const noexcept { return infinite; }

    /// How long a hold without a ttl is granted. The manager renews it each time a third of this has passed, for as
    /// long as it is held. If the hold ends, the lock is lost. Infinite: the store never ends such a hold by itself.
    [[nodiscard]] virtual duration lease() const noexcept { return infinite; }

    /// Whether the store can be reached at present. While it cannot, an acquire that ends by its timeout or its last
    /// attempt fails with `errc::no_quorum`.
    [[nodiscard]] virtual bool reachable() const noexcept { return true; }
};

namespace detail {

[[nodiscard]] PRIORITY_REDLOCK_DECL std::size_t hash_of(const acquisition_id& id) noexcept;

} // namespace detail
} // namespace priority_redlock

/// A hash with a random key for each process, since clients of a store might choose ids that collide.
template <>
struct std::hash<priority_redlock::acquisition_id>
{
    /// The hash of an id.
    std::size_t operator()(const priority_redlock::acquisition_id& id) const noexcept
    {
        return priority_redlock::detail::hash_of(id);
    }
};

#endif
