// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "manager/shard_timer.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

namespace priority_redlock::test {

namespace {

using namespace std::chrono_literals;
using detail::never;
using detail::time_point;

constexpr time_point start(1h);

/// What a shard does with its timer after a step, for a next deadline that is so far from the start: "arm 5" (ms),
/// "cancel", several of them, or nothing.
class timer_driver
{
public:
    std::string step(duration deadline) { return drive(start + deadline); }
    std::string step_without_deadline() { return drive(never); }

    /// The wait has ended, at its end or since it was cancelled.
    void fired() { timer.fired(); }

    detail::shard_timer timer;

private:
    std::string drive(time_point deadline)
    {
        using action = detail::shard_timer::action;
        std::string result;
        const bool wanted = timer.wanted(deadline) != action::none;
        BOOST_TEST(timer.begin_driving(deadline) == wanted);
        if (!wanted)
            return result;
        BOOST_TEST(!timer.begin_driving(start)); // nobody else, meanwhile
        for (action a; (a = timer.next(deadline, start)) != action::none;) {
            result += result.empty() ? "" : ", ";
            if (a == action::cancel)
                result += "cancel";
            else
                result += "arm " + std::to_string((timer.armed_at() - start) / 1ms);
        }
        return result;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(shard_timer)

BOOST_AUTO_TEST_CASE(is_set_for_the_earliest_deadline_only)
{
    timer_driver t;
    BOOST_TEST(t.step_without_deadline() == "");
    BOOST_TEST(t.step(50ms) == "arm 50");
    BOOST_TEST(t.step(70ms) == ""); // it turns out to be early then
    BOOST_TEST(t.step(30ms) == "cancel");
    BOOST_TEST(t.step(20ms) == ""); // its handler is on the way
    t.fired();
    BOOST_TEST(t.step(20ms) == "arm 10"); // never later than it lingers
    t.fired();
    BOOST_TEST(t.step(20ms) == "arm 20");
}

BOOST_AUTO_TEST_CASE(lingers_when_the_last_deadline_has_gone)
{
    timer_driver t;
    BOOST_TEST(t.step(50ms) == "arm 50");
    BOOST_TEST(t.step_without_deadline() == "cancel");
    t.fired();
    BOOST_TEST(t.step_without_deadline() == "arm 10");
    BOOST_TEST(t.step(40ms) == ""); // deadlines come and go
    BOOST_TEST(t.step_without_deadline() == "");
    t.fired();
    BOOST_TEST(t.step_without_deadline() == ""); // the context may run out of work
    BOOST_TEST(t.step(40ms) == "arm 40");
}

BOOST_AUTO_TEST_CASE(is_looked_at_again_when_its_handler_was_posted_instead)
{
    timer_driver t;
    BOOST_TEST(t.timer.begin_driving(start));
    BOOST_TEST((t.timer.next(start, start) == detail::shard_timer::action::arm));
    t.timer.lost();
    t.timer.posted();
    BOOST_TEST((t.timer.next(start, start) == detail::shard_timer::action::none));
    BOOST_TEST(t.step(5ms) == ""); // it is on the way
    t.fired();
    BOOST_TEST(t.step(50ms) == "arm 50");
}

BOOST_AUTO_TEST_CASE(is_armed_again_when_a_wait_is_lost)
{
    timer_driver t;
    BOOST_TEST(t.step(50ms) == "arm 50");
    t.timer.lost();
    BOOST_TEST(t.step(50ms) == "arm 50");
    t.timer.lost();
    BOOST_TEST(t.timer.begin_driving(start));
    BOOST_TEST((t.timer.next(start, start) == detail::shard_timer::action::arm));
    t.timer.lost();
    t.timer.leave(); // nor could its handler be posted
    BOOST_TEST(t.step(5ms) == "arm 5");
}

BOOST_AUTO_TEST_CASE(is_left_alone_after_the_shutdown)
{
    timer_driver t;
    BOOST_TEST(t.step(50ms) == "arm 50");
    t.timer.stop();
    BOOST_TEST(t.step(30ms) == "");
    BOOST_TEST(t.step_without_deadline() == "");
    t.fired();
    BOOST_TEST(t.step(30ms) == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
