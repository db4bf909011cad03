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

/// The clock that decides. It stands still while a machine is suspended, and so do ttls, timeouts and graces.
using clock = std::chrono::steady_clock;

/// Durations of this library. Any `std::chrono` duration of a coarser unit converts.
using duration = clock::duration;

/// A duration that never ends.
inline constexpr duration infinite = duration::max();

/// A number without a limit, such as of `acquire_options::max_attempts`.
inline constexpr unsigned unlimited = std::numeric_limits<unsigned>::max();

/// A field of options that has a value, or none and so inherits it. Converts from and to a `std::optional`.
///
/// It is one number, of which a value below all others stands for none. A `std::optional` is a value and a flag:
/// options of eight of them take 15 ns longer to copy, since the processor waits for a flag that has just been written
/// when it reads both at once (a failed store-to-load forwarding).
template <class T>
class inheritable
{
public:
    using value_type = T;

    constexpr inheritable() noexcept = default;
    constexpr inheritable(std::nullopt_t) noexcept {}
    constexpr inheritable(const std::optional<T>& value) noexcept : number_(value ? to_number(*value) : none) {}

    /// From a value, or from what converts to one, such as a duration of a coarser unit.
    template <class U>
        requires(!std::same_as<std::remove_cvref_t<U>, inheritable>)
                && std::convertible_to<U, T> && (!std::same_as<T, bool> || std::same_as<std::remove_cvref_t<U>, bool>)
    constexpr inheritable(U&& value) : number_(to_number(static_cast<T>(std::forward<U>(value))))
    {
    }

    [[nodiscard]] constexpr bool has_value() const noexcept { return number_ != none; }

    /// The value. There must be one.
    [[nodiscard]] constexpr T operator*() const noexcept
    {
        if constexpr (is_duration)
            return T(number_);
        else
            return static_cast<T>(number_);
    }

    [[nodiscard]] constexpr T value_or(T otherwise) const noexcept { return has_value() ? **this : otherwise; }

    constexpr operator std::optional<T>() const noexcept { return has_value() ? std::optional(**this) : std::nullopt; }

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

/// Every field that the options name takes the place of that of the same name.
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
/// A field that is not named inherits, everywhere in the same way: from what the acquire belongs to, and that from
/// what it belongs to. A recovery's options inherit from the run's, a run's from those of its `synchronized` object,
/// those and the options of every acquire from `manager_options::defaults`, and these from the values given here.
///
/// A negative duration, a `ttl` of zero or `max_attempts` of zero makes the acquire complete with
/// `errc::invalid_argument` and changes nothing.
struct acquire_options
{
    /// A strictly higher priority preempts the holder; an equal or lower one waits. Any int. By default 0, which is in
    /// the middle: work that may wait for all others has a negative one.
    inheritable<int> priority{};

    /// Whether it preempts a holder that it outranks. By default true. If false, the priority only orders: the acquire
    /// waits by it, and leaves the holder alone. The first in line decides: while such an acquire is the best one that
    /// waits, nobody behind it preempts either, since the lock would go to the first in line. With a limit of
    /// `max_attempts` the last is refused unless the lock is free. Once granted, the lock has its priority as any
    /// other: also that of a re-entrant acquire counts.
    inheritable<bool> preempt{};

    /// How long the lock is held at most, counted from the grant. By default infinite.
    /// A re-entrant acquire keeps the ttl of the first.
    inheritable<duration> ttl{};

    /// How long to wait for the lock, counted from the start of the acquire; then `errc::acquire_timeout`. By default
    /// infinite. Zero: granted now or never, and no holder is told to go; over Redis that takes the time of an answer.
    inheritable<duration> timeout{};

    /// How often to try before `errc::already_acquired`. By default `unlimited`. 1: once; a try that outranks the
    /// holder preempts it and waits for that one hand-shake. n > 1: the n tries are 1, 2, 4 ... 128, 128 ... ms apart,
    /// counted from the start of the acquire, and a hand-over that comes earlier wins.
    inheritable<unsigned> max_attempts{};

    /// How long the holder of this lock may go on to clean up after it was told of a preemption, counted from that
    /// notice. By default a second. Zero: the preempting locker follows as soon as the notice has been handled. The
    /// lock of a re-entrant locker has the longest grace of its handles. That of `async_with_lock` and `async_run`,
    /// which cancel the work and let it unwind, is infinite, whatever this says.
    inheritable<duration> grace{};

    /// Renews a finite `ttl` by itself, each time a third of it has passed, for as long as a handle of the lock lives:
    /// the ttl then bounds how long the resource is lost to a process that stopped, and not how long work may take.
    /// By default false. `lock::expires_at()` is the end as it stands. Renewal goes on during the grace of a
    /// preemption, and ends with it. A lock whose end has passed is not brought back.
    ///
    /// With a protocol each renewal is a request to the store. One that fails is repeated until the lock's end; then,
    /// or when the store has given the lock away, it ends with `errc::lost`.
    ///
    /// It belongs to the ttl: that of a re-entrant acquire has no effect, nor does it with an infinite one. The timer
    /// of a lock that is renewed keeps its execution context running.
    inheritable<bool> auto_extend{};

    /// How long a lock is renewed by `auto_extend` at most, counted from the grant, so that a holder that is stuck ends
    /// too: with `errc::expired`. By default infinite. Bounds `lock::async_extend` as well. Without `auto_extend` it
    /// has no effect; with it, one that is shorter than the `ttl` is `errc::invalid_argument`.
    inheritable<duration> max_hold{};

    /// These options, and those of `base` where these name none.
    [[nodiscard]] constexpr acquire_options over(const acquire_options& base) const noexcept
    {
        acquire_options both = base;
        detail::override_by(both, *this);
        return both;
    }
};

} // namespace priority_redlock

#endif
