// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_CONTENDERS_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_CONTENDERS_HPP

#include "redis/support/clients.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace test {

/// Managers that contend for one resource with random priorities, each on a thread of its own, and write down when they
/// held it. They begin at once; the destructor lets each finish what it does.
class contenders
{
public:
    static constexpr std::string_view resource = "contended";

    /// `nodes` names them for each of the contenders.
    contenders(const std::vector<node_configs>& nodes, std::uint64_t seed, redis_options options = quick_options())
    {
        options.quorum_timeout = redis_options().quorum_timeout; // the few nodes left may be slow for a second
        for (const node_configs& each : nodes)
            workers_.emplace_back(*this, each, options, seed + workers_.size());
    }

    contenders(std::size_t count, const node_configs& nodes, std::uint64_t seed,
               const redis_options& options = quick_options())
        : contenders(std::vector(count, nodes), seed, options)
    {
    }

    contenders(const contenders&) = delete;
    contenders& operator=(const contenders&) = delete;
    ~contenders() { finish(); }

    /// Each of them is granted the lock that many times more, within the limit.
    [[nodiscard]] bool get_on(std::size_t times = 3, redlock::duration limit = 10s)
    {
        std::vector<std::size_t> wanted;
        for (const worker& w : workers_)
            wanted.push_back(w.grants + times);
        return eventually(
            [&] {
                for (std::size_t i = 0; i < wanted.size(); ++i)
                    if (workers_[i].grants < wanted[i])
                        return false;
                return true;
            },
            limit);
    }

    /// Each finishes the acquire that it is at, and its hold; false if one does not within the limit, and is aborted.
    bool finish(redlock::duration limit = 10s)
    {
        stopping_ = true;
        const bool in_time = eventually([this] { return idle_ == workers_.size(); }, limit);
        for (worker& w : workers_) {
            if (!in_time)
                w.io.stop();
            if (w.thread.joinable())
                w.thread.join();
        }
        return in_time;
    }

    [[nodiscard]] history& locks() noexcept { return locks_; }

    /// The errors with which acquires ended.
    [[nodiscard]] std::vector<error_code> errors() const
    {
        const std::lock_guard guard(mutex_);
        return errors_;
    }

    [[nodiscard]] std::size_t grants() const
    {
        std::size_t sum = 0;
        for (const worker& w : workers_)
            sum += w.grants;
        return sum;
    }

private:
    struct worker
    {
        worker(contenders& all, const node_configs& nodes, const redis_options& options, std::uint64_t seed)
            : name("contender " + std::to_string(all.workers_.size())), random(static_cast<std::uint_fast32_t>(seed)),
              it(io, nodes, options)
        {
            asio::co_spawn(io, all.work(*this), asio::detached);
            thread = std::thread([this] { io.run(); });
        }

        std::string name;
        std::minstd_rand random;
        asio::io_context io{1};
        client it;
        std::atomic<std::size_t> grants = 0;
        std::thread thread;
    };

    asio::awaitable<void> work(worker& w)
    {
        constexpr auto token = asio::as_tuple(asio::use_awaitable);
        asio::steady_timer timer(w.io);
        while (!stopping_) {
            acquire_options options{.ttl = 700ms, .grace = 100ms};
            options.priority = static_cast<int>(w.random() % 4);
            if (w.random() % 2 == 0)
                options.auto_extend = true;
            auto [ec, held] = co_await w.it.manager.async_acquire(resource, options, token);
            if (ec) {
                const std::lock_guard guard(mutex_);
                errors_.push_back(ec);
                continue;
            }
            if (held.is_held()) { // or preempted on the way
                const history::id id = locks_.granted(grant_of(held, w.name));
                timer.expires_after(std::chrono::microseconds(w.random() % 8000));
                co_await timer.async_wait(held.guard(token));
                note_end(locks_, id, held);
            }
            held.release();
            ++w.grants;
        }
        ++idle_;
    }

    history locks_;
    mutable std::mutex mutex_;
    std::vector<error_code> errors_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::size_t> idle_ = 0;
    std::deque<worker> workers_; // which does not move them
};

} // namespace test

#endif
