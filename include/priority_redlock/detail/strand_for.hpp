// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_STRAND_FOR_HPP
#define PRIORITY_REDLOCK_DETAIL_STRAND_FOR_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// A strand over an executor. Of the executor's own type where that is likely: then any_io_executor holds it without
/// allocating memory for each copy.
[[nodiscard]] PRIORITY_REDLOCK_DECL asio::any_io_executor make_strand(const asio::any_io_executor& ex);

/// An executor itself if it is a strand, else a strand over it.
[[nodiscard]] PRIORITY_REDLOCK_DECL asio::any_io_executor strand_over(const asio::any_io_executor& ex);

/// Whether an executor of a handler can carry I/O.
/// If not, what the library runs for that handler runs on the operation's.
template <class Executor>
inline constexpr bool carries_io = std::is_convertible_v<Executor, asio::any_io_executor> && !is_of_future<Executor>;

/// Where the library runs what it starts for a handler, so that it is never run, resumed or cancelled by two threads at
/// once: on the handler's executor if that is a strand, else on a strand over it.
template <class Handler, class IoExecutor>
[[nodiscard]] asio::any_io_executor strand_for(const Handler& handler, const IoExecutor& io_executor)
{
    if constexpr (carries_io<asio::associated_executor_t<Handler, IoExecutor>>)
        return strand_over(asio::get_associated_executor(handler, io_executor));
    else
        return strand_over(io_executor);
}

/// Put into the cancellation slot of a handler: calls `target.cancel(type)`, which is left to pass it on to its strand.
template <class Target>
class weak_canceller
{
public:
    explicit weak_canceller(std::weak_ptr<Target> target) noexcept : target_(std::move(target)) {}

    void operator()(asio::cancellation_type_t type) const
    {
        const auto target = target_.lock();
        if (target && type != asio::cancellation_type::none)
            target->cancel(type);
    }

private:
    std::weak_ptr<Target> target_;
};

/// Has the target cancelled through a slot, if anybody can signal that.
template <class Slot, class Target>
void cancel_through(Slot slot, const std::shared_ptr<Target>& target)
{
    if (slot.is_connected())
        slot.template emplace<weak_canceller<Target>>(target);
}

/// Clears a slot when an operation throws instead of starting: a `weak_canceller` keeps memory of the handler's
/// allocator.
template <class Slot>
class cleared_on_failure
{
public:
    explicit cleared_on_failure(const Slot& slot) noexcept : slot_(slot) {}
    cleared_on_failure(const cleared_on_failure&) = delete;
    cleared_on_failure& operator=(const cleared_on_failure&) = delete;
    ~cleared_on_failure()
    {
        if (std::uncaught_exceptions() > exceptions_ && slot_.is_connected())
            slot_.clear();
    }

private:
    Slot slot_; // not looked at if all went well: then it may be gone
    const int exceptions_ = std::uncaught_exceptions();
};

} // namespace priority_redlock::detail

#endif
