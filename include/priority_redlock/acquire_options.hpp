// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_ACQUIRE_OPTIONS_HPP
#define PRIORITY_REDLOCK_ACQUIRE_OPTIONS_HPP

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace priority_redlock {

/// The clock of all ttls, timeouts and graces. It stops while the machine is suspended, and so do they.
using clock = std::chrono::steady_clock;

/// The type of all durations in this library. A `std::chrono` duration of a coarser unit converts to it.
using duration = clock::duration;

/// A duration that never ends.
inline constexpr duration infinite = duration::max();

/// No limit, for numbers such as `acquire_options::max_attempts`.
inline constexpr unsigned unlimited = std::numeric_limits<unsigned>::max();

/// An option that has a value or inherits one. Converts from and to a `std::optional`.
///
/// It is stored as one number; the lowest value stands for none. A `std::optional` has a value and a flag. Options made
/// of eight such pairs take 15 ns longer to copy: a read of both at once stalls if the flag has just been written (a
/// failed store-to-load forwarding).
template <class T>
class inheritable
{
public:
    /// The type of the value.
    using value_type = T;

    constexpr inheritable() noexcept = default;

    /// Inherits, as the default constructor does.
    constexpr inheritable(std::nullopt_t) noexcept {}

    /// The value, or inherits if there is none.
    constexpr inheritable(const std::optional<T>& value) noexcept : number_(value ? to_number(*value) : none) {}

    /// From a value, or from anything that converts to one, such as a duration of a coarser unit.
    template <class U>
        requires(!std::same_as<std::remove_cvref_t<U>, inheritable>)
                && std::convertible_to<U, T> && (!std::same_as<T, bool> || std::same_as<std::remove_cvref_t<U>, bool>)
    constexpr inheritable(U&& value) : number_(to_number(static_cast<T>(std::forward<U>(value))))
    {
    }

    /// Whether a value was set here, so that nothing is inherited.
    [[nodiscard]] constexpr bool has_value() const noexcept { return number_ != none; }

    /// The value. There must be one.
    [[nodiscard]] constexpr T operator*() const noexcept
    {
        if constexpr (is_duration)
            return T(number_);
        else
            return static_cast<T>(number_);
    }

    /// The value, or `otherwise` if it is inherited.
    [[nodiscard]] constexpr T value_or(T otherwise) const noexcept { return has_value() ? **this : otherwise; }

    /// The value, or `std::nullopt` if it is inherited.
    constexpr operator std::optional<T>() const noexcept { return has_value() ? std::optional(**this) : std::nullopt; }

    /// Whether both inherit or both have the same value.
    friend constexpr bool operator==(const inheritable&, const inheritable&) noexcept = default;

private:
    static constexpr bool is_duration = std::same_as<T, duration>;
    static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::min();
    static_assert(is_duration || sizeof(T) < sizeof none);

    static constexpr std::int64_t to_number(T value) noexcept
    {
        if constexpr (is_duration)
            return value.count() == none ? none + 1 : value.count(); // as invalid as any other negative one
        else
            return value;
    }

    std::int64_t number_ = none;
};

namespace detail {

/// Every field that has a value in `options` replaces the inherited field of the same name.
template <class Fields, class Options>
constexpr void override_by(Fields& inherited, const Options& options) noexcept
{
    const auto take = [](auto& value, const auto& by) {
        if (by.has_value())
            value = *by;
    };
    take(inherited.priority, options.priority);
    take(inherited.preempt, options.preempt);
    take(inherited.ttl, options.ttl);
    take(inherited.timeout, options.timeout);
    take(inherited.max_attempts, options.max_attempts);
    take(inherited.grace, options.grace);
    take(inherited.auto_extend, options.auto_extend);
    take(inherited.max_hold, options.max_hold);
}

} // namespace detail

/// How one acquire behaves. An aggregate: name the fields that differ.
///
/// @code
/// manager.async_acquire("lights", "motion detector", {.priority = 100, .ttl = 30s}, token);
/// @endcode
///
/// A field that you do not name is inherited, in the same way everywhere. The options of a recovery inherit from those
/// of the run, and those of a run from its `synchronized` object. The options of that object and of every acquire
/// inherit from `manager_options::defaults`, which inherit from the defaults documented here.
///
/// A negative duration, a `ttl` of zero or `max_attempts` of zero makes the acquire complete with
/// `errc::invalid_argument` and changes nothing.
struct acquire_options
{
    /// A strictly higher priority preempts the holder; an equal or lower one waits. Any int. By default 0, the middle
    /// of the range: give a negative priority to work that can wait for everybody else.
    inheritable<int> priority{};

    /// Whether the acquire preempts a holder that it outranks. By default true. If false, the priority only decides the
    /// place in the queue, and the holder is left alone. The first in line decides: while such an acquire is the best
    /// waiter, nobody behind it preempts either, since the lock would go to the first in line. With limited
    /// `max_attempts`, the last attempt is refused unless the lock is free. Once granted, the lock has its priority
    /// like any other lock. The priority of a re-entrant acquire counts, too.
    inheritable<bool> preempt{};

    /// The longest time that the lock is held, counted from the grant. By default infinite. A re-entrant acquire keeps
    /// the ttl of the first acquire.
    inheritable<duration> ttl{};

    /// How long to wait for the lock, counted from the start of the acquire; then `errc::acquire_timeout`. By default
    /// infinite. Zero: granted now or never, and no holder is told to go. Over Redis "now" takes the time of an answer.
    inheritable<duration> timeout{};

    /// How many attempts to make before `errc::already_acquired`. By default `unlimited`. 1: one attempt; if it
    /// outranks the holder, it preempts the holder and waits for that one hand-shake. n > 1: the n attempts are 1, 2, 4
    /// ... 128, 128 ... ms apart, counted from the start of the acquire. A hand-over between two attempts also grants
    /// the lock.
    inheritable<unsigned> max_attempts{};

    /// How long the holder of this lock may clean up after it was told of a preemption, counted from that notice. By
    /// default one second. Zero: the preempting locker is granted the lock as soon as the notice has been handled. The
    /// lock of a re-entrant locker has the longest grace of its handles. `async_with_lock` and `async_run` cancel the
    /// work and let it unwind, so their grace is infinite, whatever this says.
    inheritable<duration> grace{};

    /// Renews a finite `ttl` automatically, each time a third of it has passed, for as long as a handle of the lock
    /// exists. The ttl then bounds how long a stopped process can block the resource, not how long work may take. By
    /// default false. `lock::expires_at()` is the current end. Renewal continues during the grace of a preemption, and
    /// stops with it. A lock whose end has passed is not revived.
    ///
    /// With a protocol each renewal is a request to the store. A renewal that fails is repeated until the end of the
    /// lock. The lock ends with `errc::lost` if no renewal has succeeded by then, or if the store has given the lock
    /// away.
    ///
    /// This option belongs to the ttl. It has no effect in a re-entrant acquire, nor with an infinite ttl. The timer of
    /// a renewed lock keeps its execution context running.
    inheritable<bool> auto_extend{};

    /// The longest time for which `auto_extend` renews a lock, counted from the grant. It ends the lock of a stuck
    /// holder with `errc::expired`. By default infinite. It also bounds `lock::async_extend`. Without `auto_extend` it
    /// has no effect. With `auto_extend`, a `max_hold` shorter than the `ttl` is `errc::invalid_argument`.
    inheritable<duration> max_hold{};

    /// These options, with the values of `base` for all fields that have none.
    [[nodiscard]] constexpr acquire_options over(const acquire_options& base) const noexcept
    {
        acquire_options both = base;
        detail::override_by(both, *this);
        return both;
    }
};

} // namespace priority_redlock

#endif
