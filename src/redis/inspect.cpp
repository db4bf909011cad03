// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "deployment.hpp"
#include "node_visit.hpp"

#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/redis_inspection.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <iomanip>
#include <map>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>

// What nodes have of a resource, and the end of what somebody has there.

namespace priority_redlock {

namespace asio = boost::asio;

namespace detail {

namespace redis {

namespace {

using inspection = redis_inspection;

inspection::time_point time_of(std::int64_t us)
{
    return inspection::time_point(microseconds(us));
}

template <class Number>
Number number_in(std::string_view text)
{
    Number n{};
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

/// Without it: what is left.
std::string_view take_word(std::string_view& rest)
{
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

/// Puts what the nodes say together.
class collection
{
public:
    collection(std::string resource, std::vector<std::string> names, std::string deployment, std::size_t quorum)
        : deployment_(std::move(deployment))
    {
        result_.resource = std::move(resource);
        result_.quorum = quorum;
        for (std::string& each : names)
            result_.nodes.push_back({.name = std::move(each)});
    }

    void add(std::size_t node, const answer& a)
    {
        constexpr std::size_t fixed = 7;
        if (a.rest.size() < fixed)
            return;
        inspection::node& n = result_.nodes[node];
        n.answered = true;
        n.trouble = trouble_of(number_in<std::int64_t>(a.rest[0]), a.rest[1], a.rest[2]);
        add_holder(n.name, a.rest[3], number_in<std::uint64_t>(a.rest[4]), a.time);
        result_.ended_by_force = std::max(result_.ended_by_force, number_in<std::uint64_t>(a.rest[5]));
        n.waiting = number_in<std::size_t>(a.rest[6]);
        for (std::size_t i = fixed; i < a.rest.size(); ++i)
            add_waiter(n.name, a.rest[i], a.time);
    }

    void fail(std::size_t node, const std::string& why)
    {
        result_.nodes[node].answered = false;
        result_.nodes[node].trouble = why;
    }

    [[nodiscard]] const inspection::node& node(std::size_t i) const { return result_.nodes[i]; }

    /// The acquisition that most nodes name as the holder with this token; none if it is not clear.
    [[nodiscard]] std::string holder_with(std::uint64_t token) const
    {
        std::string best;
        std::size_t most = 0;
        for (const auto& [acquisition, tokens] : tokens_) {
            const auto named = static_cast<std::size_t>(std::count(tokens.begin(), tokens.end(), token));
            if (named == 0 || named < most)
                continue;
            best = named == most ? std::string() : acquisition;
            most = named;
        }
        return best;
    }

    [[nodiscard]] std::uint64_t ended_by_force() const noexcept { return result_.ended_by_force; }

    [[nodiscard]] inspection take()
    {
        for (inspection::holder& each : result_.holders) {
            const auto& tokens = tokens_[each.acquisition];
            std::size_t most = 0;
            for (const std::uint64_t token : tokens) // of as many the first, which is the oldest
                if (const auto n = static_cast<std::size_t>(std::count(tokens.begin(), tokens.end(), token));
                    n > most || (n == most && token < each.fencing_token)) {
                    most = n;
                    each.fencing_token = token;
                }
            each.has_quorum = each.nodes.size() >= result_.quorum;
            put_in_order(each.nodes);
        }
        std::ranges::sort(result_.holders, [](const auto& a, const auto& b) {
            return a.nodes.size() != b.nodes.size() ? a.nodes.size() > b.nodes.size() : a.acquisition < b.acquisition;
        });
        for (auto& [place, each] : waiters_) {
            put_in_order(each.nodes);
            result_.waiters.push_back(std::move(each));
        }
        return std::move(result_);
    }

private:
    [[nodiscard]] std::string trouble_of(std::int64_t left, std::string_view why, const std::string& deployment) const
    {
        if (!deployment.empty() && deployment != deployment_)
            return "is of a deployment with other options: it says '" + deployment + "', this client '" + deployment_
                   + '\'';
        if (left <= 0)
            return {};
        if (why == "new")
            return "is new, and was not provisioned: no client has asked it yet";
        return "does not vote for " + std::to_string(left / 1000) + " ms: " + std::string(why);
    }

    /// As the deployment names them, not as they answered.
    void put_in_order(std::vector<std::string>& names) const
    {
        std::ranges::sort(names, {}, [this](const std::string& name) {
            return std::ranges::find(result_.nodes, name, &inspection::node::name);
        });
    }

    /// '<acquisition> <end> <call> <priority> <locker>'
    void add_holder(const std::string& node, std::string_view text, std::uint64_t token, std::int64_t now)
    {
        const auto acquisition = take_word(text);
        const auto ends = number_in<std::int64_t>(take_word(text));
        take_word(text);
        const auto priority = number_in<int>(take_word(text));
        if (acquisition.empty() || ends <= now)
            return;
        auto& holders = result_.holders;
        auto it = std::ranges::find(holders, acquisition, &inspection::holder::acquisition);
        if (it == holders.end())
            it = holders.insert(holders.end(),
                                {.locker_id = std::string(text), .acquisition = std::string(acquisition)});
        it->priority = std::max(it->nodes.empty() ? priority : it->priority, priority);
        it->until = std::max(it->until, time_of(ends));
        it->nodes.push_back(node);
        tokens_[it->acquisition].push_back(token);
    }

    /// '<end> <window> <member> <preempts> <locker>', where a member is 10 digits of the priority, 16 of the ticket,
    /// and the acquisition.
    void add_waiter(const std::string& node, std::string_view text, std::int64_t now)
    {
        const auto ends = number_in<std::int64_t>(take_word(text));
        take_word(text);
        const auto member = take_word(text);
        take_word(text);
        constexpr std::size_t rank = 26;
        if (member.size() <= rank || ends <= now)
            return;
        const std::string acquisition(member.substr(rank));
        auto it = std::ranges::find(waiters_, acquisition, [](const auto& w) { return w.second.acquisition; });
        if (it == waiters_.end())
            it = waiters_
                     .emplace(std::string(member),
                              inspection::waiter{.locker_id = std::string(text), .acquisition = acquisition})
                     .first;
        it->second.priority = static_cast<int>(2147483647 - number_in<std::int64_t>(member.substr(0, 10)));
        it->second.since = time_of(number_in<std::int64_t>(member.substr(10, 16)));
        it->second.until = std::max(it->second.until, time_of(ends));
        it->second.nodes.push_back(node);
    }

    std::string deployment_;
    inspection result_;
    std::map<std::string, std::vector<std::uint64_t>> tokens_; // of the holders, by acquisition
    std::map<std::string, inspection::waiter> waiters_;        // by their place
};

/// Asks all nodes about a resource; perhaps for something else after that.
class resource_visit : public node_visit
{
public:
    resource_visit(const redis_deployment& where, const std::string& resource)
        : node_visit(where), found_(resource, names_of(where.nodes), client().deployment(), quorum()),
          timer_(executor()), pending_(size(), true)
    {
        about_->lock_key = where.options.prefix + '{' + resource + '}';
    }

protected:
    [[nodiscard]] collection& found() noexcept { return found_; }
    [[nodiscard]] bool has_quorum() const noexcept { return answered_ >= quorum(); }

    /// Has those that have answered do something about an acquisition.
    void have_done(step what, std::string id_text, std::uint64_t number)
    {
        what_ = what;
        about_->id_text = std::move(id_text);
        number_ = static_cast<std::int64_t>(number);
        answered_ = 0;
        for (std::size_t i = 0; i < size(); ++i)
            if (found_.node(i).answered) {
                pending_[i] = true;
                send(i);
            }
        wait_for(client().options().quorum_timeout);
    }

    void end()
    {
        timer_.cancel();
        node_visit::end();
    }

private:
    /// All that answer in time have done so.
    virtual void on_all() = 0;

    [[nodiscard]] std::size_t quorum() const noexcept { return size() / 2 + 1; }

    void on_start() final { wait_for(client().options().quorum_timeout); }
    void on_node(std::size_t node) final { send(node); }

    void send(std::size_t node)
    {
        call c;
        c.what = what_;
        c.node = node;
        c.about = about_;
        c.number = number_;
        ask(std::move(c));
    }

    void on_reply(const call& c, const answer& a) final
    {
        if (!pending_[c.node])
            return;
        if (a.what == answer::verdict::inspected)
            found_.add(c.node, a);
        ++answered_;
        settled(c.node);
    }

    void on_failure(std::size_t node, const std::string& why) final
    {
        found_.fail(node, why);
        if (pending_[node])
            settled(node);
    }

    void settled(std::size_t node)
    {
        pending_[node] = false;
        if (std::ranges::find(pending_, true) == pending_.end())
            over();
        else if (answered_ == quorum())
            wait_for(client().options().retry_interval); // nobody waits for the slowest for long
    }

    void wait_for(duration d)
    {
        timer_.expires_after(d);
        timer_.async_wait([this, kept = shared_from_this()](error_code cancelled) {
            const bool is_due = timer_.expiry() <= clock::now(); // not set anew while this was on its way
            if (!cancelled && is_due && !has_ended())
                over();
        });
    }

    void over()
    {
        timer_.cancel();
        for (std::size_t i = 0; i < size(); ++i)
            if (pending_[i])
                found_.fail(i, "does not answer");
        std::fill(pending_.begin(), pending_.end(), false);
        on_all();
    }

    collection found_;
    asio::steady_timer timer_;
    const std::shared_ptr<acquisition> about_ = std::make_shared<acquisition>();
    step what_ = step::inspect;
    std::int64_t number_ = 0;
    std::vector<bool> pending_; // who is to answer
    std::size_t answered_ = 0;
};

class inspecting final : public resource_visit
{
public:
    inspecting(const redis_deployment& where, const std::string& resource, inspect_handler& handler)
        : resource_visit(where, resource), handler_(std::move(handler))
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

class forced_release final : public resource_visit
{
public:
    forced_release(const redis_deployment& where, const std::string& resource, std::uint64_t token,
                   forced_release_handler& handler)
        : resource_visit(where, resource), token_(token), handler_(std::move(handler))
    {
    }

private:
    void on_all() override
    {
        if (!has_quorum()) {
            finish(errc::no_quorum);
        } else if (std::exchange(is_known_, true)) {
            finish({});
        } else if (const std::string id = found().holder_with(token_); !id.empty()) {
            have_done(step::force_release, id, token_);
        } else {
            finish(token_ != 0 && found().ended_by_force() == token_ ? error_code() : error_code(errc::not_held));
        }
    }

    /// Once the hold is known, nodes may have ended it.
    void on_cancel(asio::cancellation_type_t type) override
    {
        using kind = asio::cancellation_type;
        if (!is_known_ || (type & (kind::terminal | kind::partial)) != kind::none)
            finish(asio::error::operation_aborted);
    }

    void finish(error_code ec)
    {
        end();
        std::move(handler_)(ec);
    }

    const std::uint64_t token_;
    bool is_known_ = false; // whose it is
    forced_release_handler handler_;
};

bool is_name(const std::string& resource) noexcept
{
    return !resource.empty() && resource.size() <= max_name_size;
}

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

std::shared_ptr<admin_operation> make_forced_release(const redis_deployment& where, const std::string& resource,
                                                     std::uint64_t fencing_token, forced_release_handler handler)
{
    if (!redis::is_name(resource))
        return redis::make_failed_operation(std::move(handler), error_code(errc::invalid_argument));
    try {
        return std::make_shared<redis::forced_release>(where, resource, fencing_token, handler);
    } catch (const boost::system::system_error& e) {
        return redis::make_failed_operation(std::move(handler), e.code());
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
        out << "\nheld by nobody, as far as is known";
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
