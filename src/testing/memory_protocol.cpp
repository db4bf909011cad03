// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "manager/sharded_backend.hpp"
#include "table/intrusive.hpp"
#include "table/name_hash.hpp"

#include <priority_redlock/testing/make_manager.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

namespace priority_redlock::testing {

using detail::acquire_canceller;
using detail::acquire_operation;
using detail::acquire_outcome;
using detail::acquire_request;
using detail::acquire_verdict;
using detail::delivery_ref;
using detail::hold;
using detail::hold_pin;
using detail::hold_ref;
using detail::keyed_hash;
using detail::make_manual_memory_backend;
using detail::make_memory_backend;
using detail::manager_backend;
using detail::never;
using detail::notice;
using detail::process_hash_key;
using detail::saturating_add;
using detail::sharded_backend;
using detail::time_point;
namespace asio = boost::asio;

namespace {

constexpr std::size_t remembered_ends = 4096;

const manager_options backend_options{.shards = 1, .idle_resources = 1024, .overrun_after = infinite};

} // namespace

// Every acquisition is a locker of its own in a memory backend, with a grace that never ends: when it has to go is its
// manager's decision, or its ttl's.
//
// The backend is never called under the mutex, since it carries out what follows before it returns.
//
// A request that runs out of memory throws and has done nothing. What comes of it by itself needs none.
class memory_protocol::store : public std::enable_shared_from_this<store>
{
public:
    using time_source = time_point (*)() noexcept;

    store(std::shared_ptr<manager_backend> backend, time_source now) : backend_(std::move(backend)), now_(now) {}

    void shut()
    {
        backend_->close();
        record_map records;
        {
            const std::lock_guard guard(mutex_);
            records.swap(records_);
            holders_.clear();
        }
        for (const auto& each : records)
            each.second->let_go();
    }

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink)
    {
        const std::lock_guard guard(mutex_);
        boost::unordered::erase_if(listeners_, [](const auto& each) { return each.second.expired(); });
        listeners_[client] = std::move(sink);
    }

    obtain_reply obtain(const obtain_request& request)
    {
        std::shared_ptr<record> r = std::make_shared<record>(*this, request);
        std::shared_ptr<record> outdated;
        bool fresh = true;
        {
            const std::lock_guard guard(mutex_);
            if (ended_.contains(request.id))
                return {};
            const auto [known, is_new] = records_.try_emplace(request.id, r);
            if (!is_new && known->second->request.how != request.how && known->second->waits()) {
                outdated = std::exchange(known->second, r); // asked anew, in another mode
            } else if (!is_new) {
                fresh = false;
                r = known->second;
            }
        }
        if (outdated)
            outdated->leave();
        if (!fresh) {
            if (r->waits())
                remind_holder(request);
            else
                r->keep(request);
            return r->answer();
        }
        try {
            const auto reply = r->start(*backend_);
            if (reply.what == obtain_reply::verdict::refused)
                forget(request.id, r.get());
            return reply;
        } catch (...) {
            forget(request.id, r.get());
            throw;
        }
    }

    /// The acquisition holds nothing and waits for nothing any more, whatever comes.
    void end(acquisition_id id)
    {
        std::shared_ptr<record> r;
        {
            const std::lock_guard guard(mutex_);
            if (!ended_.contains(id)) {
                ended_order_.push_back(id);
                try {
                    ended_.insert(id);
                } catch (...) {
                    ended_order_.pop_back();
                    throw;
                }
                if (ended_order_.size() > remembered_ends) {
                    ended_.erase(ended_order_.front());
                    ended_order_.pop_front();
                }
            }
            if (const auto it = records_.find(id); it != records_.end()) {
                r = std::move(it->second);
                records_.erase(it);
                erase_holder(*r);
            }
        }
        if (r) {
            r->leave();
            r->let_go();
        }
    }

private:
    struct holder_tag;

    /// One acquisition: the operation that waits in the backend, the hold it is granted, and the notice of its end.
    struct record final : acquire_operation,
                          notice,
                          detail::tree_links<holder_tag>,
                          std::enable_shared_from_this<record>
    {
        record(store& s, const obtain_request& r) : owner(s), request(r) { canceller = &cancel; }

        obtain_reply start(manager_backend& backend)
        {
            acquire_request a;
            a.resource = request.resource;
            a.anonymous = true;
            a.ticket = request.ticket;
            a.options.priority = request.priority;
            a.options.preempt = request.preempt;
            a.options.ttl = request.ttl;
            a.options.grace = infinite;
            if (request.how == obtain_request::mode::now)
                a.options.timeout = duration::zero();
            if (request.how == obtain_request::mode::once)
                a.options.max_attempts = 1;

            in_queue = shared_from_this();
            acquire_outcome outcome;
            try {
                outcome = backend.acquire(a, this);
            } catch (...) {
                in_queue.reset();
                throw;
            }
            if (outcome.what == acquire_verdict::waiting) {
                bool withdrawn = false;
                {
                    const std::lock_guard guard(mutex);
                    started = true;
                    withdrawn = left;
                }
                if (withdrawn)
                    cancel(asio::cancellation_type::terminal);
                return answer();
            }
            const auto self = std::move(in_queue);
            if (outcome.what == acquire_verdict::refused)
                return {};
            take(*outcome.granted);
            return answer();
        }

        /// The hold is granted.
        void take(hold& h)
        {
            hold_ref taken(&h);
            const delivery_ref delivered(&h);
            {
                const std::lock_guard guard(mutex);
                if (!left)
                    granted = std::move(taken);
            }
            if (taken)
                return; // given back while it was granted
            owner.holds(*this);
            noticed = &h;
            in_notices = shared_from_this();
            if (!h.domain->add_notice(h, *this))
                in_notices.reset(); // over already, which its manager sees by `valid_until`
        }

        [[nodiscard]] obtain_reply answer()
        {
            const std::lock_guard guard(mutex);
            obtain_reply reply;
            if (granted) {
                reply.what = obtain_reply::verdict::granted;
                reply.valid_until = granted->expires_at();
                reply.fencing_token = granted->token;
            } else if (!left) {
                reply.what = obtain_reply::verdict::waiting;
            }
            return reply;
        }

        [[nodiscard]] bool waits()
        {
            const std::lock_guard guard(mutex);
            return !granted && !left;
        }

        /// Whether it was told to go, and this waiter is a reason to.
        [[nodiscard]] bool has_to_go_for(const obtain_request& other)
        {
            const std::lock_guard guard(mutex);
            return granted && granted->state.load(std::memory_order_acquire) == lock_state::revoking && other.preempt
                   && other.priority > granted->priority.load(std::memory_order_relaxed);
        }

        /// Leaves the queue, if it is in it.
        void leave()
        {
            {
                const std::lock_guard guard(mutex);
                left = true;
                if (granted || !started)
                    return;
            }
            cancel(asio::cancellation_type::terminal);
        }

        /// Gives the hold back, if there is one.
        void let_go()
        {
            hold_ref released;
            const std::lock_guard guard(mutex);
            released.swap(granted);
        }

        /// The priority only rises, and the end is moved only away.
        void keep(const obtain_request& wanted)
        {
            hold_pin pin;
            time_point end;
            {
                const std::lock_guard guard(mutex);
                pin = hold_pin(granted.get());
                end = kept_until = std::max(kept_until, saturating_add(owner.now_(), wanted.ttl));
            }
            hold* const h = pin.get();
            if (!h)
                return;
            h->domain->raise(*h, wanted.priority);
            // Two that come at once may do so in either order: who finds that the other wanted more does it again.
            for (bool done = end <= h->expires_at(); !done;) {
                h->domain->extend(*h, end == never ? infinite : end - owner.now_());
                const std::lock_guard guard(mutex);
                done = end == kept_until;
                end = kept_until;
            }
        }

        // The operation.

        void complete() override
        {
            const auto self = std::move(in_queue);
            if (result) {
                target->domain->unreference(*target);
                if (result != asio::error::operation_aborted)
                    owner.fail(*this, result);
                return;
            }
            take(*target);
            const auto reply = answer();
            if (reply.what == obtain_reply::verdict::granted)
                owner.send_granted(request.id, reply);
        }

        void destroy_unrun() noexcept override
        {
            const auto self = std::move(in_queue);
            if (target)
                target->domain->unreference(*target);
        }

        // The notice.

        void keep() noexcept override
        {
            const auto& waiting = noticed->where->waiting; // of records only
            if (reason != asio::error::operation_aborted || waiting.empty())
                return;
            thief = static_cast<const record&>(static_cast<const acquire_operation&>(*waiting.begin())).request.id;
            thief_priority = waiting.begin()->priority;
        }

        void tell() override
        {
            const auto self = std::move(in_notices);
            if (reason == asio::error::operation_aborted)
                owner.send_notice(request.id, thief, thief_priority);
            else if (reason)
                owner.expire(*this, reason);
            noticed->domain->notice_done(*noticed);
        }

        void abandon() noexcept override
        {
            const auto self = std::move(in_notices);
            noticed->domain->notice_done(*noticed);
        }

        store& owner;
        const obtain_request request;
        acquire_canceller cancel;
        hold* noticed = nullptr; // while it is in in_notices
        acquisition_id thief;
        int thief_priority = 0;
        std::shared_ptr<record> in_queue;   // the backend has it as an operation
        std::shared_ptr<record> in_notices; // the hold has it as a notice
        bool is_holder = false;             // in holders_
        detail::mutex mutex;
        hold_ref granted;
        time_point kept_until{};
        bool started = false; // it waits in the backend, or did
        bool left = false;    // its manager gave it up
    };

    struct by_resource
    {
        bool operator()(const record& a, const record& b) const noexcept
        {
            return a.request.resource < b.request.resource;
        }
        bool operator()(const record& r, const std::string& name) const noexcept { return r.request.resource < name; }
        bool operator()(const std::string& name, const record& r) const noexcept { return name < r.request.resource; }
    };

    using record_map = boost::unordered_flat_map<acquisition_id, std::shared_ptr<record>, std::hash<acquisition_id>>;

    // Under the mutex: erase_holder. Not under it: the others.

    void forget(acquisition_id id, const record* r)
    {
        const std::lock_guard guard(mutex_);
        if (const auto it = records_.find(id); it != records_.end() && it->second.get() == r) {
            erase_holder(*it->second);
            records_.erase(it);
        }
    }

    void erase_holder(record& r) noexcept
    {
        if (std::exchange(r.is_holder, false))
            holders_.erase(holders_.iterator_to(r));
    }

    /// The record holds its resource now, unless it is given up already.
    void holds(record& r) noexcept
    {
        const std::lock_guard guard(mutex_);
        const auto it = records_.find(r.request.id);
        if (it == records_.end() || it->second.get() != &r)
            return;
        if (const auto before = holders_.find(r); before != holders_.end())
            erase_holder(*before);
        holders_.insert(r);
        r.is_holder = true;
    }

    void fail(record& r, error_code why)
    {
        forget(r.request.id, &r);
        protocol_event event;
        event.what = protocol_event::kind::failed;
        event.id = r.request.id;
        event.reason = why;
        send(event);
    }

    void expire(record& r, error_code why)
    {
        r.let_go();
        forget(r.request.id, &r);
        protocol_event event;
        event.what = protocol_event::kind::ended;
        event.id = r.request.id;
        event.reason = why;
        send(event);
    }

    void send_granted(acquisition_id id, const obtain_reply& reply)
    {
        protocol_event event;
        event.what = protocol_event::kind::granted;
        event.id = id;
        event.valid_until = reply.valid_until;
        event.fencing_token = reply.fencing_token;
        send(event);
    }

    void send_notice(acquisition_id victim, acquisition_id thief, int priority)
    {
        protocol_event event;
        event.what = protocol_event::kind::notice;
        event.id = victim;
        event.thief = thief;
        event.thief_priority = priority;
        send(event);
    }

    /// A waiter asks again: the holder may not have heard of it.
    void remind_holder(const obtain_request& thief)
    {
        std::shared_ptr<record> holder;
        {
            const std::lock_guard guard(mutex_);
            if (const auto it = holders_.find(thief.resource, by_resource()); it != holders_.end())
                holder = it->shared_from_this();
        }
        if (holder && holder->has_to_go_for(thief))
            send_notice(holder->request.id, thief.id, thief.priority);
    }

    void send(const protocol_event& event)
    {
        std::shared_ptr<listener> sink;
        {
            const std::lock_guard guard(mutex_);
            if (const auto it = listeners_.find(event.id.client); it != listeners_.end())
                sink = it->second.lock();
        }
        if (sink)
            sink->on_event(event);
    }

    detail::mutex mutex_;
    std::shared_ptr<manager_backend> backend_;
    const time_source now_;
    record_map records_;
    detail::set_of<record, holder_tag, by_resource> holders_; // of the records
    boost::unordered_flat_map<std::uint64_t, std::weak_ptr<listener>, keyed_hash> listeners_{
        0, keyed_hash(process_hash_key())};
    boost::unordered_flat_set<acquisition_id, std::hash<acquisition_id>> ended_;
    std::deque<acquisition_id> ended_order_;
};

memory_protocol::memory_protocol(const boost::asio::any_io_executor& ex)
    : store_(std::make_shared<store>(make_memory_backend(ex, false, backend_options), &clock::now))
{
}

memory_protocol::memory_protocol(const boost::asio::any_io_executor& ex, manual_time_t)
    : store_(std::make_shared<store>(make_manual_memory_backend(ex, false, backend_options), &manual_clock::now))
{
}

memory_protocol::~memory_protocol()
{
    store_->shut();
}

void memory_protocol::subscribe(std::uint64_t client, std::weak_ptr<listener> sink)
{
    store_->subscribe(client, std::move(sink));
}

void memory_protocol::obtain(obtain_request request, handler<obtain_reply> on_reply)
{
    std::move(on_reply)(error_code(), store_->obtain(request));
}

void memory_protocol::end(acquisition_id id, done_handler on_done)
{
    store_->end(id);
    std::move(on_done)(error_code());
}

} // namespace priority_redlock::testing
