// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "table/name_hash.hpp"

#include <priority_redlock/protocol.hpp>

#include <random>

namespace priority_redlock::detail {

namespace {

hash_key draw()
{
    std::random_device source;
    const auto word = [&source] { return std::uint64_t{source()} << 32 | source(); };
    const std::uint64_t first = word();
    return {first, word()};
}

hash_key& current_key()
{
    static hash_key key = draw();
    return key;
}

} // namespace

hash_key process_hash_key()
{
    return current_key();
}

void set_process_hash_key(const hash_key& key)
{
    current_key() = key;
}

std::size_t hash_of(const acquisition_id& id) noexcept
{
    sip_state state(current_key());
    state.add<1>(id.client);
    state.add<1>(id.number);
    return static_cast<std::size_t>(state.finish<3>());
}

} // namespace priority_redlock::detail
