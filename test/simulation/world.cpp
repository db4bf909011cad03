// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/world.hpp"

#include "redis/deployment.hpp"
#include "simulation/describe.hpp"
#include "simulation/process.hpp"

#include <boost/redis/request.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace simulation {

namespace {

using command = priority_redlock::detail::redis::node_command;
using verdict = answer::verdict;

constexpr duration connect_pause = 50ms;

/// How long a connection may be silent before it is given up.
constexpr duration health_check = 4s;

constexpr std::int64_t wall_start = 1'700'000'000'000'000; // us

/// Of a node, in messages.
constexpr std::size_t longest_journal = 200;

std::uint32_t small(std::size_t n)
{
    return static_cast<std::uint32_t>(n);
}

bool is_vote(verdict v)
{
    return v == verdict::granted || v == verdict::waiting || v == verdict::refused || v == verdict::gone
           || v == verdict::ready;
}

bool is_no_vote(verdict v)
{
    return v == verdict::quarantined || v == verdict::mismatch || v == verdict::evicting || v == verdict::failed
           || v == verdict::unknown || v == verdict::lost;
}

bool is_about_a_lock(command c)
{
    return c == command::obtain || c == command::yield || c == command::release || c == command::write_back;
}

priority_redlock::detail::redis::script_texts make_texts(std::size_t nodes,
                                                         const priority_redlock::redis_options& store)
{
    namespace redis = priority_redlock::detail::redis;
    auto texts = redis::make_script_texts(store, redis::deployment_text(nodes, store));
    for (const auto& [old_text, new_text] : script_changes) {
        bool found = false;
        for (std::string& each : texts)
            for (std::size_t at = each.find(old_text); at != each.npos;
                 at = each.find(old_text, at + new_text.size())) {
                each.replace(at, old_text.size(), new_text);
                found = true;
            }
        if (!found)
            throw std::invalid_argument("no script has the text \"" + old_text + '"');
    }
    return texts;
}

} // namespace

std::string world::node::run_id() const
{
    return "run" + std::to_string(index + 1) + '.' + std::to_string(incarnation) + (moved ? ".other" : "");
}

world::world(const world_options& options, chooser& choices, trace* t)
    : options_(options), store_(options.store()), texts_(make_texts(options.nodes, store_)), choices_(choices),
      trace_(t), start_(virtual_clock::now()),
      court_(options.behaviour.resources,
             bounds(store_, 2 * (options.delay + 50us), options.node_skew, options.silent_nodes != 0))
{
    for (std::uint32_t i = 0; i < options.nodes; ++i) {
        node& n = *nodes_.emplace_back(std::make_unique<node>());
        n.index = i;
        n.place = t ? t->add_node('n' + std::to_string(i + 1)) : 0;
        n.clock_offset = choices.around_zero(options.node_skew, {"the clock of a node", i});
        n.drift = static_cast<std::int64_t>(choices.choose(8001, {"the drift of a node", i})) - 4000;
        for (int server = 0; server < 2; ++server) {
            n.server.restart(n.run_id());
            if (!options.new_nodes)
                provision(n);
            change_server(n);
        }
    }
    for (std::size_t i = 0; i < options.processes; ++i)
        add_process();
    if (options.new_nodes)
        for (const auto& each : nodes_)
            after(choices.less_than(1ms, {"when a node is provisioned", each->index}), [this, &n = *each] {
                if (n.up && n.incarnation == 0)
                    provision(n);
            });
}

world::~world() = default;

void world::add_process()
{
    processes_.push_back(std::make_unique<process>(*this, small(processes_.size())));
}

void world::at(time_point when, std::function<void()> what)
{
    events_.push({std::max(when, virtual_clock::now()), ++order_, std::move(what)});
}

outcome world::run()
{
    plan_faults();
    // All who wait have their turn, and the ttls of dead holders run out.
    const auto turns = static_cast<std::int64_t>(options_.processes * options_.managers * options_.users + 10);
    const time_point patience = start_ + options_.faults_last + options_.calm_lasts + 8s
                                + turns * (options_.behaviour.hold + options_.behaviour.longest_ttl);
    constexpr duration look = 20ms;
    for (time_point t = start_ + look; t < patience; t += look)
        at(t, [this] { court_.time_passed(); });
    pass_time(patience);
    if (!court_.accuser() && !is_cut_)
        leave();
    if (!court_.accuser() && !is_cut_)
        court_.finished();
    result_.lasted = virtual_clock::now() - start_;
    if (const judge* const j = court_.accuser()) {
        result_.judge = j->name();
        result_.verdict = j->verdict();
        announce([&] { return "judge of " + result_.judge + ": " + result_.verdict; });
    }
    return result_;
}

void world::pass_time(time_point until)
{
    while (!events_.empty() && !court_.accuser() && events_.top().when <= until) {
        if (is_cut_ = !choices_.goes_on(); is_cut_)
            return;
        const event e = std::move(const_cast<event&>(events_.top())); // it is not there any more when it happens
        events_.pop();
        virtual_clock::present = e.when;
        ++result_.events;
        e.what();
    }
}

/// The managers go. Then nothing keeps a context from running out of work.
void world::leave()
{
    const auto all = [this](auto f) {
        for (const auto& each : processes_)
            if (each->is_alive())
                f(*each);
    };
    all([](process& p) { p.leave(); });
    pass_time(virtual_clock::now() + store_.max_ttl + 10s);
    all([this](process& p) {
        if (!p.has_ended())
            court_.object("handlers", "something keeps the context of p" + std::to_string(p.index() + 1)
                                          + " from running out of work");
    });
}

process& world::any_process(const char* why)
{
    return *processes_[choices_.index(processes_.size(), {why})];
}

world::node& world::any_node(const char* why)
{
    return *nodes_[choices_.index(nodes_.size(), {why})];
}

duration world::some_delay(process& p, node& n)
{
    const decision d{"how long a message takes", p.index(), n.index};
    if (options_.explored) {
        // Others overtake it; the round ends without it; its node seems to be silent.
        constexpr std::array<duration, 4> late{0ms, 400us, 40ms, 400ms};
        const duration more =
            is_faulty() ? late[choices_.index(late.size(), {"how late a message is", p.index(), n.index})] : 0ms;
        if (more > options_.delay) {
            p.to(n.index).good = false;
            update_reach(p);
            disturb(more);
        }
        return 50us + more;
    }
    const duration usual = 50us + choices_.less_than(options_.delay, d);
    if (!is_faulty() || !choices_.chance(options_.slow_message, {"whether a message is slow", p.index(), n.index}))
        return usual;
    const duration slow = usual + choices_.less_than(300ms, d);
    p.to(n.index).good = false;
    update_reach(p);
    disturb(slow);
    return slow;
}

duration world::timer_delay(process& p)
{
    if (!options_.explored)
        return choices_.less_than(100us, {"how late a timer is", p.index()});
    return is_faulty() && choices_.choose(2, {"whether a timer is late", p.index()}) != 0 ? 30ms : 0ms;
}

std::uint64_t world::digest() const noexcept
{
    std::uint64_t result = late_;
    const auto add = [&](std::uint64_t n) { result = mixed(result ^ n); };
    for (const auto& each : processes_)
        add(each->digest());
    for (const auto& each : nodes_) {
        add(each->past.hash());
        add(each->stopped_until <= virtual_clock::now()
                ? each->up
                : static_cast<std::uint64_t>((each->stopped_until - virtual_clock::now()).count()));
    }
    return result;
}

/// Mostly short, some longer than a connection or a ttl lasts.
duration world::some_time(const char* what)
{
    return choices_.less_than(choices_.chance(0.7, {"whether a fault is short"}) ? 200ms : 3s, {what});
}

/// In microseconds.
std::int64_t world::clock_of(const node& n) const
{
    const auto passed = std::chrono::duration_cast<microseconds>(virtual_clock::now() - start_).count();
    return wall_start + passed + std::chrono::duration_cast<microseconds>(n.clock_offset).count()
           + passed * n.drift / 1'000'000;
}

template <class Text>
void world::announce(Text text)
{
    if (trace_)
        trace_->announces(text());
}

// --- the network -----------------------------------------------------------------------------------------------------

void world::connect(process& p, std::size_t index, duration delay)
{
    connection& c = p.to(index);
    if (!c.wanted || c.up || std::exchange(c.connecting, true))
        return;
    p.after(delay, [this, &p, &c, &n = *nodes_[index]] {
        c.connecting = false;
        if (!c.wanted || c.up)
            return;
        if (!n.answers() || c.cut_until > virtual_clock::now()) {
            const duration pause = std::min<duration>(connect_pause * (1 << std::min(c.failures++, 6u)),
                                                      std::clamp<duration>(store_.quorum_timeout / 4, 50ms, 2s));
            connect(p, n.index, pause);
            return;
        }
        c.up = true;
        c.half_open = false;
        c.failures = 0;
        ++c.epoch;
        c.incarnation = n.incarnation;
        c.last_to_node = c.last_to_process = virtual_clock::now();
        c.link.connect(n.server);
        p.note([&] { return "is connected to n" + std::to_string(n.index + 1); });
        p.protocol().on_up(n.index, n.server.state.run_id);
    });
}

/// By the process itself, which is done.
void world::close(process& p, std::size_t index)
{
    connection& c = p.to(index);
    if (!std::exchange(c.up, false))
        return;
    ++c.epoch;
    c.good = false;
    c.to_node.clear();
    c.to_process.clear();
    lose_answers(p, c);
    p.protocol().on_down(index);
    update_reach(p);
}

/// Nobody will answer any more.
void world::lose_answers(process& p, connection& c)
{
    for (const auto& each : std::exchange(c.unanswered, {}))
        p.protocol().on_answers(each->sent.calls, std::vector<answer>(each->sent.calls.size()));
}

void world::send(process& p, std::size_t index, std::vector<call> calls)
{
    connection& c = p.to(index);
    node& n = *nodes_[index];
    if (is_busy())
        result_.calls += static_cast<std::size_t>(
            std::ranges::count_if(calls, [](const call& each) { return is_about_a_lock(each.command); }));
    if (!c.up) {
        p.protocol().on_answers(calls, std::vector<answer>(calls.size()));
        return;
    }
    const duration delay = some_delay(p, n);
    c.last_to_node = std::max(c.last_to_node, std::max(virtual_clock::now(), c.cut_until) + delay);
    c.to_node.push_back(std::make_shared<const message_to_node>(
        message_to_node{virtual_clock::now(), c.last_to_node, p.past().hash(), c.link.send(std::move(calls))}));
    c.unanswered.push_back(c.to_node.back());
    at(c.last_to_node, [this, &p, &n, epoch = c.epoch] { arrive(p, n, epoch); });
}

/// The next message of a connection, whichever was waited for: they do not overtake each other.
void world::arrive(process& p, node& n, std::uint64_t epoch)
{
    connection& c = p.to(n.index);
    if (c.epoch != epoch)
        return; // what may still come over a connection that was lost was settled when it was
    if (!n.answers() || c.cut_until > virtual_clock::now()) {
        at(std::max(n.stopped_until, c.cut_until), [this, &p, &n, epoch] { arrive(p, n, epoch); });
        return;
    }
    fail_around(p, n, [this, &p, &n, &c] {
        const auto m = std::move(c.to_node.front());
        c.to_node.pop_front();
        if (c.half_open) {
            if (trace_)
                trace_->is_lost(p.place(), n.place, describe(m->sent.calls));
            return;
        }
        execute(p, n, m, false);
    });
}

/// A message arrives, and perhaps its connection or its node ends before or after.
void world::fail_around(process& p, node& n, const std::function<void()>& arrives)
{
    const std::uint64_t way = options_.explored && is_faulty()
                                  ? choices_.choose(5, {"what goes wrong with a message", p.index(), n.index})
                                  : 0;
    const auto breaks = [&] {
        announce_break(p, n);
        disconnect(p, n, true);
    };
    if (way == 1)
        breaks();
    else if (way == 2)
        crash(n);
    else
        arrives();
    if (way == 3)
        breaks();
    else if (way == 4)
        crash(n);
}

/// A process is about to be told something, and perhaps ends or stops before. Whether it has ended.
bool world::fails_at(process& p)
{
    if (!options_.explored || !is_faulty())
        return false;
    switch (choices_.choose(4, {"what goes wrong with a process", p.index()})) {
    case 1: crash(p); return true;
    case 2: p.pause(50ms); break;
    case 3: p.pause(1500ms); break;
    default: break;
    }
    return false;
}

/// The node does what it is asked to. What is late is answered to nobody.
void world::execute(process& p, node& n, const std::shared_ptr<const message_to_node>& m, bool late)
{
    if (trace_)
        trace_->arrives(p.place(), n.place, m->at, describe(m->sent.calls) + (late ? ", late" : ""));
    n.past.add(m->past ^ p.index());
    std::vector<test::published_message> messages;
    std::string replies;
    if (is_faulty() && choices_.chance(options_.failed_call, {"whether a call fails", p.index(), n.index})) {
        const bool forgotten = choices_.choose(2, {"how a call fails", p.index(), n.index}) == 0;
        for (std::size_t i = 0; i < m->sent.runs.size(); ++i)
            test::add_error(replies, forgotten ? "NOSCRIPT No matching script." : "ERR it fails");
        disturb(duration::zero());
    } else {
        replies = n.server.run(m->sent.bytes, clock_of(n), messages);
        if (keeps_journals())
            write_journal(n, m);
    }
    // A client that calls itself may hear that before the answer or after it.
    const bool pushes_first =
        messages.empty() || choices_.choose(2, {"whether pushes are first", p.index(), n.index}) == 0;
    const auto push_all = [&] {
        for (const auto& each : messages)
            push(n, each);
    };
    if (pushes_first)
        push_all();
    if (!late)
        deliver(p, n, [this, &p, &n, replies = std::move(replies), sent = virtual_clock::now()] {
            answered(p, n, replies, sent);
        });
    if (!pushes_first)
        push_all();
}

void world::answered(process& p, node& n, const std::string& replies, time_point sent)
{
    connection& c = p.to(n.index);
    const auto asked = std::move(c.unanswered.front());
    c.unanswered.pop_front();
    const auto answers = c.link.answers(asked->sent, replies);
    bool votes = false;
    bool fails = false;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (trace_)
            trace_->arrives(n.place, p.place(), sent, describe(asked->sent.calls[i], answers[i]));
        votes = votes || is_vote(answers[i].what);
        fails = fails || is_no_vote(answers[i].what);
    }
    if (votes || fails) {
        c.good = votes && !fails;
        update_reach(p);
    }
    p.protocol().on_answers(asked->sent.calls, answers);
}

void world::push(node& n, const test::published_message& m)
{
    const std::uint64_t client = std::stoull(m.channel.substr(m.channel.rfind(':') + 1), nullptr, 16);
    const std::size_t index = client / 0x100 - 1;
    if (index >= processes_.size())
        return;
    process& p = *processes_[index];
    connection& c = p.to(n.index);
    if (!p.is_alive() || !c.up || c.half_open || c.incarnation != n.incarnation)
        return;
    if (is_faulty() && choices_.chance(options_.lost_push, {"whether a push is lost", p.index(), n.index})) {
        if (trace_)
            trace_->is_lost(n.place, p.place(), readable(m.text));
        disturb(duration::zero());
        return;
    }
    deliver(p, n, [this, &p, &n, text = m.text, sent = virtual_clock::now()] {
        if (trace_)
            trace_->arrives(n.place, p.place(), sent, readable(text));
        p.protocol().on_push(n.index, text);
    });
}

void world::deliver(process& p, node& n, std::function<void()> what)
{
    connection& c = p.to(n.index);
    c.last_to_process = std::max(c.last_to_process, std::max(virtual_clock::now(), c.cut_until) + some_delay(p, n));
    c.to_process.push_back({c.last_to_process, n.past.hash(), std::move(what)});
    at(c.last_to_process, [this, &p, &n, epoch = c.epoch] { hand_over(p, n, epoch); });
}

void world::hand_over(process& p, node& n, std::uint64_t epoch)
{
    connection& c = p.to(n.index);
    if (c.epoch != epoch)
        return;
    if (c.cut_until > virtual_clock::now()) {
        at(c.cut_until, [this, &p, &n, epoch] { hand_over(p, n, epoch); });
        return;
    }
    if (fails_at(p))
        return;
    p.step(c.to_process.front().past, [&c, epoch] {
        if (c.epoch != epoch)
            return;
        const auto m = std::move(c.to_process.front());
        c.to_process.pop_front();
        m.what();
    });
}

void world::announce_break(process& p, node& n)
{
    announce([&] {
        return "the connection of p" + std::to_string(p.index() + 1) + " to n" + std::to_string(n.index + 1)
               + " breaks";
    });
}

/// What is under way on a connection, and the answers to what has arrived.
void world::show_lost(process& p, node& n)
{
    const connection& c = p.to(n.index);
    const std::size_t arrived = c.unanswered.size() - c.to_node.size();
    for (std::size_t i = 0; i < c.unanswered.size(); ++i) {
        const std::string what = describe(c.unanswered[i]->sent.calls);
        if (i < arrived)
            trace_->is_lost(n.place, p.place(), "the answer to " + what);
        else
            trace_->is_lost(p.place(), n.place, what);
    }
}

/// A connection ends: at once, and its process hears of it soon. Of what is on its way to the node some may arrive
/// later, in order, unless the node has crashed.
void world::disconnect(process& p, node& n, bool some_arrives)
{
    connection& c = p.to(n.index);
    if (!c.up)
        return;
    if (trace_ && !some_arrives && p.is_alive())
        show_lost(p, n);
    c.up = false;
    c.good = false;
    ++c.epoch;
    p.past().add_fault("a connection ends");
    if (some_arrives && !c.half_open) {
        const auto late = std::make_shared<std::deque<std::shared_ptr<const message_to_node>>>(std::move(c.to_node));
        late->resize(choices_.index(late->size() + 1, {"how much arrives late", p.index(), n.index}));
        time_point when = virtual_clock::now();
        for (std::size_t i = 0; i < late->size(); ++i) {
            when +=
                choices_.less_than(choices_.chance(0.5, {"whether it arrives soon", p.index(), n.index}) ? 2ms : 500ms,
                                   {"when it arrives late", p.index(), n.index});
            court_.disturbed(when);
            const std::uint64_t label =
                mixed((*late)[i]->past ^ static_cast<std::uint64_t>(when.time_since_epoch().count()));
            late_ += label;
            at(when, [this, &p, &n, late, label, incarnation = c.incarnation] {
                late_ -= label;
                if (n.incarnation != incarnation || !n.up || late->empty())
                    return;
                const auto m = std::move(late->front());
                late->pop_front();
                execute(p, n, m, true);
            });
        }
    }
    c.to_node.clear();
    c.to_process.clear();
    update_reach(p);
    const duration heard = choices_.less_than(5ms, {"when a lost connection is noticed", p.index(), n.index});
    disturb(heard);
    p.after(heard, [this, &p, &c, &n] {
        p.note([&] { return "has lost n" + std::to_string(n.index + 1); });
        lose_answers(p, c);
        p.protocol().on_down(n.index);
        connect(p, n.index, connect_pause);
    });
}

// --- what a process can reach ----------------------------------------------------------------------------------------

void world::update_reach(process& p)
{
    reach& r = court_.of(p.index());
    const std::size_t quorum = nodes_.size() / 2 + 1;
    std::size_t good = 0;
    std::size_t possible = 0;
    for (const auto& n : nodes_) {
        const connection& c = p.to(n->index);
        const bool can = n->answers() && c.cut_until <= virtual_clock::now() && !c.half_open;
        possible += can;
        good += can && c.up && c.good;
    }
    if (good < quorum)
        r.quorum_since = never;
    else if (r.quorum_since == never)
        r.quorum_since = virtual_clock::now();
    if (possible >= quorum)
        r.cut_off_since = never;
    else if (r.cut_off_since == never)
        r.cut_off_since = virtual_clock::now();
}

void world::update_reaches()
{
    for (const auto& each : processes_)
        if (each->is_alive())
            update_reach(*each);
}

// --- faults ----------------------------------------------------------------------------------------------------------

void world::every(duration mean, const char* what, const std::function<void()>& f)
{
    if (mean <= duration::zero())
        return;
    const time_point next = virtual_clock::now() + choices_.less_than(2 * mean, {what});
    if (next >= start_ + options_.faults_last)
        return;
    at(next, [this, mean, what, f] {
        f();
        every(mean, what, f);
    });
}

void world::plan_faults()
{
    for (std::size_t i = 0; i < options_.dead_nodes + options_.silent_nodes; ++i) {
        node& n = *nodes_[nodes_.size() - 1 - i];
        // Those that fall silent are connected first.
        const bool dead = i < options_.dead_nodes;
        after(dead ? 0ms : 4ms, [this, &n] { stop(n, options_.faults_last); });
    }
    every(options_.break_every, "when a connection breaks", [this] {
        process& p = any_process("whose connection breaks");
        node& n = any_node("the connection to whom breaks");
        announce_break(p, n);
        disconnect(p, n, true);
    });
    every(options_.half_open_every, "when a connection is half open", [this] {
        half_open(any_process("whose connection is half open"), any_node("the connection to whom is half open"));
    });
    every(options_.cut_every, "when a connection is cut", [this] {
        cut(any_process("whose connection is cut"), any_node("the connection to whom is cut"),
            some_time("how long a connection is cut"));
    });
    every(options_.isolate_every, "when a process is isolated", [this] { isolate(any_process("who is isolated")); });
    every(options_.clog_every, "when nodes are clogged", [this] { clog(); });
    every(options_.stop_node_every, "when a node stops",
          [this] { stop(any_node("which node stops"), some_time("how long a node stops")); });
    every(options_.crash_node_every, "when a node crashes", [this] { crash(any_node("which node crashes")); });
    every(options_.flush_node_every, "when a node is flushed", [this] { flush(any_node("which node is flushed")); });
    every(options_.forget_scripts_every, "when scripts are forgotten",
          [this] { forget_scripts(any_node("who forgets the scripts")); });
    every(options_.evict_every, "when a key is evicted", [this] { evict(any_node("who evicts a key")); });
    every(options_.move_node_every, "when a node moves", [this] { move(any_node("which node moves")); });
    every(options_.set_clock_every, "when a clock is set", [this] { set_clock(any_node("whose clock is set")); });
    every(options_.forward_clocks_every, "when all clocks are set forward", [this] {
        announce([] { return std::string("the clocks of all nodes are set forward by 2 s"); });
        for (const auto& each : nodes_)
            each->clock_offset += 2s;
        disturb(3s);
    });
    every(options_.pause_every, "when a process stops",
          [this] { any_process("who stops").pause(some_time("how long a process stops")); });
    every(options_.crash_process_every, "when a process crashes", [this] { crash(any_process("who crashes")); });
    for (const incident& each : options_.incidents)
        after(each.at, [this, &each] { meet_with(each); });
    at(start_ + options_.faults_last, [this] {
        announce([] { return std::string("faults cease"); });
        update_reaches();
    });
}

void world::meet_with(const incident& i)
{
    process& p = *processes_[i.process];
    node& n = *nodes_[i.node];
    switch (i.what) {
    case incident::kind::crash: crash(p); break;
    case incident::kind::isolation:
        for (const auto& each : nodes_)
            cut(p, *each, i.lasts);
        break;
    case incident::kind::disconnection:
        announce_break(p, n);
        disconnect(p, n, false);
        break;
    }
}

void world::cut(process& p, node& n, duration d)
{
    connection& c = p.to(n.index);
    const time_point end = std::min(start_ + options_.faults_last, virtual_clock::now() + d);
    c.cut_until = std::max(c.cut_until, end);
    c.good = false;
    court_.disturbed(c.cut_until);
    update_reach(p);
    at(c.cut_until, [this, &p] { update_reach(p); });
    announce([&] {
        return 'p' + std::to_string(p.index() + 1) + " and n" + std::to_string(n.index + 1) + " are cut off for "
               + court::text(d);
    });
    if (d > 1s && choices_.chance(0.5, {"whether a cut is noticed", p.index(), n.index}))
        after(choices_.between(500ms, 1s, {"when a cut is noticed", p.index(), n.index}),
              [this, &p, &n] { disconnect(p, n, true); });
}

void world::isolate(process& p)
{
    const duration d = some_time("how long a process is isolated");
    const std::size_t reached = choices_.index((nodes_.size() + 1) / 2, {"how many nodes are reached"});
    const std::size_t first = choices_.index(nodes_.size(), {"the first node that is reached"});
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        if ((i + nodes_.size() - first) % nodes_.size() >= reached)
            cut(p, *nodes_[i], d);
}

/// Swizzled: some nodes are cut off from all, one after the other, and come back one after the other in another order.
void world::clog()
{
    std::vector<node*> some;
    for (const auto& each : nodes_)
        if (choices_.chance(0.6, {"whether a node is clogged", each->index}))
            some.push_back(each.get());
    const auto shuffle = [&] {
        for (std::size_t i = some.size(); i > 1; --i)
            std::swap(some[i - 1], some[choices_.index(i, {"the order of clogging"})]);
    };
    std::vector<time_point> begins(nodes_.size());
    time_point t = virtual_clock::now();
    shuffle();
    for (const node* const n : some)
        begins[n->index] = t += choices_.less_than(300ms, {"when a node is clogged", n->index});
    shuffle();
    for (node* const n : some) {
        t += choices_.less_than(500ms, {"when a node is reached again", n->index});
        const duration lasts = t - begins[n->index];
        at(begins[n->index], [this, n, lasts] {
            announce([&] { return 'n' + std::to_string(n->index + 1) + " is clogged for " + court::text(lasts); });
            for (const auto& p : processes_)
                if (p->is_alive())
                    cut(*p, *n, lasts);
        });
    }
}

/// The node has lost its end of a connection, and the process does not know.
void world::half_open(process& p, node& n)
{
    connection& c = p.to(n.index);
    if (!c.up || !p.is_alive())
        return;
    announce([&] {
        return "the connection of p" + std::to_string(p.index() + 1) + " to n" + std::to_string(n.index + 1)
               + " is half open";
    });
    c.half_open = true;
    c.good = false;
    update_reach(p);
    const duration d = choices_.less_than(health_check, {"when a half open connection is noticed", p.index(), n.index});
    disturb(d);
    after(d, [this, &p, &n, &c, epoch = c.epoch] {
        if (c.epoch != epoch)
            return;
        disconnect(p, n, false);
        c.half_open = false;
    });
}

void world::stop(node& n, duration d)
{
    n.stopped_until = std::max(n.stopped_until, std::min(start_ + options_.faults_last, virtual_clock::now() + d));
    announce([&] { return 'n' + std::to_string(n.index + 1) + " stops for " + court::text(d); });
    for (const auto& p : processes_)
        p->to(n.index).good = false;
    // One that is silent for as long as faults last is soon done without.
    court_.disturbed(options_.dead_nodes + options_.silent_nodes == 0 ? n.stopped_until : virtual_clock::now());
    update_reaches();
    at(n.stopped_until, [this, &n] {
        disturb(duration::zero());
        update_reaches();
        (void)n;
    });
}

void world::crash(node& n)
{
    if (!n.up)
        return;
    announce([&] { return 'n' + std::to_string(n.index + 1) + " crashes"; });
    n.up = false;
    n.past.add_fault("crashes");
    n.stopped_until = virtual_clock::now();
    for (const auto& p : processes_)
        if (p->is_alive())
            disconnect(*p, n, false);
    const duration down =
        choices_.between(10ms, choices_.chance(0.5, {"whether a node is back soon", n.index}) ? 60ms : 1500ms,
                         {"when a node is back", n.index});
    disturb(down + store_.max_ttl + 2s); // it does not vote at once
    update_reaches();
    after(down, [this, &n] {
        ++n.incarnation;
        n.up = true;
        std::string kept = "everything";
        switch (choices_.choose(3, {"what a node has kept", n.index})) {
        case 0:
            n.server.state.data.clear();
            kept = "nothing";
            break;
        case 1: {
            const std::size_t lost = choices_.index(n.journal.size() + 1, {"how much a node has lost", n.index});
            lose_writes(n, lost);
            kept = "all but its last " + std::to_string(lost) + " writes";
            break;
        }
        default: break;
        }
        n.server.restart(n.run_id());
        n.past.add_fault(kept);
        forget_journal(n);
        announce([&] { return 'n' + std::to_string(n.index + 1) + " is back and has kept " + kept; });
        update_reaches();
    });
}

void world::write_journal(node& n, const std::shared_ptr<const message_to_node>& m)
{
    n.journal.push_back({m, clock_of(n)});
    if (n.journal.size() <= longest_journal)
        return;
    for (; n.journal.size() > longest_journal / 2; n.journal.pop_front()) {
        std::vector<test::published_message> said_before;
        n.before_journal.run(n.journal.front().what->sent.bytes, n.journal.front().clock, said_before);
    }
}

void world::lose_writes(node& n, std::size_t count)
{
    test::simulated_node kept = n.before_journal;
    for (std::size_t i = 0; i + count < n.journal.size(); ++i) {
        std::vector<test::published_message> said_before;
        kept.run(n.journal[i].what->sent.bytes, n.journal[i].clock, said_before);
    }
    n.server.state.data = kept.state.data;
}

void world::forget_journal(node& n)
{
    n.journal.clear();
    if (keeps_journals())
        n.before_journal = n.server;
}

void world::flush(node& n)
{
    if (!n.up)
        return;
    announce([&] { return 'n' + std::to_string(n.index + 1) + " is flushed"; });
    n.server.state.data.clear();
    forget_journal(n);
    for (const auto& p : processes_)
        p->to(n.index).good = false;
    update_reaches();
    disturb(store_.max_ttl + 2s);
}

void world::forget_scripts(node& n)
{
    if (!n.up)
        return;
    announce([&] { return 'n' + std::to_string(n.index + 1) + " forgets the scripts"; });
    std::vector<test::published_message> none;
    boost::redis::request request;
    request.push("SCRIPT", "FLUSH");
    n.server.run(request.payload(), clock_of(n), none);
    disturb(duration::zero());
}

/// The lock of a resource goes. What it remembers of others, and that it has been evicting, stays.
void world::evict(node& n)
{
    if (!n.up)
        return;
    std::vector<std::string> keys;
    for (const auto& each : n.server.state.data.all())
        if (each.first.ends_with('}'))
            keys.push_back(each.first);
    if (keys.empty())
        return;
    std::ranges::sort(keys);
    const std::string& key = keys[choices_.index(keys.size(), {"which key is evicted", n.index})];
    announce([&] { return 'n' + std::to_string(n.index + 1) + " evicts " + key; });
    n.server.state.data.erase(key);
    ++n.server.state.evicted_keys;
    for (const auto& p : processes_)
        p->to(n.index).good = false;
    update_reaches();
    disturb(store_.max_ttl + 4s);
}

/// As an operator does who knows that a node is new.
void world::provision(node& n)
{
    test::simulated_link link(texts_, store_.prefix);
    link.connect(n.server);
    call c;
    c.command = command::provision;
    std::vector<test::published_message> none;
    n.server.run(link.send({c}).bytes, clock_of(n), none);
    announce([&] { return 'n' + std::to_string(n.index + 1) + " is provisioned"; });
}

void world::change_server(node& n)
{
    std::swap(n.server, n.other);
    n.moved = !n.moved;
    forget_journal(n);
}

void world::move(node& n)
{
    announce([&] { return "the address of n" + std::to_string(n.index + 1) + " leads to another server"; });
    change_server(n);
    for (const auto& p : processes_)
        if (p->is_alive())
            disconnect(*p, n, false);
    disturb(store_.max_ttl + 2s);
}

/// Back, which lets nothing end too early; within what clocks may be apart.
void world::set_clock(node& n)
{
    const duration back =
        choices_.less_than(n.clock_offset + options_.node_skew, {"how far a clock is set back", n.index});
    announce([&] { return "the clock of n" + std::to_string(n.index + 1) + " is set back by " + court::text(back); });
    n.clock_offset -= back;
    disturb(2 * back + store_.max_ttl);
}

void world::crash(process& p)
{
    if (!p.is_alive())
        return;
    announce([&] { return 'p' + std::to_string(p.index() + 1) + " crashes"; });
    for (const auto& n : nodes_)
        disconnect(p, *n, true);
    p.crash();
    const time_point free_again = virtual_clock::now() + std::max(store_.lease, options_.behaviour.longest_ttl) + 1s;
    court_.crashed(p.index(), free_again);
    court_.disturbed(free_again);
    if (options_.incidents.empty())
        add_process();
}

} // namespace simulation
