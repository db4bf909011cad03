// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// A shard runs a lock table for many threads: it has a mutex and a timer, and decides nothing. It is the `lock_domain`
// of the locks of its resources.
//
// Everything that happens is a `table_step`. The mutex is held while the table decides; handlers, executors,
// allocators, the log and the timer are used afterwards, without it, when the step ends and carries out the table's
// actions.
//
// With a protocol the table is leased. The shard then also sends the requests of a `lease_client` to the store and
// passes on what comes back.
//
// This file declares the shard. impl/shard.hpp has what managers and locks ask of it, impl/table_step.hpp the end of a
// step, impl/shard_store.hpp what passes between it and a store, and impl/shard_shutdown.hpp what becomes of it when
// its execution context is shut down.

#ifndef PRIORITY_REDLOCK_SRC_SHARD_HPP
#define PRIORITY_REDLOCK_SRC_SHARD_HPP

#include "manager/log_lines.hpp"
#include "manager/shard_timer.hpp"
#include "mutex.hpp"
#include "shutdown_service.hpp"
#include "store/lease_client.hpp"
#include "table/lock_table.hpp"

#include <priority_redlock/detail/acquire_op.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/detail/posting_memory.hpp>
#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// Kept alive by its manager, by every hold, by leases that are still to be given back, and by the pending wait of its
/// timer. Its executor and its timer belong to the execution context, which it may outlive.
template <class Mutex, class Clock>
class alignas(64) shard final : public lock_domain,
                                public protocol::listener,
                                public std::enable_shared_from_this<shard<Mutex, Clock>>
{
public:
    shard(std::size_t idle_capacity, std::string_view id_prefix, std::shared_ptr<protocol> store,
          const table_rules& rules, std::shared_ptr<event_feed> events);

    /// Before the first acquire.
    void start(const asio::any_io_executor& ex);

    // --- for the manager ---

    acquire_outcome acquire(acquire_request& request, acquire_operation* op);
    void announce(const acquire_request& request) noexcept;
    void cancel() noexcept;
    void close() noexcept;

    /// The manager is gone: holds that still live keep the shard.
    void detach() noexcept;

    /// Begins or goes on with a snapshot: copies resources that come next, until nothing is left of `work`. False:
    /// these were the last.
    bool copy(resource_walk& walk, std::size_t& work, snapshot& result);
    void stop(resource_walk& walk) noexcept;

    void add_to(metrics& result) const;

    // --- for the locks ---

    time_point now() const noexcept override { return Clock::now(); }
    asio::any_io_executor executor() const override;
    std::shared_ptr<const void> borrow_context() const noexcept override { return io_->borrow(); }
    std::string_view resource_name(const hold& h) const noexcept override { return h.where->name(); }
    bool release(hold& h) noexcept override;
    void drop(hold& h) noexcept override;
    void delivered(hold& h) noexcept override { notice_done(h); }
    void reference(hold& h) noexcept override { increment(h.references); }
    void unreference(hold& h) noexcept override;
    bool add_notice(hold& h, notice& n) noexcept override;
    void count_notice(hold& h) noexcept override;
    bool remove_notice(hold& h, notice& n) noexcept override;
    void cancel_notice(hold& h, notice& n) noexcept override;
    void notice_done(hold& h) noexcept override;
    bool raise(hold& h, int priority) noexcept override;
    void revoke(hold& h) noexcept override;
    void cancel_acquire(hold& h) noexcept override;
    void cannot_cancel(hold& h) noexcept override;
    bool answers_at_once() const noexcept override { return !leases_; }
    error_code extend(hold& h, duration ttl) override;
    void async_release(hold& h, protocol::done_handler handler) override;
    void async_extend(hold& h, duration ttl, protocol::done_handler handler) override;
    void answer(std::shared_ptr<owner_answer> a) noexcept override;

    // --- for the store ---

    void on_event(const protocol_event& event) override;

private:
    class table_step;
    struct io_objects;
    struct extension;
    struct posted_answer;

    bool release_in(table_step& step, hold& h) noexcept;
    void recycle(hold& h) noexcept;
    [[nodiscard]] std::optional<thief> thief_of(const hold& told) const noexcept;

    // Between it and the store.
    void post(owner_answers answers, const io_objects& io) noexcept;
    void not_answered(std::shared_ptr<owner_answer> answer) noexcept;
    void send_outbox() noexcept;
    void send(lease_request& q, protocol& store);
    void on_obtain_reply(acquisition_id id, error_code ec, const obtain_reply& reply);
    void on_renew_reply(const renewed_hold& of, error_code ec, const obtain_reply& reply);
    void on_end_reply(acquisition_id id, error_code ec);
    [[nodiscard]] std::shared_ptr<protocol> current_store() const;

    // What happens without being asked for.
    class timer_handler;
    using timer_memory = posting_memory<32 * sizeof(void*)>; // for its wait

    void drive_timer(io_objects& io) noexcept;
    void arm_timer(io_objects& io);
    void on_timer();
    void on_timer_lost() noexcept;
    void shut_down() noexcept;

    /// Nothing is left of a shard whose manager is gone.
    [[nodiscard]] bool is_finished() const noexcept
    {
        return detached_ && table_.live_holds() == 0 && (!leases_ || leases_->idle());
    }

    [[nodiscard]] static step_time current_time() noexcept { return step_time(&Clock::now); }

    // The counters of a hold are changed without the mutex, but with one thread there is nothing to pay for.

    static constexpr bool is_shared = !std::is_same_v<Mutex, null_mutex>;

    static void increment(std::atomic<std::uint32_t>& counter) noexcept
    {
        if constexpr (is_shared)
            counter.fetch_add(1);
        else
            counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    static std::uint32_t decrement(std::atomic<std::uint32_t>& counter) noexcept
    {
        if constexpr (is_shared)
            return counter.fetch_sub(1) - 1;
        const auto left = counter.load(std::memory_order_relaxed) - 1;
        counter.store(left, std::memory_order_relaxed);
        return left;
    }

    /// Whether what the caller gives up is all that there is: then nobody else can add to it, and it need not be
    /// counted down.
    [[nodiscard]] static bool is_last_reference(const hold& h) noexcept
    {
        return h.references.load(std::memory_order_acquire) == 1;
    }

    static void count(hold& h) noexcept
    {
        increment(h.handlers);
        increment(h.references);
    }

    // What a step needs is together; see lock_table.
    std::optional<shutdown_registration<io_objects>> io_; // from the start on; goes last
    mutable Mutex mutex_;
    bool closed_ = false;
    bool detached_ = false;
    bool shut_down_ = false;
    shard_timer timer_;
    lock_table table_;
    const std::shared_ptr<event_feed> events_;
    std::optional<lease_client> leases_; // with a protocol
    std::shared_ptr<shard> kept_;        // once the manager is gone, until nothing is left
    timer_memory timer_memory_;
};

/// What the execution context owns of a shard.
template <class Mutex, class Clock>
struct shard<Mutex, Clock>::io_objects final : shutdown_listener
{
    using timer_type = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::any_io_executor>;

    io_objects(std::shared_ptr<shutdown_listeners> others, const asio::any_io_executor& ex, std::weak_ptr<shard> s)
        : shutdown_listener(std::move(others)), executor(ex), shard_(std::move(s))
    {
    }

    void shut_down() noexcept override
    {
        if (const auto s = shard_.lock())
            s->shut_down();
    }

    const asio::any_io_executor executor;
    std::optional<timer_type> timer; // made when it is needed: with it the context begins to ask its reactor

private:
    const std::weak_ptr<shard> shard_;
};

} // namespace priority_redlock::detail

#include "manager/impl/shard.hpp"
#include "manager/impl/shard_shutdown.hpp"
#include "manager/impl/shard_store.hpp"

#endif
