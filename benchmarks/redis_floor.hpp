// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_BENCHMARKS_REDIS_FLOOR_HPP
#define PRIORITY_REDLOCK_BENCHMARKS_REDIS_FLOOR_HPP

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/redis/config.hpp>
#include <boost/redis/connection.hpp>
#include <boost/redis/request.hpp>
#include <boost/redis/response.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace bench {

/// What a lock over Redis cannot cost less than: as many scripts to a quorum of the same nodes, straight through
/// Boost.Redis, each with as many calls of Redis as obtain.lua and release.lua make for a free lock, on keys of the
/// same kinds. It only counts the nodes that say yes.
class redis_floor
{
    static constexpr const char* obtain_script = R"(
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.call('HMGET', KEYS[4], 'run', 'since', 'deployment')
redis.call('HMGET', KEYS[1], 'h', 'n', 'v', 'b', 'q', 'x')
redis.call('HSET', KEYS[1], 'h', ARGV[1], 'n', ARGV[2])
redis.call('PEXPIRE', KEYS[1], '64000')
return { 'granted', now, ARGV[2] }
)";

    static constexpr const char* release_script = R"(
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.call('HMGET', KEYS[1], 'h', 'v', 'q')
redis.call('HDEL', KEYS[1], 'h', 'b')
return { 'released', now }
)";

    static std::string key_of(std::string_view resource) { return "floor{" + std::string(resource) + '}'; }

    struct step
    {
        boost::redis::request request;
        std::string_view expected;
        std::size_t votes = 0;
        bool is_over = false;
    };

    /// On all nodes; completes when a quorum has said yes.
    template <class Token>
    auto run(std::shared_ptr<step> asked, Token&& token)
    {
        return boost::asio::async_initiate<Token, void()>(
            [this](auto handler, std::shared_ptr<step> s) {
                using boost::redis::any_adapter;
                auto shared = std::make_shared<decltype(handler)>(std::move(handler));
                const any_adapter reader([s](any_adapter::parse_event, const boost::redis::resp3::node_view& part,
                                             boost::system::error_code&) {
                    if (part.data_type == boost::redis::resp3::type::simple_error)
                        throw std::runtime_error("a script of the floor failed: " + std::string(part.value));
                    s->votes += part.value == s->expected;
                });
                for (const auto& c : connections_)
                    c->async_exec(s->request, reader, [this, s, shared](boost::system::error_code, std::size_t) {
                        if (s->votes > connections_.size() / 2 && !std::exchange(s->is_over, true))
                            std::move (*shared)();
                    });
            },
            token, std::move(asked));
    }

public:
    /// Runs the context until the scripts are loaded.
    redis_floor(boost::asio::io_context& context, const std::vector<boost::redis::config>& nodes)
    {
        boost::redis::request load;
        load.push("SCRIPT", "LOAD", obtain_script);
        load.push("SCRIPT", "LOAD", release_script);
        std::vector<boost::redis::response<std::string, std::string>> shas(nodes.size());
        std::size_t loaded = 0;
        for (const auto& config : nodes) {
            auto& c = *connections_.emplace_back(std::make_unique<boost::redis::connection>(
                context.get_executor(), boost::redis::logger(boost::redis::logger::level::emerg)));
            c.async_run(config, [](boost::system::error_code) {});
            c.async_exec(load, shas[connections_.size() - 1], [&](boost::system::error_code ec, std::size_t) {
                if (ec)
                    throw boost::system::system_error(ec);
                ++loaded;
            });
        }
        context.restart();
        while (loaded != nodes.size())
            context.run_one();
        obtain_ = std::get<0>(shas.front()).value();
        release_ = std::get<1>(shas.front()).value();
    }

    ~redis_floor()
    {
        for (const auto& c : connections_)
            c->cancel();
    }

    boost::asio::awaitable<void> obtain(std::string_view resource)
    {
        const std::string lock = key_of(resource);
        auto asked = std::make_shared<step>();
        asked->expected = "granted";
        asked->request.push("EVALSHA", obtain_, 4, lock, lock + ":q", lock + ":x:0000000000000000-1", "floor:node",
                            "0000000000000000-1 1795594370085250 1 0 0123456789abcdef", 1795594370085250);
        co_await run(asked, boost::asio::deferred);
    }

    boost::asio::awaitable<void> release(std::string_view resource)
    {
        const std::string lock = key_of(resource);
        auto asked = std::make_shared<step>();
        asked->expected = "released";
        asked->request.push("EVALSHA", release_, 3, lock, lock + ":q", lock + ":x:0000000000000000-1",
                            "0000000000000000-1");
        co_await run(asked, boost::asio::deferred);
    }

    boost::asio::awaitable<void> pair(std::string_view resource)
    {
        co_await obtain(resource);
        co_await release(resource);
    }

private:
    std::vector<std::unique_ptr<boost::redis::connection>> connections_;
    std::string obtain_;
    std::string release_;
};

} // namespace bench

#endif
