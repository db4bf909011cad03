// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis_store.hpp"

#include "../../test/redis/support/redis_server.hpp"

#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/redis/config.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

namespace contention {
namespace {

using priority_redlock::infinite;

[[nodiscard]] boost::redis::config config_of(const std::string& node)
{
    const auto colon = node.rfind(':');
    boost::redis::config config;
    config.addr.host = node.substr(0, colon);
    config.addr.port = node.substr(colon + 1);
    return config;
}

/// How often the command was called, of what INFO commandstats says.
[[nodiscard]] std::uint64_t calls_of(std::string_view command, std::string_view stats)
{
    const std::string key = "cmdstat_" + std::string(command) + ":calls=";
    const auto found = stats.find(key);
    return found == stats.npos ? 0 : std::strtoull(stats.data() + found + key.size(), nullptr, 10);
}

class redis_store : public store
{
public:
    explicit redis_store(const scenario& s) : addresses_(s.nodes), counts_(s.nodes.empty() && s.faults.empty())
    {
        if (addresses_.empty()) {
            own_.emplace(s.own_nodes);
            for (const test::redis_server& each : *own_)
                addresses_.push_back(each.address());
        }
        for (const group& g : s.groups)
            if (g.ttl != infinite)
                options_.max_ttl = std::max(options_.max_ttl, g.ttl);
    }

    std::shared_ptr<priority_redlock::protocol> connect(boost::asio::any_io_executor ex) override
    {
        options_.prefix = "contention:" + std::to_string(getpid()) + ":" + std::to_string(++connections_) + ":";
        std::vector<boost::redis::config> configs;
        for (const std::string& each : addresses_)
            configs.push_back(config_of(each));
        provision(configs); // no lock under a prefix that nobody used before can have been forgotten
        return std::make_shared<priority_redlock::redis_protocol>(ex, std::move(configs), options_);
    }

    [[nodiscard]] std::vector<std::string> nodes() const override { return addresses_; }

    void inject(const fault& f) override
    {
        test::redis_server& node = (*own_)[f.node - 1];
        switch (f.what) {
        case fault::action::kill: node.kill(); break;
        case fault::action::stop: node.stop(); break;
        case fault::action::resume: revive(node); break;
        }
    }

    /// Scripts, which is what locks are made of here. A server that is killed forgets how many it ran.
    [[nodiscard]] std::optional<std::uint64_t> commands() override
    {
        if (!counts_)
            return std::nullopt;
        std::uint64_t sum = 0;
        for (const test::redis_server& each : *own_) {
            const auto reply = each.command({"INFO", "commandstats"});
            sum += calls_of("evalsha", reply.text) + calls_of("eval", reply.text);
        }
        return sum;
    }

    void reset() override
    {
        if (!own_)
            return;
        for (test::redis_server& each : *own_) {
            revive(each);
            each.command({"FLUSHALL"});
        }
    }

private:
    void provision(const std::vector<boost::redis::config>& configs) const
    {
        boost::asio::io_context context;
        auto done =
            priority_redlock::async_provision(context.get_executor(), configs, options_, boost::asio::use_future);
        context.run();
        done.get();
    }

    static void revive(test::redis_server& node)
    {
        if (node.running())
            node.resume();
        else
            node.restart(test::redis_data::keep);
    }

    std::optional<test::redis_nodes> own_;
    std::vector<std::string> addresses_;
    bool counts_;
    priority_redlock::redis_options options_;
    int connections_ = 0;
};

} // namespace

std::unique_ptr<store> make_redis_store(const scenario& s)
{
    return std::make_unique<redis_store>(s);
}

} // namespace contention
