// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_RUN_OP_HPP
#define PRIORITY_REDLOCK_DETAIL_RUN_OP_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/coroutine_completion.hpp>
#include <priority_redlock/detail/strand_for.hpp>
#include <priority_redlock/detail/transaction_run.hpp>
#include <priority_redlock/recovery.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace priority_redlock::detail {

/// What a transaction's R is in memory.
template <class R>
using stored_result = std::conditional_t<std::is_void_v<R>, std::tuple<>, std::tuple<R>>;

/// Whether a recovery is a handler that is a coroutine.
template <class Recovery, bool is_value>
inline constexpr bool answers_later = recovery_answer_of<Recovery>::is_awaited;

template <class Recovery>
inline constexpr bool answers_later<Recovery, true> = false;

/// A synchronized::async_run.
template <class Handler, class Transaction, class Recovery, class... Resources>
class run_op final : public transaction_run
{
    using R = transaction_result_t<Transaction, Resources...>;
    using recovery_type = recovery<R, Resources...>;
    using result_type = stored_result<R>;
    static constexpr bool is_value = recovery_value<Recovery, R, Resources...>;
    static constexpr bool is_awaited = answers_later<Recovery, is_value>;

public:
    run_op(Handler& handler, const asio::any_io_executor& strand, std::shared_ptr<const acquire_spec> spec,
           const acquire_options& options, Transaction transaction, Recovery recovery,
           const std::tuple<Resources*...>& resources)
        : transaction_run(strand, spec, options), work_(handler, spec->manager.get_executor()),
          handler_(std::move(handler)), transaction_(std::move(transaction)), recovery_(std::move(recovery)),
          resources_(resources)
    {
        work_.release_io_work(); // the base keeps the manager's context running
    }

    /// Whether a recovery is a null function, or is to run one.
    [[nodiscard]] static bool lacks_function(const Recovery& r)
    {
        if constexpr (requires { is_null_function(r.transaction); })
            return is_null_function(r.transaction);
        else if constexpr (std::is_same_v<Recovery, recovery_type>)
            return r.lacks_replacement();
        else
            return is_null_function(r);
    }

protected:
    std::optional<decision> ask_recovery(error_code why, bool lost) override
    {
        if constexpr (is_value) {
            if (!lost)
                return decision{};
            return take(*recovery_);
        } else if constexpr (is_awaited) {
            return std::nullopt;
        } else {
            return take((*recovery_)(why));
        }
    }

    asio::awaitable<decision> async_ask_recovery([[maybe_unused]] error_code why) override
    {
        if constexpr (is_awaited) {
            auto answer = (*recovery_)(why);
            const recovery_type chosen = co_await std::move(answer);
            co_return take(chosen);
        } else {
            co_return decision{};
        }
    }

    void replace_transaction() override { replacement_ = std::move(next_); }

    asio::awaitable<void> run_transaction() override
    {
        result_.reset();
        asio::awaitable<R> work = begin();
        if constexpr (std::is_void_v<R>) {
            co_await std::move(work);
            result_.emplace();
        } else {
            result_.emplace(co_await std::move(work));
        }
    }

    void complete(std::exception_ptr e) override
    {
        transaction_.reset(); // what they captured goes before the handler is called
        recovery_.reset();
        replacement_.reset();
        next_.reset();
        ended_with_ = std::move(e);
        work_.post(run_completion(std::static_pointer_cast<run_op>(shared_from_this())), memory_);
    }

private:
    friend class run_completion<run_op>;

    [[nodiscard]] auto take_results()
    {
        return std::tuple_cat(std::make_tuple(ended_with_), ended_with_ ? result_type() : std::move(*result_));
    }

    decision take(const recovery_type& r)
    {
        if (r.kind_ == recovery_kind::replace) {
            if (r.lacks_replacement())
                throw boost::system::system_error(errc::invalid_argument);
            next_ = r.replacement_;
        }
        return {r.kind_, r.options_, r.reason_};
    }

    asio::awaitable<R> begin()
    {
        return std::apply(
            [this](Resources*... each) -> asio::awaitable<R> {
                if (replacement_)
                    return replacement_->begin(*each..., context());
                return std::invoke(*transaction_, *each..., context());
            },
            resources_);
    }

    handler_work<Handler, asio::any_io_executor> work_;
    Handler handler_;
    std::optional<Transaction> transaction_;
    std::optional<std::conditional_t<is_value, recovery_type, Recovery>> recovery_;
    std::tuple<Resources*...> resources_;
    std::shared_ptr<transaction_body<R, Resources...>> replacement_; // instead of transaction_
    std::shared_ptr<transaction_body<R, Resources...>> next_;
    std::optional<result_type> result_;
    std::exception_ptr ended_with_;
    completion_memory memory_;
};

/// Acquires the lock of a `synchronized` object for its user.
class initiate_lock_of
{
public:
    using executor_type = asio::any_io_executor;

    explicit initiate_lock_of(std::shared_ptr<const acquire_spec> spec) noexcept : spec_(std::move(spec)) {}

    [[nodiscard]] executor_type get_executor() const noexcept { return spec_->manager.get_executor(); }

    template <class Handler>
    void operator()(Handler&& handler) const
    {
        spec_->acquire(std::forward<Handler>(handler), {});
    }

private:
    std::shared_ptr<const acquire_spec> spec_;
};

/// Starts the runs of a `synchronized` object.
template <class... Resources>
class initiate_run
{
public:
    using executor_type = asio::any_io_executor;

    initiate_run(std::shared_ptr<const acquire_spec> spec, const std::tuple<Resources*...>& resources)
        : spec_(std::move(spec)), resources_(resources)
    {
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return spec_->manager.get_executor(); }

    template <class Handler, class Transaction, class Recovery>
    void operator()(Handler&& handler, Transaction transaction, Recovery recovery, const acquire_options& options) const
    {
        using handler_type = std::decay_t<Handler>;
        using op_type = run_op<handler_type, Transaction, Recovery, Resources...>;
        using result_type = stored_result<transaction_result_t<Transaction, Resources...>>;

        const executor_type io_executor = get_executor();
        if (is_null_function(transaction) || op_type::lacks_function(recovery)) {
            auto e = std::make_exception_ptr(boost::system::system_error(errc::invalid_argument));
            std::apply(
                [&](auto... each) {
                    complete_immediately(handler_type(std::forward<Handler>(handler)), io_executor, std::move(e),
                                         std::move(each)...);
                },
                result_type());
            return;
        }
        handler_type own(std::forward<Handler>(handler));
        auto slot = asio::get_associated_cancellation_slot(own);
        const cleared_on_failure started(slot);
        const std::shared_ptr<transaction_run> run =
            std::allocate_shared<op_type>(frame_allocator(own), own, strand_for(own, io_executor), spec_, options,
                                          std::move(transaction), std::move(recovery), resources_);
        cancel_through(slot, run);
        asio::dispatch(run->get_executor(), [run] { run->start(); });
    }

private:
    std::shared_ptr<const acquire_spec> spec_;
    std::tuple<Resources*...> resources_;
};

} // namespace priority_redlock::detail

#endif
