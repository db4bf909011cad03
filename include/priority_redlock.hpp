// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_HPP
#define PRIORITY_REDLOCK_HPP

/// @file
/// All of the core. Locks over Redis are in redis_protocol.hpp, redis_provision.hpp and redis_url.hpp, JSON for
/// monitors is in json.hpp, what tests are made with is in testing/.

/// @namespace priority_redlock
/// Locks with priorities.

/// @namespace priority_redlock::testing
/// Tools for tests of code that takes locks.

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/combine.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/guard.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/lock_request.hpp>
#include <priority_redlock/lock_state.hpp>
#include <priority_redlock/logging.hpp>
#include <priority_redlock/manager_options.hpp>
#include <priority_redlock/metrics.hpp>
#include <priority_redlock/prometheus.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/recovery.hpp>
#include <priority_redlock/snapshot.hpp>
#include <priority_redlock/synchronized.hpp>
#include <priority_redlock/transaction_context.hpp>
#include <priority_redlock/version.hpp>
#include <priority_redlock/with_lock.hpp>

#endif
