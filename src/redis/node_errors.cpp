// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_errors.hpp"

#include <algorithm>
#include <array>

namespace priority_redlock::detail::redis {

const known_error* find_known_error(std::string_view text) noexcept
{
    static constexpr std::array known{
        known_error{"READONLY", "has become a replica: name a master, nodes are independent of each other"},
        known_error{"OOM", "is out of memory: raise its maxmemory"},
        known_error{"MISCONF", "cannot write to its disk: see its log, and the space on the disk"},
        known_error{"NOREPLICAS", "wants replicas: unset min-replicas-to-write, nodes are independent of each other"},
        known_error{"NOPERM", "forbids a command, key or channel to its user: "
                              "see doc/redis.md, Access, for the ACL that its user needs"},
        known_error{"The user executing the script", "forbids a command, key or channel to its user: "
                                                     "see doc/redis.md, Access, for the ACL that its user needs"},
        known_error{"NOAUTH", "wants a user and a password"},
        known_error{"WRONGPASS", "refuses the user or the password: check them"},
        known_error{"LOADING", "is loading its data", true, true},
        known_error{"BUSY", "is busy with somebody's script", true, true},
        known_error{"CLUSTERDOWN", "is part of a cluster that is down: name independent servers"},
        known_error{"WRONGTYPE",
                    "has something else under a key of a lock: choose another redis_options::prefix, or delete it",
                    false},
    };
    // Older servers put it into the middle.
    const auto it = std::find_if(known.begin(), known.end(),
                                 [text](const known_error& each) { return text.find(each.word) != text.npos; });
    return it == known.end() ? nullptr : &*it;
}

} // namespace priority_redlock::detail::redis
