// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/process.hpp"

#include "log_record.hpp"
#include "manager/sharded_backend.hpp"
#include "mutex.hpp"
#include "simulation/user.hpp"

#include <priority_redlock/detail/access.hpp>

#include <algorithm>
#include <utility>

namespace simulation {

namespace detail = priority_redlock::detail;

namespace {

// What a process is told by nobody else.
constexpr std::uint64_t own_time = 1;
constexpr std::uint64_t own_timer = 2;
constexpr std::uint64_t its_end = 3;

std::vector<std::string> names_of_nodes(std::size_t count)
{
    std::vector<std::string> result;
    for (std::size_t i = 0; i < count; ++i)
        result.push_back('n' + std::to_string(i + 1));
    return result;
}

/// As `testing::make_manager` makes one, for another clock.
priority_redlock::lock_manager make_manager(asio::io_context& context,
                                            std::shared_ptr<priority_redlock::protocol> store)
{
    const priority_redlock::manager_options options;
    const asio::any_io_executor ex = context.get_executor();
    return detail::access::make<priority_redlock::lock_manager>(
        ex, std::make_unique<detail::sharded_backend<detail::mutex, virtual_clock>>(ex, options, std::move(store)),
        detail::resolve(options.defaults));
}

} // namespace

process::process(world& w, std::uint32_t index)
    : world_(w), index_(index), place_(w.diagram() ? w.diagram()->add_process('p' + std::to_string(index + 1)) : 0)
{
    for (std::size_t i = 0; i < w.options().nodes; ++i)
        connections_.emplace_back(w);
    asio::use_service<timer_queue>(context_);
    machine_.system_time_offset =
        std::chrono::seconds(1'700'000'000)
        + w.choices().around_zero(w.options().process_skew, {"the clock of a process", index});
    machine_.next_identity = (std::uint64_t{index} + 1) * 0x100 + 1;
    machine::here = &machine_;
    work_.emplace(context_.get_executor());
    protocol_ = std::make_shared<simulated_protocol>(
        context_, *this, names_of_nodes(w.options().nodes), w.store(),
        w.choices().choose(std::uint64_t{1} << 31, {"the seed of the pauses of a process", index}));
    for (std::size_t m = 0; m < w.options().managers; ++m) {
        managers_.push_back(std::make_unique<priority_redlock::lock_manager>(make_manager(context_, protocol_)));
        const auto number = static_cast<std::uint32_t>(index * w.options().managers + m);
        for (std::size_t i = 0; i < w.options().users; ++i)
            users_.push_back(
                std::make_unique<user>(*this, *managers_.back(), number, static_cast<std::uint32_t>(users_.size())));
    }
    w.judges().of(index) = {};
    if (!w.options().errands.empty()) { // one that is started in the place of another has none
        for (const errand& each : w.options().errands)
            if (each.client % w.options().processes == index)
                after(each.at, [u = users_.front().get(), &each] { u->run(each); });
        return;
    }
    for (const auto& each : users_)
        after(w.choices().between(5ms, 25ms, {"when a user begins", index_}), [u = each.get()] { u->begin(); });
}

process::~process()
{
    machine::here = &machine_;
    alive_ = false; // nothing is sent any more
    users_.clear();
    managers_.clear();
}

// --- running ---------------------------------------------------------------------------------------------------------

void process::step(std::uint64_t past, std::function<void()> what)
{
    if (!alive_)
        return;
    if (is_paused() || may_pause()) {
        held_back_.push_back([this, past, what = std::move(what)] {
            past_.add(past);
            what();
        });
        return;
    }
    machine::here = &machine_;
    past_.add(past);
    what();
    run_ready();
}

void process::after(duration d, std::function<void()> what)
{
    world_.after(d, [this, what = std::move(what)]() mutable { step(own_time, std::move(what)); });
}

void process::run_ready()
{
    while (context_.poll_one() != 0) // none of a context that has run out of work
        if (may_pause())
            return;
    set_timer();
}

bool process::may_pause()
{
    if (!world_.is_faulty()
        || !world_.choices().chance(world_.options().pause_at_step, {"whether a process stops", index_}))
        return false;
    pause(
        world_.choices().less_than(world_.choices().chance(0.8, {"whether it stops for a moment", index_}) ? 50ms : 2s,
                                   {"how long a process stops", index_}));
    return is_paused();
}

void process::pause(duration d)
{
    if (!alive_ || d <= duration::zero())
        return;
    const bool was_paused = is_paused();
    past_.add_fault("stops");
    paused_until_ = std::max(paused_until_, virtual_clock::now() + d);
    note([&] { return "stops for " + court::text(d); });
    world_.judges().of(index_).paused_until = paused_until_;
    world_.judges().disturbed(paused_until_);
    if (!was_paused)
        world_.at(paused_until_, [this] { go_on(); });
}

void process::go_on()
{
    if (!alive_)
        return;
    if (is_paused()) { // for longer than was thought
        world_.at(paused_until_, [this] { go_on(); });
        return;
    }
    note([] { return std::string("goes on"); });
    machine::here = &machine_;
    run_ready();
    while (!held_back_.empty() && !is_paused()) {
        const auto what = std::move(held_back_.front());
        held_back_.pop_front();
        what();
        run_ready();
    }
}

void process::set_timer()
{
    const time_point next = asio::use_service<timer_queue>(context_).next();
    if (next == never || next >= timer_at_)
        return;
    timer_at_ = next;
    const duration late = world_.timer_delay(*this);
    world_.at(std::max(next, virtual_clock::now()) + late, [this, armed = ++timer_] {
        if (armed != timer_)
            return;
        step(own_timer, [this] {
            timer_at_ = never;
            asio::use_service<timer_queue>(context_).ring(virtual_clock::now());
        });
    });
}

/// What else is to come to it: the state of its connections, which are not its own.
std::uint64_t process::digest() const noexcept
{
    if (!alive_)
        return 0;
    std::uint64_t result = past_.hash();
    const auto add = [&](std::uint64_t n) { result = mixed(result ^ n); };
    const auto add_time = [&](time_point t) {
        add(t <= virtual_clock::now() ? 0 : static_cast<std::uint64_t>((t - virtual_clock::now()).count()));
    };
    add_time(paused_until_);
    add(held_back_.size());
    for (const connection& c : connections_) {
        add(std::uint64_t{c.wanted} | std::uint64_t{c.connecting} << 1 | std::uint64_t{c.up} << 2
            | std::uint64_t{c.half_open} << 3 | std::uint64_t{c.good} << 4 | std::uint64_t{c.failures} << 8);
        add_time(c.cut_until);
        for (const auto& each : c.to_node)
            add_time(each->due);
        add(c.to_node.size());
        for (const auto& each : c.to_process)
            add_time(each.due);
        add(c.to_process.size());
    }
    return result;
}

void process::crash()
{
    alive_ = false;
    held_back_.clear();
}

void process::leave()
{
    step(its_end, [this] {
        managers_.clear();
        work_.reset();
    });
}

bool process::has_ended()
{
    if (!alive_)
        return true;
    machine::here = &machine_;
    context_.poll();
    return context_.stopped();
}

// --- network ---------------------------------------------------------------------------------------------------------

void process::start()
{
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        connections_[i].wanted = true;
        connections_[i].failures = 0;
        world_.connect(
            *this, i,
            world_.choices().less_than(2ms, {"how long it takes to connect", index_, static_cast<std::uint32_t>(i)}));
    }
}

void process::stop()
{
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        connections_[i].wanted = false;
        world_.close(*this, i);
    }
}

void process::send(std::size_t node, std::vector<call> calls)
{
    if (alive_)
        world_.send(*this, node, std::move(calls));
}

void process::log(const detail::log_record& line)
{
    note([&] { return "log: " + line.text; });
}

} // namespace simulation
