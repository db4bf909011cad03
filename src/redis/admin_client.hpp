// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_ADMIN_CLIENT_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_ADMIN_CLIENT_HPP

// Asks the nodes for an operator: what each of its operations is derived from, which decides what is asked.
//
// It has connections of its own, and asks each node at most until it fails once. So an operator learns at once what is
// wrong, where a client of the locks would wait and try again.

#include "node_link.hpp"

#include <priority_redlock/detail/redis_admin.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace priority_redlock::detail::redis {

/// Everything runs on its strand.
class admin_client : public admin_operation,
                     public link_events,
                     public std::enable_shared_from_this<admin_client>
{
public:
    /// Throws if the nodes or the options are bad, or a file of TLS.
    explicit admin_client(const redis_deployment& where);
    virtual ~admin_client() = default;

    void start() final;
    void cancel(boost::asio::cancellation_type_t type) final;

protected:
    [[nodiscard]] const boost::asio::any_io_executor& executor() const noexcept { return strand_; }
    [[nodiscard]] const redis_options& options() const noexcept { return options_; }
    [[nodiscard]] const std::string& deployment() const noexcept { return deployment_; }
    [[nodiscard]] std::size_t size() const noexcept { return links_.size(); }
    [[nodiscard]] const std::string& name(std::size_t node) const noexcept { return names_[node]; }

    void ask(call c);

    /// The connections are closed, and nothing is told any more.
    void end();

    [[nodiscard]] bool has_ended() const noexcept { return ended_; }

private:
    virtual void on_start() {}

    /// It is connected and can be asked.
    virtual void on_node(std::size_t node) = 0;

    virtual void on_reply(const call& c, const answer& a) = 0;

    /// It cannot be asked, or not any more; `why` is part of a sentence about it. Said once.
    virtual void on_failure(std::size_t node, const std::string& why) = 0;

    virtual void on_cancel(boost::asio::cancellation_type_t type) = 0;

    void on_up(std::size_t node, std::string run_id) final;
    void on_down(std::size_t) final {}
    void on_complaint(std::size_t node, const complaint& what) final { fail(node, what.text); }
    void on_answer(call c, answer a) noexcept final;
    void on_push(std::size_t, std::string) noexcept final {}
    void on_arrival() final;
    std::shared_ptr<link_events> self() final { return shared_from_this(); }

    void fail(std::size_t node, const std::string& why);

    boost::asio::any_io_executor strand_;
    const redis_options options_;
    const std::vector<std::string> names_;
    const std::string deployment_;
    const script_texts texts_;
    std::vector<std::unique_ptr<node_link>> links_;
    std::vector<bool> failed_;
    std::vector<std::string> run_ids_;
    std::vector<std::pair<call, answer>> arrivals_;
    bool flushing_ = false;
    bool ended_ = false;
};

/// One that cannot begin.
template <class Handler, class... Results>
class failed_operation final : public admin_operation
{
public:
    explicit failed_operation(Handler handler, Results... results)
        : handler_(std::move(handler)), results_(std::move(results)...)
    {
    }

    void start() override
    {
        std::apply([this](Results&... each) { std::move(handler_)(std::move(each)...); }, results_);
    }
    void cancel(boost::asio::cancellation_type_t) override {}

private:
    Handler handler_;
    std::tuple<Results...> results_;
};

template <class Handler, class... Results>
[[nodiscard]] std::shared_ptr<admin_operation> make_failed_operation(Handler handler, Results... results)
{
    return std::make_shared<failed_operation<Handler, Results...>>(std::move(handler), std::move(results)...);
}

} // namespace priority_redlock::detail::redis

#endif
