// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/prometheus.hpp>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock {

namespace {

/// The metrics of one manager, and the label that says of which: none, or `manager="..."`.
struct source
{
    std::string label;
    const metrics* values;
};

struct scalar
{
    std::string_view name;
    std::string_view type;
    std::string_view help;
    std::uint64_t (*value_of)(const metrics&);
};

constexpr scalar scalars[] = {
    {"grants_total", "counter", "Locks granted.", [](const metrics& m) { return m.grants; }},
    {"reentrances_total", "counter", "Further handles of lockers that held the resource.",
     [](const metrics& m) { return m.re_entrances; }},
    {"releases_total", "counter", "Locks ended by their owner.", [](const metrics& m) { return m.releases; }},
    {"preemptions_total", "counter", "Locks taken by a higher priority.",
     [](const metrics& m) { return m.preemptions; }},
    {"expiries_total", "counter", "Locks ended by their ttl.", [](const metrics& m) { return m.expiries; }},
    {"losses_total", "counter", "Locks that could not be kept.", [](const metrics& m) { return m.losses; }},
    {"timeouts_total", "counter", "Acquires that timed out.", [](const metrics& m) { return m.timeouts; }},
    {"cancellations_total", "counter", "Acquires that were cancelled.",
     [](const metrics& m) { return m.cancellations; }},
    {"refusals_total", "counter", "Acquires that failed otherwise.", [](const metrics& m) { return m.refusals; }},
    {"preemptions_in_vain_total", "counter", "Preemptions for a composite, of no use to it.",
     [](const metrics& m) { return m.preemptions_in_vain; }},
    {"overruns_total", "counter", "Holders that were told to go, and did not in time.",
     [](const metrics& m) { return m.overruns; }},
    {"waits_total", "counter", "Acquires granted, measured or not.",
     [](const metrics& m) { return m.wait_time.count; }},
    {"holds_total", "counter", "Locks ended, measured or not.", [](const metrics& m) { return m.hold_time.count; }},
    {"held", "gauge", "Resources held.", [](const metrics& m) { return m.held; }},
    {"waiting", "gauge", "Acquires waiting.", [](const metrics& m) { return m.waiting; }},
};

/// The text as it grows. Numbers are written without a stream, since the program's locale may write them otherwise.
class exposition
{
public:
    explicit exposition(const std::vector<source>& sources) : sources_(sources) {}

    void add(const scalar& s)
    {
        describe(s.name, s.type, s.help);
        for (const source& each : sources_)
            add_line(s.name, {}, each.label, {}, s.value_of(*each.values));
    }

    /// Of what was measured, as the buckets have to add up to the count; how many there were in all is a counter of its
    /// own.
    void add(std::string_view name, std::string_view help, duration_histogram metrics::* member)
    {
        describe(name, "histogram", help);
        for (const source& each : sources_) {
            const duration_histogram& h = each.values->*member;
            std::uint64_t so_far = 0; // buckets are cumulative there
            for (std::size_t i = 0; i < h.buckets; ++i) {
                so_far += h.counts[i];
                add_line(name, "_bucket", each.label, le(h.bound(i)), so_far);
            }
            add_line(name, "_sum", each.label, {}, h.sum.count());
            add_line(name, "_count", each.label, {}, h.sampled);
        }
    }

    [[nodiscard]] std::string take() noexcept { return std::move(text_); }

private:
    void describe(std::string_view name, std::string_view type, std::string_view help)
    {
        add_text({"# HELP ", prefix, name, " ", help, "\n# TYPE ", prefix, name, " ", type, "\n"});
    }

    template <class Number>
    void add_line(std::string_view name, std::string_view suffix, std::string_view label, std::string_view le,
                  Number value)
    {
        add_text({prefix, name, suffix});
        if (!label.empty() || !le.empty())
            add_text({"{", label, label.empty() || le.empty() ? "" : ",", le, "}"});
        add_text({" ", text_of(value), "\n"});
    }

    static std::string le(duration bound)
    {
        return "le=\"" + (bound == infinite ? "+Inf" : text_of(std::chrono::duration<double>(bound).count())) + '"';
    }

    template <class Number>
    static std::string text_of(Number value)
    {
        char digits[32];
        return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
    }

    void add_text(std::initializer_list<std::string_view> parts)
    {
        for (const std::string_view each : parts)
            text_ += each;
    }

    static constexpr std::string_view prefix = "priority_redlock_";

    const std::vector<source>& sources_;
    std::string text_;
};

std::string label_of(std::string_view manager)
{
    std::string result = "manager=\"";
    for (const char c : manager) {
        if (c == '\n') {
            result += "\\n";
            continue;
        }
        if (c == '\\' || c == '"')
            result += '\\';
        result += c;
    }
    return result += '"';
}

std::string text_of(const std::vector<source>& sources)
{
    exposition out(sources);
    for (const scalar& each : scalars)
        out.add(each);
    out.add("wait_seconds", "How long granted acquires waited, of those that were measured.", &metrics::wait_time);
    out.add("hold_seconds", "How long locks were held, of those that were measured.", &metrics::hold_time);
    return out.take();
}

} // namespace

std::string to_prometheus(const metrics& values)
{
    return text_of({source{{}, &values}});
}

std::string to_prometheus(std::span<const named_metrics> managers)
{
    std::vector<source> sources;
    for (const named_metrics& each : managers)
        sources.push_back({label_of(each.manager), &each.values});
    return text_of(sources);
}

} // namespace priority_redlock
