// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_SNAPSHOT_OP_HPP
#define PRIORITY_REDLOCK_DETAIL_SNAPSHOT_OP_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/snapshot.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/system/errc.hpp>

#include <memory>
#include <new>
#include <utility>

namespace priority_redlock::detail {

/// A snapshot that takes several turns. Each is posted to the manager's executor, so that others run in between.
template <class Handler, class Executor>
class snapshot_op
{
public:
    snapshot_op(Handler&& handler, const Executor& ex, std::unique_ptr<snapshot_walk> walk, snapshot&& so_far)
        : work_(handler, ex), executor_(ex), walk_(std::move(walk)), result_(std::move(so_far)),
          handler_(std::move(handler))
    {
    }

    /// Moves from this.
    void post_next_turn()
    {
        const auto allocator = asio::get_associated_allocator(handler_);
        const Executor ex = executor_;
        post_on(ex, allocator, std::move(*this));
    }

    void operator()()
    {
        if (take_turn()) {
            post_next_turn();
            return;
        }
        walk_.reset();
        work_.post(bound_completion<Handler, error_code, snapshot>(std::move(handler_), error_, std::move(result_)));
    }

private:
    bool take_turn()
    try {
        return walk_->add_to(result_);
    } catch (const std::bad_alloc&) {
        result_ = {};
        error_ = make_error_code(boost::system::errc::not_enough_memory);
        return false;
    }

    handler_work<Handler, Executor> work_;
    Executor executor_;
    std::unique_ptr<snapshot_walk> walk_;
    error_code error_;
    snapshot result_;
    Handler handler_;
};

/// Takes the first turn. Most snapshots end with it.
template <class Handler, class Executor>
void start_snapshot(Handler handler, const Executor& io_executor, std::unique_ptr<snapshot_walk> walk)
{
    snapshot result;
    if (walk->add_to(result))
        snapshot_op<Handler, Executor>(std::move(handler), io_executor, std::move(walk), std::move(result))
            .post_next_turn();
    else
        complete_immediately(std::move(handler), io_executor, error_code(), std::move(result));
}

} // namespace priority_redlock::detail

#endif
