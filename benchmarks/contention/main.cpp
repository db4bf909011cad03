// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Plays a scenario of contention for locks, in memory or over a store, and shows how long each client waited.

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
#include "terminal.hpp"

#include <priority_redlock/version.hpp>

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
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <ctime>
#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
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
    options::options_description outputs("Output");
    options::options_description others("Other");
    all.add_options() //
        ("preset", options::value<std::string>()->value_name("NAME"),
         "a scenario that is built in (default: priority-mix)") //
        ("scenario", options::value<std::string>()->value_name("FILE"), "a scenario of your own, as JSON");
    changes.add_options()                                                                                         //
        ("protocol", options::value<std::string>()->value_name("NAME"), "memory, or redis with nodes of its own") //
        ("duration", options::value<std::string>()->value_name("SECONDS"), "how long to play it, up to 3600")     //
        ("seed", options::value<std::string>()->value_name("N"), "draw other requests")                           //
        ("threads", options::value<std::string>()->value_name("N"),
         "the number of threads that run the clients, 1 to 64") //
        ("resources", options::value<std::string>()->value_name("N"), "the number of resources");
    outputs.add_options()                                                    //
        ("compare", "let the peers play it too, and show them side by side") //
        ("json", options::value<std::string>()->value_name("FILE"),
         "write all results, for programs; FILE may be -, standard output")                       //
        ("csv", options::value<std::string>()->value_name("FILE"), "write a line for each group") //
        ("report", options::value<std::string>()->value_name("FILE.html"), "write a page with charts (needs gnuplot)");
    others.add_options() //
        ("peers", options::value<std::string>()->value_name("DIR")->default_value("", "none"),
         "the directory of the peers for Node: benchmarks/peers")                                                 //
        ("list-presets", "list the presets")                                                                      //
        ("show", "print the scenario, as a start for your own")                                                   //
        ("show-complete", "print it with every default filled in")                                                //
        ("schedule", options::value<std::string>()->value_name("N"), "print the first N requests of each client") //
        ("help-scenario", "describe the format of a scenario")                                                    //
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
        throw options::error("no preset \"" + name + "\"; there are " + preset_names());
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
        throw options::error("choose a preset or a scenario, not both");
    if (chosen.count("scenario")) {
        const auto& path = chosen["scenario"].as<std::string>();
        return {path, json_input::read_file(path)};
    }
    const std::string name = chosen.count("preset") ? chosen["preset"].as<std::string>() : "priority-mix";
    return {"preset " + name, std::string(preset_text(name))};
}

/// The number that an option was given.
template <class T>
[[nodiscard]] T number_of(const options::variables_map& chosen, const std::string& name, const std::string& what,
                          T least, T most)
{
    const auto& text = chosen[name].as<std::string>();
    const char* const text_end = text.data() + text.size();
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text_end, number);
    if (error != std::errc() || end != text_end || !(number >= least && number <= most))
        throw options::error("--" + name + " must be " + what + ", not \"" + text + '"');
    return number;
}

template <std::unsigned_integral T>
[[nodiscard]] T integer_of(const options::variables_map& chosen, const std::string& name, T least, T most)
{
    return number_of(chosen, name, "an integer from " + std::to_string(least) + " to " + std::to_string(most), least,
                     most);
}

[[nodiscard]] scenario with_changes(scenario s, const options::variables_map& chosen)
{
    if (chosen.count("duration"))
        s.length = std::chrono::round<duration>(std::chrono::duration<double>(
            number_of(chosen, "duration", "a number of seconds, more than 0 and at most 3600", 0.000'001, 3600.0)));
    if (chosen.count("protocol"))
        s.protocol = chosen["protocol"].as<std::string>();
    if (s.protocol != "memory" && s.protocol != "redis")
        throw options::error("--protocol must be memory or redis");
    if (chosen.count("seed"))
        s.seed = integer_of<std::uint32_t>(chosen, "seed", 0, std::numeric_limits<std::uint32_t>::max());
    if (chosen.count("threads"))
        s.threads = integer_of(chosen, "threads", 1U, 64U);
    if (chosen.count("resources"))
        s.resources = integer_of<std::size_t>(chosen, "resources", 1, 1'000'000);
    check(s);
    return s;
}

[[nodiscard]] scenario choose_scenario(const options::variables_map& chosen)
{
    const source from = choose_source(chosen);
    try {
        return with_changes(parse_scenario(from.text), chosen);
    } catch (const scenario_error& error) {
        json_input::refuse(from.name, error.what());
    }
}

void list_presets(std::ostream& out)
{
    for (const preset& each : presets())
        out << std::left << std::setw(18) << each.name << parse_scenario(each.text).title << '\n';
}

/// How wide the terminal of a file descriptor is; without a terminal, 80.
[[nodiscard]] std::size_t terminal_width(int descriptor)
{
    winsize size = {};
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
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
        const auto granted = p.granted - std::exchange(granted_before_, p.granted);
        std::ostringstream line;
        line << name_ << "  " << std::fixed << std::setprecision(1) << seconds << " s  "
             << format_count(static_cast<double>(granted) / since) << " granted/s  wait p99 "
             << (p.granted ? format_time(p.p99_wait_us) : "-") << "  " << p.preempted << " preempted";
        std::cerr << "\r\x1b[K" << terminal::capped(line.str(), terminal_width(STDERR_FILENO) - 1) << std::flush;
    }

private:
    std::string name_;
    bool visible_ = isatty(STDERR_FILENO) != 0;
    double seconds_before_ = 0;
    std::uint64_t granted_before_ = 0;
};

/// A file is read or written once.
void refuse_shared_files(const options::variables_map& chosen)
{
    std::map<std::filesystem::path, std::string> users;
    for (const char* const option : {"scenario", "json", "csv", "report"}) {
        if (!chosen.count(option))
            continue;
        const auto& path = chosen[option].as<std::string>();
        std::filesystem::path file = path;
        std::error_code ignored; // that it cannot be opened is said when it is
        if (path != "-")
            file = std::filesystem::weakly_canonical(std::filesystem::absolute(file, ignored), ignored);
        const auto [other, is_new] = users.emplace(std::move(file), option);
        if (!is_new)
            throw options::error("--" + other->second + " and --" + option + " are the same file, " + path);
    }
}

[[nodiscard]] std::optional<output_file> open_output(const options::variables_map& chosen, const char* name)
{
    if (!chosen.count(name))
        return std::nullopt;
    return std::optional<output_file>(std::in_place, chosen[name].as<std::string>());
}

/// @throws std::runtime_error it has not arrived, e.g. on a full disk
void flush(std::ostream& out)
{
    errno = 0;
    if (!out.flush())
        throw std::runtime_error("standard output cannot be written: " + std::generic_category().message(errno));
}

/// What the user typed, for a shell. Where the peers are is for the machine alone.
[[nodiscard]] std::string command_line(std::span<char* const> arguments)
{
    std::string command = "contention";
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view each = arguments[i];
        if (each == "--peers") {
            ++i;
            continue;
        }
        const bool plain = !each.empty()
                           && each.find_first_not_of("-_./=,:@%+0123456789abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                                  == each.npos;
        command += ' ';
        if (plain) {
            command += each;
            continue;
        }
        command += '\'';
        for (const char c : each)
            command += c == '\'' ? std::string("'\\''") : std::string(1, c);
        command += '\'';
    }
    return command;
}

[[nodiscard]] std::string now_in_utc()
{
    const std::time_t now = std::time(nullptr);
    std::ostringstream text;
    text << std::put_time(std::gmtime(&now), "%F %H:%M UTC");
    return text.str();
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

void write_json(output_file& file, const scenario& s, const origin& from, const std::vector<run_result>& results)
{
    boost::json::array runs;
    for (const run_result& each : results)
        runs.push_back(to_json(each));
    file.write(boost::json::serialize(boost::json::object{{"scenario", to_json(s)},
                                                          {"environment", describe_environment()},
                                                          {"version", PRIORITY_REDLOCK_VERSION_STRING},
                                                          {"date", from.date},
                                                          {"command", from.command},
                                                          {"runs", std::move(runs)}})
               + "\n");
}

/// Says what makes the results worth nothing. @return whether there is such a thing
[[nodiscard]] bool complain(const std::vector<run_result>& results)
{
    bool bad = false;
    for (const run_result& each : results) {
        if (each.granted() == 0 && !each.interrupted) {
            std::cerr << "contention: " << each.contender << ": nothing was measured, because no lock was granted\n";
            bad = true;
        }
        bad = bad || each.overlaps != 0;
    }
    return bad;
}

int play(const options::variables_map& chosen, const std::string& command)
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
        write_schedule(std::cout, s, integer_of<std::size_t>(chosen, "schedule", 1, 1'000'000));
        return 0;
    }
    refuse_shared_files(chosen);
    auto json = open_output(chosen, "json");
    auto csv = open_output(chosen, "csv");
    auto report = open_output(chosen, "report");
    if (report && !has_program("gnuplot"))
        throw std::runtime_error("--report needs gnuplot to draw the charts: install the package gnuplot-nox");
    const bool output_taken = std::ranges::any_of(
        std::array{&json, &csv, &report}, [](const auto* file) { return *file && (*file)->is_standard_output(); });
    std::ostream& out = output_taken ? std::cerr : std::cout;
    const std::size_t width = terminal_width(output_taken ? STDERR_FILENO : STDOUT_FILENO);
    const origin from{choose_source(chosen).text, command, now_in_utc()};
    const auto where = make_store(s);

    interruption interrupt;
    std::vector<run_result> results;
    if (!s.title.empty())
        out << s.title << '\n';
    out << describe_environment() << "\n\n";
    flush(out);
    std::exception_ptr failure; // which takes nothing away from what others have measured and wrote
    const auto try_to = [&failure](auto f) {
        try {
            f();
        } catch (...) {
            if (!failure)
                failure = std::current_exception();
        }
    };
    try_to([&] { play_all(s, where.get(), chosen, interrupt, results); });
    if (results.empty() && failure)
        std::rethrow_exception(failure);

    for (const run_result& each : results) {
        print_table(out, each, width);
        out << '\n';
    }
    print_comparisons(out, results, width);
    try_to([&] { flush(out); });
    if (json)
        try_to([&] { write_json(*json, s, from, results); });
    if (csv)
        try_to([&] {
            std::ostringstream lines;
            print_csv(lines, results);
            csv->write(lines.str());
        });
    if (report)
        try_to([&] { report->write(write_report(s, from, results, draw_charts(s, results))); });
    if (failure)
        std::rethrow_exception(failure);
    return complain(results) ? 1 : interrupt.happened() ? interrupted_status : 0;
}

int run_command(int argc, char* argv[])
{
    const auto known = describe_options();
    options::variables_map chosen;
    options::store(options::command_line_parser(argc, argv).options(known).positional({}).run(), chosen);
    options::notify(chosen);
    if (chosen.count("help")) {
        std::cout
            << "usage: contention [OPTION...]\n\n"
               "Plays a scenario of contention for locks, in memory or over Redis, and shows how long clients wait.\n\n"
            << known;
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
    return play(chosen, command_line({argv, static_cast<std::size_t>(argc)}));
}

} // namespace

int main(int argc, char* argv[])
try {
    // Warnings of the library's; by default they would be among the results.
    boost::log::add_console_log(std::cerr);
    const int status = run_command(argc, argv);
    flush(std::cout);
    return status;
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
