// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "recorder.hpp"

#include <priority_redlock/errc.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <deque>
#include <utility>

namespace contention {
namespace {

using priority_redlock::errc;

constexpr std::size_t steps = 100;          // of a run, for what is shown over time
constexpr std::size_t most_hot_holds = 150; // of each thread, for the timeline

thread_local std::size_t current_slot = 0;

[[nodiscard]] double microseconds(duration d)
{
    return std::chrono::duration<double, std::micro>(d).count();
}

[[nodiscard]] const char* name_of(ending how) noexcept
{
    switch (how) {
    case ending::released: return "released";
    case ending::preempted:
    case ending::overrun: return "preempted";
    case ending::expired: return "expired";
    case ending::lost: break;
    }
    return "lost";
}

} // namespace

struct recorder::group_part
{
    counter granted;
    counter preempted;
    counter overrun;
    counter expired;
    counter lost;
    counter timed_out;
    counter failed;
    histogram wait;
    histogram hold;
    std::array<counter, steps> completed_over_time;
    std::array<counter, steps> preempted_over_time;
};

struct recorder::part
{
    explicit part(std::size_t n) : groups(n) {}

    std::vector<group_part> groups;
    duration held{};
    duration hot_held{};
    std::uint64_t overlaps = 0;
    std::deque<hot_hold> timeline;

    /// Keeps the last holds until the middle of the run, and from there on the first ones: a run that is interrupted
    /// before has a timeline too.
    void show(hot_hold&& h, double from_us)
    {
        if (timeline.size() == most_hot_holds) {
            if (timeline.front().from_us >= from_us)
                return;
            timeline.pop_front();
        }
        timeline.push_back(std::move(h));
    }
};

recorder::recorder(const scenario& s)
    : scenario_(s), occupied_until_(std::make_unique<std::atomic<clock::rep>[]>(s.resources))
{
    for (unsigned i = 0; i < s.threads; ++i)
        parts_.push_back(std::make_unique<part>(s.groups.size()));
}

recorder::~recorder() = default;

void recorder::use_slot(std::size_t slot) noexcept
{
    current_slot = slot;
}

recorder::part& recorder::here() const noexcept
{
    return *parts_[current_slot];
}

void recorder::start(clock::time_point now) noexcept
{
    start_ = now;
    timeline_from_ =
        now + (scenario_.faults.empty() ? scenario_.length / 2 : scenario_.faults.front().at - scenario_.length / 50);
}

void recorder::stop(clock::time_point now) noexcept
{
    stop_ = now;
    active_ = false;
}

progress recorder::look() const
{
    progress p;
    histogram::merger waits;
    for (const auto& each : parts_) {
        for (const group_part& g : each->groups) {
            p.granted += g.granted.value();
            p.preempted += g.preempted.value();
            waits.add(g.wait);
        }
    }
    p.p99_wait_us = waits.result().p99_us;
    return p;
}

run_result recorder::result(const std::vector<std::unique_ptr<client>>& clients) const
{
    run_result r;
    const double elapsed = microseconds(stop_ - start_);
    r.seconds = elapsed / 1e6;
    r.step_seconds = std::chrono::duration<double>(scenario_.length).count() / steps;
    const auto steps_done =
        std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(r.seconds / r.step_seconds)), 1, steps);

    for (std::size_t i = 0; i < scenario_.groups.size(); ++i) {
        const group& g = scenario_.groups[i];
        group_result& sum = r.groups.emplace_back();
        sum.name = g.name;
        sum.priority = g.priority;
        sum.clients = g.clients;
        sum.completed_over_time.resize(steps_done);
        sum.preempted_over_time.resize(steps_done);
        histogram::merger wait;
        histogram::merger hold;
        for (const auto& each : parts_) {
            const group_part& p = each->groups[i];
            sum.granted += p.granted.value();
            sum.preempted += p.preempted.value();
            sum.overrun += p.overrun.value();
            sum.expired += p.expired.value();
            sum.lost += p.lost.value();
            sum.timed_out += p.timed_out.value();
            sum.failed += p.failed.value();
            wait.add(p.wait);
            hold.add(p.hold);
            for (std::size_t k = 0; k < steps_done; ++k) {
                sum.completed_over_time[k] += p.completed_over_time[k].value();
                sum.preempted_over_time[k] += p.preempted_over_time[k].value();
            }
        }
        sum.wait = wait.result();
        sum.hold = hold.result();
        sum.least_served = ~std::uint64_t(0);
    }

    duration held{};
    duration hot_held{};
    r.hot_to_us = elapsed;
    for (const auto& each : parts_) {
        held += each->held;
        hot_held += each->hot_held;
        r.overlaps += each->overlaps;
        r.hot_holds.insert(r.hot_holds.end(), each->timeline.begin(), each->timeline.end());
        if (each->timeline.size() == most_hot_holds) {
            r.hot_from_us = std::max(r.hot_from_us, each->timeline.front().from_us);
            r.hot_to_us = std::min(r.hot_to_us, each->timeline.back().to_us);
        }
    }
    for (const auto& c : clients) {
        group_result& g = r.groups[c->group_index_];
        g.most_served = std::max(g.most_served, c->grants_);
        g.least_served = std::min(g.least_served, c->grants_);
        if (c->waits_since_ < stop_) {
            ++g.still_waiting;
            g.longest_waiting_us = std::max(g.longest_waiting_us, microseconds(stop_ - c->waits_since_));
        }
        if (c->holds_since_ < stop_) {
            held += (stop_ - c->holds_since_) * c->request_->resources.size();
            if (c->request_->resources.front() == 0)
                hot_held += stop_ - c->holds_since_;
        }
        if (c->group_.open_loop())
            c->add_backlog(g, stop_);
    }
    std::erase_if(r.hot_holds,
                  [&r](const hot_hold& h) { return h.to_us <= r.hot_from_us || h.from_us >= r.hot_to_us; });
    std::ranges::sort(r.hot_holds, {}, &hot_hold::from_us);
    r.hot_utilisation = microseconds(hot_held) / elapsed;
    r.utilisation = microseconds(held) / elapsed / static_cast<double>(scenario_.resources);
    return r;
}

client::client(recorder& r, const scenario& s, std::size_t group, std::size_t number,
               std::shared_ptr<const chooser> choose)
    : recorder_(r), scenario_(s), group_(s.groups[group]), group_index_(group), number_(number),
      locker_("client " + std::to_string(number)), requests_(s, group_, number, std::move(choose))
{
}

const request& client::next()
{
    request_ = &requests_.next();
    if (group_.open_loop())
        due_ = (due_ == clock::time_point() ? clock::now() : due_) + request_->gap;
    else if (request_->gap > duration::zero())
        due_ = clock::now() + request_->gap;
    return *request_;
}

void client::asks() noexcept
{
    waits_since_ = group_.open_loop() ? due_ : clock::now();
}

void client::refused(const boost::system::error_code& error) noexcept
{
    if (!recorder_.active())
        return;
    waits_since_ = clock::time_point::max();
    auto& sums = recorder_.here().groups[group_index_];
    (error == errc::acquire_timeout ? sums.timed_out : sums.failed).add();
}

void client::granted(clock::time_point until)
{
    if (!recorder_.active())
        return;
    const auto now = clock::now();
    auto& part = recorder_.here();
    auto& sums = part.groups[group_index_];
    until_ = until.time_since_epoch().count();
    for (const std::size_t resource : request_->resources)
        if (recorder_.occupied_until_[resource].exchange(until_) > now.time_since_epoch().count())
            ++part.overlaps;
    sums.wait.add(now - waits_since_);
    sums.granted.add();
    ++grants_;
    waits_since_ = clock::time_point::max();
    holds_since_ = now;
}

void client::vacate() noexcept
{
    // Who has expired may be late: the resource may be another's.
    for (const std::size_t resource : request_->resources) {
        clock::rep mine = until_;
        recorder_.occupied_until_[resource].compare_exchange_strong(mine, 0);
    }
}

void client::told() noexcept
{
    vacate();
}

void client::let_go(ending how)
{
    if (!recorder_.active())
        return;
    const auto now = clock::now();
    auto& part = recorder_.here();
    auto& sums = part.groups[group_index_];
    if (how == ending::released)
        vacate();
    const auto elapsed = (now - recorder_.start_) * steps / scenario_.length;
    const auto step = std::clamp<std::size_t>(static_cast<std::size_t>(elapsed), 0, steps - 1);
    switch (how) {
    case ending::released: sums.completed_over_time[step].add(); break;
    case ending::overrun: sums.overrun.add(); [[fallthrough]];
    case ending::preempted:
        sums.preempted.add();
        sums.preempted_over_time[step].add();
        break;
    case ending::expired: sums.expired.add(); break;
    case ending::lost: sums.lost.add(); break;
    }
    sums.hold.add(now - holds_since_);
    part.held += (now - holds_since_) * request_->resources.size();
    if (request_->resources.front() == 0) {
        part.hot_held += now - holds_since_;
        part.show({number_, microseconds(holds_since_ - recorder_.start_), microseconds(now - recorder_.start_),
                   name_of(how)},
                  microseconds(recorder_.timeline_from_ - recorder_.start_));
    }
    holds_since_ = clock::time_point::max();
}

void client::add_backlog(group_result& sum, clock::time_point end)
{
    // The request that was drawn last is known to be waiting or served, if it was due.
    while (due_ < end) {
        due_ += requests_.next().gap;
        if (due_ >= end)
            break;
        ++sum.still_waiting;
        sum.longest_waiting_us = std::max(sum.longest_waiting_us, microseconds(end - due_));
    }
}

} // namespace contention
