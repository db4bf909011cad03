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

#ifndef PRIORITY_REDLOCK_SRC_LEASE_CLIENT_HPP
#define PRIORITY_REDLOCK_SRC_LEASE_CLIENT_HPP

#include "store/lease_outbox.hpp"
#include "table/lock_table.hpp"

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/protocol.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace priority_redlock::detail {

/// Something that is looked at again after the protocol's retry interval.
struct lease_deadline : deadline
{
    explicit lease_deadline(bool end) noexcept : deadline(owner_kind::lease), is_end(end) {}

    bool is_end;
};

/// What a manager has of a resource in the store: what it holds there, and what it is registered for.
struct lease : lease_deadline
{
    explicit lease(resource& r) noexcept : lease_deadline(false), where(&r) {}

    resource* where;
    acquisition_id held;
    std::uint64_t held_ticket = 0;
    int held_priority = 0;        // that the store was told
    std::optional<int> thief;     // the priority of one that is another manager's
    std::uint32_t extending = 0;  // by its owner
    std::uint32_t extensions = 0; // of the hold, by its owner, so far
    bool failing = false;         // its last renewal has failed
    acquisition_id wanted;
    std::uint64_t wanted_ticket = 0; // the waiter that it is wanted for
    std::uint64_t wanted_since = 0;  // the last ticket when it came to be wanted: who has one so low waits as long
    bool wanted_once = false;
};

/// An acquisition that is being given back, until the store has confirmed it.
struct pending_end : lease_deadline
{
    explicit pending_end(acquisition_id i) noexcept : lease_deadline(true), id(i) {}

    acquisition_id id;
    std::vector<protocol::done_handler> waiting; // for the end: async_release
};

/// Sees to it that the store holds what a leased table holds, and is asked for what its first waiters want.
class PRIORITY_REDLOCK_DECL lease_client
{
public:
    /// `client` is what the store knows the manager by.
    lease_client(std::shared_ptr<protocol> store, lock_table& table, std::uint64_t client);
    ~lease_client();

    lease_client(const lease_client&) = delete;
    lease_client& operator=(const lease_client&) = delete;

    [[nodiscard]] lease_outbox& outbox() noexcept { return outbox_; }

    /// Null once it has been abandoned.
    [[nodiscard]] const std::shared_ptr<protocol>& store() const noexcept { return store_; }
    [[nodiscard]] std::uint64_t client() const noexcept { return client_; }

    /// Of the microsecond, rising: the place of an acquire among those of its priority, over all managers.
    [[nodiscard]] std::uint64_t next_ticket(duration system_time) noexcept;

    /// After every step of the table.
    void after_step(time_point now);

    void on_obtain_reply(acquisition_id id, error_code ec, const obtain_reply& reply, time_point now,
                         table_actions& out);
    void on_event(const protocol_event& event, time_point now, table_actions& out);

    /// A request to renew a hold is answered. One that failed is repeated in time.
    void on_renew_reply(const renewed_hold& of, error_code ec, const obtain_reply& reply, time_point now,
                        table_actions& out);

    /// What to ask the store for when the owner of a hold extends it; none if it is not held. No renewal overtakes
    /// that, or is overtaken by it.
    [[nodiscard]] std::optional<obtain_request> begin_extend(const hold& h, duration ttl);

    /// That is answered. The end is no later than what was asked for when it was asked, though the store may keep it
    /// for longer.
    [[nodiscard]] error_code end_extend(hold& h, acquisition_id id, duration ttl, time_point asked_at, error_code ec,
                                        const obtain_reply& reply, time_point now, table_actions& out);

    /// Gives the handlers that waited for this end.
    [[nodiscard]] std::vector<protocol::done_handler> on_end_reply(acquisition_id id, error_code ec, time_point now);

    /// What the store calls the hold of this resource; none if the manager does not hold it.
    [[nodiscard]] acquisition_id held_id(const resource& r) const noexcept;

    /// A hold of what this acquisition holds; null if nothing.
    [[nodiscard]] const hold* holder(acquisition_id id) const noexcept;

    /// Notes that a renewal has failed. Whether that is new: the one before had not.
    bool begins_to_fail(const renewed_hold& of) noexcept;

    /// The priority of a waiter of another manager that the holder of this resource was told to go for.
    [[nodiscard]] std::optional<int> thief_of(const resource& r) const noexcept;

    /// Has `handler` called when the end of this acquisition is confirmed. False if no end is pending.
    [[nodiscard]] bool await_end(acquisition_id id, protocol::done_handler& handler);

    /// Nothing is held, wanted or being given back.
    [[nodiscard]] bool idle() const noexcept { return leases_.empty() && ends_.empty(); }

private:
    using lease_map = boost::unordered_flat_map<const resource*, std::unique_ptr<lease>>;
    using end_map = boost::unordered_flat_map<acquisition_id, std::unique_ptr<pending_end>, std::hash<acquisition_id>>;

public:
    /// What is left of one that was abandoned. It destroys handlers and the store.
    struct remains
    {
        std::shared_ptr<protocol> store;
        lease_map leases;
        end_map ends;
    };

    /// The context is gone: nothing more is sent.
    remains abandon() noexcept;

private:
    void reconcile(resource& r, time_point now);
    void send_obtain(lease& l, const waiter& w, time_point now);
    void send_end(acquisition_id id);
    void renew(lease& l, time_point now);
    [[nodiscard]] obtain_request obtain_again(const lease& l, duration ttl) const;
    [[nodiscard]] bool is_renewed(lease& l, const obtain_reply& reply, time_point now, table_actions& out);
    void noticed(lease& l, const protocol_event& event, time_point now, table_actions& out);
    void granted(lease& l, time_point until, std::uint64_t token, time_point now, table_actions& out);
    void refused(lease& l, error_code reason, time_point now, table_actions& out);
    void lose(lease& l, lock_state reason, time_point now, table_actions& out);
    void give_back(acquisition_id id);
    void forget_wanted(lease& l);
    [[nodiscard]] acquisition_id forget_held(lease& l);
    [[nodiscard]] lease* find(acquisition_id id) const noexcept;

    std::shared_ptr<protocol> store_; // none: abandoned
    duration retry_interval_;
    lock_table& table_;
    const std::uint64_t client_;
    std::uint64_t last_number_ = 0;
    std::uint64_t last_ticket_ = 0;
    lease_map leases_;
    boost::unordered_flat_map<acquisition_id, lease*, std::hash<acquisition_id>> by_id_;
    end_map ends_;
    lease_outbox outbox_;
};

} // namespace priority_redlock::detail

#endif
