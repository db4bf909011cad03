// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table/name_hash.hpp"

#include <priority_redlock/protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace priority_redlock::test {

namespace {

using detail::hash_key;
using detail::polynomial;

/// a * b modulo the prime, by doubling.
std::uint64_t naive_product(std::uint64_t a, std::uint64_t b)
{
    std::uint64_t sum = 0;
    for (; b != 0; b >>= 1) {
        if (b & 1)
            sum = (sum + a) % polynomial::prime;
        a = 2 * a % polynomial::prime;
    }
    return sum;
}

/// By the definition, every byte by itself.
std::uint64_t naive_value(std::uint64_t point, std::string_view text)
{
    std::uint64_t sum = text.size() + 1;
    for (std::size_t at = 0; at == 0 || at < text.size(); at += 7) {
        std::uint64_t word = 0;
        for (std::size_t i = at; i < std::min(at + 7, text.size()); ++i)
            word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * (i - at));
        sum = naive_product(sum + word, point);
    }
    return sum;
}

} // namespace

BOOST_AUTO_TEST_SUITE(name_hash)

BOOST_AUTO_TEST_CASE(a_name_is_a_polynomial_of_its_words)
{
    std::mt19937_64 random(1);
    constexpr std::uint64_t points[] = {1, 3, polynomial::prime - 2, 0x123456789abcdef, 0x1fedcba987654321};
    for (const std::uint64_t point : points)
        for (std::size_t size = 0; size != 80; ++size) {
            std::string text;
            for (std::size_t i = 0; i < size; ++i)
                text += static_cast<char>(size % 3 == 0 ? 0xff : random());
            const hash_key key{point, 5};
            BOOST_TEST(detail::hash_name(key, text) == detail::spread(naive_value(point, text) + 5),
                       size << " bytes at " << point);
        }
}

BOOST_AUTO_TEST_CASE(the_value_of_a_polynomial_has_one_form)
{
    polynomial p(1, 0);
    for (const std::uint64_t word : {polynomial::prime / 2, polynomial::prime / 2, std::uint64_t{1}})
        p.add(word);
    BOOST_TEST(p.value() == 0U);
}

/// Names that differ in a few bits fill the buckets of a table as random ones would, whichever bits it looks at.
BOOST_AUTO_TEST_CASE(similar_names_are_spread)
{
    constexpr std::size_t n = 4096;
    std::mt19937_64 random(2);
    for (int round = 0; round != 10; ++round) {
        const hash_key key{random(), random()};
        for (const unsigned shift : {0u, 20u, 32u, 52u}) {
            std::set<std::uint64_t> buckets;
            for (std::size_t i = 0; i < n; ++i)
                buckets.insert(detail::hash_name(key, "resource-" + std::to_string(i)) >> shift & (n - 1));
            BOOST_TEST(buckets.size() > n / 2, buckets.size() << " buckets of bits from " << shift); // of 2589
        }
    }
}

BOOST_AUTO_TEST_CASE(T45_what_has_one_hash_has_not_with_another_key)
{
    const std::string_view name = "a resource";
    BOOST_TEST(detail::hash_name({1, 2}, name) != detail::hash_name({2, 2}, name));
    BOOST_TEST(detail::hash_name({1, 2}, name) != detail::hash_name({1, 1}, name));
}

BOOST_AUTO_TEST_CASE(T45_the_key_of_a_process_is_kept_and_can_be_given)
{
    const hash_key before = detail::process_hash_key();
    BOOST_TEST((detail::process_hash_key() == before));
    const acquisition_id id{1, 2};
    const std::size_t hash = std::hash<acquisition_id>()(id);
    detail::set_process_hash_key({before.first + 1, before.second});
    BOOST_TEST((detail::process_hash_key() == hash_key{before.first + 1, before.second}));
    BOOST_TEST(std::hash<acquisition_id>()(id) != hash);
    detail::set_process_hash_key(before);
    BOOST_TEST(std::hash<acquisition_id>()(id) == hash);
}

BOOST_AUTO_TEST_CASE(T45_ids_of_acquisitions_whose_words_are_chosen_to_cancel_out)
{
    std::set<std::size_t> hashes;
    constexpr std::uint64_t n = 1000;
    for (std::uint64_t number = 1; number <= n; ++number)
        hashes.insert(std::hash<acquisition_id>()({number * 0x9e3779b97f4a7c15, number}));
    BOOST_TEST(hashes.size() == n);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace priority_redlock::test
