// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What is compared: something that gives locks to clients.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_CONTENDER_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_CONTENDER_HPP

#include "recorder.hpp"
#include "scenario.hpp"
#include "schedule.hpp"
#include "stores.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string>

namespace contention {

namespace asio = boost::asio;

class contender
{
public:
    virtual ~contender() = default;

    /// Acquires what the request wants, holds it, lets go, and tells the client of each step.
    /// @param timer the client's own
    virtual asio::awaitable<void> visit(client& c, const request& r, asio::steady_timer& timer) = 0;
};

/// Says who it is, and makes one for the clients on a context.
struct contender_kind
{
    std::string name;
    std::string version; ///< empty: there is none
    std::string note;    ///< what it leaves out of the scenario
    std::function<std::unique_ptr<contender>(asio::io_context& context, const scenario& s)> make;
};

/// The locks of this library. @param where nullptr: in memory
[[nodiscard]] contender_kind priority_redlock_locks(store* where);

/// A hash map of Asio channels that are used as mutexes.
[[nodiscard]] contender_kind channel_map_locks();

} // namespace contention

#endif
