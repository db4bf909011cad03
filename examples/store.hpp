// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_STORE_HPP
#define PRIORITY_REDLOCK_EXAMPLES_STORE_HPP

#include "command_line.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <string>
#include <string_view>

// Where the examples have their locks: in this process, or on the nodes that `--redis` names. Nothing else of them
// differs.

namespace example {

/// Locks in memory if `nodes` is empty, else over Redis: those of a run are its own. Nobody runs the context yet.
priority_redlock::lock_manager make_manager(boost::asio::io_context& context, const std::string& nodes);

/// The same on a thread pool.
priority_redlock::lock_manager make_manager(boost::asio::thread_pool& pool, const std::string& nodes);

/// The same for a program that takes `--redis NODES` and nothing else. `about`: a sentence for `--help`.
template <class Context>
priority_redlock::lock_manager make_manager(Context& context, int argc, char* argv[], std::string_view about)
{
    return make_manager(context, read_command_line(argc, argv, {.about = about}).nodes);
}

} // namespace example

#endif
