// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_PROCESS_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_PROCESS_HPP

// A process of a world: an execution context, a protocol, managers and their users. It runs when it is told something,
// until nothing is ready any more, and can be stopped before and after every handler.

#include "simulation/simulated_protocol.hpp"
#include "simulation/world.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace simulation {

class user;

/// What is under way to a node.
struct message_to_node
{
    time_point at; // when it was sent
    time_point due;
    std::uint64_t past = 0; // what its process had heard
    test::sent_calls sent;
};

/// What is under way to a process.
struct message_to_process
{
    time_point due;
    std::uint64_t past = 0; // what its node had heard
    std::function<void()> what;
};

/// The connection of a process to a node.
struct connection
{
    explicit connection(const world& w) : link(w.texts(), w.store().prefix) {}

    test::simulated_link link;
    bool wanted = false;
    bool connecting = false;
    bool up = false;
    bool half_open = false; // the node's end is gone
    bool good = false;      // it has brought a vote since the last fault
    unsigned failures = 0;  // in a row
    std::uint64_t epoch = 0;
    std::uint64_t incarnation = 0; // of the node
    time_point cut_until{};
    time_point last_to_node{}; // messages do not overtake each other
    time_point last_to_process{};
    std::deque<std::shared_ptr<const message_to_node>> to_node;
    std::deque<message_to_process> to_process;
    std::deque<std::shared_ptr<const message_to_node>> unanswered; // by the process's lights
};

class process final : public network
{
public:
    process(world& w, std::uint32_t index);
    ~process();

    process(const process&) = delete;
    process& operator=(const process&) = delete;

    [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
    [[nodiscard]] std::size_t place() const noexcept { return place_; }
    [[nodiscard]] bool is_alive() const noexcept { return alive_; }
    [[nodiscard]] world& where() noexcept { return world_; }
    [[nodiscard]] asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] simulated_protocol& protocol() noexcept { return *protocol_; }
    [[nodiscard]] connection& to(std::size_t node) noexcept { return connections_[node]; }

    /// Has it do something, and all that follows. If it is stopped, when it goes on. `past` stands for what it is told.
    void step(std::uint64_t past, std::function<void()> what);

    /// The same after some time.
    void after(duration d, std::function<void()> what);

    void pause(duration d);

    /// A hash of what it has been told, in which order and when: all that its state depends on.
    [[nodiscard]] const history& past() const noexcept { return past_; }
    [[nodiscard]] history& past() noexcept { return past_; }
    [[nodiscard]] std::uint64_t digest() const noexcept;

    /// It ends without a word.
    void crash();

    /// Its users are done: it lets go of everything it has. Then nothing keeps its context from running out of work.
    void leave();
    [[nodiscard]] bool has_ended();

    template <class Text>
    void note(Text text)
    {
        if (trace* const t = world_.diagram())
            t->happens(place_, text());
    }

    // --- network ---

    void start() override;
    void stop() override;
    [[nodiscard]] bool is_up(std::size_t node) const override { return connections_[node].up; }
    void send(std::size_t node, std::vector<call> calls) override;
    void log(const priority_redlock::detail::log_record& line) override;

private:
    void begin();
    void run_ready();
    void go_on();
    void set_timer();
    [[nodiscard]] bool is_paused() const noexcept { return paused_until_ > virtual_clock::now(); }
    bool may_pause();

    world& world_;
    const std::uint32_t index_;
    const std::size_t place_;
    machine machine_;
    asio::io_context context_{1};
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
    std::deque<connection> connections_; // by node
    std::shared_ptr<simulated_protocol> protocol_;
    std::vector<std::unique_ptr<priority_redlock::lock_manager>> managers_;
    std::vector<std::unique_ptr<user>> users_;
    std::deque<std::function<void()>> held_back_; // while it is stopped
    history past_;
    time_point paused_until_{};
    time_point timer_at_ = never;
    std::uint64_t timer_ = 0;
    bool alive_ = true;
};

} // namespace simulation

#endif
