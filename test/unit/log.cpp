// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "manager/log_lines.hpp"
#include "table_fixture.hpp"

#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/basic_sink_backend.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/trivial.hpp>
#include <boost/make_shared.hpp>
#include <boost/shared_ptr.hpp>

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace priority_redlock::test {

namespace {

namespace logging = boost::log;

/// Keeps what it is given: "level channel text".
class keeping_backend : public logging::sinks::basic_sink_backend<logging::sinks::synchronized_feeding>
{
public:
    void consume(const logging::record_view& record)
    {
        if (fails)
            throw std::runtime_error("a sink that fails");
        const auto level = logging::extract<logging::trivial::severity_level>("Severity", record);
        const auto channel = logging::extract<std::string>("Channel", record);
        const auto text = record[logging::expressions::smessage];
        lines.push_back(std::string(level ? logging::trivial::to_string(level.get()) : "?") + ' '
                        + (channel ? channel.get() : "?") + ' ' + (text ? text.get() : "?"));
        records.push_back(record);
    }

    std::vector<std::string> lines;
    std::vector<logging::record_view> records;
    bool fails = false;
};

struct log_fixture : table_fixture
{
    using sink_type = logging::sinks::synchronous_sink<keeping_backend>;

    log_fixture() { logging::core::get()->add_sink(sink_); }
    ~log_fixture()
    {
        logging::core::get()->remove_sink(sink_);
        set_log_level(before_);
    }

    keeping_backend& kept() { return *backend_; }

    /// Lets through what passes.
    void set_filter(const logging::filter& f) { sink_->set_filter(f); }

    /// The attributes of a record but for its severity and channel: "Event=granted Resource=r ...".
    [[nodiscard]] std::string attributes(std::size_t i) const
    {
        const logging::record_view& record = backend_->records.at(i);
        std::ostringstream result;
        const auto add = [&]<class T>(const char* name, std::type_identity<T>) {
            if (const auto value = logging::extract<T>(name, record))
                result << (result.tellp() == 0 ? "" : " ") << name << '=' << value.get();
        };
        for (const char* each : {"Event", "Resource", "Locker"})
            add(each, std::type_identity<std::string>());
        add("Priority", std::type_identity<int>());
        add("Token", std::type_identity<std::uint64_t>());
        add("Thief", std::type_identity<std::string>());
        add("ThiefPriority", std::type_identity<int>());
        add("Milliseconds", std::type_identity<std::int64_t>());
        add("Node", std::type_identity<std::string>());
        return result.str();
    }

private:
    const log_level before_ = get_log_level();
    boost::shared_ptr<keeping_backend> backend_ = boost::make_shared<keeping_backend>();
    boost::shared_ptr<sink_type> sink_ = boost::make_shared<sink_type>(backend_);
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(log_records, log_fixture)

BOOST_AUTO_TEST_CASE(warnings_and_up_by_default)
{
    BOOST_TEST((get_log_level() == log_level::warning));
    detail::log({.level = log_level::debug, .event = "test", .text = "d"});
    detail::log({.level = log_level::info, .event = "test", .text = "i"});
    detail::log({.level = log_level::warning, .event = "test", .text = "w"});
    detail::log({.level = log_level::error, .event = "test", .text = "e"});
    BOOST_REQUIRE(kept().lines.size() == 2u);
    BOOST_TEST(kept().lines[0] == "warning priority_redlock w");
    BOOST_TEST(kept().lines[1] == "error priority_redlock e");
}

BOOST_AUTO_TEST_CASE(the_level_can_be_set_and_off_is_nothing)
{
    set_log_level(log_level::debug);
    detail::log({.level = log_level::debug, .event = "test", .text = "d"});
    detail::log({.level = log_level::info, .event = "test", .text = "i"});
    BOOST_REQUIRE(kept().lines.size() == 2u);
    BOOST_TEST(kept().lines[0] == "debug priority_redlock d");
    BOOST_TEST(kept().lines[1] == "info priority_redlock i");
    set_log_level(log_level::off);
    detail::log({.level = log_level::error, .event = "test", .text = "e"});
    BOOST_TEST(kept().lines.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_failure_is_an_error)
{
    detail::log_failure("something could not be done");
    BOOST_REQUIRE(kept().lines.size() == 1u);
    BOOST_TEST(kept().lines[0] == "error priority_redlock something could not be done");
}

BOOST_AUTO_TEST_CASE(a_sink_that_fails_is_no_failure_of_the_library)
{
    kept().fails = true;
    BOOST_CHECK_NO_THROW(detail::log({.level = log_level::error, .event = "test", .text = "e"}));
    BOOST_CHECK_NO_THROW(detail::log_failure("e"));
    BOOST_TEST(kept().lines.empty());
}

BOOST_AUTO_TEST_CASE(a_step_has_no_lines_below_the_level)
{
    acquire("a");
    detail::log_lines lines;
    lines.grant(*at("a").h);
    lines.end(*at("a").h);
    lines.settle(at("a"));
    lines.write();
    BOOST_TEST(kept().lines.empty());
}

BOOST_AUTO_TEST_CASE(lines_of_a_step_name_resource_locker_priority_and_token)
{
    set_log_level(log_level::debug);
    acquire("a", {.priority = 3}, "lights");
    const std::string token = std::to_string(this->token("a"));
    detail::log_lines lines;
    lines.grant(*at("a").h);
    acquire("b", {.priority = 4}, "lights");
    lines.wait(*at("b").h);
    lines.end(*at("a").h);
    BOOST_TEST(kept().lines.empty()); // not before it is written
    lines.write();
    BOOST_REQUIRE(kept().lines.size() == 3u);
    for (const std::string& line : kept().lines) {
        BOOST_TEST(line.starts_with("debug priority_redlock "));
        BOOST_TEST(line.find("lights") != std::string::npos);
    }
    const auto has = [this](std::size_t i, const std::string& what) {
        return kept().lines[i].find(what) != std::string::npos;
    };
    BOOST_TEST(has(0, "granted"));
    BOOST_TEST(has(0, "locker=a"));
    BOOST_TEST(has(0, "priority=3"));
    BOOST_TEST(has(0, "token=" + token));
    BOOST_TEST(has(1, "waiting"));
    BOOST_TEST(has(1, "locker=b"));
    BOOST_TEST(has(1, "priority=4"));
    BOOST_TEST(has(2, "revoking"));
    BOOST_TEST(has(2, "locker=a"));
    BOOST_TEST(has(2, "token=" + token));
}

BOOST_AUTO_TEST_CASE(a_line_of_a_preemption_names_the_thief)
{
    set_log_level(log_level::debug);
    acquire("a", {.grace = infinite});
    acquire("b", {.priority = 4});
    detail::log_lines lines;
    lines.end(*at("a").h, detail::thief{"b", 4});
    lines.end(*at("a").h, detail::thief{{}, 7});
    lines.end(*at("a").h, detail::thief{"equal", 0}); // of another part of a composite
    lines.end(*at("a").h);
    lines.write();
    BOOST_REQUIRE(kept().lines.size() == 4u);
    BOOST_TEST(kept().lines[0].ends_with(" thief=b thief_priority=4"));
    BOOST_TEST(kept().lines[1].ends_with(" thief=(of another manager) thief_priority=7"));
    BOOST_TEST(kept().lines[2].find("thief") == std::string::npos);
    BOOST_TEST(kept().lines[3].find("thief") == std::string::npos);

    acquire("c", {.ttl = 1ms}, "s");
    acquire("d", {}, "s");
    at_time(1ms);
    detail::log_lines of_expiry;
    of_expiry.end(*at("c").h, detail::thief{"d", 4});
    of_expiry.write();
    BOOST_TEST(kept().lines.back().find("expired") != std::string::npos);
    BOOST_TEST(kept().lines.back().find("thief") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_loss_of_a_lock_is_a_warning_that_names_it)
{
    acquire("a", {.priority = 2}, "lights");
    const std::string token = std::to_string(this->token("a"));
    detail::log_lines lines;
    at("a").h->state.store(lock_state::lost);
    lines.end(*at("a").h);
    lines.write();
    at("a").h->state.store(lock_state::held);
    BOOST_REQUIRE(kept().lines.size() == 1u);
    BOOST_TEST(kept().lines[0] == "warning priority_redlock lost resource=lights locker=a priority=2 token=" + token);
}

BOOST_AUTO_TEST_CASE(an_overrun_is_a_warning_that_names_who_and_for_how_long)
{
    acquire("a", {.priority = 2, .grace = infinite}, "lights");
    acquire("b", {.priority = 4}, "lights");
    detail::log_lines lines;
    lines.overrun(*at("a").h, detail::thief{"b", 4}, 1500ms);
    lines.write();
    BOOST_REQUIRE(kept().lines.size() == 1u);
    BOOST_TEST(
        kept().lines[0].starts_with("warning priority_redlock overrun resource=lights locker=a priority=2 token="));
    BOOST_TEST(kept().lines[0].find(" thief=b thief_priority=4 told_ms_ago=1500: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lines_of_what_became_of_an_acquire)
{
    set_log_level(log_level::debug);
    acquire("a");
    acquire("b", {.timeout = 1ms});
    acquire("c");
    detail::log_lines lines;
    at_time(1ms);
    actor refused;
    refused.target = at("c").target;
    refused.result = errc::acquire_timeout;
    lines.settle(refused);
    release("a");
    lines.settle(at("c"));
    lines.write();
    BOOST_REQUIRE(kept().lines.size() == 2u);
    BOOST_TEST(kept().lines[0].find("refused") != std::string::npos);
    BOOST_TEST(kept().lines[0].find(error_code(errc::acquire_timeout).message()) != std::string::npos);
    BOOST_TEST(kept().lines[1].find("granted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_record_is_about_are_attributes)
{
    set_log_level(log_level::debug);
    acquire("a", {.priority = 3, .grace = infinite}, "lights");
    const std::string token = " Token=" + std::to_string(this->token("a"));
    acquire("b", {.priority = 4}, "lights");
    detail::log_lines lines;
    lines.grant(*at("a").h);
    lines.wait(*at("b").h);
    lines.end(*at("a").h, detail::thief{"b", 4});
    lines.end(*at("a").h, detail::thief{{}, 7});
    lines.end(*at("a").h);
    lines.overrun(*at("a").h, detail::thief{"b", 4}, 1500ms);
    lines.deadlock(*at("b").h, "b waits for itself");
    lines.renewal_failed(*at("a").h, errc::no_quorum);
    actor refused;
    refused.target = at("b").target;
    refused.result = errc::acquire_timeout;
    lines.settle(refused);
    lines.write();
    detail::log_failure("f");
    detail::log({.level = log_level::info, .event = "node_votes", .text = "t", .node = "n0"});

    BOOST_REQUIRE(kept().lines.size() == 11u);
    const std::string a = " Resource=lights Locker=a Priority=3" + token;
    const std::string b = " Resource=lights Locker=b Priority=4";
    BOOST_TEST(attributes(0) == "Event=granted" + a);
    BOOST_TEST(attributes(1) == "Event=waiting" + b);
    BOOST_TEST(attributes(2) == "Event=revoking" + a + " Thief=b ThiefPriority=4");
    BOOST_TEST(attributes(3) == "Event=revoking" + a + " Thief= ThiefPriority=7");
    BOOST_TEST(attributes(4) == "Event=revoking" + a);
    BOOST_TEST(attributes(5) == "Event=overrun" + a + " Thief=b ThiefPriority=4 Milliseconds=1500");
    BOOST_TEST(attributes(6) == "Event=deadlock" + b);
    BOOST_TEST(kept().lines[6] == "warning priority_redlock deadlock refused: b waits for itself");
    BOOST_TEST(attributes(7) == "Event=renewal_failed" + a);
    BOOST_TEST(kept().lines[7]
               == "warning priority_redlock renewal_failed resource=lights locker=a priority=3 token="
                      + std::to_string(this->token("a"))
                      + ": the renewal is repeated until the lock ends: " + error_code(errc::no_quorum).message());
    BOOST_TEST(attributes(8) == "Event=refused" + b);
    BOOST_TEST(attributes(9) == "Event=failure");
    BOOST_TEST(attributes(10) == "Event=node_votes Node=n0");
}

BOOST_AUTO_TEST_CASE(filters_choose_by_attributes)
{
    namespace expr = logging::expressions;
    set_log_level(log_level::debug);
    acquire("a", {}, "lights");
    acquire("b", {}, "printer");
    acquire("c", {.priority = 2}, "printer");
    detail::log_lines lines;
    lines.grant(*at("a").h);
    lines.grant(*at("b").h);
    lines.wait(*at("c").h);
    const auto passed = [&] {
        kept().lines.clear();
        lines.write(); // again
        std::string result;
        for (const std::string& line : kept().lines)
            result += line.substr(line.find("locker=") + 7, 1);
        return result;
    };
    BOOST_TEST(passed() == "abc");
    set_filter(expr::attr<std::string>("Resource") == "printer");
    BOOST_TEST(passed() == "bc");
    set_filter(expr::attr<std::string>("Event") == "granted");
    BOOST_TEST(passed() == "ab");
    set_filter(expr::attr<int>("Priority") > 1);
    BOOST_TEST(passed() == "c");
    set_filter(expr::attr<std::uint64_t>("Token") == token("b") && expr::attr<std::string>("Locker") != "a");
    BOOST_TEST(passed() == "b");
    set_filter(expr::attr<std::string>("Channel") == "another");
    BOOST_TEST(passed() == "");
}

// What the table did is noted under a mutex, and the text is made without it.
BOOST_AUTO_TEST_CASE(what_is_noted_does_not_change_before_it_is_written)
{
    set_log_level(log_level::debug);
    acquire("a", {.priority = 1}, "lights");
    detail::log_lines lines;
    lines.grant(*at("a").h);
    acquire("a/2", {.priority = 5}, "lights");
    release("a/2");
    release("a");
    acquire("b", {.priority = 2}, "lights"); // in the same place, maybe
    lines.write();
    BOOST_REQUIRE(kept().lines.size() == 1u);
    BOOST_TEST(
        kept().lines[0].starts_with("debug priority_redlock granted resource=lights locker=a priority=1 token="));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
