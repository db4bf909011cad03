// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_MEMORY_EVERY_TOKEN_HPP
#define PRIORITY_REDLOCK_TEST_MEMORY_EVERY_TOKEN_HPP

#include "common/counting_allocator.hpp"
#include "common/memory_sweep.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <utility>

// Every kind of token, for a sweep: each calls `start(token)`, which starts an operation, with the handler of an
// attempt behind the token.

namespace test {

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
    template <class Start>
    void operator()(asio::io_context&, Start start, attempt::handler h) const
    {
        start(std::move(h));
    }
};

struct with_slot : sound_token
{
    template <class Start>
    void operator()(asio::io_context&, Start start, attempt::handler h) const
    {
        start(cancellable(std::move(h)));
    }
};

struct with_allocator : sound_token
{
    template <class Start>
    void operator()(asio::io_context&, Start start, attempt::handler h) const
    {
        const counting_allocator<> allocator(h.call().memory);
        start(asio::bind_allocator(allocator, cancellable(std::move(h))));
    }
};

struct with_executor : sound_token
{
    template <class Start>
    void operator()(asio::io_context& context, Start start, attempt::handler h) const
    {
        start(asio::bind_executor(context.get_executor(), std::move(h)));
    }
};

struct with_immediate_executor : sound_token
{
    template <class Start>
    void operator()(asio::io_context& context, Start start, attempt::handler h) const
    {
        start(asio::bind_immediate_executor(context.get_executor(), std::move(h)));
    }
};

struct deferred : sound_token
{
    template <class Start>
    void operator()(asio::io_context&, Start start, attempt::handler h) const
    {
        auto started_later = start(asio::deferred);
        std::move(started_later)(asio::as_tuple(std::move(h)));
    }
};

struct with_strand : token_with_recycled
{
    template <class Start>
    void operator()(asio::io_context& context, Start start, attempt::handler h) const
    {
        start(asio::bind_executor(asio::make_strand(context), std::move(h)));
    }
};

struct future : token_with_recycled
{
    template <class Start>
    void operator()(asio::io_context&, Start start, attempt::handler h) const
    {
        start(asio::use_future(std::move(h)));
    }
};

struct coroutine : token_with_recycled
{
    static constexpr asio_losses may_be = asio_losses::of_handler;

    template <class Start>
    void operator()(asio::io_context& context, Start start, attempt::handler h) const
    {
        asio::co_spawn(context, run(std::move(start)), cancellable(std::move(h)));
    }

    /// The result goes with the coroutine.
    template <class Start>
    static asio::awaitable<void> run(Start start)
    {
        co_await start(asio::as_tuple(asio::use_awaitable));
    }
};

/// A token for handlers without their type.
struct erased_token
{
    attempt::handler h;
    asio::io_context::executor_type executor;
};

/// With executors of its own that need no memory to be copied, unlike those that Asio makes of the manager's.
struct erased : token_with_recycled
{
    static constexpr bool suits_timers = false; // Asio ends the program

    template <class Start>
    void operator()(asio::io_context& context, Start start, attempt::handler h) const
    {
        start(erased_token{std::move(h), context.get_executor()});
    }
};

} // namespace test

template <class R, class... Results>
struct boost::asio::async_result<test::erased_token, R(Results...)>
{
    template <class Initiation, class... Arguments>
    static void initiate(Initiation&& initiation, test::erased_token token, Arguments&&... arguments)
    {
        std::forward<Initiation>(initiation)(
            boost::asio::any_completion_handler<R(Results...)>(boost::asio::bind_executor(
                token.executor,
                boost::asio::bind_immediate_executor(token.executor, test::cancellable(std::move(token.h))))),
            std::forward<Arguments>(arguments)...);
    }
};

#endif
