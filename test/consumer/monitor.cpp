// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/json.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>
#include <string>

int main()
{
    boost::asio::io_context context;
    priority_redlock::lock_manager manager(context);
    const std::string text = boost::json::serialize(priority_redlock::to_json(manager.metrics()));
    std::cout << text.size() << " bytes of metrics\n";
    return text.starts_with("{\"grants\":0,") ? 0 : 1;
}
