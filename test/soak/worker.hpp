// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SOAK_WORKER_HPP
#define PRIORITY_REDLOCK_TEST_SOAK_WORKER_HPP

#include <priority_redlock/redis_options.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace soak {

/// What a worker is told on its command line, and what all workers share.
struct worker_order
{
    std::string name;
    std::filesystem::path log;
    std::string nodes;                 // as for `parse_redis_nodes`
    std::filesystem::path authorities; // PEM; empty: no TLS
    std::uint64_t seed = 0;
};

/// Small, so that nodes that forgot vote again within a short run, and workers can be stopped beyond their ttl.
[[nodiscard]] inline priority_redlock::redis_options deployment_options()
{
    priority_redlock::redis_options result;
    result.lease = std::chrono::seconds(2);
    result.max_ttl = std::chrono::seconds(3);
    return result;
}

/// The first word of the command line of a worker.
inline constexpr const char* worker_word = "--worker";

/// Acquires and releases locks, writing it down, until a SIGTERM; then finishes what it has begun. Returns the status
/// of the process.
int work(const std::vector<std::string>& words);

/// A worker that runs: this program once more. It is killed with this object, and when the director ends. For one
/// thread.
class worker_process
{
public:
    explicit worker_process(const worker_order& order);
    worker_process(const worker_process&) = delete;
    worker_process& operator=(const worker_process&) = delete;
    ~worker_process() { kill(); }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] pid_t id() const noexcept { return id_; }

    /// SIGKILL; returns when it is gone.
    void kill();

    /// SIGSTOP and SIGCONT; the first returns when it has stopped.
    void stop();
    void resume();

    /// SIGTERM.
    void finish();

    /// Empty while it runs, else how it ended: "status_0" if as it should.
    [[nodiscard]] std::string end();

private:
    std::string name_;
    pid_t id_ = -1;
    std::string end_;
};

} // namespace soak

#endif
