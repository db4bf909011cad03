// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "redis/support/documented_user.hpp"

#include <sstream>

namespace {

// The lines between the marks are those of the documentation, for a shell.
const std::string text = R"(
// [acl]
redis-cli ACL SETUSER locks on '>PASSWORD' resetkeys '~redlock:*' resetchannels '&redlock:*' \
    -@all +hello +auth +ping +info +eval +evalsha +subscribe +unsubscribe +publish \
    +time +exists +del +set +pexpire +hget +hmget +hset +hdel +zadd +zcard +zrange +zrem
// [/acl]
)";

} // namespace

std::string test::documented_user()
{
    std::istringstream words(text.substr(text.find("locks"), text.rfind("//") - text.find("locks")));
    std::string result = "user";
    for (std::string word; words >> word;) {
        std::erase(word, '\'');
        if (word != "\\")
            result += ' ' + word;
    }
    return result;
}
