// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Processes that share locks through a file, with a protocol of one's own (file_protocol.hpp). One of them is killed
// while it holds the lock: its ttl ends, and the others go on.

#include "child_process.hpp"
#include "command_line.hpp"
#include "file_protocol.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using priority_redlock::lock;
using priority_redlock::lock_manager;

/// Prints a page for which it has to be alone: whoever finds a page begun that is not done has not been.
asio::awaitable<void> print(lock_manager& manager, fs::path directory, int pages)
{
    asio::steady_timer timer(manager.get_executor());
    for (int i = 0; i < pages; ++i) {
        const lock printer = co_await manager.async_acquire("printer", {.ttl = 300ms, .auto_extend = true});
        const fs::path page = directory / "page";
        if (!fs::create_directory(page))
            throw std::runtime_error("two processes print at once");
        timer.expires_after(20ms);
        co_await timer.async_wait();
        fs::remove(page);
        std::ofstream(directory / "printed", std::ios::app) << '.' << std::flush;
    }
}

/// Gets the lock, and never comes to an end.
asio::awaitable<void> hang(lock_manager& manager, fs::path directory)
{
    const lock printer = co_await manager.async_acquire("printer", {.ttl = 300ms, .auto_extend = true});
    std::ofstream(directory / "hangs").flush();
    asio::steady_timer timer(manager.get_executor(), 1h);
    co_await timer.async_wait();
}

void work(const fs::path& directory, const std::string& what)
{
    asio::io_context context;
    const auto store = std::make_shared<example::file_protocol>(context.get_executor(), directory / "locks");
    lock_manager manager(context, store);
    asio::co_spawn(context, what == "hang" ? hang(manager, directory) : print(manager, directory, 5),
                   [](std::exception_ptr error) {
                       if (error)
                           std::rethrow_exception(error);
                   });
    context.run();
}

const example::usage says_of_itself{
    .about = "Processes share locks through a file, and one that is killed with the lock does not stop the others.",
    .operands = "[DIRECTORY print|hang], a process of its own",
    .most = 2,
    .redis = example::need::never,
};

int start(const std::string& program)
{
    std::string name = (fs::temp_directory_path() / "file_locks.XXXXXX").string();
    if (!::mkdtemp(name.data()))
        throw std::runtime_error("cannot make a directory");
    const auto process = [&](const char* what) { return example::child_process({program, name, what}); };

    auto victim = process("hang");
    while (!fs::exists(name + "/hangs"))
        std::this_thread::sleep_for(1ms);
    example::child_process printers[] = {process("print"), process("print"), process("print")};
    victim.kill();
    int status = 0;
    for (auto& each : printers)
        status = std::max(status, each.wait());
    const auto pages = fs::file_size(name + "/printed");
    fs::remove_all(name);
    std::cout << pages << " pages, one at a time, after the first process had died with the lock\n";
    return pages == 15 ? status : 1;
}

} // namespace

int main(int argc, char* argv[])
{
    try {
        const auto operands = example::read_command_line(argc, argv, says_of_itself).operands;
        if (operands.empty())
            return start(fs::read_symlink("/proc/self/exe").string());
        work(operands[0], operands.at(1));
    } catch (const std::exception& e) {
        std::cerr << "file_locks: " << example::message_of(e) << '\n';
        return 1;
    }
}
