// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The peers in memory: what a user would write by hand to have one mutex per key.

#ifndef PRIORITY_REDLOCK_BENCHMARKS_KEYED_MUTEXES_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_KEYED_MUTEXES_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/system/error_code.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace bench {

namespace asio = boost::asio;
using boost::system::error_code;

/// For one thread: what `std::atomic` is for several.
template <class T>
class plain
{
public:
    explicit plain(T v) noexcept : value_(v) {}
    T load(std::memory_order = {}) const noexcept { return value_; }
    void store(T v, std::memory_order = {}) noexcept { value_ = v; }
    T exchange(T v, std::memory_order = {}) noexcept { return std::exchange(value_, v); }
    bool compare_exchange_strong(T& expected, T v, std::memory_order = {}, std::memory_order = {}) noexcept
    {
        if (value_ != expected) {
            expected = value_;
            return false;
        }
        value_ = v;
        return true;
    }
    bool compare_exchange_weak(T& expected, T v, std::memory_order = {}, std::memory_order = {}) noexcept
    {
        return compare_exchange_strong(expected, v);
    }

private:
    T value_;
};

/// The best that one would write by hand: an asynchronous mutex, first come, first served, without a lock of its own.
/// One atomic says whether it is free, or held, or who has come since; the holder turns these round into a queue. A
/// completion is posted to the handler's executor. Nothing can be cancelled. (The scheme is that of cppcoro's
/// async_mutex, by Lewis Baker.)
template <template <class> class Atomic>
class async_mutex
{
    struct waiter
    {
        waiter* next = nullptr;
        void (*complete)(waiter*) = nullptr;
    };

    template <class Handler>
    using executor_of = asio::associated_executor_t<Handler, asio::any_io_executor>;

    /// As Asio's own operations do, in memory of the thread.
    template <class Handler, class T>
    static auto allocator_for(const Handler& handler)
    {
        if constexpr (std::is_same_v<asio::associated_allocator_t<Handler>, std::allocator<void>>)
            return asio::recycling_allocator<T>();
        else
            return typename std::allocator_traits<asio::associated_allocator_t<Handler>>::template rebind_alloc<T>(
                asio::get_associated_allocator(handler));
    }

    template <class Executor, class Handler>
    static void post(const Executor& ex, Handler handler)
    {
        asio::require(ex, asio::execution::blocking.never).execute(std::move(handler));
    }

    template <class Handler>
    struct waiting final : waiter
    {
        waiting(Handler h, const asio::any_io_executor& ex)
            : handler(std::move(h)),
              work(asio::prefer(asio::get_associated_executor(handler, ex), asio::execution::outstanding_work.tracked))
        {
        }

        static void run(waiter* base)
        {
            auto* const self = static_cast<waiting*>(base);
            auto memory = allocator_for<Handler, waiting>(self->handler);
            Handler handler(std::move(self->handler));
            const auto work(std::move(self->work));
            self->~waiting();
            memory.deallocate(self, 1);
            post(work, std::move(handler));
        }

        Handler handler;
        std::decay_t<decltype(asio::prefer(std::declval<executor_of<Handler>>(),
                                           asio::execution::outstanding_work.tracked))>
            work;
    };

public:
    explicit async_mutex(const asio::any_io_executor& ex) : executor_(ex) {}

    template <class Token>
    auto async_lock(Token&& token)
    {
        return asio::async_initiate<Token, void()>(
            [this](auto handler) {
                using handler_type = decltype(handler);
                using op = waiting<handler_type>;
                if (try_lock()) {
                    const auto ex = asio::get_associated_executor(handler, executor_);
                    post(ex, std::move(handler));
                    return;
                }
                auto memory = allocator_for<handler_type, op>(handler);
                op* const w = ::new (memory.allocate(1)) op(std::move(handler), executor_);
                w->complete = &op::run;
                enqueue(*w);
            },
            token);
    }

    void unlock()
    {
        if (!queue_) {
            auto expected = held;
            if (state_.compare_exchange_strong(expected, available))
                return;
            // Who came last is first: turned round it is a queue.
            auto* w = reinterpret_cast<waiter*>(state_.exchange(held));
            while (w) {
                waiter* const next = w->next;
                w->next = queue_;
                queue_ = std::exchange(w, next);
            }
        }
        waiter* const first = queue_;
        queue_ = first->next;
        first->complete(first);
    }

private:
    static constexpr std::uintptr_t held = 0;
    static constexpr std::uintptr_t available = 1; // else the address of who came last

    bool try_lock() noexcept
    {
        auto expected = available;
        return state_.compare_exchange_strong(expected, held);
    }

    void enqueue(waiter& w)
    {
        auto state = state_.load();
        for (;;) {
            if (state == available) {
                if (state_.compare_exchange_weak(state, held)) {
                    w.complete(&w);
                    return;
                }
                continue;
            }
            w.next = reinterpret_cast<waiter*>(state);
            if (state_.compare_exchange_weak(state, reinterpret_cast<std::uintptr_t>(&w)))
                return;
        }
    }

    const asio::any_io_executor& executor_; // the map's
    Atomic<std::uintptr_t> state_{available};
    waiter* queue_ = nullptr; // the holder's
};

/// A channel of capacity 1 used as a mutex: sending fills it, so that the next sender waits; receiving empties it.
template <class Channel>
class channel_mutex
{
public:
    explicit channel_mutex(const asio::any_io_executor& ex) : channel_(ex, 1) {}

    template <class Token>
    auto async_lock(Token&& token)
    {
        return channel_.async_send(error_code(), std::forward<Token>(token));
    }

    void unlock()
    {
        channel_.try_receive([](error_code) {});
    }

private:
    Channel channel_;
};

struct no_mutex
{
    void lock() noexcept {}
    void unlock() noexcept {}
};

/// A hash map of mutexes, each of which is created by the first who uses its key and erased by the last.
template <class AsyncMutex, class Mutex>
class keyed_mutexes
{
    struct entry
    {
        explicit entry(const asio::any_io_executor& ex) : mutex(ex) {}

        AsyncMutex mutex;
        std::size_t users = 0;
    };

    struct string_hash
    {
        using is_transparent = void;
        using is_avalanching = std::true_type;
        std::size_t operator()(std::string_view s) const noexcept { return boost::hash<std::string_view>()(s); }
    };

public:
    /// Keeps the mutex of a key while somebody waits for it or holds it. The key must outlive it.
    class user
    {
    public:
        user(keyed_mutexes& owner, std::string_view key) : owner_(owner), key_(key), entry_(owner.enter(key)) {}
        user(const user&) = delete;
        user& operator=(const user&) = delete;
        ~user() { owner_.leave(key_, entry_); }

        template <class Token>
        auto async_lock(Token&& token)
        {
            return entry_.mutex.async_lock(std::forward<Token>(token));
        }

        void unlock() { entry_.mutex.unlock(); }

    private:
        keyed_mutexes& owner_;
        std::string_view key_;
        entry& entry_;
    };

    explicit keyed_mutexes(asio::any_io_executor ex) : executor_(std::move(ex)) {}

private:
    entry& enter(std::string_view key)
    {
        const std::lock_guard guard(mutex_);
        const auto [it, created] = entries_.try_emplace(key);
        if (created)
            it->second = std::make_unique<entry>(executor_);
        ++it->second->users;
        return *it->second;
    }

    void leave(std::string_view key, entry& e)
    {
        std::unique_ptr<entry> last; // destroyed without the mutex
        const std::lock_guard guard(mutex_);
        if (--e.users != 0)
            return;
        const auto it = entries_.find(key);
        last = std::move(it->second);
        entries_.erase(it);
    }

    asio::any_io_executor executor_;
    Mutex mutex_;
    boost::unordered_flat_map<std::string, std::unique_ptr<entry>, string_hash, std::equal_to<>> entries_;
};

using channel_map = keyed_mutexes<channel_mutex<asio::experimental::channel<void(error_code)>>, no_mutex>;
using mutex_map = keyed_mutexes<async_mutex<plain>, no_mutex>;

// For any thread.
using concurrent_channel_map =
    keyed_mutexes<channel_mutex<asio::experimental::concurrent_channel<void(error_code)>>, std::mutex>;
using concurrent_mutex_map = keyed_mutexes<async_mutex<std::atomic>, std::mutex>;

} // namespace bench

#endif
