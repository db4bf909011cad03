// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// When the one timer of a shard is set. It is there for every deadline of the shard's table: the ttls of locks, their
// graces and renewals, the timeouts and last attempts of acquires. When it fires, the shard has the table carry out
// what is due (`shard::on_timer`).
//
// To set a timer costs as much as several acquires. So it is set earlier when an earlier deadline comes up, and is left
// alone otherwise. A pending wait is never replaced but cancelled, and its handler sets the timer anew: a cancellation
// allocates nothing, which a release relies on. Once the last deadline has gone the timer lingers: it is set to fire
// soon, and only then lets the context run out of work, since deadlines come and go with every lock.
//
// Asio's queue of timers needs memory, which may have run out. Then the wait is none: its handler is posted instead, in
// memory that is kept for that, and the timer is set anew in the next turn of the context.
//
// `shard_timer` only decides, under the shard's mutex. The timer itself is used without the mutex, by one thread at a
// time: the one that was told to drive it.

#ifndef PRIORITY_REDLOCK_SRC_SHARD_TIMER_HPP
#define PRIORITY_REDLOCK_SRC_SHARD_TIMER_HPP

#include <priority_redlock/detail/time.hpp>

#include <boost/config.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace priority_redlock::detail {

class shard_timer
{
public:
    enum class action : std::uint8_t
    {
        none,
        cancel, // the pending wait
        arm     // wait, until `armed_at`
    };

    static constexpr duration linger = std::chrono::milliseconds(10);

    /// What has to be done, if that is the next deadline of the table. Every step asks it.
    [[nodiscard]] BOOST_FORCEINLINE action wanted(time_point deadline) const noexcept
    {
        if (stopped_)
            return action::none;
        if (pending_) {
            const bool late = deadline < armed_at_;
            const bool idle = deadline == never && !lingering_;
            return (late || idle) && !cancelled_ ? action::cancel : action::none;
        }
        return deadline != never || linger_next_ ? action::arm : action::none;
    }

    /// True: the caller has the timer to himself, and has to do what `next` says until it says `none`.
    [[nodiscard]] bool begin_driving(time_point deadline) noexcept
    {
        if (driven_ || wanted(deadline) == action::none)
            return false;
        return driven_ = true;
    }

    [[nodiscard]] action next(time_point deadline, const step_time& now) noexcept
    {
        const action result = wanted(deadline);
        switch (result) {
        case action::none: driven_ = false; break;
        case action::cancel: cancelled_ = true; break;
        case action::arm:
            armed_at_ = deadline;
            lingering_ = std::exchange(linger_next_, false);
            if (lingering_)
                armed_at_ = std::min(armed_at_, now() + linger);
            pending_ = true;
            break;
        }
        return result;
    }

    /// The handler of the wait that `next` said is posted instead.
    void posted() noexcept { pending_ = true; }

    /// There is no wait any more, and nothing tells its end. The next step of the table arms the timer again.
    void lost() noexcept { pending_ = cancelled_ = false; }

    /// The driver leaves, although there is more to do.
    void leave() noexcept { driven_ = false; }

    /// The wait has ended.
    void fired() noexcept
    {
        pending_ = false;
        linger_next_ = std::exchange(cancelled_, false);
    }

    /// The context is shut down: nothing is done any more.
    void stop() noexcept { stopped_ = true; }

    [[nodiscard]] time_point armed_at() const noexcept { return armed_at_; }

private:
    time_point armed_at_ = never;
    bool pending_ = false;     // a wait
    bool cancelled_ = false;   // it has been, so that the timer is armed anew
    bool lingering_ = false;   // it is early, and need not be cancelled if no deadline is left
    bool linger_next_ = false; // when it is armed next
    bool driven_ = false;      // some thread has the timer to itself
    bool stopped_ = false;
};

} // namespace priority_redlock::detail

#endif
