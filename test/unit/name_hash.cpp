// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table/name_hash.hpp"

#include <priority_redlock/protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace priority_redlock::test {

namespace {

using detail::hash_key;
using detail::sip_hash;

/// The key and the texts of the paper: bytes that count from 0.
constexpr hash_key counting{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string counting_text(std::size_t size)
{
    std::string result;
    for (std::size_t i = 0; i < size; ++i)
        result += static_cast<char>(i);
    return result;
}

struct known_hash
{
    std::size_t size;
    std::uint64_t hash;
};

} // namespace

BOOST_AUTO_TEST_SUITE(name_hash)

/// 15 bytes are the example of the paper, the others vectors of its reference implementation.
BOOST_AUTO_TEST_CASE(sip_hash_2_4_is_that_of_the_paper)
{
    constexpr known_hash known[] = {{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
                                    {3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},
                                    {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},  {9, 0x9e0082df0ba9e4b0},
                                    {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb}, {17, 0x699ae9f52cbe4794},
                                    {63, 0x958a324ceb064572}};
    for (const auto& [size, hash] : known)
        BOOST_TEST((sip_hash<2, 4>(counting, counting_text(size)) == hash), size << " bytes");
}

/// As OpenSSL has them: openssl mac -macopt c-rounds:1 -macopt d-rounds:3 -macopt size:8 SIPHASH
BOOST_AUTO_TEST_CASE(sip_hash_1_3_is_that_of_openssl)
{
    constexpr known_hash known[] = {{0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {2, 0x82cb9b024dc7d44d},
                                    {3, 0x8bf80ab8e7ddf7fb},  {4, 0xcf75576088d38328},  {5, 0xdef9d52f49533b67},
                                    {7, 0xd3927d989bb11140},  {8, 0x369095118d299a8e},  {9, 0x25a48eb36c063de4},
                                    {12, 0x78a384b157b4d9a2}, {15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66},
                                    {17, 0x9cf2689063dbd80c}, {23, 0x525a0e7fdae6c123}, {24, 0xf464aeb267349c8c},
                                    {32, 0x81157b6c16a7b60d}, {63, 0x9d199062b7bbb3a8}};
    for (const auto& [size, hash] : known)
        BOOST_TEST((sip_hash<1, 3>(counting, counting_text(size)) == hash), size << " bytes");
}

/// As CPython 3.11 has them: PYTHONHASHSEED=0 python3 -c 'print(hex(hash(bytes(range(16))) & (2**64 - 1)))'
BOOST_AUTO_TEST_CASE(sip_hash_1_3_is_that_of_python)
{
    constexpr known_hash known[] = {
        {1, 0x68a914128e01e473}, {8, 0xead411e67ebe2eea}, {16, 0x8972188433a5c5b7}, {31, 0x169739443111d49b}};
    for (const auto& [size, hash] : known)
        BOOST_TEST((sip_hash<1, 3>({}, counting_text(size)) == hash), size << " bytes");
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
