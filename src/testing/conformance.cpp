// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/conformance.hpp>
#include <priority_redlock/with_lock.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock::testing {

namespace {

namespace asio = boost::asio;

constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

/// A case's context, and its ways to wait and to complain.
class bench
{
public:
    explicit bench(const conformance_subject& s) : subject(s), store(s.make(context.get_executor())) {}

    ~bench()
    {
        store.reset(); // before the context
    }

    void require(bool holds, std::string_view what) const
    {
        if (!holds)
            throw conformance_failure(std::string(what));
    }

    /// Runs until `condition` holds; fails if it does not within the patience.
    template <class Condition>
    void await(Condition condition, std::string_view what)
    {
        const auto end = clock::now() + subject.patience;
        const auto turn = std::chrono::milliseconds(1);
        while (!condition()) {
            require(clock::now() < end, std::string("did not happen: ") + std::string(what));
            context.restart();
            context.run_one_for(turn); // returns early when there is something to do
        }
    }

    /// Runs a coroutine to its end and passes on what it throws.
    void run(asio::awaitable<void> work)
    {
        std::optional<std::exception_ptr> ended;
        asio::co_spawn(context, std::move(work), [&ended](std::exception_ptr e) { ended = e; });
        await([&ended] { return ended.has_value(); }, "the end of the scenario");
        if (*ended)
            std::rethrow_exception(*ended);
    }

    const conformance_subject& subject;
    const std::uint64_t first_ticket = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    asio::io_context context;
    std::shared_ptr<protocol> store;
};

/// A manager reduced to what a protocol sees of it.
class client : public std::enable_shared_from_this<client>,
               public protocol::listener
{
public:
    struct acquisition
    {
        bool answered = false;
        bool refused = false;
        bool granted = false;
        bool ended = false;
        bool failed = false;
        bool done = false; // its end is confirmed
        int notices = 0;
        protocol_event notice;
        clock::time_point valid_until;
        std::uint64_t token = 0;
        error_code reason;
        std::optional<obtain_reply> kept; // the answer to the latest request to keep it
    };

    static std::shared_ptr<client> make(bench& b)
    {
        static std::uint64_t last = std::random_device()();
        auto c = std::shared_ptr<client>(new client(b, ++last));
        b.store->subscribe(c->id_, c);
        return c;
    }

    virtual ~client() { timer_.cancel(); }

    obtain_request request(std::string resource, int priority, std::uint64_t ticket, duration ttl = infinite,
                           obtain_request::mode how = obtain_request::mode::wait)
    {
        obtain_request r;
        r.id = {id_, ++last_number_};
        r.resource = std::move(resource);
        r.locker = "locker-" + std::to_string(r.id.number);
        r.priority = priority;
        r.ticket = b_.first_ticket + ticket;
        r.ttl = ttl;
        r.how = how;
        return r;
    }

    /// Asks, and asks again as long as it waits, as often as the protocol wants it.
    acquisition_id obtain(const obtain_request& r)
    {
        send(r);
        if (b_.store->retry_interval() != infinite) {
            const std::lock_guard guard(mutex_);
            waiting_[r.id.number] = r;
            arm();
        }
        return r.id;
    }

    void send(const obtain_request& r)
    {
        b_.store->obtain(r, [self = shared_from_this(), id = r.id](error_code ec, const obtain_reply& reply) {
            const std::lock_guard guard(self->mutex_);
            acquisition& a = self->acquisitions_[id.number];
            a.answered = true;
            a.reason = ec;
            switch (reply.what) {
            case obtain_reply::verdict::granted: self->grant(a, reply.valid_until, reply.fencing_token); break;
            case obtain_reply::verdict::refused: a.refused = !a.granted; break;
            case obtain_reply::verdict::waiting: break;
            }
        });
    }

    void end(acquisition_id id)
    {
        {
            const std::lock_guard guard(mutex_);
            waiting_.erase(id.number);
        }
        b_.store->end(id, [self = shared_from_this(), id](error_code) {
            const std::lock_guard guard(self->mutex_);
            self->acquisitions_[id.number].done = true;
        });
    }

    /// Asks for what it holds once more.
    obtain_reply keep(obtain_request r, int priority, duration ttl)
    {
        r.priority = priority;
        r.ttl = ttl;
        r.how = obtain_request::mode::now;
        {
            const std::lock_guard guard(mutex_);
            acquisitions_[r.id.number].kept.reset();
        }
        b_.store->obtain(r, [self = shared_from_this(), id = r.id](error_code ec, const obtain_reply& reply) {
            const std::lock_guard guard(self->mutex_);
            self->acquisitions_[id.number].kept = ec ? obtain_reply() : reply;
        });
        b_.await([&] { return at(r.id).kept.has_value(); }, "the answer to an obtain of what is held");
        return *at(r.id).kept;
    }

    [[nodiscard]] acquisition at(acquisition_id id)
    {
        const std::lock_guard guard(mutex_);
        return acquisitions_[id.number];
    }

    void await_grant(acquisition_id id)
    {
        b_.await([&] { return at(id).granted; }, "a grant");
    }
    void await_answer(acquisition_id id)
    {
        b_.await([&] { return at(id).answered; }, "an answer to an obtain");
    }
    void await_done(acquisition_id id)
    {
        b_.await([&] { return at(id).done; }, "the confirmation of an end");
    }
    void await_notice(acquisition_id id)
    {
        b_.await([&] { return at(id).notices > 0; }, "a notice to the holder");
    }

    void on_event(const protocol_event& event) override
    {
        const std::lock_guard guard(mutex_);
        acquisition& a = acquisitions_[event.id.number];
        switch (event.what) {
        case protocol_event::kind::granted: grant(a, event.valid_until, event.fencing_token); break;
        case protocol_event::kind::notice:
            ++a.notices;
            a.notice = event;
            break;
        case protocol_event::kind::ended:
            a.ended = true;
            a.reason = event.reason;
            break;
        case protocol_event::kind::failed:
            a.failed = true;
            a.reason = event.reason;
            break;
        }
    }

private:
    client(bench& b, std::uint64_t id) : b_(b), id_(id), timer_(b.context) {}

    void grant(acquisition& a, clock::time_point until, std::uint64_t token)
    {
        a.granted = true;
        a.valid_until = until;
        a.token = token;
    }

    void arm()
    {
        timer_.expires_after(b_.store->retry_interval());
        timer_.async_wait([weak = weak_from_this()](error_code ec) {
            const auto self = weak.lock();
            if (ec || !self)
                return;
            std::vector<obtain_request> again;
            {
                const std::lock_guard guard(self->mutex_);
                std::erase_if(self->waiting_, [&](const auto& each) {
                    const acquisition& a = self->acquisitions_[each.first];
                    return a.granted || a.failed || a.refused;
                });
                for (const auto& each : self->waiting_)
                    again.push_back(each.second);
                if (!again.empty())
                    self->arm();
            }
            for (const auto& each : again)
                self->send(each);
        });
    }

    bench& b_;
    const std::uint64_t id_;
    asio::steady_timer timer_;
    std::uint64_t last_number_ = 0;
    std::mutex mutex_;
    std::map<std::uint64_t, acquisition> acquisitions_;
    std::map<std::uint64_t, obtain_request> waiting_;
};

// --- the protocol by itself ------------------------------------------------------------------------------------------

void free_resource_is_granted_at_once(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto id = c->obtain(c->request("r", 0, 1));
    c->await_answer(id);
    const auto a = c->at(id);
    b.require(a.granted, "a free resource was not granted");
    b.require(a.token != 0, "the grant has no fencing token");
    b.require(a.valid_until > clock::now(), "the grant is not valid");
}

void I1_one_holder_at_a_time(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto d = client::make(b);
    const auto first = c->obtain(c->request("r", 0, 1));
    c->await_grant(first);
    const auto second = d->obtain(d->request("r", 0, 2));
    d->await_answer(second);
    const auto other = d->obtain(d->request("another", 0, 3));
    d->await_grant(other);
    b.require(!d->at(second).granted, "two acquisitions hold one resource");
    c->end(first);
    d->await_grant(second);
    b.require(d->at(second).token > c->at(first).token, "the fencing token did not rise");
}

void I6_tokens_rise_over_grants_and_clients(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto d = client::make(b);
    std::uint64_t highest = 0;
    for (std::uint64_t i = 1; i <= 20; ++i) {
        const auto& who = i % 2 ? c : d;
        const auto id = who->obtain(who->request("r", 0, i));
        who->await_grant(id);
        b.require(who->at(id).token > highest, "a fencing token is not greater than all before it");
        highest = who->at(id).token;
        who->end(id);
        who->await_done(id);
    }
}

void I7_waiters_of_one_priority_by_ticket(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    auto holder = c->obtain(c->request("r", 0, 1));
    c->await_grant(holder);
    std::vector<acquisition_id> waiting; // registered in another order than that of their tickets
    for (const std::uint64_t ticket : {30u, 10u, 40u, 20u}) {
        waiting.push_back(c->obtain(c->request("r", 0, ticket)));
        c->await_answer(waiting.back());
    }
    std::vector<bool> served(waiting.size());
    for (const std::size_t expected : {1u, 3u, 0u, 2u}) {
        c->end(holder);
        holder = waiting[expected];
        c->await_grant(holder);
        served[expected] = true;
        for (std::size_t i = 0; i < waiting.size(); ++i)
            b.require(served[i] || !c->at(waiting[i]).granted, "a waiter was granted out of its turn");
    }
}

void I7_higher_priority_before_earlier_ticket(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto holder = c->obtain(c->request("r", 9, 1));
    c->await_grant(holder);
    const auto low = c->obtain(c->request("r", 1, 2));
    c->await_answer(low);
    const auto high = c->obtain(c->request("r", 5, 3));
    c->await_answer(high);
    c->end(holder);
    c->await_grant(high);
    b.require(!c->at(low).granted, "a lower priority was granted while a higher one waited");
    c->end(high);
    c->await_grant(low);
}

void P1_equal_priority_is_no_reason_to_go(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto holder = c->obtain(c->request("r", 5, 1));
    c->await_grant(holder);
    const auto equal = c->obtain(c->request("r", 5, 2));
    c->await_answer(equal);
    const auto lower = c->obtain(c->request("r", 4, 3));
    c->await_answer(lower);
    c->end(holder);
    c->await_grant(equal);
    b.require(c->at(holder).notices == 0, "a holder was told to go for an equal or lower priority");
}

void P2_holder_is_told_and_keeps_the_resource_until_it_lets_go(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto d = client::make(b);
    const auto victim = c->obtain(c->request("r", 0, 1));
    c->await_grant(victim);
    const auto thief = d->obtain(d->request("r", 1, 2));
    c->await_notice(victim);
    const auto notice = c->at(victim).notice;
    b.require(notice.thief_priority == 1, "the notice does not tell the thief's priority");
    b.require(notice.thief == thief, "the notice does not name the thief");
    d->await_answer(thief);
    b.require(!d->at(thief).granted, "the thief was granted before the victim let go");
    c->end(victim);
    d->await_grant(thief);
}

void P5_better_waiter_in_the_hand_shake_goes_first(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto victim = c->obtain(c->request("r", 0, 1));
    c->await_grant(victim);
    const auto first = c->obtain(c->request("r", 1, 2));
    c->await_notice(victim);
    const auto better = c->obtain(c->request("r", 2, 3));
    c->await_answer(better);
    c->end(victim);
    c->await_grant(better);
    b.require(!c->at(first).granted, "the earlier thief was granted past a better one");
    c->end(better);
    c->await_grant(first);
}

void P10_who_does_not_preempt_waits_in_its_place(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto d = client::make(b);
    const auto holder = c->obtain(c->request("r", 0, 1));
    c->await_grant(holder);
    auto lenient = d->request("r", 5, 2);
    lenient.preempt = false;
    d->obtain(lenient);
    d->await_answer(lenient.id);
    const auto behind = c->obtain(c->request("r", 3, 3));
    c->await_answer(behind);
    auto once = d->request("r", 9, 4, infinite, obtain_request::mode::once);
    once.preempt = false;
    d->obtain(once);
    b.await([&] { return d->at(once.id).refused || d->at(once.id).failed; },
            "the refusal of one try that does not preempt");
    c->end(holder);
    d->await_grant(lenient.id);
    b.require(c->at(holder).notices == 0, "a holder was told to go although the first in line leaves it alone");
    b.require(!c->at(behind).granted, "a lower priority was granted while a higher one waited");
    d->end(lenient.id);
    c->await_grant(behind);
}

void P10_the_next_in_line_decides_when_the_first_has_gone(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto holder = c->obtain(c->request("r", 0, 1));
    c->await_grant(holder);
    auto lenient = c->request("r", 5, 2);
    lenient.preempt = false;
    c->obtain(lenient);
    c->await_answer(lenient.id);
    const auto thief = c->obtain(c->request("r", 3, 3));
    c->await_answer(thief);
    c->end(lenient.id);
    c->await_notice(holder);
    b.require(c->at(holder).notice.thief == thief, "the notice does not name the thief");
    c->end(holder);
    c->await_grant(thief);
}

void mode_now_refuses_and_tells_nobody(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto holder = c->obtain(c->request("r", 0, 1));
    c->await_grant(holder);
    const auto now = c->obtain(c->request("r", 9, 2, infinite, obtain_request::mode::now));
    b.await([&] { return c->at(now).refused; }, "the refusal of an obtain in mode now");
    const auto next = c->obtain(c->request("r", 0, 3));
    c->await_answer(next);
    c->end(holder);
    c->await_grant(next);
    b.require(c->at(holder).notices == 0, "an obtain in mode now told the holder to go");
    b.require(!c->at(now).granted, "a refused obtain was granted");
}

void mode_once_waits_for_its_own_hand_shake_only(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto holder = c->obtain(c->request("r", 5, 1));
    c->await_grant(holder);
    const auto equal = c->obtain(c->request("r", 5, 2, infinite, obtain_request::mode::once));
    b.await([&] { return c->at(equal).refused || c->at(equal).failed; },
            "the refusal of one try that does not outrank the holder");
    const auto thief = c->obtain(c->request("r", 6, 3, infinite, obtain_request::mode::once));
    c->await_notice(holder);
    const auto better = c->obtain(c->request("r", 7, 4));
    c->await_answer(better);
    c->end(holder);
    c->await_grant(better);
    b.await([&] { return c->at(thief).failed || c->at(thief).refused; }, "the end of a try that lost its hand-shake");
    const auto winner = c->obtain(c->request("r", 8, 5, infinite, obtain_request::mode::once));
    c->await_notice(better);
    c->end(better);
    c->await_grant(winner);
}

void ended_waiter_is_passed_over(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto holder = c->obtain(c->request("r", 0, 1));
    c->await_grant(holder);
    const auto gone = c->obtain(c->request("r", 0, 2));
    c->await_answer(gone);
    const auto next = c->obtain(c->request("r", 0, 3));
    c->await_answer(next);
    c->end(gone);
    c->await_done(gone);
    c->end(holder);
    c->await_grant(next);
    b.require(!c->at(gone).granted, "a waiter was granted that had been ended");
}

void repeated_requests_have_no_further_effect(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto request = c->request("r", 0, 1);
    const auto holder = c->obtain(request);
    c->await_grant(holder);
    const auto token = c->at(holder).token;
    for (int i = 0; i < 3; ++i)
        c->send(request);
    const auto next = c->obtain(c->request("r", 0, 2));
    c->await_answer(next);
    b.require(c->at(holder).token == token, "a repeated obtain was granted a second time");
    c->end(holder);
    c->await_grant(next);
    c->end(holder); // again
    const auto last = c->obtain(c->request("r", 0, 3));
    c->await_answer(last);
    b.require(!c->at(last).granted, "a repeated end ended somebody else's hold");
}

void late_obtain_does_not_bring_back_what_has_ended(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto request = c->request("r", 0, 1);
    const auto gone = c->obtain(request);
    c->await_grant(gone);
    c->end(gone);
    c->await_done(gone);
    c->send(request);
    const auto never_asked = c->request("r", 0, 2);
    c->end(never_asked.id); // overtakes its own obtain
    c->await_done(never_asked.id);
    c->send(never_asked);
    c->await_answer(never_asked.id);
    const auto next = c->obtain(c->request("r", 0, 3));
    c->await_grant(next);
    b.require(!c->at(never_asked.id).granted, "an obtain was granted that had been ended");
}

void P6_ttl_ends_a_hold_and_not_too_early(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto d = client::make(b);
    const auto holder = c->obtain(c->request("r", 0, 1, 5 * s.unit));
    c->await_grant(holder);
    const auto next = d->obtain(d->request("r", 0, 2));
    d->await_grant(next);
    b.require(clock::now() >= c->at(holder).valid_until,
              "a resource was granted anew before its holder's validity ended");
    b.require(d->at(next).token > c->at(holder).token, "the fencing token did not rise over an expiry");
}

void obtaining_again_moves_the_end(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto request = c->request("r", 0, 1, 20 * s.unit);
    const auto holder = c->obtain(request);
    c->await_grant(holder);
    const auto before = c->at(holder);
    const auto kept = c->keep(request, 0, 40 * s.unit);
    b.require(kept.what == obtain_reply::verdict::granted, "a hold could not be extended");
    b.require(kept.fencing_token == before.token, "a hold that was extended has another fencing token");
    b.require(kept.valid_until > before.valid_until, "extending did not move the end");
    const auto next = c->obtain(c->request("r", 0, 2));
    c->await_grant(next);
    b.require(clock::now() >= kept.valid_until, "a resource was granted anew before the extended validity ended");
    b.require(c->keep(request, 0, 40 * s.unit).what == obtain_reply::verdict::refused,
              "an acquisition whose ttl had ended was kept, or queued, although it asked in mode now");
}

void obtaining_again_does_not_shorten(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto request = c->request("r", 0, 1, 20 * s.unit);
    const auto holder = c->obtain(request);
    c->await_grant(holder);
    const auto kept = c->keep(request, 0, 2 * s.unit); // or a repetition that comes late
    b.require(kept.what == obtain_reply::verdict::granted, "a hold could not be kept");
    const auto next = c->obtain(c->request("r", 0, 2));
    c->await_grant(next);
    b.require(clock::now() >= c->at(holder).valid_until,
              "a resource was granted anew before its holder's validity ended, since an obtain was repeated");
}

void obtaining_again_raises_the_priority(const conformance_subject& s)
{
    bench b(s);
    const auto c = client::make(b);
    const auto request = c->request("r", 0, 1);
    const auto holder = c->obtain(request);
    c->await_grant(holder);
    c->keep(request, 5, request.ttl);
    c->keep(request, 0, request.ttl); // a repetition that comes late
    const auto middle = c->obtain(c->request("r", 3, 2));
    c->await_answer(middle);
    const auto high = c->obtain(c->request("r", 6, 3));
    c->await_notice(holder);
    b.require(c->at(holder).notice.thief == high, "a raised holder was told to go for a priority below its own");
}

void everybody_is_served_one_at_a_time(const conformance_subject& s)
{
    bench b(s);
    std::mt19937 random(1);
    std::vector<std::pair<std::shared_ptr<client>, acquisition_id>> all;
    for (int i = 0; i < 5; ++i) {
        const auto c = client::make(b);
        for (int k = 0; k < 10; ++k)
            all.emplace_back(c, c->obtain(c->request("r", std::uniform_int_distribution(-3, 3)(random),
                                                     static_cast<std::uint64_t>(all.size() + 1))));
    }
    std::vector<bool> served(all.size());
    for (std::size_t count = 0; count < all.size(); ++count) {
        std::size_t holder = all.size();
        b.await(
            [&] {
                for (std::size_t i = 0; i < all.size(); ++i)
                    if (!served[i] && all[i].first->at(all[i].second).granted)
                        holder = i;
                return holder != all.size();
            },
            "the next grant");
        for (std::size_t i = 0; i < all.size(); ++i)
            b.require(i == holder || served[i] || !all[i].first->at(all[i].second).granted,
                      "two acquisitions hold one resource");
        served[holder] = true;
        all[holder].first->end(all[holder].second);
    }
}

// --- a manager over the protocol -------------------------------------------------------------------------------------

asio::awaitable<void> turn()
{
    co_await asio::post(asio::use_awaitable);
}

void manager_reenters(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        auto first = co_await m.async_acquire("r", "a", {}, asio::use_awaitable);
        auto second = co_await m.async_acquire("r", "a", {.priority = 7}, asio::use_awaitable);
        b.require(second.is_held() && first.fencing_token() == second.fencing_token(), "re-entrance is another grant");
        b.require(first.priority() == 7, "re-entrance did not raise the priority");
        first.release();
        auto [ec, refused] = co_await n.async_acquire("r", "a", {.max_attempts = 1}, tuple);
        b.require(ec == errc::already_acquired, "the same locker id in another manager was let in");
        second.release();
        auto third = co_await n.async_acquire("r", "a", {}, asio::use_awaitable);
        b.require(third.fencing_token() > second.fencing_token(), "the fencing token did not rise");
    }(env, one, two));
}

void manager_P2_P3_preempts_after_the_victim_has_unwound(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    std::vector<std::string> events;
    bool victim_gone = false;
    const auto unwind = [&](lock lk) -> asio::awaitable<void> {
        auto [ec] = co_await lk.async_wait(tuple);
        env.require(ec == asio::error::operation_aborted, "a preempted lock did not end with operation_aborted");
        env.require(lk.state() == lock_state::revoking && !lk.is_held(), "a preempted lock is not revoking");
        events.push_back("told");
        co_await turn();
        co_await turn();
        events.push_back("unwound");
        lk.release();
        env.require(lk.state() == lock_state::preempted, "the first reason did not stay");
        victim_gone = true;
    };
    env.run([](auto& b, auto& m, auto& n, auto& victim, auto& order) -> asio::awaitable<void> {
        auto lk = co_await m.async_acquire("r", "low", {.grace = b.subject.patience}, asio::use_awaitable);
        const auto token = lk.fencing_token();
        asio::co_spawn(b.context, victim(std::move(lk)), asio::detached);
        auto thief = co_await n.async_acquire("r", "high", {.priority = 1}, asio::use_awaitable);
        order.push_back("granted");
        b.require(thief.fencing_token() > token, "the fencing token did not rise over a preemption");
    }(env, one, two, unwind, events));
    env.require(victim_gone && events == std::vector<std::string>{"told", "unwound", "granted"},
                "the thief was granted before the victim had unwound");
}

void manager_P10_leaves_the_holder_alone(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        auto lk = co_await m.async_acquire("r", "low", {}, asio::use_awaitable);
        const acquire_options lenient{.priority = 1, .preempt = false};
        acquire_options for_a_while = lenient, one_try = lenient;
        for_a_while.timeout = 5 * b.subject.unit;
        one_try.max_attempts = 1;
        auto [timeout, none] = co_await n.async_acquire("r", "high", for_a_while, tuple);
        b.require(timeout == errc::acquire_timeout && lk.is_held(), "a holder went for one that does not preempt");
        auto [tries, none2] = co_await n.async_acquire("r", "high", one_try, tuple);
        b.require(tries == errc::already_acquired && lk.is_held(), "one try that does not preempt was not refused");
        lk.release();
        auto next = co_await n.async_acquire("r", "high", lenient, asio::use_awaitable);
        b.require(next.is_held(), "a free lock was not granted to one that does not preempt");
    }(env, one, two));
}

void manager_P3_grace_ends_the_hand_shake(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        const auto grace = 3 * b.subject.unit;
        auto lk = co_await m.async_acquire("r", "low", {.grace = grace}, asio::use_awaitable);
        const auto start = clock::now();
        auto thief = co_await n.async_acquire("r", "high", {.priority = 1}, asio::use_awaitable);
        b.require(clock::now() - start >= grace, "the grace was cut short");
        b.require(lk.state() == lock_state::preempted && thief.is_held(), "the grace did not end the hand-shake");
    }(env, one, two));
}

void manager_times_out_and_gives_up(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        auto lk = co_await m.async_acquire("r", "a", {}, asio::use_awaitable);
        auto [timeout, none] = co_await n.async_acquire("r", "b", {.timeout = b.subject.unit}, tuple);
        b.require(timeout == errc::acquire_timeout && none.state() == lock_state::empty, "the timeout did not come");
        auto [never, none2] = co_await n.async_acquire("r", "b", {.priority = 1, .timeout = duration::zero()}, tuple);
        b.require(never == errc::acquire_timeout, "timeout 0 did not refuse");
        b.require(lk.is_held(), "timeout 0 told the holder to go");
        auto [tries, none3] = co_await n.async_acquire("r", "b", {.max_attempts = 3}, tuple);
        b.require(tries == errc::already_acquired, "the attempts did not end");
        lk.release();
        auto next = co_await n.async_acquire("r", "b", {.timeout = b.subject.patience}, asio::use_awaitable);
        b.require(next.is_held(), "an acquire that gave up is in the way");
    }(env, one, two));
}

void manager_extends_and_releases(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        auto lk = co_await m.async_acquire("r", "a", {.ttl = 20 * b.subject.unit}, asio::use_awaitable);
        const auto before = lk.expires_at();
        auto [extended] = co_await lk.async_extend(60 * b.subject.unit, tuple);
        b.require(!extended && lk.expires_at() > before, "a lock could not be extended");
        auto [shortened] = co_await lk.async_extend(10 * b.subject.unit, tuple);
        b.require(!shortened && lk.expires_at() <= clock::now() + 10 * b.subject.unit, "a lock could not be shortened");
        auto after = co_await n.async_acquire("r", "b", {.timeout = 30 * b.subject.unit}, asio::use_awaitable);
        b.require(after.is_held() && lk.state() == lock_state::expired, "a shortened lock did not end");
        after.release();
        lk = co_await m.async_acquire("r", "a", {}, asio::use_awaitable);
        auto [released] = co_await lk.async_release(tuple);
        b.require(!released && lk.state() == lock_state::released, "a lock could not be released");
        auto [again] = co_await lk.async_release(tuple);
        b.require(again == errc::not_held, "a second release was not told apart");
        auto [late] = co_await lk.async_extend(b.subject.unit, tuple);
        b.require(late == errc::not_held, "a released lock was extended");
        auto short_lived = co_await n.async_acquire("r", "b", {.ttl = 5 * b.subject.unit}, asio::use_awaitable);
        auto [expired] = co_await short_lived.async_wait(tuple);
        b.require(expired == errc::expired && !short_lived.is_held(), "a ttl did not end the lock");
        auto last = co_await m.async_acquire("r", "a", {}, asio::use_awaitable);
        b.require(last.is_held(), "an expired lock is in the way");
    }(env, one, two));
}

void manager_renews_and_bounds_the_hold(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        const auto ttl = 20 * b.subject.unit;
        auto lk = co_await m.async_acquire("r", "a", {.ttl = ttl, .auto_extend = true}, asio::use_awaitable);
        auto [busy, none] = co_await n.async_acquire("r", "b", {.timeout = 2 * ttl}, tuple);
        b.require(busy == errc::acquire_timeout && lk.is_held(), "a lock was not renewed");
        co_await lk.async_release(asio::use_awaitable);
        auto bounded = co_await n.async_acquire("r", "b", {.ttl = ttl, .auto_extend = true, .max_hold = ttl * 3 / 2},
                                                asio::use_awaitable);
        const auto start = clock::now();
        b.require(bounded.is_held(), "the renewal of a lock outlived its release");
        auto [ended] = co_await bounded.async_wait(tuple);
        b.require(ended == errc::expired, "a lock that was held for long enough did not expire");
        b.require(clock::now() - start > ttl, "a lock with a bound was not renewed at all");
        auto last = co_await m.async_acquire("r", "a", {.timeout = b.subject.patience}, asio::use_awaitable);
        b.require(last.is_held(), "a lock that has expired is in the way");
    }(env, one, two));
}

void manager_P9_destroyed_with_waiters_leaves_its_locks(const conformance_subject& s)
{
    bench env(s);
    auto doomed = std::make_unique<lock_manager>(env.context, env.store);
    lock_manager two(env.context, env.store);
    std::optional<error_code> ended;
    lock survivor;
    env.run([](auto& m, lock& kept) -> asio::awaitable<void> {
        kept = co_await m->async_acquire("r", "a", {}, asio::use_awaitable);
    }(doomed, survivor));
    doomed->async_acquire("r", "b", {}, [&ended](error_code ec, lock) { ended = ec; });
    doomed.reset();
    env.await([&ended] { return ended.has_value(); }, "the end of a wait whose manager is gone");
    env.require(*ended == asio::error::operation_aborted, "a destroyed manager did not abort its waits");
    env.require(survivor.is_held(), "a lock did not outlive its manager");
    survivor.release();
    env.run([](lock_manager& n) -> asio::awaitable<void> {
        (void)co_await n.async_acquire("r", "c", {}, asio::use_awaitable);
    }(two));
}

void manager_contention_excludes_and_ends(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    int inside = 0, served = 0, preempted = 0, finished = 0;
    std::uint64_t highest = 0;
    std::mt19937 random(7);
    constexpr int lockers = 12, rounds = 5;
    const auto locker = [&](lock_manager& manager, int priority) -> asio::awaitable<void> {
        for (int i = 0; i < rounds; ++i) {
            auto lk =
                co_await manager.async_acquire("r", {.priority = priority, .grace = s.patience}, asio::use_awaitable);
            env.require(++inside == 1, "two lockers are inside");
            env.require(lk.fencing_token() > highest, "a fencing token did not rise");
            highest = lk.fencing_token();
            asio::steady_timer timer(env.context, s.unit / 20);
            auto [ec] = co_await timer.async_wait(lk.guard(tuple));
            preempted += ec ? 1 : 0;
            co_await turn();
            ++served;
            --inside;
        }
    };
    for (int i = 0; i < lockers; ++i)
        asio::co_spawn(env.context, locker(i % 2 ? one : two, std::uniform_int_distribution(0, 3)(random)),
                       [&finished](std::exception_ptr e) {
                           if (e)
                               std::rethrow_exception(e);
                           ++finished;
                       });
    env.await([&] { return finished == lockers; }, "the end of everybody's turns");
    env.require(served == lockers * rounds, "somebody was not served");
}

/// A request for each letter. (A braced list within a co_await expression is more than g++ 12 can do.)
std::vector<lock_request> requests(std::string_view letters, const acquire_options& options = {})
{
    std::vector<lock_request> all;
    for (const char each : letters)
        all.push_back({std::string(1, each), options});
    return all;
}

void manager_acquires_all_or_none(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    env.run([](bench& b, lock_manager& m, lock_manager& n) -> asio::awaitable<void> {
        const auto unit = b.subject.unit;
        auto hurdle = co_await n.async_acquire("b", "hurdle", {}, asio::use_awaitable);
        auto [timeout, none] = co_await async_acquire_all(m, "me", requests("cba"), 5 * unit, tuple);
        b.require(timeout == errc::acquire_timeout && none.parts().empty(), "the timeout of the whole did not come");
        auto freed = co_await n.async_acquire("a", "other", {.timeout = b.subject.patience}, asio::use_awaitable);
        b.require(freed.is_held(), "a part was kept after the timeout of the whole");
        freed.release();
        hurdle.release();
        auto wanted = requests("cba");
        wanted.front().options.ttl = 50 * unit;
        auto all = co_await async_acquire_all(m, "me", std::move(wanted), b.subject.patience, asio::use_awaitable);
        b.require(all.is_held() && all.parts().size() == 3, "not all parts were granted");
        b.require(all.expires_at() <= clock::now() + 50 * unit, "the ttl of a part does not run");
        auto [refused, none2] = co_await n.async_acquire("c", "other", {.max_attempts = 1}, tuple);
        b.require(refused == errc::already_acquired, "a part of a composite was granted to another");
        auto [extended] = co_await all.async_extend(90 * unit, tuple);
        b.require(!extended && all.expires_at() > clock::now() + 50 * unit, "a composite was not extended");
        auto [released] = co_await all.async_release(tuple);
        b.require(!released && all.state() == lock_state::released, "a composite was not released");
        auto [again] = co_await all.async_release(tuple);
        b.require(again == errc::not_held, "a second release of a composite was not told apart");
        auto next = co_await async_acquire_all(n, requests("abc"), b.subject.patience, asio::use_awaitable);
        b.require(next.is_held(), "a released composite is in the way");
    }(env, one, two));
}

void manager_composite_ends_with_its_first_part(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    bool unwound = false;
    const auto unwind = [&](lock lk) -> asio::awaitable<void> {
        auto [ec] = co_await lk.async_wait(tuple);
        env.require(ec == asio::error::operation_aborted && lk.state() == lock_state::revoking,
                    "a composite was not preempted");
        co_await turn();
        unwound = true;
    };
    env.run([](auto& b, auto& m, auto& n, auto& victim, bool& gone) -> asio::awaitable<void> {
        auto low =
            co_await async_acquire_all(m, requests("ab", {.grace = b.subject.patience}), infinite, asio::use_awaitable);
        asio::co_spawn(b.context, victim(std::move(low)), asio::detached);
        auto thief = co_await n.async_acquire("b", "thief", {.priority = 1}, asio::use_awaitable);
        b.require(gone, "a thief was granted before the composite had unwound");
        auto other = co_await n.async_acquire("a", "other", {.timeout = b.subject.patience}, asio::use_awaitable);
        b.require(other.is_held(), "the other part of a preempted composite is in the way");
        auto short_lived = requests("xy");
        short_lived.back().options.ttl = 5 * b.subject.unit;
        auto brief = co_await async_acquire_all(m, std::move(short_lived), infinite, asio::use_awaitable);
        auto [expired] = co_await brief.async_wait(tuple);
        b.require(expired == errc::expired && !brief.is_held(), "the ttl of a part did not end the composite");
        auto next = co_await n.async_acquire("x", "other", {.timeout = b.subject.patience}, asio::use_awaitable);
        b.require(next.is_held(), "the other part of an expired composite is in the way");
    }(env, one, two, unwind, unwound));
}

void manager_composites_exclude_and_end(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    int inside[3] = {}, served = 0, finished = 0;
    std::mt19937 random(11);
    constexpr int lockers = 8, rounds = 4;
    const auto locker = [&](lock_manager& manager, int number) -> asio::awaitable<void> {
        for (int i = 0; i < rounds; ++i) {
            const int first = std::uniform_int_distribution(0, 2)(random);
            const int second = (first + 1 + number % 2) % 3;
            const acquire_options options{.priority = std::uniform_int_distribution(0, 2)(random),
                                          .ttl = i % 2 ? infinite : s.patience};
            auto [e] = co_await async_with_lock(
                manager, requests(std::to_string(first) + std::to_string(second), options), infinite,
                [&](lock& lk) -> asio::awaitable<void> {
                    env.require(++inside[first] == 1 && ++inside[second] == 1, "two composites are inside");
                    asio::steady_timer timer(env.context, s.unit / 20);
                    auto [ec] = co_await timer.async_wait(tuple);
                    env.require(!ec || !lk.is_held(), "work was cancelled although its lock is held");
                    ++served;
                    --inside[first];
                    --inside[second];
                },
                tuple);
            if (e)
                try {
                    std::rethrow_exception(e);
                } catch (const boost::system::system_error& error) {
                    env.require(error.code() == errc::preempted, error.what());
                }
        }
    };
    for (int i = 0; i < lockers; ++i)
        asio::co_spawn(env.context, locker(i % 2 ? one : two, i), [&finished](std::exception_ptr e) {
            if (e)
                std::rethrow_exception(e);
            ++finished;
        });
    env.await([&] { return finished == lockers; }, "the end of everybody's turns");
    env.require(served > 0, "nobody was served");
}

void manager_cancels_and_releases_work_under_a_lock(const conformance_subject& s)
{
    bench env(s);
    lock_manager one(env.context, env.store);
    lock_manager two(env.context, env.store);
    bool started = false, unwound = false;
    std::optional<error_code> ended;
    asio::steady_timer timer(env.context, clock::time_point::max());
    async_with_lock(
        one, "r", {},
        [&](lock&) {
            started = true;
            return timer.async_wait(asio::deferred);
        },
        [&](error_code ec) {
            unwound = true;
            ended = ec;
        });
    env.await([&] { return started; }, "the start of work under a lock");
    env.run([](bench& b, lock_manager& n, const bool& gone) -> asio::awaitable<void> {
        auto lk = co_await n.async_acquire("r", "thief", {.priority = 1}, asio::use_awaitable);
        b.require(gone, "a thief was granted before the work had unwound");
        co_await async_with_lock(
            n, "other", {}, [](lock&) -> asio::awaitable<void> { co_await turn(); }, asio::use_awaitable);
        auto next = co_await n.async_acquire("other", "next", {.timeout = b.subject.patience}, asio::use_awaitable);
        b.require(next.is_held(), "the lock of work that has ended is in the way");
    }(env, two, unwound));
    env.require(ended == errc::preempted, "work was not told why its lock was lost");
}

constexpr conformance_case all_cases[] = {
    {"free_resource_is_granted_at_once", free_resource_is_granted_at_once},
    {"I1_one_holder_at_a_time", I1_one_holder_at_a_time},
    {"I6_tokens_rise_over_grants_and_clients", I6_tokens_rise_over_grants_and_clients},
    {"I7_waiters_of_one_priority_by_ticket", I7_waiters_of_one_priority_by_ticket},
    {"I7_higher_priority_before_earlier_ticket", I7_higher_priority_before_earlier_ticket},
    {"P1_equal_priority_is_no_reason_to_go", P1_equal_priority_is_no_reason_to_go},
    {"P2_holder_is_told_and_keeps_the_resource_until_it_lets_go",
     P2_holder_is_told_and_keeps_the_resource_until_it_lets_go},
    {"P5_better_waiter_in_the_hand_shake_goes_first", P5_better_waiter_in_the_hand_shake_goes_first},
    {"P10_who_does_not_preempt_waits_in_its_place", P10_who_does_not_preempt_waits_in_its_place},
    {"P10_the_next_in_line_decides_when_the_first_has_gone", P10_the_next_in_line_decides_when_the_first_has_gone},
    {"mode_now_refuses_and_tells_nobody", mode_now_refuses_and_tells_nobody},
    {"mode_once_waits_for_its_own_hand_shake_only", mode_once_waits_for_its_own_hand_shake_only},
    {"ended_waiter_is_passed_over", ended_waiter_is_passed_over},
    {"repeated_requests_have_no_further_effect", repeated_requests_have_no_further_effect},
    {"late_obtain_does_not_bring_back_what_has_ended", late_obtain_does_not_bring_back_what_has_ended},
    {"P6_ttl_ends_a_hold_and_not_too_early", P6_ttl_ends_a_hold_and_not_too_early},
    {"obtaining_again_moves_the_end", obtaining_again_moves_the_end},
    {"obtaining_again_does_not_shorten", obtaining_again_does_not_shorten},
    {"obtaining_again_raises_the_priority", obtaining_again_raises_the_priority},
    {"everybody_is_served_one_at_a_time", everybody_is_served_one_at_a_time},
    {"manager_reenters", manager_reenters},
    {"manager_P2_P3_preempts_after_the_victim_has_unwound", manager_P2_P3_preempts_after_the_victim_has_unwound},
    {"manager_P10_leaves_the_holder_alone", manager_P10_leaves_the_holder_alone},
    {"manager_P3_grace_ends_the_hand_shake", manager_P3_grace_ends_the_hand_shake},
    {"manager_times_out_and_gives_up", manager_times_out_and_gives_up},
    {"manager_extends_and_releases", manager_extends_and_releases},
    {"manager_renews_and_bounds_the_hold", manager_renews_and_bounds_the_hold},
    {"manager_P9_destroyed_with_waiters_leaves_its_locks", manager_P9_destroyed_with_waiters_leaves_its_locks},
    {"manager_contention_excludes_and_ends", manager_contention_excludes_and_ends},
    {"manager_acquires_all_or_none", manager_acquires_all_or_none},
    {"manager_composite_ends_with_its_first_part", manager_composite_ends_with_its_first_part},
    {"manager_composites_exclude_and_end", manager_composites_exclude_and_end},
    {"manager_cancels_and_releases_work_under_a_lock", manager_cancels_and_releases_work_under_a_lock},
};

} // namespace

std::span<const conformance_case> conformance_cases() noexcept
{
    return all_cases;
}

} // namespace priority_redlock::testing
