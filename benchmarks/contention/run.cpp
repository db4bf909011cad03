// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace contention {
namespace {

constexpr auto watch_interval = std::chrono::milliseconds(500);
constexpr auto longest_wind_down = std::chrono::seconds(2);

asio::awaitable<void> play(client& c, contender& k, const recorder& rec)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (rec.active()) {
        const request& r = c.next();
        if (r.gap > duration::zero() && c.due() > clock::now()) {
            timer.expires_at(c.due());
            co_await timer.async_wait(asio::deferred);
        }
        c.asks();
        co_await k.visit(c, r, timer);
    }
}

/// The clients of a run, each a coroutine. The coroutine of a client runs on one thread at a time, as `lock::guard`
/// asks.
class crowd
{
public:
    crowd(asio::io_context& context, const scenario& s, recorder& rec, contender& k) : context_(context)
    {
        std::size_t number = 0;
        for (std::size_t g = 0; g < s.groups.size(); ++g) {
            const auto choose = std::make_shared<const chooser>(s.resources, s.groups[g].zipf);
            for (std::size_t i = 0; i < s.groups[g].clients; ++i, ++number) {
                clients_.push_back(std::make_unique<client>(rec, s, g, number, choose));
                asio::any_io_executor ex = context.get_executor();
                if (s.threads > 1)
                    ex = asio::make_strand(context);
                asio::co_spawn(ex, play(*clients_.back(), k, rec),
                               asio::bind_cancellation_slot(cancels_.emplace_back().slot(),
                                                            [this](const std::exception_ptr& e) { ended(e); }));
            }
        }
    }

    /// Ends what the coroutines wait for, after the threads have ended, so that they unwind and let go.
    void end()
    {
        for (asio::cancellation_signal& each : cancels_)
            each.emit(asio::cancellation_type::terminal);
    }

    [[nodiscard]] const std::vector<std::unique_ptr<client>>& clients() const noexcept { return clients_; }

    void rethrow_failure() const
    {
        if (failure_)
            std::rethrow_exception(failure_);
    }

private:
    void ended(const std::exception_ptr& e)
    {
        try {
            if (e)
                std::rethrow_exception(e);
        } catch (const boost::system::system_error& error) {
            if (error.code() != asio::error::operation_aborted)
                fail(e);
        } catch (...) {
            fail(e);
        }
    }

    void fail(const std::exception_ptr& e)
    {
        const std::lock_guard guard(mutex_);
        failure_ = e;
        context_.stop();
    }

    asio::io_context& context_;
    std::vector<std::unique_ptr<client>> clients_;
    std::deque<asio::cancellation_signal> cancels_;
    std::mutex mutex_;
    std::exception_ptr failure_;
};

} // namespace

interruption::interruption() : signals_(context_, SIGINT, SIGTERM)
{
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (error)
            return;
        happened_ = true;
        signals_.clear();
        context_.stop();
        if (hook_)
            hook_();
    });
}

bool interruption::wait_until(clock::time_point when)
{
    if (happened_)
        return false;
    asio::steady_timer timer(context_, when);
    timer.async_wait([this](const boost::system::error_code&) { context_.stop(); });
    context_.restart();
    context_.run();
    return !happened_;
}

void interruption::on_interrupt(std::function<void()> f)
{
    hook_ = std::move(f);
    if (happened_ && hook_)
        hook_();
}

std::deque<asio::steady_timer> schedule_faults(const scenario& s, store* where, interruption& interrupt)
{
    std::deque<asio::steady_timer> timers;
    for (const fault& f : s.faults)
        timers.emplace_back(interrupt.context(), f.at).async_wait([where, f](const boost::system::error_code& error) {
            if (!error && where)
                where->inject(f);
        });
    return timers;
}

void command_count::fill(run_result& r) const
{
    const auto now = store_ ? store_->commands() : std::nullopt;
    if (now && before_ && r.granted())
        r.commands = static_cast<double>(*now - *before_) / static_cast<double>(r.granted());
}

run_result run(const scenario& s, const contender_kind& kind, store* where, interruption& interrupt,
               const watcher& watch)
{
    recorder rec(s);
    asio::io_context context(static_cast<int>(s.threads));
    const auto k = kind.make(context, s);
    crowd all(context, s, rec, *k);
    const command_count commands(where);

    const auto start = clock::now();
    rec.start(start);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < s.threads; ++i)
        threads.emplace_back([&context, i] {
            recorder::use_slot(i);
            context.run();
        });

    // This thread looks on.
    const auto faults = schedule_faults(s, where, interrupt);
    const auto end = start + s.length;
    for (auto next = start; next < end && !context.stopped();) {
        next = std::min<clock::time_point>(end, next + watch_interval);
        if (!interrupt.wait_until(next))
            break;
        watch(clock::now() - start, rec.look());
    }

    rec.stop(clock::now());
    context.stop();
    for (std::thread& each : threads)
        each.join();
    all.rethrow_failure();

    run_result result = rec.result(all.clients());
    result.contender = kind.name;
    result.version = kind.version;
    result.note = kind.note;
    result.interrupted = interrupt.happened();
    commands.fill(result);

    context.restart();
    all.end();
    context.run_for(longest_wind_down);
    return result;
}

} // namespace contention
