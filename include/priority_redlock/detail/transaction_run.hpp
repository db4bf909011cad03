// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_TRANSACTION_RUN_HPP
#define PRIORITY_REDLOCK_DETAIL_TRANSACTION_RUN_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/acquire_spec.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/lock_receiver.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/detail/transaction_body.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/transaction_context.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace priority_redlock::detail {

/// One synchronized::async_run, without the types of its transaction, recovery and handler: acquires, runs, asks the
/// recovery, and begins again. A state machine on a strand: every event changes the state and calls `advance`.
///
/// Nothing here is owned in a circle. What is pending (an acquire, a wait for the lock's end, the coroutine of the
/// transaction or of the recovery) owns the run, and the run owns none of these; a transaction that is suspended waits
/// for a timer.
class PRIORITY_REDLOCK_DECL transaction_run : public lock_receiver,
                                              public std::enable_shared_from_this<transaction_run>
{
public:
    transaction_run(const asio::any_io_executor& strand, std::shared_ptr<const acquire_spec> spec,
                    const acquire_options& options);
    transaction_run(const transaction_run&) = delete;
    transaction_run& operator=(const transaction_run&) = delete;
    virtual ~transaction_run() = default;

    [[nodiscard]] const asio::any_io_executor& get_executor() const noexcept final { return strand_; }
    [[nodiscard]] asio::cancellation_slot acquire_slot() noexcept final { return cancel_acquire_.slot(); }
    void on_acquired(error_code ec, lock granted) final;

    /// Ends the run from outside. From any thread.
    void cancel(asio::cancellation_type_t);

    // The rest belongs to the strand.

    /// Acquires for the first time.
    void start() noexcept;

    // For the transaction's context.

    [[nodiscard]] const lock& current_lock() const noexcept { return lock_; }
    [[nodiscard]] std::size_t attempt() const noexcept { return attempt_; }
    [[nodiscard]] asio::awaitable<void> checkpoint();
    void on_resume(std::function<asio::awaitable<void>()> handler) { on_resume_ = std::move(handler); }

protected:
    struct decision
    {
        recovery_kind kind = recovery_kind::reject;
        acquire_options options{};
        error_code reason{};
    };

    [[nodiscard]] transaction_context& context() noexcept { return context_; }

    /// Asks the recovery. No answer: `async_ask_recovery` gives it. `lost`: there was a lock.
    [[nodiscard]] virtual std::optional<decision> ask_recovery(error_code why, bool lost) = 0;
    [[nodiscard]] virtual asio::awaitable<decision> async_ask_recovery(error_code why) = 0;

    /// From now on the transaction is the one that the last decision brought.
    virtual void replace_transaction() = 0;

    /// Runs the transaction from its start and keeps its result.
    [[nodiscard]] virtual asio::awaitable<void> run_transaction() = 0;

    /// Posts the completion.
    virtual void complete(std::exception_ptr e) = 0;

private:
    class lock_end_handler;
    class transaction_end_handler;
    class decision_handler;
    class resumed;

    /// Where the transaction's coroutine is.
    enum class phase : std::uint8_t
    {
        none,
        running,
        suspended, // at a checkpoint
        returned,  // after its lock had ended without acknowledgement
        unwound    // because an operation was guarded by the lock
    };

    void advance() noexcept;
    [[nodiscard]] bool advance_once();
    [[nodiscard]] bool carry_out(const decision& d);
    [[nodiscard]] bool wind_down();
    void acquire() noexcept;
    void start_or_resume();
    void consult();
    void unwind_transaction();
    [[nodiscard]] asio::awaitable<void> suspend_without_lock();
    void end(std::exception_ptr e) noexcept;

    void on_lock_end() { advance(); }
    void on_cancelled() noexcept;
    void on_transaction_end(std::exception_ptr e);
    void on_decision(std::exception_ptr e, const decision& d);

    [[nodiscard]] bool is_in_flight() const noexcept { return phase_ == phase::running || phase_ == phase::suspended; }
    [[nodiscard]] bool is_exclusive() const noexcept;

    asio::any_io_executor strand_;
    std::shared_ptr<void> manager_work_; // keeps the manager's context running, if that is another one
    std::shared_ptr<const acquire_spec> spec_;
    acquire_options options_; // of the run, and of its recoveries
    transaction_context context_;
    lock lock_;
    std::size_t attempt_ = 0;
    std::size_t seen_attempt_ = 0; // by the transaction
    std::function<asio::awaitable<void>()> on_resume_;
    asio::steady_timer resumption_; // what a suspended transaction waits for
    asio::cancellation_signal cancel_acquire_;
    asio::cancellation_signal cancel_transaction_;
    asio::cancellation_signal cancel_recovery_;
    std::optional<error_code> cause_;          // why the recovery is asked
    std::optional<decision> decision_;         // its answer
    std::optional<std::exception_ptr> ending_; // the result, when it is known; null: the transaction's
    phase phase_ = phase::none;
    bool unwinding_ = false; // the transaction was cancelled
    bool acquiring_ = false;
    bool consulting_ = false;
    bool cancelled_ = false; // from outside
    bool completed_ = false;
    bool advancing_ = false;
    bool again_ = false;
};

extern template PRIORITY_REDLOCK_DECL void cancel_through(asio::cancellation_slot,
                                                          const std::shared_ptr<transaction_run>&);

} // namespace priority_redlock::detail

#endif
