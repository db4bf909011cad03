// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_SIMULATION_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_SIMULATION_HPP

#include "common/heap.hpp"
#include "redis/deployment.hpp"
#include "redis/quorum_client.hpp"
#include "simulation/node/simulated_node.hpp"

#include <boost/asio/error.hpp>

#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace test {

using namespace std::chrono_literals;

/// What may go wrong in a simulation, and how much goes on in it. Times are microseconds, chances those of each case.
struct simulated_world
{
    const char* name = "";
    std::size_t nodes = 5;
    std::size_t clients = 4;
    std::size_t workers = 2; // of a client, each with one lock at a time
    std::size_t resources = 1;
    int priorities = 3;
    std::int64_t busy_for = 4'000'000; // then faults cease, nobody begins anything, and everything has to end
    std::int64_t delay = 500;          // of a message, up to
    double slow_message = 0;           // up to 300 ms
    double lost_push = 0;
    double failed_call = 0;         // the node answers with an error, or has forgotten the script
    std::int64_t break_every = 0;   // a connection; what was sent over it may arrive later, or never
    std::int64_t cut_every = 0;     // no messages between a client and a node
    std::int64_t isolate_every = 0; // nor between a client and all nodes but a minority
    std::int64_t stop_node_every = 0;
    std::int64_t crash_node_every = 0; // it comes back with everything, with an old snapshot, or empty
    std::int64_t move_node_every = 0;  // its address leads to another server, and later back
    std::int64_t stop_client_every = 0;
    std::int64_t crash_client_every = 0;
    std::int64_t client_skew = 0;
    std::int64_t node_skew = 0;   // at most options.clock_skew / 2
    std::size_t silent_nodes = 0; // that never answer,
    std::size_t dead_nodes = 0;   // and that cannot be reached, while faults last
    bool stubborn = false;        // some victims don't go
    bool impatient = false;       // some acquires end by a timeout, some do not wait
    double lenient = 0;           // acquires that leave the holder alone
    bool extend = false;          // some locks are extended, to longer and to shorter ttls
    bool new_nodes = false;       // which an operator provisions when clients are there already
    double shortage = 0;          // steps of a client in which memory runs out, at one of the first allocations
    long fails_at = -1;           // or: that allocation of all clients' steps fails
};

struct simulation_failure : std::runtime_error
{
    using runtime_error::runtime_error;
};

/// Several clients and their managers, the network and the nodes, in one thread and with a time of its own. Everything
/// random comes from the seed. Throws `simulation_failure` when a rule is broken.
class simulation
{
public:
    struct counts
    {
        std::size_t grants = 0;
        std::size_t calls = 0; // while faults last
        std::size_t notices = 0;
        std::size_t failures = 0;
        std::size_t extensions = 0;
        std::int64_t longest_wait = 0;
        std::size_t overtaken = 0;      // grants before one that had the same priority and came clearly earlier
        std::size_t unranked = 0;       // grants before one that had a higher priority and was queued
        std::size_t past_a_lenient = 0; // notices for one behind another that leaves the holder alone and was queued
        std::size_t shortages = 0;      // of memory
    };

    simulation(const simulated_world& world, std::uint64_t seed, std::vector<std::string>* trace = nullptr)
        : world_(world), random_(seed * 2 + 1), trace_(trace), fails_at_(world.fails_at)
    {
        options_.max_ttl = 3s;
        options_.clock_skew = 400ms;
        options_.lease = 1s;
        options_.quorum_timeout = 5s;
        texts_ = priority_redlock::detail::redis::make_script_texts(
            options_, priority_redlock::detail::redis::deployment_text(world.nodes, options_));
        for (std::size_t i = 0; i < world.nodes; ++i)
            nodes_.push_back(std::make_unique<node>(i, symmetric(world.node_skew), symmetric(4000)));
        for (std::size_t i = 0; i < world.clients; ++i)
            add_client();
        if (!world.new_nodes)
            for (const auto& n : nodes_)
                for (int server = 0; server < 2; ++server) {
                    provision(*n);
                    n->change_server();
                }
        else
            provision();
    }

    counts run()
    {
        plan_faults();
        at(world_.busy_for, [this] { heal(); });
        // A node that was restarted last may vote again, all who wait have their turn, dead holders' ttls run out.
        const auto turns = static_cast<std::int64_t>(world_.workers * clients_.size() + 4);
        const std::int64_t patience = world_.busy_for + 8'000'000 + turns * 1'200'000;
        while (!events_.empty()) {
            const event e = events_.top();
            events_.pop();
            if (e.when > patience)
                break;
            now_ = e.when;
            e.what();
        }
        for (const auto& c : clients_)
            if (c->alive)
                check_finished(*c);
        return counts_;
    }

private:
    using acquisition_phase = priority_redlock::detail::redis::acquisition_phase;
    using answer = priority_redlock::detail::redis::answer;
    using call = priority_redlock::detail::redis::call;
    using client_type = priority_redlock::detail::redis::quorum_client;
    using error_code = priority_redlock::error_code;
    using mode = priority_redlock::obtain_request::mode;
    using node_command = priority_redlock::detail::redis::node_command;
    using time_point = priority_redlock::detail::time_point;

    static constexpr time_point start{std::chrono::hours(1)};
    static constexpr std::int64_t wall_start = 1'700'000'000'000'000;
    static constexpr std::int64_t health_check = 4'000'000; // a connection that is silent for so long is given up

    struct event
    {
        std::int64_t when = 0;
        std::uint64_t order = 0;
        std::function<void()> what;

        bool operator<(const event& other) const
        {
            return std::tie(other.when, other.order) < std::tie(when, order); // the earliest is on top
        }
    };

    struct release
    {
        std::uint64_t call = 0;
        std::int64_t at = 0;
    };

    struct node
    {
        node(std::size_t i, std::int64_t off, std::int64_t ppm) : index(i), offset(off), rate(ppm) {}

        [[nodiscard]] std::string run_id() const
        {
            return "run" + std::to_string(index) + '.' + std::to_string(incarnation) + (moved ? ".other" : "");
        }

        void change_server()
        {
            std::swap(server, other);
            moved = !moved;
        }

        simulated_node server{{}};
        simulated_node other{{}}; // the other server that its address may lead to
        redis_store snapshot;
        bool moved = false;
        std::size_t index;
        std::int64_t offset; // of its clock
        std::int64_t rate;   // of its clock against the clients', millionths
        std::uint64_t incarnation = 0;
        bool up = true;
        std::int64_t stopped_until = 0;
        std::map<std::string, release> released; // for good
    };

    /// As it travels. What is asked is of the call, as it was when it was sent.
    struct message
    {
        sent_calls sent;
        bool ends = false; // the acquisition has been given up

        [[nodiscard]] const call& what() const { return sent.calls.front(); }
    };

    struct connection
    {
        explicit connection(const simulation& s) : link(s.texts_, s.options_.prefix) {}

        simulated_link link;
        bool up = false;
        bool wanted = true;
        std::uint64_t epoch = 0;
        std::uint64_t incarnation = 0; // of the node
        std::int64_t cut_until = 0;
        std::int64_t last_to_node = 0; // messages don't overtake each other
        std::int64_t last_to_client = 0;
        std::deque<message> unanswered; // by the client's lights
        std::deque<message> in_flight;  // to the node
        std::deque<std::function<void()>> inbox;
    };

    struct worker
    {
        enum class phase
        {
            rests,
            waits,
            holds
        };

        phase now = phase::rests;
        std::uint64_t number = 0; // of its acquisition
        std::string resource;
        int priority = 0;
        std::int64_t ticket = 0;
        bool preempt = true;
        mode how = mode::wait;
        std::int64_t since = 0;
        std::int64_t queued_at = -1; // it was told that it waits
        std::int64_t until = 0;      // its validity, when it holds
        std::int64_t held_from = 0;
        std::uint64_t token = 0;
        bool leased = false;
        bool going = false; // it was told to
    };

    struct client
    {
        std::uint64_t number = 0;
        std::int64_t skew = 0;
        std::unique_ptr<client_type> machine;
        std::deque<connection> links;
        std::vector<worker> workers;
        std::uint64_t last_number = 0;
        std::int64_t last_ticket = 0;
        std::int64_t stopped_until = 0;
        std::int64_t armed_at = std::numeric_limits<std::int64_t>::max();
        std::uint64_t timer = 0;
        bool alive = true;
        bool busy = false;
        bool pending = false;                 // something was asked for while it was busy
        std::size_t obtains = 0;              // that are not answered
        std::size_t ends = 0;                 // that are not confirmed
        std::set<std::uint64_t> unheard_ends; // that it had no memory for
        std::deque<std::function<void()>> later;
    };

    // --- chance ---

    std::int64_t below(std::int64_t n)
    {
        return n <= 0 ? 0 : std::uniform_int_distribution<std::int64_t>(0, n - 1)(random_);
    }
    std::int64_t symmetric(std::int64_t n) { return below(2 * n + 1) - n; }
    bool chance(double p) { return p > 0 && std::uniform_real_distribution<>()(random_) < p; }

    std::int64_t some_delay()
    {
        const std::int64_t usual = 50 + below(world_.delay);
        return faulty() && chance(world_.slow_message) ? usual + below(300'000) : usual;
    }

    // --- time ---

    void at(std::int64_t when, std::function<void()> what)
    {
        events_.push({std::max(when, now_), ++order_, std::move(what)});
    }
    void after(std::int64_t d, std::function<void()> what) { at(now_ + d, std::move(what)); }
    [[nodiscard]] bool faulty() const { return now_ < world_.busy_for; }

    [[nodiscard]] priority_redlock::detail::redis::moment moment_of(const client& c) const
    {
        return {start + std::chrono::microseconds(now_), wall_start + now_ + c.skew};
    }

    static std::int64_t micros(time_point t)
    {
        return t == time_point::max() ? std::numeric_limits<std::int64_t>::max()
                                      : std::chrono::duration_cast<std::chrono::microseconds>(t - start).count();
    }

    [[nodiscard]] std::int64_t clock_of(const node& n) const
    {
        return wall_start + now_ + n.offset + now_ * n.rate / 1'000'000;
    }

    /// A step of a client, in which memory may run out. False: it has thrown std::bad_alloc.
    template <class Step>
    bool in_step(const client& c, Step step)
    {
        const bool short_of_it = faulty() && chance(world_.shortage);
        if (!short_of_it && fails_at_ < 0) {
            step();
            return true;
        }
        const long n = short_of_it ? below(10) : fails_at_;
        bool done = true;
        bool happened = false;
        {
            const heap::failure failure(n);
            try {
                step();
            } catch (const std::bad_alloc&) {
                done = false;
            }
            happened = heap::failure::happened();
            if (!short_of_it)
                fails_at_ = heap::fail_in;
        }
        if (happened) {
            ++counts_.shortages;
            note([&] { return who(c) + " has run out of memory"; });
        }
        return done;
    }

    /// The same for an obtain, which is to be answered.
    template <class Step>
    bool ask(client& c, Step step)
    {
        ++c.obtains;
        return in_step(c, step);
    }

    /// What a process does while it is stopped happens when it goes on.
    void on_client(client& c, std::function<void()> what)
    {
        if (!c.alive)
            return;
        if (c.stopped_until > now_)
            at(c.stopped_until, [this, &c, what = std::move(what)]() mutable { on_client(c, std::move(what)); });
        else
            what();
    }

    // --- a client's process ---

    void add_client()
    {
        clients_.push_back(std::make_unique<client>());
        client& c = *clients_.back();
        c.number = clients_.size() * 0x1111;
        c.skew = symmetric(world_.client_skew);
        std::vector<std::string> names;
        for (const auto& n : nodes_)
            names.push_back('n' + std::to_string(n->index));
        c.machine = std::make_unique<client_type>(std::move(names), options_, random_());
        for (std::size_t i = 0; i < world_.nodes; ++i)
            c.links.emplace_back(*this);
        c.workers.resize(world_.workers);
        for (std::size_t i = 0; i < world_.nodes; ++i)
            connect_later(c, i, below(2000));
        for (worker& w : c.workers)
            after(5000 + below(20'000), [this, &c, &w] { begin(c, w); });
    }

    /// Carries out what the client has decided, and arms its timer.
    void carry_out(client& c)
    {
        if (std::exchange(c.busy, true))
            return;
        for (;;) {
            auto actions = c.machine->take_actions();
            if (actions.calls.empty() && actions.told.empty() && actions.log.empty() && c.later.empty())
                break;
            for (const auto& line : actions.log)
                note([&] { return who(c) + ": " + line.text; });
            for (const call& each : actions.calls)
                send(c, each);
            for (auto& each : actions.told)
                std::visit([&](auto& item) { tell(c, item); }, each);
            while (!c.later.empty()) {
                const auto f = std::move(c.later.front());
                c.later.pop_front();
                f();
            }
        }
        c.busy = false;
        const auto next = micros(c.machine->next_deadline());
        if (next == c.armed_at || next == std::numeric_limits<std::int64_t>::max())
            return;
        c.armed_at = next;
        at(next + 1, [this, &c, armed = ++c.timer] { // a timer is never early
            on_client(c, [this, &c, armed] {
                if (armed != c.timer)
                    return;
                c.armed_at = std::numeric_limits<std::int64_t>::max();
                in_step(c, [&] { c.machine->advance(moment_of(c)); });
                if (micros(c.machine->next_deadline()) < now_)
                    fail(who(c) + "'s timer rings for ever");
                carry_out(c);
            });
        });
    }

    void tell(client&, client_type::reply_to_obtain& r) { std::move(r.handler)(r.ec, std::move(r.reply)); }
    void tell(client&, client_type::reply_to_end& r) { std::move(r.handler)(r.ec); }

    void tell(client& c, const priority_redlock::protocol_event& e)
    {
        using kind = priority_redlock::protocol_event::kind;
        const auto w = std::find_if(c.workers.begin(), c.workers.end(), [&](const worker& each) {
            return each.number == e.id.number && each.now != worker::phase::rests;
        });
        if (w == c.workers.end()) {
            if (e.what == kind::granted && !c.unheard_ends.contains(e.id.number))
                fail(who(c) + " was granted " + std::to_string(e.id.number) + ", which has ended");
            return;
        }
        switch (e.what) {
        case kind::granted: granted(c, *w, micros(e.valid_until), e.fencing_token); break;
        case kind::failed: finish(c, *w, "failed: " + e.reason.message()); break;
        case kind::ended: finish(c, *w, "ended"); break;
        case kind::notice:
            ++counts_.notices;
            if (w->now != worker::phase::holds || e.thief_priority <= w->priority)
                fail(who(c) + " was told to go without a reason");
            check_reason(*w, e);
            if (std::exchange(w->going, true) || (world_.stubborn && chance(0.3)))
                break;
            after(below(20'000), [this, &c, w = &*w, number = w->number] {
                on_client(c, [this, &c, w, number] {
                    if (w->number == number && w->now == worker::phase::holds)
                        finish(c, *w, "goes");
                });
            });
        }
    }

    // --- a manager's work ---

    void begin(client& c, worker& w)
    {
        on_client(c, [this, &c, &w] {
            if (!faulty())
                return;
            w = {};
            w.now = worker::phase::waits;
            w.number = ++c.last_number;
            w.resource = 'r' + std::to_string(below(static_cast<std::int64_t>(world_.resources)));
            w.priority = static_cast<int>(below(world_.priorities));
            w.preempt = !chance(world_.lenient);
            w.since = now_;
            w.leased = world_.extend && chance(0.5);
            if (world_.impatient && chance(0.3))
                w.how = chance(0.5) ? mode::now : mode::once;
            w.ticket = c.last_ticket = std::max(c.last_ticket + 1, moment_of(c).wall);
            auto q = request(c, w);
            q.ttl = std::chrono::microseconds(100'000 + below(world_.stubborn ? 200'000 : 900'000));
            q.how = w.how;
            note([&] {
                return who(c, w) + " asks for " + w.resource + ", priority " + std::to_string(w.priority) + ", ttl "
                       + std::to_string(priority_redlock::detail::redis::micros(q.ttl)) + ", mode "
                       + std::to_string(int(w.how));
            });
            priority_redlock::protocol::handler<priority_redlock::obtain_reply> handler(
                [this, &c, &w, number = w.number](error_code ec, const priority_redlock::obtain_reply& r) {
                    --c.obtains;
                    if (w.number != number || w.now != worker::phase::waits)
                        return;
                    using verdict = priority_redlock::obtain_reply::verdict;
                    if (ec)
                        finish(c, w, "cannot: " + ec.message());
                    else if (r.what == verdict::granted)
                        granted(c, w, micros(r.valid_until), r.fencing_token);
                    else if (r.what == verdict::refused)
                        finish(c, w, "refused");
                    else
                        w.queued_at = now_;
                });
            if (!ask(c, [&] { c.machine->obtain(std::move(q), std::move(handler), moment_of(c)); }))
                std::move(handler)(boost::asio::error::no_memory, priority_redlock::obtain_reply());
            if (world_.impatient && chance(0.3))
                after(below(400'000), [this, &c, &w, number = w.number] {
                    on_client(c, [this, &c, &w, number] {
                        if (w.number == number && w.now == worker::phase::waits)
                            finish(c, w, "gives up");
                    });
                });
            carry_out(c);
        });
    }

    [[nodiscard]] static priority_redlock::obtain_request request(const client& c, const worker& w)
    {
        priority_redlock::obtain_request q;
        q.id = {c.number, w.number};
        q.resource = w.resource;
        q.locker = who(c);
        q.priority = w.priority;
        q.preempt = w.preempt;
        q.ticket = static_cast<std::uint64_t>(w.ticket);
        return q;
    }

    void granted(client& c, worker& w, std::int64_t until, std::uint64_t token)
    {
        note([&] {
            return who(c, w) + " HOLDS " + w.resource + " until " + std::to_string(until) + ", token "
                   + std::to_string(token);
        });
        if (w.now != worker::phase::waits)
            fail(who(c, w) + " was granted twice");
        if (until <= now_)
            fail(who(c, w) + " was granted what is over");
        ++counts_.grants;
        counts_.longest_wait = std::max(counts_.longest_wait, now_ - w.since);
        w.now = worker::phase::holds;
        w.held_from = now_;
        w.until = until;
        w.token = token;
        check_exclusion(c, w);
        auto& latest = tokens_[w.resource];
        if (token <= latest)
            fail(who(c, w) + " has token " + std::to_string(token) + ", not above " + std::to_string(latest));
        latest = token;
        for (const auto& other : clients_)
            for (const worker& o : other->workers)
                if (other->alive && o.now == worker::phase::waits && o.resource == w.resource && o.queued_at >= 0
                    && o.queued_at + 20'000 < now_) {
                    counts_.overtaken += o.priority == w.priority && o.since + 20'000 < w.since;
                    counts_.unranked += o.priority > w.priority;
                }

        after(below(world_.stubborn ? 1'500'000
                    : w.leased      ? 400'000
                                    : 30'000),
              [this, &c, &w, number = w.number] {
                  on_client(c, [this, &c, &w, number] {
                      if (w.number == number && w.now == worker::phase::holds)
                          finish(c, w, "releases");
                  });
              });
        watch_end(c, w);
        if (w.leased)
            extend_later(c, w);
    }

    /// The manager's own timer.
    void watch_end(client& c, worker& w)
    {
        at(w.until, [this, &c, &w, number = w.number, until = w.until] {
            on_client(c, [this, &c, &w, number, until] {
                if (w.number == number && w.now == worker::phase::holds && w.until == until)
                    finish(c, w, "expires");
            });
        });
    }

    void extend_later(client& c, worker& w)
    {
        after(10'000 + below(100'000), [this, &c, &w, number = w.number] {
            on_client(c, [this, &c, &w, number] {
                if (w.number != number || w.now != worker::phase::holds || w.until <= now_)
                    return;
                const int priority_before = w.priority;
                w.priority += chance(0.1);
                auto q = request(c, w);
                q.ttl = std::chrono::microseconds(100'000 + below(900'000));
                q.how = mode::now;
                note([&] {
                    return who(c, w) + " extends to " + std::to_string(priority_redlock::detail::redis::micros(q.ttl));
                });
                priority_redlock::protocol::handler<priority_redlock::obtain_reply> handler(
                    [this, &c, &w, number](error_code ec, const priority_redlock::obtain_reply& r) {
                        --c.obtains;
                        if (w.number != number || w.now != worker::phase::holds)
                            return;
                        if (!ec && r.what != priority_redlock::obtain_reply::verdict::granted) {
                            finish(c, w, "has lost it");
                            return;
                        }
                        if (!ec) {
                            ++counts_.extensions;
                            if (w.until <= now_)
                                fail(who(c, w) + " was extended after its end");
                            if (r.fencing_token != w.token)
                                fail(who(c, w) + " was extended with another token");
                            w.until = micros(r.valid_until);
                            note([&] { return who(c, w) + " is extended until " + std::to_string(w.until); });
                            check_exclusion(c, w);
                            watch_end(c, w);
                        }
                        extend_later(c, w);
                    });
                if (!ask(c, [&] { c.machine->obtain(std::move(q), std::move(handler), moment_of(c)); })) {
                    w.priority = priority_before;
                    std::move(handler)(boost::asio::error::no_memory, priority_redlock::obtain_reply());
                }
                carry_out(c);
            });
        });
    }

    void end(client& c, std::uint64_t number)
    {
        priority_redlock::protocol::done_handler handler([this, &c, number](error_code ec) {
            if (!ec) {
                --c.ends;
                return;
            }
            c.unheard_ends.insert(number);
            after(100'000, [this, &c, number] {
                on_client(c, [this, &c, number] {
                    end(c, number);
                    carry_out(c);
                });
            });
        });
        c.unheard_ends.erase(number);
        if (!in_step(c, [&] { c.machine->end({c.number, number}, std::move(handler), moment_of(c)); }))
            std::move(handler)(boost::asio::error::no_memory);
    }

    void finish(client& c, worker& w, const std::string& why)
    {
        note([&] { return who(c, w) + ' ' + why; });
        if (w.now == worker::phase::waits && why != "gives up")
            ++counts_.failures;
        w.now = worker::phase::rests;
        const auto number = w.number;
        // From within a handler, what is asked for waits until the client has told everything.
        ++c.ends;
        c.later.push_back([this, &c, number] { end(c, number); });
        carry_out(c);
        after(below(20'000), [this, &c, &w] { begin(c, w); });
    }

    // --- the rules ---

    /// P10: the first in line decides.
    void check_reason(const worker& victim, const priority_redlock::protocol_event& e)
    {
        for (const auto& other : clients_)
            for (const worker& o : other->workers) {
                if (o.preempt || o.now != worker::phase::waits || o.resource != victim.resource)
                    continue;
                if (other->number == e.thief.client && o.number == e.thief.number)
                    fail(who(*other, o) + " leaves the holder alone, which was told to go for it");
                counts_.past_a_lenient +=
                    o.priority > e.thief_priority && o.queued_at >= 0 && o.queued_at + 20'000 < now_;
            }
    }

    void check_exclusion(const client& c, const worker& w)
    {
        for (const auto& other : clients_)
            for (const worker& o : other->workers)
                if (&o != &w && other->alive && o.now == worker::phase::holds && o.resource == w.resource
                    && o.until > now_)
                    fail(who(c, w) + " and " + who(*other, o) + " hold " + w.resource + ", the latter until "
                         + std::to_string(o.until));
    }

    /// What was given up does not come back by an obtain that is late by less than its ttl.
    void check_ghosts(node& n, const message& m, const answer& a)
    {
        if (!m.what().about)
            return;
        const std::string& id = m.what().about->id_text;
        const auto it = n.released.find(id);
        if (m.what().command == node_command::obtain && a.what == answer::verdict::granted && it != n.released.end()
            && m.what().sequence < it->second.call && now_ < it->second.at + m.what().ttl * 9 / 10)
            fail(id + " comes back at n" + std::to_string(n.index));
        if (m.what().command == node_command::release && m.ends)
            n.released[id] = {m.what().sequence, now_};
    }

    void check_finished(const client& c)
    {
        for (const worker& w : c.workers)
            if (w.now != worker::phase::rests)
                fail(who(c, w) + " has not ended, after " + std::to_string((now_ - w.since) / 1000) + " ms");
        if (c.obtains != 0)
            fail(who(c) + " was not answered " + std::to_string(c.obtains) + " obtains");
        if (c.ends != 0)
            fail(who(c) + " was not told of " + std::to_string(c.ends) + " ends");
        if (!c.machine->idle())
            fail(who(c) + " has not given everything back");
    }

    [[noreturn]] void fail(const std::string& what) { throw simulation_failure(what + ", at " + std::to_string(now_)); }

    // --- the network ---

    void send(client& c, const call& what)
    {
        connection& l = c.links[what.node];
        if (faulty())
            ++counts_.calls;
        if (!l.up) {
            c.later.push_back([this, &c, what] { in_step(c, [&] { c.machine->on_answer(what, {}, moment_of(c)); }); });
            return;
        }
        message m{l.link.send({what}), what.about && what.about->phase == acquisition_phase::ending};
        l.unanswered.push_back(m);
        l.in_flight.push_back(std::move(m));
        l.last_to_node = std::max(l.last_to_node, std::max(now_, l.cut_until) + some_delay());
        at(l.last_to_node, [this, &c, &l, &n = *nodes_[what.node], epoch = l.epoch] { arrive(c, l, n, epoch); });
    }

    /// The next message of a connection, whatever it was that was waited for: they don't overtake each other.
    void arrive(client& c, connection& l, node& n, std::uint64_t epoch)
    {
        if (l.epoch != epoch)
            return; // what may still come over a connection that was lost was settled when it was
        if (n.stopped_until > now_ || l.cut_until > now_) {
            at(std::max(n.stopped_until, l.cut_until), [this, &c, &l, &n, epoch] { arrive(c, l, n, epoch); });
            return;
        }
        const auto m = std::move(l.in_flight.front());
        l.in_flight.pop_front();
        std::string replies;
        if (faulty() && chance(world_.failed_call))
            add_error(replies, chance(0.5) ? "NOSCRIPT No matching script." : "ERR it fails");
        else
            replies = execute(n, m);
        deliver(c, l, [this, &c, &l, replies = std::move(replies)] {
            const auto asked = std::move(l.unanswered.front());
            l.unanswered.pop_front();
            const answer a = l.link.answers(asked.sent, replies).front();
            in_step(c, [&] { c.machine->on_answer(asked.what(), a, moment_of(c)); });
        });
    }

    /// The replies.
    std::string execute(node& n, const message& m)
    {
        std::vector<published_message> published;
        std::string replies = n.server.run(m.sent.bytes, clock_of(n), published);
        const answer a = simulated_link(texts_, options_.prefix).answers(m.sent, replies).front();
        note([&] {
            static const char* const verdicts[] = {
                "granted", "waiting",  "refused",   "gone", "quarantined", "mismatch", "ready",  "evicting",
                "scanned", "occupied", "inspected", "done", "absent",      "unknown",  "failed", "lost"};
            return 'n' + std::to_string(n.index) + ": " + std::string(name_of(m.what().command)) + ' '
                   + (m.what().about ? m.what().about->id_text : "") + " call " + std::to_string(m.what().sequence)
                   + " -> " + verdicts[static_cast<std::size_t>(a.what)] + ' ' + std::to_string(a.number) + ' '
                   + a.text;
        });
        check_ghosts(n, m, a);
        for (const auto& each : published)
            for (const auto& c : clients_)
                if (c->alive && each.channel == options_.prefix + "client:" + channel_of(*c))
                    push(*c, n, each.text);
        return replies;
    }

    void push(client& c, const node& n, const std::string& text)
    {
        connection& l = c.links[n.index];
        if (!l.up || l.incarnation != n.incarnation || (faulty() && chance(world_.lost_push)))
            return;
        deliver(c, l, [this, &c, index = n.index, text] {
            note([&] { return who(c) + " <- n" + std::to_string(index) + ": " + text; });
            in_step(c, [&] { c.machine->on_push(index, text, moment_of(c)); });
        });
    }

    void deliver(client& c, connection& l, std::function<void()> what)
    {
        l.last_to_client = std::max(l.last_to_client, std::max(now_, l.cut_until) + some_delay());
        l.inbox.push_back(std::move(what));
        at(l.last_to_client, [this, &c, &l, epoch = l.epoch] { hand_over(c, l, epoch); });
    }

    void hand_over(client& c, connection& l, std::uint64_t epoch)
    {
        if (l.cut_until > now_ && l.epoch == epoch) {
            at(l.cut_until, [this, &c, &l, epoch] { hand_over(c, l, epoch); });
            return;
        }
        on_client(c, [this, &c, &l, epoch] {
            if (l.epoch != epoch)
                return;
            const auto what = std::move(l.inbox.front());
            l.inbox.pop_front();
            what();
            carry_out(c);
        });
    }

    void connect_later(client& c, std::size_t index, std::int64_t delay)
    {
        after(delay, [this, &c, index] {
            on_client(c, [this, &c, index] {
                connection& l = c.links[index];
                node& n = *nodes_[index];
                if (l.up)
                    return;
                if (!n.up || n.stopped_until > now_ || l.cut_until > now_) {
                    connect_later(c, index, 20'000 + below(200'000));
                    return;
                }
                l.up = true;
                ++l.epoch;
                l.incarnation = n.incarnation;
                l.last_to_node = l.last_to_client = now_;
                note([&] { return who(c) + " is connected to n" + std::to_string(index); });
                n.server.state.run_id = n.run_id();
                l.link.connect(n.server);
                in_step(c, [&, id = n.run_id()]() mutable { c.machine->on_up(index, std::move(id), moment_of(c)); });
                carry_out(c);
            });
        });
    }

    /// The connection ends: at once, and the client is told soon. Of what is on its way to the node some may arrive
    /// later, in order, unless the node has crashed.
    void disconnect(client& c, std::size_t index, bool some_arrives)
    {
        connection& l = c.links[index];
        if (!l.up)
            return;
        l.up = false;
        ++l.epoch;
        if (some_arrives) {
            const auto late = std::make_shared<std::deque<message>>(l.in_flight);
            late->resize(static_cast<std::size_t>(below(static_cast<std::int64_t>(late->size()) + 1)));
            std::int64_t when = now_;
            for (std::size_t i = 0; i < late->size(); ++i) {
                when += chance(0.5) ? below(2000) : below(500'000);
                at(when, [this, index, late, incarnation = l.incarnation] { arrive_late(index, late, incarnation); });
            }
        }
        l.in_flight.clear();
        l.inbox.clear();
        after(below(5000), [this, &c, &l, index] {
            on_client(c, [this, &c, &l, index] {
                note([&] { return who(c) + " has lost n" + std::to_string(index); });
                for (const auto& m : std::exchange(l.unanswered, {}))
                    in_step(c, [&] { c.machine->on_answer(m.what(), {}, moment_of(c)); });
                in_step(c, [&] { c.machine->on_down(index, moment_of(c)); });
                carry_out(c);
                connect_later(c, index, chance(0.5) ? 500 : 20'000 + below(100'000));
            });
        });
    }

    void arrive_late(std::size_t index, const std::shared_ptr<std::deque<message>>& late, std::uint64_t incarnation)
    {
        node& n = *nodes_[index];
        if (!n.up || n.incarnation != incarnation)
            return;
        if (n.stopped_until > now_) {
            at(n.stopped_until, [this, index, late, incarnation] { arrive_late(index, late, incarnation); });
            return;
        }
        note([] { return std::string("(late)"); });
        const auto m = std::move(late->front());
        late->pop_front();
        execute(n, m);
    }

    // --- faults ---

    void every(std::int64_t mean, const std::function<void()>& what)
    {
        if (mean <= 0)
            return;
        const auto next = now_ + below(2 * mean);
        if (next >= world_.busy_for)
            return;
        at(next, [this, mean, what] {
            what();
            every(mean, what);
        });
    }

    client& any_client()
    {
        return *clients_[static_cast<std::size_t>(below(static_cast<std::int64_t>(clients_.size())))];
    }
    std::size_t any_node() { return static_cast<std::size_t>(below(static_cast<std::int64_t>(nodes_.size()))); }

    /// Mostly short, some longer than a connection or a ttl lasts.
    std::int64_t some_time() { return chance(0.7) ? below(200'000) : below(3'000'000); }

    void plan_faults()
    {
        for (std::size_t i = 0; i < world_.dead_nodes + world_.silent_nodes; ++i) {
            node& n = *nodes_[nodes_.size() - 1 - i];
            const bool dead = i < world_.dead_nodes;
            // Those that fall silent are connected first.
            at(dead ? 0 : 4000, [this, &n] { n.stopped_until = world_.busy_for; });
        }
        every(world_.break_every, [this] { disconnect(any_client(), any_node(), true); });
        every(world_.cut_every, [this] { cut(any_client(), any_node(), some_time()); });
        every(world_.isolate_every, [this] {
            client& c = any_client();
            const auto time = some_time();
            const auto reached = below(static_cast<std::int64_t>((nodes_.size() + 1) / 2)); // a minority, in a row
            const auto first = below(static_cast<std::int64_t>(nodes_.size()));
            for (std::size_t i = 0; i < nodes_.size(); ++i)
                if ((i + nodes_.size() - static_cast<std::size_t>(first)) % nodes_.size()
                    >= static_cast<std::size_t>(reached))
                    cut(c, i, time);
        });
        every(world_.stop_node_every, [this] {
            node& n = *nodes_[any_node()];
            n.stopped_until = std::max(n.stopped_until, std::min(world_.busy_for, now_ + some_time()));
            note([&] { return 'n' + std::to_string(n.index) + " stops until " + std::to_string(n.stopped_until); });
        });
        every(world_.crash_node_every, [this] { crash(any_node()); });
        if (world_.crash_node_every > 0)
            every(world_.crash_node_every / 2, [this] {
                node& n = *nodes_[any_node()];
                n.snapshot = n.server.state.data;
            });
        every(world_.move_node_every, [this] {
            node& n = *nodes_[any_node()];
            note([&] { return 'n' + std::to_string(n.index) + " is another server"; });
            n.change_server();
            for (const auto& c : clients_)
                disconnect(*c, n.index, false);
        });
        every(world_.stop_client_every, [this] {
            client& c = any_client();
            c.stopped_until = std::max(c.stopped_until, std::min(world_.busy_for, now_ + some_time()));
            note([&] { return who(c) + " stops until " + std::to_string(c.stopped_until); });
        });
        every(world_.crash_client_every, [this] {
            client& c = any_client();
            if (!c.alive)
                return;
            note([&] { return who(c) + " crashes"; });
            for (std::size_t i = 0; i < nodes_.size(); ++i)
                disconnect(c, i, true);
            c.alive = false;
            add_client();
        });
    }

    void cut(client& c, std::size_t index, std::int64_t time)
    {
        connection& l = c.links[index];
        l.cut_until = std::max(l.cut_until, std::min(world_.busy_for, now_ + time));
        note([&] {
            return who(c) + " and n" + std::to_string(index) + " are cut off until " + std::to_string(l.cut_until);
        });
        if (time > 1'000'000 && chance(0.5)) // the health check finds it out
            after(500'000 + below(500'000), [this, &c, index] { disconnect(c, index, true); });
    }

    void crash(std::size_t index)
    {
        node& n = *nodes_[index];
        if (!n.up)
            return;
        note([&] { return 'n' + std::to_string(index) + " crashes"; });
        n.up = false;
        n.stopped_until = 0;
        for (const auto& c : clients_)
            disconnect(*c, index, false);
        after(10'000 + below(chance(0.5) ? 50'000 : 1'500'000), [this, &n] {
            ++n.incarnation;
            n.up = true;
            n.server.restart(n.run_id());
            const auto kept = below(3);
            if (kept == 0)
                n.server.state.data.clear();
            else if (kept == 1 && n.snapshot.size() != 0)
                n.server.state.data = n.snapshot;
            note([&] { return 'n' + std::to_string(n.index) + " is back, kept " + std::to_string(kept); });
        });
    }

    /// An operator who has seen that all nodes are new. What is sent to a server does not reach the next one.
    void provision()
    {
        for (const auto& each : nodes_)
            after(below(1000), [this, &n = *each] { // as clients connect
                if (n.up && n.incarnation == 0)
                    provision(n);
            });
    }

    void provision(node& n)
    {
        simulated_link link(texts_, options_.prefix);
        n.server.state.run_id = n.run_id();
        link.connect(n.server);
        call c;
        c.command = node_command::provision;
        execute(n, {link.send({c})});
    }

    void heal()
    {
        note([] { return std::string("faults cease"); });
    }

    // --- words ---

    static std::string channel_of(const client& c)
    {
        char buffer[17];
        std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(c.number));
        return buffer;
    }

    static std::string who(const client& c) { return 'c' + std::to_string(c.number / 0x1111); }
    static std::string who(const client& c, const worker& w) { return who(c) + '.' + std::to_string(w.number); }

    template <class Text>
    void note(Text text)
    {
        if (trace_)
            trace_->push_back(std::to_string(now_) + ' ' + text());
    }

    const simulated_world world_;
    priority_redlock::redis_options options_;
    priority_redlock::detail::redis::script_texts texts_;
    std::mt19937_64 random_;
    std::vector<std::string>* trace_;
    std::int64_t now_ = 0;
    std::uint64_t order_ = 0;
    std::priority_queue<event> events_;
    std::vector<std::unique_ptr<node>> nodes_;
    std::vector<std::unique_ptr<client>> clients_;
    std::map<std::string, std::uint64_t> tokens_;
    counts counts_;
    long fails_at_;
};

} // namespace test

#endif
