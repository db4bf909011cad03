// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_TRANSACTIONS_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_TRANSACTIONS_HPP

#include "common/locks.hpp"

#include <priority_redlock/combine.hpp>
#include <priority_redlock/synchronized.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace test {

using redlock::synchronized;
using redlock::transaction_context;
template <class R>
using task = asio::awaitable<R>;

/// What a transaction works on: it writes down what happens.
struct journal
{
    std::string text;

    void note(std::string_view what)
    {
        if (!text.empty())
            text += ", ";
        text += what;
    }

    /// What was noted since the last call.
    [[nodiscard]] std::string take() { return std::exchange(text, {}); }
};

/// An operation that ends when the test says so.
class gate
{
public:
    explicit gate(asio::io_context& context) : state_(std::make_shared<state>(context)) {}

    template <class Token = asio::deferred_t>
    auto async_pass(Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code)>(
            [s = state_](auto handler) {
                s->pending = std::move(handler);
                if (auto slot = asio::get_associated_cancellation_slot(s->pending); slot.is_connected())
                    slot.assign([s](asio::cancellation_type_t type) {
                        s->cancelled = type;
                        if (!s->is_stubborn)
                            s->finish(aborted);
                    });
            },
            token);
    }

    [[nodiscard]] bool is_waited_for() const { return static_cast<bool>(state_->pending); }
    [[nodiscard]] asio::cancellation_type_t cancelled() const { return state_->cancelled; }
    void open(error_code ec = {}) { state_->finish(ec); }
    void ignore_cancellation() { state_->is_stubborn = true; }

private:
    struct state
    {
        explicit state(asio::io_context& c) : context(c) {}

        void finish(error_code ec)
        {
            if (pending)
                asio::post(context, asio::append(std::exchange(pending, nullptr), ec));
        }

        asio::io_context& context;
        asio::any_completion_handler<void(error_code)> pending;
        asio::cancellation_type_t cancelled = asio::cancellation_type::none;
        bool is_stubborn = false;
    };

    std::shared_ptr<state> state_;
};

/// What a run came to.
class outcome : public completion
{
public:
    std::exception_ptr exception;
    int value = 0;

    void end(std::exception_ptr e, int v)
    {
        exception = e;
        value = v;
        note(code_of(e));
    }

    [[nodiscard]] std::string what() const
    {
        try {
            if (exception)
                std::rethrow_exception(exception);
        } catch (const std::exception& e) {
            return e.what();
        }
        return {};
    }
};

/// A handler that must be called once and fills in an outcome.
[[nodiscard]] inline auto record(outcome& o, const std::source_location& at = std::source_location::current())
{
    return once(
        [link = o.link()](std::exception_ptr e, int value = 0) {
            if (*link)
                static_cast<outcome&>(**link).end(e, value);
        },
        at);
}

/// Somebody who takes the lock away and writes down when.
class thief
{
public:
    explicit thief(locks& f, journal& j) : f_(f), journal_(j) {}

    void steal(int priority = 1, std::string_view resource = "r")
    {
        const initiation_guard inside;
        f_.manager->async_acquire(resource, {.priority = priority, .grace = 0s}, [this](error_code ec, lock granted) {
            journal_.note(ec ? "thief: " + ec.message() : "thief");
            lk = std::move(granted);
        });
    }

    void stop() { lk.release(); }

    lock lk;

private:
    locks& f_;
    journal& journal_;
};

} // namespace test

#endif
