// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/detail/notice.hpp>

#include <boost/test/unit_test.hpp>

#ifdef __unix__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstddef>
#include <new>
#include <random>
#include <string>
#include <vector>

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
    std::string taken;
    list.take_all([&](const detail::notice& n) { taken += static_cast<const named_notice&>(n).name; });
    BOOST_TEST(list.empty());
    return taken;
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
    std::string seen;
    const auto append = [&] {
        to.append(from, [&seen](const detail::notice& n) { seen += static_cast<const named_notice&>(n).name; });
    };
    append();
    BOOST_TEST(to.empty());
    from.push_back(a);
    append();
    BOOST_TEST(from.empty());
    from.push_back(b);
    append();
    append();
    to.push_back(c);
    BOOST_TEST(seen == "ab");
    BOOST_TEST(take(from) == "");
    BOOST_TEST(take(to) == "abc");
}

BOOST_AUTO_TEST_CASE(what_was_appended_is_not_removed_any_more)
{
    named_notice a('a'), b('b');
    detail::notice_list from, to;
    from.push_back(a);
    to.append(from, [](const detail::notice&) {});
    BOOST_TEST(!from.remove(a));
    from.push_back(b);
    BOOST_TEST(!from.remove(a));
    BOOST_TEST(take(from) == "b");
    BOOST_TEST(take(to) == "a");
}

#ifdef __unix__

BOOST_AUTO_TEST_CASE(a_notice_is_removed_without_a_look_at_any_but_its_neighbours)
{
    constexpr std::size_t many = 64;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    char* const memory =
        static_cast<char*>(::mmap(nullptr, many * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    BOOST_TEST_REQUIRE(static_cast<void*>(memory) != MAP_FAILED);
    const auto allow = [&](std::size_t i, int access) { BOOST_TEST(::mprotect(memory + i * page, page, access) == 0); };
    detail::notice_list list;
    std::vector<named_notice*> left;
    for (std::size_t i = 0; i < many; ++i) {
        left.push_back(new (memory + i * page) named_notice(static_cast<char>('0' + i)));
        list.push_back(*left.back());
    }
    for (std::size_t i = 0; i < many; ++i)
        allow(i, PROT_NONE); // whoever looks at it ends the test
    std::mt19937 random(1);
    while (!left.empty()) {
        // Backwards, forwards, and at random.
        const std::size_t at = left.size() > 40 ? left.size() - 1 : left.size() > 20 ? 0 : random() % left.size();
        const auto page_of = [&](std::size_t i) {
            return static_cast<std::size_t>(reinterpret_cast<char*>(left[i]) - memory) / page;
        };
        for (std::size_t i = at == 0 ? 0 : at - 1; i < std::min(at + 2, left.size()); ++i)
            allow(page_of(i), PROT_READ | PROT_WRITE);
        BOOST_TEST(list.remove(*left[at]));
        for (std::size_t i = at == 0 ? 0 : at - 1; i < std::min(at + 2, left.size()); ++i)
            allow(page_of(i), PROT_NONE);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
    }
    BOOST_TEST(list.empty());
    ::munmap(memory, many * page);
}

#endif

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
