// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/counting_allocator.hpp"
#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

// I5: user code may call back from everywhere.

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(invariants, *boost::unit_test::timeout(60))

/// What user code might do at any moment.
class meddler
{
public:
    explicit meddler(test::locks& fixture) : f(fixture), other(f.get("other", "meddler", {.ttl = 1h})) {}

    void operator()()
    {
        if (calls == 500 || std::exchange(busy, true)) // its own operations may lead here again
            return;
        ++calls;
        f.manager->async_snapshot([](error_code, redlock::snapshot) {});
        f.manager->async_acquire("third", "meddler", {.ttl = 1h}, [](error_code, lock) {});
        other.async_extend(1h, [](error_code) {});
        other.async_wait([](error_code) {});
        other.release();
        f.manager->async_acquire("other", "meddler", {.ttl = 1h},
                                 [this](error_code, lock lk) { other = std::move(lk); });
        busy = false;
    }

    test::locks& f;
    lock other;
    int calls = 0;
    bool busy = false;
};

/// A handler whose destructor, when it was not moved from, is user code as well.
template <class F>
class with_destructor
{
public:
    with_destructor(F f, meddler& m) : f_(std::move(f)), m_(&m) {}
    with_destructor(with_destructor&& other) noexcept : f_(std::move(other.f_)), m_(std::exchange(other.m_, nullptr)) {}
    with_destructor& operator=(with_destructor&&) = delete;
    ~with_destructor()
    {
        if (m_)
            (*m_)();
    }

    template <class... Args>
    void operator()(Args&&... args)
    {
        if (m_)
            (*m_)();
        f_(std::forward<Args>(args)...);
    }

private:
    F f_;
    meddler* m_;
};

/// Takes a lock through its life with handlers that are made by wrap().
template <class Wrap>
void meddle_everywhere(test::locks& f, meddler& m, Wrap wrap)
{
    for (int how = 0; how < 4; ++how) {
        acquired low, high, queued, refused;
        completion told, again, extended, released;
        asio::cancellation_signal signal;
        f.manager->async_acquire("r", "low", {.ttl = 10s}, wrap(record(low)));
        f.poll();
        asio::steady_timer timer(f.context, 1h);
        completion guarded;
        low.lk.async_wait(wrap(record(told)));
        timer.async_wait(low.lk.guard(wrap(record(guarded))));
        low.lk.async_extend(10s, wrap(record(extended)));
        f.manager->async_acquire("r", "queued", {}, asio::bind_cancellation_slot(signal.slot(), wrap(record(queued))));
        f.manager->async_acquire("r", "refused", {.timeout = 1s}, wrap(record(refused)));
        f.advance(1s);
        CHECK_COMPLETED(refused, errc::acquire_timeout);
        if (how == 0) {
            f.manager->async_acquire("r", "high", {.priority = 1, .ttl = 1s}, wrap(record(high)));
            f.poll();
            low.lk.async_release(wrap(record(released)));
        } else if (how == 1) {
            low.lk.release();
        } else if (how == 2) {
            signal.emit(asio::cancellation_type::all);
            f.advance(10s);
        } else {
            f.manager->cancel();
            low.lk = lock();
        }
        f.advance(10s);
        BOOST_TEST(told.calls == 1);
        BOOST_TEST(guarded.calls == 1);
        BOOST_TEST(queued.calls == 1);
        BOOST_TEST(extended.calls == 1);
    }
    f.poll();
    BOOST_TEST(m.calls > 10);
}

MANAGER_TEST_CASE(I5_handlers_and_their_destructors_may_call_back)
{
    meddler m(f);
    meddle_everywhere(f, m, [&](auto handler) { return with_destructor(std::move(handler), m); });
}

MANAGER_TEST_CASE(I5_handlers_on_an_immediate_executor_may_call_back)
{
    meddler m(f);
    int calls = 0;
    meddle_everywhere(f, m, [&](auto handler) {
        return asio::bind_immediate_executor(inline_executor(calls), with_destructor(std::move(handler), m));
    });
    BOOST_TEST(calls > 0);
}

MANAGER_TEST_CASE(I5_allocators_may_call_back)
{
    meddler m(f);
    allocation_counts counts;
    counts.on_call = [&] { m(); };
    meddle_everywhere(
        f, m, [&](auto handler) { return asio::bind_allocator(counting_allocator<>(counts), std::move(handler)); });
    BOOST_TEST(counts.live == 0);
}

MANAGER_TEST_CASE(I5_executors_may_call_back)
{
    meddler m(f);
    tracker mine;
    mine.on_execute = [&] { m(); };
    meddle_everywhere(f, m,
                      [&](auto handler) { return asio::bind_executor(track(f.context, mine), std::move(handler)); });
}

BOOST_AUTO_TEST_CASE(I5_the_managers_executor_may_call_back)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        tracker of_manager;
        test::locks f(kind);
        f.manager = make_manager(track(f.context, of_manager), kind);
        meddler m(f);
        of_manager.on_execute = [&] { m(); };
        meddle_everywhere(f, m, [](auto handler) { return handler; });
        of_manager.on_execute = nullptr;
        f.manager.reset();
    }
}

MANAGER_TEST_CASE(I5_handlers_that_die_undelivered_may_call_back)
{
    meddler m(f);
    lock lk = f.get("r", "a");
    {
        asio::io_context home;
        const auto doomed = [&] {
            return asio::bind_executor(home, with_destructor([](auto&&...) { BOOST_ERROR("called"); }, m));
        };
        lk.async_wait(doomed());
        f.manager->async_acquire("r", "b", {}, doomed());
        f.manager->async_acquire("s", "b", {}, doomed());
        f.poll();
        lk.release();
    }
    BOOST_TEST(m.calls > 0);
    f.poll();
    lock r = f.get("r", "c"), s = f.get("s", "c");
}

BOOST_AUTO_TEST_CASE(I5_T35_handlers_that_die_with_the_context_may_release)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded}) {
        lock kept;
        auto context = std::make_unique<asio::io_context>();
        auto manager = std::make_unique<lock_manager>(make_manager(context->get_executor(), kind));
        manager->async_acquire("r", "a", {.ttl = 1h}, [&](error_code, lock lk) { kept = std::move(lk); });
        poll(*context);
        const auto releases = [&kept] {
            return std::shared_ptr<void>(nullptr, [&kept](void*) {
                kept.release();
                static_cast<void>(kept.is_held());
            });
        };
        kept.async_wait([r = releases()](error_code) {});
        auto timer = std::make_shared<asio::steady_timer>(*context, 1h);
        timer->async_wait(kept.guard([r = releases(), timer](error_code) {}));
        timer.reset();
        manager->async_acquire("r", "b", {}, [r = releases()](error_code, lock) {});
        manager.reset();
        context.reset();
    }
}

/// Calls user code and then drops what it was given.
struct dropping_executor
{
    std::function<void()>* before;

    template <class F>
    void execute(F&& function) const
    {
        auto dropped = std::forward<F>(function);
        (*before)();
    }
    [[nodiscard]] asio::execution_context& query(asio::execution::context_t) const noexcept
    {
        return asio::query(asio::system_executor(), asio::execution::context);
    }
    [[nodiscard]] static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept
    {
        return asio::execution::blocking.never;
    }
    [[nodiscard]] dropping_executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
    bool operator==(const dropping_executor&) const noexcept = default;
};

// An executor that drops what it is given, after it let the context run: by then nothing may be left of the locks, and
// the library is still in the middle of telling.
MANAGER_TEST_CASE(I5_an_executor_may_run_the_context_and_drop_the_last_handler)
{
    int drops = 0;
    std::function<void()> run_context = [&] {
        ++drops;
        f.advance(24h); // the timer's handler goes, and with it what it keeps alive
        f.advance(24h);
        f.advance(24h);
    };
    auto lk = std::make_unique<lock>(f.get("r", "a", {.ttl = 1h}));
    lk->async_wait(
        asio::bind_executor(dropping_executor{&run_context}, at_most_once([](error_code) { BOOST_ERROR("called"); })));
    f.manager.reset();
    lk.reset();
    BOOST_TEST(drops == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
