// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "memory/every_token.hpp"
#include "operations/every_operation.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <type_traits>
#include <utility>

// I3: every operation of operations/every_operation.hpp with every kind of token, at every allocation of which memory
// runs out, those of the handler's own allocator among them.

namespace {

using namespace test;
using handler = attempt::handler;

/// The world of an operation.
template <class Operation>
class operation_world final : public sweep_world
{
public:
    explicit operation_world(manager_kind kind) : operation_(std::make_unique<Operation>(kind)) {}

    [[nodiscard]] Operation& operation() noexcept { return *operation_; }
    asio::io_context& context() override { return operation_->f.context; }
    lock_manager& manager() override { return *operation_->f.manager; }
    void let_go() override { operation_->held.release(); }

    bool ends() override
    {
        operation_.reset(); // whose fixture checks that its context runs out of work
        return true;
    }

private:
    std::unique_ptr<Operation> operation_;
};

/// Starts it, ends what it waits for, or cancels it.
template <class Token, class Operation>
void sweep_operation(manager_kind kind, bool cancels)
{
    sweep_memory([kind] { return std::make_unique<operation_world<Operation>>(kind); },
                 [cancels](attempt& a) {
                     auto& operation = static_cast<operation_world<Operation>&>(a.world).operation();
                     const auto start = [&operation]<class T>(T&& token) {
                         return operation.start(std::forward<T>(token));
                     };
                     auto& call = a.start([&](handler h) { Token()(a.world.context(), start, std::move(h)); });
                     a.poll();
                     if (cancels)
                         call.signal.emit(asio::cancellation_type::terminal);
                     else
                         operation.finish();
                     a.poll();
                 },
                 {.reach = Token::reach, .may_be = Token::may_be});
}

template <class Token, class... Operations>
void sweep_each(bool cancels)
{
    const auto one = [cancels]<class Operation>(std::type_identity<Operation>) {
        for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded})
            BOOST_TEST_CONTEXT(Operation::name << (cancels ? ", cancelled" : "")
                                               << (kind == manager_kind::thread_safe ? "" : ", single-threaded"))
            {
                sweep_operation<Token, Operation>(kind, cancels);
            }
    };
    (one(std::type_identity<Operations>()), ...);
}

template <class Token>
void sweep_token()
{
    sweep_each<Token, acquire_granted, acquire_fresh, acquire_reentrant, acquire_preempting_at_once, acquire_refused,
               acquire_all_granted, acquire_all_refused, wait_for_ended, release_held, release_ended, extend_held,
               take_snapshot, guard_of_ended, acquire_waiting, acquire_all_waiting, wait_for_held>(false);
    sweep_each<Token, acquire_waiting, acquire_all_waiting, wait_for_held>(true);
    if constexpr (Token::suits_timers) {
        sweep_each<Token, guarded_wait>(false);
        sweep_each<Token, guarded_wait>(true);
    }
}

BOOST_AUTO_TEST_SUITE(memory_of_tokens, *boost::unit_test::timeout(120))

BOOST_AUTO_TEST_CASE(I3_callbacks)
{
    sweep_token<plain>();
    sweep_token<with_slot>();
}

BOOST_AUTO_TEST_CASE(I3_I4_allocators)
{
    sweep_token<with_allocator>();
}

BOOST_AUTO_TEST_CASE(I3_I4_executors, *boost::unit_test::enable_if<strands_survive>())
{
    sweep_token<with_executor>();
    sweep_token<with_immediate_executor>();
    sweep_token<with_strand>();
}

BOOST_AUTO_TEST_CASE(I3_deferred_operations)
{
    sweep_token<deferred>();
}

BOOST_AUTO_TEST_CASE(I3_futures)
{
    sweep_token<future>();
}

BOOST_AUTO_TEST_CASE(I3_coroutines)
{
    sweep_token<coroutine>();
}

BOOST_AUTO_TEST_CASE(I3_T31_erased_handlers)
{
    sweep_token<erased>();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
