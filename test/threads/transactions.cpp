// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/combine.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/synchronized.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // g++ 12 mistakes the frames of Asio's coroutines
#endif

// Transactions on a thread pool, with the real clock.

namespace {

namespace asio = boost::asio;
namespace redlock = priority_redlock;
using namespace std::chrono_literals;
using redlock::error_code;
using redlock::recovery;
using redlock::synchronized;
using redlock::transaction_context;

/// What the lock protects: plain members, whose use by two at a time ThreadSanitizer sees.
struct protected_object
{
    std::atomic<int> inside = 0;
    long changes = 0;
};

struct totals
{
    std::atomic<long> overlaps = 0, unexpected = 0, started = 0, ended = 0;
    std::atomic<unsigned> asked = 0;
    std::atomic<long> results = 0, resumed = 0, restarted = 0, replaced = 0, rejected = 0, cancelled = 0;

    /// Whether everything has happened that the test is about.
    [[nodiscard]] bool has_seen_all() const
    {
        return results > 10 && resumed > 0 && restarted > 0 && replaced > 0 && rejected > 0 && cancelled > 0;
    }
};

/// Alone from here until it is left, over several steps.
class visit
{
public:
    visit(protected_object& object, totals& count) : object_(object), count_(count)
    {
        if (object_.inside.fetch_add(1, std::memory_order_relaxed) != 0)
            ++count_.overlaps;
        ++object_.changes;
    }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit()
    {
        ++object_.changes;
        if (object_.inside.fetch_sub(1, std::memory_order_relaxed) != 1)
            ++count_.overlaps;
    }

private:
    protected_object& object_;
    totals& count_;
};

struct work
{
    totals& count;
    unsigned seed;

    asio::awaitable<int> operator()(protected_object& object, transaction_context& context) const
    {
        std::mt19937 random(seed);
        long locals = 0; // belongs to the coroutine: strands keep it to one thread at a time
        asio::steady_timer timer(context.get_executor());
        for (int step = 0; step < 3; ++step) {
            const auto one = [&]() -> asio::awaitable<void> {
                const visit here(object, count);
                ++locals;
                timer.expires_after(std::chrono::microseconds(random() % 100));
                co_await timer.async_wait(asio::deferred);
                ++locals;
            };
            co_await context.step(one);
        }
        co_return static_cast<int>(locals);
    }
};

/// Each kind in turn.
recovery<int, protected_object> choose(totals& count)
{
    switch (++count.asked % 4) {
    case 0: ++count.resumed; return redlock::resume({.priority = 5});
    case 1: ++count.restarted; return redlock::restart();
    case 2: ++count.replaced; return redlock::replace(work{count, 7});
    default: ++count.rejected; return redlock::reject();
    }
}

BOOST_AUTO_TEST_SUITE(transaction_threads, *boost::unit_test::timeout(240))

BOOST_AUTO_TEST_CASE(nobody_overlaps_on_a_thread_pool)
{
    constexpr int chains = 12, rounds = 40, most_rounds = 5000; // on a loaded machine threads meet rarely
    asio::thread_pool pool(4);
    redlock::lock_manager manager(pool);
    protected_object object;
    totals count;

    struct chain : std::enable_shared_from_this<chain>
    {
        chain(redlock::lock_manager& m, protected_object& o, totals& t, unsigned s, asio::thread_pool& p)
            : count(t), seed(s), where(asio::make_strand(p)), timer(where),
              by(m, "object", o, {.priority = static_cast<int>(s % 4)})
        {
        }

        void next(int left)
        {
            if (left == 0 || (left <= most_rounds - rounds && count.has_seen_all()))
                return;
            ++count.started;
            signal = std::make_unique<asio::cancellation_signal>();
            auto done = [self = shared_from_this(), left](std::exception_ptr e, int result) {
                self->timer.cancel();
                self->finish(e, result);
                asio::post(self->where, [self, left] { self->next(left - 1); });
            };
            const unsigned kind = static_cast<unsigned>(left) % 3;
            auto token = asio::bind_cancellation_slot(signal->slot(), asio::bind_executor(where, std::move(done)));
            const auto quick = [self = shared_from_this()](error_code) { return choose(self->count); };
            const auto slow = [self =
                                   shared_from_this()](error_code) -> asio::awaitable<recovery<int, protected_object>> {
                co_await asio::post(asio::deferred);
                co_return choose(self->count);
            };
            if (kind == 0)
                by.async_run(work{count, seed}, redlock::always_resume, std::move(token));
            else if (kind == 1)
                by.async_run(work{count, seed}, quick, std::move(token));
            else
                by.async_run(work{count, seed}, slow, std::move(token));
            if (left % 5 == 0) {
                timer.expires_after(std::chrono::microseconds(seed * 37 % 400));
                timer.async_wait([self = shared_from_this()](error_code ec) {
                    if (!ec)
                        self->signal->emit(asio::cancellation_type::total);
                });
            }
        }

        void finish(const std::exception_ptr& e, int result)
        {
            ++count.ended;
            if (!e) {
                ++count.results;
                if (result != 6)
                    ++count.unexpected;
                return;
            }
            try {
                std::rethrow_exception(e);
            } catch (const boost::system::system_error& error) {
                if (error.code() == asio::error::operation_aborted)
                    ++count.cancelled;
                else if (error.code() != redlock::errc::preempted)
                    ++count.unexpected;
            } catch (...) {
                ++count.unexpected;
            }
        }

        totals& count;
        unsigned seed;
        asio::strand<asio::thread_pool::executor_type> where;
        asio::steady_timer timer;
        std::unique_ptr<asio::cancellation_signal> signal;
        synchronized<protected_object> by;
    };

    for (unsigned i = 0; i < chains; ++i) {
        const auto c = std::make_shared<chain>(manager, object, count, i, pool);
        asio::post(c->where, [c] { c->next(most_rounds); });
    }
    pool.join();

    BOOST_TEST(count.ended == count.started);
    BOOST_TEST(count.ended >= chains * rounds);
    BOOST_TEST(count.overlaps == 0);
    BOOST_TEST(count.unexpected == 0);
    BOOST_TEST(object.inside == 0);
    // Without these the test would have shown nothing.
    BOOST_TEST(count.results > 10);
    BOOST_TEST(count.resumed > 0, "nothing was resumed");
    BOOST_TEST(count.restarted > 0, "nothing was restarted");
    BOOST_TEST(count.replaced > 0, "nothing was replaced");
    BOOST_TEST(count.rejected > 0, "nothing was rejected");
    BOOST_TEST(count.cancelled > 0, "nothing was cancelled");
}

// Handlers without an executor, on a bare pool: the library's strands are all there is.
BOOST_AUTO_TEST_CASE(runs_without_executors_on_a_thread_pool)
{
    asio::thread_pool pool(4);
    redlock::lock_manager manager(pool);
    protected_object first, second;
    totals count;
    std::atomic<long> ended = 0;
    long started = 0;
    for (unsigned i = 0; i < 60; ++i) {
        const synchronized a(manager, "first", first, {.priority = static_cast<int>(i % 5)});
        const synchronized b(manager, "second", second, {.priority = static_cast<int>(i % 3)});
        const auto done = [&](std::exception_ptr e, int) {
            count.unexpected += e ? 1 : 0;
            ++ended;
        };
        const auto on_both = [&count, i](protected_object& x, protected_object& y,
                                         transaction_context& context) -> asio::awaitable<int> {
            const work on_one{count, i};
            const visit here(y, count);
            co_return co_await on_one(x, context);
        };
        started += 3;
        a.async_run(work{count, i}, redlock::always_resume, done);
        a.async_run(work{count, i + 1}, redlock::always_restart, done);
        redlock::combine(b, a).async_run(on_both, redlock::always_restart, done);
    }
    pool.join();
    BOOST_TEST(ended == started);
    BOOST_TEST(count.overlaps == 0);
    BOOST_TEST(count.unexpected == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
