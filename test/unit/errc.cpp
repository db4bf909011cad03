// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock_state.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <string_view>
#include <system_error>

namespace priority_redlock::test {

namespace {

constexpr errc all_codes[] = {errc::acquire_timeout, errc::already_acquired, errc::expired,   errc::lost,
                              errc::not_held,        errc::invalid_argument, errc::deadlock,  errc::no_quorum,
                              errc::manager_closed,  errc::preempted,        errc::queue_full};
constexpr condition all_conditions[] = {condition::ended, condition::busy, condition::retryable};

} // namespace

BOOST_AUTO_TEST_SUITE(error_codes)

BOOST_AUTO_TEST_CASE(every_code_has_a_message_of_its_own)
{
    std::set<std::string> messages;
    for (const errc e : all_codes) {
        const error_code ec = e;
        BOOST_TEST(!ec.message().empty());
        BOOST_TEST(messages.insert(ec.message()).second);
        char buffer[8];
        BOOST_TEST(ec.category().message(ec.value(), buffer, sizeof buffer) == ec.message());
    }
    BOOST_TEST(messages.count(error_code(100, category()).message()) == 0u);
}

BOOST_AUTO_TEST_CASE(every_state_has_a_name_of_its_own)
{
    std::set<std::string_view> names;
    for (const lock_state s : {lock_state::empty, lock_state::held, lock_state::revoking, lock_state::released,
                               lock_state::preempted, lock_state::expired, lock_state::lost})
        BOOST_TEST(names.insert(to_string(s)).second);
    BOOST_TEST(to_string(static_cast<lock_state>(100)) == "unknown");
}

BOOST_AUTO_TEST_CASE(codes_start_at_1_so_that_each_is_an_error)
{
    int expected = 1;
    for (const errc e : all_codes) {
        const error_code ec = e;
        BOOST_TEST(ec.value() == expected++);
        BOOST_TEST(ec.failed());
        BOOST_TEST(static_cast<bool>(ec));
        BOOST_TEST((ec.category() == category()));
        BOOST_TEST((make_error_code(e) == ec));
    }
}

BOOST_AUTO_TEST_CASE(categories_have_names_and_are_not_each_other)
{
    BOOST_TEST(std::string(category().name()) == "priority_redlock");
    BOOST_TEST(std::string(condition_category().name()) == "priority_redlock.condition");
    BOOST_TEST((category() == category()));
    BOOST_TEST((category() != condition_category()));
    BOOST_TEST((category() != boost::system::generic_category()));
    BOOST_TEST(error_code(errc::lost).to_string() == "priority_redlock:4");
}

BOOST_AUTO_TEST_CASE(unknown_values_have_a_message_and_no_condition)
{
    for (const int value : {-1, 0, 12, 1'000'000}) {
        const error_code ec(value, category());
        BOOST_TEST((ec != boost::system::errc::operation_canceled));
        BOOST_TEST(!ec.message().empty());
        for (const condition c : all_conditions)
            BOOST_TEST((ec != c));
        const boost::system::error_condition unknown(value, condition_category());
        BOOST_TEST(!unknown.message().empty());
        BOOST_TEST((error_code(errc::lost) != unknown));
    }
}

BOOST_AUTO_TEST_CASE(every_condition_has_a_message_of_its_own)
{
    std::set<std::string> messages;
    for (const condition c : all_conditions) {
        const boost::system::error_condition ec = c;
        BOOST_TEST(ec.value() > 0);
        BOOST_TEST(!ec.message().empty());
        BOOST_TEST(messages.insert(ec.message()).second);
        char buffer[8];
        BOOST_TEST(ec.category().message(ec.value(), buffer, sizeof buffer) == ec.message());
    }
}

BOOST_AUTO_TEST_CASE(conditions_class_the_codes)
{
    const std::set<errc> lost = {errc::preempted, errc::expired, errc::lost};
    const std::set<errc> busy = {errc::acquire_timeout, errc::already_acquired, errc::queue_full};
    const std::set<errc> retryable = {errc::preempted,        errc::expired,    errc::lost,     errc::acquire_timeout,
                                      errc::already_acquired, errc::queue_full, errc::deadlock, errc::no_quorum};
    for (const errc e : all_codes) {
        const error_code ec = e;
        BOOST_TEST_CONTEXT(ec.message())
        {
            BOOST_TEST((ec == condition::ended) == lost.contains(e));
            BOOST_TEST((ec == condition::busy) == busy.contains(e));
            BOOST_TEST((ec == condition::retryable) == retryable.contains(e));
            BOOST_TEST((condition::busy == ec) == busy.contains(e));
        }
    }
}

// One comparison catches every form of a preemption, whoever reports it.
BOOST_AUTO_TEST_CASE(a_preemption_is_an_operation_canceled_as_operation_aborted_is)
{
    const error_code aborted = boost::asio::error::operation_aborted;
    BOOST_TEST((aborted == boost::system::errc::operation_canceled));
    for (const errc e : all_codes) {
        const error_code ec = e;
        const bool canceled = e == errc::preempted;
        BOOST_TEST_CONTEXT(ec.message())
        {
            BOOST_TEST((ec == boost::system::errc::operation_canceled) == canceled);
            BOOST_TEST((boost::system::errc::operation_canceled == ec) == canceled);
            BOOST_TEST((ec != boost::system::errc::operation_canceled) == !canceled);
            BOOST_TEST((ec == boost::system::errc::make_error_condition(boost::system::errc::operation_canceled))
                       == canceled);
            BOOST_TEST((std::error_code(ec) == std::errc::operation_canceled) == canceled);
            BOOST_TEST((std::errc::operation_canceled == std::error_code(ec)) == canceled);
            BOOST_TEST((ec != aborted)); // a code of its own all the same
        }
    }
    BOOST_TEST((error_code(errc::preempted).default_error_condition() == boost::system::errc::operation_canceled));
    BOOST_TEST((error_code(errc::lost).default_error_condition().category() == category()));
}

BOOST_AUTO_TEST_CASE(codes_of_others_are_in_no_condition)
{
    for (const condition c : all_conditions) {
        BOOST_TEST((error_code() != c));
        BOOST_TEST((error_code(boost::asio::error::operation_aborted) != c));
        BOOST_TEST((error_code(1, boost::system::generic_category()) != c));
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
