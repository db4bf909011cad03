// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/stage.hpp"

#include "redis/support/documented_user.hpp"

#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

namespace soak {

using namespace std::chrono_literals;
using kind = event::kind;

namespace {

constexpr const char* operators_password = "of-the-operator";

// As a URL of parse_redis_nodes.
std::string url(const boost::redis::config& c)
{
    std::string result = c.use_ssl ? "rediss://" : "redis://";
    if (!c.password.empty())
        result += c.username + ':' + c.password + '@';
    return result + c.addr.host + ':' + c.addr.port;
}

std::uint64_t memory_of(pid_t process)
{
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("VmRSS:"))
            return std::stoull(line.substr(6));
    return 0;
}

std::uint64_t descriptors_of(pid_t process)
{
    std::error_code none;
    const std::filesystem::directory_iterator files("/proc/" + std::to_string(process) + "/fd", none);
    return static_cast<std::uint64_t>(std::distance(begin(files), end(files)));
}

} // namespace

stage::stage(const std::filesystem::path& directory, const node_access& how, std::uint64_t seed)
    : directory_(directory), log_(directory / "director.log"), seed_(seed)
{
    std::vector<boost::redis::config> operators;
    for (std::size_t i = 0; i < nodes; ++i) {
        const shifted_clock& c = clocks_.emplace_back(directory / ("clock-" + std::to_string(i)));
        test::redis_server_options options{.persistence = test::redis_persistence::snapshot, .tls = how.tls};
        options.environment = {c.preload(), c.file()};
        if (how.acl) {
            options.password = operators_password;
            options.users = {test::documented_user()};
        }
        test::redis_server& s = servers_.emplace_back(options);
        operators.push_back(s.config());
        const auto users = how.acl ? s.config("locks", "PASSWORD") : s.config();
        const test::tcp_proxy& p = network_.emplace_back(s.port());
        addresses_[0].append(i == 0 ? "" : ",").append(url(users));
        addresses_[1].append(i == 0 ? "" : ",").append(url(p.config(users)));
    }

    auto options = deployment_options();
    if (how.tls) {
        authorities_ = directory / "authorities.pem";
        std::ofstream all(authorities_);
        for (const test::redis_server& s : servers_)
            all << std::ifstream(s.certificate_file()).rdbuf();
        options.tls_ca_file = authorities_.string();
    }
    boost::asio::io_context io(1);
    auto done = priority_redlock::async_provision(io.get_executor(), operators, options, boost::asio::use_future);
    io.run();
    done.get();
}

void stage::start_worker(std::size_t index)
{
    // One that was started later has another name and another seed.
    const std::string name = "worker-" + std::to_string(index) + '.' + std::to_string(++started_);
    workers_.at(index) = std::make_unique<worker_process>(worker_order{.name = name,
                                                                       .log = directory_ / (name + ".log"),
                                                                       .nodes = addresses_[index % 2],
                                                                       .authorities = authorities_,
                                                                       .seed = seed_ * 1000 + started_});
}

void stage::kill_worker(std::size_t index)
{
    worker(index).kill();
    note(kind::killed, "-", worker(index).name());
}

void stage::sample_workers()
{
    for (const auto& w : workers_)
        log_.write({.at = std::chrono::steady_clock::now(),
                    .what = kind::sample,
                    .who = w->name(),
                    .acquire = descriptors_of(w->id()),
                    .n = memory_of(w->id())});
}

bool stage::all_live()
{
    bool result = true;
    for (const auto& w : workers_) {
        const std::string end = w->end();
        if (end.empty() || end == "killed")
            continue;
        note(kind::crashed, end, w->name());
        result = false;
    }
    return result;
}

bool stage::finish(std::chrono::nanoseconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (const auto& w : workers_)
        w->finish();
    bool in_time = true;
    for (const auto& w : workers_) {
        while (w->end().empty() && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(5ms);
        const std::string end = w->end();
        in_time = in_time && !end.empty();
        if (!end.empty() && end != "status_0")
            note(kind::crashed, end, w->name());
    }
    return in_time;
}

void stage::note(kind what, std::string why, std::string who)
{
    log_.write({.at = std::chrono::steady_clock::now(), .what = what, .who = std::move(who), .why = std::move(why)});
}

} // namespace soak
