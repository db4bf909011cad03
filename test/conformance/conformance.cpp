// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/testing/conformance.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace priority_redlock::testing {

namespace {

const conformance_subject memory{
    .make = [](const boost::asio::any_io_executor& ex) { return std::make_shared<memory_protocol>(ex); },
};

conformance_subject unreliable(const unreliable_options& options)
{
    return {.make = [options](const boost::asio::any_io_executor& ex) {
        return std::make_shared<unreliable_protocol>(ex, std::make_shared<memory_protocol>(ex), options);
    }};
}

void add_suite(std::string_view name, const conformance_subject& subject)
{
    using namespace boost::unit_test;
    auto* suite = BOOST_TEST_SUITE(std::string(name));
    for (const conformance_case& rule : conformance_cases())
        suite->add(make_test_case(
            [&rule, subject] {
                try {
                    rule.run(subject);
                } catch (const conformance_failure& broken) {
                    BOOST_ERROR(rule.name << ": " << broken.what());
                }
            },
            std::string(rule.name), __FILE__, __LINE__));
    framework::master_test_suite().add(suite);
}

} // namespace
} // namespace priority_redlock::testing

boost::unit_test::test_suite* init_unit_test_suite(int, char*[])
{
    using namespace priority_redlock::testing;
    using namespace std::chrono_literals;
    add_suite("memory_protocol", memory);
    add_suite("slow_network", unreliable({.min_delay = 0ms, .max_delay = 3ms}));
    add_suite("lossy_network", unreliable({.max_delay = 2ms, .loss = 0.2, .resend_after = 5ms}));
    return nullptr;
}
