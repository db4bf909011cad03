// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_VIRTUAL_TIME_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_VIRTUAL_TIME_HPP

// The time of a world. It passes when the world says so, and is the steady clock of all processes at once. The timers
// of a process are kept where the world can see when the next one is due. So nothing has to be polled, and a process
// whose timers are late is one whose world wants it so.

#include "manager/surroundings.hpp"

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace simulation {

namespace asio = boost::asio;

using priority_redlock::duration;
using priority_redlock::error_code;
using priority_redlock::detail::never;
using priority_redlock::detail::time_point;

struct virtual_clock
{
    using duration = simulation::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = simulation::time_point;
    static constexpr bool is_steady = true;

    [[nodiscard]] static time_point now() noexcept { return present; }

    inline static time_point present;
};

/// What a process is told of its machine.
struct machine
{
    duration system_time_offset{}; // of its system's clock to the steady one
    std::uint64_t next_identity = 1;

    /// That on which something runs at the moment.
    inline static machine* here = nullptr;
};

/// The timers of a process.
class timer_queue final : public asio::execution_context::service
{
public:
    static inline asio::execution_context::id id;

    using handler = asio::any_completion_handler<void(error_code)>;
    using key = std::pair<time_point, std::uint64_t>;

    explicit timer_queue(asio::execution_context& context) : service(context) {}

    [[nodiscard]] key add(time_point when, const asio::any_io_executor& ex, handler h)
    {
        const key k(when, ++last_);
        waits_.emplace(k, wait{asio::make_work_guard(ex), std::move(h)});
        return k;
    }

    bool cancel(const key& k)
    {
        const auto it = waits_.find(k);
        if (it == waits_.end())
            return false;
        complete(it, asio::error::operation_aborted);
        return true;
    }

    [[nodiscard]] time_point next() const noexcept { return waits_.empty() ? never : waits_.begin()->first.first; }

    /// Posts what is due.
    void ring(time_point now)
    {
        while (!waits_.empty() && waits_.begin()->first.first <= now)
            complete(waits_.begin(), {});
    }

private:
    struct wait
    {
        asio::executor_work_guard<asio::any_io_executor> work;
        handler on_end;
    };

    void complete(std::map<key, wait>::iterator it, error_code result)
    {
        wait w = std::move(it->second);
        waits_.erase(it);
        asio::post(w.work.get_executor(), asio::append(std::move(w.on_end), result));
    }

    void shutdown() override
    {
        const auto gone = std::exchange(waits_, {}); // handlers own timers
    }

    std::map<key, wait> waits_;
    std::uint64_t last_ = 0;
};

} // namespace simulation

template <>
struct priority_redlock::detail::surroundings<simulation::virtual_clock>
{
    [[nodiscard]] static duration system_time() noexcept
    {
        return simulation::virtual_clock::now().time_since_epoch() + simulation::machine::here->system_time_offset;
    }

    [[nodiscard]] static std::uint64_t random_number() { return simulation::machine::here->next_identity++; }
};

/// What a shard and a protocol need of a timer.
template <>
class boost::asio::basic_waitable_timer<simulation::virtual_clock, boost::asio::wait_traits<simulation::virtual_clock>,
                                        boost::asio::any_io_executor>
{
public:
    using executor_type = any_io_executor;
    using clock_type = simulation::virtual_clock;
    using duration = clock_type::duration;
    using time_point = clock_type::time_point;

    explicit basic_waitable_timer(const any_io_executor& ex)
        : executor_(ex), queue_(use_service<simulation::timer_queue>(query(ex, execution::context)))
    {
    }

    basic_waitable_timer(const basic_waitable_timer&) = delete;
    basic_waitable_timer& operator=(const basic_waitable_timer&) = delete;

    ~basic_waitable_timer() { cancel(); }

    std::size_t cancel() { return queue_.cancel(wait_) ? 1 : 0; }

    std::size_t expires_at(time_point when)
    {
        const std::size_t cancelled = cancel();
        expiry_ = when;
        return cancelled;
    }

    /// One wait at a time.
    template <class Handler>
    void async_wait(Handler h)
    {
        wait_ = queue_.add(expiry_, executor_, std::move(h));
    }

private:
    executor_type executor_;
    simulation::timer_queue& queue_;
    simulation::timer_queue::key wait_{};
    time_point expiry_{};
};

namespace simulation {

using virtual_timer =
    asio::basic_waitable_timer<virtual_clock, asio::wait_traits<virtual_clock>, asio::any_io_executor>;

} // namespace simulation

#endif
