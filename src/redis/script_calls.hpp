// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_CALLS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_CALLS_HPP

#include "quorum_client.hpp"

#include <boost/redis/request.hpp>
#include <boost/redis/resp3/node.hpp>

#include <array>
#include <string>
#include <string_view>

namespace priority_redlock::detail::redis {

using script_texts = std::array<std::string, script_count>;

/// The scripts, each with the options that do not change and with what all of them begin with.
[[nodiscard]] script_texts make_script_texts(const quorum_client& client);

/// Adds a call to a request: EVALSHA with what the node called the script when it was loaded, or EVAL with its text.
void encode(const call& c, const quorum_client& client, std::string_view command, std::string_view script_or_sha,
            boost::redis::request& to);

/// Understands the reply to a call, which comes in parts.
class answer_reader
{
public:
    void add(const boost::redis::resp3::node_view& part);

    /// The reply is complete. Ready for the next.
    [[nodiscard]] answer take();

private:
    answer answer_;
    std::size_t parts_ = 0;
    bool understood_ = true;
};

} // namespace priority_redlock::detail::redis

#endif
