// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_LOCK_PROCESS_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_LOCK_PROCESS_HPP

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace test {

/// Another process that acquires a lock and keeps it: this program once more, which runs one disabled test case. It is
/// killed with this object, or when the thread that started it ends. For one thread.
class lock_process
{
public:
    /// What it says of its lock. Times are of `steady_clock`, which all processes of a machine share.
    struct report
    {
        std::string what; // "asking", "granted" or "ended"
        std::chrono::steady_clock::time_point at{};
        std::uint64_t token = 0;                            // granted
        std::chrono::steady_clock::time_point expires_at{}; // granted
        bool held = false;                                  // ended: what is_held() said just before it was told
        std::string state{};                                // ended: of the lock
    };

    struct order
    {
        std::string nodes; // as for `parse_redis_nodes`
        std::string resource;
        int priority = 0;
        std::chrono::milliseconds ttl{0}; // renewed; 0: a lease
        std::chrono::milliseconds grace{1000};
    };

    explicit lock_process(const order& o);
    lock_process(const lock_process&) = delete;
    lock_process& operator=(const lock_process&) = delete;
    ~lock_process();

    /// The next thing it says; nothing if it says none in time or is gone.
    std::optional<report> next(std::chrono::milliseconds limit = std::chrono::seconds(10));

    /// SIGKILL; returns when it is gone.
    void kill();

    /// SIGSTOP and SIGCONT; the first returns when it has stopped.
    void stop();
    void resume();

private:
    pid_t process_ = -1;
    int pipe_ = -1;
    std::string input_;
};

} // namespace test

#endif
