// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What is behind a `lock_manager`, in memory as over a protocol: one or more shards, to one of which a resource belongs
// by the hash of its name. The options of the manager are checked here, and become the rules of the shards' tables.

#ifndef PRIORITY_REDLOCK_SRC_SHARDED_BACKEND_HPP
#define PRIORITY_REDLOCK_SRC_SHARDED_BACKEND_HPP

#include "manager/shard.hpp"
#include "table/name_hash.hpp"
#include "table/table_rules.hpp"

#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/manager_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace priority_redlock::detail {

inline constexpr std::size_t max_idle_resources = std::size_t{1} << 24;

/// @throws std::invalid_argument an option is outside its domain.
inline void check(const manager_options& o)
{
    if (o.shards > 1024)
        throw std::invalid_argument("priority_redlock: manager_options::shards must be at most 1024");
    if (o.idle_resources > max_idle_resources)
        throw std::invalid_argument("priority_redlock: manager_options::idle_resources must be at most 2^24 "
                                    "(16777216): room for all is allocated at once; leave it out for 4096");
    if (!resolve(o.defaults).is_valid())
        throw std::invalid_argument(
            "priority_redlock: manager_options::defaults: durations must not be negative, ttl and max_attempts not "
            "zero, and max_hold with auto_extend not shorter than the ttl");
    if (o.ageing < std::chrono::milliseconds(1))
        throw std::invalid_argument("priority_redlock: manager_options::ageing must be at least a millisecond");
    if (o.overrun_after < std::chrono::milliseconds(1))
        throw std::invalid_argument("priority_redlock: manager_options::overrun_after must be at least a millisecond");
    if (o.max_waiters_per_resource == 0 || o.max_waiters == 0)
        throw std::invalid_argument(
            "priority_redlock: manager_options::max_waiters and max_waiters_per_resource must be at "
            "least 1");
}

/// The rules that do not depend on where the locks are.
[[nodiscard]] inline table_rules rules_of(const manager_options& o)
{
    return {.measure_all = o.measure_all,
            .overrun_after = o.overrun_after,
            .max_waiters_per_resource = o.max_waiters_per_resource,
            .max_waiters = o.max_waiters == unlimited ? nullptr : std::make_shared<waiter_limit>(o.max_waiters)};
}

template <class Mutex, class Clock>
class sharded_backend final : public manager_backend
{
public:
    sharded_backend(const asio::any_io_executor& ex, const manager_options& options, std::size_t default_shards)
    {
        check(options);
        const std::size_t count = options.detect_deadlocks ? 1 : options.shards == 0 ? default_shards : options.shards;
        table_rules rules = rules_of(options);
        rules.ageing = options.ageing;
        rules.detect_deadlocks = options.detect_deadlocks;
        const std::size_t idle = (options.idle_resources + count - 1) / count;
        shards_.reserve(count);
        for (std::size_t i = 0; i < count; ++i)
            add_shard(ex, idle, count == 1 ? std::string("#") : '#' + std::to_string(i + 1) + '.', nullptr, rules);
    }

    /// Over a protocol: one shard, since what costs time is the store.
    sharded_backend(const asio::any_io_executor& ex, const manager_options& options, std::shared_ptr<protocol> store)
    {
        check(options);
        if (!store)
            throw std::invalid_argument("priority_redlock: a lock_manager over a protocol needs one; it is null");
        if (options.ageing != infinite)
            throw std::invalid_argument(
                "priority_redlock: manager_options::ageing is for managers without a protocol; see "
                "doc/redis.md, What changes from memory to Redis");
        if (options.detect_deadlocks)
            throw std::invalid_argument("priority_redlock: manager_options::detect_deadlocks is for managers without a "
                                        "protocol; see doc/redis.md, What changes from memory to Redis");
        table_rules rules = rules_of(options);
        rules.lease = store->lease();
        add_shard(ex, options.idle_resources, "#", std::move(store), rules);
    }

    ~sharded_backend() override
    {
        this->count_cancellation();
        for (const auto& each : shards_)
            each->detach();
    }

    acquire_outcome acquire(acquire_request& request, acquire_operation* op) override
    {
        if (request.hash == 0) { // it comes for the first time
            if (!request.is_valid())
                return {acquire_verdict::refused, nullptr, errc::invalid_argument};
            request.hash = hash_of(request);
        }
        const acquire_outcome result = shard_for(request).acquire(request, op);
        // An operation that waits may have been completed on another thread by now, and this backend destroyed by what
        // it has told. That it is crowded was found out before the operation was made.
        if (!op || result.what != acquire_verdict::waiting)
            this->set_crowded(result.what == acquire_verdict::waiting);
        return result;
    }

    void announce(acquire_request& request) noexcept override
    {
        request.hash = hash_of(request);
        shard_for(request).announce(request);
    }

    time_point now() const noexcept override { return Clock::now(); }

    bool answers_at_once() const noexcept override { return shards_.front()->answers_at_once(); }

    void cancel() noexcept override
    {
        this->count_cancellation();
        for (const auto& each : shards_)
            each->cancel();
    }

    void close() noexcept override
    {
        this->count_cancellation();
        for (const auto& each : shards_)
            each->close();
    }

    std::unique_ptr<snapshot_walk> begin_snapshot() const override { return std::make_unique<walk>(shards_); }

    metrics take_metrics() const override
    {
        metrics result;
        for (const auto& each : shards_)
            each->add_to(result);
        return result;
    }

private:
    using shard_list = std::vector<std::shared_ptr<shard<Mutex, Clock>>>;

    class walk final : public snapshot_walk
    {
    public:
        explicit walk(const shard_list& shards) : shards_(shards) {}
        walk(const walk&) = delete;
        walk& operator=(const walk&) = delete;
        ~walk() override
        {
            if (at_.is_under_way())
                shards_[next_]->stop(at_);
        }

        bool add_to(snapshot& result) override
        {
            // Room for what comes, so that the rest is not moved under the mutex of a shard.
            auto& all = result.resources;
            if (all.capacity() - all.size() < slice)
                all.reserve(std::max(2 * all.size(), all.size() + slice));
            std::size_t work = slice;
            for (; next_ != shards_.size(); ++next_)
                if (shards_[next_]->copy(at_, work, result))
                    return true;
            result.taken_at = Clock::now();
            return false;
        }

    private:
        /// Resources, handles and waiters.
        static constexpr std::size_t slice = 128;

        const shard_list shards_; // that of which a walk is under way is kept by it
        std::size_t next_ = 0;
        resource_walk at_;
    };

    [[nodiscard]] std::uint64_t hash_of(const acquire_request& request) const noexcept
    {
        return hash_name(key_, request.resource);
    }

    /// By the upper half of the hash. The shard's table has the lower one.
    [[nodiscard]] shard<Mutex, Clock>& shard_for(const acquire_request& request) const noexcept
    {
        return shards_.size() == 1 ? *shards_.front() : *shards_[(request.hash >> 32) % shards_.size()];
    }

    void add_shard(const asio::any_io_executor& ex, std::size_t idle, std::string_view id_prefix,
                   std::shared_ptr<protocol> store, const table_rules& rules)
    {
        shards_.push_back(
            std::make_shared<shard<Mutex, Clock>>(idle, id_prefix, std::move(store), rules, this->events()));
        shards_.back()->start(ex);
    }

    const hash_key key_ = process_hash_key();
    shard_list shards_;
};

} // namespace priority_redlock::detail

#endif
