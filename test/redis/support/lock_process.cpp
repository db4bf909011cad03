// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/lock_process.hpp"

#include "redis/support/clients.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

using std::chrono::steady_clock;

namespace {

constexpr int report_descriptor = 3;
constexpr const char* order_variable = "PRIORITY_REDLOCK_TEST_LOCK_PROCESS";

std::int64_t nanoseconds(steady_clock::time_point t)
{
    return std::chrono::nanoseconds(t.time_since_epoch()).count();
}

steady_clock::time_point time_of(std::int64_t n)
{
    return steady_clock::time_point(std::chrono::nanoseconds(n));
}

void say(const std::string& line)
{
    // A short line reaches a pipe as one.
    [[maybe_unused]] const auto written = ::write(report_descriptor, (line + '\n').c_str(), line.size() + 1);
}

// What the other process does.
void hold_a_lock(const std::string& text)
{
    lock_process::order o;
    std::int64_t ttl = 0;
    std::int64_t grace = 0;
    std::istringstream words(text);
    words >> o.nodes >> o.priority >> ttl >> grace >> std::ws;
    std::getline(words, o.resource);

    asio::io_context io(1);
    client c(io, redlock::parse_redis_nodes(o.nodes));
    acquire_options options{.priority = o.priority, .grace = std::chrono::milliseconds(grace)};
    if (ttl != 0) {
        options.ttl = std::chrono::milliseconds(ttl);
        options.auto_extend = true;
    }
    say("asking " + std::to_string(nanoseconds(steady_clock::now())));
    attempt a = c.acquire(o.resource, options);
    if (!run_until(io, [&] { return a.done(); }, 60s) || !a.granted())
        return;
    say("granted " + std::to_string(nanoseconds(steady_clock::now())) + ' ' + std::to_string(a.lock().fencing_token())
        + ' ' + std::to_string(nanoseconds(a.lock().expires_at())));
    // When the process goes on after a stop, the lock knows before anything else has run.
    bool held = true;
    (void)run_until(
        io,
        [&] {
            held = held && a.lock().is_held();
            return a.end().has_value();
        },
        60s);
    say("ended " + std::to_string(nanoseconds(steady_clock::now())) + ' ' + (held ? "1 " : "0 ")
        + std::string(to_string(a.lock().state())));
    a.lock().release();
    io.restart();
    io.run_for(5s);
}

} // namespace

BOOST_AUTO_TEST_CASE(lock_process_in_itself, *boost::unit_test::disabled())
{
    if (const char* text = std::getenv(order_variable))
        hold_a_lock(text);
}

lock_process::lock_process(const order& o)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe for another process");
    pipe_ = ends[0];

    // All that allocates is done before the fork.
    std::ostringstream text;
    text << order_variable << '=' << o.nodes << ' ' << o.priority << ' ' << o.ttl.count() << ' ' << o.grace.count()
         << ' ' << o.resource;
    std::string variable = text.str();
    std::vector<char*> environment{variable.data()};
    for (char** each = environ; *each; ++each)
        environment.push_back(*each);
    environment.push_back(nullptr);
    std::vector<std::string> words{"lock_process", "--run_test=lock_process_in_itself", "--log_level=nothing",
                                   "--report_level=no"};
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent || ::dup2(ends[1], report_descriptor) < 0)
            ::_exit(127);
        ::close_range(report_descriptor + 1, ~0U, 0);
        ::execve("/proc/self/exe", arguments.data(), environment.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    if (process_ < 0) {
        ::close(pipe_);
        throw std::runtime_error("cannot start another process");
    }
}

lock_process::~lock_process()
{
    kill();
    ::close(pipe_);
}

std::optional<lock_process::report> lock_process::next(std::chrono::milliseconds limit)
{
    const auto deadline = steady_clock::now() + limit;
    auto end = input_.find('\n');
    for (; end == input_.npos; end = input_.find('\n')) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        pollfd ready{.fd = pipe_, .events = POLLIN, .revents = 0};
        std::array<char, 512> buffer{};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            return {};
        const auto n = ::read(pipe_, buffer.data(), buffer.size());
        if (n <= 0)
            return {};
        input_.append(buffer.data(), static_cast<std::size_t>(n));
    }
    std::istringstream line(input_.substr(0, end));
    input_.erase(0, end + 1);

    report result;
    std::int64_t at = 0;
    line >> result.what >> at;
    result.at = time_of(at);
    if (result.what == "granted") {
        std::int64_t until = 0;
        line >> result.token >> until;
        result.expires_at = time_of(until);
    } else if (result.what == "ended") {
        line >> result.held >> result.state;
    }
    return result;
}

void lock_process::kill()
{
    if (process_ <= 0)
        return;
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) == -1 && errno == EINTR) {
    }
    process_ = -1;
}

void lock_process::stop()
{
    ::kill(process_, SIGSTOP);
    int status = 0;
    if (::waitpid(process_, &status, WUNTRACED) != process_ || !WIFSTOPPED(status))
        throw std::runtime_error("the other process ended instead of stopping");
}

void lock_process::resume()
{
    ::kill(process_, SIGCONT);
}

} // namespace test
