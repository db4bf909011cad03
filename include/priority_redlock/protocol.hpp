// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_PROTOCOL_HPP
#define PRIORITY_REDLOCK_PROTOCOL_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace priority_redlock {

/// Names one attempt of one manager to hold one resource, from its first `obtain` to its `end`. Never used again.
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
        /// Queue until granted or ended, and have a holder of lower priority told.
        wait,

        /// If it outranks the holder and every waiter, and preempts: as `wait`, for that one hand-shake. Otherwise
        /// refuse.
        once,

        /// Refuse; tell nobody. A manager that keeps what it holds asks so: what it has lost, it does not wait for.
        now,
    };

    acquisition_id id;
    std::string resource;

    /// For people who look into the store; re-entrance is the manager's affair.
    std::string locker;

    /// Rank: the higher priority first, then the lower ticket, then the lower id.
    int priority = 0;

    /// Whether the holder has to go for it. One that does not preempt waits in its place, and is no reason for a
    /// notice.
    bool preempt = true;

    /// Microseconds of the system clock at the start of the acquire, rising within a manager.
    std::uint64_t ticket = 0;

    /// The same moment by `clock`: an acquire may have waited in its manager before it is asked for. A store that brings
    /// the tickets of wrong clocks into bounds tells one from the other by this. `max()`: now.
    clock::time_point since = clock::time_point::max();

    /// How long the hold lasts at least, from now on if it holds already, else from the grant on. `infinite`:
    /// `lease()`.
    duration ttl = infinite;

    mode how = mode::wait;
};

/// How an obtain stands.
struct obtain_reply
{
    /// `granted`: it holds the resource, until `valid_until`. `waiting`: it is queued; a `granted` or `failed` event
    /// will follow. `refused`: it is not queued and holds nothing.
    using verdict = detail::acquire_verdict;

    verdict what = verdict::refused;

    /// granted: the instant before which the store gives the resource to nobody else, by the clock of who asked. Allows
    /// for what the answer took.
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

        /// A waiter of priority `thief_priority` outranks this holder and preempts: it should go. Repeated while that
        /// is so.
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
/// asynchronous. Derive from it to put locks into a database of your own. It has three verbs: a manager asks for a
/// resource and keeps it with `obtain`, gives it up with `end`, and hears of the rest as the listener that it has given
/// to `subscribe`.
///
/// What the store keeps of a resource: the holder, with its id, priority, token and end; the waiters, each with the
/// request that it came with; and the last fencing token. The queue lives in the store, so that managers of different
/// processes meet there. A manager registers one acquisition a resource at a time to wait, that of its best waiter;
/// beside it there may be the one that it holds.
///
/// @par What the store must supply
/// By the numbers of doc/rules.md. The conformance suite checks it, but for restarts of the store:
/// - I1: at most one acquisition holds a resource, from its grant to its `end` or the end of its ttl, whichever comes
///   first. It says so (`ended`), or it relies on the manager, which goes by `valid_until`.
/// - I7: a free resource goes to the waiter of the best rank, which is told by `granted`; an obtain is granted at once
///   if the resource is free and no waiter ranks before it.
/// - P1, P10: a holder is noticed when the first in line has a strictly higher priority and preempts, and for no other
///   reason. The first in line decides: nobody preempts from behind one that leaves the holder alone. When that one has
///   gone, it is for the next to decide. The holder keeps the resource until it ends.
/// - P5: a waiter of better rank that comes during a hand-shake is the one that is granted, and a notice names it or
///   the one before.
/// - I6: fencing tokens of a resource rise with every grant, also over a restart of the store. One that has forgotten
///   its last token can go on from the microseconds of the system clock.
/// - Keeping: an `obtain` of an acquisition that holds is a renewal, an extension and a rise of priority in one. Its
///   end becomes `ttl` from now and its priority the one that is asked for, each only if that is more than it has. The
///   token stays. Who wants an earlier end calls `end` then; that a manager does for an `async_extend` that shortens.
/// - Idempotence: a request that is repeated, however late, has no further effect and gives the current answer. This
///   needs no count of requests, since keeping only adds. An `obtain` that is repeated while it waits takes its place
///   with its present mode, and has its notice repeated.
/// - Finality: after `end` an id holds nothing and waits for nothing, whatever arrives late for it: also an `obtain`
///   that the `end` has overtaken is refused.
///
/// @par What the manager adds
/// P2, grace and notice handlers (P3), P4, P7 to P9, re-entrance, timeouts and attempts, guard, completion tokens (I2
/// to I5), the checks of I8, renewal at a third of the ttl (R8), and the local end of a grant at its `valid_until`
/// (P6). It calls `end` once for everything that it has ever asked for, whatever came of it, and again until that is
/// confirmed without an error. A grant that it did not or no longer wants it ends, too. What it is refused to keep, or
/// granted with another token, it takes for lost.
///
/// @par How to write one
/// - A request is one transaction of the store: read the resource, decide, write, and tell those whom it concerns.
/// - `valid_until` is by the clock of the process that asks: `ttl` after the moment in which the request left, less
///   what the clocks may differ by. The store may end it later, never earlier.
/// - A store that can call nobody is asked now and then what has become of what this process waits for and holds.
/// - If messages can be lost, `retry_interval` has the manager repeat what was not answered, and obtains that wait.
/// - A manager may die. Give `lease` unless a lock without a ttl may stay for ever, and drop a waiter that has not been
///   heard of for some `retry_interval`s.
///
/// examples/file_protocol.hpp is one in less than 250 lines: locks in a file, for the processes of a machine.
/// `testing/conformance.hpp`, of the library priority_redlock::testing, runs any protocol through the rules.
///
/// @par Completion
/// Every function calls its handler exactly once, or destroys it with the store. It may do so on any thread, and from
/// within the function, but not under a mutex that another function of the protocol takes: what the handler or listener
/// does first may be the next request. Handlers and listeners do not block and do not throw.
///
/// @par Thread safety
/// All functions may be called from any thread at the same time. One manager's requests for one acquisition come one
/// after the other, but for those that its owners' `async_extend` makes.
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

    /// Asks for a resource; or, if this acquisition holds it, to keep it for longer or with a higher priority. An error
    /// means that the store could not be asked, e.g. `errc::no_quorum`, or does not take the request, e.g.
    /// `errc::invalid_argument` for a ttl that is too long.
    virtual void obtain(obtain_request request, handler<obtain_reply> on_reply) = 0;

    /// The acquisition holds nothing and waits for nothing any more, for good: released by its owner, let go by a
    /// victim, given up, or never wanted. The best waiter is next. An error means that it has to be tried again.
    virtual void end(acquisition_id id, done_handler on_done) = 0;

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
