// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Saving energy turns the lights of an office off; detected motion turns them on and takes precedence.
//
// The two know nothing of each other but the name of the resource. Motion has the higher priority: it takes the lock
// away while energy is being saved, and the switching in progress ends at once with operation_aborted.

#include "office.hpp"
#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <iostream>
#include <string_view>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::acquire_options;
using priority_redlock::error_code;
using priority_redlock::lock;

// [coroutines]
asio::awaitable<void> switch_lights(office& o, std::string_view who, bool on, acquire_options how)
{
    const lock lights = co_await o.manager.async_acquire("lights", who, how);
    try {
        // Guarded: cancelled when the lock is taken away, and from then on not even started.
        co_await o.kitchen.async_switch(on, lights.guard(asio::use_awaitable));
        co_await o.meeting_room.async_switch(on, lights.guard(asio::use_awaitable));
        std::cout << who << ": done\n";
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted)
            throw;
        std::cout << who << ": told to go\n";
    }
} // the lock is released, and the next one granted

asio::awaitable<void> save_energy(office& o)
{
    return switch_lights(o, "save energy", false, {});
}

asio::awaitable<void> motion_detected(office& o)
{
    return switch_lights(o, "motion detected", true, {.priority = 100});
}
// [/coroutines]

int main(int argc, char* argv[])
{
    asio::io_context context;
    office o(context, example::make_manager(
                          context, argc, argv,
                          "Saving energy turns lights off and detected motion takes them over, with coroutines."));

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
