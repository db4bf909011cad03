// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/memory_sweep.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

// I3, T43: two managers over a protocol, and at every allocation memory runs out: the managers' own, those of the store
// and those of the network before it.

namespace {

using namespace test;
using handler = attempt::handler;

class protocol_world final : public sweep_world
{
public:
    explicit protocol_world(bool over_network)
    {
        store_ =
            std::make_shared<redlock::testing::memory_protocol>(context_.get_executor(), redlock::testing::manual_time);
        if (over_network)
            store_ = std::make_shared<redlock::testing::unreliable_protocol>(
                context_.get_executor(), std::move(store_),
                redlock::testing::unreliable_options{
                    .min_delay = 1ms, .max_delay = 2ms, .loss = 0, .resend_after = 20ms},
                redlock::testing::manual_time);
        first_.emplace(redlock::testing::make_manager(context_.get_executor(), store_));
        other_.emplace(redlock::testing::make_manager(context_.get_executor(), store_));
    }

    asio::io_context& context() override { return context_; }
    lock_manager& manager() override { return *first_; }
    lock_manager& other() { return *other_; }
    [[nodiscard]] std::shared_ptr<redlock::protocol> store() const { return store_; }

    /// In steps, each of which is time enough for a message.
    void advance(redlock::duration d) override
    {
        constexpr int steps = 16;
        for (left_ = left_ == 0 ? steps : left_; left_ != 0;) { // goes on after an exception
            --left_;
            manual_clock::advance(d / steps);
            poll();
        }
    }

    void let_go() override { other_->cancel(); }

    bool ends() override
    {
        first_.reset();
        other_.reset();
        store_.reset();
        for (int i = 0; i < 3; ++i)
            advance(24h);
        return context_.stopped();
    }

private:
    asio::io_context context_;
    std::shared_ptr<redlock::protocol> store_;
    std::optional<lock_manager> first_;
    std::optional<lock_manager> other_;
    int left_ = 0;
};

lock_manager& other(attempt& a)
{
    return static_cast<protocol_world&>(a.world).other();
}

/// Of the second manager.
void acquire_there(attempt& a, const char* resource, const char* locker, const acquire_options& options = {})
{
    a.start([&](handler h) { other(a).async_acquire(resource, locker, options, cancellable(std::move(h))); });
}

/// Without and with a network between.
template <class Scene>
void sweep(Scene play)
{
    for (const bool over_network : {false, true})
        BOOST_TEST_CONTEXT((over_network ? "over a network" : "over a protocol that answers at once"))
        {
            sweep_memory([&] { return std::make_unique<protocol_world>(over_network); }, play);
        }
}

BOOST_AUTO_TEST_SUITE(memory_over_protocol, *boost::unit_test::timeout(500))

BOOST_AUTO_TEST_CASE(I3_T43_hand_over_between_managers)
{
    sweep([](attempt& a) {
        a.acquire("r", "a");
        a.advance(1s);
        acquire_there(a, "r", "b", {.ttl = 1h});
        a.acquire("r", "c");
        a.advance(1s);
        a.release_all();
        a.advance(1s);
        a.release_all();
        a.advance(3s);
        a.release_all();
        a.advance(3s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_hand_shakes_between_managers)
{
    for (const auto grace : {0s, 1s})
        sweep([grace](attempt& a) {
            a.acquire("r", "low", {.grace = grace});
            a.advance(1s);
            for (lock& each : a.locks)
                a.start([&](handler h) { each.async_wait(cancellable(std::move(h))); });
            acquire_there(a, "r", "high", {.priority = 1});
            a.acquire("r", "higher", {.priority = 2});
            a.advance(5s);
            a.release_all();
            a.advance(3s);
        });
}

BOOST_AUTO_TEST_CASE(I3_T43_a_lock_is_released_and_its_owner_told)
{
    sweep([](attempt& a) {
        a.acquire("r", "a");
        a.acquire("r", "a");
        a.acquire("s", "a");
        acquire_there(a, "s", "b");
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_release(cancellable(std::move(h))); });
        a.advance(4s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_release(std::move(h)); });
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_renewals_extensions_and_rising_priorities)
{
    sweep([](attempt& a) {
        a.acquire("r", "a", {.ttl = 9s, .auto_extend = true, .max_hold = 1h});
        a.acquire("s", "a", {.ttl = 20s});
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_extend(20s, std::move(h)); });
        a.acquire("s", "a", {.priority = 3}); // raises it
        a.advance(4s);
        acquire_there(a, "s", "b", {.priority = 2, .timeout = 5s});
        for (int i = 0; i < 4; ++i)
            a.advance(4s);
        a.start([&](handler h) {
            a.locks.empty() ? other(a).async_acquire("t", std::move(h)) : a.locks[0].async_extend(5s, std::move(h));
        });
        a.advance(4s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_extend(1s, std::move(h)); });
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_ttls_end_in_time)
{
    sweep([](attempt& a) {
        a.acquire("r", "a", {.ttl = 5s});
        a.advance(1s);
        for (lock& each : a.locks)
            a.start([&](handler h) { each.async_wait(cancellable(std::move(h))); });
        acquire_there(a, "r", "b", {.ttl = 5s});
        a.acquire("r", "c");
        a.advance(8s);
        a.advance(8s);
        a.advance(8s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_waits_that_are_given_up)
{
    sweep([](attempt& a) {
        a.acquire("r", "a", {.priority = 1});
        a.advance(1s);
        auto& cancelled = a.start([&](handler h) { other(a).async_acquire("r", "b", cancellable(std::move(h))); });
        acquire_there(a, "r", "c", {.timeout = 2s});
        acquire_there(a, "r", "d", {.timeout = 0s});
        acquire_there(a, "r", "e", {.max_attempts = 1});
        acquire_there(a, "r", "f", {.priority = 2, .max_attempts = 3});
        a.acquire("r", "g", {.preempt = false});
        a.advance(1s);
        cancelled.signal.emit(asio::cancellation_type::total);
        a.advance(4s);
        other(a).cancel();
        a.world.manager().cancel();
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_a_manager_goes_while_its_locks_live)
{
    sweep([](attempt& a) {
        std::optional<lock_manager> third;
        try {
            third.emplace(redlock::testing::make_manager(a.world.context().get_executor(),
                                                         static_cast<protocol_world&>(a.world).store()));
        } catch (const std::bad_alloc&) {
            return;
        }
        a.start([&](handler h) { third->async_acquire("r", "a", {.ttl = 1h}, std::move(h)); });
        a.advance(1s);
        a.acquire("r", "b");
        a.start([&](handler h) { third->async_acquire("r", "c", std::move(h)); });
        a.advance(1s);
        third.reset();
        a.advance(1s);
        a.release_all();
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_CASE(I3_T43_several_locks_as_one)
{
    sweep([](attempt& a) {
        acquire_there(a, "s", "b", {.ttl = 6s});
        a.advance(1s);
        a.start([&](handler h) {
            redlock::async_acquire_all(a.world.manager(), {{"r"}, {"s", {.ttl = 50s}}, {"t"}}, 1h,
                                       cancellable(std::move(h)));
        });
        a.advance(8s);
        acquire_there(a, "t", "b", {.priority = 1});
        a.advance(4s);
        // Not async_extend and async_release of the whole: doc/design.md says what they need memory for.
        for (lock& each : a.locks)
            each.release();
        a.advance(4s);
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
