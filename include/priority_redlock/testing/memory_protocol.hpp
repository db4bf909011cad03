// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TESTING_MEMORY_PROTOCOL_HPP
#define PRIORITY_REDLOCK_TESTING_MEMORY_PROTOCOL_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/testing/manual_clock.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace priority_redlock::testing {

/// Locks of one process behind the `protocol` interface. It stands in for another store in tests. The managers over it
/// share its locks. A manager that shares no locks needs no protocol and is faster without.
///
/// Remembers the last 4096 ended acquisitions, so that a late request does not revive one of them. A preempted hold is
/// kept until its current end, which cannot be extended any more. A request that runs out of memory throws
/// std::bad_alloc and has no effect.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, except destruction.
///
/// @par Object lifetimes
/// Must be destroyed before its execution context. Managers share its ownership.
class PRIORITY_REDLOCK_DECL memory_protocol final : public protocol
{
public:
    /// The timers of ttls run on `ex`.
    explicit memory_protocol(const boost::asio::any_io_executor& ex);

    /// Uses the manual clock, for managers from `testing::make_manager`.
    memory_protocol(const boost::asio::any_io_executor& ex, manual_time_t);

    ~memory_protocol() override;

    memory_protocol(const memory_protocol&) = delete;
    memory_protocol& operator=(const memory_protocol&) = delete;

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override;
    void obtain(obtain_request request, handler<obtain_reply> on_reply) override;
    void end(acquisition_id id, done_handler on_done) override;

private:
    class store;

    std::shared_ptr<store> store_;
};

} // namespace priority_redlock::testing

#endif
