// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "../keyed_mutexes.hpp"
#include "contender.hpp"

#include <priority_redlock/errc.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <deque>
#include <string>
#include <tuple>
#include <vector>

namespace contention {
namespace {

using priority_redlock::error_code;
using priority_redlock::infinite;

constexpr auto as_result = asio::as_tuple(asio::deferred);

template <class Map>
class channels : public contender
{
public:
    channels(asio::io_context& context, const scenario& s) : map_(context.get_executor())
    {
        for (std::size_t i = 0; i < s.resources; ++i)
            resources_.push_back("resource " + std::to_string(i));
    }

    asio::awaitable<void> visit(client& c, const request& r, asio::steady_timer& timer) override
    {
        // Resources come in rising order, so that clients who need several cannot wait for each other in a circle.
        std::deque<user> users;
        locks held{users};
        for (const std::size_t resource : r.resources) {
            users.emplace_back(map_, resources_[resource]);
            const auto timeout = c.behaviour().timeout;
            std::tuple<error_code> outcome;
            if (timeout == infinite)
                outcome = co_await users.back().async_lock(as_result);
            else
                outcome = co_await users.back().async_lock(asio::cancel_after(timeout, as_result));
            if (std::get<0>(outcome)) {
                c.refused(priority_redlock::errc::acquire_timeout);
                co_return;
            }
            ++held.count;
        }
        c.granted();
        if (r.hold == duration::zero()) {
            co_await asio::post(asio::deferred);
        } else {
            timer.expires_after(r.hold);
            co_await timer.async_wait(asio::deferred);
        }
        c.let_go(ending::released);
    }

private:
    using user = typename Map::user;

    /// Unlocks on every way out, the end of the run included.
    struct locks
    {
        std::deque<user>& users;
        std::size_t count = 0;

        explicit locks(std::deque<user>& u) : users(u) {}
        locks(const locks&) = delete;
        locks& operator=(const locks&) = delete;
        ~locks()
        {
            for (std::size_t i = 0; i < count; ++i)
                users[i].unlock();
        }
    };

    Map map_;
    std::vector<std::string> resources_;
};

} // namespace

contender_kind channel_map_locks()
{
    return {.name = "Asio channel map",
            .version = "",
            .note = "first come first served: no priorities, grace, ttl or ageing",
            .make = [](asio::io_context& context, const scenario& s) -> std::unique_ptr<contender> {
                if (s.threads == 1)
                    return std::make_unique<channels<bench::channel_map>>(context, s);
                return std::make_unique<channels<bench::concurrent_channel_map>>(context, s);
            }};
}

} // namespace contention
