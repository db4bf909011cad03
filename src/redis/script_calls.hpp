// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_CALLS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_CALLS_HPP

#include "quorum_client.hpp"

#include <boost/redis/request.hpp>
#include <boost/redis/resp3/node.hpp>

#include <string>
#include <string_view>

namespace priority_redlock::detail::redis {

/// The text of a script, with what all of them begin with.
[[nodiscard]] const std::string& text_of(script s);

/// Adds a call to a request. `sha` is what the node called the script when it was loaded; without it the text is sent.
void encode(const call& c, const quorum_client& client, std::string_view sha, boost::redis::request& to);

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
