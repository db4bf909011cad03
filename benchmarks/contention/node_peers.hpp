// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The peers that are programs for Node: benchmarks/peers.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_NODE_PEERS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_NODE_PEERS_HPP

#include "result.hpp"
#include "run.hpp"
#include "scenario.hpp"

#include <string>

namespace contention {

/// Why they cannot play: something is not installed; empty if they can.
/// @param directory where they are; empty: unknown
[[nodiscard]] std::string why_no_node_peers(const std::string& directory);

/// Lets one play the scenario.
/// @param name "async-mutex" or "redlock"
/// @throws std::runtime_error it failed
[[nodiscard]] run_result run_node_peer(const std::string& name, const std::string& directory, const scenario& s,
                                       interruption& interrupt);

} // namespace contention

#endif
