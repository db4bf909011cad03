// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// async_provision: all nodes are scanned for keys of locks first. If there is none, each is provisioned. Otherwise none
// is changed.

#include "admin_client.hpp"

#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace priority_redlock {

namespace asio = boost::asio;

namespace {

const char* provision_text(int value) noexcept
{
    switch (static_cast<provision_errc>(value)) {
    case provision_errc::occupied:
        return "only nodes without keys under redis_options::prefix can be provisioned. A node that is or was in use "
               "votes by itself when max_ttl has passed since its first request; to provision it anyway, stop all "
               "clients, wait for max_ttl and delete these keys";
    case provision_errc::unusable: return "all nodes must take part in provisioning; try again";
    }
    return "unknown error of provisioning";
}

class provision_category_type final : public boost::system::error_category
{
public:
    constexpr provision_category_type() noexcept : boost::system::error_category(0x3ad27c1690f4be58) {}

    const char* name() const noexcept override { return "priority_redlock.provision"; }
    std::string message(int value) const override { return provision_text(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return provision_text(value); }
};

constexpr provision_category_type the_provision_category;

} // namespace

const boost::system::error_category& provision_category() noexcept
{
    return the_provision_category;
}

namespace detail {

namespace redis {

namespace {

/// Scans all nodes, and then provisions them.
class provisioning final : public admin_client
{
public:
    provisioning(const redis_deployment& where, provision_handler& handler)
        : admin_client(where), node_key_(where.options.prefix + "node"), handler_(std::move(handler))
    {
    }

private:
    void on_node(std::size_t node) override { scan(node, "0"); }

    void scan(std::size_t node, std::string cursor)
    {
        call c;
        c.command = node_command::scan;
        c.node = node;
        c.cursor = std::move(cursor);
        ask(std::move(c));
    }

    void on_reply(const call& c, const answer& a) override
    {
        switch (a.what) {
        case answer::verdict::scanned:
            if (a.rest.size() > 1)
                refuse(c.node, a.rest[1]);
            else if (!a.rest.empty() && a.rest[0] != "0")
                scan(c.node, a.rest[0]);
            else if (++scanned_ == size())
                provision_all();
            break;
        case answer::verdict::done:
            provisioned_ += (provisioned_.empty() ? "" : ", ") + name(c.node);
            if (--missing_ == 0)
                finish(nullptr);
            break;
        case answer::verdict::occupied: refuse(c.node, node_key_); break;
        case answer::verdict::evicting:
            on_failure(c.node, "may evict locks: its maxmemory-policy is " + a.text + ", set noeviction");
            break;
        default: on_failure(c.node, "gave an unexpected reply: is it a Redis server?");
        }
    }

    void provision_all()
    {
        missing_ = size();
        for (std::size_t i = 0; i < size(); ++i) {
            call c;
            c.command = node_command::provision;
            c.node = i;
            ask(std::move(c));
        }
    }

    void refuse(std::size_t node, const std::string& key)
    {
        fail(provision_errc::occupied, node, "holds '" + key + '\'');
    }

    void on_failure(std::size_t node, const std::string& why) override { fail(provision_errc::unusable, node, why); }

    void on_cancel(asio::cancellation_type_t type) override
    {
        using kind = asio::cancellation_type;
        if (missing_ == 0 || (type & (kind::terminal | kind::partial)) != kind::none)
            finish(std::make_exception_ptr(boost::system::system_error(asio::error::operation_aborted)));
    }

    void fail(provision_errc code, std::size_t node, const std::string& why)
    {
        finish(std::make_exception_ptr(boost::system::system_error(
            code, "node " + name(node) + ' ' + why
                      + (provisioned_.empty() ? "" : " (set up already: " + provisioned_ + ')'))));
    }

    void finish(std::exception_ptr result)
    {
        end();
        std::move(handler_)(std::move(result));
    }

    const std::string node_key_;
    provision_handler handler_;
    std::size_t scanned_ = 0;
    std::size_t missing_ = 0; // of those that are being provisioned
    std::string provisioned_;
};

} // namespace

} // namespace redis

std::shared_ptr<admin_operation> make_provisioning(const redis_deployment& where, provision_handler handler)
{
    try {
        return std::make_shared<redis::provisioning>(where, handler);
    } catch (const std::invalid_argument&) {
        return redis::make_failed_operation(std::move(handler), std::current_exception());
    } catch (const boost::system::system_error&) {
        return redis::make_failed_operation(std::move(handler), std::current_exception());
    }
}

} // namespace detail

} // namespace priority_redlock
