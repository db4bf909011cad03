// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "script_calls.hpp"

#include <redis_scripts.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace priority_redlock::detail::redis {

namespace {

std::int64_t micros(duration d) noexcept
{
    return d == infinite ? -1 : std::chrono::duration_cast<microseconds>(d).count();
}

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

/// As a string of Lua, whatever is in it.
std::string quoted(std::string_view text)
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

struct keys
{
    explicit keys(const acquisition& a) : lock(a.lock_key), queue(lock + ":q"), tomb(lock + ":x:" + a.id_text) {}

    const std::string& lock;
    std::string queue;
    std::string tomb;
};

} // namespace

script_texts make_script_texts(const quorum_client& client)
{
    const redis_options& o = client.options();
    const std::string options =
        "local channels, deployment, guard = " + quoted(o.prefix + "client:") + ", " + quoted(client.deployment())
        + ", " + quoted(name_of(o.guard))
        + "\nlocal max_ttl, skew, entry_lease, takeover_after, keep = " + std::to_string(micros(o.max_ttl)) + ", "
        + std::to_string(micros(o.clock_skew)) + ", " + std::to_string(micros(client.entry_lease())) + ", "
        + std::to_string(micros(o.takeover_after)) + ", " + std::to_string(keep(o)) + '\n';
    const std::array<std::string_view, script_count> bodies{hello_source,   declare_source, obtain_source, yield_source,
                                                            release_source, settle_source,  raise_source};
    script_texts result;
    for (std::size_t i = 0; i < script_count; ++i)
        result[i] = options + std::string(common_source) + std::string(bodies[i]);
    return result;
}

void encode(const call& c, const quorum_client& client, std::string_view command, std::string_view script_or_sha,
            boost::redis::request& to)
{
    const std::string& prefix = client.options().prefix;
    const std::string_view run = client.run_id(c.node);
    const auto push = [&](auto keys, const auto&... rest) { to.push(command, script_or_sha, keys, rest...); };
    switch (c.what) {
    case script::hello: push(1, prefix + "node", run, c.trust ? 1 : 0, c.nonce); return;
    case script::declare: push(1, prefix + "node", run, c.nonce); return;
    case script::obtain: {
        const acquisition& a = *c.about;
        const keys k(a);
        push(4, k.lock, k.queue, k.tomb, prefix + "node", a.id_text, a.priority, a.ticket, c.waited, a.locker,
             c.sequence, c.ttl, c.number, mode_of(c.how), c.answered ? 1 : 0, micros(client.window(c.node)), run);
        return;
    }
    case script::yield: {
        const acquisition& a = *c.about;
        const keys k(a);
        push(3, k.lock, k.queue, k.tomb, a.id_text, a.priority, a.ticket, c.waited, c.sequence,
             micros(client.window(c.node)));
        return;
    }
    case script::release: {
        const acquisition& a = *c.about;
        const keys k(a);
        push(3, k.lock, k.queue, k.tomb, a.id_text, c.sequence, (c.ttl + 999) / 1000);
        return;
    }
    case script::settle: push(2, c.about->lock_key, prefix + "node", c.about->id_text, c.number, run); return;
    case script::raise: push(1, c.about->lock_key, c.about->id_text, c.number); return;
    }
}

void answer_reader::add(const boost::redis::resp3::node_view& part)
{
    using boost::redis::resp3::type;
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
        word{"unborn", verdict::unborn},
        word{"yielded", verdict::done},
        word{"released", verdict::done},
        word{"settled", verdict::done},
        word{"raised", verdict::done},
        word{"absent", verdict::absent},
    };
    const auto number = [this, &part](std::int64_t& n) {
        const char* const end = part.value.data() + part.value.size();
        const auto [at, ec] = std::from_chars(part.value.data(), end, n);
        understood_ = understood_ && ec == std::errc() && at == end;
    };

    if (part.depth == 0) {
        if (part.data_type == type::simple_error || part.data_type == type::blob_error) {
            answer_.what = part.value.starts_with("NOSCRIPT") ? verdict::unknown : verdict::failed;
            answer_.text = part.value;
        } else {
            understood_ = part.data_type == type::array;
        }
        return;
    }
    switch (parts_++) {
    case 0: {
        const auto it = std::find_if(words.begin(), words.end(), [&](const word& w) { return w.text == part.value; });
        understood_ = understood_ && it != words.end();
        if (it != words.end())
            answer_.what = it->what;
        break;
    }
    case 1: number(answer_.time); break;
    case 2:
        if (answer_.what == verdict::mismatch || answer_.what == verdict::unborn)
            answer_.text = part.value;
        else
            number(answer_.number);
        break;
    case 3: answer_.best = part.value == "1"; break;
    case 4: answer_.text = part.value; break;
    case 5: answer_.outranks = part.value == "1"; break;
    default: understood_ = false;
    }
}

answer answer_reader::take()
{
    answer result = std::move(answer_);
    const bool is_error = result.what == answer::verdict::unknown || result.what == answer::verdict::failed;
    if (!is_error && (!understood_ || parts_ < 2)) {
        result = {};
        result.what = answer::verdict::failed;
        result.text = "gave a reply that is none of a lock's script: is it a Redis server?";
    }
    *this = {};
    return result;
}

} // namespace priority_redlock::detail::redis
