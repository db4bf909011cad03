// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_EXAMPLES_FILE_PROTOCOL_HPP
#define PRIORITY_REDLOCK_EXAMPLES_FILE_PROTOCOL_HPP

#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace example {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::acquisition_id;
using priority_redlock::clock;
using priority_redlock::duration;
using priority_redlock::error_code;
using priority_redlock::obtain_reply;
using priority_redlock::obtain_request;
using priority_redlock::protocol_event;

/// Locks of the processes of one machine, in a file: how a protocol for a store of one's own may look. The table that it
/// keeps could as well be one of a database, with a transaction in the place of the advisory lock.
///
/// Every process looks at the file 100 times a second while it waits or holds. Put it where it does not outlive a
/// restart, as /run does: it has times of std::chrono::steady_clock, which is one for all processes of a machine.
class file_protocol final : public priority_redlock::protocol,
                            public std::enable_shared_from_this<file_protocol>
{
public:
    file_protocol(const asio::any_io_executor& ex, std::filesystem::path file)
        : strand_(asio::make_strand(ex)), timer_(strand_), file_(std::move(file))
    {
    }

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override
    {
        post([client, sink = std::move(sink)](file_protocol& self) mutable { self.sinks_[client] = std::move(sink); });
    }

    void obtain(obtain_request request, handler<obtain_reply> on_reply) override
    {
        post([request = std::move(request), on_reply = std::move(on_reply)](file_protocol& self) mutable {
            obtain_reply reply;
            const auto ec = self.transact([&](table& t) { reply = self.obtain(t, request); });
            std::move(on_reply)(ec, reply);
        });
    }

    void end(acquisition_id id, done_handler on_done) override
    {
        post([id, on_done = std::move(on_done)](file_protocol& self) mutable {
            self.known_.erase(id);
            self.ended_.push_back(id); // all that is asked for an id is asked here, so an obtain that comes late finds it
            if (self.ended_.size() > 1000)
                self.ended_.pop_front();
            const auto ec = self.transact(
                [&](table& t) { std::erase_if(t.rows, [id](const row& each) { return each.id == id; }); });
            std::move(on_done)(ec);
        });
    }

    /// For so long a lock without a ttl outlives its process.
    [[nodiscard]] duration lease() const noexcept override { return 10s; }

private:
    static constexpr duration poll_interval = 10ms;
    static constexpr duration patience = 2s; // with a waiter that is not heard of

    /// An acquisition that waits or holds.
    struct row
    {
        acquisition_id id;
        std::string resource;
        std::string locker;
        int priority = 0;
        std::uint64_t ticket = 0;
        duration ttl{};
        bool once = false; // it waits for one hand-shake
        bool holds = false;
        std::uint64_t token = 0; // if it holds
        clock::time_point ends;  // if it holds: that; else: the patience with it

        /// Of each resource the holder comes first, then the waiters by rank.
        [[nodiscard]] auto place() const
        {
            return std::tuple(std::cref(resource), !holds, -std::int64_t{priority}, ticket, id);
        }
    };

    /// What is in the file. Whatever is waited for is held.
    struct table
    {
        std::uint64_t token = 0; // the last
        std::vector<row> rows;

        [[nodiscard]] auto find(acquisition_id id)
        {
            return std::find_if(rows.begin(), rows.end(), [id](const row& each) { return each.id == id; });
        }

        /// Of those that wait for what this one holds.
        [[nodiscard]] const row* first_in_line(const row& holder) const
        {
            const row* const next = &holder + 1;
            return next != rows.data() + rows.size() && next->resource == holder.resource ? next : nullptr;
        }

        /// Rows have come or gone, or their time is over: what is free is granted to the best waiter.
        void settle(clock::time_point now)
        {
            std::erase_if(rows, [now](const row& each) { return each.ends <= now; });
            std::sort(rows.begin(), rows.end(), [](const row& a, const row& b) { return a.place() < b.place(); });
            bool granted = false; // the resource of this row is, right now
            for (auto it = rows.begin(); it != rows.end();) {
                if (it == rows.begin() || std::prev(it)->resource != it->resource) {
                    granted = !it->holds;
                    if (granted)
                        grant(*it, now);
                } else if (granted && it->once) {
                    it = rows.erase(it); // that was not its hand-shake
                    continue;
                }
                ++it;
            }
        }

        void grant(row& r, clock::time_point now)
        {
            // From the system's clock, so that tokens rise when the file was deleted, too.
            const auto wall = std::chrono::system_clock::now().time_since_epoch();
            const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
            r.holds = true;
            r.token = token = std::max(token + 1, static_cast<std::uint64_t>(micros));
            r.ends = later(now, r.ttl);
        }

        friend std::istream& operator>>(std::istream& in, table& t)
        {
            in >> t.token;
            duration::rep ttl = 0, ends = 0;
            for (row r; in >> r.id.client >> r.id.number >> std::quoted(r.resource) >> std::quoted(r.locker) >> r.priority
                        >> r.ticket >> ttl >> r.once >> r.holds >> r.token >> ends;) {
                r.ttl = duration(ttl);
                r.ends = clock::time_point(duration(ends));
                t.rows.push_back(r);
            }
            return in;
        }

        friend std::ostream& operator<<(std::ostream& out, const table& t)
        {
            out << t.token << '\n';
            for (const row& r : t.rows)
                out << r.id.client << ' ' << r.id.number << ' ' << std::quoted(r.resource) << ' '
                    << std::quoted(r.locker) << ' ' << r.priority << ' ' << r.ticket << ' ' << r.ttl.count() << ' '
                    << r.once << ' ' << r.holds << ' ' << r.token << ' ' << r.ends.time_since_epoch().count() << '\n';
            return out;
        }
    };

    static clock::time_point later(clock::time_point now, duration d)
    {
        return d > clock::time_point::max() - now ? clock::time_point::max() : now + d;
    }

    obtain_reply obtain(table& t, const obtain_request& q)
    {
        if (std::find(ended_.begin(), ended_.end(), q.id) != ended_.end())
            return {};
        const auto now = clock::now();
        const auto ttl = q.ttl == priority_redlock::infinite ? lease() : q.ttl;
        auto mine = t.find(q.id);
        if (mine != t.rows.end() && mine->holds) {
            mine->priority = std::max(mine->priority, q.priority);
            mine->ends = std::max(mine->ends, later(now, ttl));
        } else {
            if (mine == t.rows.end())
                mine = t.rows.emplace(mine);
            const bool once = q.how == obtain_request::mode::once;
            *mine = {q.id, q.resource, q.locker, q.priority, q.ticket, ttl, once, false, 0, now + patience};
            t.settle(now);
            mine = t.find(q.id);
            const auto holder = std::find_if(t.rows.begin(), mine, [&](const row& r) { return r.resource == q.resource; });
            const bool outranks_all = t.first_in_line(*holder) == &*mine && q.priority > holder->priority;
            if (!mine->holds && (q.how == obtain_request::mode::now || (once && !outranks_all))) {
                t.rows.erase(mine);
                return {};
            }
        }
        known_[q.id] = mine->holds;
        poll_later();
        if (mine->holds)
            return {obtain_reply::verdict::granted, mine->ends, mine->token};
        return {.what = obtain_reply::verdict::waiting};
    }

    /// What others have done to the acquisitions of this process since it looked last.
    void poll()
    {
        using kind = protocol_event::kind;
        std::vector<protocol_event> events;
        transact([&](table& t) {
            auto before = std::exchange(known_, {});
            const auto now = clock::now();
            for (row& mine : t.rows) {
                const auto known = before.find(mine.id);
                if (known == before.end())
                    continue;
                const row* const next = t.first_in_line(mine);
                if (!mine.holds && mine.ends < now + patience / 2)
                    mine.ends = now + patience;
                if (mine.holds && !known->second)
                    events.push_back({kind::granted, mine.id, mine.ends, mine.token, {}, 0, {}});
                if (mine.holds && next && next->priority > mine.priority)
                    events.push_back({kind::notice, mine.id, {}, 0, next->id, next->priority, {}});
                known_[mine.id] = mine.holds;
                before.erase(known);
            }
            for (const auto& [id, held] : before) {
                const auto why = held ? priority_redlock::errc::expired : priority_redlock::errc::already_acquired;
                events.push_back({held ? kind::ended : kind::failed, id, {}, 0, {}, 0, why});
            }
        });
        for (const protocol_event& each : events)
            if (const auto sink = sinks_[each.id.client].lock())
                sink->on_event(each);
        poll_later();
    }

    void poll_later()
    {
        if (known_.empty() || std::exchange(polling_, true))
            return;
        timer_.expires_after(poll_interval);
        timer_.async_wait([weak = weak_from_this()](error_code) {
            if (const auto self = weak.lock()) {
                self->polling_ = false;
                self->poll();
            }
        });
    }

    /// Has a function change the table, while no other process does.
    template <class Function>
    error_code transact(Function f)
    {
        const int lock = ::open((file_.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        const std::shared_ptr<void> closed(nullptr, [lock](void*) { ::close(lock); });
        if (lock < 0 || ::flock(lock, LOCK_EX) != 0)
            return {errno, boost::system::system_category()};
        std::stringstream before, after;
        before << std::ifstream(file_).rdbuf();
        table t;
        before >> t;
        t.settle(clock::now());
        f(t);
        t.settle(clock::now());
        after << t;
        if (after.str() == before.str())
            return {};
        const auto fresh = file_.string() + ".new"; // whole, or not at all
        if (!(std::ofstream(fresh) << after.str() << std::flush) || std::rename(fresh.c_str(), file_.c_str()) != 0)
            return {errno, boost::system::system_category()};
        return {};
    }

    /// All that this object knows is used on its strand.
    template <class Function>
    void post(Function f)
    {
        asio::post(strand_, [self = shared_from_this(), f = std::move(f)]() mutable { f(*self); });
    }

    const asio::strand<asio::any_io_executor> strand_;
    asio::steady_timer timer_;
    const std::filesystem::path file_;
    std::map<std::uint64_t, std::weak_ptr<listener>> sinks_;
    std::map<acquisition_id, bool> known_; // that wait or, true, hold
    std::deque<acquisition_id> ended_;     // the last
    bool polling_ = false;
};

} // namespace example

#endif
