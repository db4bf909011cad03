// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Several locks that are acquired, live and end as one, which `async_acquire_all` delivers. `composite_lock` is the
// domain of the one hold that stands for them all. To the managers of its parts it is a user like any other.
//
// It acquires its parts in the order of their names, one at a time. So a composite that waits for a part holds only
// parts that come before it, and no cycle of composites can close. On every part that it holds it has a notice.
//
// What happens to the parts comes from any thread and from within steps of their tables. So it is only noted, under the
// mutex, and `drive` follows it up: one thread at a time, and never within another composite's.
//
// P3: the notice on a part counts as that part's notice handler until the composite has ended and its own notice
// handlers have run. So the tables of the parts wait for those, and for the handle, without further ado.

#ifndef PRIORITY_REDLOCK_SRC_COMPOSITE_LOCK_HPP
#define PRIORITY_REDLOCK_SRC_COMPOSITE_LOCK_HPP

#include "mutex.hpp"

#include <priority_redlock/detail/acquire_op.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/acquire_settings.hpp>
#include <priority_redlock/detail/hold.hpp>
#include <priority_redlock/detail/hold_ref.hpp>
#include <priority_redlock/detail/lock_domain.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/detail/notice.hpp>
#include <priority_redlock/detail/time.hpp>
#include <priority_redlock/lock.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace priority_redlock::detail {

/// Kept alive by the references to its hold: those that any hold has, and one each for an operation or a notice of a
/// part that somebody may still call, and for being driven.
class composite_lock final : public lock_domain
{
public:
    /// `requests` are valid and not empty.
    composite_lock(const std::shared_ptr<manager_backend>& backend, std::vector<part_request> requests,
                   duration timeout, const acquire_request& locker);

    /// Acquires. As `manager_backend::acquire`.
    acquire_outcome start(acquire_operation& op);

    // --- the whole as a lock ---

    time_point now() const noexcept override { return any_part().domain->now(); }
    asio::any_io_executor executor() const override { return any_part().domain->executor(); }
    std::shared_ptr<const void> borrow_context() const noexcept override { return any_part().domain->borrow_context(); }
    std::string_view resource_name(const hold&) const noexcept override { return name_; }
    const std::vector<lock>* parts(const hold&) const noexcept override { return &locks_; }
    bool release(hold&) noexcept override;
    void drop(hold& h) noexcept override;
    void delivered(hold& h) noexcept override { notice_done(h); }
    void reference(hold& h) noexcept override { h.references.fetch_add(1); }
    void unreference(hold& h) noexcept override;
    bool add_notice(hold& h, notice& n) noexcept override;
    void count_notice(hold& h) noexcept override;
    bool remove_notice(hold& h, notice& n) noexcept override;
    void cancel_notice(hold& h, notice& n) noexcept override;
    void notice_done(hold& h) noexcept override;
    bool raise(hold&, int priority) noexcept override;
    void revoke(hold&) noexcept override;
    void cancel_acquire(hold&) noexcept override;
    void cannot_cancel(hold& h) noexcept override { unreference(h); }
    bool answers_at_once() const noexcept override { return any_part().domain->answers_at_once(); }
    error_code extend(hold&, duration ttl) override;
    void async_release(hold&, asio::any_completion_handler<void(error_code)> handler) override;
    void async_extend(hold&, duration ttl, asio::any_completion_handler<void(error_code)> handler) override;
    void answer(std::shared_ptr<owner_answer> a) noexcept override { any_part().domain->answer(std::move(a)); }

private:
    /// One of the locks: the operation that waits for it and the notice of its end.
    struct part final : acquire_operation,
                        notice
    {
        part(composite_lock& c, std::size_t i, part_request r) : whole(c), index(i), request(std::move(r)) {}

        void complete() override { whole.on_part_settled(*this, false); }
        void destroy_unrun() noexcept override { whole.on_part_settled(*this, true); }
        void keep() noexcept override {}
        void tell() override { whole.on_part_ended(*this, false); }
        void abandon() noexcept override { whole.on_part_ended(*this, true); }

        composite_lock& whole;
        const std::size_t index;
        part_request request;
        time_point give_up_at = never;
        std::optional<acquire_canceller> cancel; // of the operation
        part* next_result = nullptr;
        hold* granted = nullptr;    // while it is held or its notice counts
        hold_ref handle;            // until the whole is granted
        bool acquiring = false;     // the backend may still call the operation
        bool notice_linked = false; // the hold may still call the notice
        bool unwanted = false;      // what the operation gets is given back
    };

    enum class phase : std::uint8_t
    {
        acquiring,
        setting_ttls, // all are held
        granted,
        over
    };

    class ttl_handler;
    class joint_operation;
    using lock_type = std::unique_lock<mutex>;

    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    // What the parts tell, from any thread.
    void on_part_settled(part& p, bool abandoned) noexcept;
    void on_part_ended(part& p, bool abandoned) noexcept;
    void on_ttl_set(std::size_t index, unsigned round, error_code ec) noexcept;
    void on_abandoned() noexcept;

    // Called with the mutex locked, which all but `stop` unlock for a while.
    void wake(lock_type& guard) noexcept;
    void stop(error_code why, bool abandoned = false) noexcept;
    bool advance(lock_type& guard);
    bool advance_acquire(lock_type& guard);
    void take_result(lock_type& guard);
    void acquire_next(part& p, lock_type& guard);
    void take_part(part& p, hold& h, lock_type& guard);
    void release_from(std::size_t first, lock_type& guard) noexcept;
    void set_ttls(lock_type& guard);
    void grant(lock_type& guard);
    void deliver(error_code why, lock_type& guard) noexcept;
    void propagate_end(lock_type& guard) noexcept;
    void update_part_handlers(lock_type& guard) noexcept;
    template <class LetGo>
    bool end_by_owner(LetGo let_go);

    [[nodiscard]] acquire_request request_for(const part& p) const noexcept;
    [[nodiscard]] acquire_outcome ask_backend(part& p) noexcept;
    void announce_after(const part& waited_for) noexcept;
    void drive() noexcept;
    void schedule() noexcept;
    [[nodiscard]] std::shared_ptr<const void> context_of_parts() const noexcept;
    /// The waits of the manager have been ended since the start.
    [[nodiscard]] bool is_cancelled() const noexcept { return cancellations_->load() != cancellations_before_; }
    [[nodiscard]] hold& any_part() const noexcept { return *parts_.front().granted; }

    const std::weak_ptr<manager_backend> backend_;
    const std::shared_ptr<const std::atomic<unsigned>> cancellations_; // of the backend
    const unsigned cancellations_before_;
    const bool anonymous_;
    std::string name_;
    std::vector<lock> locks_; // filled by the grant, constant from then on
    std::deque<part> parts_;
    acquire_operation* op_ = nullptr;
    mutex mutex_;
    hold hold_;
    std::optional<acquire_outcome> outcome_; // decided before `start` has returned
    composite_lock* next_scheduled_ = nullptr;
    part* results_ = nullptr;
    std::size_t taken_ = 0; // parts_[0, taken_) are held
    std::size_t first_lost_ = none;
    std::size_t ttls_to_set_ = 0; // that have not been answered
    unsigned ttl_round_ = 0;      // which of their answers count
    error_code failure_;
    phase phase_ = phase::acquiring;
    bool starting_ = true;
    bool busy_ = false;                      // scheduled or being driven
    std::shared_ptr<const void> context_;    // of those who are told, while it is busy
    std::atomic<bool> setting_ttls_ = false; // by the thread that drives it
    bool announced_ = false;                 // the holders of the parts know that it comes
    bool abandoned_ = false;                 // the execution context is gone
    bool ended_ = false;                     // by a part, and the others have not been seen to
    bool propagated_ = false;                // they have
    bool counted_ = false;                   // its notices count as handlers of the parts
};

} // namespace priority_redlock::detail

#endif
