// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The error replies of a server that tell what is wrong with it, and what its operator can do about that.

#include "error_replies.hpp"

#include <algorithm>
#include <array>

namespace priority_redlock::detail::redis {

const error_reply* find_error_reply(std::string_view text) noexcept
{
    static constexpr std::array known{
        error_reply{"READONLY", "has become a replica: name a master, nodes are independent of each other"},
        error_reply{"OOM", "is out of memory: raise its maxmemory"},
        error_reply{"MISCONF", "cannot write to its disk: see its log, and the space on the disk"},
        error_reply{"NOREPLICAS", "wants replicas: unset min-replicas-to-write, nodes are independent of each other"},
        error_reply{"NOPERM", "forbids a command, key or channel to its user: "
                              "see doc/redis.md, Access, for the ACL that its user needs"},
        error_reply{"The user executing the script", "forbids a command, key or channel to its user: "
                                                     "see doc/redis.md, Access, for the ACL that its user needs"},
        error_reply{"NOAUTH", "wants a user and a password"},
        error_reply{"WRONGPASS", "refuses the user or the password: check them"},
        error_reply{"LOADING", "is loading its data", true, true},
        error_reply{"BUSY", "is busy with somebody's script", true, true},
        error_reply{"CLUSTERDOWN", "is part of a cluster that is down: name independent servers"},
        error_reply{"WRONGTYPE",
                    "has something else under a key of a lock: choose another redis_options::prefix, or delete it",
                    false},
    };
    // Older servers put it into the middle.
    const auto it = std::find_if(known.begin(), known.end(),
                                 [text](const error_reply& each) { return text.find(each.word) != text.npos; });
    return it == known.end() ? nullptr : &*it;
}

} // namespace priority_redlock::detail::redis
