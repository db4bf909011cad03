// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A smart bulb blinks for a party, until an alarm with a higher priority needs it; then the party goes on with the
// colour where it was.
//
// The two know nothing of each other but the name of the resource. The party's transaction is suspended between two of
// its steps; its local variables stay.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/synchronized.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace priority_redlock;

/// A bulb that takes 10 ms to change its colour.
class smart_bulb
{
public:
    explicit smart_bulb(asio::io_context& context) : timer_(context) {}

    asio::awaitable<void> async_set(std::string who, std::string colour)
    {
        timer_.expires_after(10ms);
        co_await timer_.async_wait();
        std::cout << who << ": " << colour << '\n';
        colours.push_back(std::move(colour));
    }

    std::vector<std::string> colours;

private:
    asio::steady_timer timer_;
};

// [transactions]
asio::awaitable<void> rainbow(smart_bulb& bulb, transaction_context& transaction)
{
    const std::array colours{"red", "blue", "yellow"};
    for (std::size_t i = 0;; ++i) // party time for ever
        co_await transaction.step(bulb.async_set("party", colours[i % colours.size()]));
}

asio::awaitable<int> flash(smart_bulb& bulb, transaction_context& transaction)
{
    int flashes = 0;
    while (flashes < 4) {
        co_await transaction.step(bulb.async_set("ALARM", "white"));
        co_await transaction.step(bulb.async_set("ALARM", "off"));
        ++flashes;
    }
    co_return flashes;
}
// [/transactions]

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv, "A bulb blinks for a party until an alarm needs it; then the party goes on where it was.");
    smart_bulb bulb(context);
    asio::cancellation_signal go_home;
    asio::steady_timer burglar(context, 45ms);
    int flashes = 0;

    // [objects]
    const synchronized party(manager, "bath bulb", bulb);
    const synchronized alarm(manager, "bath bulb", bulb, {.priority = 2});

    const auto over = [](std::exception_ptr) { std::cout << "party over\n"; };
    party.async_run(rainbow, always_resume, asio::bind_cancellation_slot(go_home.slot(), over));
    burglar.async_wait([&](error_code) {
        alarm.async_run(flash, always_restart, [&](std::exception_ptr, int result) {
            flashes = result;
            std::cout << "alarm off after " << result << " flashes\n";
        });
    });
    // [/objects]

    asio::steady_timer late(context, 600ms);
    late.async_wait([&](error_code) { go_home.emit(asio::cancellation_type::terminal); });
    context.run();

    // The party's colours are in order, as if nothing had happened.
    std::size_t party_colours = 0;
    for (const std::string& colour : bulb.colours)
        if (colour != "white" && colour != "off") {
            const std::array colours{"red", "blue", "yellow"};
            if (colour != colours[party_colours++ % colours.size()])
                return 1;
        }
    return flashes == 4 && party_colours > 6 ? 0 : 1;
}
