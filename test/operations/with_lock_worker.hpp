// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_OPERATIONS_WITH_LOCK_WORKER_HPP
#define PRIORITY_REDLOCK_TEST_OPERATIONS_WITH_LOCK_WORKER_HPP

#include "common/locks.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

namespace test {

using task = asio::awaitable<void>;
inline constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

/// Records the end of work whose result, if it has one, does not matter.
inline auto note(completion& c)
{
    return once([&c](const auto& e, auto&&...) {
        if constexpr (std::is_same_v<std::decay_t<decltype(e)>, error_code>)
            c.note(e);
        else
            c.note(code_of(e));
    });
}

/// Work that goes on until it is cancelled, and says what it saw.
struct worker
{
    explicit worker(asio::io_context& context) : timer(context, 1h) {}

    task operator()(lock& lk)
    {
        ++started;
        held = &lk;
        auto [ec] = co_await timer.async_wait(tuple);
        why = ec;
        state = lk.state();
        if (ec)
            throw boost::system::system_error(ec);
    }

    /// As a coroutine and as a deferred operation.
    [[nodiscard]] auto coroutine()
    {
        return [this](lock& lk) { return (*this)(lk); };
    }
    [[nodiscard]] auto operation()
    {
        return [this](lock& lk) {
            ++started;
            held = &lk;
            return timer.async_wait(asio::deferred);
        };
    }

    asio::steady_timer timer;
    lock* held = nullptr;
    int started = 0;
    error_code why;
    lock_state state = lock_state::empty;
};

/// Whether that resource is the only one that is not free.
inline bool is_vacant_but(locks& f, std::string_view resource)
{
    const auto all = f.snapshot().resources;
    return all.size() == 1 && all.front().resource == resource;
}

/// Calls check(worker, fn) for both forms.
template <class Check>
void for_both_forms(locks& f, Check check)
{
    BOOST_TEST_CONTEXT("coroutine")
    {
        worker w(f.context);
        check(w, w.coroutine());
    }
    BOOST_TEST_CONTEXT("deferred operation")
    {
        worker w(f.context);
        check(w, w.operation());
    }
}

} // namespace test

#endif
