// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_HOLD_REF_HPP
#define PRIORITY_REDLOCK_DETAIL_HOLD_REF_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/lock_domain.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <utility>

namespace priority_redlock::detail {

/// Owns the reference that a handle has, from the grant on: a grant that is not delivered is undone.
class hold_ref
{
public:
    hold_ref() = default;
    explicit hold_ref(hold* h) noexcept : hold_(h) {}
    hold_ref(hold_ref&& other) noexcept : hold_(std::exchange(other.hold_, nullptr)) {}
    hold_ref& operator=(hold_ref&& other) noexcept
    {
        hold_ref(std::move(other)).swap(*this);
        return *this;
    }
    ~hold_ref()
    {
        if (hold_)
            hold_->domain->drop(*hold_);
    }

    void swap(hold_ref& other) noexcept { std::swap(hold_, other.hold_); }
    [[nodiscard]] hold* get() const noexcept { return hold_; }
    [[nodiscard]] hold* operator->() const noexcept { return hold_; }
    [[nodiscard]] explicit operator bool() const noexcept { return hold_ != nullptr; }

private:
    hold* hold_ = nullptr;
};

/// Owns the reference of a delivery: until it goes, the completion of the grant counts as one that has not run (P3).
class delivery_ref
{
public:
    explicit delivery_ref(hold* h) noexcept : hold_(h) {}
    delivery_ref(delivery_ref&& other) noexcept : hold_(std::exchange(other.hold_, nullptr)) {}
    delivery_ref& operator=(delivery_ref&&) = delete;
    ~delivery_ref()
    {
        if (hold_)
            hold_->domain->delivered(*hold_);
    }

private:
    hold* hold_;
};

/// Keeps a hold readable, without keeping it held: for operations that are started later than they were named.
class hold_pin
{
public:
    hold_pin() = default;
    explicit hold_pin(hold* h) noexcept : hold_(h)
    {
        if (hold_)
            hold_->domain->reference(*hold_);
    }
    hold_pin(const hold_pin& other) noexcept : hold_pin(other.hold_) {}
    hold_pin(hold_pin&& other) noexcept : hold_(std::exchange(other.hold_, nullptr)) {}
    hold_pin& operator=(hold_pin other) noexcept
    {
        std::swap(hold_, other.hold_);
        return *this;
    }
    ~hold_pin()
    {
        if (hold_)
            hold_->domain->unreference(*hold_);
    }

    [[nodiscard]] hold* get() const noexcept { return hold_; }

    /// The default executor of operations on this hold.
    [[nodiscard]] PRIORITY_REDLOCK_DECL boost::asio::any_io_executor executor() const;

private:
    hold* hold_ = nullptr;
};

} // namespace priority_redlock::detail

#endif
