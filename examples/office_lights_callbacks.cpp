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

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::acquire_options;
using priority_redlock::error_code;
using priority_redlock::lock;

// [callbacks]
void switch_lights(office& o, std::string_view who, bool on, const acquire_options& options)
{
    o.manager.async_acquire("lights", who, options, [&o, who, on](error_code error, lock granted) {
        if (error)
            return;
        auto lights = std::make_shared<lock>(std::move(granted));

        // Guarded: cancelled when the lock is taken away, and from then on not even started.
        o.kitchen.async_switch(on, lights->guard([&o, who, on, lights](error_code) {
            o.meeting_room.async_switch(on, lights->guard([who, lights](error_code told_to_go) {
                std::cout << who << (told_to_go ? ": told to go\n" : ": done\n");
                lights->release(); // the next one is granted now
            }));
        }));
    });
}

void save_energy(office& o)
{
    switch_lights(o, "save energy", false, {});
}

void motion_detected(office& o)
{
    switch_lights(o, "motion detected", true, {.priority = 100});
}
// [/callbacks]

int main(int argc, char* argv[])
{
    asio::io_context context;
    office o(context, example::make_manager(
                          context, argc, argv,
                          "Saving energy turns lights off and detected motion takes them over, with callbacks."));

    save_energy(o);
    while (o.kitchen.is_lit() && context.run_one() != 0) {
    }
    asio::steady_timer motion(context, 25ms); // in the middle of the meeting room
    bool half_done = false;
    motion.async_wait([&](error_code) {
        half_done = !o.kitchen.is_lit() && o.meeting_room.is_lit();
        motion_detected(o);
    });
    context.run();

    return half_done && o.kitchen.is_lit() && o.meeting_room.is_lit() ? 0 : 1;
}
