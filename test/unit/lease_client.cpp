// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "store/lease_client.hpp"

#include "table_fixture.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>

// What a manager asks of a store, step by step: here the test is the store.

namespace priority_redlock::test {

namespace {

using detail::acquire_settings;
using detail::lease_client;
using detail::lease_request;

/// Is never asked anything but its retry interval.
class silent_protocol final : public protocol
{
public:
    explicit silent_protocol(duration retry) : retry_(retry) {}

    void subscribe(std::uint64_t, std::weak_ptr<listener>) override {}
    void obtain(obtain_request, handler<obtain_reply>) override {}
    void end(acquisition_id, done_handler) override {}
    [[nodiscard]] duration retry_interval() const noexcept override { return retry_; }

private:
    duration retry_;
};

/// One waiter "a" for one resource "r". Steps return the requests that they cause: "obtain", "renew 30" (ms), "end" ...
class lease_driver
{
public:
    explicit lease_driver(duration retry = infinite, const detail::table_rules& rules = {})
        : table_(reinterpret_cast<detail::lock_domain&>(domain_), {}, 16, true, "#", rules),
          client_(std::make_shared<silent_protocol>(retry), table_, 1)
    {
    }

    ~lease_driver()
    {
        client_.abandon();
        for (waiter& w : others_) {
            step([&](auto& out) { table_.withdraw(*w.target, now_, out); });
            table_.recycle(*w.target);
        }
        if (!h)
            return;
        step([this](auto& out) {
            if (!table_.withdraw(*h, now_, out)) {
                table_.release(*h, now_, out);
                if (!delivered_)
                    table_.handler_done(*h, now_, out);
            }
        });
        table_.recycle(*h);
    }

    std::string acquire(const acquire_settings& options)
    {
        client_.reserve();
        return step([&](auto& out) {
            const detail::acquire_request request{.resource = "r",
                                                  .locker = "a",
                                                  .options = options,
                                                  .ticket = client_.next_ticket(now_.time_since_epoch()),
                                                  .hash = 1};
            table_.acquire(request, &w_, now_, out);
            h = w_.target;
        });
    }

    /// Other lockers, "b0", "b1" ..., wait for it as well.
    std::string more(const acquire_settings& options)
    {
        const std::string locker = "b" + std::to_string(others_.size());
        waiter& w = others_.emplace_back();
        client_.reserve();
        return step([&](auto& out) {
            const detail::acquire_request request{.resource = "r",
                                                  .locker = locker,
                                                  .options = options,
                                                  .ticket = client_.next_ticket(now_.time_since_epoch()),
                                                  .hash = 1};
            table_.acquire(request, &w, now_, out);
        });
    }

    /// Which of the others still wait, e.g. "b0 b2".
    [[nodiscard]] std::string still_waiting() const
    {
        std::string result;
        for (const waiter& w : others_)
            if (w.target->pending)
                result += (result.empty() ? "" : " ") + std::string(w.target->locker.view());
        return result;
    }

    /// The store gives up the waiter that it was asked for last.
    std::string failed(error_code why)
    {
        protocol_event event;
        event.what = protocol_event::kind::failed;
        event.id = id_;
        event.reason = why;
        return step([&](auto& out) { client_.on_event(event, now_, out); });
    }

    /// The store grants for as long as it was asked for, or not quite.
    std::string granted(duration validity)
    {
        return step([&](auto& out) {
            held_ = id_;
            client_.on_obtain_reply(id_, {}, reply(validity), now_, out);
        });
    }

    std::string at_time(duration t)
    {
        now_ = time_point(1h) + t;
        return step([&](auto& out) { table_.advance(now_, out); });
    }

    /// There was no memory for the latest request.
    void not_sent() { client_.not_sent(request_, now_); }

    /// It is that late, and the timer has not run.
    void late(duration t) { now_ = time_point(1h) + t; }

    std::string renewed(duration validity) { return renew_reply({}, reply(validity)); }
    std::string not_renewed(error_code why) { return renew_reply(why, {}); }

    /// The store does not have it any more; or has it, but had forgotten that it did.
    std::string refused() { return renew_reply({}, {}); }
    std::string granted_anew() { return renew_reply({}, reply(29ms, 2)); }

    /// Of what the store has granted last.
    [[nodiscard]] const hold* holder() const { return client_.holder(held_); }

    bool begins_to_fail() { return client_.begins_to_fail(asked_); }

    std::string raise(int priority)
    {
        return step([&](auto&) { table_.raise(*h, priority); });
    }

    /// The owner asks for a new end.
    std::string begin_extend(duration ttl)
    {
        const auto q = client_.begin_extend(*h, ttl);
        if (!q)
            return "not held";
        BOOST_TEST((q->id == held_ && q->resource == "r" && q->locker == "a" && q->ttl == ttl));
        BOOST_TEST((q->how == obtain_request::mode::now));
        extension_ = ttl;
        extended_at_ = now_;
        return {};
    }

    std::string end_extend(duration validity) { return end_extend({}, reply(validity)); }

    std::string end_extend(error_code ec, const obtain_reply& r)
    {
        const auto requests =
            step([&](auto& out) { ec = client_.end_extend(*h, held_, extension_, extended_at_, ec, r, now_, out); });
        return ec == errc::not_held ? "not held, " + requests : requests;
    }

    /// The completion of the grant has run.
    void deliver()
    {
        delivered_ = true;
        step([this](auto& out) { table_.handler_done(*h, now_, out); });
    }

    std::string release()
    {
        return step([&](auto& out) { table_.release(*h, now_, out); });
    }

    /// The store tells the holder of a waiter that is another manager's, or this one's.
    std::string notice(int priority = 9, bool own = false)
    {
        protocol_event event;
        event.what = protocol_event::kind::notice;
        event.id = held_;
        event.thief = {own ? client_.client() : client_.client() + 1, 7};
        event.thief_priority = priority;
        return step([&](auto& out) { client_.on_event(event, now_, out); });
    }

    /// What is known of it.
    [[nodiscard]] std::optional<int> thief() const { return client_.thief_of(*h->where); }

    [[nodiscard]] metrics counted() const
    {
        metrics result;
        table_.add_to(result);
        return result;
    }

    [[nodiscard]] lock_state state() const { return h->state.load(); }
    [[nodiscard]] std::int64_t expires() const { return ms(h->expires_at()); }
    [[nodiscard]] std::int64_t due() const { return ms(table_.next_deadline()); }

    /// Since when the one waits that was asked for last, ms.
    [[nodiscard]] std::int64_t asked_since() const { return ms(since_); }

    detail::hold* h = nullptr;

private:
    static std::int64_t ms(time_point t)
    {
        return t == never ? -1 : std::chrono::duration_cast<std::chrono::milliseconds>(t - time_point(1h)).count();
    }

    [[nodiscard]] obtain_reply reply(duration validity, std::uint64_t token = 1) const
    {
        return {obtain_reply::verdict::granted, detail::saturating_add(now_, validity), token};
    }

    std::string renew_reply(error_code ec, const obtain_reply& r)
    {
        return step([&](auto& out) { client_.on_renew_reply(asked_, ec, r, now_, out); });
    }

    template <class F>
    std::string step(F f)
    {
        table_actions actions;
        f(actions);
        std::string result = actions.overrunning ? "overruns" : "";
        client_.after_step(now_);
        if (!client_.begin_sending())
            return result;
        while (client_.next_request(request_, now_)) {
            const lease_request* const q = &request_;
            using operation = lease_request::operation;
            result += result.empty() ? "" : ", ";
            switch (q->op) {
            case operation::obtain:
                id_ = q->obtain.id;
                since_ = q->obtain.since;
                result += q->obtain.preempt ? "obtain" : "obtain without preempting";
                break;
            case operation::end: result += "end"; break;
            case operation::renew:
                BOOST_TEST(
                    (q->obtain.id == held_ && q->renewed.id == held_ && q->obtain.how == obtain_request::mode::now));
                BOOST_TEST(q->obtain.priority == h->priority.load());
                asked_ = q->renewed;
                result += (q->renewed.moves_end ? "renew " : "raise ")
                          + (q->obtain.ttl == infinite
                                 ? std::string("for ever")
                                 : std::to_string(
                                       std::chrono::duration_cast<std::chrono::milliseconds>(q->obtain.ttl).count()));
                break;
            }
        }
        return result;
    }

    alignas(detail::lock_domain) std::byte domain_[sizeof(detail::lock_domain)];
    time_point now_ = time_point(1h);
    time_point since_;
    lock_table table_;
    lease_client client_;
    waiter w_;
    std::deque<waiter> others_;
    acquisition_id id_; // that was asked for last
    acquisition_id held_;
    bool delivered_ = false;
    lease_request request_;      // last
    detail::renewed_hold asked_; // last
    duration extension_{};
    time_point extended_at_;
};

struct renewed_fixture : lease_driver
{
    renewed_fixture()
    {
        BOOST_TEST(acquire({.ttl = 30ms, .auto_extend = true, .max_hold = 100ms}) == "obtain");
        BOOST_TEST(granted(29ms) == "");
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(lease_client_waits)

BOOST_AUTO_TEST_CASE(R10_those_that_waited_for_a_quorum_as_long_as_the_first_are_told_with_it)
{
    lease_driver d;
    d.more({.timeout = 1h});
    BOOST_TEST(d.failed(errc::no_quorum) == "end");
    BOOST_TEST(d.still_waiting() == "");

    BOOST_TEST(d.more({}) == "obtain"); // b1
    BOOST_TEST(d.more({}) == "");       // came after the first was asked for
    BOOST_TEST(d.failed(errc::no_quorum) == "end, obtain");
    BOOST_TEST(d.still_waiting() == "b2");
    BOOST_TEST(d.more({}) == "");
    BOOST_TEST(d.more({.priority = 1}) == "end, obtain"); // b4, when b2 and b3 were there
    BOOST_TEST(d.more({}) == "");
    BOOST_TEST(d.failed(errc::no_quorum) == "end, obtain");
    BOOST_TEST(d.still_waiting() == "b5");
}

BOOST_AUTO_TEST_CASE(T42_the_second_waiter_is_asked_for_with_the_time_that_it_has_waited)
{
    lease_driver d;
    d.more({});
    d.at_time(500ms);
    d.more({});
    d.at_time(2s);
    BOOST_TEST(d.failed(errc::already_acquired) == "end, obtain");
    BOOST_TEST(d.asked_since() == 500);
}

BOOST_AUTO_TEST_CASE(R10_another_error_and_one_that_did_not_wait_are_of_the_first_alone)
{
    for (const error_code why : {error_code(errc::already_acquired), error_code(errc::no_quorum)}) {
        lease_driver d;
        d.more({});
        d.more({.priority = 1, .timeout = why == errc::no_quorum ? duration::zero() : infinite});
        BOOST_TEST(d.failed(why) == "end, obtain");
        BOOST_TEST(d.still_waiting() == "b0");
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lease_client_requests)

BOOST_AUTO_TEST_CASE(T43_what_could_not_be_sent_is_sent_again)
{
    lease_driver d;
    BOOST_TEST(d.acquire({}) == "obtain");
    d.not_sent();
    BOOST_TEST(d.at_time(999ms) == "");
    BOOST_TEST(d.at_time(1s) == "obtain");
    BOOST_TEST(d.at_time(1h) == "");
    d.granted(1h);
    d.deliver();
    BOOST_TEST(d.raise(3) == "raise 3600000");
    d.not_sent();
    BOOST_TEST(d.at_time(1h + 1s) == "raise 3599000");
    BOOST_TEST(d.release() == "end");
    d.not_sent();
    BOOST_TEST(d.at_time(1h + 2s) == "end");
    BOOST_TEST(d.due() == -1);
}

BOOST_AUTO_TEST_CASE(T43_only_the_latest_is_sent_again)
{
    lease_driver d(4ms);
    d.more({});
    d.not_sent();
    BOOST_TEST(d.more({.priority = 1}) == "end, obtain");
    BOOST_TEST(d.at_time(4ms) == "obtain"); // repeated, as every 4 ms
    d.not_sent();
    BOOST_TEST(d.failed(errc::already_acquired) == "end, obtain");
    BOOST_TEST(d.at_time(7ms) == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lease_client_notices)

BOOST_AUTO_TEST_CASE(P10_the_store_is_told_whether_its_waiter_preempts)
{
    lease_driver d;
    BOOST_TEST(d.acquire({.preempt = false}) == "obtain without preempting");
    BOOST_TEST(d.more({.priority = 1}) == "end, obtain");
    BOOST_TEST(d.more({.priority = 2, .preempt = false}) == "end, obtain without preempting");
}

/// Another manager may have one before it that leaves the holder alone.
BOOST_AUTO_TEST_CASE(P10_only_the_store_has_a_holder_go)
{
    lease_driver d;
    d.acquire({.grace = infinite});
    d.granted(1h);
    d.deliver();
    BOOST_TEST(d.more({.priority = 1}) == "obtain");
    BOOST_TEST((d.state() == lock_state::held));
    BOOST_TEST(d.notice(1, true) == "");
    BOOST_TEST((d.state() == lock_state::revoking));
}

BOOST_AUTO_TEST_CASE(P6_one_that_is_not_to_wait_is_refused_when_another_one_comes_before_it)
{
    for (const acquire_settings& options : {acquire_settings{.max_attempts = 1}, {.timeout = 0ms}}) {
        lease_driver d;
        d.acquire(options);
        BOOST_TEST(d.h->pending != nullptr);
        BOOST_TEST(d.more({}) == "");
        BOOST_TEST(d.h->pending != nullptr);
        BOOST_TEST(d.more({.priority = 1}) == "end, obtain");
        BOOST_TEST(d.h->pending == nullptr);
        BOOST_TEST(d.still_waiting() == "b0 b1");
    }
}

BOOST_AUTO_TEST_CASE(a_holder_overruns_for_a_waiter_that_only_the_store_knows)
{
    lease_driver d(infinite, {.overrun_after = 1s});
    d.acquire({.grace = infinite});
    d.granted(1h);
    d.deliver();
    BOOST_TEST(!d.thief());
    d.at_time(500ms);
    BOOST_TEST(d.notice(9) == "");
    BOOST_TEST((d.state() == lock_state::revoking));
    BOOST_TEST((d.thief() == 9));
    BOOST_TEST(d.due() == 1500);
    BOOST_TEST(d.at_time(1499ms) == "");
    BOOST_TEST(d.at_time(1500ms) == "overruns");
    BOOST_TEST(d.notice(9) == ""); // repeated
    BOOST_TEST(d.notice(12) == "");
    BOOST_TEST((d.thief() == 12));
    BOOST_TEST(d.at_time(3499ms) == "");
    BOOST_TEST(d.at_time(3500ms) == "overruns");
    BOOST_TEST(d.counted().overruns == 1u);
    BOOST_TEST(d.counted().preemptions == 1u);
    BOOST_TEST(d.release() == "end");
    BOOST_TEST(!d.thief());
}

BOOST_AUTO_TEST_CASE(a_waiter_of_its_own_is_known_to_the_table)
{
    lease_driver d(infinite, {.overrun_after = 1s});
    d.acquire({.grace = infinite});
    d.granted(1h);
    d.deliver();
    BOOST_TEST(d.more({.priority = 5, .timeout = 2s}) == "obtain");
    BOOST_TEST(d.notice(5, true) == "");
    BOOST_TEST(!d.thief());
    BOOST_TEST(d.at_time(1s) == "overruns");
    BOOST_TEST(d.at_time(2s) == "end"); // and with that nobody waits any more
    BOOST_TEST(d.at_time(3s) == "");
    BOOST_TEST(d.due() == 3600'000); // the end of the grant

    BOOST_TEST(d.notice(9) == ""); // but now
    BOOST_TEST((d.thief() == 9));
    BOOST_TEST(d.due() == 3000);
    BOOST_TEST(d.at_time(3s) == "overruns");
    BOOST_TEST(d.release() == "end");
}

BOOST_AUTO_TEST_CASE(every_wait_and_every_hold_is_measured)
{
    lease_driver d;
    d.acquire({});
    d.late(5ms);
    d.granted(1h);
    BOOST_TEST(d.counted().wait_time.sampled == 1u);
    BOOST_TEST(d.counted().wait_time.sum.count() == 0.005, boost::test_tools::tolerance(1e-9));
    d.late(25ms);
    d.release();
    BOOST_TEST(d.counted().hold_time.count == 1u);
    BOOST_TEST(d.counted().hold_time.sampled == 1u);
    BOOST_TEST(d.counted().hold_time.sum.count() == 0.02, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lease_client_renewal)

BOOST_AUTO_TEST_CASE(not_without_being_asked)
{
    lease_driver d;
    d.acquire({.ttl = 30ms});
    d.granted(29ms);
    BOOST_TEST(d.due() == 29);
    BOOST_TEST(d.at_time(29ms) == "end");
    BOOST_TEST(d.state() == lock_state::expired);
}

BOOST_FIXTURE_TEST_CASE(at_a_third_of_the_ttl, renewed_fixture)
{
    BOOST_TEST(expires() == 29);
    BOOST_TEST(due() == 10);
    BOOST_TEST(at_time(10ms) == "renew 30");
    BOOST_TEST(expires() == 29); // not before the store has said so
    at_time(12ms);
    BOOST_TEST(renewed(28ms) == "");
    BOOST_TEST(expires() == 40);
    BOOST_TEST(due() == 22);
    BOOST_TEST(at_time(22ms) == "renew 30");
}

BOOST_FIXTURE_TEST_CASE(T63_max_hold_ends_it_as_expired, renewed_fixture)
{
    for (int i = 1; i < 8; ++i) {
        BOOST_TEST(at_time(i * 10ms) == "renew 30");
        renewed(29ms);
    }
    BOOST_TEST(at_time(80ms) == "renew 20"); // no longer than it may be held
    renewed(20ms);
    BOOST_TEST(expires() == 100);
    BOOST_TEST(due() == 100);
    BOOST_TEST(at_time(100ms) == "end");
    BOOST_TEST(state() == lock_state::expired);
}

BOOST_AUTO_TEST_CASE(max_hold_bounds_a_store_that_grants_more_than_it_was_asked_for)
{
    lease_driver d;
    d.acquire({.ttl = 30ms, .auto_extend = true, .max_hold = 40ms});
    d.granted(1h);
    BOOST_TEST(d.expires() == 40);
    BOOST_TEST(d.at_time(40ms) == "end");
    BOOST_TEST(d.state() == lock_state::expired);
}

BOOST_FIXTURE_TEST_CASE(T19_one_error_does_not_stop_it, renewed_fixture)
{
    BOOST_TEST(at_time(10ms) == "renew 30");
    BOOST_TEST(not_renewed(errc::no_quorum) == "");
    BOOST_TEST(state() == lock_state::held);
    BOOST_TEST(due() == 12);
    BOOST_TEST(at_time(13ms) == "renew 30");
    not_renewed(errc::no_quorum);
    BOOST_TEST(at_time(16ms) == "renew 30");
    renewed(29ms);
    BOOST_TEST(expires() == 45);
    BOOST_TEST(due() == 26);
}

BOOST_FIXTURE_TEST_CASE(it_begins_to_fail_once_until_it_succeeds, renewed_fixture)
{
    at_time(10ms);
    BOOST_TEST(begins_to_fail());
    not_renewed(errc::no_quorum);
    at_time(13ms);
    BOOST_TEST(!begins_to_fail());
    not_renewed(errc::no_quorum);
    at_time(16ms);
    renewed(29ms);
    BOOST_TEST(at_time(26ms) == "renew 30");
    BOOST_TEST(begins_to_fail());
}

BOOST_FIXTURE_TEST_CASE(an_extension_ends_a_failure_and_makes_an_older_one_count_no_more, renewed_fixture)
{
    BOOST_TEST(at_time(10ms) == "renew 30");
    BOOST_TEST(begins_to_fail());
    not_renewed(errc::no_quorum);
    begin_extend(60ms);
    BOOST_TEST(!begins_to_fail()); // what was asked for before it
    BOOST_TEST(end_extend(59ms) == "");
    BOOST_TEST(!begins_to_fail());
    BOOST_TEST(at_time(30ms) == "renew 30");
    BOOST_TEST(begins_to_fail());
}

BOOST_FIXTURE_TEST_CASE(what_is_not_answered_is_repeated, renewed_fixture)
{
    BOOST_TEST(at_time(10ms) == "renew 30");
    BOOST_TEST(at_time(20ms) == "renew 30");
    renewed(29ms); // whichever of the two it answers
    BOOST_TEST(expires() == 49);
}

BOOST_AUTO_TEST_CASE(what_is_not_answered_is_repeated_as_the_protocol_wants_it)
{
    lease_driver d(4ms);
    d.acquire({.ttl = 30ms, .auto_extend = true});
    d.granted(29ms);
    BOOST_TEST(d.at_time(10ms) == "renew 30");
    BOOST_TEST(d.at_time(14ms) == "renew 30");
}

BOOST_FIXTURE_TEST_CASE(T20_it_is_lost_at_its_end_and_a_late_success_does_not_bring_it_back, renewed_fixture)
{
    at_time(10ms);
    not_renewed(errc::no_quorum);
    BOOST_TEST(at_time(29ms) == "end");
    BOOST_TEST(state() == lock_state::lost);
    BOOST_TEST(renewed(29ms) == "");
    BOOST_TEST(state() == lock_state::lost);
}

BOOST_FIXTURE_TEST_CASE(T20_a_success_that_finds_its_end_before_the_timer_comes_too_late, renewed_fixture)
{
    at_time(10ms);
    at_time(20ms);
    late(29ms);
    BOOST_TEST(renewed(20ms) == "end");
    BOOST_TEST(state() == lock_state::lost);
}

BOOST_FIXTURE_TEST_CASE(the_store_has_given_it_away, renewed_fixture)
{
    at_time(10ms);
    BOOST_TEST(refused() == "end"); // a minority may still have it
    BOOST_TEST(state() == lock_state::lost);
    BOOST_TEST(due() == -1);
}

BOOST_FIXTURE_TEST_CASE(the_store_had_forgotten_it_and_grants_it_anew, renewed_fixture)
{
    at_time(10ms);
    BOOST_TEST(granted_anew() == "end");
    BOOST_TEST(state() == lock_state::lost);
}

BOOST_FIXTURE_TEST_CASE(T18_nothing_is_renewed_after_the_release, renewed_fixture)
{
    BOOST_TEST(at_time(10ms) == "renew 30");
    BOOST_TEST(release() == "end");
    BOOST_TEST(due() == -1);
    BOOST_TEST(renewed(29ms) == "");
    BOOST_TEST(state() == lock_state::released);
    BOOST_TEST(at_time(1h) == "");
}

BOOST_FIXTURE_TEST_CASE(P3_renewal_goes_on_in_the_grace, renewed_fixture)
{
    BOOST_TEST(notice() == "");
    BOOST_TEST(state() == lock_state::revoking);
    BOOST_TEST(at_time(10ms) == "renew 30");
    renewed(29ms);
    BOOST_TEST(expires() == 39);
    BOOST_TEST(at_time(20ms) == "renew 30");
    h->handlers.store(0); // the completion of the grant has run
    BOOST_TEST(release() == "end");
    BOOST_TEST(due() == -1);
}

BOOST_FIXTURE_TEST_CASE(the_owners_extension_counts_and_not_a_renewal_from_before_it, renewed_fixture)
{
    BOOST_TEST(at_time(10ms) == "renew 30");
    begin_extend(6ms);
    BOOST_TEST(renewed(29ms) == "");
    BOOST_TEST(expires() == 29);
    BOOST_TEST(at_time(12ms) == ""); // not while that is under way
    BOOST_TEST(end_extend(29ms) == "");
    BOOST_TEST(expires() == 16); // the store keeps it for longer, but its owner does not want that
    BOOST_TEST(renewed(29ms) == "");
    BOOST_TEST(expires() == 16);
    BOOST_TEST(at_time(14ms) == "renew 30");
    renewed(29ms);
    BOOST_TEST(expires() == 43);
}

BOOST_FIXTURE_TEST_CASE(an_owners_extension_that_is_refused_ends_it, renewed_fixture)
{
    begin_extend(60ms);
    BOOST_TEST(end_extend(errc::no_quorum, {}) == ""); // which says nothing
    BOOST_TEST(state() == lock_state::held);
    begin_extend(60ms);
    BOOST_TEST(end_extend({}, {}) == "not held, end");
    BOOST_TEST(state() == lock_state::lost);
    BOOST_TEST(begin_extend(60ms) == "not held");
}

BOOST_AUTO_TEST_CASE(a_shorter_end_is_the_managers_to_keep)
{
    lease_driver d;
    d.acquire({.ttl = 30ms});
    d.granted(29ms);
    d.begin_extend(5ms);
    d.late(2ms);
    BOOST_TEST(d.end_extend(27ms) == "");
    BOOST_TEST(d.expires() == 5);
    BOOST_TEST(d.at_time(5ms) == "end");
    BOOST_TEST(d.state() == lock_state::expired);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lease_client_priority)

BOOST_AUTO_TEST_CASE(a_higher_one_is_told_without_another_end)
{
    lease_driver d;
    d.acquire({.ttl = 30ms});
    d.granted(29ms);
    d.late(9ms);
    BOOST_TEST(d.raise(5) == "raise 20");
    BOOST_TEST(d.raise(4) == "");
    BOOST_TEST(d.renewed(25ms) == "");
    BOOST_TEST(d.expires() == 29);
    BOOST_TEST(d.raise(6) == "raise 20");
    BOOST_TEST(d.refused() == "end");
    BOOST_TEST(d.state() == lock_state::lost);

    lease_driver for_ever;
    for_ever.acquire({});
    for_ever.granted(infinite);
    BOOST_TEST(for_ever.raise(5) == "raise for ever");
}

BOOST_FIXTURE_TEST_CASE(renewal_goes_on_at_its_own_times, renewed_fixture)
{
    for (int i = 1; i <= 9; ++i) {
        late(i * 1ms);
        BOOST_TEST(raise(i) == "raise " + std::to_string(29 - i));
        renewed(29ms);
    }
    BOOST_TEST(expires() == 29);
    BOOST_TEST(at_time(10ms) == "renew 30");
}

BOOST_FIXTURE_TEST_CASE(a_holder_is_found_by_its_acquisition_as_long_as_it_holds, renewed_fixture)
{
    BOOST_TEST(holder() == h);
    release();
    BOOST_TEST(!holder());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
