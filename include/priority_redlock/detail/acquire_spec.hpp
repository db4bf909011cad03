// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_ACQUIRE_SPEC_HPP
#define PRIORITY_REDLOCK_DETAIL_ACQUIRE_SPEC_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/acquire_settings.hpp>
#include <priority_redlock/detail/initiate_acquire_all.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/lock_request.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock {

template <class Executor>
class basic_lock_manager;

namespace detail {

/// Refers to a manager without its type.
class any_manager
{
public:
    using executor_type = asio::any_io_executor;

    template <class Executor>
    explicit any_manager(const basic_lock_manager<Executor>& manager) noexcept
        : manager_(&manager), functions_(&functions_of<basic_lock_manager<Executor>>)
    {
    }

    [[nodiscard]] executor_type get_executor() const { return functions_->get_executor(manager_); }

    [[nodiscard]] const std::shared_ptr<manager_backend>& backend() const { return functions_->backend(manager_); }
    [[nodiscard]] const acquire_settings& defaults() const { return functions_->defaults(manager_); }

    friend bool operator==(const any_manager& a, const any_manager& b) noexcept { return a.manager_ == b.manager_; }

private:
    struct function_table
    {
        executor_type (*get_executor)(const void* manager);
        const std::shared_ptr<manager_backend>& (*backend)(const void* manager);
        const acquire_settings& (*defaults)(const void* manager);
    };

    template <class Manager>
    static constexpr function_table functions_of = {
        [](const void* m) -> executor_type { return static_cast<const Manager*>(m)->get_executor(); },
        [](const void* m) -> auto& { return access::backend(*static_cast<const Manager*>(m)); },
        [](const void* m) -> auto& { return access::defaults(*static_cast<const Manager*>(m)); },
    };

    const void* manager_;
    const function_table* functions_;
};

/// What a `synchronized` object acquires, and how. Shared by its runs and never changed.
struct acquire_spec
{
    any_manager manager;
    std::vector<lock_request> parts;
    std::string locker; // empty: each run is a locker of its own

    /// Acquires with these options over those of the parts.
    template <class Handler>
    void acquire(Handler&& handler, const acquire_options& options, bool limits_grace = true) const
    {
        std::vector<lock_request> requests = parts;
        for (lock_request& each : requests) {
            each.options = options.over(each.options);
            if (!limits_grace)
                each.options = without_grace_limit(each.options);
        }
        if (locker.empty())
            acquire_as(std::forward<Handler>(handler), fresh_locker(), std::move(requests));
        else
            acquire_as(std::forward<Handler>(handler), locker, std::move(requests));
    }

private:
    template <class Handler, class Locker>
    void acquire_as(Handler&& handler, const Locker& id, std::vector<lock_request> requests) const
    {
        if (requests.size() == 1)
            initiate_acquire<any_manager>{&manager}(std::forward<Handler>(handler), requests.front().resource, id,
                                                    requests.front().options);
        else
            initiate_acquire_all<any_manager>{&manager}(std::forward<Handler>(handler), id, std::move(requests),
                                                        infinite);
    }
};

} // namespace detail
} // namespace priority_redlock

#endif
