// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_FILE_PROTOCOL_HPP
#define PRIORITY_REDLOCK_EXAMPLES_FILE_PROTOCOL_HPP

#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <functional>
#include <iomanip>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace example {

using namespace priority_redlock;
using namespace std::chrono_literals;

/// Locks of the processes of one machine, in a file: what a protocol for a store of one's own may look like. The table
/// that it keeps could as well be one of a database, with a transaction in the place of the advisory lock.
///
/// Every process looks at the file 100 times a second while it waits or holds. Put the file where it does not outlive a
/// restart of the machine, as /run does: its times are of the steady clock, which is one for all processes.
class file_protocol final : public protocol,
                            public std::enable_shared_from_this<file_protocol>
{
public:
    file_protocol(const boost::asio::any_io_executor& ex, std::string file) : timer_(ex), file_(std::move(file)) {}

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override
    {
        const std::lock_guard guard(mutex_);
        sinks_[client] = std::move(sink);
    }

    void obtain(obtain_request q, handler<obtain_reply> on_reply) override
    {
        q.ttl = q.ttl == infinite ? lease() : std::min<duration>(q.ttl, 24h * 365);
        obtain_reply reply;
        const auto ec = transact([&](table& t) {
            if (std::ranges::count(ended_, q.id) != 0)
                return;
            auto& rows = t.resources[q.resource];
            auto mine = std::ranges::find(rows, q.id, &row::id);
            if (mine != rows.end() && mine->holds) {
                mine->wanted.priority = std::max(mine->wanted.priority, q.priority);
                mine->until = std::max(mine->until, clock::now() + q.ttl);
            } else {
                if (mine == rows.end())
                    mine = rows.emplace(mine);
                *mine = {q, false, 0, clock::now() + patience};
                t.settle();
                mine = std::ranges::find(rows, q.id, &row::id);
                const bool is_thief = mine == rows.begin() + 1 && mine->preempts(rows.front());
                if (!mine->holds && (q.how == mode::now || (q.how == mode::once && !is_thief))) {
                    rows.erase(mine);
                    return;
                }
            }
            using verdict = obtain_reply::verdict;
            reply = {mine->holds ? verdict::granted : verdict::waiting, mine->until, mine->token};
            known_[q.id] = mine->holds;
            poll_later();
        });
        std::move(on_reply)(ec, reply);
    }

    void end(acquisition_id id, done_handler on_done) override
    {
        const auto ec = transact([&](table& t) {
            for (auto& [name, rows] : t.resources)
                std::erase_if(rows, [id](const row& each) { return each.id() == id; });
            known_.erase(id);
            ended_.push_back(id); // all that is asked for it is asked here, so an obtain that comes late finds it
            if (ended_.size() > 1000)
                ended_.pop_front();
        });
        std::move(on_done)(ec);
    }

    /// For so long a lock without a ttl outlives its process.
    [[nodiscard]] duration lease() const noexcept override { return 10s; }

private:
    using mode = obtain_request::mode;
    static constexpr duration patience = 2s; // with a waiter that is not heard of

    /// An acquisition that waits or holds, as its latest obtain wants it.
    struct row
    {
        obtain_request wanted;
        bool holds = false;
        std::uint64_t token = 0;   // if it holds
        clock::time_point until{}; // it holds; or else: it is believed to be alive

        acquisition_id id() const { return wanted.id; }
        bool preempts(const row& holder) const { return wanted.preempt && wanted.priority > holder.wanted.priority; }
        auto place() const { return std::tuple(!holds, -std::int64_t{wanted.priority}, wanted.ticket, wanted.id); }
    };

    /// What is in the file. Whatever is waited for is held.
    struct table
    {
        std::uint64_t token = 0;                           // the last
        std::map<std::string, std::vector<row>> resources; // of each the holder, then the waiters by rank

        /// Rows have come or gone, or their time is over: what is free is granted to the best waiter.
        void settle()
        {
            const auto now = clock::now();
            for (auto& [name, rows] : resources) {
                std::erase_if(rows, [now](const row& each) { return each.until <= now; });
                std::ranges::sort(rows, {}, &row::place);
                if (rows.empty() || rows.front().holds)
                    continue;
                row& best = rows.front();
                best.holds = true;
                best.until = now + best.wanted.ttl;
                using namespace std::chrono; // tokens go on from the system's clock, in case the file was deleted
                const auto wall = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
                best.token = token = std::max(token + 1, static_cast<std::uint64_t>(wall));
                std::erase_if(rows, [](const row& each) { return !each.holds && each.wanted.how == mode::once; });
            }
        }
    };

    /// Tells what others have done to the acquisitions of this process since it looked last.
    void poll()
    {
        using kind = protocol_event::kind;
        std::vector<std::pair<std::shared_ptr<listener>, protocol_event>> told;
        const auto tell = [&](protocol_event e) { told.emplace_back(sinks_[e.id.client].lock(), std::move(e)); };
        std::map<acquisition_id, bool> seen;
        const auto look = [&](table& t) {
            for (auto& [name, rows] : t.resources)
                for (row& each : rows) {
                    const auto known = known_.find(each.id());
                    if (known == known_.end())
                        continue;
                    seen[each.id()] = each.holds;
                    if (!each.holds && each.until < clock::now() + patience / 2)
                        each.until += patience / 2;
                    if (each.holds && !known->second)
                        tell({kind::granted, each.id(), each.until, each.token, {}, 0, {}});
                    if (each.holds && rows.size() > 1 && rows[1].preempts(each))
                        tell({kind::notice, each.id(), {}, 0, rows[1].id(), rows[1].wanted.priority, {}});
                }
            for (const auto& [id, held] : known_)
                if (!held && !seen.contains(id)) // a holder goes by its `valid_until`
                    tell({kind::failed, id, {}, 0, {}, 0, errc::already_acquired});
        };
        if (transact(look, [&] { known_ = seen; }))
            return; // nothing has happened
        for (const auto& [sink, event] : told)
            if (sink)
                sink->on_event(event);
    }

    void poll_later()
    {
        if (known_.empty() || timer_.expiry() > clock::now())
            return;
        timer_.expires_after(10ms);
        timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
            if (const auto self = weak.lock(); self && !cancelled)
                self->poll();
        });
    }

    /// Has `change` done to the table, while no other thread or process does, and then calls `done`.
    error_code transact(const std::function<void(table&)>& change, const std::function<void()>& done = [] {})
    {
        const std::lock_guard guard(mutex_);
        poll_later();
        const int lock = ::open((file_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        const std::shared_ptr<void> closed(nullptr, [lock](void*) { ::close(lock); });
        if (lock < 0 || ::flock(lock, LOCK_EX) != 0)
            return {errno, boost::system::system_category()};
        std::stringstream before, after;
        before << std::ifstream(file_).rdbuf();
        table t = read(before);
        t.settle();
        change(t);
        t.settle();
        write(t, after);
        const auto fresh = file_ + ".new"; // which is renamed, so that the file is always whole
        if (after.view() != before.view()
            && (!(std::ofstream(fresh) << after.view() << std::flush)
                || std::rename(fresh.c_str(), file_.c_str()) != 0))
            return {errno, boost::system::system_category()};
        done();
        return {};
    }

    static table read(std::istream& in)
    {
        table t;
        in >> t.token;
        duration::rep ttl = 0, how = 0, until = 0;
        obtain_request q;
        for (row r; in >> std::quoted(q.resource) >> std::quoted(q.locker) >> q.id.client >> q.id.number >> q.priority
                    >> q.preempt >> q.ticket >> ttl >> how >> r.holds >> r.token >> until;) {
            q.ttl = duration(ttl);
            q.how = static_cast<mode>(how);
            r.wanted = q;
            r.until = clock::time_point(duration(until));
            t.resources[q.resource].push_back(r);
        }
        return t;
    }

    static void write(const table& t, std::ostream& out)
    {
        out << t.token << '\n';
        for (const auto& [name, rows] : t.resources)
            for (const auto& [q, holds, token, until] : rows)
                out << std::quoted(name) << ' ' << std::quoted(q.locker) << ' ' << q.id.client << ' ' << q.id.number
                    << ' ' << q.priority << ' ' << q.preempt << ' ' << q.ticket << ' ' << q.ttl.count() << ' '
                    << static_cast<int>(q.how) << ' ' << holds << ' ' << token << ' '
                    << until.time_since_epoch().count() << '\n';
    }

    std::mutex mutex_;
    boost::asio::steady_timer timer_;
    const std::string file_;
    std::map<std::uint64_t, std::weak_ptr<listener>> sinks_;
    std::map<acquisition_id, bool> known_; // those that wait or, true, hold
    std::deque<acquisition_id> ended_;     // the last ones
};

} // namespace example

#endif
