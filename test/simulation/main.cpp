// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Plays worlds, and shows how one went wrong.

#include "common/program_options.hpp"
#include "simulation/play.hpp"
#include "simulation/world_options.hpp"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <exception>
#include <fstream>
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

constexpr std::string_view usage_text = R"(usage: simulate [OPTION...]

Plays worlds of locks over Redis: processes, managers and nodes in one thread, with a time of their own. Judges see to
it that every promise is kept. A world is the same for the same seed.

  --world NAME    this world alone; --list names them (default: all)
  --seed S        begin with this seed (default: 0); without --seeds and --minutes this one alone
  --seeds N       so many seeds of each world (default: 10)
  --minutes M     go on with further seeds until M minutes have passed
  --trace N       show the last N events of the first seed that went wrong, or of the only one (default: 60)
  --svg FILE      write these as a picture, too
  --change-scripts OLD NEW
                  put NEW in the place of OLD in the scripts of the nodes, to see what the judges say; may be repeated
  --list          list the worlds
  --judges        list the judges
  --help          print this

The status is 0 if all went well, 1 if a judge has found something, 2 if the options are wrong.
)";

struct chosen_options
{
    const world_options* world = nullptr;
    std::uint64_t seed = 0;
    std::optional<std::uint64_t> seeds;
    std::optional<std::uint64_t> minutes;
    std::optional<std::uint64_t> trace;
    std::string svg;
    bool has_seed = false;
};

void list_worlds(std::ostream& out)
{
    for (const world_options& each : worlds()) {
        out << std::left << std::setw(24) << each.name << each.says;
        if (!each.must_find.empty())
            out << " (the judge of " << each.must_find << " has to find it)";
        out << '\n';
    }
}

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
            list_worlds(std::cout);
            return {};
        }
        if (option == "--judges") {
            for (const std::string& each : court::names())
                std::cout << each << '\n';
            return {};
        }
        if (option == "--world") {
            const std::string_view name = value();
            result.world = find_world(name);
            if (!result.world) {
                std::string all;
                for (const world_options& each : worlds())
                    all.append(all.empty() ? "" : ", ").append(each.name);
                throw wrong_options("there is no world \"" + std::string(name) + "\"; there are " + all);
            }
        } else if (option == "--seed") {
            result.seed = integer(option, value(), 0, ~std::uint64_t{0});
            result.has_seed = true;
        } else if (option == "--seeds") {
            result.seeds = integer(option, value(), 1, 1'000'000'000);
        } else if (option == "--minutes") {
            result.minutes = integer(option, value(), 1, 100'000);
        } else if (option == "--trace") {
            result.trace = integer(option, value(), 0, 10'000'000);
        } else if (option == "--svg") {
            result.svg = value();
        } else if (option == "--change-scripts") {
            const std::string_view old_text = value();
            if (old_text.empty())
                throw wrong_options("--change-scripts needs a text that is there");
            script_changes.emplace_back(old_text, value());
        } else {
            throw wrong_options("there is no option \"" + std::string(option) + '"');
        }
    }
    return result;
}

double seconds_of_processor()
{
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void show(const world_options& w, std::uint64_t seed, const chosen_options& o)
{
    trace t(o.trace.value_or(60));
    (void)play(w, seed, &t);
    if (o.trace != 0) {
        std::cout << '\n';
        t.write_text(std::cout);
    }
    if (!o.svg.empty()) {
        std::ofstream file(o.svg);
        t.write_svg(file);
        if (!file.flush())
            throw std::runtime_error("cannot write " + o.svg);
    }
}

/// Plays one world, or goes on with it. False: it went wrong.
bool play_seeds(const world_options& w, std::uint64_t first, std::uint64_t count, const chosen_options& o)
{
    tally all;
    std::optional<std::uint64_t> wrong;
    const double begin = seconds_of_processor();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const outcome each = play(w, seed);
        if (!each.judge.empty() && !wrong)
            wrong = seed;
        all.add(seed, each);
    }
    const double took = seconds_of_processor() - begin;
    const bool good = is_as_it_should_be(w, all);
    std::cout << w.name << ": " << all.seeds << " seeds, " << all.sum.grants << " acquisitions, " << all.sum.failures
              << " failures, " << all.sum.notices << " preempted, " << all.sum.extensions << " extended, " << std::fixed
              << std::setprecision(1)
              << (all.sum.grants == 0 ? 0 : static_cast<double>(all.sum.calls) / static_cast<double>(all.sum.grants))
              << " calls each, " << std::chrono::duration<double>(all.sum.lasted).count() << " s played, "
              << static_cast<double>(all.sum.grants) / took << " acquisitions/s of processor" << std::endl;
    if (all.found != 0)
        std::cout << (good ? "  found as it has to be, in " : "  FAILED: ") << all.found << " of " << all.seeds
                  << " seeds; " << all.first << "\n  replay: tools/run simulate --world " << w.name << " --seed "
                  << *wrong << std::endl;
    else if (!good)
        std::cout << "  FAILED: the judge of " << w.must_find << " has found nothing" << std::endl;
    if (wrong ? !good || o.has_seed : all.seeds == 1 && (o.trace || !o.svg.empty()))
        show(w, wrong.value_or(first), o);
    return good;
}

int run(const chosen_options& o)
{
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(o.minutes.value_or(0));
    const std::uint64_t count = o.seeds.value_or(o.has_seed && !o.minutes ? 1 : 10);
    const std::span<const world_options> played = o.world ? std::span(o.world, 1) : worlds();
    std::uint64_t first = o.seed;
    std::size_t failed = 0;
    do {
        for (const world_options& each : played)
            failed += !play_seeds(each, first, count, o);
        first += count;
    } while (failed == 0 && std::chrono::steady_clock::now() < end);
    return failed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char* argv[])
try {
    const auto chosen = read({argv, static_cast<std::size_t>(argc)});
    return chosen ? run(*chosen) : 0;
} catch (const wrong_options& error) {
    std::cerr << "simulate: " << error.what() << "; --help lists the options\n";
    return 2;
} catch (const std::exception& error) {
    std::cerr << "simulate: " << error.what() << '\n';
    return 1;
}
