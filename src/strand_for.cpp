// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/detail/strand_for.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

namespace priority_redlock::detail {

asio::any_io_executor make_strand(const asio::any_io_executor& ex)
{
    if (const auto* of_context = ex.target<asio::io_context::executor_type>())
        return asio::make_strand(*of_context);
    if (const auto* of_pool = ex.target<asio::thread_pool::executor_type>())
        return asio::make_strand(*of_pool);
    return asio::make_strand(ex);
}

asio::any_io_executor strand_over(const asio::any_io_executor& ex)
{
    if (ex.target<asio::strand<asio::any_io_executor>>() || ex.target<asio::strand<asio::io_context::executor_type>>()
        || ex.target<asio::strand<asio::thread_pool::executor_type>>())
        return ex;
    return make_strand(ex);
}

} // namespace priority_redlock::detail
