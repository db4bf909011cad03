// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_OFFICE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_OFFICE_HPP

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/compose.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

// What the components of the office_lights examples share: the lights, and the manager of the locks.

/// The lights of a room, on a slow radio.
class room
{
public:
    room(boost::asio::io_context& context, std::string name) : timer_(context), name_(std::move(name)) {}

    [[nodiscard]] bool is_lit() const noexcept { return lit_; }

    /// Takes 50 ms. Cancelling it leaves the lights as they are.
    template <class Token>
    auto async_switch(bool on, Token&& token)
    {
        return boost::asio::async_compose<Token, void(priority_redlock::error_code)>(
            [this, on, started = false](auto& self, priority_redlock::error_code error = {}) mutable {
                if (!std::exchange(started, true)) {
                    timer_.expires_after(std::chrono::milliseconds(50));
                    return timer_.async_wait(std::move(self));
                }
                if (!error) {
                    lit_ = on;
                    std::cout << name_ << (on ? ": on\n" : ": off\n");
                }
                self.complete(error);
            },
            token, timer_);
    }

private:
    boost::asio::steady_timer timer_;
    std::string name_;
    bool lit_ = true;
};

struct office
{
    priority_redlock::lock_manager manager;
    room kitchen;
    room meeting_room;

    office(boost::asio::io_context& context, priority_redlock::lock_manager locks)
        : manager(std::move(locks)), kitchen(context, "kitchen"), meeting_room(context, "meeting room")
    {
    }
};

#endif
