// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What an acquire and a release cost, beside what they are made of and what a user would write without the library.
// README.md says how to read it.

#include "heap_hooks.hpp"
#include "keyed_mutexes.hpp"
#include "table/name_hash.hpp"
#include "verdicts.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/strand.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/version.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;

using priority_redlock::acquire_options;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_state;
using priority_redlock::single_threaded;

namespace {

constinit thread_local std::size_t allocations = 0;

} // namespace

void bench::on_allocation(void*) noexcept
{
    ++allocations;
}

void bench::on_free(void*) noexcept {}

namespace {

constexpr std::size_t batch = 96'000; // operations in one io_context::run(), shared by the coroutines of a row
constexpr std::size_t full_team = 64; // and how many these are at most
std::size_t team = full_team;         // coroutines of most rows: so many handlers are ready to run at any time
constexpr std::size_t crowd = 1000;   // coroutines of a hand-off row

// --- names -----------------------------------------------------------------------------------------------------------

/// n names of 20 characters.
std::vector<std::string> make_names(const std::string& prefix, std::size_t n)
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i < n; ++i) {
        const std::string number = std::to_string(i);
        names.push_back(prefix + std::string(20 - prefix.size() - number.size(), '0') + number);
    }
    return names;
}

const std::vector<std::string> many_keys = make_names("resource-", 1000);
const std::vector<std::string> few_keys = make_names("resource-", full_team);
const std::vector<std::string> lockers = make_names("locker-", full_team);
const std::string_view one_key = many_keys.front();

/// All of the keys in turn, for each member of the team from another one on.
class rotation
{
public:
    rotation(const std::vector<std::string>& keys, std::size_t member)
        : keys_(&keys), next_(member * keys.size() / team)
    {
    }

    std::string_view next() noexcept
    {
        const std::string& key = (*keys_)[next_];
        next_ = next_ + 1 == keys_->size() ? 0 : next_ + 1;
        return key;
    }

private:
    const std::vector<std::string>* keys_;
    std::size_t next_;
};

// --- running ---------------------------------------------------------------------------------------------------------

/// The same for every row: an io_context and its type-erased executor.
struct fixture
{
    asio::io_context context;
    asio::any_io_executor executor{context.get_executor()};

    /// Runs make(0) ... make(n - 1) until the last of them ends, without waiting for timers that are left over.
    template <class MakeCoroutine>
    void run(std::size_t n, MakeCoroutine make, unsigned threads = 1)
    {
        std::atomic<std::size_t> running = n;
        for (std::size_t i = 0; i < n; ++i)
            asio::co_spawn(executor, make(i), [&](const std::exception_ptr& e) {
                if (e)
                    std::rethrow_exception(e);
                if (--running == 0)
                    context.stop();
            });
        std::vector<std::thread> others;
        for (unsigned i = 1; i < threads; ++i)
            others.emplace_back([this] { context.run(); });
        context.run();
        for (std::thread& each : others)
            each.join();
        context.restart();
    }
};

void count_allocations(benchmark::State& state, std::size_t n)
{
    state.counters["allocs"] = benchmark::Counter(static_cast<double>(n), benchmark::Counter::kAvgIterations);
}

/// Repeats `run`, which does `batch` operations on this thread; Google Benchmark then reports the time of one.
template <class Run>
void measure(benchmark::State& state, Run run)
{
    const std::size_t before = allocations;
    while (state.KeepRunningBatch(batch))
        run();
    count_allocations(state, allocations - before);
}

// --- floors ----------------------------------------------------------------------------------------------------------

asio::awaitable<void> post_repeatedly()
{
    for (std::size_t n = batch / team; n != 0; --n)
        co_await asio::post(asio::deferred);
}

void floor_post(benchmark::State& state)
{
    fixture f;
    measure(state, [&] { f.run(team, [](std::size_t) { return post_repeatedly(); }); });
}

/// To a private strand and back: what an object that keeps its state on a strand pays before it does anything.
asio::awaitable<void> visit_repeatedly(asio::strand<asio::any_io_executor> strand)
{
    for (std::size_t n = batch / team; n != 0; --n) {
        co_await asio::dispatch(asio::bind_executor(strand, asio::deferred));
        co_await asio::post(asio::deferred);
    }
}

void floor_strand_dispatch_post(benchmark::State& state)
{
    fixture f;
    const auto strand = asio::make_strand(f.executor);
    measure(state, [&] { f.run(team, [&](std::size_t) { return visit_repeatedly(strand); }); });
}

/// One way into what keeps two threads from one table, by threads that do nothing else.
template <unsigned Threads, class Enter>
void enter_repeatedly(benchmark::State& state, fixture& f, Enter enter)
{
    measure(state, [&] {
        for (unsigned t = 0; t < Threads; ++t)
            asio::post(f.context, [&] {
                for (std::size_t n = batch / Threads; n != 0; --n)
                    enter();
            });
        std::vector<std::thread> others;
        for (unsigned t = 1; t < Threads; ++t)
            others.emplace_back([&f] { f.context.run(); });
        f.context.run();
        for (std::thread& each : others)
            each.join();
        f.context.restart();
    });
}

template <unsigned Threads>
void floor_enter_mutex(benchmark::State& state)
{
    fixture f;
    std::mutex mutex;
    std::size_t entered = 0;
    enter_repeatedly<Threads>(state, f, [&] {
        const std::lock_guard guard(mutex);
        benchmark::DoNotOptimize(++entered);
    });
}

template <unsigned Threads>
void floor_enter_strand(benchmark::State& state)
{
    fixture f;
    const auto strand = asio::make_strand(f.context);
    std::size_t entered = 0;
    enter_repeatedly<Threads>(state, f, [&] { asio::dispatch(strand, [&] { benchmark::DoNotOptimize(++entered); }); });
}

/// The hash of a name, each of which begins with the hash of the one before and so waits for it.
template <std::size_t Size, class Hash>
void hash_repeatedly(benchmark::State& state, Hash hash)
{
    std::string name(Size, 'x');
    measure(state, [&] {
        for (std::size_t n = batch; n != 0; --n) {
            const std::size_t of_last = hash(std::string_view(name));
            std::memcpy(name.data(), &of_last, sizeof of_last);
        }
        benchmark::DoNotOptimize(name);
    });
}

template <std::size_t Size>
void floor_hash(benchmark::State& state)
{
    hash_repeatedly<Size>(state, boost::hash<std::string_view>());
}

template <std::size_t Size>
void floor_keyed_hash(benchmark::State& state)
{
    hash_repeatedly<Size>(state, priority_redlock::detail::keyed_hash(priority_redlock::detail::process_hash_key()));
}

// --- free resources --------------------------------------------------------------------------------------------------

asio::awaitable<void> acquire_and_release(lock_manager& manager, rotation keys, std::string_view locker,
                                          acquire_options options)
{
    for (std::size_t n = batch / team; n != 0; --n) {
        lock held = co_await manager.async_acquire(keys.next(), locker, options, asio::deferred);
        held.release();
    }
}

template <class... ManagerArgs>
void uncontended(benchmark::State& state, const acquire_options& options, ManagerArgs... args)
{
    fixture f;
    lock_manager manager(f.executor, args...);
    measure(state, [&] {
        f.run(team,
              [&](std::size_t i) { return acquire_and_release(manager, rotation(many_keys, i), lockers[i], options); });
    });
}

void memory_uncontended(benchmark::State& state)
{
    uncontended(state, {});
}

void memory_uncontended_single(benchmark::State& state)
{
    uncontended(state, {}, single_threaded);
}

void memory_try_acquire(benchmark::State& state)
{
    fixture f;
    lock_manager manager(f.executor);
    rotation keys(many_keys, 0);
    measure(state, [&] {
        for (std::size_t n = batch; n != 0; --n)
            manager.try_acquire(keys.next(), lockers.front()).release();
    });
}

void memory_uncontended_ttl(benchmark::State& state)
{
    uncontended(state, {.ttl = std::chrono::seconds(30)});
}

template <class Map>
asio::awaitable<void> acquire_and_release_peer(Map& map, rotation keys)
{
    for (std::size_t n = batch / team; n != 0; --n) {
        typename Map::user mutex(map, keys.next());
        co_await mutex.async_lock(asio::deferred);
        mutex.unlock();
    }
}

template <class Map>
void peer_uncontended(benchmark::State& state)
{
    fixture f;
    Map map(f.executor);
    measure(state,
            [&] { f.run(team, [&](std::size_t i) { return acquire_and_release_peer(map, rotation(many_keys, i)); }); });
}

// --- how the cost grows with the resources ---------------------------------------------------------------------------

/// n names, made by the first row that needs them.
template <std::size_t N>
const std::vector<std::string>& names()
{
    static const std::vector<std::string> all = make_names("resource-", N);
    return all;
}

/// The turns of the team, which go on from one run to the next: so that all names are used, and not only the first
/// ones.
std::vector<rotation> turns_of(const std::vector<std::string>& keys)
{
    std::vector<rotation> turns;
    for (std::size_t i = 0; i < team; ++i)
        turns.emplace_back(keys, i);
    return turns;
}

asio::awaitable<void> go_on(lock_manager& manager, rotation& keys, std::string_view locker, std::size_t n)
{
    for (; n != 0; --n) {
        lock held = co_await manager.async_acquire(keys.next(), locker, {}, asio::deferred);
        held.release();
    }
}

template <std::size_t N>
void grow(benchmark::State& state, const priority_redlock::manager_options& options)
{
    fixture f;
    lock_manager manager(f.executor, options);
    auto turns = turns_of(names<N>());
    f.run(team, [&](std::size_t i) { return go_on(manager, turns[i], lockers[i], N / team + 1); });
    measure(state,
            [&] { f.run(team, [&](std::size_t i) { return go_on(manager, turns[i], lockers[i], batch / team); }); });
}

/// With the default options, which remember 4096 idle resources: those that come back later are made anew.
template <std::size_t N>
void memory_resources(benchmark::State& state)
{
    grow<N>(state, {});
}

/// The manager remembers all of them. (Each of its shards has an equal part of the memory, but not of the resources.)
template <std::size_t N>
void memory_remembered(benchmark::State& state)
{
    grow<N>(state, {.idle_resources = 2 * N});
}

using plain_table = boost::unordered_flat_map<std::string, std::size_t>;

asio::awaitable<void> look_up(plain_table& table, rotation& keys)
{
    std::string key; // the table takes no views
    for (std::size_t n = batch / team; n != 0; --n) {
        co_await asio::post(asio::deferred);
        key = keys.next();
        ++table.find(key)->second;
    }
}

/// The cache misses of a hash table, and nothing else: a post and a look-up. (Without the post, the processor would
/// work on several look-ups at a time.)
template <std::size_t N>
void floor_post_and_find(benchmark::State& state)
{
    fixture f;
    plain_table table;
    for (const std::string& each : names<N>())
        table.emplace(each, 0);
    auto turns = turns_of(names<N>());
    measure(state, [&] { f.run(team, [&](std::size_t i) { return look_up(table, turns[i]); }); });
}

// --- everybody wants the same ----------------------------------------------------------------------------------------

asio::awaitable<void> hold_in_turn(lock_manager& manager)
{
    for (std::size_t n = batch / crowd; n != 0; --n) {
        lock held = co_await manager.async_acquire(one_key, {}, asio::deferred);
        co_await asio::post(asio::deferred);
        held.release();
    }
}

template <class... ManagerArgs>
void handoff(benchmark::State& state, ManagerArgs... args)
{
    fixture f;
    lock_manager manager(f.executor, args...);
    measure(state, [&] { f.run(crowd, [&](std::size_t) { return hold_in_turn(manager); }); });
}

void memory_handoff(benchmark::State& state)
{
    handoff(state);
}

void memory_handoff_single(benchmark::State& state)
{
    handoff(state, single_threaded);
}

template <class Map>
asio::awaitable<void> hold_peer_in_turn(Map& map)
{
    for (std::size_t n = batch / crowd; n != 0; --n) {
        typename Map::user mutex(map, one_key);
        co_await mutex.async_lock(asio::deferred);
        co_await asio::post(asio::deferred);
        mutex.unlock();
    }
}

template <class Map>
void peer_handoff(benchmark::State& state)
{
    fixture f;
    Map map(f.executor);
    measure(state, [&] { f.run(crowd, [&](std::size_t) { return hold_peer_in_turn(map); }); });
}

// --- stealing --------------------------------------------------------------------------------------------------------

/// Owns a lock, waits for its end, and unwinds when told.
struct victim
{
    lock held;
    std::size_t* told;

    void operator()(error_code ec)
    {
        if (ec == asio::error::operation_aborted && held.state() == lock_state::revoking)
            ++*told;
        held.release();
    }
};

/// Gives each lock to a victim, whom the next acquire outranks.
asio::awaitable<void> climb(lock_manager& manager, std::string_view key, std::size_t& told)
{
    int priority = 0;
    lock top = co_await manager.async_acquire(key, {.priority = priority}, asio::deferred);
    for (std::size_t n = batch / team; n != 0; --n) {
        auto wait = top.async_wait(asio::deferred);
        std::move(wait)(victim{std::move(top), &told});
        top = co_await manager.async_acquire(key, {.priority = ++priority}, asio::deferred);
    }
}

/// A ladder for each member of the team.
void memory_preempt_ladder(benchmark::State& state)
{
    fixture f;
    lock_manager manager(f.executor);
    std::size_t told = 0;
    std::size_t steals = 0;
    measure(state, [&] {
        f.run(team, [&](std::size_t i) { return climb(manager, few_keys[i], told); });
        steals += batch;
    });
    if (told != steals)
        throw std::runtime_error("memory/preempt_ladder: " + std::to_string(told) + " of " + std::to_string(steals)
                                 + " victims were told");
}

// --- threads ---------------------------------------------------------------------------------------------------------

void memory_threads(benchmark::State& state)
{
    fixture f;
    lock_manager manager(f.executor);
    while (state.KeepRunningBatch(batch))
        f.run(
            team, [&](std::size_t i) { return acquire_and_release(manager, rotation(few_keys, i), lockers[i], {}); },
            2);
}

void peer_threads(benchmark::State& state)
{
    fixture f;
    bench::concurrent_channel_map map(f.executor);
    while (state.KeepRunningBatch(batch))
        f.run(team, [&](std::size_t i) { return acquire_and_release_peer(map, rotation(few_keys, i)); }, 2);
}

/// Two contexts with a thread each, on which half of the team is made and runs.
class two_contexts
{
public:
    /// Runs make(c, i) for each member i of the team, on context c.
    template <class MakeCoroutine>
    void run(MakeCoroutine make)
    {
        for (std::size_t c = 0; c != fixtures.size(); ++c)
            asio::post(fixtures[c].context, [&, c] {
                left_[c] = team / fixtures.size();
                for (std::size_t i = c; i < team; i += fixtures.size())
                    asio::co_spawn(fixtures[c].executor, make(c, i), [this, c](const std::exception_ptr& e) {
                        if (e)
                            std::rethrow_exception(e);
                        if (--left_[c] == 0)
                            fixtures[c].context.stop();
                    });
            });
        std::thread other([this] { fixtures[1].context.run(); });
        fixtures[0].context.run();
        other.join();
        for (fixture& each : fixtures)
            each.context.restart();
    }

    std::array<fixture, 2> fixtures;

private:
    std::array<std::size_t, 2> left_{}; // each is used by one thread
};

void floor_contexts(benchmark::State& state)
{
    two_contexts f;
    while (state.KeepRunningBatch(batch))
        f.run([](std::size_t, std::size_t) { return post_repeatedly(); });
}

/// `own`: a manager for each context. `disjoint`: and keys, or else all have the same.
template <bool Own, bool Disjoint, std::size_t Keys>
void memory_contexts(benchmark::State& state)
{
    two_contexts f;
    lock_manager first(f.fixtures[0].executor);
    lock_manager second(f.fixtures[1].executor);
    const std::array<std::vector<std::string>, 2> keys{make_names("first-", Keys), make_names("second-", Keys)};
    while (state.KeepRunningBatch(batch))
        f.run([&](std::size_t c, std::size_t i) {
            return acquire_and_release(Own && c == 1 ? second : first, rotation(keys[Disjoint ? c : 0], i), lockers[i],
                                       {});
        });
}

/// Threads by keys: 64 coroutines take them in turn. With one key all wait in line.
template <unsigned Threads, std::size_t Keys>
void memory_matrix(benchmark::State& state)
{
    fixture f;
    lock_manager manager(f.executor);
    while (state.KeepRunningBatch(batch))
        f.run(
            team,
            [&](std::size_t i) { return acquire_and_release(manager, rotation(names<Keys>(), i), lockers[i], {}); },
            Threads);
}

template <unsigned Threads, std::size_t Keys>
void peer_matrix(benchmark::State& state)
{
    fixture f;
    bench::concurrent_channel_map map(f.executor);
    while (state.KeepRunningBatch(batch))
        f.run(team, [&](std::size_t i) { return acquire_and_release_peer(map, rotation(names<Keys>(), i)); }, Threads);
}

// --- allocations -----------------------------------------------------------------------------------------------------

/// Acquires and releases in a chain of callbacks that bring a recycling allocator, and counts what it takes from the
/// global heap after the first round of the keys. (Asio's recycled blocks live as long as a run() of the context.)
class callback_chain
{
    struct progress
    {
        lock_manager& manager;
        rotation keys{many_keys, 0};
        std::size_t left = batch;
        std::size_t allocations_before = 0;
        std::size_t allocations_since = 0;
    };

    class step
    {
    public:
        using allocator_type = asio::recycling_allocator<void>;

        explicit step(progress& p) : progress_(p) {}

        [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }

        void start() const { progress_.manager.async_acquire(progress_.keys.next(), lockers.front(), {}, *this); }

        void operator()(error_code ec, lock held) const
        {
            if (ec)
                throw boost::system::system_error(ec);
            held.release();
            if (progress_.left == batch - many_keys.size())
                progress_.allocations_before = allocations;
            if (--progress_.left != 0)
                start();
            else
                progress_.allocations_since = allocations - progress_.allocations_before;
        }

    private:
        progress& progress_;
    };

public:
    /// Returns the number of allocations.
    static std::size_t run(asio::io_context& context, lock_manager& manager)
    {
        progress p{manager};
        step(p).start();
        context.run();
        context.restart();
        return p.allocations_since;
    }
};

void memory_allocations(benchmark::State& state)
{
    fixture f;
    lock_manager manager(f.executor);
    callback_chain::run(f.context, manager); // each shard takes blocks of its own when it first measures a hold
    std::size_t n = 0;
    while (state.KeepRunningBatch(batch))
        n += callback_chain::run(f.context, manager);
    count_allocations(state, n);
}

// --- the table -------------------------------------------------------------------------------------------------------

struct row
{
    const char* name;
    void (*run)(benchmark::State&);
    unsigned threads = 1;
    benchmark::IterationCount iterations = 0; // 0: as many as Google Benchmark finds are enough
};

constexpr benchmark::IterationCount few = 10 * batch; // for rows that take long to set up

constexpr row rows[] = {
    {"floor/post", floor_post},
    {"floor/strand_dispatch_post", floor_strand_dispatch_post},
    {"floor/enter_mutex", floor_enter_mutex<1>},
    {"floor/enter_strand", floor_enter_strand<1>},
    {"floor/enter_mutex/threads/2", floor_enter_mutex<2>, 2},
    {"floor/enter_strand/threads/2", floor_enter_strand<2>, 2},
    {"floor/hash/16", floor_hash<16>},
    {"floor/hash/32", floor_hash<32>},
    {"floor/keyed_hash/16", floor_keyed_hash<16>},
    {"floor/keyed_hash/32", floor_keyed_hash<32>},
    {"memory/uncontended", memory_uncontended},
    {"memory/uncontended_single", memory_uncontended_single},
    {"memory/uncontended_ttl", memory_uncontended_ttl},
    {"memory/try_acquire", memory_try_acquire},
    {"memory/handoff/1000", memory_handoff},
    {"memory/handoff_single/1000", memory_handoff_single},
    {"memory/preempt_ladder", memory_preempt_ladder},
    {"memory/threads/2", memory_threads, 2},
    {"floor/contexts/2/post", floor_contexts, 2},
    {"memory/contexts/2/disjoint", memory_contexts<false, true, 500>, 2},
    {"memory/contexts/2/1000_keys", memory_contexts<false, false, 1000>, 2},
    {"memory/contexts/2/64_keys", memory_contexts<false, false, 64>, 2},
    {"memory/contexts/2/1_key", memory_contexts<false, false, 1>, 2},
    {"memory/contexts_own/2/disjoint", memory_contexts<true, true, 500>, 2},
    {"memory/allocations", memory_allocations},
    {"floor/post_and_find/1000", floor_post_and_find<1'000>, 1, few},
    {"floor/post_and_find/1000000", floor_post_and_find<1'000'000>, 1, few},
    {"memory/resources/1000", memory_resources<1'000>, 1, few},
    {"memory/resources/1000000", memory_resources<1'000'000>, 1, few},
    {"memory/remembered/1000", memory_remembered<1'000>, 1, few},
    {"memory/remembered/1000000", memory_remembered<1'000'000>, 1, few},
    {"memory/matrix/1_thread/1_key", memory_matrix<1, 1>},
    {"memory/matrix/1_thread/64_keys", memory_matrix<1, 64>},
    {"memory/matrix/1_thread/1000_keys", memory_matrix<1, 1000>},
    {"memory/matrix/2_threads/1_key", memory_matrix<2, 1>, 2},
    {"memory/matrix/2_threads/64_keys", memory_matrix<2, 64>, 2},
    {"memory/matrix/2_threads/1000_keys", memory_matrix<2, 1000>, 2},
    {"peer/mutex_map/uncontended", peer_uncontended<bench::mutex_map>},
    {"peer/mutex_map/handoff/1000", peer_handoff<bench::mutex_map>},
    {"peer/concurrent_mutex_map/uncontended", peer_uncontended<bench::concurrent_mutex_map>},
    {"peer/concurrent_mutex_map/handoff/1000", peer_handoff<bench::concurrent_mutex_map>},
    {"peer/channel_map/uncontended", peer_uncontended<bench::channel_map>},
    {"peer/channel_map/handoff/1000", peer_handoff<bench::channel_map>},
    {"peer/concurrent_channel_map/uncontended", peer_uncontended<bench::concurrent_channel_map>},
    {"peer/concurrent_channel_map/handoff/1000", peer_handoff<bench::concurrent_channel_map>},
    {"peer/concurrent_channel_map/threads/2", peer_threads, 2},
    {"peer/matrix/1_thread/1_key", peer_matrix<1, 1>},
    {"peer/matrix/1_thread/64_keys", peer_matrix<1, 64>},
    {"peer/matrix/1_thread/1000_keys", peer_matrix<1, 1000>},
    {"peer/matrix/2_threads/1_key", peer_matrix<2, 1>, 2},
    {"peer/matrix/2_threads/64_keys", peer_matrix<2, 64>, 2},
    {"peer/matrix/2_threads/1000_keys", peer_matrix<2, 1000>, 2},
};

struct goal
{
    const char* of;
    const char* to;
    double at_most;
};

constexpr goal goals[] = {
    {"memory/uncontended_single", "peer/mutex_map/uncontended", 0.85},
    {"memory/uncontended_single", "floor/post", 3.5},
    {"memory/uncontended", "peer/concurrent_mutex_map/uncontended", 1.05},
    {"memory/uncontended_ttl", "memory/uncontended", 1.25},
    {"memory/handoff_single/1000", "peer/mutex_map/handoff/1000", 1.2},
    {"memory/handoff/1000", "peer/concurrent_mutex_map/handoff/1000", 1.3},
    {"memory/threads/2", "peer/concurrent_channel_map/threads/2", 1.0},
    {"memory/contexts/2/disjoint", "memory/contexts_own/2/disjoint", 2.0},
    {"memory/contexts/2/disjoint", "memory/uncontended", 1.0},
    {"memory/preempt_ladder", "floor/post", 7.0},
};

/// Prints the medians of the repetitions, and at the end their ratios beside the goals.
class table : public benchmark::BenchmarkReporter
{
public:
    bool ReportContext(const Context&) override { return true; }

    void ReportRuns(const std::vector<Run>& report) override
    {
        for (const Run& run : report) {
            if (run.run_type != Run::RT_Iteration || run.iterations == 0)
                continue;
            // One thread that never sleeps: its processor time, so that other processes disturb less.
            const std::string name = bench::row_of(run.benchmark_name());
            result& r = results_[name];
            r.times.push_back(threads_of(name) == 1 ? run.GetAdjustedCPUTime() : run.GetAdjustedRealTime());
            if (const auto it = run.counters.find("allocs"); it != run.counters.end())
                r.allocations = std::max(r.allocations.value_or(0), static_cast<double>(it->second));
        }
    }

    void Finalize() override
    {
        std::printf("%-42s %9s %9s %9s %10s\n", "ns per operation", "median", "min", "max", "allocs/op");
        for (const row& each : rows)
            if (const auto it = results_.find(each.name); it != results_.end())
                print(each.name, it->second);

        bench::print_verdict_header();
        for (const goal& each : goals) {
            const auto of = results_.find(each.of);
            const auto to = results_.find(each.to);
            if (of != results_.end() && to != results_.end())
                judge(std::string(each.of) + " / " + each.to, of->second.median() / to->second.median(), each.at_most);
        }
        judge_growth("memory/remembered");
        if (const auto it = results_.find("memory/allocations"); it != results_.end() && it->second.allocations)
            judge("memory/allocations: from the global heap, per operation", *it->second.allocations, 0);
    }

private:
    struct result
    {
        std::vector<double> times;
        std::optional<double> allocations;

        [[nodiscard]] double median() const { return bench::median(times); }
    };

    /// From 1000 to 1 000 000 resources, less what the look-up in a hash table grows by.
    void judge_growth(const std::string& name)
    {
        const auto few_ours = results_.find(name + "/1000");
        const auto many_ours = results_.find(name + "/1000000");
        const auto few_plain = results_.find("floor/post_and_find/1000");
        const auto many_plain = results_.find("floor/post_and_find/1000000");
        for (const auto& each : {few_ours, many_ours, few_plain, many_plain})
            if (each == results_.end())
                return;
        const double plain = many_plain->second.median() - few_plain->second.median();
        judge(name + "/1000000, less the growth of floor/post_and_find, / " + name + "/1000",
              (many_ours->second.median() - plain) / few_ours->second.median(), 1.3);
    }

    static unsigned threads_of(const std::string& name)
    {
        const auto it = std::find_if(std::begin(rows), std::end(rows), [&](const row& r) { return r.name == name; });
        return it == std::end(rows) ? 1 : it->threads;
    }

    static void print(const char* name, const result& r)
    {
        const auto [min, max] = std::minmax_element(r.times.begin(), r.times.end());
        std::printf("%-42s %9.1f %9.1f %9.1f ", name, r.median(), *min, *max);
        if (r.allocations)
            std::printf("%10.2f\n", *r.allocations);
        else
            std::printf("%10s\n", "-");
    }

    static void judge(const std::string& what, double measured, double at_most)
    {
        bench::print_verdict(what, measured, bench::bound::at_most, at_most);
    }

    std::map<std::string, result> results_;
};

} // namespace

int main(int argc, char** argv)
try {
    constexpr std::string_view coroutines_flag = "--coroutines=";

    // Until a process has started its first thread its atomics and mutexes cost nothing, which no server sees.
    std::thread([] {}).join();

    std::vector<std::string> defaults{"--benchmark_repetitions=5", "--benchmark_enable_random_interleaving=true"};
    std::vector<char*> args{argv[0]};
    for (std::string& each : defaults)
        args.push_back(each.data());
    args.insert(args.end(), argv + 1, argv + argc);
    int count = static_cast<int>(args.size());
    benchmark::Initialize(&count, args.data());
    if (count == 2 && std::string_view(args[1]).starts_with(coroutines_flag)) {
        team = std::stoul(args[1] + coroutines_flag.size());
        if (team == 0 || team > full_team || batch % team != 0)
            throw std::invalid_argument("--coroutines must be 1 to 64 and divide 96000");
        count = 1;
    }
    if (benchmark::ReportUnrecognizedArguments(count, args.data()))
        return 2;

    for (const row& each : rows) {
        auto* const registered = benchmark::RegisterBenchmark(each.name, each.run);
        if (each.iterations)
            registered->Iterations(each.iterations);
    }
    std::printf("Boost %d.%d, %s, %u cores, %zu coroutines; 5 repetitions of %zu rows take a minute or two\n\n",
                BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, __VERSION__, std::thread::hardware_concurrency(),
                team, std::size(rows));
    std::fflush(stdout);
    table reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
} catch (const std::exception& e) {
    std::fprintf(stderr, "micro: %s\n", e.what());
    return 1;
}
