// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Which backend a manager gets: with a mutex a shard, without any for a single thread, or over a protocol.

#include "manager/sharded_backend.hpp"

namespace priority_redlock::detail {

std::shared_ptr<manager_backend> make_memory_backend(const asio::any_io_executor& ex, bool single_threaded,
                                                     const manager_options& options)
{
    if (single_threaded)
        return std::make_shared<sharded_backend<null_mutex, clock>>(ex, options, 1);
    return std::make_shared<sharded_backend<mutex, clock>>(ex, options, 64);
}

std::shared_ptr<manager_backend> make_protocol_backend(const asio::any_io_executor& ex, std::shared_ptr<protocol> store,
                                                       const manager_options& options)
{
    return std::make_shared<sharded_backend<mutex, clock>>(ex, options, std::move(store));
}

} // namespace priority_redlock::detail
