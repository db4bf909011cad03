// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_JUDGES_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_JUDGES_HPP

// Who decides whether a world went right. Judges see what users see: what was asked for, granted, told and refused,
// and when; and what the world knows of its faults. They know nothing of how locks are made.
//
// doc/redis.md states the bounds in numbers ("How soon, and in what order"); `bounds` has them.

#include "simulation/virtual_time.hpp"

#include <priority_redlock/lock.hpp>
#include <priority_redlock/redis_options.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace simulation {

/// An acquire, and the lock that it brought.
struct usage
{
    enum class phase : std::uint8_t
    {
        waits,
        holds, // or was told to go
        over
    };

    std::uint32_t number = 0;
    std::uint32_t process = 0;
    std::uint32_t manager = 0; // among all of the world
    std::string locker;
    std::vector<std::size_t> resources; // more than one: a composite's
    int priority = 0;
    bool preempt = true;
    duration ttl = priority_redlock::infinite;
    duration timeout = priority_redlock::infinite;
    unsigned max_attempts = priority_redlock::unlimited;
    duration grace{};
    bool auto_extend = false;
    duration max_hold = priority_redlock::infinite;

    phase now = phase::waits;
    time_point asked{};
    time_point cancelled = never;
    time_point granted = never;
    time_point told = never;
    time_point over = never;
    bool re_entrant = false; // its locker held the resource
    bool extended = false;
    std::uint64_t token = 0;
    const priority_redlock::lock* lock = nullptr; // while it holds

    [[nodiscard]] bool is_composite() const noexcept { return resources.size() > 1; }
    [[nodiscard]] bool wants(std::size_t resource) const noexcept
    {
        for (const std::size_t each : resources)
            if (each == resource)
                return true;
        return false;
    }
};

/// How a process stands to the nodes.
struct reach
{
    bool alive = true;
    time_point quorum_since = never; // a quorum of nodes has been answering it, without a fault
    time_point cut_off_since{};      // fewer than a quorum could be asked; never: that is not so
    time_point paused_until{};
};

/// What the documents promise, in numbers.
struct bounds
{
    explicit bounds(const priority_redlock::redis_options& o, duration round_trip, duration clock_difference);

    duration known;     // until the nodes know of an acquire, or a manager of what has happened to a node
    duration precision; // of times of arrival
    duration hand_over; // of a free resource, when nothing goes wrong
    duration recovery;  // of the same after a fault
    duration notice;    // of a holder that is outranked
    duration quorum_timeout;
    duration answer; // of an acquire that does not wait
    duration round;  // at most, from its first vote to its last
};

class court;

/// Looks at one promise.
class judge
{
public:
    virtual ~judge() = default;

    [[nodiscard]] virtual std::string_view name() const noexcept = 0;

    virtual void on_asked(const court&, const usage&) {}
    virtual void on_granted(const court&, const usage&) {}
    virtual void on_extended(const court&, const usage&) {}
    virtual void on_told(const court&, const usage&) {}
    virtual void on_ended(const court&, const usage&, error_code) {}
    virtual void on_failed(const court&, const usage&, error_code) {}
    virtual void on_time(const court&) {}
    virtual void on_finished(const court&) {}

    /// The first thing that was found wrong; empty: nothing.
    [[nodiscard]] const std::string& verdict() const noexcept { return verdict_; }

    void accuse(std::string what)
    {
        if (verdict_.empty())
            verdict_ = std::move(what);
    }

private:
    std::string verdict_;
};

/// All judges, and what they are told.
class court
{
public:
    court(std::size_t resources, const bounds& b);
    ~court();

    // --- what the users see ---

    void asked(usage& u);
    void granted(usage& u, const priority_redlock::lock& l);
    void extended(usage& u);
    void told(usage& u);
    void ended(usage& u, error_code why); // none: its owner has released it
    void failed(usage& u, error_code why);

    /// An operation has been started, and will be completed.
    [[nodiscard]] std::uint64_t started(std::uint32_t process, const char* what);
    void completed(std::uint64_t which);

    // --- what the world knows ---

    /// Something goes wrong, until then at least.
    void disturbed(time_point until);
    [[nodiscard]] time_point calm_since() const noexcept { return calm_since_; }

    /// A process ends without a word. Until then what it had may be kept from others.
    void crashed(std::uint32_t process, time_point free_again);

    [[nodiscard]] reach& of(std::uint32_t process);
    [[nodiscard]] const reach& of(std::uint32_t process) const { return reaches_[process]; }

    /// Something that a judge could not see himself.
    void object(std::string_view judge, std::string what);

    void time_passed();
    void finished();

    // --- for the judges ---

    [[nodiscard]] const bounds& limits() const noexcept { return bounds_; }
    [[nodiscard]] const std::vector<usage*>& users(std::size_t resource) const { return users_[resource]; }
    [[nodiscard]] std::size_t resources() const noexcept { return users_.size(); }

    /// Since when nobody holds it, by what is known.
    [[nodiscard]] time_point free_since(std::size_t resource) const noexcept { return free_since_[resource]; }

    /// Nothing has gone wrong for so long.
    [[nodiscard]] bool calm_for(duration d) const noexcept { return calm_since_ + d <= virtual_clock::now(); }

    /// Its process has reached a quorum for so long, and runs.
    [[nodiscard]] bool is_served(const usage& u, duration d) const noexcept;

    /// A lock that its holder believes in.
    [[nodiscard]] static bool is_believed(const usage& u) noexcept;

    struct operation
    {
        std::uint32_t process = 0;
        const char* what = "";
        bool done = false;
    };
    [[nodiscard]] const std::vector<operation>& operations() const noexcept { return operations_; }

    [[nodiscard]] static std::string text(const usage& u);
    [[nodiscard]] static std::string text(duration d);

    /// What it asks for.
    [[nodiscard]] static std::string wish(const usage& u);

    // --- the end ---

    /// The judge who has found something and what, if any.
    [[nodiscard]] const judge* accuser() const noexcept;

    /// Their names.
    [[nodiscard]] static std::vector<std::string> names();

private:
    template <class... Arguments, class... Values>
    void tell_all(void (judge::*what)(const court&, Arguments...), Values&&... values);
    void forget(usage& u);

    const bounds bounds_;
    std::vector<std::unique_ptr<judge>> judges_;
    std::vector<std::vector<usage*>> users_; // by resource: who waits for it, holds it or goes
    std::vector<time_point> free_since_;
    std::vector<reach> reaches_; // by process
    std::vector<operation> operations_;
    time_point calm_since_{}; // nothing has gone wrong before the world
};

} // namespace simulation

#endif
