// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Has many processes use locks over real servers while everything goes wrong, and judges what they have written down.

#include "common/program_options.hpp"
#include "soak/checker.hpp"
#include "soak/nemeses.hpp"
#include "soak/stage.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <list>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace soak;
using test::number;
using test::wrong_options;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using kind = event::kind;

constexpr std::string_view usage_text = R"(usage: soak [OPTION...]

Six processes acquire and release locks over five Redis servers of this machine: single ones and composites, short ones,
leases, renewed ones, of four priorities. Calm for 15 % of the time, then with faults for 70 %, then calm again. What
they have written down is judged as a whole: nobody holds what another holds, tokens rise, everybody is served in the
end, nothing grows.

  --minutes M     how long (default: 1); 0.2 to 10000
  --nemesis NAME  this one alone; may be repeated; --list names them (default: all but the controls)
  --seed S        of what goes wrong and of what is acquired (default: a new one). Real servers never do the same twice
  --tls           the servers are used over TLS
  --acl           the servers are used as the user of doc/redis.md, with its rights alone
  --keep DIR      write the logs to DIR, which must not exist, and leave them there
  --list          list the nemeses
  --help          print this

The server is redis-server, or what PRIORITY_REDLOCK_REDIS_SERVER names. The status is 0 if all went well, 1 if not, 2 if
the options are wrong. A control does what the documents exclude: there the status is 0 if the judges see it.
)";

struct chosen_options
{
    double minutes = 1;
    std::vector<const nemesis*> nemeses;
    std::uint64_t seed = std::random_device()();
    node_access how;
    std::filesystem::path keep;
};

/// False: it was told what it wanted to know.
bool read(std::span<char* const> arguments, chosen_options& result)
{
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view option = arguments[i];
        const auto value = [&]() -> std::string_view {
            if (++i == arguments.size())
                throw wrong_options(std::string(option) + " needs a value");
            return arguments[i];
        };
        if (option == "--help" || option == "-h") {
            std::cout << usage_text;
            return false;
        }
        if (option == "--list") {
            for (const nemesis& n : nemeses())
                std::cout << std::left << std::setw(16) << n.name << n.says << (n.is_control ? " (a control)" : "")
                          << '\n';
            return false;
        }
        if (option == "--minutes") {
            result.minutes = number(option, value(), 0.2, 10'000.0, "a number from 0.2 to 10000");
        } else if (option == "--seed") {
            result.seed = number<std::uint64_t>(option, value(), 0, ~0U, "an integer from 0 to 4294967295");
        } else if (option == "--nemesis") {
            const std::string_view name = value();
            const nemesis* found = find_nemesis(name);
            if (!found) {
                std::string names;
                for (const nemesis& n : nemeses())
                    names.append(names.empty() ? "" : ", ").append(n.name);
                throw wrong_options("there is no nemesis \"" + std::string(name) + "\"; there are " + names);
            }
            result.nemeses.push_back(found);
        } else if (option == "--tls") {
            result.how.tls = true;
        } else if (option == "--acl") {
            result.how.acl = true;
        } else if (option == "--keep") {
            result.keep = value();
            if (result.keep.empty() || std::filesystem::exists(result.keep))
                throw wrong_options("--keep needs the name of a directory that does not exist");
        } else {
            throw wrong_options("there is no option \"" + std::string(option) + '"');
        }
    }
    if (result.nemeses.empty())
        for (const nemesis& n : nemeses())
            if (!n.is_control)
                result.nemeses.push_back(&n);
    return true;
}

/// Where the logs go: what is made for them goes with this object.
class log_directory
{
public:
    explicit log_directory(const std::filesystem::path& keep) : is_kept_(!keep.empty()), path_(keep)
    {
        if (is_kept_) {
            std::filesystem::create_directories(path_);
            return;
        }
        std::string name = (std::filesystem::temp_directory_path() / "priority-redlock-soak.XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::system_error(errno, std::generic_category(), "cannot make " + name);
        path_ = name;
    }
    log_directory(const log_directory&) = delete;
    log_directory& operator=(const log_directory&) = delete;
    ~log_directory()
    {
        std::error_code ignored;
        if (!is_kept_)
            std::filesystem::remove_all(path_, ignored);
    }

    void keep() noexcept { is_kept_ = true; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    bool is_kept_;
    std::filesystem::path path_;
};

volatile std::sig_atomic_t is_interrupted = 0;

/// Has one fault after the other, and at times two at once, each as often as the others.
class director
{
public:
    director(stage& s, const chosen_options& o) : stage_(s), options_(o), random_(o.seed) {}

    void run()
    {
        const auto all = std::chrono::duration_cast<steady_clock::duration>(
            std::chrono::duration<double, std::ratio<60>>(options_.minutes));
        for (std::size_t i = 0; i < stage::workers; ++i)
            stage_.start_worker(i);
        begin_phase("before");
        wait(all * 15 / 100);
        stage_.sample_workers();

        begin_phase("during");
        const auto calm_at = steady_clock::now() + all * 70 / 100;
        for (auto next = steady_clock::now(); steady_clock::now() < calm_at && lives(); tick()) {
            undo_due();
            if (steady_clock::now() < next || active_.size() >= 2)
                continue;
            begin_fault();
            next = steady_clock::now() + some(100ms, 900ms);
        }
        while (!active_.empty())
            undo(active_.begin());

        begin_phase("after");
        wait(all * 15 / 100);
        stage_.sample_workers();
        stage_.note(kind::phase, "end");
    }

private:
    struct active
    {
        const nemesis* by;
        steady_clock::time_point ends_at;
        fault what;
    };

    void begin_phase(const char* name)
    {
        stage_.note(kind::phase, name);
        std::cout << "soak: " << name << (std::string_view(name) == "during" ? " the faults\n" : " the faults, calm\n")
                  << std::flush;
    }

    bool lives() { return is_interrupted == 0 && stage_.all_live(); }

    void tick()
    {
        std::this_thread::sleep_for(10ms);
        for (active& each : active_)
            each.what.tick();
    }

    void wait(steady_clock::duration d)
    {
        for (const auto end = steady_clock::now() + d; steady_clock::now() < end && lives();)
            std::this_thread::sleep_for(10ms);
    }

    std::chrono::milliseconds some(std::chrono::milliseconds least, std::chrono::milliseconds most)
    {
        return least + std::chrono::milliseconds(random_() % static_cast<std::uint64_t>((most - least).count() + 1));
    }

    // Up to that many, of those from `first` to `end` that no fault has.
    std::vector<std::size_t> choose(std::size_t count, std::size_t first, std::size_t end,
                                    std::vector<std::size_t> fault::* busy)
    {
        std::vector<std::size_t> free;
        for (std::size_t i = first; i < end; ++i)
            if (std::none_of(active_.begin(), active_.end(), [&](const active& a) {
                    return std::count(std::begin(a.what.*busy), std::end(a.what.*busy), i) != 0;
                }))
                free.push_back(i);
        std::shuffle(free.begin(), free.end(), random_);
        free.resize(std::min(free.size(), count));
        return free;
    }

    void begin_fault()
    {
        if (deck_.empty()) {
            deck_ = options_.nemeses;
            std::shuffle(deck_.begin(), deck_.end(), random_);
        }
        const nemesis& n = *deck_.back();
        active a{&n, {}, {}};
        const bool hits_worker = n.hits == nemesis::worker || n.hits == nemesis::mortal_worker;
        if (hits_worker) {
            const std::size_t first = n.hits == nemesis::worker ? 0 : stage::immortal;
            a.what.workers = choose(1, first, stage::workers, &fault::workers);
        } else {
            std::size_t busy = 0;
            for (const active& each : active_)
                busy += each.what.nodes.size();
            const std::size_t wanted =
                n.hits == nemesis::majority ? stage::minority + 1 : 1 + random_() % stage::minority;
            // Apart from those who are to, nobody takes a quorum away; what is in quarantine is not counted.
            if (n.hits == nemesis::majority ? busy != 0 : busy + wanted > stage::minority)
                return; // in a moment
            a.what.nodes = choose(wanted, 0, stage::nodes, &fault::nodes);
        }
        deck_.pop_back();
        stage_.note(kind::fault, std::string(n.name));
        active& placed = active_.emplace_back(std::move(a));
        n.begin(stage_, placed.what, random_);
        placed.ends_at = steady_clock::now() + some(300ms, hits_worker ? 4500ms : 2500ms);
    }

    void undo_due()
    {
        for (auto it = active_.begin(); it != active_.end();) {
            const auto each = it++;
            if (steady_clock::now() >= each->ends_at)
                undo(each);
        }
    }

    void undo(std::list<active>::iterator which)
    {
        which->what.undo();
        stage_.note(kind::undone, std::string(which->by->name));
        active_.erase(which);
    }

    stage& stage_;
    const chosen_options& options_;
    std::mt19937_64 random_;
    std::vector<const nemesis*> deck_;
    std::list<active> active_; // which does not move them
};

bool soak_and_judge(const chosen_options& o)
{
    log_directory directory(o.keep);
    const bounds limits;
    std::cout << "soak: " << o.minutes << " minutes, seed " << o.seed << ", " << stage::workers << " processes over "
              << stage::nodes << " servers" << (o.how.tls ? ", over TLS" : "")
              << (o.how.acl ? ", with the documented rights" : "") << std::endl;
    {
        stage s(directory.path(), o.how, o.seed);
        director(s, o).run();
        (void)s.finish(limits.wait + 5s); // who does not is found to wait
    }
    if (is_interrupted != 0)
        std::cout << "soak: interrupted; this is what there was until then\n";
    const verdict v = check(read_logs(directory.path()), limits);
    std::cout << '\n' << v << '\n';

    const bool is_control = std::any_of(o.nemeses.begin(), o.nemeses.end(), [](auto* n) { return n->is_control; });
    if (!v.findings.empty()) {
        directory.keep();
        std::cout << "the logs: " << directory.path().string() << '\n';
    }
    std::cout << "soak: " << v.acquisitions() << " acquisitions, " << v.findings.size() << " violations\n";
    if (!is_control)
        return v.findings.empty() && is_interrupted == 0;
    const bool is_seen = std::any_of(v.findings.begin(), v.findings.end(),
                                     [](const finding& f) { return f.judge == "exclusion" || f.judge == "tokens"; });
    std::cout << (is_seen ? "soak: this was a control, which the judges saw\n"
                          : "soak: this was a control, and no judge saw it: clocks of three servers jumped by 5 s\n");
    return is_seen;
}

} // namespace

int main(int argc, char** argv)
try {
    if (argc > 1 && std::string_view(argv[1]) == worker_word)
        return work({argv + 2, argv + argc});
    chosen_options o;
    if (!read({argv, static_cast<std::size_t>(argc)}, o))
        return 0;
    for (const int signal : {SIGINT, SIGTERM})
        std::signal(signal, [](int) { is_interrupted = 1; });
    return soak_and_judge(o) ? 0 : 1;
} catch (const wrong_options& e) {
    std::cerr << "soak: " << e.what() << "; --help lists the options\n";
    return 2;
} catch (const std::exception& e) {
    std::cerr << "soak: " << e.what() << '\n';
    return 1;
}
