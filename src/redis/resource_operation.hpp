// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_RESOURCE_OPERATION_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_RESOURCE_OPERATION_HPP

// What an operator does about one resource: all nodes are asked what they have of it, and perhaps for something else
// after that. Nodes that do not answer in time are done without.

#include "acquisition.hpp"
#include "admin_client.hpp"
#include "deployment.hpp"
#include "inspection_builder.hpp"

#include <priority_redlock/detail/acquire_request.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock::detail::redis {

class resource_operation : public admin_client
{
public:
    resource_operation(const redis_deployment& where, const std::string& resource)
        : admin_client(where), found_(resource, names_of(where.nodes), deployment(), quorum()), timer_(executor()),
          pending_(size(), true)
    {
        about_->lock_key = where.options.prefix + '{' + resource + '}';
    }

protected:
    [[nodiscard]] inspection_builder& found() noexcept { return found_; }
    [[nodiscard]] bool has_quorum() const noexcept { return answered_ >= quorum(); }

    /// A command about an acquisition, to the nodes that have answered.
    void send_to_answering(node_command command, std::string id_text, std::uint64_t token)
    {
        command_ = command;
        about_->id_text = std::move(id_text);
        token_ = static_cast<std::int64_t>(token);
        answered_ = 0;
        for (std::size_t i = 0; i < size(); ++i)
            if (found_.node(i).answered) {
                pending_[i] = true;
                send(i);
            }
        wait_for(options().quorum_timeout);
    }

    void end()
    {
        timer_.cancel();
        admin_client::end();
    }

private:
    /// All nodes that answer in time have done so.
    virtual void on_all() = 0;

    [[nodiscard]] std::size_t quorum() const noexcept { return size() / 2 + 1; }

    void on_start() final { wait_for(options().quorum_timeout); }
    void on_node(std::size_t node) final { send(node); }

    void send(std::size_t node)
    {
        call c;
        c.command = command_;
        c.node = node;
        c.about = about_;
        c.token = token_;
        ask(std::move(c));
    }

    void on_reply(const call& c, const answer& a) final
    {
        if (!pending_[c.node])
            return;
        if (a.what == answer::verdict::inspected)
            found_.add(c.node, a);
        ++answered_;
        done_with(c.node);
    }

    void on_failure(std::size_t node, const std::string& why) final
    {
        found_.fail(node, why);
        if (pending_[node])
            done_with(node);
    }

    void done_with(std::size_t node)
    {
        pending_[node] = false;
        if (std::ranges::find(pending_, true) == pending_.end())
            complete();
        else if (answered_ == quorum())
            wait_for(options().retry_interval); // nobody waits for the slowest for long
    }

    void wait_for(duration d)
    {
        timer_.expires_after(d);
        timer_.async_wait([this, kept = shared_from_this()](error_code cancelled) {
            const bool is_due = timer_.expiry() <= clock::now(); // not set anew while this was on its way
            if (!cancelled && is_due && !has_ended())
                complete();
        });
    }

    void complete()
    {
        timer_.cancel();
        for (std::size_t i = 0; i < size(); ++i)
            if (pending_[i])
                found_.fail(i, "does not answer");
        std::fill(pending_.begin(), pending_.end(), false);
        on_all();
    }

    inspection_builder found_;
    asio::steady_timer timer_;
    const std::shared_ptr<acquisition> about_ = std::make_shared<acquisition>();
    node_command command_ = node_command::inspect;
    std::int64_t token_ = 0;
    std::vector<bool> pending_; // who is to answer
    std::size_t answered_ = 0;
};

/// Of a resource.
[[nodiscard]] inline bool is_name(const std::string& resource) noexcept
{
    return !resource.empty() && resource.size() <= max_name_size;
}

} // namespace priority_redlock::detail::redis

#endif
