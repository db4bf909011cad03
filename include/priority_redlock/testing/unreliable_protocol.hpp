// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TESTING_UNRELIABLE_PROTOCOL_HPP
#define PRIORITY_REDLOCK_TESTING_UNRELIABLE_PROTOCOL_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/testing/manual_clock.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace priority_redlock::testing {

/// The quality of the network of an `unreliable_protocol`.
struct unreliable_options
{
    /// The delay of every request, reply and event is drawn uniformly from this range, so that messages overtake each
    /// other.
    duration min_delay = std::chrono::milliseconds(0);

    /// The longest delay of a message.
    duration max_delay = std::chrono::milliseconds(5);

    /// Probability that one transmission is lost, 0 to 0.9. A request is sent again after `resend_after` until an
    /// answer has come, so the store may see it several times. A lost event is not sent again.
    double loss = 0;

    /// How long to wait for an answer.
    duration resend_after = std::chrono::milliseconds(20);

    /// The same seed gives the same decisions for the same sequence of transmissions.
    std::uint64_t seed = 1;
};

/// A protocol behind a bad network: it delays, reorders, repeats and loses messages to and from another protocol. For
/// tests of code over protocols, and of protocols themselves (the original's `netSimulatedProtocol`).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, except destruction.
///
/// @par Object lifetimes
/// Must be destroyed before its execution context. Messages in transit when it is destroyed still arrive.
class PRIORITY_REDLOCK_DECL unreliable_protocol final : public protocol
{
public:
    /// Timers run on `ex`.
    /// @throws std::invalid_argument an option is outside its domain; the message names it.
    unreliable_protocol(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> target,
                        const unreliable_options& options);

    /// As above, with delays by the manual clock. So a test that fails with a seed fails again with the same seed.
    unreliable_protocol(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> target,
                        const unreliable_options& options, manual_time_t);

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override;
    void obtain(obtain_request request, handler<obtain_reply> on_reply) override;
    void end(acquisition_id id, done_handler on_done) override;
    [[nodiscard]] duration retry_interval() const noexcept override;

    /// The number of transmissions lost so far.
    [[nodiscard]] std::uint64_t lost() const;

private:
    class network;

    std::shared_ptr<network> network_;
};

} // namespace priority_redlock::testing

#endif
