// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The parts of an `async_with_lock` that know neither the user's work nor its handler: an acquire, then the work under
// `lock::guard`, both on one strand. A cancellation from outside reaches whichever of them is under way. Work that the
// end of the lock has aborted ends with the reason of that end.

#include "log_record.hpp"

#include <priority_redlock/detail/with_lock_run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <new>
#include <utility>

namespace priority_redlock::detail {

std::exception_ptr exception_of(error_code ec) noexcept
try {
    return std::make_exception_ptr(boost::system::system_error(ec));
} catch (...) { // without memory for its text
    return std::current_exception();
}

bool is_aborted(const std::exception_ptr& e) noexcept
{
    if (!e)
        return false;
    try {
        std::rethrow_exception(e);
    } catch (const boost::system::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

/// The handler of work that is a coroutine. Without memory Asio may not get as far as to call it, and destroys it with
/// the coroutine, on the strand.
class with_lock_run::work_end_handler
{
public:
    using executor_type = asio::any_io_executor;
    using cancellation_slot_type = asio::cancellation_slot;

    explicit work_end_handler(std::shared_ptr<with_lock_run> run) noexcept : run_(std::move(run)) {}
    work_end_handler(work_end_handler&& other) noexcept = default;
    work_end_handler& operator=(work_end_handler&&) = delete;
    ~work_end_handler()
    {
        if (run_)
            run_->fail_for_memory();
    }
    [[nodiscard]] executor_type get_executor() const noexcept { return run_->strand_; }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return run_->slot(); }

    void operator()(std::exception_ptr e)
    {
        const auto run = std::exchange(run_, nullptr);
        if (is_aborted(e))
            if (const error_code cause = run->cause_of_abort())
                e = exception_of(cause);
        run->complete(std::move(e));
    }

private:
    std::shared_ptr<with_lock_run> run_;
};

void with_lock_run::cancel(asio::cancellation_type_t type)
{
    cancelled_.store(true, std::memory_order_relaxed);
    asio::dispatch(strand_, [weak = weak_from_this(), type] {
        if (const auto self = weak.lock())
            self->signal_.emit(type);
    });
}

void with_lock_run::on_acquired(error_code ec, lock granted)
{
    if (!ec && is_cancelled())
        ec = asio::error::operation_aborted; // it came too late for the acquire
    if (!ec)
        ec = loss_of(granted.state());
    if (ec) {
        granted = lock();
        fail(ec);
        return;
    }
    lock_ = std::move(granted);
    try {
        begin();
    } catch (const std::bad_alloc&) {
        fail_for_memory();
    }
}

void with_lock_run::fail_for_memory() noexcept
try {
    if (!finished_)
        fail(make_error_code(boost::system::errc::not_enough_memory));
} catch (...) {
    log_failure("could not complete the work under a lock");
}

void with_lock_run::spawn(asio::awaitable<void> work)
{
    asio::co_spawn(strand_, std::move(work), lock_.guard(work_end_handler(shared_from_this())));
}

error_code with_lock_run::cause_of_abort() const noexcept
{
    return is_cancelled() ? error_code() : loss_of(lock_.state());
}

} // namespace priority_redlock::detail
