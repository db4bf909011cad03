// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// with_redis N COMMAND [ARGUMENT...]
//
// Runs a command with `--redis 127.0.0.1:PORT,...` after its arguments while N servers of its own answer there, and
// ends with the status of the command. So the examples are tested on Redis; you can try them the same way:
//
//     with_redis 5 tcp_server 7000

#include "../test/redis/support/redis_server.hpp"
#include "child_process.hpp"
#include "command_line.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

int main(int argc, char* argv[])
try {
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (first.starts_with('-') || argc < 3) // what follows N is the command's
        (void)example::read_command_line(
            std::min(argc, 2), argv,
            {.about = "Runs a command with --redis and the addresses of N servers of its own, while they run.",
             .operands = "N COMMAND [ARGUMENT...], with N from 1 to 99",
             .least = 2,
             .most = 2,
             .redis = example::need::never});
    const auto count = example::number_of<std::size_t>("N", first, 1, 99);
    const test::redis_nodes nodes(count);
    std::vector<std::string> words(argv + 2, argv + argc);
    words.push_back("--redis");
    words.push_back(nodes.addresses());
    return example::child_process(words).wait();
} catch (const std::exception& error) {
    std::cerr << "with_redis: " << example::message_of(error) << '\n';
    return 1;
}
