// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"
#include "event_feed.hpp"

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/monitor.hpp>
#include <priority_redlock/redis_inspection.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace http = boost::beast::http;
namespace json = boost::json;
namespace monitor = priority_redlock::monitor;
using namespace test;
using redlock::detail::event_feed;
using redlock::detail::event_watch;
using redlock::detail::log_record;

/// A connection with its client, which reads all that comes.
class exchange
{
public:
    explicit exchange(asio::io_context& context) : context_(context), server(context), client_(context)
    {
        asio::local::connect_pair(server, client_);
    }

    void start(const monitor::page& p, std::string_view target, http::verb verb = http::verb::get,
               asio::cancellation_slot slot = {})
    {
        http::request<http::empty_body> asked(verb, target, 11);
        p.async_answer(server, asked, asio::bind_cancellation_slot(slot, record(answered)));
    }

    void read()
    {
        client_.async_read_some(asio::buffer(part_), [this](error_code ec, std::size_t size) {
            if (ec) // or this is gone
                return;
            received.append(part_.data(), size);
            read();
        });
    }

    /// Runs the context until something is so.
    template <class Condition>
    void run_until(Condition condition, const char* what)
    {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < end) {
            context_.restart();
            context_.run_one_for(1s);
        }
        BOOST_REQUIRE_MESSAGE(condition(), what << " in: " << received.substr(0, 2000));
    }

    void run_until_answered()
    {
        run_until([this] { return answered.done(); }, "answered");
    }

    /// What a server does with a connection that it closes.
    void hang_up()
    {
        server.close();
        context_.restart();
        context_.poll();
    }

    void go_away() { client_.close(); }

    [[nodiscard]] std::string body() const
    {
        const auto end = received.find("\r\n\r\n");
        return end == received.npos ? std::string() : received.substr(end + 4);
    }

private:
    asio::io_context& context_;

public:
    asio::local::stream_protocol::socket server;
    completion answered;
    std::string received;

private:
    asio::local::stream_protocol::socket client_;
    std::array<char, 4096> part_{};
};

struct fixture : locks
{
    fixture() : locks(manager_kind::thread_safe) { page.add("first", *manager); }

    /// All of an answer.
    std::string ask(std::string_view target, http::verb verb = http::verb::get)
    {
        exchange e(context);
        e.read();
        e.start(page, target, verb);
        e.run_until_answered();
        CHECK_COMPLETED(e.answered, success);
        e.run_until([&] { return e.received.find("\r\n\r\n") != e.received.npos; }, "the header");
        const auto length = e.received.find("Content-Length: ");
        BOOST_REQUIRE(length != e.received.npos);
        const std::size_t size = std::stoul(e.received.substr(length + 16));
        if (verb != http::verb::head)
            e.run_until([&] { return e.body().size() >= size; }, "all of the body");
        BOOST_TEST(e.body().size() == (verb == http::verb::head ? 0 : size));
        e.hang_up();
        last = e.received;
        return e.body();
    }

    json::value ask_json(std::string_view target) { return json::parse(ask(target)); }

    /// The names of the resources of the first manager.
    std::string names(std::string_view query)
    {
        std::string result;
        const json::value all = ask_json("/locks.json?" + std::string(query));
        for (const json::value& each : all.at("managers").at(0).at("resources").as_array()) {
            const json::string& name = each.at("resource").as_string();
            result += std::string(name.data(), name.size()) + ' ';
        }
        return result;
    }

    [[nodiscard]] const std::shared_ptr<event_feed>& feed() const
    {
        return redlock::detail::access::backend(*manager)->events();
    }

    monitor::page page{{.refresh = 1ms}};
    std::string last; // what came last, with its header
};

BOOST_AUTO_TEST_SUITE(pages, *boost::unit_test::timeout(60))

BOOST_FIXTURE_TEST_CASE(the_locks_come_as_json, fixture)
{
    lock held = get("printer", "alice", {.priority = 1});
    acquired bob;
    acquire(bob, "printer", "bob", {.priority = 2});
    const json::value seen = ask_json("/locks.json").at("managers").at(0);
    BOOST_TEST(last.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(last.find("Content-Type: application/json\r\n") != last.npos);
    BOOST_TEST(last.find("Cache-Control: no-store\r\n") != last.npos);
    BOOST_TEST(seen.at("name") == "first");
    BOOST_TEST(!seen.at("is_gone").as_bool());
    BOOST_TEST(!seen.at("has_nodes").as_bool());
    BOOST_TEST(seen.at("total") == 1);
    BOOST_TEST(seen.at("metrics").at("preemptions") == 1);
    const json::value& printer = seen.at("resources").at(0);
    BOOST_TEST(printer.at("holder").at("state") == "revoking");
    BOOST_TEST(printer.at("holder").at("thief").at("locker_id") == "bob");
    BOOST_TEST(printer.at("waiting") == 1);
}

BOOST_FIXTURE_TEST_CASE(a_part_of_the_locks_can_be_asked_for, fixture)
{
    page = monitor::page({.refresh = redlock::duration(1)});
    page.add("first", *manager);
    std::vector<lock> held;
    for (const char* each : {"d", "a", "Straße", "c", "b & b"})
        held.push_back(get(each, "locker of " + std::string(each)));
    acquired w1, w2, w3;
    acquire(w1, "c", "Carol");
    acquire(w2, "c", "w2");
    acquire(w3, "d", "w3");
    BOOST_TEST(names("") == "Straße a b & b c d ");
    BOOST_TEST(names("order=contention") == "c d Straße a b & b ");
    BOOST_TEST(names("from=1&count=2") == "a b & b ");
    BOOST_TEST(names("from=4&count=2") == "d ");
    BOOST_TEST(names("from=9") == "");
    BOOST_TEST(names("from=x&count=1") == "Straße ");
    BOOST_TEST(names("match=cAROL") == "c ");
    BOOST_TEST(names("match=of+b+%26+B") == "b & b ");
    BOOST_TEST(names("match=stra%C3%9fe") == "Straße ");
    BOOST_TEST(names("match=%2") == "");
    BOOST_TEST(names("resource=a") == "a ");
    const json::value c = ask_json("/locks.json?manager=first&resource=c&waiters=1").at("managers").at(0);
    BOOST_TEST(c.at("matching") == 1);
    BOOST_TEST(c.at("total") == 5);
    BOOST_TEST(c.at("resources").at(0).at("waiters").as_array().size() == 1);
    BOOST_TEST(c.at("resources").at(0).at("waiting") == 2);
    ask("/locks.json?manager=other");
    BOOST_TEST(last.starts_with("HTTP/1.1 404 "));
}

BOOST_FIXTURE_TEST_CASE(more_locks_than_fit_into_a_turn_come, fixture)
{
    std::vector<lock> held;
    for (int i = 0; i < 3000; ++i)
        held.push_back(get("resource " + std::to_string(i), "a"));
    const json::value seen = ask_json("/locks.json").at("managers").at(0);
    BOOST_TEST(seen.at("resources").as_array().size() == 3000);
}

BOOST_FIXTURE_TEST_CASE(a_snapshot_is_used_again, fixture)
{
    page = monitor::page({.refresh = 1h});
    page.add("first", *manager);
    BOOST_TEST(names("") == "");
    const lock held = get("r", "a");
    BOOST_TEST(names("") == "");
}

BOOST_FIXTURE_TEST_CASE(the_page_loads_nothing_else, fixture)
{
    const std::string text = ask("/locks");
    BOOST_TEST(text.starts_with("<!doctype html>"));
    BOOST_TEST(text.find("/* style */") == text.npos);
    BOOST_TEST(text.find("/* program */") == text.npos);
    BOOST_TEST(text.find("'use strict'") != text.npos);
    BOOST_TEST(text.find(":root") != text.npos);
    for (const char* each : {"http:", "https:", "innerHTML", "insertAdjacentHTML", "document.write"})
        BOOST_TEST(text.find(each) == text.npos, each);
    BOOST_TEST(last.find("Content-Security-Policy: default-src 'none';") != last.npos);
    BOOST_TEST(ask("/locks", http::verb::head) == "");
    BOOST_TEST(last.find("Content-Length: " + std::to_string(text.size())) != last.npos);
}

BOOST_FIXTURE_TEST_CASE(it_can_only_be_read, fixture)
{
    for (const http::verb each : {http::verb::post, http::verb::put, http::verb::delete_, http::verb::options})
        for (const char* path : {"/locks", "/locks.json", "/locks/events", "/locks/nodes", "/metrics"}) {
            ask(path, each);
            BOOST_TEST(last.starts_with("HTTP/1.1 405 "));
            BOOST_TEST(last.find("Allow: GET, HEAD\r\n") != last.npos);
        }
}

BOOST_FIXTURE_TEST_CASE(it_serves_its_paths_and_no_others, fixture)
{
    for (const char* each :
         {"/locks", "/locks?a=b", "/locks.json", "/locks/events", "/locks/nodes?resource=r", "/metrics"})
        BOOST_TEST(page.serves(each), each);
    for (const char* each :
         {"", "/", "/lock", "/locks/", "/locksmith", "/locks/other", "/metrics/x", "locks", "?/locks"})
        BOOST_TEST(!page.serves(each), each);
    ask("/other");
    BOOST_TEST(last.starts_with("HTTP/1.1 404 "));

    const monitor::page elsewhere({.path = "/admin/l", .metrics_path = ""});
    BOOST_TEST(elsewhere.serves("/admin/l.json"));
    BOOST_TEST(!elsewhere.serves("/locks"));
    BOOST_TEST(!elsewhere.serves("/metrics"));
    BOOST_TEST(!elsewhere.serves(""));
}

BOOST_AUTO_TEST_CASE(options_are_checked)
{
    using monitor::page;
    BOOST_CHECK_THROW(page({.path = ""}), std::invalid_argument);
    BOOST_CHECK_THROW(page({.path = "locks"}), std::invalid_argument);
    BOOST_CHECK_THROW(page({.metrics_path = "metrics"}), std::invalid_argument);
    BOOST_CHECK_THROW(page({.refresh = 0s}), std::invalid_argument);
    BOOST_CHECK_THROW(page({.patience = -1s}), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(metrics_of_all_managers_come_for_prometheus, fixture)
{
    lock_manager other = make_manager(context.get_executor(), kind);
    page.add("second", other);
    const lock held = get("r", "a");
    const std::string text = ask("/metrics");
    BOOST_TEST(text.find("priority_redlock_held{manager=\"first\"} 1\n") != text.npos);
    BOOST_TEST(text.find("priority_redlock_held{manager=\"second\"} 0\n") != text.npos);
    BOOST_TEST(last.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != last.npos);
}

BOOST_FIXTURE_TEST_CASE(a_manager_that_is_gone_is_shown_as_gone, fixture)
{
    manager.reset();
    const json::value seen = ask_json("/locks.json").at("managers").at(0);
    BOOST_TEST(seen.at("is_gone").as_bool());
    BOOST_TEST(seen.at("resources").as_array().empty());
    ask("/metrics");
    BOOST_TEST(last.starts_with("HTTP/1.1 200 "));
}

BOOST_FIXTURE_TEST_CASE(preemptions_are_told_as_they_happen, fixture)
{
    lock before = get("before", "a");
    acquired nobody_looks;
    acquire(nobody_looks, "before", "b", {.priority = 1});

    exchange e(context);
    e.read();
    BOOST_TEST(!feed()->is_watched());
    e.start(page, "/locks/events");
    e.run_until([&] { return e.received.find("\ndata: ") != e.received.npos; }, "the first frame");
    BOOST_TEST(e.received.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(e.received.find("Content-Type: text/event-stream\r\n") != e.received.npos);
    BOOST_TEST(e.received.find("Connection: close\r\n") != e.received.npos);
    BOOST_TEST(feed()->is_watched());
    BOOST_TEST(e.received.find("\"before\"") == e.received.npos);

    lock held = get("printer", "alice", {.priority = 1, .grace = 1s});
    acquired bob;
    acquire(bob, "printer", "bob\n\n", {.priority = 2});
    held.release(); // before the next frame
    poll();
    CHECK_COMPLETED(bob, success);
    e.run_until([&] { return e.received.find("revoking") != e.received.npos; }, "the preemption");
    const auto line = e.received.rfind("data: ", e.received.find("revoking"));
    e.run_until([&] { return e.received.find("\n\n", line) != e.received.npos; }, "the end of the frame");
    const json::value frame = json::parse(e.received.substr(line + 6, e.received.find("\n\n", line) - line - 6));
    BOOST_TEST(frame.at("missed") == 0);
    BOOST_TEST(frame.at("managers").at(0).at("name") == "first");
    const json::value& event = frame.at("events").at(0);
    BOOST_TEST(event.at("manager") == "first");
    BOOST_TEST(event.at("event") == "revoking");
    BOOST_TEST(event.at("resource") == "printer");
    BOOST_TEST(event.at("locker_id") == "alice");
    BOOST_TEST(event.at("thief").at("locker_id") == "bob\n\n");
    BOOST_TEST(event.at("thief").at("priority") == 2);

    e.go_away();
    e.run_until_answered();
    BOOST_TEST(e.answered.ec);
    BOOST_TEST(!feed()->is_watched());
    bob.lk.release();
    before.release();
    poll();
    nobody_looks.lk.release();
}

BOOST_FIXTURE_TEST_CASE(a_lock_that_is_preempted_or_expires_is_told, fixture)
{
    event_watch watch(feed());
    lock held = get("printer", "alice", {.grace = 1s});
    completion cleaning;
    wait(cleaning, held);
    acquired bob;
    acquire(bob, "printer", "bob", {.priority = 2});
    lock short_one = get("other", "eve", {.ttl = 1s});
    advance(1s);
    lock late = std::move(bob.lk);
    std::vector<event_feed::event> events;
    BOOST_TEST(watch.read(events) == 0);
    std::string told;
    for (const auto& each : events)
        told += std::string(each.what.event) + ' ' + each.what.locker + ", ";
    BOOST_TEST(told.find("revoking alice, ") != told.npos);
    BOOST_TEST(told.find("expired eve, ") != told.npos);
    BOOST_TEST(told.find("released") == told.npos);
    BOOST_TEST(told.find("granted") == told.npos);
}

BOOST_FIXTURE_TEST_CASE(a_page_that_is_closed_ends_its_streams, fixture)
{
    exchange e(context);
    e.read();
    e.start(page, "/locks/events");
    e.run_until([&] { return !e.received.empty(); }, "the first frame");
    page.close();
    e.run_until_answered();
    CHECK_COMPLETED(e.answered, error_code(http::error::end_of_stream));
    BOOST_TEST(!feed()->is_watched());
    e.hang_up();
    ask("/locks/events");
    BOOST_TEST(last.starts_with("HTTP/1.1 503 "));
    ask("/locks.json");
    BOOST_TEST(last.starts_with("HTTP/1.1 200 "));
}

BOOST_FIXTURE_TEST_CASE(a_page_may_go_before_its_streams, fixture)
{
    exchange e(context);
    e.read();
    e.start(page, "/locks/events");
    e.run_until([&] { return !e.received.empty(); }, "the first frame");
    page = monitor::page();
    e.run_until_answered();
    CHECK_COMPLETED(e.answered, error_code(http::error::end_of_stream));
    e.hang_up();
}

BOOST_FIXTURE_TEST_CASE(the_number_of_viewers_is_bounded, fixture)
{
    page = monitor::page({.refresh = 1ms, .most_viewers = 1});
    page.add("first", *manager);
    {
        exchange e(context);
        e.read();
        e.start(page, "/locks/events");
        e.run_until([&] { return !e.received.empty(); }, "the first frame");
        ask("/locks/events");
        BOOST_TEST(last.starts_with("HTTP/1.1 503 "));
        BOOST_TEST(last.find("Retry-After: 1\r\n") != last.npos);
        e.go_away();
        e.run_until_answered();
    }
    exchange again(context);
    again.read();
    again.start(page, "/locks/events", http::verb::head);
    again.run_until_answered();
    CHECK_COMPLETED(again.answered, error_code(http::error::end_of_stream));
    again.run_until([&] { return !again.received.empty(); }, "the header");
    BOOST_TEST(again.received.starts_with("HTTP/1.1 200 "));
    again.hang_up();
}

BOOST_FIXTURE_TEST_CASE(who_takes_nothing_is_cut_off, fixture)
{
    page = monitor::page({.refresh = 1ms, .patience = 50ms});
    page.add("first", *manager);
    exchange e(context); // which does not read
    e.start(page, "/locks/events");
    e.run_until_answered();
    CHECK_COMPLETED(e.answered, aborted);
    BOOST_TEST(!e.server.is_open());
    BOOST_TEST(!feed()->is_watched());
}

BOOST_FIXTURE_TEST_CASE(an_answer_can_be_cancelled, fixture)
{
    asio::cancellation_signal cancel;
    exchange e(context);
    e.read();
    e.start(page, "/locks/events", http::verb::get, cancel.slot());
    e.run_until([&] { return !e.received.empty(); }, "the first frame");
    cancel.emit(asio::cancellation_type::terminal);
    e.run_until_answered();
    CHECK_COMPLETED(e.answered, aborted);
    e.hang_up();
}

struct fake_store
{
    error_code result;

    template <class Handler>
    void async_inspect(const std::string& resource, Handler handler) const
    {
        redlock::redis_inspection seen;
        seen.resource = resource;
        seen.quorum = 2;
        seen.nodes = {{.name = "n1:1", .answered = true}, {.name = "n2:2", .trouble = "is \xff away"}};
        seen.holders = {
            {.locker_id = "alice", .priority = 3, .fencing_token = 7, .has_quorum = true, .nodes = {"n1:1"}}};
        seen.waiters = {{.locker_id = "bob", .nodes = {"n1:1"}}};
        std::move(handler)(result, std::move(seen));
    }
};

BOOST_FIXTURE_TEST_CASE(the_nodes_are_asked_about_a_resource, fixture)
{
    page.add("shared", *manager, std::make_shared<fake_store>());
    page.add("lame", *manager, std::make_shared<const fake_store>(fake_store{errc::no_quorum}));
    const json::value seen = ask_json("/locks/nodes?manager=shared&resource=a%20b");
    BOOST_TEST(seen.at("resource") == "a b");
    BOOST_TEST(seen.at("error").is_null());
    BOOST_TEST(seen.at("quorum") == 2);
    BOOST_TEST(seen.at("nodes").at(0).at("answered").as_bool());
    BOOST_TEST(seen.at("nodes").at(1).at("trouble") == "is \xef\xbf\xbd away");
    BOOST_TEST(seen.at("holders").at(0).at("locker_id") == "alice");
    BOOST_TEST(seen.at("holders").at(0).at("fencing_token") == 7);
    BOOST_TEST(seen.at("waiters").at(0).at("locker_id") == "bob");
    BOOST_TEST(ask_json("/locks/nodes?manager=lame").at("error").as_string().size() > 0);
    BOOST_TEST(ask_json("/locks.json?manager=shared").at("managers").at(0).at("has_nodes").as_bool());
    ask("/locks/nodes?manager=first");
    BOOST_TEST(last.starts_with("HTTP/1.1 404 "));
    ask("/locks/nodes?manager=none");
    BOOST_TEST(last.starts_with("HTTP/1.1 404 "));
}

log_record named(std::string resource)
{
    return {.event = "revoking", .resource = std::move(resource)};
}

BOOST_AUTO_TEST_CASE(events_are_bounded_and_those_missed_are_counted)
{
    const auto feed = std::make_shared<event_feed>();
    feed->add(named("nobody watches"));
    event_watch early(feed);
    for (std::size_t i = 0; i < 10; ++i)
        feed->add(named("early"));
    event_watch late(feed);
    for (std::size_t i = 0; i < event_feed::most_events + 3; ++i)
        feed->add(named(std::to_string(i)));
    std::vector<event_feed::event> seen;
    BOOST_TEST(early.read(seen) == 13);
    BOOST_TEST(seen.size() == event_feed::most_events);
    BOOST_TEST(seen.front().what.resource == "3");
    seen.clear();
    BOOST_TEST(early.read(seen) == 0);
    BOOST_TEST(seen.empty());
    BOOST_TEST(late.read(seen) == 3);

    // However long the names.
    seen.clear();
    const std::string longest(65536, 'x');
    for (int i = 0; i < 100; ++i)
        feed->add(named(longest));
    BOOST_TEST(early.read(seen) == 100 - event_feed::most_bytes / longest.size());
    BOOST_TEST(seen.size() == event_feed::most_bytes / longest.size());
}

BOOST_AUTO_TEST_CASE(events_are_forgotten_with_the_last_watcher)
{
    const auto feed = std::make_shared<event_feed>();
    {
        event_watch first(feed);
        feed->add(named("r"));
    }
    BOOST_TEST(!feed->is_watched());
    event_watch second(feed);
    std::vector<event_feed::event> seen;
    BOOST_TEST(second.read(seen) == 0);
    BOOST_TEST(seen.empty());
    feed->add(named("s"));
    BOOST_TEST(second.read(seen) == 0);
    BOOST_TEST(seen.size() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
