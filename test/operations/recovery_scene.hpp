// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_OPERATIONS_RECOVERY_SCENE_HPP
#define PRIORITY_REDLOCK_TEST_OPERATIONS_RECOVERY_SCENE_HPP

#include "common/transactions.hpp"

#include <priority_redlock/synchronized.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace test {

/// Notes its end, as an object that a transaction has as a local variable.
class scope_note
{
public:
    scope_note(journal& j, std::string text) : journal_(j), text_(std::move(text)) {}
    scope_note(const scope_note&) = delete;
    scope_note& operator=(const scope_note&) = delete;
    ~scope_note() { journal_.note(text_); }

private:
    journal& journal_;
    std::string text_;
};

/// A transaction of two steps that has to pass a gate in the first, and a thief.
struct scene
{
    explicit scene(locks& fixture) : f(fixture) {}

    task<int> two_steps(journal& notes, transaction_context& context)
    {
        const scope_note at_end(notes, "end");
        const std::size_t begun = context.attempt();
        notes.note("first");
        co_await context.step(g.async_pass());
        notes.note("second");
        BOOST_TEST(context.lock().is_held());
        co_await context.step(asio::post(asio::deferred));
        co_return static_cast<int>(10 * begun + context.attempt());
    }

    auto transaction()
    {
        return [this](journal& notes, transaction_context& context) { return two_steps(notes, context); };
    }

    static auto substitute()
    {
        return [](journal& notes, transaction_context& context) -> task<int> {
            notes.note("substitute");
            co_await context.step(asio::post(asio::deferred));
            co_return 77;
        };
    }

    /// Runs until the transaction is in its first step, and takes the lock away.
    template <class Recovery>
    void steal_in_step(const Recovery& r)
    {
        work.async_run(transaction(), r, record(o));
        f.poll();
        other.steal();
        f.poll();
    }

    locks& f;
    journal j;
    gate g{f.context};
    outcome o;
    thief other{f, j};
    synchronized<journal> work{*f.manager, "r", j};
};

} // namespace test

#endif
