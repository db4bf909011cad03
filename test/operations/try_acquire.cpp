// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/heap.hpp"
#include "common/locks.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(try_acquire, *boost::unit_test::timeout(60))

MANAGER_TEST_CASE(a_free_lock_is_granted_at_once)
{
    error_code ec = errc::lost;
    lock lk = f.manager->try_acquire("r", "me", {.priority = 3, .ttl = 1h}, ec);
    BOOST_TEST(ec == success);
    BOOST_TEST(lk.is_held());
    BOOST_TEST(lk.resource() == "r");
    BOOST_TEST(lk.locker_id() == "me");
    BOOST_TEST(lk.priority() == 3);
    BOOST_TEST(lk.fencing_token() > 0u);
    BOOST_TEST((lk.expires_at() == manual_clock::now() + 1h));
    BOOST_TEST(f.manager->metrics().grants == 1u);
    lock other = f.manager->try_acquire(std::string("s"));
    BOOST_TEST(other.is_held());
    lk.release();
    lock again = f.manager->try_acquire("r", {}, ec);
    BOOST_TEST(again.fencing_token() > lk.fencing_token());
}

MANAGER_TEST_CASE(nothing_is_posted)
{
    lock lk = f.manager->try_acquire("r", "me");
    BOOST_TEST(!f.manager->try_acquire("r"));
    lk.release();
    BOOST_TEST(f.context.poll() == 0u);
}

MANAGER_TEST_CASE(one_that_is_held_is_refused_and_nobody_is_told_to_go)
{
    lock holder = f.get("r", "holder");
    completion told;
    f.wait(told, holder);
    acquired waiter;
    f.acquire(waiter, "r", "waiter");
    for (const acquire_options& options :
         {acquire_options{}, acquire_options{.priority = 9}, acquire_options{.priority = 9, .timeout = 1h},
          acquire_options{.priority = 9, .preempt = true, .max_attempts = 9}, acquire_options{.timeout = 0s}}) {
        error_code ec;
        const lock none = f.manager->try_acquire("r", "other", options, ec);
        BOOST_TEST((ec == errc::already_acquired));
        BOOST_TEST((ec == redlock::condition::busy));
        BOOST_TEST(none.state() == lock_state::empty);
        BOOST_TEST(!f.manager->try_acquire("r", options));
    }
    f.poll();
    CHECK_PENDING(told);
    CHECK_PENDING(waiter);
    BOOST_TEST(holder.is_held());
    BOOST_TEST(f.snapshot().resources.at(0).waiters.size() == 1u);
    BOOST_TEST(f.manager->metrics().refusals == 10u);
    holder.release();
    f.poll();
    CHECK_COMPLETED(waiter, success);
}

MANAGER_TEST_CASE(one_that_is_being_handed_over_is_refused)
{
    lock victim = f.get("r", "victim");
    acquired thief;
    f.acquire(thief, "r", "thief", {.priority = 1});
    f.poll();
    BOOST_TEST(victim.state() == lock_state::revoking);
    BOOST_TEST(!f.manager->try_acquire("r", "other", {.priority = 9}));
    BOOST_TEST(!f.manager->try_acquire("r", "victim", {.priority = 9}));
    victim.release();
    f.poll();
    CHECK_COMPLETED(thief, success);
}

MANAGER_TEST_CASE(it_is_re_entrant)
{
    lock first = f.get("r", "me", {.ttl = 1h});
    lock second = f.manager->try_acquire("r", "me", {.priority = 2, .ttl = 5h});
    BOOST_TEST_REQUIRE(second.is_held());
    BOOST_TEST(second.fencing_token() == first.fencing_token());
    BOOST_TEST((second.expires_at() == manual_clock::now() + 1h));
    BOOST_TEST(first.priority() == 2);
    first.release();
    BOOST_TEST(!f.manager->try_acquire("r"));
    second.release();
    BOOST_TEST(f.manager->try_acquire("r").is_held());
}

MANAGER_TEST_CASE(P3_what_it_grants_is_a_lock_as_any_other)
{
    lock lk = f.manager->try_acquire("r", "me", {.grace = 0s});
    completion told;
    f.wait(told, lk);
    acquired thief;
    f.acquire(thief, "r", "thief", {.priority = 1, .ttl = 1s});
    BOOST_TEST(lk.state() == lock_state::revoking);
    f.poll();
    CHECK_COMPLETED(told, aborted);
    CHECK_COMPLETED(thief, success); // no completion of a grant is waited for
    f.advance(1s);
    BOOST_TEST(thief.lk.state() == lock_state::expired);
    BOOST_TEST(f.manager->try_acquire("r").is_held());
}

MANAGER_TEST_CASE(an_expired_lock_is_free_however_late_the_timer)
{
    lock old = f.get("r", "old", {.ttl = 1s});
    manual_clock::advance(1s);
    BOOST_TEST(f.manager->try_acquire("r").is_held());
    f.poll();
    BOOST_TEST(old.state() == lock_state::expired);
}

MANAGER_TEST_CASE(I8_bad_options_are_refused_and_change_nothing)
{
    const std::string too_long(64 * 1024 + 1, 'x');
    const auto is_refused = [&f](const auto&... arguments) {
        error_code why;
        const lock none = f.manager->try_acquire(arguments..., why);
        bool thrown = false;
        try {
            const lock also_none = f.manager->try_acquire(arguments...);
        } catch (const boost::system::system_error& e) {
            thrown = e.code() == errc::invalid_argument;
        }
        return why == errc::invalid_argument && none.state() == lock_state::empty && thrown;
    };
    BOOST_TEST(is_refused("", acquire_options{}));
    BOOST_TEST(is_refused("r", "", acquire_options{}));
    BOOST_TEST(is_refused(too_long, acquire_options{}));
    for (const acquire_options& bad :
         {acquire_options{.ttl = 0s}, acquire_options{.timeout = -1s}, acquire_options{.max_attempts = 0},
          acquire_options{.grace = -1s}, acquire_options{.ttl = 2s, .auto_extend = true, .max_hold = 1s}})
        BOOST_TEST(is_refused("r", "me", bad));
    BOOST_TEST(f.vacant());
}

BOOST_AUTO_TEST_CASE(I10_a_field_of_options_is_a_value_or_none)
{
    const acquire_options none;
    BOOST_TEST(!none.preempt.has_value());
    const std::optional<bool> inherited = none.preempt;
    BOOST_TEST(!inherited.has_value());

    const acquire_options some{
        .priority = std::optional<int>(-1), .preempt = false, .ttl = 2s, .timeout = std::nullopt};
    BOOST_TEST(*some.priority == -1);
    BOOST_TEST(!std::optional<bool>(some.preempt).value());
    BOOST_TEST((*some.ttl == 2s));
    BOOST_TEST(!some.timeout.has_value());
    BOOST_TEST(acquire_options{.ttl = priority_redlock::duration::min()}
                   .ttl.has_value()); // which is refused, and inherits nothing
    static_assert(!std::is_convertible_v<const char*, priority_redlock::inheritable<bool>>);
}

MANAGER_TEST_CASE(I10_options_inherit_from_the_manager)
{
    f.manager = make_manager(f.context.get_executor(), f.kind, {.defaults = {.priority = 4, .ttl = 1h}});
    lock lk = f.manager->try_acquire("r", {.ttl = 2h});
    BOOST_TEST(lk.priority() == 4);
    BOOST_TEST((lk.expires_at() == manual_clock::now() + 2h));
}

MANAGER_TEST_CASE(a_closed_manager_grants_nothing)
{
    f.manager->close();
    error_code ec;
    BOOST_TEST(!f.manager->try_acquire("r", {}, ec));
    BOOST_TEST((ec == errc::manager_closed));
    BOOST_CHECK_EXCEPTION(static_cast<void>(f.manager->try_acquire("r")), boost::system::system_error,
                          [](const auto& e) { return e.code() == errc::manager_closed; });
}

MANAGER_TEST_CASE(a_remembered_resource_costs_no_allocation)
{
    const auto try_often = [&f] {
        for (std::uint64_t i = 0; i < redlock::metrics::sampling; ++i) // one of them is measured
            f.manager->try_acquire("r", "me").release();
    };
    try_often();
    const heap::meter meter;
    try_often();
    BOOST_TEST(meter.count() == 0);
}

BOOST_AUTO_TEST_CASE(a_store_cannot_be_asked_at_once)
{
    asio::io_context context;
    auto manager = redlock::testing::make_manager(
        context, std::make_shared<redlock::testing::memory_protocol>(context.get_executor()));
    error_code ec;
    BOOST_TEST(!manager.try_acquire("r", "me", {}, ec));
    BOOST_TEST((ec == asio::error::operation_not_supported));
    BOOST_CHECK_THROW(static_cast<void>(manager.try_acquire("r")), boost::system::system_error);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
