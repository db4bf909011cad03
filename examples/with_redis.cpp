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

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char* argv[])
try {
    const int count = argc > 2 ? std::atoi(argv[1]) : 0;
    if (count < 1 || count > 99) {
        std::cerr << "usage: with_redis N COMMAND [ARGUMENT...], with N from 1 to 99\n";
        return 2;
    }
    const test::redis_nodes nodes(static_cast<std::size_t>(count));
    std::vector<std::string> words(argv + 2, argv + argc);
    words.push_back("--redis");
    words.push_back(nodes.addresses());
    return example::child_process(words).wait();
} catch (const std::exception& error) {
    std::cerr << "with_redis: " << error.what() << '\n';
    return 1;
}
