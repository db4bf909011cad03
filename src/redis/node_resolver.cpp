// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_resolver.hpp"

#include "../mutex.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <charconv>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>

namespace priority_redlock::detail::redis {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

addresses ask_the_system(const std::string& host, const std::string& service, error_code& ec)
{
    asio::io_context context; // is not run
    return tcp::resolver(context).resolve(host, service, ec);
}

/// Of a host and a service that are numbers.
std::optional<addresses> read_address(const std::string& host, const std::string& service)
{
    error_code bad;
    const auto address = asio::ip::make_address(host, bad);
    std::uint16_t port = 0;
    const char* const end = service.data() + service.size();
    const auto [at, ec] = std::from_chars(service.data(), end, port);
    if (bad || ec != std::errc() || at != end)
        return {};
    return addresses::create(tcp::endpoint(address, port), host, service);
}

/// The name service has answered, and knows no such address.
bool is_final(error_code ec) noexcept
{
    return ec == asio::error::host_not_found || ec == asio::error::no_data || ec == asio::error::service_not_found;
}

} // namespace

std::atomic<lookup_function>& lookup_in_use() noexcept
{
    static std::atomic<lookup_function> function{&ask_the_system};
    return function;
}

/// What the thread shares with the resolver, which it may outlive.
struct node_resolver::lookup
{
    mutex guard;
    bool over = false;
    error_code ec;
    addresses found;
};

node_resolver::node_resolver(std::shared_ptr<shutdown_listeners> others, const asio::any_io_executor& ex,
                             duration patience, std::function<void(std::string)> on_known)
    : shutdown_listener(std::move(others)), executor_(ex), patience_(patience), on_known_(std::move(on_known)),
      timer_(ex)
{
}

void node_resolver::shut_down() noexcept
{
    lookup_ = nullptr;
    const handler last = std::exchange(waiting_, nullptr); // with which the link may be destroyed
}

void node_resolver::resolve(const std::string& host, const std::string& service, handler on_found)
{
    if (auto slot = asio::get_associated_cancellation_slot(on_found); slot.is_connected())
        slot.assign([weak = weak_from_this()](asio::cancellation_type) {
            if (const auto self = weak.lock())
                self->cancel();
        });
    waiting_ = std::move(on_found);
    if (auto address = read_address(host, service)) {
        complete({}, std::move(*address));
        return;
    }
    take_result(); // which nobody has waited for
    if (lookup_) {
        if (!known_.empty())
            use_known("the lookup of its name takes long");
        return;
    }
    try {
        look_up(host, service);
        if (known_.empty())
            return;
        timer_.expires_after(patience_);
        timer_.async_wait([weak = weak_from_this(), latest = std::weak_ptr(lookup_)](error_code cancelled) {
            const auto self = weak.lock();
            const auto l = latest.lock();
            if (!cancelled && self && l && self->lookup_ == l && self->waiting_)
                self->use_known("the lookup of its name takes long");
        });
    } catch (const std::system_error& e) { // there is no thread to be had
        lookup_ = nullptr;
        end(e.code());
    } catch (const std::bad_alloc&) {
        lookup_ = nullptr;
        end(asio::error::no_memory);
    }
}

void node_resolver::look_up(const std::string& host, const std::string& service)
{
    lookup_ = std::make_shared<lookup>();
    std::thread([l = lookup_, weak = weak_from_this(), host, service, find = lookup_in_use().load()] {
        error_code ec;
        addresses found;
        try {
            found = find(host, service, ec);
        } catch (const std::exception&) {
            ec = asio::error::no_memory;
        }
        {
            const std::lock_guard guard(l->guard);
            l->ec = ec;
            l->found = std::move(found);
            l->over = true;
        }
        const auto self = weak.lock(); // for as long as the context is needed
        if (!self)
            return;
        try {
            asio::post(self->executor_, [weak, l] {
                if (const auto resolver = weak.lock())
                    resolver->on_lookup_ended(l);
            });
        } catch (const std::exception&) { // who waits does so in vain, and asks again
        }
    }).detach();
}

void node_resolver::on_lookup_ended(const std::shared_ptr<lookup>& ended)
{
    if (ended != lookup_)
        return;
    const error_code ec = take_result();
    if (waiting_)
        end(ec);
}

/// Of a lookup that has ended, if there is one.
error_code node_resolver::take_result()
{
    if (!lookup_)
        return {};
    const auto l = lookup_;
    {
        const std::lock_guard guard(l->guard);
        if (!l->over)
            return {};
    }
    if (!l->ec)
        known_ = l->found;
    lookup_ = nullptr;
    return l->ec;
}

/// The lookup brought this, or could not be made.
void node_resolver::end(error_code ec)
{
    if (!ec)
        complete({}, known_);
    else if (known_.empty() || is_final(ec))
        complete(ec, {});
    else
        use_known("its name cannot be looked up", ec);
}

void node_resolver::use_known(std::string_view why, error_code ec)
{
    try {
        on_known_(std::string(why) + (ec ? " (" + ec.message() + ')' : ""));
    } catch (const std::bad_alloc&) { // it is used nevertheless
    }
    complete({}, known_);
}

void node_resolver::cancel()
{
    if (waiting_)
        complete(asio::error::operation_aborted, {});
}

void node_resolver::complete(error_code ec, addresses found) noexcept
{
    timer_.cancel();
    result_ = ec;
    found_ = std::move(found);
    if (completing_)
        return;
    try {
        asio::post(executor_, [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->call_waiting();
        });
        completing_ = true;
    } catch (const std::bad_alloc&) { // who waits loses patience and cancels it, which is another try
    }
}

void node_resolver::call_waiting()
{
    completing_ = false;
    if (!waiting_)
        return;
    if (auto slot = asio::get_associated_cancellation_slot(waiting_); slot.is_connected())
        slot.clear();
    asio::dispatch(executor_, asio::append(std::exchange(waiting_, nullptr), result_, std::exchange(found_, {})));
}

} // namespace priority_redlock::detail::redis
