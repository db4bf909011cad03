// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_OPERATOR_SCENE_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_OPERATOR_SCENE_HPP

#include "../src/redis/deployment.hpp"
#include "common/log_capture.hpp"
#include "redis/support/clients.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test {

/// What an operator does to a node while locks are in use.
struct deed
{
    std::function<void()> act;
    std::string_view said; // of that node by the log, once, with the cure; empty: nothing
    std::function<void()> undo = [] {};
    redlock::duration well_within = 3s; // after it was undone
};

/// Managers that contend for one resource, one of which also keeps a lock for itself, and an operator. The managers run
/// on the thread of the test, so that what the log says can be looked at at any time; or beside it, while the operator
/// acts.
class operator_scene
{
public:
    static constexpr std::string_view contended = "contended";

    /// Options with which a node is soon back, whatever was done to it, and a busy machine is not taken for a dead
    /// node.
    [[nodiscard]] static redis_options quickest_options()
    {
        redis_options result;
        result.lease = 1500ms;
        result.max_ttl = 1500ms;
        result.clock_skew = 200ms;
        result.node_timeout = 400ms;
        result.retry_interval = 400ms;
        result.quorum_timeout = 2s;
        return result;
    }

    explicit operator_scene(const redis_server_options& servers = {}, redis_options with = quickest_options())
        : options(std::move(with)), nodes(3, servers, options)
    {
    }

    operator_scene(const operator_scene&) = delete;
    operator_scene& operator=(const operator_scene&) = delete;

    ~operator_scene()
    {
        for (std::thread& each : background_)
            each.join();
    }

    /// Three managers contend from now on, with these addresses of the nodes.
    void begin(const node_configs& addresses)
    {
        names_ = redlock::detail::redis::names_of(addresses);
        for (int i = 0; i < 3; ++i) {
            contender& c = contenders_.emplace_back(io, addresses, options);
            asio::co_spawn(io, contend(c, "contender " + std::to_string(i)), asio::detached);
        }
        kept_ = contenders_.front().it.acquire("kept", {.ttl = options.max_ttl, .auto_extend = true});
        BOOST_REQUIRE(run_until(io, [this] { return kept_.granted(); }));
        BOOST_REQUIRE(get_on());
    }

    void begin() { begin(nodes.configs()); }

    /// Each contender is granted the lock that many times more.
    [[nodiscard]] bool get_on(std::size_t times = 1, redlock::duration limit = 5s)
    {
        std::vector<std::size_t> wanted;
        for (const contender& c : contenders_)
            wanted.push_back(c.grants + times);
        const auto all_did = [&] {
            return std::ranges::equal(contenders_, wanted,
                                      [](const contender& c, std::size_t w) { return c.grants >= w; });
        };
        return run_until(io, all_did, limit);
    }

    /// The operator does something to a node, and undoes it. Its vote is all that is lost, and the log says why.
    void suffer(const deed& d, std::size_t node = 0)
    {
        while_they_run(d.act);
        const bool is_named = d.said.empty() || run_until(io, [&] { return says(node, d.said); }, 5s);
        BOOST_TEST(is_named, everything_said());
        BOOST_TEST(get_on());
        check_that_it_is_said_once(node);
        while_they_run(d.undo);
        const bool is_well = grants_again(node, d.well_within);
        BOOST_TEST(is_well, everything_said());
        check_that_it_is_said_once(node);
    }

    /// The managers do not stand still while somebody waits for a server on this thread, which has to be the one that
    /// starts it.
    void while_they_run(const std::function<void()>& f)
    {
        const std::jthread managers(
            [this](const std::stop_token& over) { (void)run_until(io, [&] { return over.stop_requested(); }, 1min); });
        f();
    }

    /// To be called at the end: nobody overlapped, tokens rose, nobody was refused and nothing was lost.
    void check()
    {
        stopping_ = true;
        BOOST_TEST(run_until(io, [this] { return idle_ == contenders_.size(); }, 5s));
        BOOST_TEST(locks.check().empty(), locks.check());
        for (const error_code& ec : errors)
            BOOST_ERROR("an acquire failed: " << ec.message());
        BOOST_TEST(is_kept());
    }

    /// The lock that one of them has all the time.
    [[nodiscard]] bool is_kept() { return kept_.lock().is_held(); }

    /// How many lines of the log name that node and say that.
    [[nodiscard]] std::size_t count_said(std::size_t node, std::string_view what) const
    {
        return static_cast<std::size_t>(std::ranges::count_if(log.records(), [&](const log_capture::record& r) {
            return is_of(r, node) && r.text.find(what) != r.text.npos;
        }));
    }

    [[nodiscard]] bool says(std::size_t node, std::string_view what) const { return count_said(node, what) > 0; }

    [[nodiscard]] std::string everything_said() const
    {
        std::string result;
        for (const auto& each : log.records())
            result += each.text + '\n';
        return result;
    }

    /// The largest token that a node has given for the contended resource; 0 if it does not say.
    [[nodiscard]] std::int64_t counter(std::size_t node)
    try {
        redis_connection connection(nodes[node].port(), {}, 100ms);
        const redis_reply reply = connection.command({"HGET", options.prefix + "{contended}", "n"});
        return reply.is_error() || reply.is_nil() ? 0 : std::stoll(reply.text);
    } catch (const std::runtime_error&) {
        return 0;
    }

    /// From now on, within the limit.
    [[nodiscard]] bool grants_again(std::size_t node, redlock::duration limit)
    {
        std::int64_t before = 0;
        for (const history::grant& each : locks.grants())
            before = std::max(before, static_cast<std::int64_t>(each.token));
        bool result = false;
        while_they_run([&] { result = eventually([&] { return counter(node) > before; }, limit); });
        return result;
    }

    /// A command whose reply takes long.
    void in_background(const redis_server& server, std::vector<std::string> command)
    {
        background_.emplace_back([&server, c = std::move(command)] { server.command(c); });
    }

    log_capture log;
    asio::io_context io{1};
    const redis_options options;
    voting_nodes nodes;
    history locks;
    std::vector<error_code> errors; // with which acquires ended

private:
    struct contender
    {
        contender(asio::io_context& io, const node_configs& addresses, const redis_options& options)
            : it(io, addresses, options)
        {
        }

        client it;
        std::size_t grants = 0;
    };

    asio::awaitable<void> contend(contender& c, std::string name)
    {
        constexpr auto token = asio::as_tuple(asio::use_awaitable);
        asio::steady_timer timer(io);
        while (!stopping_) {
            acquire_options how{.ttl = 600ms, .grace = 100ms};
            how.priority = static_cast<int>(random_() % 3);
            if (random_() % 2 == 0)
                how.auto_extend = true;
            auto [ec, held] = co_await c.it.manager.async_acquire(contended, how, token);
            if (ec) {
                errors.push_back(ec);
                continue;
            }
            if (held.is_held()) { // or preempted on the way
                const history::id id = locks.granted(grant_of(held, name));
                timer.expires_after(std::chrono::microseconds(random_() % 5000));
                co_await timer.async_wait(held.guard(token));
                note_end(locks, id, held);
            }
            held.release();
            ++c.grants;
        }
        ++idle_;
    }

    [[nodiscard]] bool is_of(const log_capture::record& r, std::size_t node) const
    {
        return r.get<std::string>("Node") == names_[node];
    }

    /// Of the others nothing is said, and of this one nothing twice.
    void check_that_it_is_said_once(std::size_t node)
    {
        std::map<std::string, std::size_t> said;
        for (const log_capture::record& each : log.records()) {
            if (each.get<std::string>("Event") != "node_complaint")
                continue; // what came of it for the locks is seen by themselves
            BOOST_TEST_REQUIRE(is_of(each, node), each.text);
            const std::string what = each.text.substr(("redis: node " + names_[node]).size());
            ++said[what.substr(0, what.find_first_of("(0123456789"))]; // the rest are details
        }
        for (const auto& [what, times] : said)
            BOOST_TEST(times <= contenders_.size(), everything_said()); // by each manager once
    }

    std::vector<std::string> names_; // of the nodes
    std::minstd_rand random_{1};
    std::deque<contender> contenders_; // which does not move them
    attempt kept_;
    std::vector<std::thread> background_;
    bool stopping_ = false;
    std::size_t idle_ = 0;
};

} // namespace test

#endif
