// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_SIMULATED_PROTOCOL_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_SIMULATED_PROTOCOL_HPP

// A `redis_protocol` whose network is a world. It has the `quorum_client` that ships, and does what the session of
// redis_protocol.cpp does with it: it looks at what has arrived, carries out what is decided, and sends what was noted
// with the next turn.

#include "redis/quorum_client.hpp"
#include "simulation/virtual_time.hpp"

#include <priority_redlock/protocol.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace simulation {

using priority_redlock::detail::redis::answer;
using priority_redlock::detail::redis::call;
using priority_redlock::detail::redis::moment;
using priority_redlock::detail::redis::quorum_client;

/// The connections of a process to the nodes.
class network
{
public:
    /// Connects to all nodes, and again where a connection ends.
    virtual void start() = 0;
    virtual void stop() = 0;

    [[nodiscard]] virtual bool is_up(std::size_t node) const = 0;

    /// Sends these together. They are answered together, or when the connection ends.
    virtual void send(std::size_t node, std::vector<call> calls) = 0;

    /// A line of the log.
    virtual void log(const priority_redlock::detail::log_record& line) = 0;

protected:
    ~network() = default;
};

class simulated_protocol final : public priority_redlock::protocol,
                                 public std::enable_shared_from_this<simulated_protocol>
{
public:
    simulated_protocol(asio::io_context& context, network& net, std::vector<std::string> names,
                       const priority_redlock::redis_options& options, std::uint64_t seed);

    // --- for the managers ---

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override;
    void obtain(priority_redlock::obtain_request request, handler<priority_redlock::obtain_reply> on_reply) override;
    void end(priority_redlock::acquisition_id id, done_handler on_done) override;
    [[nodiscard]] duration lease() const noexcept override { return client_.options().lease; }
    [[nodiscard]] bool reachable() const noexcept override { return client_.has_quorum() || !running_; }

    // --- for the network ---

    void on_up(std::size_t node, std::string run_id);

    /// After the answers, with `lost`, to all calls.
    void on_down(std::size_t node);

    void on_answers(const std::vector<call>& calls, const std::vector<answer>& answers);
    void on_push(std::size_t node, std::string_view message);

    [[nodiscard]] const quorum_client& client() const noexcept { return client_; }

private:
    template <class Function>
    void run(Function f);
    [[nodiscard]] static moment now();
    void wake_up();
    void carry_out();
    void tell(quorum_client::reply_to_obtain& r);
    void tell(quorum_client::reply_to_end& r);
    void tell(const priority_redlock::protocol_event& e);
    void flush_later();
    void set_timer();
    void on_timer();
    void stop();

    asio::any_io_executor executor_;
    network& net_;
    virtual_timer timer_;
    std::vector<std::vector<call>> noted_; // by node, to be sent with the next flush
    quorum_client client_;
    std::vector<call> unsent_; // there was no connection
    std::unordered_map<std::uint64_t, std::weak_ptr<listener>> listeners_;
    time_point armed_at_ = never;
    time_point idle_since_ = never;
    bool running_ = false;
    bool busy_ = false;
    bool flushing_ = false;
};

} // namespace simulation

#endif
