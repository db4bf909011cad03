// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table_fixture.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace priority_redlock::test {

BOOST_FIXTURE_TEST_SUITE(lock_table_idle, table_fixture)

BOOST_FIXTURE_TEST_CASE(an_idle_resource_is_used_again, table_fixture_with_idle<2>)
{
    acquire("a", {}, "one");
    const detail::resource* const first = at("a").h->where;
    drop("a");
    acquire("b", {}, "two");
    drop("b");
    acquire("c", {}, "one");
    BOOST_TEST(at("c").h->where == first);
    BOOST_TEST(first->name() == "one");
    BOOST_TEST(resources() == 1u);
}

BOOST_FIXTURE_TEST_CASE(the_cache_is_bounded_and_forgets_in_turn, table_fixture_with_idle<3>)
{
    // Under AddressSanitizer, a wrong index here is a use after free.
    for (int round = 0; round < 5; ++round)
        for (int i = 0; i < 20; ++i) {
            const std::string resource = "resource " + std::to_string(i * (round + 1) % 20);
            const std::string name = std::to_string(round) + '-' + std::to_string(i);
            BOOST_TEST(acquire(name, {}, resource) == name + " granted");
            BOOST_TEST(drop(name) == "");
        }
    BOOST_TEST(resources() == 0u);
}

BOOST_FIXTURE_TEST_CASE(the_cache_holds_no_more_than_it_may, table_fixture_with_idle<3>)
{
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "a/" + std::to_string(i);
        acquire(name, {}, "ahead of the clock");
        drop(name);
    }
    for (const char* name : {"b", "c", "d", "e"}) {
        acquire(name, {}, name);
        drop(name);
    }
    // That one of them was forgotten shows in what a resource that is new starts from (I6).
    acquire("x", {}, "new");
    BOOST_TEST(token("x") > token("a/999"));
}

BOOST_FIXTURE_TEST_CASE(a_resource_that_came_back_from_the_cache_leaves_the_others_in_it, table_fixture_with_idle<4>)
{
    auto use = [this, n = 0](const std::string& resource) mutable {
        const std::string name = std::to_string(++n);
        acquire(name, {}, resource);
        return name;
    };
    std::vector<std::string> held;
    std::uint32_t random = 1;
    for (int i = 0; i < 3000; ++i) {
        random = random * 1664525 + 1013904223;
        if (held.size() < 6) {
            const std::string resource = std::to_string((random >> 8) % 12);
            if (who(resource).empty())
                held.push_back(use(resource));
        } else {
            const auto it = held.begin() + static_cast<std::ptrdiff_t>((random >> 8) % held.size());
            BOOST_TEST(who(at(*it).resource) == *it);
            drop(*it);
            held.erase(it);
        }
    }
    BOOST_TEST(resources() == held.size());
}

BOOST_AUTO_TEST_CASE(a_resource_of_a_long_name_is_forgotten_at_once)
{
    for (const std::size_t size : {1024u, 1025u, 65536u}) {
        const std::string resource(size, 'x'), n = '/' + std::to_string(size);
        for (int i = 0; i < 1000; ++i) { // ahead of the clock
            const std::string name = "a" + n + '/' + std::to_string(i);
            acquire(name, {}, resource);
            drop(name);
        }
        acquire("b" + n, {}, resource);
        acquire("c" + n, {}, resource);
        BOOST_TEST(drop("b" + n) == "c" + n + " granted"); // while somebody wants it, it is there
        drop("c" + n);
        acquire("d" + n, {}, "new" + n); // begins after what was forgotten (I6)
        BOOST_TEST((token("d" + n) > token("c" + n)) == (size > 1024));
    }
}

BOOST_FIXTURE_TEST_CASE(a_resource_in_use_is_never_forgotten, table_fixture_with_idle<1>)
{
    acquire("a", {}, "kept");
    acquire("b", {}, "kept");
    for (int i = 0; i < 10; ++i) {
        const std::string name = "x" + std::to_string(i);
        acquire(name, {}, name);
        drop(name);
    }
    BOOST_TEST(who("kept") == "a <- b");
    BOOST_TEST(drop("a") == "b granted");
}

BOOST_FIXTURE_TEST_CASE(a_resource_whose_handles_live_on_is_never_forgotten, table_fixture_with_idle<0>)
{
    acquire("a", {}, "kept");
    release("a");
    acquire("b", {}, "other");
    drop("b");
    BOOST_TEST(at("a").h->where->name() == "kept");
    acquire("c", {}, "kept");
    BOOST_TEST(at("c").h->where == at("a").h->where);
    BOOST_TEST(drop("a") == "");
    BOOST_TEST(who("kept") == "c");
}

BOOST_AUTO_TEST_CASE(a_handle_that_is_used_again_remembers_nothing)
{
    acquire("a", {.priority = 7, .ttl = 10ms, .grace = 0s});
    wait("a");
    acquire("b", {.priority = 8});
    release("a");
    handler_returns("a");
    drop("a");
    drop("b");
    BOOST_TEST(live_holds() == 0u);

    acquire("c", {}, "other");
    acquire("d", {}, "other");
    for (const char* name : {"c", "d"}) {
        const hold& h = *at(name).h;
        BOOST_TEST(!h.handle_gone);
        BOOST_TEST(h.priority.load() == 0);
        BOOST_TEST((h.expires_at() == never));
        BOOST_TEST(h.where->name() == "other");
        BOOST_TEST(h.locker.view() == name);
    }
    BOOST_TEST(state("d") == lock_state::empty);
    BOOST_TEST(at("d").h->token == 0u);
    acquire("e", {.priority = 1, .grace = 0s}, "other");
    BOOST_TEST(who("other") == "revoking c <- e d"); // c has its own grace
    BOOST_TEST(release("c") == "e granted");
}

BOOST_AUTO_TEST_CASE(the_clock_is_read_once_a_step_and_only_where_time_matters)
{
    acquire("a", {}, "new"); // its first token
    clock_reads = 0;
    release("a");
    acquire("b", {}, "new");
    acquire("b/2", {}, "new");
    acquire("c", {.max_attempts = 1}, "new");
    BOOST_TEST(clock_reads == 0);
    acquire("d", {.ttl = 1s, .timeout = 1s, .max_attempts = 5}, "new");
    BOOST_TEST(clock_reads == 1);
    release("b");
    BOOST_TEST(release("b/2") == "d granted");
    BOOST_TEST(clock_reads == 2);
}

BOOST_AUTO_TEST_CASE(names_of_any_length_and_content)
{
    const std::string shortest = "x";
    const std::string huge(64 * 1024, 'x');
    const std::string zeros("a\0b", 3);
    for (const std::string* resource : {&shortest, &huge, &zeros}) {
        const std::string n = std::to_string(resource->size());
        BOOST_TEST(acquire("a" + n, {}, *resource) == "a" + n + " granted");
        BOOST_TEST(acquire("b" + n, {}, *resource) == "");
        BOOST_TEST(drop("a" + n) == "b" + n + " granted");
    }
    acquire(huge, {}, "short");
    BOOST_TEST(at(huge).h->locker.view() == huge);
    drop(huge); // too long a name to keep
    acquire(zeros, {}, "short");
    BOOST_TEST(at(zeros).h->locker.view() == zeros);
}

BOOST_AUTO_TEST_CASE(a_name_buffer_takes_names_of_any_length_in_any_order)
{
    detail::name_buffer buffer;
    BOOST_TEST(buffer.view().empty());
    std::uint32_t random = 1;
    std::size_t longest = 0;
    for (int i = 0; i < 500; ++i) {
        random = random * 1664525 + 1013904223;
        const std::string text((random >> 8) % (i < 250 ? 24 : 64), static_cast<char>('a' + i % 26));
        longest = std::max(longest, text.size());
        buffer.assign(text);
        BOOST_TEST(buffer.view() == text);
        BOOST_TEST(buffer.capacity() >= longest);
    }
}

BOOST_AUTO_TEST_CASE(many_handles_are_recycled)
{
    for (int round = 0; round < 3; ++round) {
        const std::string prefix = "a/" + std::to_string(round) + '/';
        for (int i = 0; i < 2000; ++i)
            acquire(prefix + std::to_string(i));
        BOOST_TEST(live_holds() == 2000u);
        for (int i = 0; i < 2000; ++i)
            drop(prefix + std::to_string(i));
        BOOST_TEST(live_holds() == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
