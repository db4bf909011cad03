// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_TRACKER_EXECUTOR_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_TRACKER_EXECUTOR_HPP

#include "common/user_code.hpp"

#include <boost/asio/execution/executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace test {

/// What a tracker_executor and its copies know: whether the running code was submitted to them.
struct tracker
{
    int executed = 0;
    std::function<void()> on_execute; // user code inside the executor's execute()

    static inline thread_local const tracker* current = nullptr; // whose function runs on this thread

    [[nodiscard]] bool runs_here() const noexcept { return current == this; }
};

/// An executor that passes everything on to another one, and marks the functions that came through it.
template <class Inner>
class tracker_executor
{
public:
    tracker_executor(Inner inner, tracker& t) noexcept : inner_(std::move(inner)), tracker_(&t) {}

    template <class Property>
        requires boost::asio::can_query_v<const Inner&, Property>
    decltype(auto) query(const Property& p) const noexcept
    {
        return boost::asio::query(inner_, p);
    }

    template <class Property>
        requires boost::asio::can_require_v<const Inner&, Property>
    auto require(const Property& p) const noexcept
    {
        auto inner = boost::asio::require(inner_, p);
        return tracker_executor<decltype(inner)>(std::move(inner), *tracker_);
    }

    template <class Function>
    void execute(Function&& f) const
    {
        user_code::check();
        if (tracker_->on_execute)
            tracker_->on_execute();
        ++tracker_->executed;
        inner_.execute([t = tracker_, f = std::forward<Function>(f)]() mutable {
            const mark m(*t);
            std::move(f)();
        });
    }

    friend bool operator==(const tracker_executor& a, const tracker_executor& b) noexcept
    {
        return a.tracker_ == b.tracker_ && a.inner_ == b.inner_;
    }
    friend bool operator!=(const tracker_executor& a, const tracker_executor& b) noexcept { return !(a == b); }

private:
    class mark
    {
    public:
        explicit mark(const tracker& t) noexcept : before_(std::exchange(tracker::current, &t)) {}
        mark(const mark&) = delete;
        mark& operator=(const mark&) = delete;
        ~mark() { tracker::current = before_; }

    private:
        const tracker* before_;
    };

    [[no_unique_address]] user_code code_;
    Inner inner_;
    tracker* tracker_;
};

[[nodiscard]] inline tracker_executor<boost::asio::io_context::executor_type> track(boost::asio::io_context& context,
                                                                                    tracker& t) noexcept
{
    return {context.get_executor(), t};
}

/// Calls what it is given at once, as an immediate executor may, and counts.
class inline_executor
{
public:
    explicit inline_executor(int& calls) noexcept : calls_(&calls) {}

    template <class Function>
    void execute(Function&& f) const
    {
        ++*calls_;
        std::decay_t<Function>(std::forward<Function>(f))();
    }

    friend bool operator==(const inline_executor& a, const inline_executor& b) noexcept { return a.calls_ == b.calls_; }
    friend bool operator!=(const inline_executor& a, const inline_executor& b) noexcept { return !(a == b); }

private:
    int* calls_;
};

} // namespace test

#endif
