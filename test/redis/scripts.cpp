// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/acquisition.hpp"
#include "redis/deployment.hpp"
#include "redis/node_clocks.hpp"
#include "redis/script_calls.hpp"
#include "redis/script_texts.hpp"
#include "redis/support/node_pair.hpp"
#include "redis/support/redis_server.hpp"

#include <boost/redis/request.hpp>
#include <boost/redis/resp3/node.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// The scripts: what each does, on a server and on a node of the simulations at once, which have to agree.

namespace {

using namespace std::chrono_literals;
using namespace test;
using priority_redlock::redis_options;
using priority_redlock::restart_guard;
using priority_redlock::detail::redis::acquisition;
using priority_redlock::detail::redis::answer;
using priority_redlock::detail::redis::answer_reader;
using priority_redlock::detail::redis::call;
using priority_redlock::detail::redis::call_encoder;
using priority_redlock::detail::redis::deployment_text;
using priority_redlock::detail::redis::make_script_texts;
using priority_redlock::detail::redis::micros;
using priority_redlock::detail::redis::name_of;
using priority_redlock::detail::redis::node_clocks;
using priority_redlock::detail::redis::node_command;
using mode = priority_redlock::obtain_request::mode;
using verdict = answer::verdict;

using strings = std::vector<std::string>;

/// One server for all cases, which starts empty for each.
redis_server& server()
{
    static redis_server one;
    return one;
}

/// What a client makes of the reply to so many calls.
std::vector<answer> answers_in(std::string_view reply, std::size_t calls)
{
    answer_reader reader;
    read_replies(reply, [&](const auto& part) { reader.add(part); }, [] {});
    return reader.take(calls);
}

/// A node of a deployment of one, and those who call its scripts.
class script_fixture
{
public:
    using pointer = std::shared_ptr<acquisition>;

    script_fixture() { use({}); }

    /// Another client's options, on the same server.
    void use(redis_options options)
    {
        options.prefix = "t:";
        use_as_it_is(options);
    }

    void use_as_it_is(const redis_options& options)
    {
        options_ = options;
        deployment_ = deployment_text(1, options);
        encoder_ = call_encoder(options.prefix);
    }

    /// The server has been restarted.
    void restarted(const std::string& run_id)
    {
        run_id_ = run_id;
        use(options_);
    }

    /// It votes: it was set up long ago.
    void set_up() { command({"HSET", "t:node", "run", run_id_, "since", "0", "deployment", deployment_}); }

    void refuse_writes(bool yes) { pair_.refuse_writes(yes); }

    /// On the server and the node.
    redis_reply command(const strings& words) { return pair_.command(words); }

    pointer make(const std::string& id, int priority = 0, std::int64_t ticket_offset = 0)
    {
        const auto a = std::make_shared<acquisition>();
        a->id_text = id;
        a->lock_key = "t:{r}";
        a->locker = "locker";
        a->priority = priority;
        a->ticket = time() + ticket_offset;
        return a;
    }

    call calling(node_command command, const pointer& a)
    {
        call c;
        c.command = command;
        c.sequence = ++sequence_;
        c.about = a;
        c.ttl = command == node_command::obtain ? 10'000'000 : 0;
        c.window = micros(node_clocks(1).reservation_window(0));
        c.token = time();
        return c;
    }

    answer run(const call& c) { return run(std::vector{c}).front(); }

    /// Together.
    std::vector<answer> run(const std::vector<call>& calls)
    {
        time();
        return answers_in(pair_.eval(command_for(calls)), calls.size());
    }

    /// What is sent.
    strings command_for(const std::vector<call>& calls)
    {
        boost::redis::request request;
        const auto which = static_cast<std::size_t>(script_for(calls));
        encoder_.add(calls, run_id_, "EVAL", make_script_texts(options_, deployment_)[which], request);
        std::string_view payload = request.payload();
        const auto words = take_command(payload);
        return {words.begin(), words.end()};
    }

    answer obtain(const pointer& a) { return run(calling(node_command::obtain, a)); }

    answer obtain(const pointer& a, mode how)
    {
        call c = calling(node_command::obtain, a);
        c.mode = how;
        return run(c);
    }

    answer yield(const pointer& a) { return run(calling(node_command::yield, a)); }
    answer release(const pointer& a) { return run(calling(node_command::release, a)); }

    answer bury(const pointer& a, std::int64_t us)
    {
        call c = calling(node_command::release, a);
        c.ttl = us;
        return run(c);
    }

    /// With a token.
    answer run(node_command command, const pointer& a, std::int64_t token)
    {
        call c = calling(command, a);
        c.token = token;
        return run(c);
    }

    answer greet() { return run(calling(node_command::greet, nullptr)); }

    /// Of one who met another server at this address, so long ago.
    answer greet_after(const std::string& met, std::int64_t ago)
    {
        call c = calling(node_command::greet, nullptr);
        c.last_identity = met;
        c.left_ago = ago;
        return run(c);
    }

    answer provision() { return run(calling(node_command::provision, nullptr)); }

    /// One key of all that are found, if any; and how many scans it took. Each goes on where it said itself.
    std::pair<std::string, int> scan()
    {
        const auto found = scan([this](const strings& words) { return pair_.eval_on_server(words); });
        const auto simulated = scan([this](const strings& words) { return pair_.eval_on_node(words); });
        BOOST_TEST(simulated.first == found.first);
        if (found.first.empty()) // else in whatever order
            BOOST_TEST((simulated.second > 2) == (found.second > 2));
        return found;
    }

    template <class Eval>
    std::pair<std::string, int> scan(Eval eval)
    {
        call c = calling(node_command::scan, nullptr);
        c.cursor = "0";
        for (int scans = 1;; ++scans) {
            const answer a = answers_in(eval(command_for({c})), 1).front();
            BOOST_TEST((a.what == verdict::scanned));
            BOOST_REQUIRE(!a.rest.empty());
            if (a.rest.size() > 1 || a.rest[0] == "0")
                return {a.rest.size() > 1 ? a.rest[1] : std::string(), scans};
            c.cursor = a.rest[0];
        }
    }

    /// What was published since the last time: "channel: message", without the prefix.
    strings published()
    {
        strings result;
        for (const auto& each : pair_.published())
            result.push_back(each.channel.substr(std::string_view("t:client:").size()) + ": " + each.text);
        return result;
    }

    /// Of the node, us. It goes on whenever somebody looks.
    std::int64_t time() { return pair_.clock += 20; }

    /// Whatever it shows before.
    void set_clock(std::int64_t us) { pair_.clock = us; }

    [[nodiscard]] bool agrees() const noexcept { return pair_.agrees(); }

    /// The node's clock shows more than that.
    void pass(std::int64_t when) { pair_.clock = std::max(pair_.clock, when); }

    std::string field(const std::string& name) { return server().command({"HGET", "t:{r}", name}).text; }

    /// Of the field h: acquisition, end.
    std::string holder() { return field("h").substr(0, field("h").find(' ')); }
    std::int64_t end() { return std::stoll(field("h").substr(holder().size())); }

    std::vector<std::string> queue()
    {
        std::vector<std::string> result;
        for (const auto& each : server().command({"ZRANGE", "t:{r}:q", "0", "-1"}).elements) {
            constexpr std::size_t rank = 26; // of digits alone, as locales order letters differently
            BOOST_TEST(each.text.find_first_not_of("0123456789") >= rank);
            result.push_back(each.text.substr(rank));
        }
        return result;
    }

    std::int64_t time_to_live(const std::string& key) const { return pair_.time_to_live(key); }

    /// Has the server evict a key of others, and ends that.
    void evict_something()
    {
        redis_connection c(server().port());
        c.command({"SET", "of others", std::string(1000, 'x'), "EX", "1000"});
        c.command({"CONFIG", "SET", "maxmemory-policy", "volatile-ttl"});
        c.command({"CONFIG", "SET", "maxmemory", "1"});
        c.command({"SET", "more", "x"}); // evicts what it can, and is refused
        c.command({"CONFIG", "SET", "maxmemory", "0"});
        c.command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
        BOOST_TEST(c.command({"EXISTS", "of others"}).integer == 0);
        pair_.make_as_server();
    }

    const std::string& deployment() const { return deployment_; }
    const std::string& run_id() const { return run_id_; }

private:
    std::string run_id_ = "first";
    std::uint64_t sequence_ = 0;
    redis_options options_;
    std::string deployment_;
    call_encoder encoder_{{}};
    node_pair pair_{server()};
};

/// That is set up and votes.
struct voting_node : script_fixture
{
    voting_node() { set_up(); }
};

std::string joined(const strings& parts)
{
    std::string result;
    for (const auto& each : parts)
        result += (result.empty() ? "" : "; ") + each;
    return result;
}

BOOST_FIXTURE_TEST_SUITE(scripts, voting_node)

// --- obtain ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T0_a_free_lock_is_granted_and_a_held_one_is_not)
{
    const auto a = make("a-1");
    const auto b = make("b-1");
    BOOST_TEST((obtain(a).what == verdict::granted));
    const auto r = obtain(b);
    BOOST_TEST((r.what == verdict::waiting));
    BOOST_TEST(r.text == "a-1");
    BOOST_TEST(r.best);
    BOOST_TEST(!r.outranks);
    BOOST_TEST(r.number > 9'000'000);
    BOOST_TEST(r.number <= 10'000'000);
    BOOST_TEST(joined(queue()) == "b-1");
    BOOST_TEST(published().empty()); // equal never preempts
}

BOOST_AUTO_TEST_CASE(R1_an_obtain_that_is_repeated_gives_the_same_token_and_a_later_end)
{
    const auto a = make("a-1");
    const auto first = obtain(a);
    const auto before = end();
    const auto again = obtain(a);
    BOOST_TEST((again.what == verdict::granted));
    BOOST_TEST(again.number == first.number);
    BOOST_TEST(end() > before);
    BOOST_TEST(queue().empty());
}

BOOST_AUTO_TEST_CASE(R1_an_end_is_never_moved_to_an_earlier_time)
{
    const auto a = make("a-1");
    obtain(a);
    const auto before = end();
    call c = calling(node_command::obtain, a);
    c.ttl = 1000;
    BOOST_TEST((run(c).what == verdict::granted));
    BOOST_TEST(end() == before);
}

BOOST_AUTO_TEST_CASE(T27_a_holder_whose_time_is_over_is_none)
{
    const auto a = make("a-1");
    call c = calling(node_command::obtain, a);
    c.ttl = 1000;
    pass(run(c).time + 1000);
    BOOST_TEST((obtain(make("b-1")).what == verdict::granted));
    BOOST_TEST((obtain(a).what == verdict::waiting));
}

BOOST_AUTO_TEST_CASE(R9_a_grant_is_not_longer_than_the_deployment_allows)
{
    call c = calling(node_command::obtain, make("a-1"));
    c.ttl = 3'600'000'000;
    const auto r = run(c);
    BOOST_TEST(end() == r.time + 60'000'000);
}

BOOST_AUTO_TEST_CASE(I7_waiters_are_ranked_by_priority_then_ticket_then_id)
{
    obtain(make("a-1", std::numeric_limits<int>::max()));
    obtain(make("lowest-1", std::numeric_limits<int>::min()));
    obtain(make("late-1", 5, 200'000));
    obtain(make("early-1", 5, -200'000));
    obtain(make("high-1", 6, 900'000));
    obtain(make("negative-1", -1));
    const auto x = make("x-2");
    const auto y = make("x-1");
    y->ticket = x->ticket;
    obtain(x);
    obtain(y);
    BOOST_TEST(joined(queue()) == "high-1; early-1; late-1; x-1; x-2; negative-1; lowest-1");
}

BOOST_AUTO_TEST_CASE(I7_nobody_takes_a_free_lock_before_a_better_waiter)
{
    const auto a = make("a-1");
    const auto high = make("high-1", 2);
    const auto low = make("low-1", 1);
    obtain(a);
    obtain(low);
    obtain(high);
    release(a);
    BOOST_TEST((obtain(low).what == verdict::waiting));
    BOOST_TEST((obtain(make("new-1", 1)).what == verdict::waiting));
    BOOST_TEST((obtain(high).what == verdict::granted));
}

BOOST_AUTO_TEST_CASE(R3_T14_T42_tickets_are_brought_into_bounds_and_mended)
{
    obtain(make("a-1"));
    obtain(make("now-1"));
    obtain(make("past-1", 0, -3'600'000'000));
    obtain(make("future-1", 0, 3'600'000'000));
    BOOST_TEST(joined(queue()) == "past-1; now-1; future-1");
    const auto tickets = server().command({"ZRANGE", "t:{r}:q", "0", "-1"}).elements;
    const auto ticket = [&](std::size_t i) { return std::stoll(tickets[i].text.substr(10, 16)); };
    BOOST_TEST(ticket(1) - ticket(0) > 900'000);
    BOOST_TEST(ticket(1) - ticket(0) <= 1'000'000);
    BOOST_TEST(ticket(2) - ticket(1) >= 1'000'000);
    BOOST_TEST(ticket(2) - ticket(1) < 1'200'000);

    // A message that was under way for long: the ticket seems to be of the past.
    const auto slow = make("slow-1", 0, -2'000'000);
    obtain(slow);
    BOOST_TEST(joined(queue()) == "past-1; slow-1; now-1; future-1");
    call next = calling(node_command::obtain, slow);
    next.waited = 2'000'000;
    run(next);
    BOOST_TEST(joined(queue()) == "slow-1; past-1; now-1; future-1");
}

BOOST_AUTO_TEST_CASE(once_and_now_refuse_and_leave_nothing)
{
    obtain(make("a-1", 5));
    BOOST_TEST((obtain(make("b-1", 9), mode::now).what == verdict::refused));
    BOOST_TEST((obtain(make("b-2", 5), mode::once).what == verdict::refused));
    BOOST_TEST(published().empty());
    BOOST_TEST(queue().empty());
    BOOST_TEST((obtain(make("b-3", 6), mode::once).what == verdict::waiting)); // it outranks all
    BOOST_TEST((obtain(make("b-4", 6, 1000), mode::once).what == verdict::refused));
    const auto changed = make("b-5", 6, 2000);
    obtain(changed);
    BOOST_TEST(joined(queue()) == "b-3; b-5");
    BOOST_TEST((obtain(changed, mode::once).what == verdict::refused));
    BOOST_TEST(joined(queue()) == "b-3");
}

BOOST_AUTO_TEST_CASE(R4_who_outranks_the_holder_has_it_told_each_time)
{
    obtain(make("a-1", 1));
    const auto b = make("b-7", 2);
    BOOST_TEST(obtain(b).outranks);
    BOOST_TEST(joined(published()) == "a: notice a-1 b-7 2 0");
    call c = calling(node_command::obtain, b);
    c.quorum_answered = true;
    run(c);
    BOOST_TEST(joined(published()) == "a: notice a-1 b-7 2 1");
}

BOOST_AUTO_TEST_CASE(a_waiter_that_does_not_come_back_loses_its_entry)
{
    redis_options o;
    o.retry_interval = 1ms;
    use(o);
    const auto a = make("a-1");
    obtain(a);
    const auto dead = obtain(make("dead-1", 9));
    pass(dead.time + 3000);
    const auto b = make("b-1");
    BOOST_TEST(obtain(b).best);
    BOOST_TEST(joined(queue()) == "b-1");
    BOOST_TEST(field("ldead-1").empty());
}

BOOST_AUTO_TEST_CASE(a_locker_may_be_any_text)
{
    const auto a = make("a-1", 3);
    a->locker = std::string("it's\0 9 \r\n\\", 12);
    BOOST_TEST((obtain(a).what == verdict::granted));
    BOOST_TEST((obtain(a).what == verdict::granted));
    a->priority = 4;
    BOOST_TEST((obtain(a).what == verdict::granted));
    BOOST_TEST(field("h").ends_with(" 4 " + a->locker));
    BOOST_TEST(!obtain(make("b-1", 4)).outranks);
    BOOST_TEST(obtain(make("c-1", 5)).outranks);
}

BOOST_AUTO_TEST_CASE(commands_that_come_together_are_run_in_their_order)
{
    const auto a = make("a-1");
    const auto b = make("b-1", 1);
    const auto r = run({calling(node_command::obtain, a), calling(node_command::obtain, b),
                        calling(node_command::release, a), calling(node_command::obtain, b),
                        calling(node_command::write_back, b), calling(node_command::release, a)});
    BOOST_REQUIRE(r.size() == 6u);
    BOOST_TEST((r[0].what == verdict::granted));
    BOOST_TEST((r[1].what == verdict::waiting));
    BOOST_TEST(r[1].text == "a-1");
    BOOST_TEST(r[1].outranks);
    BOOST_TEST((r[2].what == verdict::done));
    BOOST_TEST((r[3].what == verdict::granted));
    BOOST_TEST((r[4].what == verdict::done));
    BOOST_TEST((r[5].what == verdict::absent));
    for (const answer& each : r)
        BOOST_TEST(each.time == r[0].time);
    BOOST_TEST(joined(published()) == "a: notice a-1 b-1 1 0; b: wake b-1");
}

BOOST_AUTO_TEST_CASE(a_command_that_fails_leaves_those_beside_it_alone)
{
    command({"RPUSH", "t:{other}", "a list"});
    const auto a = make("a-1");
    const auto b = make("b-1");
    b->lock_key = "t:{other}";
    const auto r =
        run({calling(node_command::obtain, a), calling(node_command::obtain, b), calling(node_command::write_back, a)});
    BOOST_REQUIRE(r.size() == 3u);
    BOOST_TEST((r[0].what == verdict::granted));
    BOOST_TEST((r[1].what == verdict::failed));
    BOOST_TEST(r[1].text.find("WRONGTYPE") != r[1].text.npos, r[1].text);
    BOOST_TEST((r[2].what == verdict::done));
}

// --- tokens ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R7_tokens_rise_and_proposals_are_brought_into_bounds)
{
    std::int64_t last = 0;
    const auto next = [&](std::int64_t proposal) {
        const auto a = make("a-" + std::to_string(proposal));
        call c = calling(node_command::obtain, a);
        c.token = proposal;
        const auto r = run(c);
        release(a);
        BOOST_TEST(r.number > last);
        BOOST_TEST(r.number >= r.time - 1'000'000);
        last = r.number;
        return r;
    };
    next(0);
    const auto right = time();
    BOOST_TEST(next(right).number == right);
    BOOST_TEST(next(right).number == right + 1);
    const auto future = next(std::numeric_limits<std::int64_t>::max() / 4);
    BOOST_TEST(future.number == future.time + 1'000'000);
    BOOST_TEST(next(time()).number == future.number + 1);
}

BOOST_AUTO_TEST_CASE(R7_a_node_that_forgot_gives_no_token_below_the_time_of_its_marker_and_twice_the_skew)
{
    redis_options o;
    o.max_ttl = 3s;
    use(o);
    const auto since = time() - 3'000'001;
    command({"DEL", "t:node"});
    command({"HSET", "t:node", "run", run_id(), "since", std::to_string(since), "deployment", deployment()});
    call c = calling(node_command::obtain, make("a-1"));
    c.token = since;
    BOOST_TEST(run(c).number > since + 2'000'000);
}

BOOST_AUTO_TEST_CASE(T28_a_token_that_is_written_back_rises_and_is_only_the_holders)
{
    const auto a = make("a-1");
    const auto token = obtain(a).number;
    BOOST_TEST((run(node_command::write_back, make("b-1"), token + 5).what == verdict::refused));
    BOOST_TEST((run(node_command::write_back, a, token + 5).what == verdict::done));
    BOOST_TEST((run(node_command::write_back, a, token + 5).what == verdict::done));
    BOOST_TEST(obtain(a).number == token + 5);
    BOOST_TEST((run(node_command::write_back, a, token + 3).what == verdict::done)); // late
    BOOST_TEST(obtain(a).number == token + 5);
    release(a);
    BOOST_TEST((run(node_command::write_back, a, token + 9).what == verdict::refused));
    call c = calling(node_command::obtain, make("b-1"));
    c.token = token;
    BOOST_TEST(run(c).number == token + 6);
}

// --- release, yield, reservations ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(T21_a_release_removes_what_is_its_own_and_can_be_repeated)
{
    const auto a = make("a-1");
    const auto b = make("b-1");
    obtain(a);
    obtain(b);
    BOOST_TEST((release(make("c-1")).what == verdict::absent));
    BOOST_TEST(holder() == "a-1");
    BOOST_TEST((release(b).what == verdict::done)); // a waiter
    BOOST_TEST(queue().empty());
    BOOST_TEST((release(a).what == verdict::done));
    BOOST_TEST((release(a).what == verdict::absent));
    BOOST_TEST(field("h").empty());
    BOOST_TEST(published().empty());
    BOOST_TEST(!field("n").empty()); // the counter stays
}

BOOST_AUTO_TEST_CASE(R6_a_release_wakes_the_best_and_has_the_next_one_stand_by)
{
    const auto a = make("a-1");
    const auto b = make("b-1");
    const auto c = make("c-1");
    obtain(a);
    obtain(b);
    obtain(c);
    published();
    const auto r = release(a);
    BOOST_TEST(joined(published()) == "b: wake b-1; c: standby c-1 30000");
    BOOST_TEST((obtain(c).what == verdict::waiting));
    BOOST_TEST(published().empty()); // it is reserved
    pass(r.time + 30'000);
    BOOST_TEST((obtain(c).what == verdict::granted));
    BOOST_TEST(queue().empty()); // who let its reservation lapse has lost its place
    BOOST_TEST((obtain(b).what == verdict::waiting));
}

BOOST_AUTO_TEST_CASE(R6_a_reservation_yields_to_a_better_one_and_goes_on_when_it_is_given_up)
{
    const auto a = make("a-1");
    const auto b = make("b-1");
    obtain(a);
    obtain(b);
    obtain(make("c-1"));
    release(a);
    published();
    release(b);
    BOOST_TEST(joined(published()) == "c: wake c-1");
    BOOST_TEST((obtain(make("high-1", 9)).what == verdict::granted));
}

BOOST_AUTO_TEST_CASE(R2_a_yield_makes_the_holder_a_waiter)
{
    const auto a = make("a-1", 0, -1000);
    obtain(a);
    BOOST_TEST((yield(a).what == verdict::done));
    BOOST_TEST((yield(a).what == verdict::absent));
    BOOST_TEST(joined(queue()) == "a-1");
    BOOST_TEST(published().empty()); // it is not woken by itself
    BOOST_TEST((obtain(make("b-1")).what == verdict::waiting));
    BOOST_TEST(joined(published()) == "a: wake a-1; b: standby b-1 30000");
    BOOST_TEST((obtain(a).what == verdict::granted));

    obtain(make("c-1", 5));
    published();
    yield(a);
    BOOST_TEST(joined(published()) == "c: wake c-1; a: standby a-1 30000");
}

BOOST_AUTO_TEST_CASE(R1_a_yield_or_release_that_is_older_than_the_latest_obtain_does_nothing)
{
    const auto a = make("a-1");
    const call late_yield = calling(node_command::yield, a);
    const call late_release = calling(node_command::release, a);
    obtain(a);
    BOOST_TEST((run(late_yield).what == verdict::absent));
    BOOST_TEST((run(late_release).what == verdict::absent));
    BOOST_TEST(holder() == "a-1");
    BOOST_TEST((release(a).what == verdict::done));
}

BOOST_AUTO_TEST_CASE(R11_a_tombstone_keeps_a_late_obtain_out)
{
    const auto a = make("a-1");
    const call late = calling(node_command::obtain, a);
    const auto buried = bury(a, 60'000'000);
    BOOST_TEST((buried.what == verdict::absent));
    BOOST_TEST((run(late).what == verdict::gone));
    BOOST_TEST(queue().empty());
    BOOST_TEST((obtain(make("a-2")).what == verdict::granted)); // of that acquisition only
    BOOST_TEST(time_to_live("t:{r}:x:a-1") > 0);
    BOOST_TEST(time_to_live("t:{r}:x:a-1") <= 60'000);
    pass(buried.time + 60'000'000);
    BOOST_TEST((run(late).what == verdict::granted));

    // The server's own clock ends it as well.
    const auto b = make("b-1");
    bury(b, 60'000'000);
    command({"DEL", "t:{r}:x:b-1"});
    BOOST_TEST((obtain(b).what == verdict::waiting));
}

BOOST_AUTO_TEST_CASE(R11_a_yield_after_a_tombstone_leaves_no_waiter)
{
    const auto a = make("a-1");
    obtain(a);
    command({"SET", "t:{r}:x:a-1", "1"});
    BOOST_TEST((yield(a).what == verdict::done));
    BOOST_TEST(queue().empty());
}

BOOST_AUTO_TEST_CASE(R12_a_raised_priority_decides_who_outranks)
{
    const auto a = make("a-1", 1);
    obtain(a);
    a->priority = 5;
    BOOST_TEST((obtain(a).what == verdict::granted));
    a->priority = 3; // it only rises
    obtain(a);
    BOOST_TEST(!obtain(make("b-1", 5)).outranks);
    BOOST_TEST(obtain(make("c-1", 6)).outranks);
    a->priority = 6;
    obtain(a);
    BOOST_TEST(!obtain(make("c-1", 6)).outranks);
}

BOOST_AUTO_TEST_CASE(P10_the_first_in_line_decides_whether_the_holder_is_told)
{
    const auto holder = make("a-1");
    obtain(holder);
    const auto lenient = make("b-1", 5);
    lenient->preempt = false;
    const auto other = make("c-1", 3);
    BOOST_TEST(obtain(other).outranks);
    BOOST_TEST(joined(published()) == "a: notice a-1 c-1 3 0");
    BOOST_TEST(!obtain(lenient).outranks);
    BOOST_TEST(!obtain(lenient).kept_back); // by its own will
    const auto r = obtain(other);
    BOOST_TEST(!r.outranks);
    BOOST_TEST(r.kept_back);
    BOOST_TEST((obtain(lenient, mode::once).what == verdict::refused));
    BOOST_TEST(joined(published()) == "c: wake c-1"); // it is the next, and has the holder go
    BOOST_TEST(obtain(other).outranks);
    obtain(make("d-1", 4)); // and behind one that preempts
    BOOST_TEST(obtain(other).outranks);
    BOOST_TEST(joined(published()) == "a: notice a-1 c-1 3 0; a: notice a-1 d-1 4 0; a: notice a-1 c-1 3 0");
}

BOOST_AUTO_TEST_CASE(P10_when_one_that_leaves_the_holder_alone_goes_the_next_decides)
{
    const auto holder = make("a-1", 1);
    obtain(holder);
    const auto lenient = make("b-1", 5);
    lenient->preempt = false;
    const auto other = make("c-1", 3);
    const auto comes_and_goes_before = [&](const auto& next) {
        obtain(lenient);
        obtain(next);
        (void)published();
        release(lenient);
        const std::string told = joined(published());
        release(next);
        return told;
    };
    BOOST_TEST(comes_and_goes_before(make("c-1", 3)) == "c: wake c-1");
    BOOST_TEST(comes_and_goes_before(make("d-1", 1)).empty()); // it does not outrank the holder
    const auto another = make("e-1", 3);
    another->preempt = false;
    BOOST_TEST(comes_and_goes_before(another).empty()); // it leaves the holder alone, too
    lenient->preempt = true;
    BOOST_TEST(comes_and_goes_before(make("f-1", 3)).empty()); // the holder is told already
}

BOOST_AUTO_TEST_CASE(P10_one_that_yields_keeps_its_will)
{
    const auto lenient = make("a-1", 5);
    lenient->preempt = false;
    obtain(lenient);
    const auto other = make("b-1", 3);
    obtain(other);
    yield(lenient);
    release(other);
    command({"HSET", "t:{r}", "h", "c-1 " + std::to_string(time() + 1'000'000) + " 1 0 locker"});
    BOOST_TEST(obtain(other).kept_back);
}

BOOST_AUTO_TEST_CASE(R3_keys_of_a_resource_share_a_slot_and_expire)
{
    const auto a = make("a-1");
    obtain(a);
    obtain(make("b-1"));
    for (const char* key : {"t:{r}", "t:{r}:q"}) {
        BOOST_TEST(time_to_live(key) > 60'000); // max_ttl and 4 times the skew
        BOOST_TEST(time_to_live(key) <= 64'000);
    }
    command({"PERSIST", "t:{r}"});
    obtain(a);
    BOOST_TEST(time_to_live("t:{r}") > 60'000);
    command({"PERSIST", "t:{r}"});
    run(node_command::write_back, a, time());
    BOOST_TEST(time_to_live("t:{r}") > 60'000);
    command({"PERSIST", "t:{r}"});
    command({"PERSIST", "t:{r}:q"});
    yield(a);
    BOOST_TEST(time_to_live("t:{r}") > 60'000);
    BOOST_TEST(time_to_live("t:{r}:q") > 60'000);
}

BOOST_AUTO_TEST_CASE(R1_a_read_only_replica_does_not_vote)
{
    const auto a = make("a-1");
    obtain(a);
    // As a node that was demoted: whatever its data say.
    refuse_writes(true);
    BOOST_TEST((obtain(a).what == verdict::failed));
    BOOST_TEST((run(node_command::write_back, a, time()).what == verdict::failed));
    BOOST_TEST((obtain(make("b-1")).what == verdict::failed));
    refuse_writes(false);
    BOOST_TEST((obtain(a).what == verdict::granted));
}

// --- the guard -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(R9_a_restarted_node_does_not_vote_for_the_longest_ttl)
{
    const auto a = make("a-1");
    obtain(a);
    restarted("second");
    const auto r = obtain(a);
    BOOST_TEST((r.what == verdict::quarantined));
    BOOST_TEST(r.number == 60'000'000);
    BOOST_TEST((run(node_command::write_back, a, time()).what == verdict::quarantined));
    const auto later = greet();
    BOOST_TEST((later.what == verdict::quarantined));
    BOOST_TEST(later.number < r.number);            // it does not begin anew
    BOOST_TEST((release(a).what == verdict::done)); // giving back is always possible
    command({"HSET", "t:node", "since", "0"});
    BOOST_TEST((greet().what == verdict::ready));
}

BOOST_AUTO_TEST_CASE(R9_an_empty_node_does_not_vote)
{
    command({"FLUSHALL"});
    BOOST_TEST((obtain(make("a-1")).what == verdict::quarantined));
    command({"FLUSHALL"});
    redis_options o;
    o.guard = restart_guard::durable;
    use(o);
    BOOST_TEST((obtain(make("a-1")).what == verdict::quarantined));
}

BOOST_AUTO_TEST_CASE(R9_a_durable_node_votes_at_once_and_without_the_guard_any_does)
{
    redis_options o;
    o.guard = restart_guard::durable;
    use(o);
    restarted("second");
    BOOST_TEST((obtain(make("a-1")).what == verdict::granted));
    command({"FLUSHALL"});
    o.guard = restart_guard::off;
    use(o);
    BOOST_TEST((obtain(make("a-1")).what == verdict::granted));
    BOOST_TEST((greet().what == verdict::ready));
}

BOOST_AUTO_TEST_CASE(R9_another_deployment_is_refused_by_name)
{
    const auto mine = deployment();
    redis_options o;
    o.max_ttl = 30s;
    use(o);
    for (const auto& r : {greet(), obtain(make("a-1"))}) {
        BOOST_TEST((r.what == verdict::mismatch));
        BOOST_TEST(r.text == mine);
    }
}

BOOST_AUTO_TEST_CASE(R9_a_restart_does_not_make_a_node_one_of_another_deployment)
{
    const auto mine = deployment();
    redis_options o;
    o.max_ttl = 30s;
    use(o);
    restarted("second");
    for (const auto& r : {obtain(make("a-1")), greet()}) {
        BOOST_TEST((r.what == verdict::mismatch));
        BOOST_TEST(r.text == mine);
    }
    use({});
    BOOST_TEST((obtain(make("a-1")).what == verdict::quarantined));
}

BOOST_AUTO_TEST_CASE(R9_a_node_whose_policy_is_another_does_not_vote_with_or_without_maxmemory)
{
    redis_options off;
    off.guard = restart_guard::off;
    for (const redis_options& o : {redis_options(), off})
        for (const char* maxmemory : {"0", "100mb"}) {
            use(o);
            command({"CONFIG", "SET", "maxmemory", maxmemory});
            command({"CONFIG", "SET", "maxmemory-policy", "volatile-ttl"});
            const auto r = greet();
            BOOST_TEST((r.what == verdict::evicting));
            BOOST_TEST(r.text
                       == "volatile-ttl (maxmemory " + std::string(maxmemory[0] == '0' ? "0" : "104857600") + ')');
            command({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
            command({"CONFIG", "SET", "maxmemory", "0"});
            BOOST_TEST((greet().what == verdict::ready));
        }
}

BOOST_AUTO_TEST_CASE(R9_a_node_that_has_evicted_is_quarantined_for_all_and_once)
{
    BOOST_TEST((greet().what == verdict::ready));
    evict_something();
    BOOST_TEST((obtain(make("a-1")).what == verdict::granted)); // until somebody looks
    const auto r = greet();
    BOOST_TEST((r.what == verdict::quarantined));
    BOOST_TEST(r.text == "evicted");
    BOOST_TEST(r.number == 60'000'000);
    BOOST_TEST((obtain(make("a-1")).what == verdict::quarantined)); // also of those who have not looked
    pass(r.time + 30'000'000);
    const auto later = greet();
    BOOST_TEST((later.what == verdict::quarantined));
    BOOST_TEST(later.number < 30'000'000); // it goes on
    pass(r.time + 60'000'000);
    BOOST_TEST((greet().what == verdict::ready));
}

BOOST_AUTO_TEST_CASE(R9_what_was_evicted_before_the_node_was_set_up_or_counted_anew_does_not_matter)
{
    command({"FLUSHALL"});
    evict_something();
    provision();
    BOOST_TEST((greet().what == verdict::ready));
    command({"CONFIG", "RESETSTAT"}); // counts from 0 again
    BOOST_TEST((greet().what == verdict::ready));
    evict_something();
    BOOST_TEST((greet().what == verdict::quarantined));

    command({"FLUSHALL"});
    provision();
    evict_something(); // before anybody has looked
    BOOST_TEST((greet().what == verdict::quarantined));
}

BOOST_AUTO_TEST_CASE(R9_another_server_under_a_known_address_is_quarantined_once_for_all_who_knew_it)
{
    BOOST_TEST((greet_after("first", 1'000'000).what == verdict::ready)); // it is the same
    const auto r = greet_after("other", 1'000'000);
    BOOST_TEST((r.what == verdict::quarantined));
    BOOST_TEST(r.text == "changed");
    BOOST_TEST(r.identity == "first");
    BOOST_TEST(r.number == 60'000'000);
    BOOST_TEST((obtain(make("a-1")).what == verdict::quarantined));
    pass(r.time + 30'000'000);
    BOOST_TEST(greet_after("other", 31'000'000).number < 30'000'000); // knew that one, too
    pass(r.time + 60'000'000);
    BOOST_TEST((greet_after("other", 0).what == verdict::quarantined)); // was there since
    pass(r.time + 200'000'000);
    BOOST_TEST((greet_after("third", 60'000'000).what == verdict::ready)); // so long ago that all has ended
}

BOOST_AUTO_TEST_CASE(R9_a_restart_is_no_other_server)
{
    restarted("second");
    const auto r = greet();
    BOOST_TEST(r.text == "restarted");
    pass(r.time + 20'000'000);
    const auto known = greet_after("first", 25'000'000);
    BOOST_TEST(known.text == "restarted");
    BOOST_TEST(known.number < 40'000'000);

    // One that keeps everything is known by its marker.
    command({"FLUSHALL"});
    redis_options o;
    o.guard = restart_guard::durable;
    use(o);
    const auto of_marker = greet();
    pass(of_marker.time + 60'000'000);
    restarted("third");
    command({"CONFIG", "RESETSTAT"}); // as it would
    BOOST_TEST((greet_after(of_marker.identity, 0).what == verdict::ready));
    BOOST_TEST((greet_after("another", 0).what == verdict::quarantined));
}

BOOST_AUTO_TEST_CASE(R9_a_new_node_that_is_provisioned_votes_at_once_and_any_other_is_left_alone)
{
    command({"FLUSHALL"});
    BOOST_TEST(scan().first == "");
    BOOST_TEST((provision().what == verdict::done));
    BOOST_TEST((greet().what == verdict::ready));
    BOOST_TEST((obtain(make("a-1")).what == verdict::granted));
    BOOST_TEST((provision().what == verdict::occupied));

    // A client was there first.
    command({"FLUSHALL"});
    BOOST_TEST((greet().what == verdict::quarantined));
    BOOST_TEST((provision().what == verdict::occupied));
    BOOST_TEST((obtain(make("a-1")).what == verdict::quarantined));

    // One that keeps everything is known by its marker, also by that of an operator.
    command({"FLUSHALL"});
    redis_options o;
    o.guard = restart_guard::durable;
    use(o);
    provision();
    const auto of_marker = greet();
    BOOST_TEST(!of_marker.identity.empty());
    restarted("second");
    BOOST_TEST(greet().identity == of_marker.identity);
}

BOOST_AUTO_TEST_CASE(R9_a_look_finds_what_is_under_the_prefix_and_nothing_else)
{
    command({"FLUSHALL"});
    for (int i = 0; i < 5000; ++i)
        server().command({"SET", "of others:" + std::to_string(i), "x"});
    command({"SET", "t", "x"});
    command({"SET", "at:{r}", "x"});
    const auto [none, scans] = scan();
    BOOST_TEST(none == "");
    BOOST_TEST(scans > 2); // it does not hold up the server
    command({"ZADD", "t:{r}:q", "0", "somebody"});
    BOOST_TEST(scan().first == "t:{r}:q");

    // What is special in patterns is not in a prefix.
    redis_options o;
    o.prefix = "[a]*\\?:";
    use_as_it_is(o);
    command({"SET", "aX:node", "x"});
    BOOST_TEST(scan().first == "");
    command({"SET", o.prefix + "node", "x"});
    BOOST_TEST(scan().first == o.prefix + "node");
}

// --- for operators ---

BOOST_AUTO_TEST_CASE(inspect_tells_who_holds_and_who_waits_and_changes_nothing)
{
    const auto a = make("a-1", 3);
    const auto b = make("b-1", 1);
    const auto c = make("c-1", 2);
    a->locker = "a locker with\nspaces";
    const auto token = obtain(a).number;
    obtain(b);
    obtain(c);
    const auto before = server().command({"HGETALL", "t:{r}"}).elements.size();
    const auto at = make("");
    const answer r = run(calling(node_command::inspect, at));
    BOOST_TEST((r.what == verdict::inspected));
    BOOST_REQUIRE(r.rest.size() == 9);
    BOOST_TEST(r.rest[0] == "0"); // it votes
    BOOST_TEST(r.rest[2] == deployment());
    BOOST_TEST(r.rest[3].starts_with("a-1 "));
    BOOST_TEST(r.rest[3].ends_with(" 3 a locker with\nspaces"));
    BOOST_TEST(r.rest[4] == std::to_string(token));
    BOOST_TEST(r.rest[5] == "0");
    BOOST_TEST(r.rest[6] == "2");
    BOOST_TEST(r.rest[7].ends_with("c-1 1 locker")); // the best first
    BOOST_TEST(r.rest[8].ends_with("b-1 1 locker"));
    BOOST_TEST(server().command({"HGETALL", "t:{r}"}).elements.size() == before);
    yield(a);
    const answer of_yielder = run(calling(node_command::inspect, at));
    BOOST_REQUIRE(of_yielder.rest.size() == 10);
    BOOST_TEST(of_yielder.rest[3] == "");
    BOOST_TEST(of_yielder.rest[7].ends_with("a-1 1 a locker with\nspaces"));

    command({"FLUSHALL"});
    const answer of_new = run(calling(node_command::inspect, at));
    BOOST_REQUIRE(of_new.rest.size() == 7);
    BOOST_TEST(of_new.rest[1] == "new");
    BOOST_TEST(server().command({"DBSIZE"}).integer == 1); // but for the clock
}

BOOST_AUTO_TEST_CASE(R13_what_is_ended_by_force_does_not_come_back_and_others_are_left_alone)
{
    const auto a = make("a-1");
    const auto b = make("b-1");
    const auto token = obtain(a).number;
    obtain(b);
    published();
    BOOST_TEST((run(node_command::force_release, b, token).what == verdict::absent)); // it does not hold
    BOOST_TEST(holder() == "a-1");
    published();
    BOOST_TEST((run(node_command::force_release, a, token).what == verdict::done));
    BOOST_TEST(joined(published()) == "a: ended a-1; b: wake b-1");
    BOOST_TEST((obtain(a).what == verdict::gone));
    BOOST_TEST(field("f") == std::to_string(token));
    BOOST_TEST((run(node_command::force_release, a, token).what == verdict::absent)); // again
    BOOST_TEST(joined(published()) == "a: ended a-1");
}

// --- anything --------------------------------------------------------------------------------------------------------

/// Random calls, and what may have become of a node: times that no clock should show, and contents that no script
/// writes.
class random_calls : public script_fixture
{
public:
    explicit random_calls(std::uint64_t seed) : random_(seed)
    {
        redis_options o;
        o.retry_interval = std::chrono::milliseconds(1 + below(20)); // entries of waiters last three times as long
        o.guard = below(4) == 0 ? restart_guard::durable : below(6) == 0 ? restart_guard::off : restart_guard::on;
        use(o);
        constexpr std::int64_t largest_exact = std::int64_t{1} << 53;
        const std::int64_t clocks[] = {1, 999'950, 4'000'000'000'000'000, largest_exact - 1'000'000'000'000};
        if (below(3) == 0)
            set_clock(clocks[below(4)]);
        if (below(4) != 0)
            set_up();
    }

    void play(std::set<verdict>& seen)
    {
        for (int turn = 0; turn < 1000 && agrees();) {
            if (below(40) == 0)
                harm();
            if (below(60) == 0)
                set_clock(time() + (below(4) == 0 ? below(100'000'000) : below(100'000)));
            if (below(200) == 0)
                set_clock(std::max<std::int64_t>(0, time() - below(10'000'000)));
            std::vector<call> together;
            for (auto count = below(3) == 0 ? 1 + below(6) : 1; count != 0; --count)
                together.push_back(any_call_on_a_lock(turn++));
            if (below(15) == 0)
                together = {any_other_call()};
            for (const answer& each : run(together))
                seen.insert(each.what);
            published();
        }
    }

private:
    std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random_); }

    template <class Item, std::size_t Size>
    const Item& any_of(const Item (&items)[Size])
    {
        return items[below(static_cast<std::int64_t>(Size))];
    }

    const pointer& any_acquisition(int turn)
    {
        if (all_.size() < 6 || below(20) == 0) {
            const auto id = "client" + std::to_string(below(2)) + '-' + std::to_string(turn + 1);
            all_.push_back(make(id, static_cast<int>(below(3)) - 1, below(4) == 0 ? below(6'000'000) - 3'000'000 : 0));
            if (below(50) == 0)
                all_.back()->ticket = any_of({0L, -1L, 1L << 53, std::numeric_limits<long>::max()});
            if (below(20) == 0)
                all_.back()->priority = any_of({std::numeric_limits<int>::max(), std::numeric_limits<int>::min()});
            if (below(20) == 0)
                all_.back()->locker = std::string("a\0 1 \r\n%s", 10);
            if (all_.size() > 6)
                all_.erase(all_.begin() + below(6));
        }
        const auto& a = all_[static_cast<std::size_t>(below(static_cast<std::int64_t>(all_.size())))];
        if (below(8) == 0)
            a->preempt = !a->preempt;
        if (below(8) == 0)
            a->priority = static_cast<int>(below(3));
        return a;
    }

    call any_call_on_a_lock(int turn)
    {
        call c = calling(
            any_of({node_command::obtain, node_command::obtain, node_command::obtain, node_command::obtain,
                    node_command::obtain, node_command::yield, node_command::release, node_command::write_back}),
            any_acquisition(turn));
        c.waited = below(3) == 0 ? below(2'000'000) : 0;
        if (below(10) == 0 && c.sequence > 20)
            c.sequence -= 20; // it comes late
        if (c.command == node_command::obtain) {
            c.ttl = 200 + below(below(2) == 0 ? 1000 : 20'000);
            c.mode = below(3) != 0 ? mode::wait : below(2) == 0 ? mode::once : mode::now;
            c.quorum_answered = below(3) == 0;
            c.token += below(6'000'000) - 3'000'000;
            if (below(50) == 0)
                c.token = any_of({0L, -1L, 1L << 53, std::numeric_limits<long>::max()});
        } else if (c.command == node_command::release) {
            c.ttl = below(10) == 0 ? any_of({1L, 5000L, 100'000'000L}) : 0;
        } else if (c.command == node_command::write_back) {
            c.token += below(3000);
        }
        return c;
    }

    /// By operators, or of the node itself.
    call any_other_call()
    {
        switch (below(5)) {
        case 0: return calling(node_command::provision, nullptr);
        case 1: return calling(node_command::inspect, any_acquisition(0));
        case 2: return calling(node_command::force_release, any_acquisition(0));
        default: break;
        }
        call c = calling(node_command::greet, nullptr);
        if (below(2) == 0)
            c.last_identity = any_of<std::string>({"first", "second", "third"});
        c.left_ago = below(2) == 0 ? below(90'000'000) : 0;
        return c;
    }

    void harm()
    {
        static const std::string contents[] = {"",
                                               "x",
                                               "1 2 3",
                                               "-5",
                                               "1e3",
                                               "0x10",
                                               " 7 ",
                                               "12345",
                                               "9007199254740991",
                                               "client0-1 5 6",
                                               "client0-1 99999999999999 1 1 locker"};
        static const std::string keys[] = {"t:{r}", "t:{r}:q", "t:node"};
        switch (below(9)) {
        case 0: command({"DEL", any_of(keys)}); break; // as one that was evicted
        case 1: command({"FLUSHALL"}); break;
        case 2: command({"SET", any_of(keys), "of another type"}); break;
        case 3: command({"ZADD", "t:{r}:q", "0", any_of(contents)}); break;
        case 4: restarted(any_of<std::string>({"first", "second", "third"})); break;
        case 5:
            command(
                {"HSET", "t:node", any_of<std::string>({"since", "evicted", "before", "why", "id"}), any_of(contents)});
            break;
        case 6: refuse_writes(below(3) == 0); break;
        default:
            command({"HSET", "t:{r}", any_of<std::string>({"h", "n", "v", "q", "x", "lclient0-1"}), any_of(contents)});
        }
    }

    std::mt19937_64 random_;
    std::vector<pointer> all_;
};

/// PRIORITY_REDLOCK_SEED=n and PRIORITY_REDLOCK_SCHEDULES=n as in other random tests.
BOOST_AUTO_TEST_CASE(a_simulated_node_is_as_a_server_whatever_it_is_sent)
{
    const auto number_in = [](const char* variable, std::uint64_t otherwise) {
        const char* const value = std::getenv(variable);
        return value ? std::strtoull(value, nullptr, 10) : otherwise;
    };
    const std::uint64_t first = number_in("PRIORITY_REDLOCK_SEED", 0);
    const std::uint64_t last =
        std::getenv("PRIORITY_REDLOCK_SEED") ? first + 1 : number_in("PRIORITY_REDLOCK_SCHEDULES", 10);
    std::set<verdict> seen;
    for (std::uint64_t seed = first; seed < last; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            random_calls(seed).play(seen);
        }
    if (last - first < 10)
        return;
    for (const auto what :
         {verdict::granted, verdict::waiting, verdict::refused, verdict::gone, verdict::quarantined, verdict::ready,
          verdict::occupied, verdict::inspected, verdict::done, verdict::absent, verdict::failed})
        BOOST_TEST(seen.contains(what), static_cast<int>(what));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
