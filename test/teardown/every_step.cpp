// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/combine.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// I3: each scenario is stopped after every one of its steps, and its context destroyed with whatever is left. Under
// AddressSanitizer nothing may leak and nothing be used too late.

namespace {

using namespace test;

/// Where a scenario runs. What its handlers keep dies before, with, or after the context.
struct stage
{
    explicit stage(manager_kind kind, std::vector<lock>& outliving)
        : manager(std::make_unique<lock_manager>(make_manager(context.get_executor(), kind))), kept(outliving)
    {
    }

    asio::io_context other; // for handlers; destroyed last
    asio::io_context context;
    std::unique_ptr<lock_manager> manager;
    std::vector<lock>& kept;
    std::array<asio::cancellation_signal, 2> signals;

    auto keep()
    {
        return at_most_once([this](error_code ec, lock lk) {
            if (!ec)
                kept.push_back(std::move(lk));
        });
    }

    void acquire(const char* resource, const char* locker, const acquire_options& options = {})
    {
        manager->async_acquire(resource, locker, options, keep());
    }
};

using scenario = void (*)(stage&);

void queue(stage& s)
{
    s.acquire("r", "a");
    s.acquire("r", "b");
    s.acquire("r", "a"); // re-entrant
    s.acquire("q", "c", {.ttl = 2s});
    s.manager->async_acquire("r", "d", {}, at_most_once([](error_code, lock) {}));
    asio::post(s.context, [&s] {
        asio::post(s.context, [&s] {
            for (lock& lk : s.kept)
                lk.release();
        });
    });
}

void waits(stage& s)
{
    s.manager->async_acquire(
        "r", "a", {.ttl = 3s}, at_most_once([&s](error_code, lock lk) {
            lk.async_wait(at_most_once([](error_code) {}));
            lk.async_wait(asio::bind_cancellation_slot(s.signals[0].slot(), at_most_once([](error_code) {})));
            auto shared = std::make_shared<lock>(std::move(lk));
            shared->async_wait(at_most_once([shared](error_code) {}));
            asio::post(s.context, [&s] { s.signals[0].emit(asio::cancellation_type::all); });
        }));
}

void preemption(stage& s)
{
    s.manager->async_acquire("r", "low", {.grace = 2s}, at_most_once([&s](error_code, lock lk) {
                                 auto shared = std::make_shared<lock>(std::move(lk));
                                 shared->async_wait(at_most_once([&s, shared](error_code) {
                                     shared->async_release(at_most_once([](error_code) {}));
                                     s.acquire("r", "low"); // queues again
                                 }));
                                 s.acquire("r", "middle", {.priority = 1, .grace = 0s});
                                 s.acquire("r", "high", {.priority = 2, .ttl = 1s});
                             }));
    s.acquire("r", "early", {.priority = 1, .grace = 0s});
}

void preemption_in_flight(stage& s)
{
    for (int priority = 0; priority < 5; ++priority)
        s.manager->async_acquire("r", std::string(1, static_cast<char>('a' + priority)),
                                 {.priority = priority, .grace = priority % 2 * 1s}, s.keep());
}

void guarded(stage& s)
{
    s.manager->async_acquire("r", "a", {.grace = 1s}, at_most_once([&s](error_code, lock lk) {
                                 auto timer = std::make_shared<asio::steady_timer>(s.context, 1h);
                                 auto shared = std::make_shared<lock>(std::move(lk));
                                 timer->async_wait(shared->guard(at_most_once([timer, shared](error_code) {})));
                                 timer->async_wait(shared->guard(asio::bind_cancellation_slot(
                                     s.signals[0].slot(), at_most_once([timer](error_code) {}))));
                                 timer->async_wait(shared->guard(asio::bind_executor(asio::make_strand(s.context),
                                                                                     at_most_once([](error_code) {}))));
                                 s.acquire("r", "thief", {.priority = 1});
                             }));
}

void guarded_read(stage& s)
{
    struct connection
    {
        explicit connection(asio::io_context& context) : here(context), there(context)
        {
            asio::local::connect_pair(here, there);
        }
        asio::local::stream_protocol::socket here, there;
        std::array<char, 64> data{};
    };
    s.manager->async_acquire("r", "a", {.ttl = 2s}, at_most_once([&s](error_code, lock lk) {
                                 auto c = std::make_shared<connection>(s.context);
                                 asio::async_read(c->here, asio::buffer(c->data),
                                                  lk.guard(at_most_once([c](error_code, std::size_t) {})));
                                 s.kept.push_back(std::move(lk));
                             }));
}

void timeouts(stage& s)
{
    s.acquire("r", "a", {.ttl = 3s});
    s.acquire("r", "b", {.timeout = 1s});
    s.acquire("r", "c", {.timeout = 2s, .max_attempts = 3});
    s.acquire("r", "d", {.ttl = 1s, .timeout = 10s});
    s.acquire("r", "e", {.timeout = 0s});
    s.acquire("r", "", {});
}

void cancelled(stage& s)
{
    s.acquire("r", "a");
    s.manager->async_acquire("r", "b", {}, asio::bind_cancellation_slot(s.signals[0].slot(), s.keep()));
    s.manager->async_acquire("r", "c", {.timeout = 1s}, asio::bind_cancellation_slot(s.signals[1].slot(), s.keep()));
    s.acquire("r", "d");
    asio::post(s.context, [&s] {
        s.signals[0].emit(asio::cancellation_type::total);
        asio::post(s.context, [&s] {
            if (s.manager)
                s.manager->cancel();
        });
    });
}

void closed(stage& s)
{
    s.acquire("r", "a", {.ttl = 2s});
    s.acquire("r", "b");
    asio::post(s.context, [&s] {
        s.manager->close();
        s.acquire("r", "c");
        asio::post(s.context, [&s] { s.manager.reset(); });
    });
}

asio::awaitable<void> coroutine(stage& s, const char* locker, int priority)
{
    constexpr auto tuple = asio::as_tuple(asio::use_awaitable);
    for (int round = 0; round < 2 && s.manager; ++round) {
        auto [ec, lk] =
            co_await s.manager->async_acquire("r", locker, {.priority = priority, .ttl = 5s, .timeout = 4s}, tuple);
        if (ec)
            co_return;
        asio::steady_timer timer(s.context, redlock::clock::time_point::min());
        co_await timer.async_wait(lk.guard(tuple));
        timer.expires_after(1h);
        co_await timer.async_wait(lk.guard(tuple));
        co_await lk.async_release(tuple);
        co_await lk.async_wait(asio::as_tuple(asio::deferred));
    }
}

void coroutines(stage& s)
{
    asio::co_spawn(s.context, coroutine(s, "a", 0), asio::detached);
    asio::co_spawn(s.context, coroutine(s, "b", 1), asio::detached);
    asio::co_spawn(s.context, coroutine(s, "c", 2), asio::detached);
    auto unstarted = s.manager->async_acquire("r", "d", {}, asio::deferred);
    asio::post(s.context, [&s, op = std::move(unstarted)]() mutable { std::move(op)(s.keep()); });
}

/// Handlers that live on a context which is destroyed after that of the manager.
void elsewhere(stage& s)
{
    const auto bound = [&s] { return asio::bind_executor(s.other, at_most_once([](error_code, auto&&...) {})); };
    s.manager->async_acquire("r", "a", {.ttl = 3s}, at_most_once([bound, &s](error_code, lock lk) {
                                 lk.async_wait(bound());
                                 s.kept.push_back(std::move(lk));
                             }));
    s.manager->async_acquire("r", "b", {.priority = 1}, bound());
    s.manager->async_acquire("r", "c", {.priority = 2}, bound());
    s.manager->async_acquire("q", "d", {}, bound());
    const auto run_other = [&s] {
        s.other.restart();
        s.other.poll_one();
    };
    asio::post(s.context, run_other);
    auto timer = std::make_shared<asio::steady_timer>(s.context, redlock::clock::time_point::min());
    timer->async_wait([run_other, timer](error_code) { run_other(); });
}

/// A transaction whose run is cut off with everything that it has at that moment.
asio::awaitable<int> transaction(stage& s, redlock::transaction_context& context)
{
    const auto local = std::make_unique<int>(1);
    asio::steady_timer timer(context.get_executor());
    for (int i = 0; i < 2; ++i) {
        timer.expires_after(1ms);
        co_await context.step(asio::post(asio::deferred));
        co_await context.checkpoint();
        if (context.attempt() == 1)
            s.acquire("r", "thief", {.priority = 1, .ttl = 1s});
    }
    co_return *local;
}

auto end_of_run()
{
    return at_most_once([](std::exception_ptr, int) {});
}

void transaction_resumes(stage& s)
{
    const redlock::synchronized work(*s.manager, "r", s);
    work.async_run(transaction, redlock::always_resume, end_of_run());
    work.async_run(transaction, redlock::always_restart, end_of_run());
}

void transaction_is_replaced(stage& s)
{
    const redlock::synchronized work(*s.manager, "r", s, {.ttl = 3s});
    work.async_run(
        transaction,
        [kept = std::make_shared<int>(1)](error_code) -> asio::awaitable<redlock::recovery<int, stage>> {
            co_await asio::post(asio::deferred);
            if (*kept == 1)
                co_return redlock::replace(transaction);
            co_return redlock::reject();
        },
        end_of_run());
}

void transaction_is_cancelled(stage& s)
{
    const redlock::synchronized work(*s.manager, "r", s);
    const auto endless = [](stage&, redlock::transaction_context& context) -> asio::awaitable<int> {
        asio::steady_timer timer(context.get_executor(), 1h);
        co_await context.step(timer.async_wait(asio::deferred));
        co_return 0;
    };
    work.async_run(endless, redlock::always_restart, asio::bind_cancellation_slot(s.signals[0].slot(), end_of_run()));
    work.async_run(endless, asio::bind_cancellation_slot(s.signals[1].slot(), end_of_run()));
    asio::post(s.context, [&s] {
        s.signals[1].emit(asio::cancellation_type::total);
        s.acquire("r", "thief", {.priority = 1, .ttl = 1s});
        asio::post(s.context,
                   [&s] { asio::post(s.context, [&s] { s.signals[0].emit(asio::cancellation_type::all); }); });
    });
}

void transaction_of_two(stage& s)
{
    const redlock::synchronized first(*s.manager, "r", s);
    const redlock::synchronized second(*s.manager, "q", s.other);
    redlock::combine(first, second)
        .async_run(
            [](stage& a, asio::io_context&, redlock::transaction_context& context) { return transaction(a, context); },
            redlock::always_resume, end_of_run());
}

/// Its handler lives on a context that is destroyed after that of the manager.
void transaction_elsewhere(stage& s)
{
    const redlock::synchronized work(*s.manager, "r", s);
    work.async_run(transaction, redlock::always_resume, asio::bind_executor(s.other, end_of_run()));
    auto timer = std::make_shared<asio::steady_timer>(s.context);
    const auto run_other = [&s, timer](auto again, int rounds) -> void {
        s.other.restart();
        s.other.poll_one();
        if (rounds == 0)
            return;
        timer->expires_after(0s);
        timer->async_wait([again, rounds](error_code) { again(again, rounds - 1); });
    };
    asio::post(s.context, [run_other] { run_other(run_other, 12); });
}

/// Composites that wait, are granted, lose parts while they wait, and are preempted.
void composites(stage& s)
{
    s.acquire("c", "hurdle", {.ttl = 1s});
    redlock::async_acquire_all(*s.manager, "me", {{"a"}, {"b", {.ttl = 3s}}, {"c"}}, 10s, s.keep());
    redlock::async_acquire_all(*s.manager, {{"c"}, {"b"}, {"d"}}, redlock::infinite,
                               asio::bind_cancellation_slot(s.signals[0].slot(), s.keep()));
    redlock::async_acquire_all(*s.manager, {{"d"}, {"e"}}, redlock::infinite,
                               asio::bind_executor(s.other, at_most_once([](error_code, lock) {})));
    asio::post(s.context, [&s] {
        s.manager->async_acquire("b", "thief", {.priority = 1, .ttl = 1s}, at_most_once([](error_code, lock) {}));
        asio::post(s.context, [&s] { s.signals[0].emit(asio::cancellation_type::total); });
    });
}

void composite_ends(stage& s)
{
    redlock::async_acquire_all(*s.manager, {{"a"}, {"b"}, {"c", {.ttl = 3s}}}, redlock::infinite,
                               at_most_once([&s](error_code, lock lk) {
                                   auto shared = std::make_shared<lock>(std::move(lk));
                                   auto timer = std::make_shared<asio::steady_timer>(s.context, 1h);
                                   shared->async_wait(at_most_once([&s, shared](error_code) {
                                       s.acquire("a", "again");
                                       shared->async_release(at_most_once([](error_code) {}));
                                   }));
                                   shared->async_wait(asio::bind_executor(s.other, at_most_once([](error_code) {})));
                                   timer->async_wait(shared->guard(at_most_once([timer, shared](error_code) {})));
                                   s.acquire("b", "thief", {.priority = 1});
                                   s.acquire("a", "waiter");
                               }));
    redlock::async_acquire_all(*s.manager, {{"x"}, {"y", {.ttl = 1s}}}, redlock::infinite, s.keep());
    asio::post(s.context, [&s] {
        s.other.restart();
        s.other.poll();
    });
}

/// The same over a protocol, where ttls are set by asking; that of the scenario's manager is left alone.
void composites_over_a_protocol(stage& s)
{
    auto store = std::make_shared<redlock::testing::memory_protocol>(s.context.get_executor());
    s.manager = std::make_unique<lock_manager>(s.context, std::move(store));
    s.acquire("b", "hurdle");
    redlock::async_acquire_all(*s.manager, "me", {{"a", {.ttl = 1h}}, {"b", {.ttl = 2h}}, {"c"}}, 10h, s.keep());
    redlock::async_acquire_all(*s.manager, {{"c", {.priority = 1}}, {"d", {.ttl = 1h}}}, redlock::infinite,
                               at_most_once([](error_code, lock lk) {
                                   auto shared = std::make_shared<lock>(std::move(lk));
                                   shared->async_extend(1h, at_most_once([shared](error_code) {
                                                            shared->async_release(at_most_once([](error_code) {}));
                                                        }));
                               }));
    asio::post(s.context, [&s] {
        asio::post(s.context, [&s] {
            if (!s.kept.empty())
                s.kept.front().release();
        });
    });
}

void work_under_locks(stage& s)
{
    const auto until_cancelled = [](lock&) -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        co_await timer.async_wait(asio::use_awaitable);
    };
    auto timer = std::make_shared<asio::steady_timer>(s.context, 1h);
    const auto any = [&s] { return at_most_once([&s](auto&&...) { s.acquire("r", "again"); }); };
    redlock::async_with_lock(*s.manager, "r", {}, until_cancelled, any());
    redlock::async_with_lock(*s.manager, {{"q"}, {"r"}}, redlock::infinite, until_cancelled, any());
    redlock::async_with_lock(
        *s.manager, "q", {.ttl = 2s}, [timer](lock&) { return timer->async_wait(asio::deferred); },
        asio::bind_cancellation_slot(s.signals[0].slot(), any()));
    redlock::async_with_lock(*s.manager, "p", {}, until_cancelled,
                             asio::bind_executor(s.other, at_most_once([](auto&&...) {})));
    asio::post(s.context, [&s] {
        s.other.restart();
        s.other.poll();
        asio::post(s.context, [&s] {
            s.acquire("r", "thief", {.priority = 1, .ttl = 1s});
            s.signals[0].emit(asio::cancellation_type::terminal);
        });
    });
}

/// Handlers whose allocator goes with them.
void erased_handlers(stage& s)
{
    using of_acquire = asio::any_completion_handler<void(error_code, lock)>;
    using of_wait = asio::any_completion_handler<void(error_code)>;
    const auto ignore = [] { return at_most_once([](auto&&...) {}); };
    auto timer = std::make_shared<asio::steady_timer>(s.context, 1h);
    s.manager->async_acquire("r", "a", {.grace = 0s}, of_acquire(at_most_once([&s, ignore, timer](error_code, lock lk) {
                                 lk.async_wait(of_wait(ignore()));
                                 lk.async_wait(of_wait(asio::bind_cancellation_slot(s.signals[0].slot(), ignore())));
                                 timer->async_wait(lk.guard(of_wait(asio::bind_cancellation_slot(
                                     s.signals[1].slot(), at_most_once([timer](auto&&...) {})))));
                                 s.kept.push_back(std::move(lk));
                             })));
    s.manager->async_acquire("r", "b", {.priority = 1, .ttl = 1s}, of_acquire(ignore()));
    redlock::async_acquire_all(*s.manager, {{"r"}, {"q", {.ttl = 1s}}}, 10s, of_acquire(ignore()));
    redlock::async_with_lock(
        *s.manager, "q", {.ttl = 1s},
        [timer](lock&) -> asio::awaitable<void> { co_await timer->async_wait(asio::use_awaitable); },
        asio::any_completion_handler<void(std::exception_ptr)>(ignore()));
    redlock::synchronized(*s.manager, "q", s)
        .async_run(transaction, redlock::always_restart,
                   asio::any_completion_handler<void(std::exception_ptr, int)>(ignore()));
    asio::post(s.context, [&s] { s.signals[0].emit(asio::cancellation_type::all); });
}

/// A store that confirms nothing: what waits for that is destroyed with the context.
class silent_store final : public redlock::protocol
{
public:
    void subscribe(std::uint64_t, std::weak_ptr<listener>) override {}
    void obtain(redlock::obtain_request, handler<redlock::obtain_reply> on_reply) override
    {
        redlock::obtain_reply reply;
        reply.what = redlock::obtain_reply::verdict::granted;
        reply.valid_until = redlock::clock::time_point::max();
        reply.fencing_token = ++token_;
        std::move(on_reply)(error_code(), reply);
    }
    void end(redlock::acquisition_id, done_handler) override {}

private:
    std::uint64_t token_ = 0;
};

/// Handlers of releases that own another lock of the same manager.
void releases_that_are_not_confirmed(stage& s)
{
    s.manager = std::make_unique<lock_manager>(s.context, std::make_shared<silent_store>());
    for (const char* name : {"a", "b", "c"})
        s.manager->async_acquire(name, {}, at_most_once([&s](error_code, lock lk) {
                                     s.kept.push_back(std::move(lk));
                                     if (s.kept.size() < 2)
                                         return;
                                     lock other = std::move(s.kept.front());
                                     s.kept.erase(s.kept.begin());
                                     s.kept.front().async_release(
                                         at_most_once([held = std::move(other)](error_code) {}));
                                 }));
    asio::post(s.context, [&s] { asio::post(s.context, [&s] { asio::post(s.context, [] {}); }); });
}

enum class locks_live : std::uint8_t
{
    with_the_context,
    longer
};

/// Runs a scenario for at most that many steps; when nothing is ready, time passes. False if it did not take all.
bool run_for(unsigned steps, scenario start, manager_kind kind, locks_live how, bool manager_first)
{
    std::vector<lock> outliving;
    {
        std::vector<lock> inside;
        stage s(kind, how == locks_live::longer ? outliving : inside);
        start(s);
        for (int idle = 0; steps != 0; --steps) {
            s.context.restart();
            if (s.context.poll_one() != 0) {
                idle = 0;
                continue;
            }
            if (s.context.stopped() || ++idle == 20)
                return false; // out of work, or nothing happens any more: nothing new is left to stop
            manual_clock::advance(500ms);
        }
        if (manager_first)
            s.manager.reset();
        else
            inside.clear();
    }
    outliving.clear();
    return true;
}

void stop_after_every_step(const char* name, scenario start)
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded})
        for (const auto how : {locks_live::with_the_context, locks_live::longer})
            for (const bool manager_first : {true, false}) {
                unsigned steps = 0;
                while (steps < 500 && run_for(steps, start, kind, how, manager_first))
                    ++steps;
                BOOST_TEST(steps > 3u, name << " had no steps");
                BOOST_TEST_MESSAGE(name << ": " << steps << " steps");
            }
}

BOOST_AUTO_TEST_SUITE(teardown, *boost::unit_test::timeout(120))

#define SCENARIO(name)                                      \
    BOOST_AUTO_TEST_CASE(I3_stop_##name##_after_every_step) \
    {                                                       \
        stop_after_every_step(#name, name);                 \
    }

SCENARIO(queue)
SCENARIO(waits)
SCENARIO(preemption)
SCENARIO(preemption_in_flight)
SCENARIO(guarded)
SCENARIO(guarded_read)
SCENARIO(timeouts)
SCENARIO(cancelled)
SCENARIO(closed)
SCENARIO(coroutines)
SCENARIO(elsewhere)
SCENARIO(transaction_resumes)
SCENARIO(transaction_is_replaced)
SCENARIO(transaction_is_cancelled)
SCENARIO(transaction_of_two)
SCENARIO(transaction_elsewhere)
SCENARIO(composites)
SCENARIO(composite_ends)
SCENARIO(composites_over_a_protocol)
SCENARIO(work_under_locks)
SCENARIO(erased_handlers)
SCENARIO(releases_that_are_not_confirmed)

BOOST_AUTO_TEST_SUITE_END()

} // namespace
