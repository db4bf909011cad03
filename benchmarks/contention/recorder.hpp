// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Writes down what clients go through, and adds it up.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_RECORDER_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_CONTENTION_RECORDER_HPP

#include "histogram.hpp"
#include "result.hpp"
#include "scenario.hpp"
#include "schedule.hpp"

#include <priority_redlock/acquire_options.hpp>

#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace contention {

using priority_redlock::clock;

class client;

enum class ending
{
    released,
    preempted, ///< and let go within its grace
    overrun,   ///< preempted, and the next one was granted before it let go
    expired,
    lost,
};

/// What a run looks like while it goes on.
struct progress
{
    std::uint64_t granted = 0;
    std::uint64_t preempted = 0;
    double p99_wait_us = 0;
};

/// Each thread that runs clients writes to a part of its own, so that they don't slow each other down.
class recorder
{
public:
    explicit recorder(const scenario& s);
    ~recorder();

    /// Which part the calling thread writes to.
    static void use_slot(std::size_t slot) noexcept;

    void start(clock::time_point now) noexcept;

    /// What happens from now on is not counted.
    void stop(clock::time_point now) noexcept;

    [[nodiscard]] bool active() const noexcept { return active_.load(std::memory_order_relaxed); }

    /// For any thread, while others write.
    [[nodiscard]] progress look() const;

    /// After the threads have ended.
    [[nodiscard]] run_result result(const std::vector<std::unique_ptr<client>>& clients) const;

private:
    friend class client;

    struct group_part;
    struct part;

    [[nodiscard]] part& here() const noexcept;

    const scenario& scenario_;
    clock::time_point start_;
    clock::time_point stop_;
    clock::time_point timeline_from_;
    std::atomic<bool> active_ = true;
    std::vector<std::unique_ptr<part>> parts_;                  // by slot
    std::unique_ptr<std::atomic<clock::rep>[]> occupied_until_; // by resource; 0: free
};

/// One client: draws its requests, and is told how they fare. Outlives the coroutine that plays it, so that at the end
/// of the run it knows what was left unserved.
class client
{
public:
    client(recorder& r, const scenario& s, std::size_t group, std::size_t number,
           std::shared_ptr<const chooser> choose);

    [[nodiscard]] const group& behaviour() const noexcept { return group_; }
    [[nodiscard]] const std::string& locker() const noexcept { return locker_; }

    /// Draws the next request. Valid until the next call.
    [[nodiscard]] const request& next();

    /// When the request that was drawn last should be made; one that should be made at once is overdue.
    [[nodiscard]] clock::time_point due() const noexcept { return due_; }

    /// It is made. In an open loop the wait counts from when it was due, however late the client is with it: otherwise
    /// the waits that are caused by a long wait would not be seen (coordinated omission).
    void asks() noexcept;

    void refused(const boost::system::error_code& error) noexcept;

    /// @param until when the lock ends by itself
    void granted(clock::time_point until = clock::time_point::max());

    /// It knows that the resource is no longer its own, and cleans up.
    void told() noexcept;

    /// To be called before the lock is released.
    void let_go(ending how);

private:
    friend class recorder;

    void vacate() noexcept;
    /// Adds what an open loop would have asked by then, had it not been busy.
    void add_backlog(group_result& sum, clock::time_point end);

    recorder& recorder_;
    const scenario& scenario_;
    const group& group_;
    std::size_t group_index_;
    std::size_t number_;
    std::string locker_;
    request_stream requests_;
    const request* request_ = nullptr;
    clock::time_point due_{};
    clock::time_point waits_since_ = clock::time_point::max(); // max: it does not
    clock::time_point holds_since_ = clock::time_point::max();
    clock::rep until_ = 0;
    std::uint64_t grants_ = 0;
};

} // namespace contention

#endif
