// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_KEYED_CHANNELS_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_KEYED_CHANNELS_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/container_hash/hash.hpp>
#include <boost/system/error_code.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
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

struct no_mutex
{
    void lock() noexcept {}
    void unlock() noexcept {}
};

/// The peer: what a user would write by hand to have one lock per key. A hash map of channels of capacity 1, each used
/// as a mutex: sending fills it, so that the next sender waits; receiving empties it. A channel is created by the first
/// who uses its key and erased by the last.
template <class Channel, class Mutex>
class keyed_channels
{
    struct entry
    {
        explicit entry(const asio::any_io_executor& ex) : channel(ex, 1) {}

        Channel channel;
        std::size_t users = 0;
    };

    struct string_hash
    {
        using is_transparent = void;
        using is_avalanching = std::true_type;
        std::size_t operator()(std::string_view s) const noexcept { return boost::hash<std::string_view>()(s); }
    };

public:
    /// Keeps the channel of a key while somebody waits for it or holds it. The key must outlive it.
    class user
    {
    public:
        user(keyed_channels& owner, std::string_view key) : owner_(owner), key_(key), entry_(owner.enter(key)) {}
        user(const user&) = delete;
        user& operator=(const user&) = delete;
        ~user() { owner_.leave(key_, entry_); }

        template <class Token>
        auto async_lock(Token&& token)
        {
            return entry_.channel.async_send(error_code(), std::forward<Token>(token));
        }

        void unlock()
        {
            entry_.channel.try_receive([](error_code) {});
        }

    private:
        keyed_channels& owner_;
        std::string_view key_;
        entry& entry_;
    };

    explicit keyed_channels(asio::any_io_executor ex) : executor_(std::move(ex)) {}

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

/// For one thread.
using channel_map = keyed_channels<asio::experimental::channel<void(error_code)>, no_mutex>;

/// For any thread.
using concurrent_channel_map = keyed_channels<asio::experimental::concurrent_channel<void(error_code)>, std::mutex>;

} // namespace bench

#endif
