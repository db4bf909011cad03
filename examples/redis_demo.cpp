// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// redis_demo WORKER
//
// Five nodes and three processes of the program WORKER (redis_worker), which need one robot arm and have different
// priorities. One node and one worker are killed. Shows in one timeline and a chart what all of them do, and checks
// that no two workers had the arm at once and that its fencing tokens rose.

#include "../test/redis/support/redis_server.hpp"
#include "chart.hpp"
#include "child_process.hpp"
#include "command_line.hpp"
#include "terminal.hpp"

#include <priority_redlock/errc.hpp>
#include <priority_redlock/redis_provision.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::error_code;

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

const std::string prefix = "demo:";
const std::string channels = prefix + "client:"; // of each manager one
const std::string lock_key = prefix + "{robot arm}";

microseconds now()
{
    return std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now().time_since_epoch());
}

// --- the timeline ----------------------------------------------------------------------------------------------------

struct event
{
    microseconds when;
    std::string who; // empty: the nodes
    std::string what;
    std::vector<std::size_t> nodes{};
};

/// Events come from many processes and a little out of order: they are printed in order, some time later.
class timeline
{
public:
    /// Time zero.
    void start()
    {
        zero_ = now();
        std::cout << "    ms  who              event" << std::endl;
    }

    [[nodiscard]] microseconds zero() const { return zero_; }

    /// What is told of `text` is told of `name`.
    void call(const std::string& text, const std::string& name) { names_[text] = name; }

    void add(event e)
    {
        // What several nodes do at the same time is one line.
        const auto same = [&e](const event& other) {
            return e.who.empty() && other.who.empty() && other.what == e.what;
        };
        if (const auto it = std::ranges::find_if(pending_, same); it != pending_.end())
            it->nodes.push_back(e.nodes.at(0));
        else
            pending_.insert(std::ranges::upper_bound(pending_, e.when, {}, &event::when), std::move(e));
    }

    void print_until(microseconds end)
    {
        const auto last = std::ranges::find_if(pending_, [end](const event& e) { return e.when > end; });
        for (event& each : std::ranges::subrange(pending_.begin(), last)) {
            if (each.who.empty())
                each.who = list(each.nodes);
            std::cout << std::setw(6) << std::chrono::duration_cast<milliseconds>(each.when - zero_).count() << "  "
                      << std::left << std::setw(15) << each.who << std::right << "  " << renamed(each.what)
                      << std::endl;
        }
        pending_.erase(pending_.begin(), last);
    }

    static std::string list(std::vector<std::size_t> nodes)
    {
        std::ranges::sort(nodes);
        nodes.erase(std::ranges::unique(nodes).begin(), nodes.end());
        std::string result = nodes.size() == 1 ? "node " : "nodes ";
        for (std::size_t i = 0; i < nodes.size(); ++i)
            result.append(i == 0 ? "" : ",").append(std::to_string(nodes[i] + 1));
        return result;
    }

private:
    [[nodiscard]] std::string renamed(std::string text) const
    {
        for (const auto& [from, to] : names_)
            for (auto at = text.find(from); at != text.npos; at = text.find(from))
                text.replace(at, from.size(), to);
        return text;
    }

    microseconds zero_{};
    std::vector<event> pending_;
    std::map<std::string, std::string> names_;
};

// --- what is checked -------------------------------------------------------------------------------------------------

/// Nobody is granted the arm while another one has it, and every grant has a higher token.
class referee
{
public:
    void granted(const std::string& who, std::uint64_t token)
    {
        if (!holder_.empty())
            faults.push_back(who + " was granted the arm while " + holder_ + " had it");
        if (token <= last_token_)
            faults.push_back("the token of " + who + " is not above the one before");
        holder_ = who;
        last_token_ = token;
        ++grants;
    }

    void let_go(const std::string& who)
    {
        if (holder_ == who)
            holder_.clear();
    }

    std::vector<std::string> faults;
    int grants = 0;

private:
    std::string holder_;
    std::uint64_t last_token_ = 0;
};

// --- the demo --------------------------------------------------------------------------------------------------------

/// Somebody with a row in the chart.
struct actor
{
    std::size_t row = 0;
    demo::phase now = demo::phase::absent;
    microseconds since{};
};

struct worker
{
    std::string name;
    int priority;
    milliseconds work;
    std::optional<example::child_process> process{};
    std::optional<asio::posix::stream_descriptor> output{};
    std::string received{};
    int grants = 0;
    bool done = false;
    actor track{};
};

class performance
{
public:
    explicit performance(std::string worker_program)
        : program_(std::move(worker_program)),
          workers_{{{"batch", 0, 3300ms}, {"report", 5, 900ms}, {"alarm", 10, 5000ms}}}
    {
    }

    ~performance()
    {
        for (test::redis_server& node : nodes_)
            node.kill(); // which ends the listeners
    }

    performance(const performance&) = delete;
    performance& operator=(const performance&) = delete;

    /// The status of the program.
    int play()
    {
        introduce();
        timeline_.start();

        std::exception_ptr failure;
        int interrupted = 0;
        asio::signal_set signals(context_, SIGINT, SIGTERM);
        signals.async_wait([&](error_code error, int signal) {
            if (error)
                return;
            interrupted = signal;
            context_.stop();
        });
        co_spawn(context_, story(), [&](std::exception_ptr e) {
            failure = e;
            context_.stop();
        });
        co_spawn(context_, print(), asio::detached);
        context_.run();
        timeline_.print_until(microseconds::max());
        print_chart();
        if (interrupted)
            return 128 + interrupted;
        try {
            if (failure)
                std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            referee_.faults.emplace_back(error.what());
        }
        for (const std::string& each : referee_.faults)
            std::cout << "redis_demo: " << each << '\n';
        if (referee_.faults.empty())
            std::cout << "\n"
                      << referee_.grants << " grants: never two workers at once, and every token above the last\n";
        return referee_.faults.empty() ? 0 : 1;
    }

private:
    /// Who is who.
    void introduce()
    {
        std::cout
            << "Five nodes have the lock of a robot arm, which three processes need. Node 2 is killed and comes back "
               "empty;\nalarm is killed while it has the arm.\n\n";
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            timeline_.call("node " + nodes_[i].address(), "node " + std::to_string(i + 1));
            std::cout << "  node " << i + 1 << "  a Redis server on " << nodes_[i].address() << '\n';
        }
        const std::size_t arm = chart_.add_heading("robot arm");
        for (worker& each : workers_) {
            each.track.row = chart_.add_row(arm, each.name);
            std::cout << "  " << std::left << std::setw(6) << each.name << std::right << "  a process of priority "
                      << each.priority << " that needs the arm for " << each.work.count() << " ms\n";
        }
        victim_.row = chart_.add_row(chart_.add_heading("nodes"), "node 2");
        std::cout << "  ----    this program\n" << std::endl;
    }

    /// From now on somebody is in that phase.
    void enter(actor& a, demo::phase p, microseconds when)
    {
        if (a.now != demo::phase::absent)
            chart_.add(a.row, a.now, a.since - timeline_.zero(), when - timeline_.zero());
        a.now = p;
        a.since = when;
    }

    void print_chart()
    {
        const microseconds end = now();
        for (actor* each : {&workers_[0].track, &workers_[1].track, &workers_[2].track, &victim_})
            enter(*each, demo::phase::absent, end);
        chart_.print(std::cout, end - timeline_.zero(), terminal::wants_colour());
    }

    asio::awaitable<void> story()
    {
        auto& [batch, report, alarm] = workers_;
        test::redis_server& victim = nodes_[1];

        // [provision]
        priority_redlock::redis_options options; // as those of the workers
        options.prefix = prefix;
        options.lease = 1s;
        options.max_ttl = 1500ms;
        options.clock_skew = 200ms;
        co_await priority_redlock::async_provision(context_.get_executor(), nodes_.configs(), options,
                                                   asio::use_awaitable);
        // [/provision]
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            listen_to(i);
            tell({now(), {}, "up, and set up for locks", {i}});
        }
        co_await start(batch);
        co_await granted(batch, 1);
        co_await pause(250ms);
        co_await start(report);
        co_await granted(report, 1);
        co_await pause(150ms);

        tell({now(), "----", "node 2 is killed"});
        enter(victim_, demo::phase::dead, now());
        victim.kill();
        co_await pause(250ms);
        co_await start(alarm);
        co_await granted(alarm, 1);
        co_await pause(400ms);

        tell({now(), "----", "alarm is killed, with the arm in its hands: its lease of 1 s has to end"});
        alarm.process->kill();
        enter(alarm.track, demo::phase::dead, now());
        referee_.let_go(alarm.name);
        co_await pause(400ms);

        tell({now(), "----", "node 2 comes back, and has forgotten everything"});
        victim.restart(test::redis_data::empty);
        enter(victim_, demo::phase::absent, now());
        listen_to(1);
        co_await granted(report, 2);
        co_await granted(batch, 2);
        co_await until("node 2 to take part again", [&] { return holder_on(1) == "batch"; });
        co_await look();
        co_await until("all work to be done", [&] { return report.done && batch.done; });
        for (worker* each : {&batch, &report})
            if (each->process->wait() != 0)
                throw std::runtime_error(each->name + " has failed");
        co_await pause(50ms);
    }

    // --- workers ---

    asio::awaitable<void> start(worker& w)
    {
        std::array<int, 2> pipe{};
        if (::pipe(pipe.data()) != 0)
            throw std::runtime_error("cannot make a pipe");
        w.output.emplace(context_, pipe[0]);
        tell({now(), "----", w.name + " is started"});
        w.process.emplace(std::vector<std::string>{program_, w.name, std::to_string(w.priority),
                                                   std::to_string(w.work.count()), prefix, "--redis",
                                                   nodes_.addresses()},
                          pipe[1]);
        ::close(pipe[1]);
        co_spawn(context_, follow(w), asio::detached);

        // Its channel is the one that is new.
        co_await until(w.name + " to connect", [&] {
            for (const test::redis_reply& each : nodes_[0].command({"PUBSUB", "CHANNELS", channels + '*'}).elements)
                if (known_channels_.insert(each.text).second) {
                    timeline_.call(each.text, w.name);
                    return true;
                }
            return false;
        });
    }

    /// Its lines are a time in microseconds and what happened.
    asio::awaitable<void> follow(worker& w)
    {
        for (error_code error;;) {
            const std::size_t size = co_await asio::async_read_until(*w.output, asio::dynamic_buffer(w.received), '\n',
                                                                     asio::redirect_error(asio::use_awaitable, error));
            if (error)
                co_return;
            const std::string line = w.received.substr(0, size - 1);
            w.received.erase(0, size);
            const auto space = line.find(' ');
            heard(w, microseconds(std::stoll(line)), line.substr(space + 1));
        }
    }

    void heard(worker& w, microseconds when, std::string what)
    {
        using demo::phase;
        if (what.starts_with("granted, token ")) {
            const std::uint64_t token = std::stoull(what.substr(15));
            ++w.grants;
            referee_.granted(w.name, token);
            enter(w.track, phase::holding, when);
            what = "granted, token " + terminal::short_token(token);
        } else if (what == "lets go" || what == "has lost it" || what == "releases, done") {
            referee_.let_go(w.name);
            w.done = what == "releases, done";
            enter(w.track, phase::absent, when);
        } else if (what.starts_with("asks")) {
            enter(w.track, phase::waiting, when);
        } else if (what.starts_with("told to go")) {
            enter(w.track, phase::told_to_go, when);
        } else if (!said_.insert(without_times(what)).second) {
            return; // all workers see the same happen to a node
        }
        tell({when, w.name, what});
    }

    [[nodiscard]] static std::string without_times(std::string text)
    {
        constexpr std::string_view digits = "0123456789";
        for (auto unit = text.find(" ms"); unit != text.npos; unit = text.find(" ms", unit + 1)) {
            const auto begin = text.find_last_not_of(digits, unit - 1) + 1;
            text.erase(begin, unit - begin);
            unit = begin;
        }
        return text;
    }

    // --- nodes ---

    /// Shows what a node says to the workers.
    void listen_to(std::size_t node)
    {
        listeners_.emplace_back([this, node, port = nodes_[node].port()] {
            try {
                test::redis_connection connection(port, {}, 60s);
                connection.command({"PSUBSCRIBE", prefix + "client:*"});
                for (;;) {
                    const test::redis_reply message = connection.read(); // pmessage, pattern, channel, text
                    asio::post(context_, [this, node, when = now(), message] {
                        said(node, when, message.elements.at(2).text, message.elements.at(3).text);
                    });
                }
            } catch (const std::runtime_error&) { // the node has ended
            }
        });
    }

    void said(std::size_t node, microseconds when, const std::string& channel, const std::string& text)
    {
        std::istringstream words(text);
        std::string verb, about, thief;
        words >> verb >> about >> thief; // acquisitions: CLIENT-NUMBER
        if (verb == "notice")
            tell({when,
                  {},
                  "to " + channel + ": " + channels + thief.substr(0, thief.find('-')) + " outranks you",
                  {node}});
        else if (verb == "wake")
            tell({when, {}, "to " + channel + ": it is your turn", {node}});
        else if (verb == "standby")
            tell({when, {}, "to " + channel + ": you are the next but one", {node}});
    }

    std::string holder_on(std::size_t node)
    {
        if (!nodes_[node].running())
            return "out of reach";
        std::istringstream held(nodes_[node].command({"HGET", lock_key, "h"}).text);
        std::string acquisition, end, call, priority, who;
        return held >> acquisition >> end >> call >> priority >> who ? who : "nobody";
    }

    /// Tells whom the nodes take for the holder.
    asio::awaitable<void> look()
    {
        co_await pause(30ms); // the quorum has decided; the others follow
        std::vector<std::pair<std::string, std::vector<std::size_t>>> found;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            const std::string who = holder_on(i);
            auto it = std::ranges::find(found, who, &std::pair<std::string, std::vector<std::size_t>>::first);
            if (it == found.end())
                it = found.insert(found.end(), {who, {}});
            it->second.push_back(i);
        }
        std::string text = "the arm:";
        for (const auto& [who, where] : found)
            text.append(text.back() == ':' ? " " : "; ").append(who).append(" on ").append(timeline::list(where));
        tell({now(), "----", text});
    }

    // --- time ---

    asio::awaitable<void> pause(milliseconds d)
    {
        asio::steady_timer timer(context_, d);
        co_await timer.async_wait(asio::use_awaitable);
    }

    template <class Condition>
    asio::awaitable<void> until(std::string what, Condition holds)
    {
        const auto deadline = now() + 15s;
        while (!holds()) {
            if (now() > deadline)
                throw std::runtime_error("waited in vain for " + what);
            co_await pause(5ms);
        }
    }

    asio::awaitable<void> granted(worker& w, int times)
    {
        co_await until(w.name + " to be granted the arm", [&w, times] { return w.grants == times; });
        co_await look();
    }

    asio::awaitable<void> print()
    {
        for (;;) {
            co_await pause(50ms);
            timeline_.print_until(now() - 100ms);
        }
    }

    void tell(event e) { timeline_.add(std::move(e)); }

    std::string program_;
    asio::io_context context_{1};
    std::vector<std::jthread> listeners_; // end with the nodes
    test::redis_nodes nodes_{5};
    std::set<std::string> known_channels_;
    std::array<worker, 3> workers_;
    timeline timeline_;
    demo::chart chart_;
    actor victim_;               // node 2
    std::set<std::string> said_; // by the logs of the workers
    referee referee_;
};

} // namespace

int main(int argc, char* argv[])
try {
    const auto line = example::read_command_line(
        argc, argv,
        {.about = "Shows processes that share a lock over five Redis servers of its own, of which some are killed.",
         .operands = "WORKER, the program redis_worker",
         .least = 1,
         .most = 1,
         .redis = example::need::never});
    if (::access(line.operands[0].c_str(), X_OK) != 0) {
        std::cerr << "redis_demo: there is no program " << line.operands[0] << '\n';
        return 2;
    }
    performance p(line.operands[0]);
    return p.play();
} catch (const std::exception& error) {
    std::cerr << "redis_demo: " << example::message_of(error) << '\n';
    return 1;
}
