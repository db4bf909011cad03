// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_MEMORY_PROTOCOL_WORLD_HPP
#define PRIORITY_REDLOCK_TEST_MEMORY_PROTOCOL_WORLD_HPP

#include "common/memory_sweep.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/protocol.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace test {

/// Two managers over a protocol: memory runs out for the managers, for the store, and for the network before it.
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

} // namespace test

#endif
