// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_LOCK_RECIPE_HPP
#define PRIORITY_REDLOCK_DETAIL_LOCK_RECIPE_HPP

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/lock_receiver.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/lock_request.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

namespace asio = boost::asio;

/// One resource of a `synchronized` object.
struct lock_part
{
    std::string resource;
    acquire_options options;
};

/// What a run asks its manager for. `options` go with `parts`. An empty locker id means a fresh one.
struct lock_order
{
    const std::vector<lock_part>& parts;
    const std::vector<acquire_options>& options;
    const std::string& locker;
};

/// Refers to a manager without its type.
class any_manager
{
public:
    template <class Executor>
    explicit any_manager(basic_lock_manager<Executor>& manager) noexcept
        : manager_(&manager), functions_(&functions_of<basic_lock_manager<Executor>>)
    {
    }

    [[nodiscard]] asio::any_io_executor get_executor() const { return functions_->get_executor(manager_); }

    void acquire(const lock_order& order, received_handler handler) const
    {
        functions_->acquire(manager_, order, std::move(handler));
    }

    friend bool operator==(const any_manager& a, const any_manager& b) noexcept { return a.manager_ == b.manager_; }

private:
    struct function_table
    {
        asio::any_io_executor (*get_executor)(void* manager);
        void (*acquire)(void* manager, const lock_order& order, received_handler handler);
    };

    template <class Manager>
    static void acquire_from(Manager& manager, const lock_order& order, received_handler handler)
    {
        if (order.parts.size() != 1) {
            std::vector<lock_request> requests;
            requests.reserve(order.parts.size());
            for (std::size_t i = 0; i < order.parts.size(); ++i)
                requests.push_back({order.parts[i].resource, order.options[i]});
            if (order.locker.empty())
                async_acquire_all(manager, std::move(requests), infinite, std::move(handler));
            else
                async_acquire_all(manager, order.locker, std::move(requests), infinite, std::move(handler));
            return;
        }
        const std::string& resource = order.parts.front().resource;
        if (order.locker.empty())
            manager.async_acquire(resource, order.options.front(), std::move(handler));
        else
            manager.async_acquire(resource, order.locker, order.options.front(), std::move(handler));
    }

    template <class Manager>
    static constexpr function_table functions_of = {
        [](void* m) -> asio::any_io_executor { return static_cast<Manager*>(m)->get_executor(); },
        [](void* m, const lock_order& order, received_handler handler) {
            acquire_from(*static_cast<Manager*>(m), order, std::move(handler));
        },
    };

    void* manager_;
    const function_table* functions_;
};

/// What a `synchronized` object locks, and how. Shared by its runs and never changed.
struct lock_recipe
{
    any_manager manager;
    std::vector<lock_part> parts;
    std::string locker; // empty: each run is a locker of its own
};

} // namespace priority_redlock::detail

#endif
