// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What locks over five Redis nodes on this machine cost, beside the same number of scripts through Boost.Redis alone
// and beside npm redlock. Starts its own servers. README.md says how to read it.

#include "../test/redis/support/redis_server.hpp"
#include "contention/process.hpp"
#include "redis_floor.hpp"
#include "verdicts.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/version.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;

using namespace priority_redlock;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t node_count = 5;
constexpr std::size_t key_count = 1000;
constexpr auto settling = 3ms; // what nodes and clients still do is done by then

/// New ones, that are set up.
test::redis_nodes& nodes()
{
    static test::redis_nodes all(node_count);
    static const bool set_up = [] {
        asio::io_context context;
        auto done =
            priority_redlock::async_provision(context.get_executor(), all.configs(), redis_options(), asio::use_future);
        context.run();
        done.get();
        return true;
    }();
    static_cast<void>(set_up);
    return all;
}

std::vector<std::string> make_keys()
{
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < key_count; ++i) {
        const std::string number = std::to_string(i);
        keys.push_back("resource-" + std::string(11 - number.size(), '0') + number);
    }
    return keys;
}

const std::vector<std::string> keys = make_keys();

/// Times in microseconds.
class latencies
{
public:
    void add(clock::duration d) { all_.push_back(std::chrono::duration<double, std::micro>(d).count()); }

    [[nodiscard]] double quantile(double q)
    {
        if (all_.empty())
            return 0;
        const auto at = std::min(all_.size() - 1, static_cast<std::size_t>(q * static_cast<double>(all_.size())));
        std::nth_element(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(at), all_.end());
        return all_[at];
    }

private:
    std::vector<double> all_;
};

void report(benchmark::State& state, latencies& times)
{
    state.counters["p50_us"] = times.quantile(0.5);
    state.counters["p99_us"] = times.quantile(0.99);
}

/// Runs the context until `done`.
template <class Done>
void run_until(asio::io_context& context, Done done)
{
    while (!done()) {
        context.restart();
        context.run_one();
    }
}

void rethrow(std::exception_ptr e)
{
    if (e)
        std::rethrow_exception(e);
}

// --- ours ------------------------------------------------------------------------------------------------------------

/// A process that takes part: its own connections.
struct participant
{
    explicit participant(asio::io_context& c)
        : store(std::make_shared<redis_protocol>(c.get_executor(), nodes().configs())), manager(c, store)
    {
    }

    std::shared_ptr<redis_protocol> store;
    lock_manager manager;
};

asio::awaitable<void> pair_of(lock_manager& manager, std::string_view key)
{
    lock lk = co_await manager.async_acquire(key, {}, asio::deferred);
    co_await lk.async_release(asio::deferred);
}

// --- rows ------------------------------------------------------------------------------------------------------------

std::size_t pairs_per_client(std::size_t clients)
{
    return std::max<std::size_t>(6000 / clients, 40);
}

/// Pairs of acquire and release by `clients` coroutines, each of them one after the other.
template <class Pair>
void run_pairs(benchmark::State& state, asio::io_context& context, std::size_t clients, Pair pair)
{
    const std::size_t per_client = pairs_per_client(clients);
    latencies times;
    for (auto _ : state) {
        std::size_t running = clients;
        const auto start = clock::now();
        for (std::size_t i = 0; i < clients; ++i)
            asio::co_spawn(
                context,
                [&, i]() -> asio::awaitable<void> {
                    for (std::size_t k = 0; k < per_client; ++k) {
                        const auto at = clock::now();
                        co_await pair(keys[i + clients * (k % (key_count / clients))]); // its own keys
                        times.add(clock::now() - at);
                    }
                    --running;
                },
                rethrow);
        run_until(context, [&] { return running == 0; });
        const double seconds = std::chrono::duration<double>(clock::now() - start).count();
        state.SetIterationTime(seconds / static_cast<double>(clients * per_client));
        state.counters["pairs_per_s"] = static_cast<double>(clients * per_client) / seconds;
    }
    report(state, times);
}

void redis_pair(benchmark::State& state)
{
    asio::io_context context;
    participant p(context);
    bool ready = false;
    asio::co_spawn(context, pair_of(p.manager, "warm-up"), [&](std::exception_ptr e) {
        rethrow(e);
        ready = true;
    });
    run_until(context, [&] { return ready; });
    run_pairs(state, context, static_cast<std::size_t>(state.range(0)),
              [&](std::string_view key) { return pair_of(p.manager, key); });
}

void floor_redis_quorum(benchmark::State& state)
{
    asio::io_context context;
    bench::redis_floor floor(context, nodes().configs());
    run_pairs(state, context, static_cast<std::size_t>(state.range(0)),
              [&](std::string_view key) { return floor.pair(key); });
}

std::string peers_directory; // empty: there are none

/// npm redlock over ioredis, in Node, on the same servers.
void peer_redlock(benchmark::State& state)
{
    const auto clients = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        const auto counted = boost::json::parse(
            contention::run_program({"node", peers_directory + "/pairs.js", nodes().addresses(),
                                     std::to_string(clients), std::to_string(pairs_per_client(clients))}));
        for (const auto& [name, value] : counted.as_object())
            state.counters[name] = value.to_number<double>();
        state.SetIterationTime(1 / state.counters["pairs_per_s"]);
    }
}

/// One of the nodes does not answer.
void redis_pair_one_stopped(benchmark::State& state)
{
    asio::io_context context;
    participant p(context);
    bool ready = false;
    asio::co_spawn(context, pair_of(p.manager, "warm-up"), [&](std::exception_ptr e) {
        rethrow(e);
        ready = true;
    });
    run_until(context, [&] { return ready; });
    nodes()[node_count - 1].stop();
    run_pairs(state, context, static_cast<std::size_t>(state.range(0)),
              [&](std::string_view key) { return pair_of(p.manager, key); });
    nodes()[node_count - 1].resume();
}

/// A script to all nodes, until a quorum has answered: the unit of the rows below. As they, it finds nodes that have
/// been at rest.
void floor_round_trip(benchmark::State& state)
{
    constexpr int rounds = 500;
    asio::io_context context;
    bench::redis_floor floor(context, nodes().configs());
    latencies times;
    for (auto _ : state) {
        bool done = false;
        asio::co_spawn(
            context,
            [&]() -> asio::awaitable<void> {
                asio::steady_timer rest(context);
                for (int i = 0; i < rounds; ++i) {
                    rest.expires_after(settling);
                    co_await rest.async_wait(asio::deferred);
                    const auto at = clock::now();
                    co_await floor.obtain("round-trip");
                    times.add(clock::now() - at);
                }
                done = true;
            },
            rethrow);
        run_until(context, [&] { return done; });
        state.SetIterationTime(times.quantile(0.5) / 1e6);
    }
    report(state, times);
}

/// From a release to the completion of the acquire that waits, in another manager with its own connections.
void redis_hand_over(benchmark::State& state)
{
    constexpr int rounds = 500;
    asio::io_context context;
    participant one(context);
    participant two(context);
    latencies times;
    for (auto _ : state) {
        int running = 2;
        clock::time_point released_at{};
        const auto take_turns = [&](lock_manager& manager) -> asio::awaitable<void> {
            asio::steady_timer rest(context);
            for (int i = 0; i < rounds; ++i) {
                lock held = co_await manager.async_acquire("hand-over", {}, asio::deferred);
                if (released_at != clock::time_point())
                    times.add(clock::now() - released_at);
                rest.expires_after(2 * settling); // until the other one is in the queues
                co_await rest.async_wait(asio::deferred);
                released_at = clock::now();
                held.release();
                rest.expires_after(settling); // until the other one has it
                co_await rest.async_wait(asio::deferred);
            }
            released_at = {};
            --running;
        };
        asio::co_spawn(context, take_turns(one.manager), rethrow);
        asio::co_spawn(context, take_turns(two.manager), rethrow);
        run_until(context, [&] { return running == 0; });
        state.SetIterationTime(times.quantile(0.5) / 1e6);
    }
    report(state, times);
}

/// From an acquire that outranks the holder, who goes at once when told, to its grant.
void redis_preempt(benchmark::State& state)
{
    asio::io_context context;
    participant low(context);
    participant high(context);
    latencies times;
    for (auto _ : state) {
        constexpr int rounds = 500;
        bool done = false;
        asio::co_spawn(
            context,
            [&]() -> asio::awaitable<void> {
                asio::steady_timer rest(context);
                for (int i = 0; i < rounds; ++i) {
                    auto victim =
                        std::make_shared<lock>(co_await low.manager.async_acquire("preempt", {}, asio::deferred));
                    victim->async_wait([victim](error_code) { victim->release(); });
                    rest.expires_after(settling);
                    co_await rest.async_wait(asio::deferred);
                    const auto at = clock::now();
                    lock thief = co_await high.manager.async_acquire("preempt", {.priority = 1}, asio::deferred);
                    times.add(clock::now() - at);
                    co_await thief.async_release(asio::deferred);
                }
                done = true;
            },
            rethrow);
        run_until(context, [&] { return done; });
        state.SetIterationTime(times.quantile(0.5) / 1e6);
    }
    report(state, times);
}

/// A client of high priority that asks now and then, among ten of low priority that keep the resource busy and go at
/// once when they are told: what the high one waits.
void redis_priority_mix(benchmark::State& state)
{
    constexpr std::size_t low_clients = 10;
    constexpr std::size_t rounds = 300;
    asio::io_context context;
    participant high(context);
    std::vector<std::unique_ptr<participant>> low;
    for (std::size_t i = 0; i < low_clients; ++i)
        low.push_back(std::make_unique<participant>(context));
    latencies times;
    for (auto _ : state) {
        std::size_t running = low_clients;
        bool done = false;
        for (const auto& each : low)
            asio::co_spawn(
                context,
                [&]() -> asio::awaitable<void> {
                    asio::steady_timer work(context);
                    while (!done) {
                        lock held = co_await each->manager.async_acquire("mix", {}, asio::deferred);
                        work.expires_after(5ms);
                        co_await work.async_wait(held.guard(asio::as_tuple(asio::deferred)));
                        co_await held.async_release(asio::deferred);
                    }
                    --running;
                },
                rethrow);
        asio::co_spawn(
            context,
            [&]() -> asio::awaitable<void> {
                asio::steady_timer think(context);
                for (std::size_t i = 0; i < rounds; ++i) {
                    think.expires_after(13ms);
                    co_await think.async_wait(asio::deferred);
                    const auto at = clock::now();
                    lock held = co_await high.manager.async_acquire("mix", {.priority = 1}, asio::deferred);
                    times.add(clock::now() - at);
                    co_await held.async_release(asio::deferred);
                }
                done = true;
            },
            rethrow);
        run_until(context, [&] { return running == 0; });
        state.SetIterationTime(times.quantile(0.5) / 1e6);
    }
    report(state, times);
}

std::int64_t commands_so_far()
{
    std::int64_t sum = 0;
    for (auto& node : nodes()) {
        const std::string text = node.command({"INFO", "commandstats"}).text;
        for (const char* name : {"cmdstat_evalsha:calls=", "cmdstat_eval:calls="})
            if (const auto at = text.find(name); at != std::string::npos)
                sum += std::stoll(text.substr(at + std::string(name).size()));
    }
    return sum;
}

/// Clients with managers and connections of their own that want one lock all the time, and hold it for 5 ms.
void redis_contention(benchmark::State& state)
{
    const auto clients = static_cast<std::size_t>(state.range(0));
    constexpr auto length = 10s;
    for (auto _ : state) {
        asio::io_context context;
        std::vector<std::unique_ptr<participant>> all;
        for (std::size_t i = 0; i < clients; ++i)
            all.push_back(std::make_unique<participant>(context));
        std::size_t ready = 0;
        for (const auto& each : all)
            asio::co_spawn(context, pair_of(each->manager, "warm-up"), [&](std::exception_ptr e) {
                rethrow(e);
                ++ready;
            });
        run_until(context, [&] { return ready == clients; });

        latencies waits;
        std::vector<std::size_t> served(clients);
        std::size_t failed = 0;
        std::size_t running = clients;
        const auto before = commands_so_far();
        const auto end = clock::now() + length;
        for (std::size_t i = 0; i < clients; ++i)
            asio::co_spawn(
                context,
                [&, i]() -> asio::awaitable<void> {
                    asio::steady_timer hold(context);
                    while (clock::now() < end) {
                        const auto at = clock::now();
                        auto [ec, lk] = co_await all[i]->manager.async_acquire("contended", {.ttl = 1s},
                                                                               asio::as_tuple(asio::deferred));
                        if (ec) {
                            ++failed;
                            continue;
                        }
                        waits.add(clock::now() - at);
                        if (clock::now() < end)
                            ++served[i];
                        hold.expires_after(5ms);
                        co_await hold.async_wait(asio::deferred);
                        lk.release();
                    }
                    --running;
                },
                rethrow);
        run_until(context, [&] { return clock::now() >= end; });
        const auto commands = commands_so_far() - before;
        run_until(context, [&] { return running == 0; });
        std::size_t sum = 0;
        for (const std::size_t each : served)
            sum += each;
        const auto [least, most] = std::minmax_element(served.begin(), served.end());
        state.SetIterationTime(std::chrono::duration<double>(length).count() / static_cast<double>(sum));
        state.counters["per_s"] = static_cast<double>(sum) / std::chrono::duration<double>(length).count();
        state.counters["wait_p50_ms"] = waits.quantile(0.5) / 1000;
        state.counters["wait_p99_ms"] = waits.quantile(0.99) / 1000;
        state.counters["most"] = static_cast<double>(*most);
        state.counters["least"] = static_cast<double>(*least);
        state.counters["failed"] = static_cast<double>(failed);
        state.counters["commands"] = static_cast<double>(commands) / static_cast<double>(sum);
    }
}

// --- the table -------------------------------------------------------------------------------------------------------

void register_rows(bool with_peers)
{
    const auto add = [](const char* name, void (*row)(benchmark::State&)) {
        return benchmark::RegisterBenchmark(name, row)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(1);
    };
    for (const int clients : {1, 32, 256}) {
        add("redis/pair", redis_pair)->Arg(clients);
        add("floor/redis_quorum", floor_redis_quorum)->Arg(clients);
        if (with_peers)
            add("peer/redlock", peer_redlock)->Arg(clients);
    }
    add("redis/pair_one_stopped", redis_pair_one_stopped)->Arg(1);
    add("floor/round_trip", floor_round_trip);
    add("redis/hand_over", redis_hand_over);
    add("redis/preempt", redis_preempt);
    add("redis/priority_mix", redis_priority_mix);
    add("redis/contention", redis_contention)->Arg(50);
}

struct goal
{
    const char* of;
    const char* counter;
    const char* to; // nullptr: no ratio
    const char* to_counter;
    bench::bound side;
    double value;
};

constexpr auto at_most = bench::bound::at_most;
constexpr auto at_least = bench::bound::at_least;

constexpr goal goals[] = {
    {"redis/pair/1", "time_us", "floor/redis_quorum/1", "time_us", at_most, 1.25},
    {"redis/pair/32", "time_us", "floor/redis_quorum/32", "time_us", at_most, 1.25},
    {"redis/pair/256", "time_us", "floor/redis_quorum/256", "time_us", at_most, 1.25},
    {"redis/pair/1", "p50_us", "peer/redlock/1", "p50_us", at_most, 0.7},
    {"redis/pair/256", "pairs_per_s", "peer/redlock/256", "pairs_per_s", at_least, 2},
    {"redis/hand_over", "p50_us", "floor/round_trip", "p50_us", at_most, 3},
    {"redis/hand_over", "p99_us", nullptr, nullptr, at_most, 2000},
    {"redis/preempt", "p50_us", "floor/round_trip", "p50_us", at_most, 4},
    {"redis/priority_mix", "p99_us", "floor/round_trip", "p50_us", at_most, 5},
    {"redis/pair_one_stopped/1", "p99_us", "redis/pair/1", "p99_us", at_most, 1.5},
    {"redis/contention/50", "per_s", nullptr, nullptr, at_least, 180},
    {"redis/contention/50", "wait_p99_ms", nullptr, nullptr, at_most, 350},
    {"redis/contention/50", "most", "redis/contention/50", "least", at_most, 1.2},
    {"redis/contention/50", "failed", nullptr, nullptr, at_most, 0},
    {"redis/contention/50", "commands", nullptr, nullptr, at_most, 20},
};

/// Prints the medians of the repetitions, and at the end how they compare with the goals.
class table : public benchmark::BenchmarkReporter
{
public:
    bool ReportContext(const Context&) override { return true; }

    void ReportRuns(const std::vector<Run>& report) override
    {
        for (const Run& run : report) {
            if (run.run_type != Run::RT_Iteration || run.iterations == 0)
                continue;
            const std::string name = bench::row_of(run.benchmark_name());
            if (!results_.contains(name))
                order_.push_back(name);
            auto& counters = results_[name];
            counters["time_us"].push_back(run.GetAdjustedRealTime());
            for (const auto& [counter, value] : run.counters)
                counters[counter].push_back(value);
        }
    }

    void Finalize() override
    {
        std::printf("%-26s %10s %10s %10s %12s\n", "microseconds", "each", "p50", "p99", "pairs/s");
        for (const std::string& name : order_)
            std::printf("%-26s %10.1f %10s %10s %12s\n", name.c_str(), *figure(name, "time_us"),
                        text(name, "p50_us", 1).c_str(), text(name, "p99_us", 1).c_str(),
                        text(name, "pairs_per_s", 0).c_str());
        if (const std::string name = "redis/contention/50"; results_.contains(name)) {
            std::printf("\n%s\n", name.c_str());
            for (const auto& [counter, values] : results_[name])
                if (counter != "time_us")
                    std::printf("    %-22s %10.1f\n", counter.c_str(), bench::median(values));
        }

        bench::print_verdict_header();
        for (const goal& each : goals) {
            const auto of = figure(each.of, each.counter);
            const auto to = each.to ? figure(each.to, each.to_counter) : 1;
            if (!of || !to)
                continue;
            std::string what = std::string(each.of) + ' ' + each.counter;
            if (each.to)
                what += " / " + std::string(each.to) + ' ' + each.to_counter;
            bench::print_verdict(what, *of / *to, each.side, each.value);
        }
    }

private:
    [[nodiscard]] std::optional<double> figure(const std::string& name, const std::string& counter) const
    {
        const auto row = results_.find(name);
        if (row == results_.end())
            return {};
        const auto values = row->second.find(counter);
        if (values == row->second.end())
            return {};
        return bench::median(values->second);
    }

    [[nodiscard]] std::string text(const std::string& name, const std::string& counter, int digits) const
    {
        const auto value = figure(name, counter);
        if (!value)
            return "-";
        char buffer[32];
        std::snprintf(buffer, sizeof buffer, "%.*f", digits, *value);
        return buffer;
    }

    std::vector<std::string> order_;
    std::map<std::string, std::map<std::string, std::vector<double>>> results_;
};

} // namespace

int main(int argc, char** argv)
try {
    constexpr std::string_view peers_flag = "--peers=";

    std::thread([] {}).join(); // as a server: from now on atomics are atomic

    std::vector<std::string> defaults{"--benchmark_repetitions=5", "--benchmark_enable_random_interleaving=true"};
    std::vector<char*> args{argv[0]};
    for (std::string& each : defaults)
        args.push_back(each.data());
    for (char** each = argv + 1; each != argv + argc; ++each) {
        if (std::string_view(*each).starts_with(peers_flag))
            peers_directory = *each + peers_flag.size();
        else
            args.push_back(*each);
    }
    int count = static_cast<int>(args.size());
    benchmark::Initialize(&count, args.data());
    if (benchmark::ReportUnrecognizedArguments(count, args.data()))
        return 2;

    const bool with_peers =
        contention::has_program("node") && std::filesystem::exists(peers_directory + "/node_modules");
    if (!with_peers)
        std::printf("Without the rows of npm redlock: they need Node, and npm ci in benchmarks/peers.\n");
    register_rows(with_peers);
    std::printf("Boost %d.%d, %s, %u cores, %zu servers on this machine; 5 repetitions take about 3 minutes\n\n",
                BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, __VERSION__, std::thread::hardware_concurrency(),
                node_count);
    std::fflush(stdout);
    table reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
} catch (const std::exception& e) {
    std::fprintf(stderr, "redis_bench: %s\n", e.what());
    return 1;
}
