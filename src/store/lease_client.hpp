// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// How a manager over a protocol uses its store. After each step of the table `lease_client` compares, for each resource
// that the step touched, what the table holds and waits for with what the store was told. The difference becomes
// requests: to obtain, to renew or to end an acquisition. Replies and events of the store become steps of the table.
// What fails is asked for again after the store's retry interval.
//
// Like the table it only decides. Time is an argument, and requests go into an outbox (lease_outbox.hpp), from where
// the shard sends them. What concerns renewals and extensions is in lease_renewal.cpp, the rest in lease_client.cpp.
//
// Only `reserve` may fail for want of memory, which comes before an acquire is queued. All that follows is linked.

#ifndef PRIORITY_REDLOCK_SRC_LEASE_CLIENT_HPP
#define PRIORITY_REDLOCK_SRC_LEASE_CLIENT_HPP

#include "store/acquisition.hpp"
#include "store/lease_outbox.hpp"
#include "table/lock_table.hpp"

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/protocol.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace priority_redlock::detail {

/// Sees to it that the store holds what a leased table holds, and is asked for what its first waiters want.
class PRIORITY_REDLOCK_DECL lease_client
{
public:
    /// `client` is what the store knows the manager by.
    lease_client(std::shared_ptr<protocol> store, lock_table& table, std::uint64_t client);
    ~lease_client();

    lease_client(const lease_client&) = delete;
    lease_client& operator=(const lease_client&) = delete;

    /// Null once it has been abandoned.
    [[nodiscard]] const std::shared_ptr<protocol>& store() const noexcept { return store_; }
    [[nodiscard]] std::uint64_t client() const noexcept { return client_; }

    /// Of the microsecond, rising: the place of an acquire among those of its priority, over all managers.
    [[nodiscard]] std::uint64_t next_ticket(duration system_time) noexcept;

    /// Before an acquire is queued: makes what the store is asked with. Throws if there is no memory, and nothing has
    /// changed.
    void reserve();

    /// After every step of the table.
    void after_step(time_point now) noexcept;

    void on_obtain_reply(acquisition_id id, error_code ec, const obtain_reply& reply, time_point now,
                         table_actions& out) noexcept;
    void on_event(const protocol_event& event, time_point now, table_actions& out) noexcept;

    // What is to be sent.

    /// True: the caller sends what `next_request` gives him, until it gives nothing.
    [[nodiscard]] bool begin_sending() noexcept { return outbox_.begin_sending(); }

    /// False: nothing is left. Throws if there is no memory for it: then q says which request was not sent.
    [[nodiscard]] bool next_request(lease_request& q, time_point now);

    /// The store has not been sent this request: it is sent again after a while, unless something else is by then.
    void not_sent(const lease_request& q, time_point now) noexcept;

    // What owners are told.

    /// Those whose answers are to be posted now.
    [[nodiscard]] owner_answers take_answers() noexcept { return std::move(answers_); }
    void answer(std::shared_ptr<owner_answer> a) noexcept { answers_.push(std::move(a)); }

    /// There was no memory to post it: it is posted again after a while.
    void not_answered(std::shared_ptr<owner_answer> a, time_point now) noexcept;

    /// A request to renew a hold is answered. One that failed is repeated in time.
    void on_renew_reply(const renewed_hold& of, error_code ec, const obtain_reply& reply, time_point now,
                        table_actions& out) noexcept;

    /// What to ask the store for when the owner of a hold extends it; none if it is not held. No renewal overtakes
    /// that, or is overtaken by it.
    [[nodiscard]] std::optional<obtain_request> begin_extend(const hold& h, duration ttl);

    /// The store has not taken that.
    void cancel_extend(acquisition_id id) noexcept;

    /// That is answered. The end is no later than what was asked for when it was asked, though the store may keep it
    /// for longer.
    [[nodiscard]] error_code end_extend(hold& h, acquisition_id id, duration ttl, time_point asked_at, error_code ec,
                                        const obtain_reply& reply, time_point now, table_actions& out);

    /// An end is confirmed, and those who waited for it are answered. One that failed is repeated in time.
    void on_end_reply(acquisition_id id, error_code ec, time_point now) noexcept;

    /// What the store calls the hold of this resource; none if the manager does not hold it.
    [[nodiscard]] acquisition_id held_id(const resource& r) const noexcept;

    /// A hold of what this acquisition holds; null if nothing.
    [[nodiscard]] const hold* holder(acquisition_id id) const noexcept;

    /// Notes that a renewal has failed. Whether that is new: the one before had not.
    bool begins_to_fail(const renewed_hold& of) noexcept;

    /// The priority of a waiter of another manager that the holder of this resource was told to go for.
    [[nodiscard]] std::optional<int> thief_of(const resource& r) const noexcept;

    /// Answers when the end of this acquisition is confirmed; at once if no end is pending.
    void answer_at_end(acquisition_id id, std::shared_ptr<owner_answer> a) noexcept;

    /// Nothing is held, wanted or being given back, and nobody is to be answered.
    [[nodiscard]] bool idle() const noexcept
    {
        return leases_.empty() && acquisitions_.empty() && answers_.empty() && unposted_.empty();
    }

    /// What is left of one that was abandoned. It destroys handlers and the store.
    class remains
    {
    public:
        remains() = default;
        remains(remains&&) = default;
        remains& operator=(remains&&) = default;
        ~remains();

    private:
        friend lease_client;

        std::shared_ptr<protocol> store;
        acquisition_set acquisitions;
        lease_set leases;
        owner_answers answers;
        owner_answers unposted;
    };

    /// The context is gone: nothing more is sent.
    remains abandon() noexcept;

private:
    void reconcile(resource& r, time_point now) noexcept;
    [[nodiscard]] acquisition* want(lease& l) noexcept;
    void send_obtain(lease& l, const waiter& w, time_point now) noexcept;
    void send_end(acquisition& a) noexcept;
    void renew(lease& l, time_point now) noexcept;
    void fill(lease_request& q, const acquisition& a, time_point now) const;
    void fill_obtain(obtain_request& q, const lease& l) const;
    void fill_again(obtain_request& q, const lease& l, duration ttl) const;
    [[nodiscard]] bool is_renewed(lease& l, const obtain_reply& reply, time_point now, table_actions& out) noexcept;
    void noticed(lease& l, const protocol_event& event, time_point now, table_actions& out) noexcept;
    void granted(lease& l, time_point until, std::uint64_t token, time_point now, table_actions& out) noexcept;
    void refused(lease& l, error_code reason, time_point now, table_actions& out) noexcept;
    void lose(lease& l, lock_state reason, time_point now, table_actions& out) noexcept;
    void give_back(acquisition_id id) noexcept;
    void end_wanted(lease& l) noexcept;
    void end_held(lease& l) noexcept;
    void forget(acquisition& a) noexcept;
    [[nodiscard]] acquisition* find(acquisition_id id) const noexcept;
    [[nodiscard]] lease* find_holder(acquisition_id id) const noexcept;
    [[nodiscard]] lease* find(const resource& r) const noexcept;
    [[nodiscard]] time_point next_try(time_point now) const noexcept;

    std::shared_ptr<protocol> store_; // none: abandoned
    duration retry_interval_;
    lock_table& table_;
    const std::uint64_t client_;
    std::uint64_t last_number_ = 0;
    std::uint64_t last_ticket_ = 0;
    lease_set leases_;
    acquisition_set acquisitions_;
    std::unique_ptr<lease> spare_lease_;
    std::unique_ptr<acquisition> spare_acquisition_;
    lease_outbox outbox_;
    lease_deadline send_again_{lease_deadline::purpose::send_again};
    owner_answers answers_;
    owner_answers unposted_;
    lease_deadline answer_again_{lease_deadline::purpose::answer_again};
};

} // namespace priority_redlock::detail

#endif
