// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_RUN_OP_HPP
#define PRIORITY_REDLOCK_DETAIL_RUN_OP_HPP

#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/transaction_run.hpp>
#include <priority_redlock/recovery.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
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

/// Where a run's coroutines run: on a strand over the handler's executor, or on that itself if it is one. Executors
/// that are no I/O executors cannot carry an awaitable; then it is the operation's.
template <class Handler>
[[nodiscard]] asio::any_io_executor strand_for(const Handler& handler, const asio::any_io_executor& io_executor)
{
    using executor = std::decay_t<asio::associated_executor_t<Handler, asio::any_io_executor>>;
    asio::any_io_executor base = io_executor;
    if constexpr (std::is_convertible_v<executor, asio::any_io_executor> && !is_of_future<executor>)
        base = asio::get_associated_executor(handler, io_executor);
    if (base.target<asio::strand<asio::any_io_executor>>()
        || base.target<asio::strand<asio::io_context::executor_type>>()
        || base.target<asio::strand<asio::thread_pool::executor_type>>())
        return base;
    return asio::make_strand(base);
}

/// Ends a run when the cancellation slot of its handler fires.
class run_canceller
{
public:
    explicit run_canceller(const std::shared_ptr<transaction_run>& run) noexcept : run_(run) {}

    void operator()(asio::cancellation_type_t type) const
    {
        const auto run = run_.lock();
        if (!run || type == asio::cancellation_type::none)
            return;
        asio::dispatch(run->get_executor(), [weak = run_] {
            if (const auto r = weak.lock())
                r->cancel();
        });
    }

private:
    std::weak_ptr<transaction_run> run_;
};

/// The completion of a run, on its way to the handler.
template <class Handler, class Result>
class run_completion
{
    using memory = operation_memory<run_completion, Handler>;

public:
    run_completion(Handler& handler, handler_work<Handler, asio::any_io_executor> work, std::exception_ptr e,
                   Result result)
        : work_(std::move(work)), handler_(std::move(handler)), error_(std::move(e)), result_(std::move(result))
    {
    }

    [[nodiscard]] const Handler& handler() const noexcept { return handler_; }

    void post() { work_.post(handler_, posted_operation(this)); }

    void run()
    {
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.clear();
        Handler handler(std::move(handler_));
        std::exception_ptr error(std::move(error_));
        Result result(std::move(result_));
        memory::free(handler, this);
        std::apply([&](auto&... each) { std::move(handler)(std::move(error), std::move(each)...); }, result);
    }

    void destroy_unrun() noexcept
    {
        Handler handler(std::move(handler_));
        memory::free(handler, this);
    }

private:
    handler_work<Handler, asio::any_io_executor> work_;
    Handler handler_;
    std::exception_ptr error_;
    Result result_;
};

/// Whether a recovery is a handler that is a coroutine.
template <class Recovery, bool is_value>
inline constexpr bool answers_later = recovery_answer_of<Recovery>::is_awaited;

template <class Recovery>
inline constexpr bool answers_later<Recovery, true> = false;

/// A locker::async_run.
template <class Handler, class Transaction, class Recovery, class... Resources>
class run_op final : public transaction_run
{
    using R = transaction_result_t<Transaction, Resources...>;
    using recovery_type = recovery<R, Resources...>;
    using result_type = stored_result<R>;
    static constexpr bool is_value = recovery_value<Recovery, R, Resources...>;
    static constexpr bool is_awaited = answers_later<Recovery, is_value>;

public:
    run_op(Handler& handler, const asio::any_io_executor& strand, std::shared_ptr<const lock_recipe> recipe,
           const acquire_overrides& overrides, Transaction transaction, Recovery recovery,
           const std::tuple<Resources*...>& resources)
        : transaction_run(strand, recipe, overrides), work_(handler, recipe->manager.get_executor()),
          handler_(std::move(handler)), transaction_(std::move(transaction)), recovery_(std::move(recovery)),
          resources_(resources)
    {
        // The base keeps the manager's context running. (A future's handler runs there and nowhere else.)
        if constexpr (!is_of_future<asio::associated_executor_t<Handler, asio::any_io_executor>>)
            static_cast<void>(work_.take_io_work());
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
    std::optional<decision> ask(error_code why, bool lost) override
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

    asio::awaitable<decision> ask_slowly([[maybe_unused]] error_code why) override
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
        using completion = run_completion<Handler, result_type>;
        transaction_.reset(); // what they captured goes before the handler is called
        recovery_.reset();
        replacement_.reset();
        next_.reset();
        result_type result = e ? result_type() : std::move(*result_);
        posted_operation<completion> owner(operation_memory<completion, Handler>::create(
            handler_, handler_, std::move(work_), std::move(e), std::move(result)));
        completion& posted = owner.get();
        owner.release();
        posted.post();
    }

private:
    decision take(const recovery_type& r)
    {
        if (r.kind_ == verdict::replace) {
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
};

/// Starts the runs of a locker.
template <class... Resources>
class initiate_run
{
public:
    using executor_type = asio::any_io_executor;

    initiate_run(std::shared_ptr<const lock_recipe> recipe, const std::tuple<Resources*...>& resources)
        : recipe_(std::move(recipe)), resources_(resources)
    {
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return recipe_->manager.get_executor(); }

    template <class Handler, class Transaction, class Recovery>
    void operator()(Handler&& handler, Transaction transaction, Recovery recovery,
                    const acquire_overrides& overrides) const
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
        const auto run =
            std::allocate_shared<op_type>(operation_allocator(own), own, strand_for(own, io_executor), recipe_,
                                          overrides, std::move(transaction), std::move(recovery), resources_);
        if (slot.is_connected())
            slot.template emplace<run_canceller>(run);
        asio::dispatch(run->get_executor(), [run] { run->start(); });
    }

private:
    std::shared_ptr<const lock_recipe> recipe_;
    std::tuple<Resources*...> resources_;
};

} // namespace priority_redlock::detail

#endif
