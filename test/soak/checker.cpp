// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/checker.hpp"

#include "redis/support/history.hpp"

#include <algorithm>
#include <iomanip>
#include <optional>
#include <ostream>
#include <span>
#include <sstream>
#include <tuple>
#include <utility>

namespace soak {

namespace {

using kind = event::kind;
using test::history;

constexpr std::size_t lines_around = 20;
constexpr std::size_t findings_shown = 10;

double seconds(nanoseconds d)
{
    return std::chrono::duration<double>(d).count();
}

std::string in_seconds(nanoseconds d)
{
    std::ostringstream text;
    text << std::fixed << std::setprecision(1) << seconds(d) << " s";
    return text.str();
}

class checker
{
public:
    checker(const std::vector<event>& events, const bounds& limits) : events_(events), limits_(limits) {}

    verdict run()
    {
        for (const event& e : events_) {
            if (e.what == kind::phase && e.why == "after")
                calm_from_ = e.at;
            if (e.what == kind::phase && e.why == "end")
                quiet_from_ = e.at;
            if (e.what == kind::asked)
                top_priority_ = std::max(top_priority_, e.n);
        }
        for (const event& e : events_)
            take(e);
        if (events_.empty())
            return std::move(result_);

        const time_point end = events_.back().at;
        for (const auto& [key, a] : open_)
            judge_wait(std::get<0>(key), a, end, "still waits");
        if (is_timed_)
            result_.phases[*phase_].length += end - phase_begin_;
        judge_locks();
        judge_growth();
        summarise_waits();
        return std::move(result_);
    }

private:
    using acquire_key = std::pair<std::string, std::uint64_t>;            // worker, its acquire
    using hold_key = std::tuple<std::string, std::uint64_t, std::string>; // and the resource

    struct asked_for
    {
        time_point at;
        std::string resource;       // the first
        std::uint64_t priority = 0; // its
        std::size_t resources = 0;
    };

    void take(const event& e)
    {
        switch (e.what) {
        case kind::asked: {
            asked_for& a = open_.try_emplace({e.who, e.acquire}, asked_for{e.at, e.resource, e.n}).first->second;
            ++a.resources;
            break;
        }
        case kind::granted:
            answer(e);
            holds_[{e.who, e.acquire, e.resource}] =
                locks_.granted({e.resource, e.who + '/' + std::to_string(e.acquire), e.n, e.at, e.until});
            break;
        case kind::released: end_hold(e); break;
        case kind::told: end_hold(e, &phase_figures::told); break;
        case kind::lost: end_hold(e, &phase_figures::lost); break;
        case kind::missed: answer(e); break;
        case kind::failed: answer(e); break;
        case kind::phase: begin_phase(e); break;
        case kind::fault: ++result_.faults[e.why]; break;
        case kind::undone: break;
        case kind::crashed: add("crashes", e.who + " has ended by itself: " + e.why, {}, e.at); [[fallthrough]];
        case kind::killed: forget(e); break;
        case kind::sample: take_sample(e); break;
        }
    }

    phase_figures& figures() { return result_.phases[phase_.value_or(0)]; }

    void begin_phase(const event& e)
    {
        if (is_timed_)
            result_.phases[*phase_].length += e.at - phase_begin_;
        phase_begin_ = e.at;
        const auto name = std::find(phase_names.begin(), phase_names.end(), e.why);
        is_timed_ = name != phase_names.end();
        if (is_timed_) // else that is the end: what is served yet counts for the last one, and its time does not
            phase_ = static_cast<std::size_t>(name - phase_names.begin());
    }

    void answer(const event& e)
    {
        const auto found = open_.find({e.who, e.acquire});
        if (found == open_.end())
            return; // a further resource of the same
        const asked_for a = std::move(found->second);
        open_.erase(found);
        judge_wait(e.who, a, e.at, e.what == kind::failed ? "failed" : "was granted");
        if (e.what == kind::granted) {
            ++figures().acquisitions;
            figures().composites += a.resources > 1;
            waits_[phase_.value_or(0)].push_back(e.at - a.at);
        } else if (e.what == kind::failed) {
            ++result_.errors[e.why];
            ++(e.why == "acquire_timeout" ? figures().timed_out : figures().failed);
            if (e.why == "no_quorum" && is_calm(a.at))
                add("quorum", e.who + " asked " + when(a.at) + " for " + a.resource + " and got no_quorum", a.resource,
                    e.at);
        }
    }

    // Whether there was no fault for so long that nothing is left of it.
    [[nodiscard]] bool is_calm(time_point t) const
    {
        if (calm_from_ && t >= *calm_from_)
            return t >= *calm_from_ + limits_.recovery;
        return phase_ == 0u && t >= events_.front().at + limits_.recovery;
    }

    void judge_wait(const std::string& who, const asked_for& a, time_point end, const char* how)
    {
        // A lower one may wait for as long as higher ones come: for its part, they have to cease first.
        const bool is_top = a.priority == top_priority_;
        const std::optional<time_point>& from = is_top ? calm_from_ : quiet_from_;
        if (!from)
            return;
        const nanoseconds waited = end - std::max(a.at, *from);
        if (waited > limits_.wait)
            add("waits",
                who + " asked " + when(a.at) + " for " + a.resource + ", priority " + std::to_string(a.priority)
                    + ", and " + how + " " + in_seconds(waited) + " after that and the last "
                    + (is_top ? "fault" : "request of anybody") + "; the bound is " + in_seconds(limits_.wait),
                a.resource, end);
    }

    void end_hold(const event& e, std::uint64_t phase_figures::* counter = nullptr)
    {
        const auto found = holds_.find({e.who, e.acquire, e.resource});
        if (found == holds_.end())
            return;
        locks_.extended(found->second, e.until);
        locks_.ended(found->second, e.at);
        holds_.erase(found);
        if (counter)
            ++(figures().*counter);
    }

    // A process is no more: it believes nothing and waits for nothing.
    void forget(const event& e)
    {
        for (auto it = holds_.lower_bound({e.who, 0, ""}); it != holds_.end() && std::get<0>(it->first) == e.who;) {
            locks_.ended(it->second, e.at);
            it = holds_.erase(it);
        }
        for (auto it = open_.lower_bound({e.who, 0}); it != open_.end() && it->first.first == e.who;)
            it = open_.erase(it);
        samples_.erase(e.who);
    }

    void take_sample(const event& e)
    {
        const auto [found, is_first] = samples_.try_emplace(e.who);
        growth& g = found->second.first;
        found->second.second = !is_first;
        (is_first ? g.descriptors_before : g.descriptors_after) = e.acquire;
        (is_first ? g.kibibytes_before : g.kibibytes_after) = e.n;
    }

    void judge_locks()
    {
        for (const history::violation& v : locks_.check()) {
            std::ostringstream text;
            text << v;
            if (v.broken == history::rule::exclusion)
                text << ", for "
                     << std::chrono::duration<double, std::milli>(std::min(v.first.ended_at, v.second.ended_at)
                                                                  - v.second.acquired_at)
                            .count()
                     << " ms";
            add(v.broken == history::rule::exclusion ? "exclusion" : "tokens", text.str(), v.second.resource,
                v.second.acquired_at);
        }
    }

    void judge_growth()
    {
        for (const auto& [who, sample] : samples_) {
            const auto& [g, is_whole] = sample;
            if (!is_whole)
                continue;
            result_.workers.emplace(who, g);
            if (g.descriptors_after > g.descriptors_before + limits_.descriptors)
                add("growth",
                    who + " had " + std::to_string(g.descriptors_before) + " descriptors and has "
                        + std::to_string(g.descriptors_after) + "; the bound is " + std::to_string(limits_.descriptors)
                        + " more",
                    {}, events_.back().at);
            if (g.kibibytes_after > g.kibibytes_before + limits_.kibibytes)
                add("growth",
                    who + " had " + std::to_string(g.kibibytes_before) + " KiB and has "
                        + std::to_string(g.kibibytes_after) + "; the bound is " + std::to_string(limits_.kibibytes)
                        + " more",
                    {}, events_.back().at);
        }
    }

    void summarise_waits()
    {
        for (std::size_t i = 0; i < waits_.size(); ++i) {
            auto& all = waits_[i];
            if (all.empty())
                continue;
            const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
            std::nth_element(all.begin(), middle, all.end());
            result_.phases[i].median_wait = *middle;
            result_.phases[i].longest_wait = *std::max_element(middle, all.end());
        }
    }

    [[nodiscard]] std::string when(time_point t) const { return "at " + in_seconds(t - events_.front().at); }

    // With the last lines about the resource, those of the director included, and the next few.
    void add(std::string judge, std::string says, const std::string& resource, time_point at)
    {
        finding f{std::move(judge), std::move(says), {}};
        if (result_.findings.size() < findings_shown) {
            const auto is_about = [&](const event& e) {
                return e.resource == resource || e.what == kind::fault || e.what == kind::undone
                       || e.what == kind::killed || e.what == kind::crashed;
            };
            auto it = std::upper_bound(events_.begin(), events_.end(), at,
                                       [](time_point t, const event& e) { return t < e.at; });
            for (auto next = it; next != events_.end() && f.around.size() < lines_around / 4; ++next)
                if (is_about(*next))
                    f.around.push_back(*next);
            std::reverse(f.around.begin(), f.around.end());
            while (it != events_.begin() && f.around.size() < lines_around)
                if (--it; is_about(*it))
                    f.around.push_back(*it);
            std::reverse(f.around.begin(), f.around.end());
        }
        result_.findings.push_back(std::move(f));
    }

    const std::vector<event>& events_;
    const bounds& limits_;
    verdict result_;
    history locks_;
    std::optional<std::size_t> phase_;
    bool is_timed_ = false;
    time_point phase_begin_{};
    std::optional<time_point> calm_from_;  // the last fault has been undone
    std::optional<time_point> quiet_from_; // nobody asks for more
    std::uint64_t top_priority_ = 0;
    std::map<acquire_key, asked_for> open_;
    std::map<hold_key, history::id> holds_;
    std::map<std::string, std::pair<growth, bool>> samples_; // and whether there were two
    std::array<std::vector<nanoseconds>, phase_names.size()> waits_;
};

} // namespace

std::uint64_t verdict::acquisitions() const noexcept
{
    std::uint64_t sum = 0;
    for (const phase_figures& each : phases)
        sum += each.acquisitions;
    return sum;
}

verdict check(const std::vector<event>& events, const bounds& limits)
{
    return checker(events, limits).run();
}

std::ostream& operator<<(std::ostream& stream, const verdict& v)
{
    std::ostringstream out;
    out << std::fixed << std::setprecision(0);
    out << "phase    seconds  acquisitions  a second  composites    told  lost  timed out  failed  median wait  longest\n";
    for (std::size_t i = 0; i < v.phases.size(); ++i) {
        const phase_figures& p = v.phases[i];
        const double length = seconds(p.length);
        out << std::left << std::setw(7) << phase_names[i] << std::right << std::setw(9) << length << std::setw(14)
            << p.acquisitions << std::setw(10) << (length > 0 ? static_cast<double>(p.acquisitions) / length : 0)
            << std::setw(12) << p.composites << std::setw(8) << p.told << std::setw(6) << p.lost << std::setw(11)
            << p.timed_out << std::setw(8) << p.failed << std::setw(10) << seconds(p.median_wait) * 1000 << " ms"
            << std::setw(7) << std::setprecision(1) << seconds(p.longest_wait) << " s\n"
            << std::setprecision(0);
    }
    const auto list = [&](const char* title, const auto& counts) {
        out << title;
        const char* separator = " ";
        for (const auto& [name, count] : counts) {
            out << separator << name << ' ' << count;
            separator = ", ";
        }
        out << (counts.empty() ? " none\n" : "\n");
    };
    list("faults:", v.faults);
    list("errors:", v.errors);
    for (const auto& [who, g] : v.workers)
        out << who << ": " << g.kibibytes_before / 1024 << " MiB, then " << g.kibibytes_after / 1024 << " MiB; "
            << g.descriptors_before << " descriptors, then " << g.descriptors_after << '\n';
    for (const finding& f : std::span(v.findings).first(std::min(v.findings.size(), findings_shown))) {
        out << "VIOLATION of " << f.judge << ": " << f.says << '\n';
        for (const event& e : f.around)
            out << "    " << to_line(e) << '\n';
    }
    if (v.findings.size() > findings_shown)
        out << "and " << v.findings.size() - findings_shown << " violations more\n";
    return stream << out.str();
}

} // namespace soak
