// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A million locks at once: what each takes of memory, how a long queue is served, and how late expiry is meanwhile.
// README.md says how to read it.

#include "heap_hooks.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asio = boost::asio;

using steady = priority_redlock::clock;
using priority_redlock::duration;
using priority_redlock::errc;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;

namespace {

constinit thread_local std::size_t live_bytes = 0;

constexpr std::size_t block_header = 8; // of malloc, beside what it calls usable

} // namespace

void bench::on_allocation(void* p) noexcept
{
    live_bytes += malloc_usable_size(p) + block_header;
}

void bench::on_free(void* p) noexcept
{
    live_bytes -= malloc_usable_size(p) + block_header;
}

namespace {

constexpr std::size_t million = 1'000'000;
constexpr std::size_t queue_length = 50'000;
constexpr std::size_t short_locks = 20'000;
constexpr std::size_t traffic_coroutines = 16;
constexpr duration long_ttl = std::chrono::minutes(10);
constexpr duration first_expiry = std::chrono::milliseconds(500);
constexpr duration last_expiry = std::chrono::milliseconds(4500);

/// The bytes of memory that the process has in use, as the kernel sees it.
std::size_t resident_bytes()
{
    std::size_t total = 0;
    std::size_t resident = 0;
    if (!(std::ifstream("/proc/self/statm") >> total >> resident))
        throw std::runtime_error("cannot read /proc/self/statm");
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double seconds_since(steady::time_point start)
{
    return std::chrono::duration<double>(steady::now() - start).count();
}

/// A name of 20 characters, written over the last one.
class name_of
{
public:
    explicit name_of(std::string_view prefix) : text_(prefix) { text_.resize(20); }

    std::string_view operator()(std::size_t i)
    {
        for (std::size_t at = text_.size(); at-- > text_.size() - 9; i /= 10)
            text_[at] = static_cast<char>('0' + i % 10);
        return text_;
    }

private:
    std::string text_;
};

// --- the report ------------------------------------------------------------------------------------------------------

/// Rows of the table, and the same as JSON.
class report
{
public:
    void row(const std::string& name, double value, const char* unit)
    {
        std::printf("%-58s %12.2f %s\n", name.c_str(), value, unit);
        keep(name, value, unit, "");
    }

    void row(const std::string& name, double value, const char* unit, double at_most)
    {
        const char* verdict = value <= at_most ? "met" : "missed";
        std::printf("%-58s %12.2f %-5s goal: at most %g, %s\n", name.c_str(), value, unit, at_most, verdict);
        keep(name, value, unit,
             ", \"at_most\": " + std::to_string(at_most) + ", \"met\": " + (value <= at_most ? "true" : "false"));
    }

    void write(const char* file) const
    {
        std::ofstream out(file);
        out << "{\n  \"rows\": [\n" << json_ << "\n  ]\n}\n";
        if (!out.flush())
            throw std::runtime_error(std::string("cannot write ") + file);
    }

private:
    void keep(const std::string& name, double value, const char* unit, const std::string& more)
    {
        std::fflush(stdout);
        json_ += json_.empty() ? "" : ",\n";
        json_ += "    {\"name\": \"" + name + "\", \"value\": " + std::to_string(value) + ", \"unit\": \"" + unit + "\""
                 + more + "}";
    }

    std::string json_;
};

// --- a million locks -------------------------------------------------------------------------------------------------

asio::awaitable<void> hold_a_million(lock_manager& manager, std::vector<lock>& held)
{
    name_of resource("resource-");
    name_of locker("locker-----");
    while (held.size() != million) {
        const std::size_t i = held.size();
        held.push_back(co_await manager.async_acquire(resource(i), locker(i), {.ttl = long_ttl}, asio::deferred));
    }
}

/// What coroutines complete with that nobody waits for.
constexpr auto rethrow = [](const std::exception_ptr& e) {
    if (e)
        std::rethrow_exception(e);
};

void run(asio::io_context& context, asio::awaitable<void> work)
{
    bool done = false;
    asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& e) {
        rethrow(e);
        done = true;
        context.stop(); // leaves the timer of the million behind
    });
    context.run();
    context.restart();
    if (!done)
        throw std::logic_error("a step of the benchmark did not end");
}

void measure_million(report& out, asio::io_context& context, lock_manager& manager, std::vector<lock>& held)
{
    constexpr double names = 20 + 20;
    const std::size_t heap_before = live_bytes;
    const std::size_t resident_before = resident_bytes();
    held.reserve(million);
    const auto start = steady::now();
    run(context, hold_a_million(manager, held));
    const double taken = seconds_since(start);
    const auto each = [](std::size_t bytes) { return static_cast<double>(bytes) / million; };
    out.row("million/acquire", taken / million * 1e9, "ns");
    out.row("million/heap beyond the names, each", each(live_bytes - heap_before) - names, "bytes", 300);
    out.row("million/resident beyond the names, each", each(resident_bytes() - resident_before) - names, "bytes", 300);
}

// --- a queue ---------------------------------------------------------------------------------------------------------

struct queue_state
{
    lock first;
    std::vector<std::size_t> served;
    steady::time_point start{};
    steady::time_point end{};
};

asio::awaitable<void> wait_in_queue(lock_manager& manager, std::size_t i, queue_state& state)
{
    lock mine = co_await manager.async_acquire(std::string_view("the queue"), {}, asio::deferred);
    state.served.push_back(i);
    co_await asio::post(asio::deferred); // holds it over one post
    if (state.served.size() == queue_length)
        state.end = steady::now();
}

asio::awaitable<void> serve_queue(lock_manager& manager, queue_state& state)
{
    const auto executor = co_await asio::this_coro::executor;
    state.first = co_await manager.async_acquire(std::string_view("the queue"), {}, asio::deferred);
    for (std::size_t i = 0; i != queue_length; ++i)
        asio::co_spawn(executor, wait_in_queue(manager, i, state), rethrow);
    co_await asio::post(asio::deferred); // by now they all wait
    state.start = steady::now();
    state.first.release();
    while (state.served.size() != queue_length)
        co_await asio::post(asio::deferred);
    co_await asio::post(asio::deferred);
}

void measure_queue(report& out, asio::io_context& context, lock_manager& manager)
{
    queue_state state;
    state.served.reserve(queue_length);
    const auto start = steady::now();
    run(context, serve_queue(manager, state));
    if (!std::is_sorted(state.served.begin(), state.served.end()))
        throw std::runtime_error("the queue was not served in order");
    out.row("queue/50 000 in order, enqueue",
            std::chrono::duration<double, std::nano>(state.start - start).count() / queue_length, "ns");
    out.row("queue/50 000 in order, hand-off with a hold of one post",
            std::chrono::duration<double, std::nano>(state.end - state.start).count() / queue_length, "ns");
}

// --- expiry ----------------------------------------------------------------------------------------------------------

struct expiry_state
{
    std::vector<lock> held;
    std::vector<double> late_ms;
    bool traffic = false;
    std::uint64_t operations = 0;
};

/// Takes and gives back resources of its own for as long as expiries are measured.
asio::awaitable<void> make_traffic(lock_manager& manager, std::size_t i, expiry_state& state)
{
    name_of resource("traffic--");
    const std::size_t first = i * 1000;
    for (std::size_t n = 0; state.late_ms.size() != short_locks; n = n == 999 ? 0 : n + 1) {
        lock held = co_await manager.async_acquire(resource(first + n), std::string_view("traffic"), {.ttl = long_ttl},
                                                   asio::deferred);
        ++state.operations;
    }
}

asio::awaitable<void> expire(lock_manager& manager, expiry_state& state)
{
    std::mt19937_64 random(1);
    std::uniform_int_distribution<duration::rep> ttl(first_expiry.count(), last_expiry.count());
    name_of resource("expiring-");
    const auto executor = co_await asio::this_coro::executor;
    state.held.reserve(short_locks);
    state.late_ms.reserve(short_locks);
    for (std::size_t i = 0; i != short_locks; ++i) {
        state.held.push_back(
            co_await manager.async_acquire(resource(i), {.ttl = duration(ttl(random))}, asio::deferred));
        auto wait = state.held.back().async_wait(asio::deferred);
        std::move(wait)([&state, end = state.held.back().expires_at()](error_code ec) {
            if (ec != errc::expired)
                throw boost::system::system_error(ec, "a short lock did not expire");
            state.late_ms.push_back(std::chrono::duration<double, std::milli>(steady::now() - end).count());
        });
    }
    if (state.traffic)
        for (std::size_t i = 0; i != traffic_coroutines; ++i)
            asio::co_spawn(executor, make_traffic(manager, i, state), rethrow);
}

void measure_expiry(report& out, asio::io_context& context, lock_manager& manager, bool traffic)
{
    expiry_state state;
    state.traffic = traffic;
    const auto start = steady::now();
    asio::co_spawn(context, expire(manager, state), rethrow);
    while (state.late_ms.size() != short_locks && context.run_one() != 0) {
    }
    const double taken = seconds_since(start);
    context.poll(); // lets the traffic end
    if (state.late_ms.size() != short_locks)
        throw std::runtime_error("not every short lock expired");
    std::sort(state.late_ms.begin(), state.late_ms.end());
    const std::string name = traffic ? "expiry under traffic" : "expiry";
    out.row(name + "/late, median", state.late_ms[short_locks / 2], "ms", 2);
    out.row(name + "/late, p99", state.late_ms[short_locks * 99 / 100], "ms", 10);
    out.row(name + "/late, max", state.late_ms.back(), "ms");
    if (traffic)
        out.row(name + "/acquires and releases meanwhile", static_cast<double>(state.operations) / taken / 1e6, "M/s");
}

} // namespace

int main(int argc, char** argv)
try {
    const char* json = nullptr;
    if (argc == 3 && std::strcmp(argv[1], "--json") == 0)
        json = argv[2];
    else if (argc != 1) {
        std::fprintf(stderr, "usage: scale [--json FILE]\n");
        return 2;
    }

    report out;
    asio::io_context context;
    lock_manager manager(context);
    std::vector<lock> held;
    std::printf("a million held locks with a ttl, then a queue and short ttls beside them; about 15 s\n\n");
    std::fflush(stdout);
    measure_million(out, context, manager, held);
    measure_queue(out, context, manager);
    measure_expiry(out, context, manager, false);
    measure_expiry(out, context, manager, true);
    const auto start = steady::now();
    held.clear();
    out.row("million/release", seconds_since(start) / million * 1e9, "ns");
    if (json)
        out.write(json);
} catch (const std::exception& e) {
    std::fprintf(stderr, "scale: %s\n", e.what());
    return 1;
}
