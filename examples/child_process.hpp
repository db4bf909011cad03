// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_CHILD_PROCESS_HPP
#define PRIORITY_REDLOCK_EXAMPLES_CHILD_PROCESS_HPP

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace example {

/// A program that runs, no longer than the thread that started it.
class child_process
{
public:
    /// Its output goes to the file descriptor `output`.
    explicit child_process(std::vector<std::string> words, int output = STDOUT_FILENO)
    {
        // Between fork and exec nothing may allocate: another thread may have been forked away inside malloc.
        std::vector<char*> arguments;
        for (std::string& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);

        const pid_t parent = ::getpid();
        id_ = ::fork();
        if (id_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(output, STDOUT_FILENO);
            ::close_range(STDERR_FILENO + 1, ~0U, 0); // the parent's sockets and pipes
            if (::getppid() == parent)
                ::execvp(arguments[0], arguments.data());
            ::_exit(127);
        }
        if (id_ < 0)
            throw std::system_error(errno, std::generic_category(), "cannot start " + words[0]);
    }

    child_process(child_process&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
    child_process& operator=(child_process&&) = delete;

    ~child_process() { kill(); }

    [[nodiscard]] bool running() const noexcept { return id_ > 0; }

    /// SIGKILL; returns when it is gone.
    void kill() noexcept
    {
        if (!running())
            return;
        ::kill(id_, SIGKILL);
        wait();
    }

    /// Until it ends. The status that it ends with; 128 and the number of the signal that has killed it.
    int wait() noexcept
    {
        int status = 0;
        while (::waitpid(id_, &status, 0) == -1 && errno == EINTR) {
        }
        id_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t id_ = -1;
};

} // namespace example

#endif
