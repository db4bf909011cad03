// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "stores.hpp"

#ifdef CONTENTION_HAS_REDIS
#include "redis_store.hpp"
#endif

namespace contention {

std::unique_ptr<store> make_store(const scenario& s)
{
    if (s.protocol == "memory")
        return nullptr;
#ifdef CONTENTION_HAS_REDIS
    if (s.protocol == "redis")
        return make_redis_store(s);
#endif
    json_input::refuse("protocol", "\"" + s.protocol + "\" is not part of this build; use \"memory\"");
}

} // namespace contention
