// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "quorum_client.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr duration quick_timeout = 1s;

constexpr std::size_t remembered_ends = 4096;

std::string text_of(acquisition_id id)
{
    std::array<char, 40> buffer{};
    char* end = std::to_chars(buffer.data(), buffer.data() + 16, id.client, 16).ptr;
    std::string result(16 - static_cast<std::size_t>(end - buffer.data()), '0');
    *end++ = '-';
    end = std::to_chars(end, buffer.data() + buffer.size(), id.number).ptr;
    return result.append(buffer.data(), end);
}

bool has_yielded(const acquisition& a) noexcept
{
    return std::any_of(a.nodes.begin(), a.nodes.end(), [](const at_node& n) { return n.yielded; });
}

} // namespace

quorum_client::quorum_client(std::vector<std::string> names, const redis_options& options, std::uint64_t seed)
    : options_(options), quorum_(names.size() / 2 + 1), nodes_(names.size()),
      random_(static_cast<std::minstd_rand::result_type>(seed))
{
    deployment_ =
        "version=5 nodes=" + std::to_string(names.size()) + " max_ttl_us=" + std::to_string(micros(options.max_ttl));
    for (std::size_t i = 0; i < names.size(); ++i)
        nodes_[i].name = std::move(names[i]);
}

quorum_client::~quorum_client()
{
    deadlines_.clear();
}

// --- what the manager asks for ---------------------------------------------------------------------------------------

void quorum_client::obtain(obtain_request request, protocol::handler<obtain_reply> handler, moment now)
{
    const duration ttl = request.ttl == infinite ? options_.lease : request.ttl;
    if (ttl > options_.max_ttl) {
        const std::int64_t asked = micros(ttl) / 1000;
        out_.log.push_back({.level = log_level::warning,
                            .event = "ttl_refused",
                            .text = "redis: a ttl of " + std::to_string(asked)
                                    + " ms is refused: redis_options::max_ttl is "
                                    + std::to_string(micros(options_.max_ttl) / 1000) + " ms",
                            .resource = std::move(request.resource),
                            .locker = std::move(request.locker),
                            .priority = request.priority,
                            .milliseconds = asked});
        out_.told.emplace_back(reply_to_obtain{std::move(handler), errc::invalid_argument, {}});
        return;
    }
    if (const pointer known = find(request.id)) {
        acquisition& a = *known;
        if (a.now == phase::held) {
            a.priority = std::max(a.priority, request.priority);
            a.extensions.push_back({std::move(handler), ttl});
            if (a.extensions.size() == 1)
                start_extension(a, now);
            return;
        }
        answer_obtain(a, {}, {.what = obtain_reply::verdict::waiting});
        a.on_reply = std::move(handler);
        if (a.now == phase::ending) {
            answer_obtain(a, {}, {});
        } else {
            a.how = request.how;
            a.preempt = request.preempt;
            if (a.now == phase::open && has_quorum())
                ask_all(a, now);
            else
                reschedule(a); // how long it waits for a quorum depends on how it asks
        }
        return;
    }
    if (ended_.contains(request.id)) {
        out_.told.emplace_back(reply_to_obtain{std::move(handler), {}, {}});
        return;
    }
    const auto made = std::make_shared<acquisition>();
    acquisition& a = *made;
    a.id = request.id;
    a.id_text = text_of(request.id);
    a.lock_key = options_.prefix + '{' + request.resource + '}';
    a.locker = std::move(request.locker);
    a.priority = request.priority;
    a.preempt = request.preempt;
    a.ticket = static_cast<std::int64_t>(request.ticket);
    a.ttl = a.longest_ttl = ttl;
    a.how = request.how;
    a.started = now.steady;
    a.nodes.resize(size());
    a.on_reply = std::move(handler);
    acquisitions_.emplace(a.id, made);
    if (has_quorum()) {
        ask_all(a, now);
    } else {
        a.without_quorum = now.steady;
        reschedule(a);
    }
}

void quorum_client::end(acquisition_id id, protocol::done_handler handler, moment now)
{
    remember_end(id);
    const pointer a = find(id);
    if (!a) {
        out_.told.emplace_back(reply_done{std::move(handler), {}});
        return;
    }
    a->on_end.push_back(std::move(handler));
    if (a->now == phase::ending)
        judge_end(*a);
    else
        start_ending(*a, now);
}

void quorum_client::abandon(moment now)
{
    for (const auto& [id, each] : std::vector(acquisitions_.begin(), acquisitions_.end())) {
        acquisition& a = *each;
        if (a.now == phase::held) {
            protocol_event e;
            e.what = protocol_event::kind::ended;
            e.id = a.id;
            e.reason = errc::lost;
            out_.told.emplace_back(std::move(e));
            start_ending(a, now);
        } else if (a.now != phase::ending) {
            fail(a, asio::error::operation_aborted, now);
        }
        finish(a);
    }
    out_.calls.clear();
}

void quorum_client::remember_end(acquisition_id id)
{
    if (!ended_.insert(id).second)
        return;
    ended_order_.push_back(id);
    if (ended_order_.size() > remembered_ends) {
        ended_.erase(ended_order_.front());
        ended_order_.pop_front();
    }
}

// --- calls -----------------------------------------------------------------------------------------------------------

call& quorum_client::send(step what, std::size_t node, acquisition* about, moment now)
{
    node_state& n = nodes_[node];
    if ((what == step::obtain || what == step::settle) && n.hello_at <= now.steady)
        send_hello(node, now); // calls are answered in this order
    call& c = out_.calls.emplace_back();
    c.what = what;
    c.node = node;
    c.sequence = ++n.last_sequence;
    c.sent = now.steady;
    n.unanswered.emplace_back(c.sequence, now.steady);
    if (about) {
        c.about = about->shared_from_this();
        c.round = about->round;
        c.waited = micros(now.steady - about->started);
    }
    return c;
}

void quorum_client::ask(acquisition& a, std::size_t node, bool to_keep, moment now)
{
    at_node& n = a.nodes[node];
    call& c = send(step::obtain, node, &a, now);
    c.ttl = micros(a.ttl);
    c.number = a.proposal;
    c.how = to_keep ? obtain_request::mode::now : a.how;
    c.answered = a.answered && !a.is_kept_back();
    if (n.is != status::granted)
        n.is = status::asked;
    n.may_exist = true;
    n.yielded = n.woken = false;
    n.ask_again(never);
    ++n.outstanding;
}

void quorum_client::start_round(acquisition& a, moment now)
{
    ++a.round;
    a.round_ends = saturating_add(now.steady, std::min(options_.node_timeout, a.ttl / 3));
    if (!std::exchange(a.has_ticket, true))
        a.ticket += corrected(now) - now.wall;
    // A token is proposed anew where no grant of the last one is left, so that it is above what was granted meanwhile.
    const auto is_out = [](const at_node& n) { return n.is == status::granted || n.is == status::asked; };
    if (std::none_of(a.nodes.begin(), a.nodes.end(), is_out))
        a.proposal = last_token_ = std::max(corrected(now), last_token_ + 1);
}

void quorum_client::ask_all(acquisition& a, moment now)
{
    start_round(a, now);
    for (std::size_t i = 0; i < size(); ++i) {
        at_node& n = a.nodes[i];
        if (votes(i)) {
            ask(a, i, false, now);
        } else if (n.is != status::granted) {
            n.is = status::unreachable;
            n.answered = a.round;
            n.ask_again(saturating_add(now.steady, rest(a)));
        }
    }
    judge(a, now);
}

/// The node had forgotten the script, and nothing was done.
void quorum_client::repeat(const call& c, moment now)
{
    acquisition* const a = c.about.get();
    at_node* const n = a ? &a->nodes[c.node] : nullptr;
    if (c.what == step::obtain)
        --n->outstanding;
    // Something that was sent later may have been done.
    const bool last = c.what == step::yield || c.what == step::release ? c.sequence == n->ignore_before
                                                                       : !n || c.sequence >= n->ignore_before;
    if (!last || (a && a->now == phase::over) || (c.what == step::obtain && a->now == phase::ending))
        return;
    call& again = send(c.what, c.node, a, now);
    const auto sequence = again.sequence;
    const auto waited = again.waited;
    again = c;
    again.sequence = sequence;
    again.sent = now.steady;
    again.waited = waited;
    if (c.what == step::obtain)
        ++n->outstanding;
    else if (c.what == step::yield || c.what == step::release)
        n->ignore_before = sequence;
}

// --- time ------------------------------------------------------------------------------------------------------------

time_point quorum_client::next_deadline() const noexcept
{
    time_point next = deadlines_.empty() ? never : deadlines_.begin()->due;
    for (const node_state& n : nodes_)
        next = std::min(next, n.hello_at);
    return next;
}

void quorum_client::advance(moment now)
{
    note_silence(now);
    for (std::size_t i = 0; i < size(); ++i) {
        node_state& n = nodes_[i];
        if (n.hello_at > now.steady)
            continue;
        n.hello_at = never;
        if (n.is == node_state::status::excluded) {
            on_up(i, n.run_id, now); // perhaps the other one has gone
            continue;
        }
        send_hello(i, now);
    }
    while (!deadlines_.empty() && deadlines_.begin()->due <= now.steady) {
        const pointer a = deadlines_.begin()->shared_from_this();
        deadlines_.erase(deadlines_.begin());
        a->due = never;
        look_again(*a, now);
    }
}

/// Where it is time to ask again.
void quorum_client::ask_due(acquisition& a, moment now)
{
    // One that yielded somewhere asks there whenever it asks: else a lone waiter could be granted one node after the
    // other, and never a quorum. Lest it ask there as often as it has nodes, it brings forward what is due soon.
    const auto is_due = [now](const at_node& n) { return n.due() <= now.steady; };
    if (std::none_of(a.nodes.begin(), a.nodes.end(), is_due))
        return;
    const time_point until = has_yielded(a) ? saturating_add(now.steady, options_.retry_interval / 2) : now.steady;
    for (std::size_t i = 0; i < size(); ++i) {
        at_node& n = a.nodes[i];
        if (n.due() > until && !(n.yielded && votes(i)))
            continue;
        if (!votes(i)) {
            n.ask_again(saturating_add(now.steady, rest(a)));
            continue;
        }
        if (a.round_ends == never)
            start_round(a, now);
        ask(a, i, false, now);
    }
}

void quorum_client::look_again(acquisition& a, moment now)
{
    switch (a.now) {
    case phase::open:
        if (gives_up_at(a) <= now.steady) {
            fail(a, errc::no_quorum, now);
            return;
        }
        if (a.round_ends <= now.steady) {
            judge(a, now);
            return;
        }
        if (!has_quorum()) {
            if (a.round_ends == never)
                withdraw(a, now);
            for (at_node& n : a.nodes) // the round comes to its end first
                if (n.due() <= now.steady)
                    n.ask_again(a.round_ends);
            break;
        }
        ask_due(a, now);
        break;
    case phase::settling: judge_settled(a, now); return;
    case phase::held: judge_extension(a, now); return;
    case phase::ending:
        if (a.round_ends <= now.steady) {
            finish(a);
            return;
        }
        for (std::size_t i = 0; i < size(); ++i)
            if (a.nodes[i].due() <= now.steady) {
                a.nodes[i].ask_again(never);
                release(a, i, now);
            }
        break;
    case phase::over: return;
    }
    reschedule(a);
}

/// When one that waits for a quorum of nodes has waited long enough. One that wants no wait has what it takes to
/// connect.
time_point quorum_client::gives_up_at(const acquisition& a) const noexcept
{
    if (a.without_quorum == never)
        return never;
    const bool waits = a.how == obtain_request::mode::wait;
    return saturating_add(a.without_quorum,
                          waits ? options_.quorum_timeout : std::min(options_.quorum_timeout, quick_timeout));
}

void quorum_client::reschedule(acquisition& a)
{
    time_point due = a.round_ends;
    // Nodes are asked again only by one that may ask: a time that nobody heeds would be due for ever.
    const bool asks = a.now == phase::open && !a.cut_off && (has_quorum() || a.round_ends == never);
    if (asks || a.now == phase::ending)
        for (const at_node& n : a.nodes)
            due = std::min(due, n.due());
    if (a.now == phase::open)
        due = std::min(due, gives_up_at(a));
    if (due == a.due)
        return;
    if (a.is_linked())
        deadlines_.erase(deadlines_.iterator_to(a));
    a.due = due;
    if (due != never)
        deadlines_.insert(a);
}

quorum_client::pointer quorum_client::find(acquisition_id id) const noexcept
{
    const auto it = acquisitions_.find(id);
    return it == acquisitions_.end() ? nullptr : it->second;
}

/// How long a waiter asks nothing by itself. Longer for one that yielded: such a node is asked and yielded each time.
duration quorum_client::rest(const acquisition& a)
{
    return jittered(has_yielded(a) ? options_.retry_interval * 5 / 3 : options_.retry_interval);
}

/// Between 90 and 110 %, so that those who failed together do not come back together.
duration quorum_client::jittered(duration d)
{
    return d * static_cast<int>(90 + random_() % 21) / 100;
}

} // namespace priority_redlock::detail::redis
