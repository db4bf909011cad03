// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/explorer.hpp"

#include "table/name_hash.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace simulation {

namespace {

constexpr time_point start_of_runs{std::chrono::hours(1)};

enum class cost : std::uint8_t
{
    none, // a part of a fault that has its price
    delay,
    fault
};

/// A decision that the search varies.
struct varied
{
    std::string_view what;
    cost price;
};

constexpr std::array varied_decisions{
    varied{"how late a message is", cost::delay},
    varied{"whether a timer is late", cost::delay},
    varied{"whether pushes are first", cost::delay},
    varied{"what goes wrong with a message", cost::fault},
    varied{"what goes wrong with a process", cost::fault},
    varied{"whether a push is lost", cost::fault},
    varied{"how much arrives late", cost::none},
    varied{"whether it arrives soon", cost::none},
    varied{"what a node has kept", cost::none},
};

/// What is decided in the usual run.
std::uint64_t usual(std::uint64_t alternatives, const decision& d)
{
    const std::string_view what = d.what;
    if (what == "the drift of a node")
        return alternatives / 2; // none
    if (what == "how much arrives late" || what == "when it arrives late" || what == "what a node has kept")
        return alternatives - 1;
    if (what == "how much a node has lost")
        return std::min<std::uint64_t>(1, alternatives - 1);
    return 0;
}

/// What remains of a bound.
bool pay(search_bound& left, cost price)
{
    unsigned* const from = price == cost::delay ? &left.delays : price == cost::fault ? &left.faults : nullptr;
    if (!from)
        return true;
    if (*from == 0)
        return false;
    --*from;
    return true;
}

/// The states that were met, each with what was left of the bound.
class state_set
{
public:
    /// Whether it is met for the first time with so much left, but for the same run, in which an event can change
    /// nothing. Then what can follow is played now.
    bool add(std::uint64_t state, search_bound left, std::size_t run)
    {
        auto& [seen, last_run] = seen_[state];
        if (last_run == run)
            return true;
        const auto faults_at = [](unsigned delays) { return 8 * delays; };
        for (unsigned d = left.delays; d < most; ++d)
            if ((seen >> faults_at(d) & 0xff) > left.faults)
                return false;
        last_run = run;
        seen &= ~(std::uint64_t{0xff} << faults_at(left.delays));
        seen |= std::uint64_t{left.faults + 1} << faults_at(left.delays);
        return true;
    }

    [[nodiscard]] std::size_t size() const noexcept { return seen_.size(); }

    /// Of delays and of faults.
    static constexpr unsigned most = 8;

private:
    struct visit
    {
        std::uint64_t left = 0; // by delays left: the most faults left, and one
        std::size_t run = 0;    // that met it last with more left than any before
    };

    std::unordered_map<std::uint64_t, visit> seen_;
};

/// Decides as usual, but for what a schedule says.
class scheduled_chooser final : public chooser
{
public:
    struct offer
    {
        std::uint32_t ways;
        std::uint32_t usual;
        cost price;
    };

    scheduled_chooser(const schedule& s, search_bound b) : schedule_(s), left_(b) {}

    std::uint64_t choose(std::uint64_t alternatives, const decision& d) override
    {
        const std::uint64_t as_usual = usual(alternatives, d);
        const auto* const known = std::ranges::find(varied_decisions, d.what, &varied::what);
        if (alternatives < 2 || known == varied_decisions.end())
            return as_usual;
        const auto number = static_cast<std::uint32_t>(offers_.size());
        offers_.push_back(
            {static_cast<std::uint32_t>(alternatives), static_cast<std::uint32_t>(as_usual), known->price});
        if (done_ == schedule_.size() || schedule_[done_].decision != number)
            return as_usual;
        const std::uint32_t way = schedule_[done_++].way;
        if (way >= alternatives)
            throw std::invalid_argument("decision " + std::to_string(number) + " has no way " + std::to_string(way)
                                        + ", but 0 to " + std::to_string(alternatives - 1));
        (void)pay(left_, known->price);
        return way;
    }

    bool happens(double probability, const decision& d) override
    {
        // What is not varied happens if it is likely.
        if (std::ranges::find(varied_decisions, d.what, &varied::what) == varied_decisions.end())
            return probability >= 0.5;
        const bool as_usual = d.what == std::string_view("whether it arrives soon");
        return (choose(2, d) == 0) == as_usual;
    }

    bool goes_on() override
    {
        if (!here_ || !is_new())
            return true;
        ++events_;
        if (!states_ || !here_->is_faulty())
            return true;
        met_again_ = !states_->add(here_->digest(), left_, run_);
        return !met_again_;
    }

    /// Where states are looked for. Null: nowhere.
    void look_at(const world& w, state_set* states, std::size_t run)
    {
        here_ = &w;
        states_ = states;
        run_ = run;
    }

    /// All that the schedule says has happened: from here on it is a run of its own.
    [[nodiscard]] bool is_new() const noexcept { return done_ == schedule_.size(); }
    [[nodiscard]] bool has_met_again() const noexcept { return met_again_; }
    [[nodiscard]] const std::vector<offer>& offers() const noexcept { return offers_; }
    [[nodiscard]] std::size_t new_events() const noexcept { return events_; }
    [[nodiscard]] search_bound left() const noexcept { return left_; }

private:
    const schedule& schedule_;
    search_bound left_;
    std::size_t done_ = 0;
    std::vector<offer> offers_;
    const world* here_ = nullptr;
    state_set* states_ = nullptr;
    std::size_t run_ = 0;
    std::size_t events_ = 0;
    bool met_again_ = false;
};

outcome play(const world_options& scenario, scheduled_chooser& choices, state_set* states, std::size_t run, trace* t)
{
    priority_redlock::detail::set_process_hash_key({}); // hash tables have one order
    virtual_clock::present = start_of_runs;
    world here(scenario, choices, t);
    choices.look_at(here, states, run);
    return here.run();
}

} // namespace

outcome play(const world_options& scenario, const schedule& s, trace* t)
{
    scheduled_chooser choices(s, {});
    const outcome result = play(scenario, choices, nullptr, 0, t);
    if (!choices.is_new())
        throw std::invalid_argument("the run ends before what the schedule says");
    return result;
}

outcome play(const edge_case& c, trace& t)
{
    t.keep_only(start_of_runs + c.from, start_of_runs + c.until);
    return play(c.world, schedule{}, &t);
}

search_result search(const world_options& scenario, const search_options& options)
{
    if (options.bound.delays >= state_set::most || options.bound.faults >= 0xff)
        throw std::invalid_argument("a bound is too large");
    history::grain = options.grain;
    search_result result;
    state_set states;
    std::vector<schedule> todo{{}}; // the last one is next: depth first
    while (!todo.empty()) {
        const schedule s = std::move(todo.back());
        todo.pop_back();
        scheduled_chooser choices(s, options.bound);
        const outcome o = play(scenario, choices, options.cuts ? &states : nullptr, ++result.runs, nullptr);
        result.cut += choices.has_met_again();
        result.transitions += choices.new_events();
        result.decisions = std::max(result.decisions, choices.offers().size());
        result.depth = std::max(result.depth, o.events);
        if (!o.judge.empty()) {
            result.findings.push_back({s, o.judge, o.verdict});
            if (result.findings.size() == options.most_findings)
                break;
        }
        // What comes first is varied last, so that the stack holds little.
        const auto& offers = choices.offers();
        for (std::size_t i = s.empty() ? 0 : s.back().decision + std::size_t{1}; i < offers.size(); ++i) {
            search_bound left = choices.left();
            if (!pay(left, offers[i].price))
                continue;
            for (std::uint32_t way = 0; way < offers[i].ways; ++way) {
                if (way == offers[i].usual)
                    continue;
                todo.push_back(s);
                todo.back().push_back({static_cast<std::uint32_t>(i), way});
            }
        }
        if (!todo.empty() && options.goes_on && !options.goes_on())
            break;
    }
    result.states = states.size();
    result.complete = todo.empty();
    history::grain = {};
    return result;
}

std::string to_text(const schedule& s)
{
    std::string result;
    for (const deviation& each : s)
        result += (result.empty() ? "" : ",") + std::to_string(each.decision) + ':' + std::to_string(each.way);
    return s.empty() ? "usual" : result;
}

schedule to_schedule(std::string_view text)
{
    schedule result;
    if (text == "usual")
        return result;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto number = [&](std::uint32_t& n) {
        const auto [rest, ec] = std::from_chars(at, end, n);
        return ec == std::errc() && std::exchange(at, rest) != rest;
    };
    const auto read = [&] {
        deviation& d = result.emplace_back();
        return number(d.decision) && at != end && *at++ == ':' && number(d.way)
               && (result.size() == 1 || result[result.size() - 2].decision < d.decision);
    };
    do {
        if (!read())
            throw std::invalid_argument(
                "a schedule is \"usual\", or rising numbers of decisions with the ways they go, such as 3:1,17:2; not \""
                + std::string(text) + '"');
    } while (at != end && *at++ == ',');
    if (at != end)
        throw std::invalid_argument("a schedule ends before \"" + std::string(at - 1, end) + '"');
    return result;
}

} // namespace simulation
