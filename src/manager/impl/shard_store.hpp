// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// What passes between a shard and the store of its manager. Requests leave through the outbox of the `lease_client`,
// one thread at a time. Replies and events come back on whatever thread the store has; each is a step. A release and an
// extension have to ask the store before they complete: they are here as well.

#ifndef PRIORITY_REDLOCK_SRC_SHARD_STORE_HPP
#define PRIORITY_REDLOCK_SRC_SHARD_STORE_HPP

#include "log_record.hpp"
#include "manager/impl/table_step.hpp"
#include "manager/shard.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <vector>

namespace priority_redlock::detail {

template <class Mutex, class Clock>
void shard<Mutex, Clock>::async_release(hold& h, protocol::done_handler handler)
{
    error_code result;
    {
        table_step step(*this);
        const auto id = leases_->held_id(*h.where);
        if (!table_.release(h, Clock::now(), step.actions))
            result = errc::not_held;
        leases_->after_step(Clock::now());
        if (!result && id && leases_->await_end(id, handler))
            return;
    }
    post_result(std::move(handler), result);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::async_extend(hold& h, duration ttl, protocol::done_handler handler)
{
    std::optional<obtain_request> request;
    std::shared_ptr<protocol> store;
    const auto io = io_->borrow();
    if (io) {
        table_step step(*this);
        request = leases_->begin_extend(h, ttl);
        if (request) {
            increment(h.references);
            store = leases_->store();
        }
    }
    if (!request) {
        post_result(std::move(handler), errc::not_held);
        return;
    }
    auto on_reply = [self = this->shared_from_this(), &h, id = request->id, ttl, asked_at = Clock::now(),
                     work = asio::make_work_guard(io->executor),
                     handler = std::move(handler)](error_code ec, const obtain_reply& reply) mutable {
        {
            table_step step(*self);
            ec = self->leases_->end_extend(h, id, ttl, asked_at, ec, reply, Clock::now(), step.actions);
            step.unreference(h);
        }
        self->post_result(std::move(handler), ec);
    };
    store->obtain(std::move(*request), std::move(on_reply));
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::post_result(protocol::done_handler handler, error_code result)
{
    if (const auto io = io_->borrow())
        asio::post(io->executor, asio::append(std::move(handler), result));
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::send_outbox() noexcept
{
    for (;;) {
        std::optional<lease_request> q;
        std::shared_ptr<protocol> store;
        {
            const std::lock_guard guard(mutex_);
            q = leases_->outbox().next();
            store = leases_->store();
        }
        if (!q)
            return;
        try {
            send(std::move(*q), *store);
        } catch (...) {
            log_failure("a request could not be sent to the protocol");
        }
    }
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::send(lease_request q, protocol& store)
{
    using operation = lease_request::operation;
    const auto id = q.obtain.id;
    const auto weak = this->weak_from_this();
    switch (q.op) {
    case operation::obtain:
        store.obtain(std::move(q.obtain), [weak, id](error_code ec, const obtain_reply& reply) {
            if (const auto self = weak.lock())
                self->on_obtain_reply(id, ec, reply);
        });
        break;
    case operation::renew:
        store.obtain(std::move(q.obtain), [weak, of = q.renewed](error_code ec, const obtain_reply& reply) {
            if (const auto self = weak.lock())
                self->on_renew_reply(of, ec, reply);
        });
        break;
    case operation::end:
        store.end(id, [weak, id](error_code ec) {
            if (const auto self = weak.lock())
                self->on_end_reply(id, ec);
        });
        break;
    }
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::on_obtain_reply(acquisition_id id, error_code ec, const obtain_reply& reply)
{
    table_step step(*this);
    if (!shut_down_)
        leases_->on_obtain_reply(id, ec, reply, Clock::now(), step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::on_renew_reply(const renewed_hold& of, error_code ec, const obtain_reply& reply)
{
    table_step step(*this);
    if (shut_down_)
        return;
    if (const hold* const h = ec && of.moves_end ? leases_->holder(of.id) : nullptr;
        h && leases_->begins_to_fail(of)) // one complaint is enough
        step.lines.renewal_failed(*h, ec);
    leases_->on_renew_reply(of, ec, reply, Clock::now(), step.actions);
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::on_end_reply(acquisition_id id, error_code ec)
{
    std::vector<protocol::done_handler> released;
    {
        table_step step(*this);
        if (!shut_down_)
            released = leases_->on_end_reply(id, ec, Clock::now());
    }
    for (auto& each : released)
        post_result(std::move(each), {});
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::on_event(const protocol_event& event)
{
    table_step step(*this);
    if (!shut_down_)
        leases_->on_event(event, Clock::now(), step.actions);
}

/// Null without a protocol, and once the context has been shut down.
template <class Mutex, class Clock>
std::shared_ptr<protocol> shard<Mutex, Clock>::current_store() const
{
    if (!leases_)
        return nullptr;
    const std::lock_guard guard(mutex_);
    return leases_->store();
}

} // namespace priority_redlock::detail

#endif
