// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Saving energy turns the lights of an office off; detected motion turns them on and takes precedence.
//
// Nobody has to release or to watch the lock: the work is run under it, is cancelled when it is taken away, and lets go
// of it on every way out.

#include "office.hpp"
#include "store.hpp"

#include <priority_redlock/with_lock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::acquire_options;
using priority_redlock::async_with_lock;
using priority_redlock::errc;
using priority_redlock::error_code;
using priority_redlock::lock;

// [with_lock]
asio::awaitable<void> save_energy(office& o)
{
    try {
        co_await async_with_lock(o.manager, "lights", [&o](lock&) -> asio::awaitable<void> {
            co_await o.kitchen.async_switch(false, asio::use_awaitable);
            co_await o.meeting_room.async_switch(false, asio::use_awaitable);
        });
    } catch (const boost::system::system_error& error) {
        if (error.code() != errc::preempted)
            throw;
        std::cout << "save energy: told to go\n";
    }
}

asio::awaitable<void> motion_detected(office& o)
{
    const acquire_options first{.priority = 100};
    co_await async_with_lock(o.manager, "lights", first, [&o](lock&) -> asio::awaitable<void> {
        co_await o.kitchen.async_switch(true, asio::use_awaitable);
        co_await o.meeting_room.async_switch(true, asio::use_awaitable);
    });
}
// [/with_lock]

int main(int argc, char* argv[])
{
    asio::io_context context;
    office o(context, example::make_manager(
                          context, argc, argv,
                          "Saving energy turns lights off and detected motion takes them over, with async_with_lock."));

    co_spawn(context, save_energy(o), asio::detached);
    while (o.kitchen.is_lit() && context.run_one() != 0) {
    }
    asio::steady_timer motion(context, 25ms); // in the middle of the meeting room
    bool half_done = false;
    motion.async_wait([&](error_code) {
        half_done = !o.kitchen.is_lit() && o.meeting_room.is_lit();
        co_spawn(context, motion_detected(o), asio::detached);
    });
    context.run();

    return half_done && o.kitchen.is_lit() && o.meeting_room.is_lit() ? 0 : 1;
}
