// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/redis_url.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/redis/connection.hpp>

#include <iostream>

int main()
{
    // The connection is what needs Boost.Redis and OpenSSL to have been linked.
    boost::asio::io_context context;
    boost::redis::connection connection(context);

    const auto nodes = priority_redlock::parse_redis_nodes("localhost:7000,rediss://localhost:7001");
    std::cout << nodes.size() << " nodes\n";
    return nodes.size() == 2 ? 0 : 1;
}
