// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Plays a scenario, and shows who asks for what, who is granted it, who is told to go, and when.
//
// Each step is a coroutine that acquires the lock of its resource, holds it for a while and releases it. Its waiting is
// guarded: it ends when the lock is lost, and the locker cleans up and lets go.

#include "command_line.hpp"
#include "scenario.hpp"
#include "store.hpp"
#include "terminal.hpp"
#include "timeline.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using demo::phase;
using demo::scenario;
using demo::step;
using demo::timeline;
using priority_redlock::errc;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_state;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

[[nodiscard]] std::string text(priority_redlock::duration d)
{
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

/// Why a step was not granted its resource.
[[nodiscard]] std::string why_not(const step& s, error_code error)
{
    if (error != errc::acquire_timeout)
        return "is refused: " + error.message();
    return s.timeout == s.timeout.zero() ? "gives up, does not wait" : "gives up, timed out after " + text(s.timeout);
}

class player
{
public:
    /// `finished` is called when the last step has been played.
    player(asio::io_context& context, lock_manager manager, const scenario& s, timeline& t,
           std::function<void()> finished)
        : context_(context), manager_(std::move(manager)), scenario_(s), timeline_(t), finished_(std::move(finished)),
          quiet_(context), locks_(s.steps.size()), rest_(s.steps.size())
    {
    }

    void start()
    {
        timeline_.start();
        zero_ = priority_redlock::clock::now();
        for (std::size_t i = 0; i < locks_.size(); ++i) {
            co_spawn(context_, play(i), [this](std::exception_ptr failure) {
                if (failure)
                    std::rethrow_exception(failure);
                if (--rest_ == 0)
                    finished_();
            });
        }
    }

    /// Whether no resource was ever granted to two lockers at a time.
    [[nodiscard]] bool exclusive() const { return exclusive_; }

private:
    /// Who wants a resource, by step.
    struct line_of
    {
        std::set<std::size_t> holding;                                   // and cleaning up
        std::map<int, std::vector<std::size_t>, std::greater<>> waiting; // by priority, first come first
        priority_redlock::duration grace{};                              // the longest of those that hold it together
        std::size_t holder = 0;                                          // the last that was granted it
        std::size_t arrivals = 0;
    };

    asio::awaitable<void> play(std::size_t i)
    {
        const step& s = scenario_.steps[i];
        line_of& line = lines_[s.resource];
        asio::steady_timer timer(context_, zero_ + s.start);
        co_await timer.async_wait();

        tell(i, phase::waiting, "asks, priority " + std::to_string(s.priority));
        const std::size_t arrival = line.arrivals++;
        line.waiting[s.priority].push_back(arrival);
        co_spawn(context_, tell_if_waiting(i, arrival), asio::detached);
        auto [error, granted] = co_await manager_.async_acquire(s.resource, s.locker, s.options(), as_result);
        std::erase(line.waiting[s.priority], arrival);
        if (error) {
            tell(i, phase::absent, why_not(s, error));
            co_return;
        }
        enter(i, line, std::move(granted));
        lock& held = locks_[i];
        tell(i, phase::holding, "granted, token " + terminal::short_token(held.fencing_token()));

        timer.expires_after(s.hold);
        co_await timer.async_wait(held.guard(as_result));

        switch (held.state()) {
        case lock_state::held: tell(i, phase::absent, "releases"); break;
        case lock_state::expired: tell(i, phase::absent, "has expired, its ttl of " + text(s.ttl) + " is over"); break;
        case lock_state::lost: tell(i, phase::absent, "has lost it, the nodes could not keep it"); break;
        default: co_await clean_up(i, line.grace);
        }
        line.holding.erase(i);
        held.release();
    }

    asio::awaitable<void> clean_up(std::size_t i, priority_redlock::duration grace)
    {
        const step& s = scenario_.steps[i];
        if (s.cleanup == s.cleanup.zero()) {
            tell(i, phase::absent, "told to go, lets go");
            co_return;
        }
        timeline_.tell_to_go(i, grace, "told to go, cleans up for " + text(s.cleanup));
        flush_soon();
        asio::steady_timer timer(context_, s.cleanup);
        co_await timer.async_wait();
        tell(i, phase::absent,
             locks_[i].state() == lock_state::revoking ? "lets go" : "lets go too late, it was not waited for");
    }

    /// A step has the resource. What was granted to its locker before is one lock with it.
    void enter(std::size_t i, line_of& line, lock granted)
    {
        const step& s = scenario_.steps[i];
        bool joins = false;
        for (const std::size_t other : line.holding) {
            const lock& l = locks_[other];
            const bool mine = scenario_.steps[other].locker == s.locker;
            joins = joins || (mine && l.is_held());
            exclusive_ = exclusive_ && (mine || !(l.is_held() || l.state() == lock_state::revoking));
        }
        line.grace = joins ? std::max(line.grace, s.grace) : s.grace;
        line.holding.insert(i);
        line.holder = i;
        locks_[i] = std::move(granted);
    }

    /// Runs when the acquire has started, and once more in turn: what was granted at once has heard of it by then.
    asio::awaitable<void> tell_if_waiting(std::size_t i, std::size_t arrival)
    {
        co_await asio::post(context_, asio::use_awaitable);
        co_await asio::post(context_, asio::use_awaitable);
        const step& s = scenario_.steps[i];
        const line_of& line = lines_[s.resource];
        const std::vector<std::size_t>& equals = line.waiting.at(s.priority);
        const auto me = std::ranges::lower_bound(equals, arrival);
        if (me == equals.end() || *me != arrival || !line.holding.contains(line.holder)
            || scenario_.steps[line.holder].locker == s.locker)
            co_return;
        auto before = me - equals.begin();
        for (auto it = line.waiting.begin(); it->first > s.priority; ++it)
            before += std::ssize(it->second);
        std::string event = "waits for " + terminal::capped(scenario_.steps[line.holder].locker);
        if (before > 0)
            event += " and " + std::to_string(before) + " more";
        timeline_.remark(i, event);
        flush_soon();
    }

    void tell(std::size_t i, phase p, const std::string& event)
    {
        timeline_.tell(i, p, event);
        flush_soon();
    }

    /// What happens in the same millisecond is put in order first.
    void flush_soon()
    {
        quiet_.expires_after(std::chrono::milliseconds(1));
        quiet_.async_wait([this](error_code replaced) {
            if (!replaced)
                timeline_.flush();
        });
    }

    asio::io_context& context_;
    lock_manager manager_;
    const scenario& scenario_;
    timeline& timeline_;
    std::function<void()> finished_;
    asio::steady_timer quiet_;
    priority_redlock::clock::time_point zero_;
    std::map<std::string, line_of> lines_; // by resource
    std::vector<lock> locks_;              // by step
    std::size_t rest_;                     // steps that are not over
    bool exclusive_ = true;
};

int play(const std::string& file, const std::string& nodes)
{
    const scenario s = demo::read_scenario(file);
    timeline t(s, std::cout, terminal::wants_colour());
    asio::io_context context(1);
    lock_manager manager = example::make_manager(context, nodes);

    int interrupted = 0;
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](error_code finished, int signal) {
        if (!finished) {
            interrupted = signal;
            context.stop();
        }
    });
    player p(context, std::move(manager), s, t, [&signals] { signals.cancel(); });
    p.start();
    context.run();
    t.print_chart();
    if (interrupted)
        return 128 + interrupted;
    if (!p.exclusive())
        std::cerr << "demo: a resource was granted to two lockers at a time\n";
    return p.exclusive() ? 0 : 1;
}

} // namespace

int main(int argc, char* argv[])
{
    const auto line = example::read_command_line(argc, argv,
                                                 {.about = "Plays the scenario in FILE and shows who had what when.",
                                                  .operands = "FILE",
                                                  .least = 1,
                                                  .most = 1,
                                                  .more = "\n" + demo::describe_format()});
    try {
        return play(line.operands[0], line.nodes);
    } catch (const demo::scenario_error& error) {
        std::cerr << "demo: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "demo: " << example::message_of(error) << '\n';
        return 1;
    }
}
