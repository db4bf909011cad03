// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_WORLD_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_WORLD_HPP

// Several processes with their managers, the network and the nodes, in one thread and with a time of its own.
//
// What happens next is the first of a queue of events. Everything that is not determined is asked of the chooser, so
// that a world can be repeated. Between two events each process is a function of what it was told and when.

#include "redis/script_texts.hpp"
#include "simulation/chooser.hpp"
#include "simulation/history.hpp"
#include "simulation/judges.hpp"
#include "simulation/node/simulated_node.hpp"
#include "simulation/trace.hpp"
#include "simulation/virtual_time.hpp"
#include "simulation/world_options.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace simulation {

class process;
struct connection;
struct message_to_node;
using priority_redlock::detail::redis::call;

/// How a run ended.
struct outcome
{
    std::string judge;   // who has found something; empty: nobody
    std::string verdict; // what
    std::size_t grants = 0;
    std::size_t failures = 0;
    std::size_t calls = 0; // for locks, to nodes
    std::size_t notices = 0;
    std::size_t extensions = 0;
    std::size_t events = 0;
    duration lasted{};
};

/// What is different in the scripts of all nodes: the first text is replaced by the second. For judges to be tested.
inline std::vector<std::pair<std::string, std::string>> script_changes;

class world
{
public:
    world(const world_options& options, chooser& choices, trace* t = nullptr);
    ~world();

    world(const world&) = delete;
    world& operator=(const world&) = delete;

    [[nodiscard]] outcome run();

    // --- for processes and users ---

    [[nodiscard]] const world_options& options() const noexcept { return options_; }
    [[nodiscard]] const priority_redlock::redis_options& store() const noexcept { return store_; }
    [[nodiscard]] const priority_redlock::detail::redis::script_texts& texts() const noexcept { return texts_; }
    [[nodiscard]] chooser& choices() noexcept { return choices_; }
    [[nodiscard]] court& judges() noexcept { return court_; }
    [[nodiscard]] outcome& counts() noexcept { return result_; }
    [[nodiscard]] trace* diagram() noexcept { return trace_; }
    [[nodiscard]] std::uint32_t next_usage() noexcept { return ++usages_; }

    [[nodiscard]] bool is_faulty() const noexcept { return virtual_clock::now() < start_ + options_.faults_last; }
    [[nodiscard]] bool is_busy() const noexcept
    {
        return virtual_clock::now() < start_ + options_.faults_last + options_.calm_lasts;
    }

    /// A hash of all that the rest of the run depends on, but for the times that `history` does not tell apart.
    [[nodiscard]] std::uint64_t digest() const noexcept;

    /// How late a timer of a process rings.
    [[nodiscard]] duration timer_delay(process& p);

    void at(time_point when, std::function<void()> what);
    void after(duration d, std::function<void()> what) { at(virtual_clock::now() + d, std::move(what)); }

    // --- the network ---

    void connect(process& p, std::size_t node, duration delay);
    void close(process& p, std::size_t node);
    void send(process& p, std::size_t node, std::vector<call> calls);

private:
    struct event
    {
        time_point when;
        std::uint64_t order = 0;
        std::function<void()> what;

        bool operator<(const event& other) const
        {
            return std::tie(other.when, other.order) < std::tie(when, order); // the earliest is on top
        }
    };

    struct written
    {
        std::shared_ptr<const message_to_node> what;
        std::int64_t clock = 0;
    };

    struct node
    {
        std::uint32_t index = 0;
        test::simulated_node server{{}};
        test::simulated_node other{{}}; // that its address may lead to
        test::simulated_node before_journal{{}};
        std::deque<written> journal{}; // since then
        std::size_t place = 0;         // in the diagram
        bool moved = false;
        bool up = true;
        duration clock_offset{};
        std::int64_t drift = 0; // of its clock, millionths
        std::uint64_t incarnation = 0;
        time_point stopped_until{};
        history past{};

        [[nodiscard]] std::string run_id() const;
        [[nodiscard]] bool answers() const noexcept { return up && stopped_until <= virtual_clock::now(); }
    };

    void pass_time(time_point until);
    void leave();
    void add_process();
    process& any_process(const char* why);
    node& any_node(const char* why);
    duration some_delay(process& p, node& n);
    [[nodiscard]] duration some_time(const char* what);
    [[nodiscard]] std::int64_t clock_of(const node& n) const;
    void disturb(duration d) { court_.disturbed(virtual_clock::now() + d); }

    // the network
    void arrive(process& p, node& n, std::uint64_t epoch);
    void execute(process& p, node& n, const std::shared_ptr<const message_to_node>& m, bool late);
    void answered(process& p, node& n, const std::string& replies, time_point sent);
    void lose_answers(process& p, connection& c);
    void push(node& n, const test::published_message& m);
    void deliver(process& p, node& n, std::function<void()> what);
    void fail_around(process& p, node& n, const std::function<void()>& arrives);
    [[nodiscard]] bool fails_at(process& p);
    void hand_over(process& p, node& n, std::uint64_t epoch);
    void disconnect(process& p, node& n, bool some_arrives);
    void announce_break(process& p, node& n);
    void show_lost(process& p, node& n);

    // faults
    void plan_faults();
    void meet_with(const incident& i);
    void every(duration mean, const char* what, const std::function<void()>& f);
    void cut(process& p, node& n, duration d);
    void isolate(process& p);
    void clog();
    void half_open(process& p, node& n);
    void stop(node& n, duration d);
    void crash(node& n);
    void flush(node& n);
    void move(node& n);
    void set_clock(node& n);
    void crash(process& p);
    void change_server(node& n);
    void provision(node& n);
    [[nodiscard]] bool keeps_journals() const noexcept
    {
        return options_.explored || options_.crash_node_every > duration::zero();
    }
    void write_journal(node& n, const std::shared_ptr<const message_to_node>& m);
    void lose_writes(node& n, std::size_t count);
    void forget_journal(node& n);
    void forget_scripts(node& n);
    void evict(node& n);
    void update_reaches();
    void update_reach(process& p);

    template <class Text>
    void announce(Text text);

    const world_options options_;
    const priority_redlock::redis_options store_;
    const priority_redlock::detail::redis::script_texts texts_;
    chooser& choices_;
    trace* trace_;
    const time_point start_;
    court court_;
    outcome result_;
    std::priority_queue<event> events_;
    std::uint64_t order_ = 0;
    std::uint32_t usages_ = 0;
    bool is_cut_ = false;    // the chooser has seen enough
    std::uint64_t late_ = 0; // a sum over what may arrive over connections that were lost
    std::vector<std::unique_ptr<node>> nodes_;
    std::vector<std::unique_ptr<process>> processes_;
};

} // namespace simulation

#endif
