// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// `lock_manager::try_acquire`: one step of the table, with options for which nothing ever waits.

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/acquire_outcome.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/hold_ref.hpp>
#include <priority_redlock/detail/initiate_manager.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace priority_redlock::detail {

lock try_acquire(manager_backend& backend, acquire_request& request, error_code& ec)
{
    ec.clear();
    if (!backend.answers_at_once()) {
        ec = asio::error::operation_not_supported;
        return {};
    }
    acquire_settings& options = request.options;
    if (options.is_valid()) { // or else the backend refuses it
        options.preempt = false;
        options.timeout = infinite;
        options.max_attempts = 1; // which is never `waiting` then
    }
    const auto got = backend.acquire(request, nullptr);
    if (got.what != acquire_verdict::granted) {
        ec = got.why;
        return {};
    }
    const delivery_ref delivery(got.granted); // until it is returned
    return access::make<lock>(hold_ref(got.granted));
}

lock try_acquire(manager_backend& backend, acquire_request& request)
{
    error_code ec;
    lock result = try_acquire(backend, request, ec);
    if (ec && ec != errc::already_acquired)
        throw boost::system::system_error(ec, "priority_redlock: try_acquire");
    return result;
}

} // namespace priority_redlock::detail
