// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Where the locks of a scenario live if not in memory. The one place that knows of protocols.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_STORES_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_STORES_HPP

#include "scenario.hpp"

#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace contention {

/// The nodes of a protocol, which live as long as the program: its contenders take turns on them.
class store
{
public:
    virtual ~store() = default;

    /// A protocol for one run of the clients on an executor.
    [[nodiscard]] virtual std::shared_ptr<priority_redlock::protocol> connect(boost::asio::any_io_executor ex) = 0;

    /// Its nodes as host:port, for peers that are other programs.
    [[nodiscard]] virtual std::vector<std::string> nodes() const = 0;

    /// Lets a fault happen.
    virtual void inject(const fault& f) = 0;

    /// How many commands its nodes have been sent so far; nullopt: it cannot tell.
    [[nodiscard]] virtual std::optional<std::uint64_t> commands() = 0;

    /// Ends every fault and forgets every lock, so that the next run starts from nothing.
    virtual void reset() = 0;
};

/// The store of a scenario; nullptr if its protocol is "memory".
/// @throws scenario_error it has a protocol that this build does not have
[[nodiscard]] std::unique_ptr<store> make_store(const scenario& s);

} // namespace contention

#endif
