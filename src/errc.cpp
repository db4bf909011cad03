// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/errc.hpp>

#include <boost/system/errc.hpp>

namespace priority_redlock {

namespace {

const char* text_of(int value) noexcept
{
    switch (static_cast<errc>(value)) {
    case errc::acquire_timeout:
        return "the lock was not granted within acquire_options::timeout; try again or wait longer";
    case errc::already_acquired:
        return "another locker holds the resource and acquire_options::max_attempts are used up; try again later, allow "
               "more attempts or raise the priority";
    case errc::expired:
        return "the lock's ttl ran out before it was released; acquire it again, with a longer ttl or async_extend";
    case errc::lost: return "the protocol could not keep the lock; acquire it again";
    case errc::not_held: return "the lock is not held: it is empty, was released or has ended; acquire it first";
    case errc::invalid_argument:
        return "invalid argument: names must have 1 to 65536 bytes, a ttl and the number of attempts must be positive, and "
               "no duration may be negative";
    case errc::deadlock:
        return "waiting for the lock would close a cycle of lockers that wait for each other; release the held locks and "
               "start again";
    case errc::no_quorum:
        return "too few nodes of the lock service answer and may vote; check the nodes, and provision new ones";
    case errc::manager_closed: return "the lock manager was closed; use another one";
    case errc::preempted:
        return "a higher priority took the lock while work ran under it; run the work again, or raise its priority";
    case errc::queue_full:
        return "too many acquires already wait (manager_options::max_waiters_per_resource, max_waiters); try again later or "
               "raise the priority";
    }
    return "unknown error of priority_redlock";
}

bool in_condition(error_code code, condition c) noexcept
{
    if (code.category() != category())
        return false;
    const auto e = static_cast<errc>(code.value());
    const bool lost = e == errc::preempted || e == errc::expired || e == errc::lost;
    const bool busy = e == errc::acquire_timeout || e == errc::already_acquired || e == errc::queue_full;
    switch (c) {
    case condition::ended: return lost;
    case condition::busy: return busy;
    case condition::retryable: return lost || busy || e == errc::deadlock || e == errc::no_quorum;
    }
    return false;
}

class error_category final : public boost::system::error_category
{
public:
    constexpr error_category() noexcept : boost::system::error_category(0x7d1c54a06b1e93f2) {}

    const char* name() const noexcept override { return "priority_redlock"; }
    std::string message(int value) const override { return text_of(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return text_of(value); }

    /// A preemption is also what `operation_aborted` is, which other parts of it are told as.
    boost::system::error_condition default_error_condition(int value) const noexcept override
    {
        if (static_cast<errc>(value) == errc::preempted)
            return make_error_condition(boost::system::errc::operation_canceled);
        return {value, *this};
    }
};

class condition_category_type final : public boost::system::error_category
{
public:
    constexpr condition_category_type() noexcept : boost::system::error_category(0x2b8ef0947ac1d365) {}

    const char* name() const noexcept override { return "priority_redlock.condition"; }
    std::string message(int value) const override { return text(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return text(value); }
    bool equivalent(const error_code& code, int value) const noexcept override
    {
        return in_condition(code, static_cast<condition>(value));
    }

private:
    static const char* text(int value) noexcept
    {
        switch (static_cast<condition>(value)) {
        case condition::ended: return "a held lock has ended";
        case condition::busy: return "another locker has the resource";
        case condition::retryable: return "the same call may succeed later";
        }
        return "unknown condition of priority_redlock";
    }
};

constexpr error_category the_category;
constexpr condition_category_type the_condition_category;

} // namespace

const boost::system::error_category& category() noexcept
{
    return the_category;
}

const boost::system::error_category& condition_category() noexcept
{
    return the_condition_category;
}

} // namespace priority_redlock
