// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_ACQUIRE_ALL_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_ACQUIRE_ALL_HPP

#include <priority_redlock/detail/acquire_op.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/acquire_settings.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/lock_request.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

/// Stands in for a manager's backend at the start of one acquire of several resources: to the operation that waits, the
/// whole is one hold. `request` carries the locker only.
class PRIORITY_REDLOCK_DECL composite_backend final : public manager_backend
{
public:
    composite_backend(std::shared_ptr<manager_backend> parts, std::vector<part_request> requests, duration timeout);
    composite_backend(const composite_backend&) = delete;
    composite_backend& operator=(const composite_backend&) = delete;
    ~composite_backend() override;

    acquire_outcome acquire(acquire_request& request, acquire_operation* op) override;

    // Only a manager does the rest.

    void announce(acquire_request& request) noexcept override;
    void cancel() noexcept override;
    void close() noexcept override;
    [[nodiscard]] time_point now() const noexcept override;
    [[nodiscard]] bool answers_at_once() const noexcept override;
    [[nodiscard]] std::unique_ptr<snapshot_walk> begin_snapshot() const override;
    [[nodiscard]] metrics take_metrics() const override;

private:
    std::shared_ptr<manager_backend> parts_;
    std::vector<part_request> requests_;
    duration timeout_;
};

template <class Manager>
class initiate_acquire_all : public manager_initiation<Manager>
{
public:
    using manager_initiation<Manager>::manager_initiation;

    template <class Handler, class Locker>
    void operator()(Handler&& handler, const Locker& locker, std::vector<lock_request> requests, duration timeout) const
    {
        acquire_request request;
        if constexpr (std::is_same_v<Locker, fresh_locker>)
            request.anonymous = true;
        else
            request.locker = as_name(locker);
        std::vector<part_request> parts;
        parts.reserve(requests.size());
        for (lock_request& each : requests)
            parts.push_back({std::move(each.resource), this->resolve(each.options)});
        composite_backend all(this->backend(), std::move(parts), timeout);
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        start_acquire(own, this->executor(), all, request);
    }
};

} // namespace priority_redlock::detail

#endif
