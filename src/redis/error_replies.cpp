// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The error replies of a server that tell what is wrong with it, and what its operator can do about that.

#include "error_replies.hpp"

#include <algorithm>
#include <array>

namespace priority_redlock::detail::redis {

namespace {

constexpr std::string_view access_cure = "forbids a command, key or channel to its user: "
                                         "see doc/redis.md, Access, for the ACL that its user needs";
constexpr std::string_view cluster_cure = "is part of a cluster: name independent servers";
constexpr std::string_view renamed_cure =
    "lacks a command: see rename-command in its configuration, and doc/redis.md, Access, for the needed commands";

/// Without what it quotes, which is what somebody has sent.
std::string_view kind_of_error(std::string_view text) noexcept
{
    return text.substr(0, text.find_first_of("'`\""));
}

} // namespace

const error_reply* find_error_reply(std::string_view text) noexcept
{
    static constexpr std::array known{
        error_reply{"READONLY", "has become a replica: name a master, nodes are independent of each other"},
        error_reply{"OOM", "is out of memory: raise its maxmemory"},
        error_reply{"MISCONF", "cannot write to its disk: see its log, and the space on the disk"},
        error_reply{"NOREPLICAS", "wants replicas: unset min-replicas-to-write, nodes are independent of each other"},
        error_reply{"NOPERM", access_cure},
        error_reply{"The user executing the script", access_cure},
        error_reply{"ACL failure in script", access_cure},
        error_reply{"NOAUTH", "wants a user and a password"},
        error_reply{"WRONGPASS", "refuses the user or the password: check them"},
        error_reply{"LOADING", "is loading its data", true, true},
        error_reply{"BUSY", "is busy with somebody's script", true, true},
        error_reply{"CLUSTERDOWN", cluster_cure},
        error_reply{"MOVED", cluster_cure},
        error_reply{"CROSSSLOT", cluster_cure},
        error_reply{"unknown command", renamed_cure},
        error_reply{"command called from", renamed_cure},
        error_reply{"max number of clients", "has no connection left: raise its maxclients", true, true},
        error_reply{"DENIED", "takes connections from its own machine only: see its protected-mode"},
        error_reply{"WRONGTYPE",
                    "has something else under a key of a lock: choose another redis_options::prefix, or delete it",
                    false},
    };
    // Older servers put it into the middle.
    const std::string_view said = kind_of_error(text);
    const auto it = std::find_if(known.begin(), known.end(),
                                 [said](const error_reply& each) { return said.find(each.word) != said.npos; });
    return it == known.end() ? nullptr : &*it;
}

complaint complaint_about(std::string_view error)
{
    const error_reply* const known = find_error_reply(error);
    const std::string details = " (" + std::string(error.substr(0, error.find(" script:"))) + ')';
    if (known)
        return {std::string(known->cure), details};
    complaint other("answers with an error" + details);
    other.kind = "answers with an error: " + std::string(kind_of_error(error));
    return other;
}

} // namespace priority_redlock::detail::redis
