// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Plays a scenario of contention for locks, in memory or over a store, and shows how long who waited.

#include "charts.hpp"
#include "contender.hpp"
#include "environment.hpp"
#include "node_peers.hpp"
#include "output_file.hpp"
#include "presets.hpp"
#include "process.hpp"
#include "report.hpp"
#include "run.hpp"
#include "scenario.hpp"
#include "schedule.hpp"
#include "stores.hpp"
#include "table.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/log/utility/setup/console.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace options = boost::program_options;
using namespace contention;

constexpr int interrupted_status = 130; // as a shell reports a program that SIGINT ended

[[nodiscard]] options::options_description describe_options()
{
    options::options_description all("What to play");
    options::options_description changes("Changes to it");
    options::options_description outputs("What to do with the results");
    options::options_description others("Other");
    all.add_options() //
        ("preset", options::value<std::string>()->value_name("NAME"),
         "a scenario that is built in (default: priority-mix)") //
        ("scenario", options::value<std::string>()->value_name("FILE"), "a scenario of your own, as JSON");
    changes.add_options()                                                                                         //
        ("protocol", options::value<std::string>()->value_name("NAME"), "memory, or redis with nodes of its own") //
        ("duration", options::value<double>()->value_name("SECONDS"), "how long to play it")                      //
        ("seed", options::value<std::uint32_t>()->value_name("N"), "draw other requests")                         //
        ("threads", options::value<unsigned>()->value_name("N"), "how many threads run the clients, 1 to 64")     //
        ("resources", options::value<std::size_t>()->value_name("N"), "how many resources there are");
    outputs.add_options()                                                                              //
        ("compare", "let the peers play it too, and show them side by side")                           //
        ("json", options::value<std::string>()->value_name("FILE"), "write all results, for programs") //
        ("csv", options::value<std::string>()->value_name("FILE"), "write a line for each group")      //
        ("report", options::value<std::string>()->value_name("FILE.html"), "write a page with charts (needs gnuplot)");
    others.add_options() //
        ("peers", options::value<std::string>()->value_name("DIR")->default_value("", "none"),
         "where the peers are that run in Node: benchmarks/peers")                                                //
        ("list-presets", "list the presets")                                                                      //
        ("show", "print the scenario as it is written, to begin your own with")                                   //
        ("show-complete", "print it with every default filled in")                                                //
        ("schedule", options::value<std::size_t>()->value_name("N"), "print the first N requests of each client") //
        ("help-scenario", "say how a scenario is written")                                                        //
        ("help", "print this");
    all.add(changes).add(outputs).add(others);
    return all;
}

[[nodiscard]] std::string preset_names()
{
    std::string names;
    for (const preset& each : presets())
        names.append(names.empty() ? "" : ", ").append(each.name);
    return names;
}

[[nodiscard]] std::string_view preset_text(const std::string& name)
{
    const auto found = std::ranges::find(presets(), name, &preset::name);
    if (found == presets().end())
        throw scenario_error("no preset \"" + name + "\"; there are " + preset_names());
    return found->text;
}

struct source
{
    std::string name; // for messages
    std::string text;
};

[[nodiscard]] source choose_source(const options::variables_map& chosen)
{
    if (chosen.count("preset") && chosen.count("scenario"))
        throw scenario_error("choose a preset or a scenario, not both");
    if (chosen.count("scenario")) {
        const auto& path = chosen["scenario"].as<std::string>();
        return {path, json_input::read_file(path)};
    }
    const std::string name = chosen.count("preset") ? chosen["preset"].as<std::string>() : "priority-mix";
    return {"preset " + name, std::string(preset_text(name))};
}

/// Options go through the checks of the file's keys.
[[nodiscard]] scenario with_changes(scenario s, const options::variables_map& chosen)
{
    if (chosen.count("duration")) {
        const double seconds = chosen["duration"].as<double>();
        if (!(seconds > 0.000'001 && seconds <= 3600))
            throw scenario_error("--duration must be a number of seconds, more than 0 and at most 3600");
        s.length = std::chrono::round<duration>(std::chrono::duration<double>(seconds));
    }
    if (chosen.count("protocol"))
        s.protocol = chosen["protocol"].as<std::string>();
    if (s.protocol != "memory" && s.protocol != "redis")
        throw scenario_error("--protocol must be memory or redis");
    if (chosen.count("seed"))
        s.seed = chosen["seed"].as<std::uint32_t>();
    if (chosen.count("threads"))
        s.threads = chosen["threads"].as<unsigned>();
    if (s.threads < 1 || s.threads > 64)
        throw scenario_error("--threads must be an integer from 1 to 64");
    if (chosen.count("resources"))
        s.resources = chosen["resources"].as<std::size_t>();
    if (s.resources < 1 || s.resources > 1'000'000)
        throw scenario_error("--resources must be an integer from 1 to 1000000");
    check(s);
    return s;
}

[[nodiscard]] scenario choose_scenario(const options::variables_map& chosen)
{
    const source from = choose_source(chosen);
    try {
        return with_changes(parse_scenario(from.text), chosen);
    } catch (const scenario_error& error) {
        throw scenario_error(from.name + ": " + error.what());
    }
}

void list_presets(std::ostream& out)
{
    for (const preset& each : presets())
        out << std::left << std::setw(18) << each.name << parse_scenario(each.text).title << '\n';
}

/// Keeps one line of the terminal up to date. Silent if there is no terminal.
class progress_line
{
public:
    explicit progress_line(std::string name) : name_(std::move(name)) {}
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;
    ~progress_line()
    {
        if (visible_)
            std::cerr << "\r\x1b[K" << std::flush;
    }

    void operator()(duration elapsed, const progress& p)
    {
        if (!visible_)
            return;
        const double seconds = std::chrono::duration<double>(elapsed).count();
        const double since = seconds - std::exchange(seconds_before_, seconds);
        const auto acquired = p.acquired - std::exchange(acquired_before_, p.acquired);
        std::ostringstream line;
        line << name_ << "  " << std::fixed << std::setprecision(1) << seconds << " s  "
             << format_count(static_cast<double>(acquired) / since) << " acquisitions/s  p99 wait "
             << format_time(p.p99_wait_us) << "  " << p.preempted << " preempted";
        std::cerr << "\r\x1b[K" << line.str().substr(0, width()) << std::flush;
    }

private:
    [[nodiscard]] static std::size_t width()
    {
        winsize size = {};
        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
    }

    std::string name_;
    bool visible_ = isatty(STDERR_FILENO) != 0;
    double seconds_before_ = 0;
    std::uint64_t acquired_before_ = 0;
};

[[nodiscard]] std::optional<output_file> open_output(const options::variables_map& chosen, const char* name)
{
    if (!chosen.count(name))
        return std::nullopt;
    return std::optional<output_file>(std::in_place, chosen[name].as<std::string>());
}

/// Lets everybody play who should, one after the other, until interrupted.
void play_all(const scenario& s, store* where, const options::variables_map& chosen, interruption& interrupt,
              std::vector<run_result>& results)
{
    const bool compare = chosen.count("compare") != 0;
    std::vector<contender_kind> kinds{priority_redlock_locks(where)};
    if (compare && !where)
        kinds.push_back(channel_map_locks());
    for (const contender_kind& kind : kinds) {
        if (interrupt.happened())
            return;
        progress_line line(kind.name);
        results.push_back(
            run(s, kind, where, interrupt, [&](duration elapsed, const progress& p) { line(elapsed, p); }));
    }
    if (!compare || interrupt.happened())
        return;
    const std::string peers = chosen["peers"].as<std::string>();
    if (const std::string why = why_no_node_peers(peers); !why.empty()) {
        std::cerr << "contention: the peers for Node are left out: " << why << '\n';
        return;
    }
    scenario theirs = s;
    const char* name = "async-mutex";
    if (where) {
        name = "redlock";
        theirs.nodes = where->nodes();
        where->reset();
    }
    const command_count commands(where);
    const auto faults = schedule_faults(s, where, interrupt);
    commands.fill(results.emplace_back(run_node_peer(name, peers, theirs, interrupt)));
}

int play(const options::variables_map& chosen)
{
    if (chosen.count("show")) {
        std::cout << choose_source(chosen).text;
        return 0;
    }
    const scenario s = choose_scenario(chosen);
    if (chosen.count("show-complete")) {
        std::cout << to_json(s) << '\n';
        return 0;
    }
    if (chosen.count("schedule")) {
        write_schedule(std::cout, s, chosen["schedule"].as<std::size_t>());
        return 0;
    }
    auto json = open_output(chosen, "json");
    auto csv = open_output(chosen, "csv");
    auto report = open_output(chosen, "report");
    if (report && !has_program("gnuplot"))
        throw std::runtime_error("--report needs gnuplot to draw the charts: install the package gnuplot-nox");
    const auto where = make_store(s);

    interruption interrupt;
    std::vector<run_result> results;
    if (!s.title.empty())
        std::cout << s.title << '\n';
    std::cout << describe_environment() << "\n\n" << std::flush;
    play_all(s, where.get(), chosen, interrupt, results);

    for (const run_result& each : results) {
        print_table(std::cout, each);
        std::cout << '\n';
    }
    if (results.size() > 1)
        print_comparison(std::cout, results);
    std::cout << std::flush;
    if (json) {
        boost::json::array runs;
        for (const run_result& each : results)
            runs.push_back(to_json(each));
        json->write(boost::json::serialize(boost::json::object{
                        {"scenario", to_json(s)}, {"environment", describe_environment()}, {"runs", std::move(runs)}})
                    + "\n");
    }
    if (csv) {
        std::ostringstream lines;
        print_csv(lines, results);
        csv->write(lines.str());
    }
    if (report)
        report->write(write_report(s, choose_source(chosen).text, results, draw_charts(s, results)));
    const bool broken = std::ranges::any_of(results, [](const run_result& r) { return r.overlaps != 0; });
    return broken ? 1 : interrupt.happened() ? interrupted_status : 0;
}

} // namespace

int main(int argc, char* argv[])
try {
    // Warnings of the library's; by default they would be among the results.
    boost::log::add_console_log(std::cerr);
    const auto known = describe_options();
    options::variables_map chosen;
    options::store(options::command_line_parser(argc, argv).options(known).positional({}).run(), chosen);
    options::notify(chosen);
    if (chosen.count("help")) {
        std::cout << "usage: contention [OPTION...]\n\n" << known;
        return 0;
    }
    if (chosen.count("help-scenario")) {
        std::cout << describe_format();
        return 0;
    }
    if (chosen.count("list-presets")) {
        list_presets(std::cout);
        return 0;
    }
    return play(chosen);
} catch (const options::error& error) {
    std::cerr << "contention: " << error.what() << "; --help lists the options\n";
    return 2;
} catch (const scenario_error& error) {
    std::cerr << "contention: " << error.what() << '\n';
    return 2;
} catch (const std::exception& error) {
    std::cerr << "contention: " << error.what() << '\n';
    return 1;
}
