// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/memory_sweep.hpp"
#include "operations/every_operation.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
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

/// Base of the tokens with which Asio needs no memory of its own but for the initiation.
struct sound_token
{
    static constexpr bool suits_timers = true; // as the operation under guard
    static constexpr heap::reach reach = heap::reach::with_recycled;
    static constexpr asio_losses may_be = asio_losses::none;
};

/// Base of those with which it has to have what it keeps for reuse.
struct token_with_recycled
{
    static constexpr bool suits_timers = true;
    static constexpr heap::reach reach = heap::reach::operators;
    static constexpr asio_losses may_be = asio_losses::none;
};

struct plain : sound_token
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(std::move(h));
    }
};

struct with_slot : sound_token
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(cancellable(std::move(h)));
    }
};

struct with_allocator : sound_token
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        const counting_allocator<> allocator(h.call().memory);
        operation.start(asio::bind_allocator(allocator, cancellable(std::move(h))));
    }
};

struct with_executor : sound_token
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(asio::bind_executor(operation.f.context.get_executor(), std::move(h)));
    }
};

struct with_immediate_executor : sound_token
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(asio::bind_immediate_executor(operation.f.context.get_executor(), std::move(h)));
    }
};

struct deferred : sound_token
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        auto started_later = operation.start(asio::deferred);
        std::move(started_later)(asio::as_tuple(std::move(h)));
    }
};

struct with_strand : token_with_recycled
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(asio::bind_executor(asio::make_strand(operation.f.context), std::move(h)));
    }
};

struct future : token_with_recycled
{
    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(asio::use_future(std::move(h)));
    }
};

struct coroutine : token_with_recycled
{
    static constexpr asio_losses may_be = asio_losses::of_handler;

    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        asio::co_spawn(operation.f.context, run(operation), cancellable(std::move(h)));
    }

    /// The result goes with the coroutine.
    template <class Operation>
    static asio::awaitable<void> run(Operation& operation)
    {
        co_await operation.start(asio::as_tuple(asio::use_awaitable));
    }
};

/// A token for handlers without their type.
struct erased_token
{
    handler h;
    asio::io_context::executor_type executor;
};

/// With executors of its own that need no memory to be copied, unlike those that Asio makes of the manager's.
struct erased : token_with_recycled
{
    static constexpr bool suits_timers = false; // Asio ends the program

    template <class Operation>
    void operator()(Operation& operation, handler h) const
    {
        operation.start(erased_token{std::move(h), operation.f.context.get_executor()});
    }
};

} // namespace

template <class R, class... Results>
struct boost::asio::async_result<erased_token, R(Results...)>
{
    template <class Initiation, class... Arguments>
    static void initiate(Initiation&& initiation, erased_token token, Arguments&&... arguments)
    {
        std::forward<Initiation>(initiation)(
            boost::asio::any_completion_handler<R(Results...)>(boost::asio::bind_executor(
                token.executor, boost::asio::bind_immediate_executor(token.executor, cancellable(std::move(token.h))))),
            std::forward<Arguments>(arguments)...);
    }
};

namespace {

/// Starts it, ends what it waits for, or cancels it.
template <class Token, class Operation>
void sweep_operation(manager_kind kind, bool cancels)
{
    sweep_memory([kind] { return std::make_unique<operation_world<Operation>>(kind); },
                 [cancels](attempt& a) {
                     auto& operation = static_cast<operation_world<Operation>&>(a.world).operation();
                     auto& call = a.start([&](handler h) { Token()(operation, std::move(h)); });
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
