// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_INSPECTION_BUILDER_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_INSPECTION_BUILDER_HPP

// Puts together what the nodes say of a resource: who holds it, with which token, and who waits.

#include "call.hpp"

#include <priority_redlock/redis_inspection.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace priority_redlock::detail::redis {

class inspection_builder
{
public:
    inspection_builder(std::string resource, std::vector<std::string> names, std::string deployment,
                       std::size_t quorum);

    void add(std::size_t node, const answer& a);
    void fail(std::size_t node, const std::string& why);

    [[nodiscard]] const redis_inspection::node& node(std::size_t i) const { return result_.nodes[i]; }

    /// The acquisition that most nodes name as the holder with this token; none if it is not clear.
    [[nodiscard]] std::string holder_with(std::uint64_t token) const;

    [[nodiscard]] std::uint64_t ended_by_force() const noexcept { return result_.ended_by_force; }

    [[nodiscard]] redis_inspection take();

private:
    [[nodiscard]] std::string trouble_of(std::int64_t left, std::string_view why, const std::string& deployment) const;
    void put_in_order(std::vector<std::string>& names) const;
    void add_holder(const std::string& node, std::string_view text, std::uint64_t token, std::int64_t now);
    void add_waiter(const std::string& node, std::string_view text, std::int64_t now);

    const std::string deployment_;
    redis_inspection result_;
    std::map<std::string, std::vector<std::uint64_t>> tokens_; // of the holders, by acquisition
    std::map<std::string, redis_inspection::waiter> waiters_;  // by their place
};

} // namespace priority_redlock::detail::redis

#endif
