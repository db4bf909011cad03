// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/event.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace soak;
using namespace std::chrono_literals;

namespace {

/// A directory for one test.
struct temporary_directory
{
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("priority-redlock-soak-test." + std::to_string(::getpid()));

    temporary_directory() { std::filesystem::create_directory(path); }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() { std::filesystem::remove_all(path); }
};

time_point at(std::chrono::nanoseconds t)
{
    return time_point(t);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(events, temporary_directory)

BOOST_AUTO_TEST_CASE(a_line_is_read_as_it_was_written)
{
    const event e{at(5s), event::kind::granted, "worker-1.2", 17, "hot3", 1796050386064344, at(7s), "because"};
    BOOST_TEST(to_line(e) == "5000000000 worker-1.2 granted 17 hot3 1796050386064344 7000000000 because");
    BOOST_TEST(to_line(parse_line(to_line(e))) == to_line(e));
}

BOOST_AUTO_TEST_CASE(every_kind_of_event_is_read_as_it_was_written)
{
    for (int k = 0; k <= static_cast<int>(event::kind::sample); ++k) {
        const event e{at(1s), static_cast<event::kind>(k), "w"};
        BOOST_TEST((parse_line(to_line(e)).what == e.what));
    }
}

BOOST_AUTO_TEST_CASE(other_lines_are_refused)
{
    for (const char* line : {"", "1 w asked", "1 w asked 1 r 0 0 - more", "x w asked 1 r 0 0 -", "1 w asks 1 r 0 0 -",
                             "1 w asked 1 r -1 0 -", "1 w asked 1 r 0 0 "})
        BOOST_CHECK_THROW((void)parse_line(line), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(logs_are_merged_by_their_times)
{
    {
        event_log first(path / "a.log");
        event_log second(path / "b.log");
        first.write({at(1s), event::kind::asked, "a"});
        second.write({at(2s), event::kind::asked, "b"});
        first.write({at(3s), event::kind::asked, "c"});
        std::ofstream(path / "other") << "no log\n";
    }
    std::string order;
    for (const event& e : read_logs(path))
        order += e.who;
    BOOST_TEST(order == "abc");
}

BOOST_AUTO_TEST_CASE(a_line_at_which_its_writer_was_killed_is_left_out)
{
    std::ofstream(path / "a.log") << "1 w asked 1 r 0 0 -\n2 w gran";
    BOOST_TEST(read_logs(path).size() == 1u);
    std::ofstream(path / "b.log") << "1 w gran\n2 w asked 1 r 0 0 -\n";
    BOOST_CHECK_THROW((void)read_logs(path), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
