// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "deployment.hpp"

#include "call.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace priority_redlock::detail::redis {

void check_deployment(const std::vector<boost::redis::config>& nodes, const redis_options& o)
{
    const auto refuse = [](const std::string& what) { throw std::invalid_argument("priority_redlock: " + what); };
    using namespace std::chrono_literals;
    if (nodes.empty())
        refuse("no node is named");
    const std::pair<const char*, duration> durations[] = {
        {"lease", o.lease},
        {"max_ttl", o.max_ttl},
        {"node_timeout", o.node_timeout},
        {"retry_interval", o.retry_interval},
        {"quorum_timeout", o.quorum_timeout},
        {"clock_skew", o.clock_skew},
        {"idle_timeout", o.idle_timeout},
    };
    for (const auto& [name, value] : durations)
        if (value > 24h * 365)
            refuse("redis_options::" + std::string(name) + " must be at most a year");
    if (o.lease <= 0s || o.lease > o.max_ttl)
        refuse("redis_options::lease must be above zero and at most max_ttl");
    if (o.clock_skew < 0s || o.max_ttl <= 2 * o.clock_skew)
        refuse("redis_options::max_ttl must be more than twice clock_skew, which is at least zero");
    if (o.node_timeout < 1ms || o.retry_interval < 1ms || o.quorum_timeout < 1ms)
        refuse("redis_options::node_timeout, retry_interval and quorum_timeout must be at least 1 ms");
    if (o.idle_timeout < 0s)
        refuse("redis_options::idle_timeout must not be negative");
    if (o.prefix.find_first_of("{}") != std::string::npos)
        refuse("redis_options::prefix must not contain braces");
}

std::string deployment_text(std::size_t nodes, const redis_options& options)
{
    return "version=5 nodes=" + std::to_string(nodes) + " max_ttl_us=" + std::to_string(micros(options.max_ttl));
}

duration pause_after_refusal(const redis_options& options) noexcept
{
    return std::min<duration>(std::chrono::seconds(5), options.quorum_timeout / 2);
}

std::vector<std::string> names_of(const std::vector<boost::redis::config>& nodes)
{
    std::vector<std::string> names;
    for (const auto& each : nodes)
        names.push_back(each.unix_socket.empty() ? each.addr.host + ':' + each.addr.port : each.unix_socket);
    return names;
}

} // namespace priority_redlock::detail::redis
