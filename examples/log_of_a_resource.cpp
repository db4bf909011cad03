// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The log of one resource: what the library's log records are about are attributes, by which filters of Boost.Log
// choose.
//
//     log_of_a_resource
//
// With --redis HOST:PORT,HOST:PORT,... the locks are those of these nodes.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/logging.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/trivial.hpp>
#include <boost/smart_ptr/make_shared.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

namespace asio = boost::asio;
using priority_redlock::lock_manager;

// [filter]
namespace logging = boost::log;

BOOST_LOG_ATTRIBUTE_KEYWORD(event, "Event", std::string)
BOOST_LOG_ATTRIBUTE_KEYWORD(resource, "Resource", std::string)
BOOST_LOG_ATTRIBUTE_KEYWORD(locker, "Locker", std::string)

/// One line for all that happens to the printer.
void log_printer_to(const boost::shared_ptr<std::ostream>& out)
{
    using backend = logging::sinks::text_ostream_backend;
    const auto sink = boost::make_shared<logging::sinks::synchronous_sink<backend>>();
    sink->locked_backend()->add_stream(out);
    sink->set_filter(resource == "printer");
    sink->set_formatter(logging::expressions::stream << event << ' ' << locker);
    logging::core::get()->add_sink(sink);
    priority_redlock::set_log_level(priority_redlock::log_level::debug);
}
// [/filter]

asio::awaitable<void> print_and_scan(lock_manager& manager)
{
    auto scanner = co_await manager.async_acquire("scanner", "alice", asio::use_awaitable);
    auto printer = co_await manager.async_acquire("printer", "alice", asio::use_awaitable);
    printer.release();
    auto again = co_await manager.async_acquire("printer", "bob", asio::use_awaitable);
}

int main(int argc, char* argv[])
{
    try {
        const auto text = boost::make_shared<std::ostringstream>();
        log_printer_to(text);

        asio::io_context context;
        lock_manager manager = example::make_manager(
            context, argc, argv, "Shows the log of one resource: filters choose records by their attributes.");
        co_spawn(context, print_and_scan(manager), [](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        });
        context.run();

        // Over Redis there are lines of waits for the nodes' answers, too.
        std::cout << text->str();
        std::size_t found = 0;
        for (const char* line : {"granted alice\n", "released alice\n", "granted bob\n", "released bob\n"}) {
            found = text->str().find(line, found);
            if (found == std::string::npos) {
                std::cerr << "log_of_a_resource: not said in its turn: " << line;
                return 1;
            }
        }
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "log_of_a_resource: " << example::message_of(error) << '\n';
        return 1;
    }
}
