// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// async_inspect: all nodes are asked what they have of a resource. And how that is printed.

#include "resource_operation.hpp"

#include <priority_redlock/errc.hpp>
#include <priority_redlock/redis_inspection.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <ctime>
#include <iomanip>
#include <ostream>
#include <string_view>
#include <utility>

namespace priority_redlock {

namespace detail {

namespace redis {

namespace {

class inspecting final : public resource_operation
{
public:
    inspecting(const redis_deployment& where, const std::string& resource, inspect_handler& handler)
        : resource_operation(where, resource), handler_(std::move(handler))
    {
    }

private:
    void on_all() override { finish(has_quorum() ? error_code() : error_code(errc::no_quorum)); }
    void on_cancel(asio::cancellation_type_t) override { finish(asio::error::operation_aborted); }

    void finish(error_code ec)
    {
        end();
        std::move(handler_)(ec, found().take());
    }

    inspect_handler handler_;
};

} // namespace

} // namespace redis

std::shared_ptr<admin_operation> make_inspection(const redis_deployment& where, const std::string& resource,
                                                 inspect_handler handler)
{
    if (!redis::is_name(resource))
        return redis::make_failed_operation(std::move(handler), error_code(errc::invalid_argument), redis_inspection());
    try {
        return std::make_shared<redis::inspecting>(where, resource, handler);
    } catch (const boost::system::system_error& e) {
        return redis::make_failed_operation(std::move(handler), e.code(), redis_inspection());
    }
}

} // namespace detail

namespace {

struct quoted
{
    std::string_view text;

    /// Names may have anything in them.
    friend std::ostream& operator<<(std::ostream& out, const quoted& q)
    {
        constexpr std::string_view digits = "0123456789abcdef";
        out << '\'';
        for (const char c : q.text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < ' ' || byte == 0x7f)
                out << "\\x" << digits[byte / 16] << digits[byte % 16];
            else
                out << c;
        }
        return out << '\'';
    }
};

struct utc
{
    redis_inspection::time_point when;

    friend std::ostream& operator<<(std::ostream& out, const utc& t)
    {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(t.when);
        const std::time_t whole = seconds.time_since_epoch().count();
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t.when - seconds).count();
        std::tm parts{};
        gmtime_r(&whole, &parts);
        return out << std::put_time(&parts, "%Y-%m-%d %H:%M:%S.") << std::setfill('0') << std::setw(3) << ms
                   << std::setfill(' ') << " UTC";
    }
};

struct list
{
    const std::vector<std::string>& of;

    friend std::ostream& operator<<(std::ostream& out, const list& l)
    {
        for (std::size_t i = 0; i < l.of.size(); ++i)
            out << (i == 0 ? "" : ", ") << l.of[i];
        return out;
    }
};

} // namespace

std::ostream& operator<<(std::ostream& out, const redis_inspection& i)
{
    out << "resource " << quoted{i.resource} << ", a quorum is " << i.quorum << " of " << i.nodes.size() << " nodes";
    const bool is_held = !i.holders.empty() && i.holders.front().has_quorum;
    if (!is_held)
        out << "\nheld by nobody, according to the nodes that answered";
    for (const auto& h : i.holders)
        out << (h.has_quorum ? "\nheld by " : "\npart of ") << quoted{h.locker_id} << ", priority " << h.priority
            << ", token " << h.fencing_token << ", until " << utc{h.until} << ", on " << list{h.nodes};
    for (const auto& w : i.waiters)
        out << "\nwaits: " << quoted{w.locker_id} << ", priority " << w.priority << ", since " << utc{w.since}
            << ", on " << list{w.nodes};
    if (i.ended_by_force != 0)
        out << "\nended by force last: token " << i.ended_by_force;
    for (const auto& n : i.nodes) {
        out << "\nnode " << n.name << ": ";
        if (n.answered)
            out << n.waiting << (n.waiting == 1 ? " waits" : " wait");
        if (!n.trouble.empty())
            out << (n.answered ? "; it " : "") << n.trouble;
    }
    return out;
}

} // namespace priority_redlock
