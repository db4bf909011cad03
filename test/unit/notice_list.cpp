// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/detail/notice.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

namespace priority_redlock::test {

namespace {

struct named_notice final : detail::notice
{
    explicit named_notice(char c) : name(c) {}

    void keep() noexcept override {}
    void tell() override {}
    void abandon() noexcept override {}

    char name;
};

/// The names of the notices in a list, which is empty then.
std::string take(detail::notice_list& list)
{
    std::string names;
    list.for_each([&](const detail::notice& n) { names += static_cast<const named_notice&>(n).name; });
    std::string taken;
    list.take_all([&](const detail::notice& n) { taken += static_cast<const named_notice&>(n).name; });
    BOOST_TEST(taken == names);
    BOOST_TEST(list.empty());
    return names;
}

} // namespace

BOOST_AUTO_TEST_SUITE(notice_list)

BOOST_AUTO_TEST_CASE(notices_stay_in_order_whichever_is_removed)
{
    named_notice a('a'), b('b'), c('c'), d('d');
    for (const std::string removed : {"a", "b", "c", "ab", "ba", "bc", "cb", "abc", "cba"}) {
        detail::notice_list list;
        std::string expected = "abc";
        for (named_notice* const each : {&a, &b, &c})
            list.push_back(*each);
        for (const char name : removed) {
            named_notice& n = name == 'a' ? a : name == 'b' ? b : c;
            BOOST_TEST(list.remove(n));
            BOOST_TEST(!list.remove(n));
            std::erase(expected, name);
        }
        BOOST_TEST(list.empty() == expected.empty());
        list.push_back(d);
        BOOST_TEST(take(list) == expected + 'd');
        list.push_back(a);
        BOOST_TEST(take(list) == "a");
    }
}

BOOST_AUTO_TEST_CASE(a_list_is_appended_to_another)
{
    named_notice a('a'), b('b'), c('c');
    detail::notice_list from, to;
    to.append(from);
    BOOST_TEST(to.empty());
    from.push_back(a);
    to.append(from);
    BOOST_TEST(from.empty());
    from.push_back(b);
    to.append(from);
    to.append(from);
    to.push_back(c);
    BOOST_TEST(take(from) == "");
    BOOST_TEST(take(to) == "abc");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
