// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Searches small worlds systematically, and shows how one can go wrong.

#include "common/program_options.hpp"
#include "simulation/explorer.hpp"

#include <boost/log/core.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <exception>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace simulation;
using test::integer;
using test::wrong_options;

constexpr std::string_view usage_text = R"(usage: explore [OPTION...]

Plays every run of small worlds of locks over Redis, in which at most so many messages and timers are late, and at most so
many faults happen: whatever is lost, late or repeated, whoever stops, crashes or restarts. Judges see to it that every
promise is kept. Smaller bounds are searched first.

  --scenario NAME   this one alone; --list names them (default: all)
  --clients C       so many processes, 1 to 4, who share what is to be done (default: 2)
  --nodes N         so many nodes, 1 to 7 (default: what the scenario is for, mostly 3)
  --delays D        at most so many of a run, 0 to 4 (default: 1)
  --faults F        at most so many of a run, 0 to 4 (default: 1)
  --minutes M       end after M minutes of all (default: when all is searched)
  --grain US        tell times apart by so many microseconds where states are compared; 0: exactly (default: 4000)
  --no-cuts         play each run to its end, also where a state is met again
  --replay SCHEDULE play this run of a scenario, and show it
  --case NAME       play this edge case of doc/proof.md, and show it; --list names them
  --trace N         show the last N events of a run that went wrong or is replayed (default: 60)
  --svg FILE        write these as a picture, too
  --list            list the scenarios and the edge cases
  --help            print this

The status is 0 if all was searched and went well, 1 if a judge has found something, 2 if the options are wrong, 3 if the
time was over before the smallest bound that was asked for was complete.
)";

struct chosen_options
{
    const world_options* scenario = nullptr;
    const edge_case* shown = nullptr;
    std::optional<std::size_t> clients;
    std::optional<std::size_t> nodes;
    unsigned delays = 1;
    unsigned faults = 1;
    std::optional<std::uint64_t> minutes;
    duration grain = std::chrono::milliseconds(4);
    bool cuts = true;
    std::optional<schedule> replay;
    std::size_t trace = 60;
    std::string svg;
};

/// None: it was told what it wanted to know.
std::optional<chosen_options> read(std::span<char* const> arguments)
{
    chosen_options result;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view option = arguments[i];
        const auto value = [&]() -> std::string_view {
            if (++i == arguments.size())
                throw wrong_options(std::string(option) + " needs a value");
            return arguments[i];
        };
        if (option == "--help" || option == "-h") {
            std::cout << usage_text;
            return {};
        }
        if (option == "--list") {
            const auto list = [](const world_options& each) {
                std::cout << std::left << std::setw(24) << each.name << each.says << '\n';
            };
            std::cout << "scenarios:\n";
            std::ranges::for_each(scenarios(), list);
            std::cout << "edge cases:\n";
            std::ranges::for_each(edge_cases(), list, &edge_case::world);
            return {};
        }
        if (option == "--scenario") {
            const std::string_view name = value();
            result.scenario = find_scenario(name);
            if (!result.scenario) {
                std::string known;
                for (const world_options& each : scenarios())
                    known.append(known.empty() ? "" : ", ").append(each.name);
                throw wrong_options("there is no scenario \"" + std::string(name) + "\"; there are " + known);
            }
        } else if (option == "--case") {
            const std::string_view name = value();
            result.shown = find_edge_case(name);
            if (!result.shown) {
                std::string known;
                for (const edge_case& each : edge_cases())
                    known.append(known.empty() ? "" : ", ").append(each.world.name);
                throw wrong_options("there is no edge case \"" + std::string(name) + "\"; there are " + known);
            }
        } else if (option == "--clients") {
            result.clients = integer(option, value(), 1, 4);
        } else if (option == "--nodes") {
            result.nodes = integer(option, value(), 1, 7);
        } else if (option == "--delays") {
            result.delays = static_cast<unsigned>(integer(option, value(), 0, 4));
        } else if (option == "--faults") {
            result.faults = static_cast<unsigned>(integer(option, value(), 0, 4));
        } else if (option == "--minutes") {
            result.minutes = integer(option, value(), 1, 100'000);
        } else if (option == "--grain") {
            result.grain = std::chrono::microseconds(integer(option, value(), 0, 1'000'000));
        } else if (option == "--no-cuts") {
            result.cuts = false;
        } else if (option == "--replay") {
            try {
                result.replay = to_schedule(value());
            } catch (const std::invalid_argument& error) {
                throw wrong_options(error.what());
            }
        } else if (option == "--trace") {
            result.trace = integer(option, value(), 0, 10'000'000);
        } else if (option == "--svg") {
            result.svg = value();
        } else {
            throw wrong_options("there is no option \"" + std::string(option) + '"');
        }
    }
    if (result.replay && !result.scenario)
        throw wrong_options("--replay needs --scenario");
    if (result.scenario && result.shown)
        throw wrong_options("--scenario and --case exclude each other");
    return result;
}

world_options adapted(const world_options& scenario, const chosen_options& o)
{
    world_options result = scenario;
    result.processes = o.clients.value_or(result.processes);
    result.nodes = o.nodes.value_or(result.nodes);
    return result;
}

void write(const trace& t, const world_options& of, const chosen_options& o)
{
    t.write_text(std::cout);
    if (!o.svg.empty()) {
        std::ofstream file(o.svg);
        t.write_svg(file, std::string(of.name) + ": " + std::string(of.says));
        if (!file.flush())
            throw std::runtime_error("cannot write " + o.svg);
    }
}

outcome show(const world_options& scenario, const schedule& s, const chosen_options& o)
{
    trace t(o.trace);
    const outcome result = play(scenario, s, &t);
    write(t, scenario, o);
    return result;
}

outcome show(const edge_case& c, const chosen_options& o)
{
    trace t(o.trace);
    const outcome result = play(c, t);
    write(t, c.world, o);
    return result;
}

std::string to_text(search_bound b)
{
    const auto count = [](unsigned n, std::string what) {
        return std::to_string(n) + ' ' + std::move(what) + (n == 1 ? "" : "s");
    };
    return count(b.delays, "delay") + " and " + count(b.faults, "fault");
}

/// All that are within one, the smallest first.
std::vector<search_bound> bounds_up_to(search_bound last)
{
    std::vector<search_bound> result;
    for (unsigned sum = 0; sum <= last.delays + last.faults; ++sum)
        for (unsigned delays = 0; delays <= std::min(sum, last.delays); ++delays)
            if (sum - delays <= last.faults)
                result.push_back({delays, sum - delays});
    return result;
}

enum class conclusion : std::uint8_t
{
    good,
    wrong,
    too_late
};

conclusion explore(const world_options& scenario, const chosen_options& o, const std::function<bool()>& goes_on)
{
    for (const search_bound bound : bounds_up_to({o.delays, o.faults})) {
        const std::clock_t begin = std::clock();
        const search_result r =
            search(scenario, {.bound = bound, .grain = o.grain, .cuts = o.cuts, .goes_on = goes_on});
        std::cout << scenario.name << ", " << scenario.processes << " clients, " << scenario.nodes << " nodes, "
                  << to_text(bound) << ": " << (r.complete ? "complete" : "NOT COMPLETE") << "; " << r.states
                  << " states, " << r.transitions << " transitions, depth " << r.depth << ", " << r.decisions
                  << " decisions, " << r.runs << " runs, " << r.cut << " of them cut, " << std::fixed
                  << std::setprecision(1) << static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC
                  << " s of processor" << std::endl;
        if (!r.findings.empty()) {
            const finding& f = r.findings.front();
            std::cout << "  FAILED: judge of " << f.judge << ": " << f.verdict
                      << "\n  replay: tools/run explore --scenario " << scenario.name << " --clients "
                      << scenario.processes << " --nodes " << scenario.nodes << " --replay "
                      << simulation::to_text(f.how) << "\n\n";
            (void)show(scenario, f.how, o);
            return conclusion::wrong;
        }
        if (!r.complete)
            return conclusion::too_late;
    }
    return conclusion::good;
}

int run(const chosen_options& o)
{
    if (o.shown)
        return show(*o.shown, o).judge.empty() ? 0 : 1;
    if (o.replay) {
        try {
            return show(adapted(*o.scenario, o), *o.replay, o).judge.empty() ? 0 : 1;
        } catch (const std::invalid_argument& error) {
            throw wrong_options(error.what());
        }
    }
    const auto end = o.minutes ? std::chrono::steady_clock::now() + std::chrono::minutes(*o.minutes)
                               : std::chrono::steady_clock::time_point::max();
    std::size_t wrong = 0;
    std::size_t late = 0;
    for (const world_options& each : o.scenario ? std::span(o.scenario, 1) : scenarios()) {
        const conclusion c = explore(adapted(each, o), o, [&] { return std::chrono::steady_clock::now() < end; });
        wrong += c == conclusion::wrong;
        late += c == conclusion::too_late;
    }
    return wrong != 0 ? 1 : late != 0 ? 3 : 0;
}

} // namespace

int main(int argc, char* argv[])
try {
    boost::log::core::get()->set_logging_enabled(false); // what the judges say is enough
    const auto chosen = read({argv, static_cast<std::size_t>(argc)});
    return chosen ? run(*chosen) : 0;
} catch (const wrong_options& error) {
    std::cerr << "explore: " << error.what() << "; --help lists the options\n";
    return 2;
} catch (const std::exception& error) {
    std::cerr << "explore: " << error.what() << '\n';
    return 1;
}
