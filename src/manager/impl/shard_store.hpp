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
#include "owner_answer.hpp"

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/hold_ref.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace priority_redlock::detail {

template <class Mutex, class Clock>
void shard<Mutex, Clock>::async_release(hold& h, protocol::done_handler handler)
{
    const auto io = io_->borrow();
    // Nothing can fail after the release.
    auto answer = std::make_shared<owner_answer>(std::move(handler), io ? io->executor : asio::any_io_executor());
    table_step step(*this);
    auto id = leases_->held_id(*h.where);
    if (!table_.release(h, Clock::now(), step.actions)) {
        answer->result = errc::not_held;
        id = {};
    }
    leases_->after_step(Clock::now());
    leases_->answer_at_end(id, std::move(answer));
}

/// The reply of the store to what the owner of a hold has asked for.
template <class Mutex, class Clock>
struct shard<Mutex, Clock>::extension
{
    void operator()(error_code ec, const obtain_reply& reply)
    {
        table_step step(*self);
        answer->result =
            self->leases_->end_extend(*pin.get(), id, ttl, asked_at, ec, reply, Clock::now(), step.actions);
        self->leases_->answer(std::move(answer));
    }

    std::shared_ptr<shard> self;
    hold_pin pin;
    acquisition_id id;
    duration ttl;
    time_point asked_at;
    std::shared_ptr<owner_answer> answer;
};

template <class Mutex, class Clock>
void shard<Mutex, Clock>::async_extend(hold& h, duration ttl, protocol::done_handler handler)
{
    const auto io = io_->borrow();
    auto answer = std::make_shared<owner_answer>(std::move(handler), io ? io->executor : asio::any_io_executor());
    std::optional<obtain_request> request;
    std::shared_ptr<protocol> store;
    {
        table_step step(*this);
        if (io)
            request = leases_->begin_extend(h, ttl);
        if (!request) {
            answer->result = errc::not_held;
            leases_->answer(std::move(answer));
            return;
        }
        store = leases_->store();
    }
    const auto id = request->id;
    try {
        store->obtain(std::move(*request),
                      extension{this->shared_from_this(), hold_pin(&h), id, ttl, Clock::now(), std::move(answer)});
    } catch (...) {
        table_step step(*this);
        leases_->cancel_extend(id);
        throw;
    }
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::answer(std::shared_ptr<owner_answer> a) noexcept
{
    table_step step(*this);
    if (!shut_down_)
        leases_->answer(std::move(a));
}

/// An answer on its way, by the operation's executor to the handler's. As long as the handler has not been called, it
/// can be posted again.
template <class Mutex, class Clock>
struct shard<Mutex, Clock>::posted_answer
{
    /// There.
    struct arrived
    {
        void operator()()
        {
            auto handler = std::move(answer->handler);
            const error_code result = answer->result;
            answer.reset();
            std::move(handler)(result);
        }

        std::shared_ptr<owner_answer> answer;
    };

    void operator()()
    {
        const auto kept = answer;
        kept->io_work = nullptr; // the context of the operation may be destroyed before that of the handler
        try {
            kept->executor.execute(arrived{std::move(answer)});
        } catch (...) {
            if (!kept->handler) // what it throws is its caller's
                throw;
            self->not_answered(kept);
        }
    }

    std::shared_ptr<shard> self;
    std::shared_ptr<owner_answer> answer;
};

/// Without the mutex.
template <class Mutex, class Clock>
void shard<Mutex, Clock>::post(owner_answers answers, const io_objects& io) noexcept
{
    while (auto answer = answers.take()) {
        try {
            post_on(io.executor, asio::get_associated_allocator(answer->handler),
                    posted_answer{this->shared_from_this(), answer});
        } catch (...) {
            not_answered(std::move(answer));
        }
    }
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::not_answered(std::shared_ptr<owner_answer> answer) noexcept
{
    table_step step(*this);
    if (!shut_down_)
        leases_->not_answered(std::move(answer), Clock::now());
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::send_outbox() noexcept
{
    for (;;) {
        lease_request q;
        try {
            std::shared_ptr<protocol> store;
            {
                const std::lock_guard guard(mutex_);
                if (!leases_->next_request(q, Clock::now()))
                    return;
                store = leases_->store();
            }
            send(q, *store);
        } catch (...) {
            log_failure("a request could not be sent to the protocol, and is sent again");
            const table_step step(*this);
            leases_->not_sent(q, Clock::now());
        }
    }
}

template <class Mutex, class Clock>
void shard<Mutex, Clock>::send(lease_request& q, protocol& store)
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
    table_step step(*this);
    if (!shut_down_)
        leases_->on_end_reply(id, ec, Clock::now());
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
