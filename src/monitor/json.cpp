// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "monitor/json_parts.hpp"

#include <priority_redlock/json.hpp>

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock {

namespace {

namespace json = boost::json;
using time_point = clock::time_point;

/// How many bytes the UTF-8 sequence has that the text begins with; 0: it begins with none.
std::size_t sequence_size(std::string_view text) noexcept
{
    const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned lead = byte(0);
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    // No longer than need be, no surrogates, nothing above U+10FFFF: the second byte says.
    const unsigned lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < lowest || byte(1) > highest)
        return 0;
    for (std::size_t i = 2; i < size; ++i)
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    return size;
}

} // namespace

json::string detail::json_name(std::string_view text)
{
    json::string result;
    while (!text.empty()) {
        const std::size_t size = sequence_size(text);
        result.append(size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size));
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return result;
}

namespace {

using detail::json_name;

json::value seconds(duration d)
{
    return d == infinite ? json::value() : json::value(std::chrono::duration<double>(d).count());
}

json::value seconds(time_point from, time_point to)
{
    constexpr time_point none = time_point::max();
    return from == none || to == none ? json::value() : seconds(to - from);
}

json::value holder_of(const holder_snapshot& h, time_point now)
{
    if (h.locker_id.empty())
        return {};
    json::value thief;
    if (h.thief)
        thief = {{"locker_id", h.thief->locker_id.empty() ? json::value() : json::value(json_name(h.thief->locker_id))},
                 {"priority", h.thief->priority}};
    return {{"locker_id", json_name(h.locker_id)},
            {"priority", h.priority},
            {"state", to_string(h.state)},
            {"handles", h.handles},
            {"fencing_token", h.fencing_token},
            {"held_seconds", seconds(h.since, now)},
            {"expires_in_seconds", seconds(now, h.expires_at)},
            {"grace_seconds", seconds(h.grace)},
            {"told_seconds_ago", seconds(h.told_at, now)},
            {"thief", std::move(thief)}};
}

json::object to_json(const duration_histogram& h)
{
    json::array buckets;
    for (std::size_t i = 0; i < h.buckets; ++i)
        buckets.push_back({{"up_to_seconds", seconds(h.bound(i))}, {"count", h.counts[i]}});
    return {
        {"count", h.count}, {"sampled", h.sampled}, {"sum_seconds", h.sum.count()}, {"buckets", std::move(buckets)}};
}

} // namespace

json::object detail::json_resource(const resource_snapshot& r, time_point taken_at, std::size_t most_waiters)
{
    json::array waiters;
    for (const waiter_snapshot& w : r.waiters) {
        if (waiters.size() == most_waiters)
            break;
        waiters.push_back({{"locker_id", json_name(w.locker_id)},
                           {"priority", w.priority},
                           {"rank", w.rank},
                           {"waiting_seconds", seconds(w.since, taken_at)},
                           {"ttl_seconds", seconds(w.ttl)},
                           {"grace_seconds", seconds(w.grace)}});
    }
    return {{"resource", json_name(r.resource)},
            {"holder", holder_of(r.holder, taken_at)},
            {"waiters", std::move(waiters)}};
}

json::object detail::json_inspection(const redis_inspection& seen, redis_inspection::time_point now)
{
    const auto names = [](const std::vector<std::string>& all) {
        json::array result;
        for (const std::string& each : all)
            result.push_back(json_name(each));
        return result;
    };
    const auto between = [](redis_inspection::time_point from, redis_inspection::time_point to) {
        return std::chrono::duration<double>(to - from).count();
    };
    json::array nodes, holders, waiters;
    for (const auto& n : seen.nodes)
        nodes.push_back({{"name", json_name(n.name)},
                         {"answered", n.answered},
                         {"trouble", json_name(n.trouble)},
                         {"waiting", n.waiting}});
    for (const auto& h : seen.holders)
        holders.push_back({{"locker_id", json_name(h.locker_id)},
                           {"priority", h.priority},
                           {"fencing_token", h.fencing_token},
                           {"ends_in_seconds", between(now, h.until)},
                           {"has_quorum", h.has_quorum},
                           {"nodes", names(h.nodes)}});
    for (const auto& w : seen.waiters)
        waiters.push_back({{"locker_id", json_name(w.locker_id)},
                           {"priority", w.priority},
                           {"waiting_seconds", between(w.since, now)},
                           {"nodes", names(w.nodes)}});
    return {{"resource", json_name(seen.resource)},
            {"quorum", seen.quorum},
            {"nodes", std::move(nodes)},
            {"holders", std::move(holders)},
            {"waiters", std::move(waiters)}};
}

json::object to_json(const snapshot& seen)
{
    json::array resources;
    for (const resource_snapshot& r : seen.resources)
        resources.push_back(detail::json_resource(r, seen.taken_at));
    return {{"resources", std::move(resources)}};
}

json::object to_json(const metrics& values)
{
    return {{"grants", values.grants},
            {"re_entrances", values.re_entrances},
            {"releases", values.releases},
            {"preemptions", values.preemptions},
            {"expiries", values.expiries},
            {"losses", values.losses},
            {"timeouts", values.timeouts},
            {"cancellations", values.cancellations},
            {"refusals", values.refusals},
            {"preemptions_in_vain", values.preemptions_in_vain},
            {"overruns", values.overruns},
            {"held", values.held},
            {"waiting", values.waiting},
            {"wait_time", to_json(values.wait_time)},
            {"hold_time", to_json(values.hold_time)}};
}

} // namespace priority_redlock
