// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "script_calls.hpp"

#include <redis_scripts.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <initializer_list>
#include <utility>

namespace priority_redlock::detail::redis {

namespace {

/// How long the keys of a resource are kept after the last write, in milliseconds.
std::int64_t keep(const redis_options& o) noexcept
{
    return (micros(o.max_ttl) + 4 * micros(o.clock_skew) + 999) / 1000;
}

std::string_view name_of(restart_guard g) noexcept
{
    switch (g) {
    case restart_guard::on: break;
    case restart_guard::durable: return "durable";
    case restart_guard::off: return "off";
    }
    return "on";
}

std::string_view mode_of(obtain_request::mode m) noexcept
{
    switch (m) {
    case obtain_request::mode::wait: break;
    case obtain_request::mode::once: return "once";
    case obtain_request::mode::now: return "now";
    }
    return "wait";
}

/// Up to here the numbers of scripts are exact.
constexpr std::int64_t largest_exact = std::int64_t{1} << 53;

bool read(std::string_view text, std::int64_t& n) noexcept
{
    const char* const end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, n);
    return ec == std::errc() && at == end && -largest_exact <= n && n <= largest_exact;
}

void replace_all(std::string& text, std::string_view what, std::string_view with)
{
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

/// A number as text.
class digits
{
public:
    template <class Number>
    explicit digits(Number n) noexcept
    {
        end_ = std::to_chars(buffer_.data(), buffer_.data() + buffer_.size(), n).ptr;
    }

    digits(const digits&) = delete;
    digits& operator=(const digits&) = delete;

    operator std::string_view() const noexcept { return {buffer_.data(), end_}; }

private:
    std::array<char, 20> buffer_{};
    const char* end_ = nullptr;
};

/// As a string of Lua, whatever is in it.
std::string lua_string(std::string_view text)
{
    std::string result = "'";
    for (const char c : text) {
        if (c >= ' ' && c <= '~' && c != '\'' && c != '\\') {
            result += c;
            continue;
        }
        std::array<char, 5> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\%03u", static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += escaped.data();
    }
    return result + '\'';
}

/// So many steps at most in one run, which nothing else of the server interrupts.
constexpr std::size_t longest_run = 64;

std::string_view name_of(step s) noexcept
{
    switch (s) {
    case step::obtain: return "obtain";
    case step::yield: return "yield";
    case step::release: return "release";
    case step::settle: return "settle";
    case step::hello:
    case step::look:
    case step::provision:
    case step::inspect:
    case step::force_release: break;
    }
    return {};
}

/// That clients take on a lock, several in one run.
bool takes_a_step(const call& c) noexcept
{
    return !name_of(c.what).empty();
}

/// A pattern of all that begins with this.
std::string pattern_of(std::string_view prefix)
{
    std::string result;
    for (const char c : prefix) {
        if (std::string_view("*?[]^\\").find(c) != std::string_view::npos)
            result += '\\';
        result += c;
    }
    return result + '*';
}

} // namespace

script_texts make_script_texts(const quorum_client& client)
{
    const redis_options& o = client.options();
    const std::array<std::pair<std::string_view, std::string>, 7> options{{
        {"options.deployment", lua_string(client.deployment())},
        {"options.guard", lua_string(name_of(o.guard))},
        {"options.max_ttl", std::to_string(micros(o.max_ttl))},
        {"options.skew", std::to_string(micros(o.clock_skew))},
        {"options.entry_lease", std::to_string(micros(client.entry_lease()))},
        {"options.keep", lua_string(std::to_string(keep(o)))},
        {"options.channels", lua_string(o.prefix + "client:")}, // the last, as it may have anything in it
    }};
    script_texts result;
    const auto compose = [&](script which, std::initializer_list<std::string_view> parts) {
        std::string& whole = result[static_cast<std::size_t>(which)] = common_source;
        for (const std::string_view part : parts)
            whole += part;
        replace_all(whole, "include('eviction')", eviction_source);
        replace_all(whole, "include('guard')", guard_source);
        replace_all(whole, "include('marker')", marker_source);
        replace_all(whole, "include('waiters')", waiters_source);
        for (const auto& [name, value] : options)
            replace_all(whole, name, value);
    };
    const auto step_of = [](std::string_view source, std::string_view arguments) {
        std::string text(source);
        replace_all(text, "arguments()", arguments);
        return text;
    };
    compose(script::hello, {hello_source});
    compose(script::look, {look_source});
    compose(script::provision, {provision_source});
    compose(script::inspect, {inspect_source});
    compose(script::force_release, {force_release_source});
    compose(script::obtain, {step_of(obtain_source, "KEYS[2], KEYS[3], KEYS[4], unpack(ARGV, 2)")});
    compose(script::release, {step_of(release_source, "KEYS[1], KEYS[2], KEYS[3], unpack(ARGV)")});
    std::string steps = "local steps = {}\n";
    for (const auto& [name, source] :
         {std::pair{step::obtain, obtain_source}, std::pair{step::yield, yield_source},
          std::pair{step::release, release_source}, std::pair{step::settle, settle_source}})
        steps += "function steps." + std::string(name_of(name)) + "(...)\n" + step_of(source, "...") + "end\n";
    compose(script::steps, {steps, steps_source});
    return result;
}

std::span<const call> first_run(std::span<const call> calls) noexcept
{
    if (!takes_a_step(calls.front()))
        return calls.first(1);
    const auto end = std::find_if_not(calls.begin(), calls.end(), takes_a_step);
    return calls.first(std::min(longest_run, static_cast<std::size_t>(end - calls.begin())));
}

script script_for(std::span<const call> run) noexcept
{
    switch (run.front().what) {
    case step::hello: return script::hello;
    case step::look: return script::look;
    case step::provision: return script::provision;
    case step::inspect: return script::inspect;
    case step::force_release: return script::force_release;
    case step::obtain: return run.size() == 1 ? script::obtain : script::steps;
    case step::release: return run.size() == 1 ? script::release : script::steps;
    default: return script::steps;
    }
}

// --- requests --------------------------------------------------------------------------------------------------------

void call_encoder::add(std::span<const call> run, const quorum_client& client, std::string_view command,
                       std::string_view script_or_sha, boost::redis::request& to)
{
    text_.clear();
    ends_.clear();
    put({script_or_sha});
    const script which = script_for(run);
    const bool on_locks = run.front().about != nullptr;
    const bool asks_the_node = which != script::release;
    put({digits((asks_the_node ? 1 : 0) + (on_locks ? 3 * run.size() : 0))}); // keys
    if (asks_the_node)
        put({client.options().prefix, "node"});
    if (on_locks)
        for (const call& c : run)
            put_keys(c);
    if (asks_the_node)
        put({client.run_id(run.front().node)});
    for (const call& c : run) {
        if (which == script::steps)
            put({name_of(c.what)});
        put_arguments(c, client);
    }

    words_.clear();
    const std::string_view all = text_;
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
        words_.push_back({all.substr(begin, end - begin)});
        begin = end;
    }
    to.push_range(command, words_);
}

/// The parts make one word. It is written as it is sent: to have Boost.Redis do so costs more than all else here.
void call_encoder::put(std::initializer_list<std::string_view> parts)
{
    std::size_t size = 0;
    for (const std::string_view each : parts)
        size += each.size();
    std::array<char, 24> head{'$'};
    char* end = std::to_chars(head.data() + 1, head.data() + head.size(), size).ptr;
    *end++ = '\r';
    *end++ = '\n';
    text_.append(head.data(), end);
    for (const std::string_view each : parts)
        text_.append(each);
    text_.append("\r\n", 2);
    ends_.push_back(text_.size());
}

void call_encoder::put_keys(const call& c)
{
    const acquisition& a = *c.about;
    put({a.lock_key});
    put({a.lock_key, ":q"});
    put({a.lock_key, ":x:", a.id_text});
}

void call_encoder::put_arguments(const call& c, const quorum_client& client)
{
    if (c.what == step::hello) {
        put({c.met});
        put({digits(c.met_ago)});
        return;
    }
    if (c.what == step::look) {
        put({c.cursor});
        put({pattern_of(client.options().prefix)});
    }
    if (!c.about)
        return;
    const acquisition& a = *c.about;
    put({a.id_text});
    switch (c.what) {
    case step::obtain:
        put({digits(a.priority), " ", a.locker});
        put({digits(c.sequence)});
        put({digits(c.ttl)});
        put({digits(c.number)});
        put({digits(a.ticket), " ", digits(c.waited), " ", digits(micros(client.window(c.node))), " ", mode_of(c.how),
             c.answered ? " 1" : " 0", a.preempt ? " 1" : " 0"});
        break;
    case step::yield:
        put({digits(a.priority)});
        put({digits(a.ticket)});
        put({digits(c.waited)});
        put({digits(c.sequence)});
        put({digits(micros(client.window(c.node)))});
        put({a.preempt ? "1" : "0"});
        break;
    case step::release:
        put({digits(c.sequence)});
        put({digits((c.ttl + 999) / 1000)});
        break;
    case step::settle:
    case step::force_release: put({digits(c.number)}); break;
    case step::hello:
    case step::look:
    case step::provision:
    case step::inspect: break;
    }
}

// --- replies ---------------------------------------------------------------------------------------------------------

void answer_reader::add(const boost::redis::resp3::node_view& part)
{
    using boost::redis::resp3::type;
    if (part.data_type == type::simple_error || part.data_type == type::blob_error) {
        answer& a = answers_.emplace_back();
        a.what = part.value.starts_with("NOSCRIPT") ? answer::verdict::unknown : answer::verdict::failed;
        a.text = part.value;
        (part.depth == 0 ? of_all_ : of_many_) = true;
    } else if (part.data_type == type::array && part.depth <= 1) {
        parts_ = 0;
        if (part.depth == 1) {
            of_many_ = true;
            answers_.emplace_back();
        }
    } else if (part.depth == (of_many_ ? 2 : 1)) {
        if (answers_.empty())
            answers_.emplace_back();
        read_part(part.value);
    } else {
        understood_ = false;
    }
}

void answer_reader::read_part(std::string_view part)
{
    using verdict = answer::verdict;

    struct word
    {
        std::string_view text;
        verdict what;
    };
    static constexpr std::array words{
        word{"granted", verdict::granted},
        word{"waiting", verdict::waiting},
        word{"refused", verdict::refused},
        word{"gone", verdict::gone},
        word{"quarantined", verdict::quarantined},
        word{"mismatch", verdict::mismatch},
        word{"ready", verdict::ready},
        word{"evicting", verdict::evicting},
        word{"looked", verdict::looked},
        word{"occupied", verdict::occupied},
        word{"inspected", verdict::inspected},
        word{"provisioned", verdict::done},
        word{"yielded", verdict::done},
        word{"released", verdict::done},
        word{"settled", verdict::done},
        word{"absent", verdict::absent},
    };
    answer& a = answers_.back();
    switch (parts_++) {
    case 0: {
        const auto it = std::find_if(words.begin(), words.end(), [&](const word& w) { return w.text == part; });
        understood_ = understood_ && it != words.end();
        if (it != words.end())
            a.what = it->what;
        break;
    }
    case 1: understood_ = understood_ && read(part, a.time); break;
    default:
        if (a.what == verdict::looked || a.what == verdict::inspected)
            a.rest.emplace_back(part);
        else
            read_detail(part);
    }
}

/// What comes after the time.
void answer_reader::read_detail(std::string_view part)
{
    using verdict = answer::verdict;

    answer& a = answers_.back();
    switch (parts_ - 1) {
    case 2:
        if (a.what == verdict::mismatch || a.what == verdict::evicting)
            a.text = part;
        else if (a.what == verdict::ready)
            a.identity = part;
        else
            understood_ = understood_ && read(part, a.number);
        break;
    case 3:
        if (a.what == verdict::quarantined)
            a.text = part;
        else
            a.best = part == "1";
        break;
    case 4: (a.what == verdict::quarantined ? a.identity : a.text) = part; break;
    case 5:
        a.outranks = part == "1";
        a.kept_back = part == "2";
        break;
    default: understood_ = false;
    }
}

std::vector<answer> answer_reader::take(std::size_t calls)
{
    std::vector<answer> result = std::move(answers_);
    if (of_all_)
        result.assign(calls, answer(result.front()));
    const auto is_whole = [](const answer& a) {
        return a.what == answer::verdict::unknown || a.what == answer::verdict::failed || a.time != 0;
    };
    if (!understood_ || result.size() != calls || !std::all_of(result.begin(), result.end(), is_whole)) {
        answer other;
        other.what = answer::verdict::failed;
        other.text = "gave a reply that is none of a lock: is it a Redis server?";
        result.assign(calls, other);
    }
    *this = {};
    return result;
}

} // namespace priority_redlock::detail::redis
