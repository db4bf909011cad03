// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace contention {
namespace {

[[noreturn]] void fail(const std::string& what, int error)
{
    throw std::system_error(error, std::generic_category(), what);
}

/// Its standard output is the returned end of a pipe.
[[nodiscard]] pid_t start(const std::vector<std::string>& command, int& output)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail("pipe", errno);
    output = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> arguments;
    for (const std::string& each : command)
        arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int error = posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        fail(command.front(), error);
    }
    return child;
}

} // namespace

bool has_program(const std::string& name)
{
    const char* const path = std::getenv("PATH");
    std::istringstream directories(path ? path : "");
    for (std::string each; std::getline(directories, each, ':');)
        if (access((each + '/' + name).c_str(), X_OK) == 0)
            return true;
    return false;
}

std::string run_program(const std::vector<std::string>& command, interruption* interrupt)
{
    int output = -1;
    const pid_t child = start(command, output);
    if (interrupt)
        interrupt->on_interrupt([child] { kill(child, SIGINT); });

    asio::io_context own;
    asio::io_context& context = interrupt ? interrupt->context() : own;
    std::string text;
    asio::readable_pipe pipe(context, output);
    bool ended = false;
    asio::async_read(pipe, asio::dynamic_buffer(text), [&](const boost::system::error_code&, std::size_t) {
        ended = true;
        context.stop();
    });
    while (!ended) { // an interruption stops the context too
        context.restart();
        context.run();
    }
    if (interrupt)
        interrupt->on_interrupt(nullptr);

    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        throw std::runtime_error(command.front() + " failed; its message is above");
    return text;
}

temporary_directory::temporary_directory()
{
    std::string name = std::filesystem::temp_directory_path() / "contention.XXXXXX";
    if (!mkdtemp(name.data()))
        fail(name, errno);
    path_ = name;
}

temporary_directory::~temporary_directory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string temporary_directory::add(std::string_view name, std::string_view text) const
{
    const auto path = path_ / name;
    std::ofstream file(path, std::ios::binary);
    if (!(file << text << std::flush))
        fail(path.string(), errno);
    return path.string();
}

} // namespace contention
