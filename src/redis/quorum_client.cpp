// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "quorum_client.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <span>
#include <tuple>

namespace priority_redlock::detail::redis {

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// How long a node that is empty, while others are not, is looked at before it is taken for one that lost its data: so
/// long another client may take to set up a new deployment.
constexpr duration birth = 500ms;
constexpr duration birth_poll = 50ms;

constexpr duration shortest_window = 30ms;

constexpr duration quick_timeout = 1s;

constexpr duration smallest_correction = 10ms;

constexpr std::size_t remembered_ends = 4096;

std::int64_t count(duration d) noexcept
{
    return std::chrono::duration_cast<microseconds>(d).count();
}

/// What the clocks of two machines may differ by in the measurement of a ttl: 1 % and 2 ms, as in the Redlock text.
duration drift(duration ttl) noexcept
{
    return ttl / 100 + 2ms;
}

std::string text_of(acquisition_id id)
{
    std::array<char, 40> buffer{};
    char* end = std::to_chars(buffer.data(), buffer.data() + 16, id.client, 16).ptr;
    std::string result(16 - static_cast<std::size_t>(end - buffer.data()), '0');
    *end++ = '-';
    end = std::to_chars(end, buffer.data() + buffer.size(), id.number).ptr;
    return result.append(buffer.data(), end);
}

acquisition_id id_of(std::string_view text) noexcept
{
    acquisition_id id;
    const char* const end = text.data() + text.size();
    const auto [dash, bad] = std::from_chars(text.data(), end, id.client, 16);
    if (bad != std::errc() || dash == end || std::from_chars(dash + 1, end, id.number).ec != std::errc())
        return {};
    return id;
}

std::string_view next_word(std::string_view& rest) noexcept
{
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

/// An error that tells what is wrong, and what to do about it.
struct known_error
{
    std::string_view word;
    std::string_view cure;
    bool of_the_node = true; // whatever it is asked; else about what was asked for
};

/// Null: another one.
const known_error* find_known(std::string_view error) noexcept
{
    static constexpr std::array known{
        known_error{"READONLY", "has become a replica: name a master, nodes are independent of each other"},
        known_error{"OOM", "is out of memory: raise its maxmemory"},
        known_error{"MISCONF", "cannot write to its disk: see its log, and the space on the disk"},
        known_error{"NOREPLICAS", "wants replicas: unset min-replicas-to-write, nodes are independent of each other"},
        known_error{"NOPERM", "forbids a command, key or channel to its user: see redis_options::prefix for the ACL"},
        known_error{"NOAUTH", "wants a password"},
        known_error{"LOADING", "is loading its data"},
        known_error{"BUSY", "is busy with somebody's script"},
        known_error{"CLUSTERDOWN", "is part of a cluster that is down: name independent servers"},
        known_error{"WRONGTYPE",
                    "has something else under a key of a lock: choose another redis_options::prefix, or delete it",
                    false},
    };
    // Older servers put it into the middle.
    const auto it = std::find_if(known.begin(), known.end(),
                                 [error](const known_error& each) { return error.find(each.word) != error.npos; });
    return it == known.end() ? nullptr : &*it;
}

bool has_yielded(const acquisition& a) noexcept
{
    return std::any_of(a.nodes.begin(), a.nodes.end(), [](const at_node& n) { return n.yielded; });
}

template <class Number>
bool read(std::string_view text, Number& n) noexcept
{
    return std::from_chars(text.data(), text.data() + text.size(), n).ec == std::errc();
}

} // namespace

quorum_client::quorum_client(std::vector<std::string> names, const redis_options& options, std::uint64_t seed)
    : options_(options), quorum_(names.size() / 2 + 1), nodes_(names.size()),
      random_(static_cast<std::minstd_rand::result_type>(seed))
{
    deployment_ =
        "version=2 nodes=" + std::to_string(names.size()) + " max_ttl_us=" + std::to_string(count(options.max_ttl));
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
    if (request.ttl != infinite && request.ttl > options_.max_ttl) {
        out_.log.push_back({log_level::warning, "redis: a ttl of " + std::to_string(count(request.ttl) / 1000)
                                                    + " ms is refused: redis_options::max_ttl is "
                                                    + std::to_string(count(options_.max_ttl) / 1000) + " ms"});
        out_.told.emplace_back(reply_to_obtain{std::move(handler), errc::invalid_argument, {}});
        return;
    }
    if (const pointer known = find(request.id)) {
        acquisition& a = *known;
        answer_obtain(a, {}, {.what = obtain_reply::verdict::waiting});
        a.on_reply = std::move(handler);
        if (a.now == phase::held) {
            answer_obtain(a, {}, {obtain_reply::verdict::granted, a.valid_until, static_cast<std::uint64_t>(a.token)});
        } else if (a.now == phase::ending) {
            answer_obtain(a, {}, {});
        } else {
            a.how = request.how;
            if (a.now == phase::open && has_quorum())
                ask_all(a, now);
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
    a.ticket = static_cast<std::int64_t>(request.ticket);
    a.ttl = a.longest_ttl = request.ttl == infinite ? options_.lease : request.ttl;
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

void quorum_client::extend(acquisition_id id, duration ttl, protocol::handler<time_point> handler, moment now)
{
    const pointer a = find(id);
    const duration wanted = ttl == infinite ? options_.lease : ttl;
    if (wanted > options_.max_ttl) {
        out_.told.emplace_back(reply_to_extend{std::move(handler), errc::invalid_argument, {}});
        return;
    }
    if (!a || a->now != phase::held) {
        out_.told.emplace_back(reply_to_extend{std::move(handler), errc::not_held, {}});
        return;
    }
    a->extensions.push_back({std::move(handler), wanted});
    if (a->extensions.size() == 1)
        start_extension(*a, now);
}

void quorum_client::raise(acquisition_id id, int priority, protocol::done_handler handler, moment now)
{
    if (const pointer a = find(id); a && a->now != phase::ending) {
        a->priority = std::max(a->priority, priority);
        for (std::size_t i = 0; i < size(); ++i)
            if (a->nodes[i].may_exist && votes(i))
                send(step::raise, i, a.get(), now).number = a->priority;
    }
    out_.told.emplace_back(reply_done{std::move(handler), {}});
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
    call& c = out_.calls.emplace_back();
    c.what = what;
    c.node = node;
    c.sequence = ++n.last_sequence;
    c.sent = now.steady;
    n.unanswered.emplace_back(c.sequence, now.steady);
    if (about) {
        c.about = about->shared_from_this();
        c.round = about->round;
        c.waited = count(now.steady - about->started);
    }
    return c;
}

void quorum_client::ask(acquisition& a, std::size_t node, bool to_keep, moment now)
{
    at_node& n = a.nodes[node];
    call& c = send(step::obtain, node, &a, now);
    c.ttl = count(a.ttl);
    c.number = a.proposal;
    c.how = to_keep ? obtain_request::mode::now : a.how;
    c.answered = a.answered;
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

// --- a round ---------------------------------------------------------------------------------------------------------

void quorum_client::on_obtain(const call& c, const answer& r, moment now)
{
    using verdict = answer::verdict;

    acquisition& a = *c.about;
    at_node& n = a.nodes[c.node];
    --n.outstanding;
    if (r.what == verdict::lost)
        n.may_come = true;
    if (c.sequence < n.ignore_before || a.now == phase::ending || a.now == phase::over)
        return;
    const bool woken = std::exchange(n.woken, false);
    n.answered = c.round;
    n.outranked = false;
    switch (r.what) {
    case verdict::granted:
        n.is = status::granted;
        n.sent = c.sent;
        n.token = r.number;
        break;
    case verdict::waiting: {
        n.is = status::waiting;
        n.outranked = r.outranks;
        n.holder = r.text;
        const bool is_next = r.best && r.number > 0;
        n.ask_again(saturating_add(now.steady, rest(a)),
                    is_next ? now.steady + microseconds(r.number) + jittered(2ms) : never);
        break;
    }
    case verdict::refused:
    case verdict::gone:
        n.is = status::refused;
        n.ask_again(saturating_add(now.steady, rest(a)));
        break;
    default:
        // What a node has granted it may still have, though it does not answer.
        if (n.is != status::granted)
            n.is = status::unreachable;
        n.ask_again(saturating_add(now.steady, rest(a)));
    }
    switch (a.now) {
    case phase::open:
        note_reach(a, now);
        if (n.is == status::granted && a.round_ends == never)
            yield(a, c.node, now); // the round had been given up
        if (woken && n.is == status::waiting && votes(c.node)) {
            if (a.round_ends == never)
                start_round(a, now);
            ask(a, c.node, false, now);
        }
        judge(a, now);
        break;
    case phase::settling: judge_settled(a, now); break;
    case phase::held:
        n.ask_again(never);
        if (c.round == a.round && n.renewed == at_node::renewal::asked) {
            n.renewed = r.what == verdict::granted ? at_node::renewal::yes
                        : n.is == status::waiting  ? at_node::renewal::no
                        : n.is == status::refused  ? at_node::renewal::no
                                                   : at_node::renewal::unreachable;
            judge_extension(a, now);
        }
        break;
    case phase::ending:
    case phase::over: break;
    }
}

/// Whether a quorum answers this acquisition, in whichever rounds. Nodes that vote may do so with an error: then it has
/// no quorum.
void quorum_client::note_reach(acquisition& a, moment now)
{
    std::size_t answer = 0;
    std::size_t fail = 0;
    for (const at_node& n : a.nodes) {
        answer += n.is == status::granted || n.is == status::waiting || n.is == status::refused;
        fail += n.is == status::unreachable;
    }
    if (fail > size() - quorum_)
        a.without_quorum = std::min(a.without_quorum, now.steady);
    else if (answer >= quorum_ && has_quorum())
        a.without_quorum = never;
    a.answered = a.answered || answer >= quorum_;
}

/// How the round stands, in which an obtain asks.
void quorum_client::judge(acquisition& a, moment now)
{
    if (a.round_ends == never) { // what comes late may make it a quorum that has answered
        if (has_quorum())
            prompt_holder(a, now);
        reschedule(a);
        return;
    }
    std::size_t granted = 0;
    std::size_t pending = 0;
    std::size_t refused = 0;
    for (const at_node& n : a.nodes) {
        if (n.is == status::granted)
            ++granted;
        else if (n.is == status::asked)
            ++pending;
        else if (n.answered == a.round)
            ++refused;
    }
    if (granted >= quorum_) {
        // The token is the one of a quorum, if there is such a one.
        std::int64_t best = 0;
        bool agreed = false;
        for (const at_node& n : a.nodes) {
            if (n.is != status::granted)
                continue;
            best = std::max(best, n.token);
            const auto same = [&n](const at_node& m) { return m.is == status::granted && m.token == n.token; };
            if (static_cast<std::size_t>(std::count_if(a.nodes.begin(), a.nodes.end(), same)) >= quorum_) {
                a.token = n.token;
                agreed = true;
                break;
            }
        }
        if (agreed)
            grant(a, now);
        else
            settle(a, best, now);
    } else if (refused > size() - quorum_ || (granted == 0 && pending == 0) || a.round_ends <= now.steady) {
        give_up_round(a, now);
    } else {
        reschedule(a);
    }
}

/// A round that did not succeed gives back what it was granted; the acquisition stays in the queues.
void quorum_client::give_up_round(acquisition& a, moment now)
{
    using mode = obtain_request::mode;

    std::size_t voted = 0;
    std::size_t refused = 0;
    for (const at_node& n : a.nodes) {
        const bool votes = n.is == status::granted || n.is == status::waiting || n.is == status::refused;
        voted += votes && n.answered == a.round;
        refused += n.is == status::refused; // in whichever round
    }
    const bool is_over = a.round_ends <= now.steady;
    a.round_ends = never;
    if (a.how == mode::now || refused > size() - quorum_) {
        if (!has_quorum() || (voted < quorum_ && refused <= size() - quorum_))
            fail(a, errc::no_quorum, now);
        else
            fail(a, {}, now);
        return;
    }
    // What is still to be answered is given back if it turns out to be a grant, or now, if that would take too long.
    for (std::size_t i = 0; i < size(); ++i)
        if (a.nodes[i].is == status::granted || (a.nodes[i].is == status::asked && is_over))
            yield(a, i, now);
    answer_obtain(a, {}, {.what = obtain_reply::verdict::waiting});
    if (!has_quorum())
        withdraw(a, now);
    else
        prompt_holder(a, now);
    reschedule(a);
}

/// The holder goes when a quorum of its nodes has told it. Where not so many can, it is told that a quorum has answered
/// its thief.
void quorum_client::prompt_holder(acquisition& a, moment now)
{
    if (!a.answered || a.told_of_answer)
        return;
    std::size_t reached = 0;
    bool outranks = false;
    for (const at_node& n : a.nodes) {
        if (n.is != status::waiting || !n.outranked)
            continue;
        outranks = true;
        const auto same = [&n](const at_node& m) {
            return m.is == status::waiting && m.outranked && m.holder == n.holder;
        };
        reached = std::max(reached, static_cast<std::size_t>(std::count_if(a.nodes.begin(), a.nodes.end(), same)));
    }
    if (!outranks || reached >= quorum_)
        return;
    a.told_of_answer = true;
    start_round(a, now);
    for (std::size_t i = 0; i < size(); ++i)
        if (a.nodes[i].outranked && votes(i))
            ask(a, i, false, now);
}

void quorum_client::yield(acquisition& a, std::size_t node, moment now)
{
    at_node& n = a.nodes[node];
    n.ignore_before = send(step::yield, node, &a, now).sequence;
    n.is = status::waiting;
    n.outranked = n.woken = false;
    n.yielded = true;
    n.ask_again(saturating_add(now.steady, rest(a)));
    for (at_node& other : a.nodes) // that it yields was not known yet when they answered
        if (other.is == status::waiting && other.answered == a.round)
            other.ask_again(saturating_add(now.steady, rest(a)), other.ends_at);
}

/// One that no quorum answers leaves the queues, lest it block everybody with a minority. It keeps its ticket.
void quorum_client::withdraw(acquisition& a, moment now)
{
    a.cut_off = true;
    for (std::size_t i = 0; i < size(); ++i) {
        at_node& n = a.nodes[i];
        n.ask_again(never);
        n.yielded = false;
        if (std::exchange(n.is, status::nothing) != status::nothing && n.may_exist
            && nodes_[i].is != node_state::status::down)
            n.ignore_before = send(step::release, i, &a, now).sequence;
    }
}

void quorum_client::answer_obtain(acquisition& a, error_code ec, const obtain_reply& reply)
{
    if (a.on_reply)
        out_.told.emplace_back(reply_to_obtain{std::exchange(a.on_reply, nullptr), ec, reply});
}

/// It is given up. No error: refused.
void quorum_client::fail(acquisition& a, error_code why, moment now)
{
    if (a.on_reply) {
        answer_obtain(a, why, {});
    } else {
        protocol_event e;
        e.what = protocol_event::kind::failed;
        e.id = a.id;
        e.reason = why ? why : make_error_code(errc::already_acquired);
        out_.told.emplace_back(std::move(e));
    }
    start_ending(a, now);
}

// --- the token, the grant --------------------------------------------------------------------------------------------

/// No token is that of a quorum: the largest becomes it.
void quorum_client::settle(acquisition& a, std::int64_t token, moment now)
{
    a.now = phase::settling;
    a.token = token;
    a.round_ends = saturating_add(now.steady, std::min(options_.node_timeout, a.ttl / 3));
    for (std::size_t i = 0; i < size(); ++i) {
        at_node& n = a.nodes[i];
        if (n.is != status::granted || n.token == token || !votes(i))
            continue;
        send(step::settle, i, &a, now).number = token;
        n.settling = true;
    }
    judge_settled(a, now);
}

void quorum_client::on_settled(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    at_node& n = a.nodes[c.node];
    if (a.now != phase::settling || c.sequence < n.ignore_before || !std::exchange(n.settling, false))
        return;
    if (r.what == answer::verdict::done) {
        n.token = a.token;
    } else {
        // It is no longer held there, or nobody knows: if this comes to nothing, the node is asked again.
        n.is = status::unreachable;
        n.ask_again(saturating_add(now.steady, rest(a)));
    }
    judge_settled(a, now);
}

void quorum_client::judge_settled(acquisition& a, moment now)
{
    std::size_t settled = 0;
    std::size_t pending = 0;
    for (const at_node& n : a.nodes) {
        settled += n.is == status::granted && n.token == a.token;
        pending += n.settling;
    }
    if (settled >= quorum_) {
        grant(a, now);
    } else if (settled + pending < quorum_ || a.round_ends <= now.steady) {
        for (at_node& n : a.nodes)
            n.settling = false;
        a.now = phase::open;
        give_up_round(a, now);
    } else {
        reschedule(a);
    }
}

/// A quorum has granted one token. That still has to be valid by the earliest of the grants that it relies on.
void quorum_client::grant(acquisition& a, moment now)
{
    std::vector<time_point> sent;
    for (const at_node& n : a.nodes)
        if (n.is == status::granted && n.token == a.token)
            sent.push_back(n.sent);
    std::sort(sent.begin(), sent.end(), std::greater<>());
    const auto until = sent[quorum_ - 1] + a.ttl - drift(a.ttl);
    if (until <= now.steady) {
        a.now = phase::open;
        give_up_round(a, now);
        return;
    }
    a.now = phase::held;
    a.valid_until = until;
    a.round_ends = never;
    a.without_quorum = never;
    last_token_ = std::max(last_token_, a.token);
    for (at_node& n : a.nodes) {
        n.ask_again(never);
        n.settling = n.woken = n.yielded = false;
    }
    if (a.on_reply) {
        answer_obtain(a, {}, {obtain_reply::verdict::granted, until, static_cast<std::uint64_t>(a.token)});
    } else {
        protocol_event e;
        e.what = protocol_event::kind::granted;
        e.id = a.id;
        e.valid_until = until;
        e.fencing_token = static_cast<std::uint64_t>(a.token);
        out_.told.emplace_back(std::move(e));
    }
    heed_notices(a, now);
    reschedule(a);
}

// --- extensions ------------------------------------------------------------------------------------------------------

/// Asks all nodes to keep it, those too that do not have it: so it outlasts nodes that are restarted one by one.
void quorum_client::start_extension(acquisition& a, moment now)
{
    if (a.valid_until <= now.steady) {
        end_extension(a, errc::not_held, {}, now);
        return;
    }
    ++a.round;
    a.ttl = a.extensions.front().ttl;
    a.longest_ttl = std::max(a.longest_ttl, a.ttl);
    a.round_ends = saturating_add(now.steady, std::min(options_.node_timeout, a.ttl / 3));
    for (std::size_t i = 0; i < size(); ++i) {
        a.nodes[i].renewed = at_node::renewal::unreachable;
        if (votes(i)) {
            ask(a, i, true, now);
            a.nodes[i].renewed = at_node::renewal::asked;
        }
    }
    judge_extension(a, now);
}

void quorum_client::judge_extension(acquisition& a, moment now)
{
    std::vector<time_point> sent;
    std::size_t refused = 0;
    std::size_t unreachable = 0;
    for (const at_node& n : a.nodes) {
        if (n.renewed == at_node::renewal::yes)
            sent.push_back(n.sent);
        refused += n.renewed == at_node::renewal::no;
        unreachable += n.renewed == at_node::renewal::unreachable;
    }
    if (sent.size() >= quorum_) {
        std::sort(sent.begin(), sent.end(), std::greater<>());
        const auto until = sent[quorum_ - 1] + a.ttl - drift(a.ttl);
        if (until > now.steady && a.valid_until > now.steady) {
            a.valid_until = until;
            end_extension(a, {}, until, now);
        } else {
            end_extension(a, errc::not_held, {}, now);
        }
    } else if (refused > size() - quorum_) {
        end_extension(a, errc::not_held, {}, now);
    } else if (refused + unreachable > size() - quorum_ || a.round_ends <= now.steady) {
        end_extension(a, errc::no_quorum, {}, now);
    } else {
        reschedule(a);
    }
}

void quorum_client::end_extension(acquisition& a, error_code ec, time_point until, moment now)
{
    a.round_ends = never;
    for (at_node& n : a.nodes)
        n.renewed = at_node::renewal::none;
    out_.told.emplace_back(reply_to_extend{std::move(a.extensions.front().handler), ec, until});
    a.extensions.pop_front();
    if (!a.extensions.empty())
        start_extension(a, now);
    else
        reschedule(a);
}

// --- the end ---------------------------------------------------------------------------------------------------------

void quorum_client::start_ending(acquisition& a, moment now)
{
    a.now = phase::ending;
    answer_obtain(a, {}, {});
    for (auto& each : a.extensions)
        out_.told.emplace_back(reply_to_extend{std::move(each.handler), errc::not_held, {}});
    a.extensions.clear();
    a.round_ends = saturating_add(now.steady, a.longest_ttl + options_.node_timeout); // then nothing can be left of it
    for (std::size_t i = 0; i < size(); ++i) {
        a.nodes[i].ask_again(never);
        if (a.nodes[i].may_exist)
            release(a, i, now);
    }
    judge_end(a);
}

/// A node that is down is told when it is back.
void quorum_client::release(acquisition& a, std::size_t node, moment now)
{
    if (nodes_[node].is == node_state::status::down)
        return;
    at_node& n = a.nodes[node];
    call& c = send(step::release, node, &a, now);
    c.ttl = n.may_come ? count(a.longest_ttl) : 0;
    n.ignore_before = c.sequence;
}

void quorum_client::on_released(const call& c, const answer& r, moment now)
{
    acquisition& a = *c.about;
    at_node& n = a.nodes[c.node];
    if (c.sequence != n.ignore_before)
        return; // something was sent since
    if (r.what == answer::verdict::done || r.what == answer::verdict::absent) {
        if (n.outstanding == 0)
            n.may_exist = false;
    } else if (r.what == answer::verdict::failed && a.now == phase::ending) {
        n.ask_again(saturating_add(now.steady, options_.retry_interval));
    }
    if (a.now == phase::ending)
        judge_end(a);
}

void quorum_client::judge_end(acquisition& a)
{
    const auto left = static_cast<std::size_t>(
        std::count_if(a.nodes.begin(), a.nodes.end(), [](const at_node& n) { return n.may_exist; }));
    if (left <= size() - quorum_) {
        for (auto& each : a.on_end)
            out_.told.emplace_back(reply_done{std::move(each), {}});
        a.on_end.clear();
    }
    if (left == 0)
        finish(a);
    else
        reschedule(a);
}

void quorum_client::finish(acquisition& a)
{
    for (auto& each : a.on_end)
        out_.told.emplace_back(reply_done{std::move(each), {}});
    a.on_end.clear();
    a.now = phase::over;
    a.round_ends = never;
    for (at_node& n : a.nodes)
        n.ask_again(never);
    reschedule(a);
    acquisitions_.erase(acquisition_id(a.id)); // the caller has another reference
}

// --- what comes from the nodes ---------------------------------------------------------------------------------------

void quorum_client::on_answer(const call& c, const answer& a, moment now)
{
    using verdict = answer::verdict;

    node_state& n = nodes_[c.node];
    const pointer kept = c.about;
    if (a.what == verdict::lost) {
        std::erase_if(n.unanswered, [&c](const auto& each) { return each.first == c.sequence; });
    } else {
        // They come in the order in which they were asked for.
        while (!n.unanswered.empty() && n.unanswered.front().first <= c.sequence)
            n.unanswered.pop_front();
        n.silent = false;
        learn_clock(c.node, c, a, now);
    }
    if (a.what == verdict::failed)
        on_failed(c.node, a.text, now);
    if (c.what != step::hello && c.what != step::declare
        && (a.what == verdict::quarantined || a.what == verdict::mismatch))
        on_hello(c.node, a, now);
    if (a.what == verdict::unknown) {
        repeat(c, now);
        return;
    }
    switch (c.what) {
    case step::hello:
    case step::declare: on_hello(c.node, a, now); break;
    case step::obtain: on_obtain(c, a, now); break;
    case step::settle: on_settled(c, a, now); break;
    case step::release: on_released(c, a, now); break;
    case step::yield:
    case step::raise: break;
    }
    count_voting(now);
}

/// The node answers, but with an error.
void quorum_client::on_failed(std::size_t node, const std::string& error, moment now)
{
    node_state& n = nodes_[node];
    const known_error* const known = find_known(error);
    complain(node, std::string(known ? known->cure : "answers with an error") + " ("
                       + error.substr(0, error.find(" script:")) + ')');
    if (!known || !known->of_the_node)
        return;
    if (n.is == node_state::status::ready)
        n.is = node_state::status::ailing;
    n.hello_at = std::min(n.hello_at, saturating_add(now.steady, jittered(options_.retry_interval)));
}

void quorum_client::on_push(std::size_t node, std::string_view message, moment now)
{
    const auto what = next_word(message);
    const pointer known = find(id_of(next_word(message)));
    if (!known)
        return;
    acquisition& a = *known;
    at_node& n = a.nodes[node];
    if (what == "wake") {
        if (!votes(node) || n.is == status::granted || a.cut_off)
            return;
        if (a.now == phase::open) {
            if (n.is == status::asked) {
                n.woken = true; // its reply may be older
                return;
            }
            if (a.round_ends == never)
                start_round(a, now);
            ask(a, node, false, now);
            ask_yielded(a, now);
            reschedule(a);
        } else if (a.now == phase::held && n.is != status::asked) {
            ask(a, node, true, now);
        }
    } else if (what == "standby") {
        std::int64_t window = 0;
        if (a.now == phase::open && n.is == status::waiting && read(next_word(message), window)) {
            n.ends_at = std::min(n.ends_at, now.steady + microseconds(window) + jittered(2ms));
            reschedule(a);
        }
    } else if (what == "notice") {
        const auto thief = id_of(next_word(message));
        int priority = 0;
        if (thief && read(next_word(message), priority))
            note(a, node, thief, priority, next_word(message) == "1", now);
    }
}

/// A yielder that asks somewhere asks again where it yielded.
void quorum_client::ask_yielded(acquisition& a, moment now)
{
    for (std::size_t i = 0; i < size(); ++i)
        if (a.nodes[i].yielded && votes(i))
            ask(a, i, false, now);
}

/// Somebody outranks a holder, or what is about to become one.
void quorum_client::note(acquisition& a, std::size_t node, acquisition_id thief, int priority, bool answered,
                         moment now)
{
    if (priority <= a.priority)
        return;
    if (a.now == phase::open) {
        if (a.nodes[node].is == status::granted) {
            yield(a, node, now);
            judge(a, now);
        }
        return;
    }
    if (a.now != phase::held && a.now != phase::settling)
        return;
    auto it = std::find_if(a.notices.begin(), a.notices.end(), [&](const auto& each) { return each.thief == thief; });
    if (it == a.notices.end())
        it = a.notices.insert(a.notices.end(), {thief, priority, {}});
    std::erase_if(it->seen, [&](const auto& each) {
        return each.first == node || each.second + options_.retry_interval * 5 / 4 < now.steady;
    });
    it->seen.emplace_back(node, now.steady);
    it->answered = it->answered || answered;
    heed_notices(a, now);
}

void quorum_client::heed_notices(acquisition& a, moment now)
{
    if (a.now != phase::held)
        return;
    for (auto& each : a.notices) {
        if (each.seen.size() < quorum_ && !each.answered)
            continue;
        each.seen.clear();
        each.answered = false;
        protocol_event e;
        e.what = protocol_event::kind::notice;
        e.id = a.id;
        e.thief = each.thief;
        e.thief_priority = each.priority;
        out_.told.emplace_back(std::move(e));
    }
    // Thieves that have gone are forgotten.
    std::erase_if(a.notices, [&](const auto& each) {
        return std::all_of(each.seen.begin(), each.seen.end(), [&](const auto& seen) {
            return seen.second + options_.retry_interval * 5 / 4 < now.steady;
        });
    });
}

// --- nodes -----------------------------------------------------------------------------------------------------------

void quorum_client::on_up(std::size_t node, std::string run_id, moment now)
{
    node_state& n = nodes_[node];
    n.is = node_state::status::greeting;
    n.run_id = std::move(run_id);
    n.silent = false;
    for (std::size_t i = 0; i < size(); ++i)
        if (i != node && nodes_[i].is != node_state::status::down && nodes_[i].is != node_state::status::excluded
            && nodes_[i].run_id == n.run_id) {
            exclude(node, "is the same server as " + nodes_[i].name + ": name every server once", now);
            return;
        }
    // What was not given back before the connection was lost.
    for (const auto& each : std::vector(acquisitions_.begin(), acquisitions_.end())) {
        acquisition& a = *each.second;
        if (a.now == phase::ending && a.nodes[node].may_exist)
            release(a, node, now);
    }
    send_hello(node, now);
    count_voting(now);
}

void quorum_client::on_down(std::size_t node, moment now)
{
    node_state& n = nodes_[node];
    n.is = node_state::status::down;
    n.silent = false;
    n.unanswered.clear();
    n.hello_at = n.unborn_since = never;
    n.seen_again = false;
    looked_once_ = false;
    count_voting(now);
}

void quorum_client::exclude(std::size_t node, std::string why, moment now)
{
    nodes_[node].is = node_state::status::excluded;
    nodes_[node].hello_at = now.steady + 5s;
    complain(node, std::move(why));
    count_voting(now);
}

/// An empty node of a deployment that exists may be one that another client is about to set up.
void quorum_client::send_hello(std::size_t node, moment now)
{
    node_state& n = nodes_[node];
    n.hello_at = never;
    call& c = send(step::hello, node, nullptr, now);
    c.trust = options_.trust_fresh_nodes && (n.unborn_since == never || now.steady - n.unborn_since < birth);
    if (c.trust)
        c.nonce = std::to_string(random_()) + '-' + std::to_string(now.wall);
}

void quorum_client::on_hello(std::size_t node, const answer& a, moment now)
{
    using verdict = answer::verdict;

    node_state& n = nodes_[node];
    if (n.is == node_state::status::down)
        return;
    switch (a.what) {
    case verdict::ready:
        saw_marker_ = true;
        on_ready(node, now);
        break;
    case verdict::quarantined:
        saw_marker_ = true;
        if (n.is != node_state::status::quarantined)
            complain(node, "does not vote for " + std::to_string(a.number / 1000)
                               + " ms: it was (re)started and may have forgotten locks (redis_options::guard)");
        n.is = node_state::status::quarantined;
        n.unborn_since = never;
        n.hello_at = now.steady + microseconds(a.number) + jittered(1ms);
        break;
    case verdict::mismatch:
        saw_marker_ = true;
        exclude(node,
                "is of a deployment with other options: it says '" + a.text + "', this client '" + deployment_
                    + "'. All clients need the same nodes and max_ttl",
                now);
        break;
    case verdict::unborn:
        n.is = node_state::status::unborn;
        n.seen_again = looked_once_ && n.nonce == a.text;
        n.nonce = a.text;
        break;
    case verdict::failed: n.hello_at = std::min(n.hello_at, saturating_add(now.steady, options_.retry_interval)); break;
    default: break;
    }
    look_at_unborn(now);
}

/// Nodes without a marker. If all of them are, the deployment is new; if not, another client is setting it up or one
/// has lost its data.
void quorum_client::look_at_unborn(moment now)
{
    using is = node_state::status;

    if (saw_marker_) {
        for (node_state& n : nodes_) {
            if (n.is != is::unborn || n.hello_at != never)
                continue;
            n.unborn_since = std::min(n.unborn_since, now.steady);
            n.hello_at = now.steady + birth_poll;
        }
        return;
    }
    if (std::any_of(nodes_.begin(), nodes_.end(), [](const node_state& n) { return n.is != is::unborn; })) {
        looked_once_ = false;
        return;
    }
    if (!looked_once_) {
        looked_once_ = true;
        for (std::size_t i = 0; i < size(); ++i) {
            nodes_[i].seen_again = false;
            send_hello(i, now);
        }
        return;
    }
    if (std::any_of(nodes_.begin(), nodes_.end(), [](const node_state& n) { return !n.seen_again; }))
        return;
    for (std::size_t i = 0; i < size(); ++i) {
        nodes_[i].is = is::greeting;
        send(step::declare, i, nullptr, now).nonce = nodes_[i].nonce;
    }
}

void quorum_client::on_ready(std::size_t node, moment now)
{
    node_state& n = nodes_[node];
    if (n.is == node_state::status::ready)
        return;
    n.is = node_state::status::ready;
    n.hello_at = n.unborn_since = never;
    n.last_complaint.clear();
    count_voting(now);
    // Those that wait are queued there too; what was asked for while there was no quorum has just begun.
    for_each_open([&](acquisition& a) {
        at_node& at = a.nodes[node];
        if (a.cut_off || !has_quorum() || at.is == status::asked || at.is == status::granted || a.round == 0)
            return;
        if (a.round_ends == never)
            start_round(a, now);
        ask(a, node, false, now);
        reschedule(a);
    });
}

bool quorum_client::votes(std::size_t node) const noexcept
{
    return nodes_[node].is == node_state::status::ready && !nodes_[node].silent;
}

void quorum_client::note_silence(moment now)
{
    for (node_state& n : nodes_)
        if (!n.unanswered.empty() && n.unanswered.front().second + options_.retry_interval <= now.steady)
            n.silent = true;
    count_voting(now);
}

void quorum_client::count_voting(moment now)
{
    std::size_t votes_now = 0;
    for (std::size_t i = 0; i < size(); ++i)
        votes_now += votes(i);
    const bool had = has_quorum();
    voting_ = votes_now;
    if (had == has_quorum())
        return;
    if (had) {
        if (!idle()) // else nobody needs one, and the connections are closed for that
            out_.log.push_back({log_level::warning, "redis: " + std::to_string(voting_) + " of "
                                                        + std::to_string(size()) + " nodes can be asked: no quorum"});
        for_each_open([&](acquisition& a) {
            a.without_quorum = now.steady;
            reschedule(a);
        });
        return;
    }
    out_.log.push_back({log_level::info, "redis: " + std::to_string(voting_) + " of " + std::to_string(size())
                                             + " nodes can be asked: a quorum"});
    for_each_open([&](acquisition& a) {
        a.without_quorum = never;
        a.cut_off = false;
        if (a.round_ends == never)
            ask_all(a, now);
    });
}

template <class Function>
void quorum_client::for_each_open(Function f)
{
    std::vector<pointer> open;
    for (const auto& each : acquisitions_)
        if (each.second->now == phase::open)
            open.push_back(each.second);
    for (const pointer& each : open)
        if (each->now == phase::open)
            f(*each);
}

void quorum_client::complain(std::size_t node, std::string what, log_level level)
{
    node_state& n = nodes_[node];
    if (n.last_complaint == what)
        return;
    n.last_complaint = what;
    out_.log.push_back({level, "redis: node " + n.name + ' ' + what});
}

void quorum_client::learn_clock(std::size_t node, const call& c, const answer& a, moment now)
{
    if (a.time == 0)
        return;
    node_state& n = nodes_[node];
    const duration took = now.steady - c.sent;
    // The quickest answers tell the most.
    if (!n.has_offset || took <= 2 * n.round_trip)
        n.offset = a.time - (now.wall - count(took) / 2);
    n.round_trip = n.has_offset ? (n.round_trip * 7 + took) / 8 : took;
    n.has_offset = true;
}

/// The system's clock, corrected by the median of the nodes'. What the measurement itself may be wrong by is no reason
/// to correct it anew: tickets of one manager rise.
std::int64_t quorum_client::corrected(moment now)
{
    std::vector<std::int64_t> offsets;
    for (const node_state& n : nodes_)
        if (n.has_offset)
            offsets.push_back(n.offset);
    if (!offsets.empty()) {
        const auto middle = offsets.begin() + static_cast<std::ptrdiff_t>(offsets.size() / 2);
        std::nth_element(offsets.begin(), middle, offsets.end());
        if (std::abs(*middle - correction_) > count(smallest_correction))
            correction_ = *middle;
    }
    return now.wall + correction_;
}

duration quorum_client::window(std::size_t node) const noexcept
{
    return std::max(shortest_window, 4 * nodes_[node].round_trip);
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
