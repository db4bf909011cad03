// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_NODE_VISIT_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_NODE_VISIT_HPP

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

/// Asks nodes what no client of the deployment asks them: what an operator's acts are made of. What derives from it
/// decides; everything runs on its strand.
class node_visit : public admin_operation,
                   public link_events,
                   public std::enable_shared_from_this<node_visit>
{
public:
    /// Throws if the nodes or the options are bad, or a file of TLS.
    explicit node_visit(const redis_deployment& where);
    virtual ~node_visit() = default;

    void start() final;
    void cancel(boost::asio::cancellation_type_t type) final;

protected:
    [[nodiscard]] const boost::asio::any_io_executor& executor() const noexcept { return strand_; }
    [[nodiscard]] const quorum_client& client() const noexcept { return client_; }
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
    void on_complaint(std::size_t node, std::string what) final { fail(node, what); }
    void on_answer(call c, answer a) noexcept final;
    void on_push(std::size_t, std::string) noexcept final {}
    void on_arrival() final;
    std::shared_ptr<link_events> self() final { return shared_from_this(); }

    void fail(std::size_t node, const std::string& why);

    boost::asio::any_io_executor strand_;
    std::vector<std::string> names_;
    quorum_client client_; // what the scripts are told of one, of which there is none
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
