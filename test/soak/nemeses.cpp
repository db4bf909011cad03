// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/nemeses.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace soak {

using namespace std::chrono_literals;
using test::redis_data;
using test::tcp_proxy;

namespace {

using chooser = std::mt19937_64;

template <class F>
void for_each_node(stage& s, const fault& f, F what)
{
    for (const std::size_t i : f.nodes)
        what(s, i);
}

/// A function that does something to each of the fault's nodes, later; the fault outlives it.
template <class F>
std::function<void()> later(stage& s, fault& f, F what)
{
    return [&s, &f, what] { for_each_node(s, f, what); };
}

void restart_with_the_same_data(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.server(i).shut_down(); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.server(i).restart(redis_data::keep); });
}

void restart_without_data(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.server(i).kill(); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.server(i).restart(redis_data::empty); });
}

/// At once, while what they granted is held.
void restart_without_data_at_once(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.server(i).restart(redis_data::empty); });
    f.undo = [] {};
}

void restart_with_old_data(stage& s, fault& f, chooser&)
{
    // What was granted after the snapshot is forgotten.
    for_each_node(s, f, [](stage& t, std::size_t i) { t.server(i).save_snapshot(); });
    std::this_thread::sleep_for(100ms);
    for_each_node(s, f, [](stage& t, std::size_t i) { t.server(i).kill(); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.server(i).restart(redis_data::snapshot); });
}

void empty_servers(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) {
        for (const std::vector<std::string>& command : {std::vector<std::string>{"FLUSHALL"},
                                                        {"SCRIPT", "FLUSH"},
                                                        {"CLIENT", "KILL", "TYPE", "normal"},
                                                        {"CLIENT", "KILL", "TYPE", "pubsub"}})
            t.server(i).command(command);
    });
    f.undo = [] {};
}

void stop_servers(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.server(i).stop(); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.server(i).resume(); });
}

void run_slow_scripts(stage& s, fault& f, chooser& random)
{
    const auto script = [](test::redis_server* server, std::string seconds) {
        try {
            server->command({"EVAL", "local e = os.clock() + ARGV[1] while os.clock() < e do end", "0", seconds});
        } catch (const std::runtime_error&) {
            // It took too long for the one who sent it, too.
        }
    };
    auto scripts = std::make_shared<std::vector<std::thread>>();
    for (const std::size_t i : f.nodes)
        scripts->emplace_back(script, &s.server(i), std::to_string(0.2 + static_cast<double>(random() % 10) / 10));
    f.undo = [scripts] {
        for (std::thread& t : *scripts)
            t.join();
    };
}

void part_the_network(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.network(i).hold(); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.network(i).pass(); });
}

void leave_connections_half_open(stage& s, fault& f, chooser& random)
{
    const auto cut = random() % 2 == 0 ? tcp_proxy::to_server : tcp_proxy::to_client;
    for_each_node(s, f, [cut](stage& t, std::size_t i) { t.network(i).hold(cut); });
    f.undo = later(s, f, [](stage& t, std::size_t i) {
        t.network(i).drop_connections(); // what was under way is lost
        t.network(i).pass();
    });
}

void delay_messages(stage& s, fault& f, chooser& random)
{
    const auto by = std::chrono::milliseconds(5 + random() % 300);
    for_each_node(s, f, [by](stage& t, std::size_t i) { t.network(i).delay(by); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.network(i).delay(0ms); });
}

void refuse_connections(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.network(i).refuse(); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.network(i).pass(); });
}

constexpr std::chrono::microseconds most_offset = 400ms;

/// A clock runs 0.8 % too fast or too slow, as far as doc/redis.md allows; nobody's is ever further from the time than
/// 400 ms, so that no two are further apart than clock_skew.
void slew_clocks(stage& s, fault& f, chooser& random)
{
    const bool fast = random() % 2 == 0;
    f.tick = [&s, &f, fast, last = std::chrono::steady_clock::now()]() mutable {
        // Whoever was not run for a while does not catch up: that were a jump.
        const auto now = std::chrono::steady_clock::now();
        const auto by =
            std::chrono::duration_cast<std::chrono::microseconds>(std::min(now - last, 25ms + 0ns)) * 8 / 1000;
        last = now;
        for_each_node(s, f, [&](stage& t, std::size_t i) {
            const auto offset = t.clock(i).offset() + (fast ? by : -by);
            t.clock(i).set(std::clamp(offset, -most_offset, most_offset));
        });
    };
    f.undo = [] {}; // the clocks stay as they are
}

void stop_a_worker(stage& s, fault& f, chooser&)
{
    s.worker(f.workers[0]).stop();
    f.undo = [&s, &f] { s.worker(f.workers[0]).resume(); };
}

void kill_a_worker(stage& s, fault& f, chooser&)
{
    s.kill_worker(f.workers[0]);
    f.undo = [&s, &f] { s.start_worker(f.workers[0]); };
}

/// Clocks jump forward beyond every ttl, and back: all locks of a quorum end at once, while their holders rely on them.
void make_clocks_jump(stage& s, fault& f, chooser&)
{
    for_each_node(s, f, [](stage& t, std::size_t i) { t.clock(i).set(5s); });
    f.undo = later(s, f, [](stage& t, std::size_t i) { t.clock(i).set(0s); });
}

constexpr std::array all{
    nemesis{.name = "restart-same",
            .says = "servers are shut down and started again",
            .begin = restart_with_the_same_data},
    nemesis{.name = "restart-empty", .says = "servers are killed and forget everything", .begin = restart_without_data},
    nemesis{.name = "restart-majority",
            .says = "so many servers are killed and forget everything that no quorum remembers a lock",
            .hits = nemesis::majority,
            .begin = restart_without_data_at_once},
    nemesis{.name = "restart-old",
            .says = "servers are killed and forget what came last",
            .begin = restart_with_old_data},
    nemesis{.name = "empty", .says = "servers lose keys, scripts and connections, and go on", .begin = empty_servers},
    nemesis{.name = "stop", .says = "servers are stopped and go on", .begin = stop_servers},
    nemesis{.name = "stop-majority",
            .says = "so many servers are stopped that there is no quorum",
            .hits = nemesis::majority,
            .begin = stop_servers},
    nemesis{.name = "slow-script", .says = "somebody's script keeps servers busy", .begin = run_slow_scripts},
    nemesis{.name = "partition", .says = "half of the workers are cut off from servers", .begin = part_the_network},
    nemesis{.name = "half-open",
            .says = "requests or answers get lost, and then the connections",
            .begin = leave_connections_half_open},
    nemesis{.name = "delay", .says = "messages take up to 300 ms", .begin = delay_messages},
    nemesis{.name = "refuse", .says = "connections break, and new ones are refused", .begin = refuse_connections},
    nemesis{.name = "clocks", .says = "clocks of servers run 0.8 % too fast or too slow", .begin = slew_clocks},
    nemesis{.name = "worker-stop",
            .says = "a worker is stopped, beyond its ttl or not so long",
            .hits = nemesis::worker,
            .begin = stop_a_worker},
    nemesis{.name = "worker-kill",
            .says = "a worker is killed",
            .hits = nemesis::mortal_worker,
            .begin = kill_a_worker},
    nemesis{.name = "clocks-beyond",
            .says = "clocks of a quorum jump by 5 s, which breaks exclusion",
            .hits = nemesis::majority,
            .is_control = true,
            .begin = make_clocks_jump},
};

} // namespace

std::span<const nemesis> nemeses()
{
    return all;
}

const nemesis* find_nemesis(std::string_view name)
{
    const auto found = std::find_if(all.begin(), all.end(), [&](const nemesis& n) { return n.name == name; });
    return found == all.end() ? nullptr : &*found;
}

} // namespace soak
