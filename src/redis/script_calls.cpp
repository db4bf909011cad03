// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "script_calls.hpp"

#include "acquisition.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

namespace priority_redlock::detail::redis {

namespace {

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

/// So many commands at most in one run, which nothing else of the server interrupts.
constexpr std::size_t longest_run = 64;

/// By a client, on a lock: several can share a run.
bool can_share_a_run(const call& c) noexcept
{
    switch (c.command) {
    case node_command::obtain:
    case node_command::yield:
    case node_command::release:
    case node_command::write_back: return true;
    case node_command::greet:
    case node_command::scan:
    case node_command::provision:
    case node_command::inspect:
    case node_command::force_release: break;
    }
    return false;
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

std::span<const call> first_run(std::span<const call> calls) noexcept
{
    if (!can_share_a_run(calls.front()))
        return calls.first(1);
    const auto end = std::find_if_not(calls.begin(), calls.end(), can_share_a_run);
    return calls.first(std::min(longest_run, static_cast<std::size_t>(end - calls.begin())));
}

script script_for(std::span<const call> run) noexcept
{
    switch (run.front().command) {
    case node_command::greet: return script::greet;
    case node_command::scan: return script::scan;
    case node_command::provision: return script::provision;
    case node_command::inspect: return script::inspect;
    case node_command::force_release: return script::force_release;
    case node_command::obtain: return run.size() == 1 ? script::obtain : script::commands;
    case node_command::release: return run.size() == 1 ? script::release : script::commands;
    default: return script::commands;
    }
}

// --- requests --------------------------------------------------------------------------------------------------------

void call_encoder::add(std::span<const call> run, std::string_view run_id, std::string_view command,
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
        put({prefix_, "node"});
    if (on_locks)
        for (const call& c : run)
            put_keys(c);
    if (asks_the_node)
        put({run_id});
    for (const call& c : run) {
        if (which == script::commands)
            put({name_of(c.command)});
        put_arguments(c);
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

void call_encoder::put_arguments(const call& c)
{
    if (c.command == node_command::greet) {
        put({c.last_identity});
        put({digits(c.left_ago)});
        return;
    }
    if (c.command == node_command::scan) {
        put({c.cursor});
        put({pattern_of(prefix_)});
    }
    if (!c.about)
        return;
    const acquisition& a = *c.about;
    put({a.id_text});
    switch (c.command) {
    case node_command::obtain:
        put({digits(a.priority), " ", a.locker});
        put({digits(c.sequence)});
        put({digits(c.ttl)});
        put({digits(c.token)});
        put({digits(a.ticket), " ", digits(c.waited), " ", digits(c.window), " ", mode_of(c.mode),
             c.quorum_answered ? " 1" : " 0", a.preempt ? " 1" : " 0"});
        break;
    case node_command::yield:
        put({digits(a.priority)});
        put({digits(a.ticket)});
        put({digits(c.waited)});
        put({digits(c.sequence)});
        put({digits(c.window)});
        put({a.preempt ? "1" : "0"});
        break;
    case node_command::release:
        put({digits(c.sequence)});
        put({digits((c.ttl + 999) / 1000)});
        break;
    case node_command::write_back:
    case node_command::force_release: put({digits(c.token)}); break;
    case node_command::greet:
    case node_command::scan:
    case node_command::provision:
    case node_command::inspect: break;
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
        word{"scanned", verdict::scanned},
        word{"occupied", verdict::occupied},
        word{"inspected", verdict::inspected},
        word{"provisioned", verdict::done},
        word{"yielded", verdict::done},
        word{"released", verdict::done},
        word{"written_back", verdict::done},
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
        if (a.what == verdict::scanned || a.what == verdict::inspected)
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

// --- a session -------------------------------------------------------------------------------------------------------

void script_session::begin(std::string run_id, std::array<std::string, loaded_scripts> shas)
{
    run_id_ = std::move(run_id);
    shas_ = std::move(shas);
    forgotten_ = {};
}

std::size_t script_session::add_run(std::span<const call> calls, boost::redis::request& to)
{
    const auto run = first_run(calls);
    const auto which = static_cast<std::size_t>(script_for(run));
    if (which >= loaded_scripts || std::exchange(forgotten_[which], false))
        encoder_.add(run, run_id_, "EVAL", texts_[which], to);
    else
        encoder_.add(run, run_id_, "EVALSHA", shas_[which], to);
    return run.size();
}

std::vector<answer> script_session::take(answer_reader& reply, std::span<const call> run)
{
    std::vector<answer> answers = reply.take(run.size());
    const auto which = static_cast<std::size_t>(script_for(run));
    if (answers.front().what == answer::verdict::unknown && which < loaded_scripts)
        forgotten_[which] = true;
    return answers;
}

} // namespace priority_redlock::detail::redis
