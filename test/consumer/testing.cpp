// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/conformance.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>
#include <memory>

int main()
{
    boost::asio::io_context context;
    const auto store = std::make_shared<priority_redlock::testing::memory_protocol>(context.get_executor());
    priority_redlock::lock_manager manager(context, store);

    bool granted = false;
    manager.async_acquire("lights", "consumer", {.priority = 1},
                          [&](priority_redlock::error_code error, priority_redlock::lock) { granted = !error; });
    context.run();

    std::cout << (granted ? "granted\n" : "not granted\n");
    std::cout << priority_redlock::testing::conformance_cases().size() << " rules of every protocol\n";
    return granted ? 0 : 1;
}
