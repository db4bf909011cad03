// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/locks.hpp"

#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <thread>

namespace test {

error_code code_of(const std::exception_ptr& e)
{
    if (!e)
        return {};
    try {
        std::rethrow_exception(e);
    } catch (const boost::system::system_error& error) {
        return error.code();
    } catch (...) {
        return errc::not_held;
    }
}

locks::locks(manager_kind k) : kind(k), manager(make_manager(context.get_executor(), k)) {}

locks::~locks()
{
    manager.reset();
    for (int i = 0; i < 3; ++i) // a timer without a deadline lingers for a moment
        advance(24h);
    BOOST_TEST(context.stopped(), "the context has not run out of work");
}

void locks::poll()
{
    if (kind == manager_kind::over_strand && std::exchange(elsewhere_, !elsewhere_))
        std::thread([this] { test::poll(context); }).join();
    else
        test::poll(context);
}

void locks::advance(redlock::duration d)
{
    manual_clock::advance(d);
    poll();
}

void locks::acquire(acquired& result, std::string_view resource, std::string_view locker,
                    const acquire_options& options, const std::source_location& at)
{
    const initiation_guard inside;
    manager->async_acquire(resource, locker, options, record(result, at));
}

lock locks::get(std::string_view resource, std::string_view locker, const acquire_options& options,
                const std::source_location& at)
{
    acquired result;
    acquire(result, resource, locker, options, at);
    poll();
    BOOST_TEST(result.is(success), "line " << at.line() << ": not granted: " << result);
    return std::move(result.lk);
}

void locks::wait(completion& result, lock& lk, const std::source_location& at)
{
    const initiation_guard inside;
    lk.async_wait(record(result, at));
}

redlock::snapshot locks::snapshot()
{
    redlock::snapshot result;
    int calls = 0; // at once, so that a test may look from within a handler on the manager's strand, too
    manager->async_snapshot(asio::bind_immediate_executor(
        inline_executor(calls), [&](error_code, redlock::snapshot s) { result = std::move(s); }));
    BOOST_TEST(calls == 1);
    poll();
    return result;
}

bool locks::vacant()
{
    return snapshot().resources.empty();
}

void poll(asio::io_context& context)
{
    context.restart();
    while (context.poll() != 0)
        context.restart();
}

} // namespace test
