// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/testing/conformance.hpp>
#include <priority_redlock/testing/make_manager.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <utility>

int main()
{
    using namespace priority_redlock::testing;

    boost::asio::io_context context;
    const auto ex = context.get_executor();
    const auto network = std::make_shared<unreliable_protocol>(ex, std::make_shared<memory_protocol>(ex, manual_time),
                                                               unreliable_options{}, manual_time);
    priority_redlock::lock_manager manager = make_manager(context, network);

    priority_redlock::lock lights;
    manager.async_acquire(
        "lights", "consumer", {.ttl = std::chrono::hours(1)},
        [&](priority_redlock::error_code, priority_redlock::lock granted) { lights = std::move(granted); });
    run_for(context, std::chrono::minutes(1), std::chrono::seconds(1));
    const bool granted = lights.is_held();
    run_for(context, std::chrono::hours(1));
    const bool ended = !lights.is_held();

    std::cout << (granted ? "granted" : "not granted") << (ended ? ", ended; " : ", not ended; ")
              << conformance_cases().size() << " rules of every protocol\n";
    return granted && ended ? 0 : 1;
}
